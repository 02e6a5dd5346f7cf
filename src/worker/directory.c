/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/id.h"

enum { OPEN_FILES_MAX = 16 };
#define PREFIX        "run-"
#define SHARED_PREFIX "shared-"

int directory_prepare(const char *parent)
{
    return mkdir(parent, 0711) < 0 && errno != EEXIST ? outage(-errno) : 0;
}

int directory_make(const char *parent, char **ret_path)
{
    char id[ID_BYTES];
    for (unsigned attempt = 0; attempt < 2; attempt++) {
        id_new(id);
        _cleanup_free_ char *path = xasprintf("%s/" PREFIX "%d-%s", parent, (int)getpid(), id);
        if (mkdir(path, 0700) == 0) {
            *ret_path = TAKE_PTR(path);
            return 0;
        }
        if (errno != ENOENT || directory_prepare(parent) < 0)
            break;
    }
    return outage(-errno);
}

int directory_share(const char *parent, const char *path, bool *ret_is_new)
{
    *ret_is_new = false;
    for (unsigned attempt = 0; attempt < 2; attempt++) {
        if (mkdir(path, 0700) == 0) {
            *ret_is_new = true;
            return 0;
        }
        if (errno == EEXIST)
            return 0;
        if (errno != ENOENT || directory_prepare(parent) < 0)
            break;
    }
    return outage(-errno);
}

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *walk)
{
    if (kind == FTW_DNR)
        (void)chmod(path, 0700); /* the task may have closed it for us; too late for its content */
    (void)(kind == FTW_DP || kind == FTW_D || kind == FTW_DNR ? rmdir(path) : unlink(path)); /* best effort */
    return 0;
}

void directory_remove(const char *path)
{
    (void)nftw(path, remove_entry, OPEN_FILES_MAX, FTW_DEPTH | FTW_PHYS); /* best effort */
}

static bool is_old(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && (usec_t)st.st_mtim.tv_sec * USEC_PER_SEC + 86400 * USEC_PER_SEC < clock_realtime();
}

/* Whether the worker that made it is gone; one with our own process id was another, before us. */
static bool is_left(const char *name)
{
    pid_t pid = 0;
    for (const char *p = name + strlen(PREFIX); *p >= '0' && *p <= '9' && pid < 100 * 1000 * 1000; p++)
        pid = pid * 10 + (*p - '0');
    return pid == 0 || pid == getpid() || (kill(pid, 0) < 0 && errno == ESRCH);
}

void directory_sweep(const char *parent)
{
    DIR *directory = opendir(parent);
    if (!directory)
        return;
    for (struct dirent *entry; (entry = readdir(directory));) {
        _cleanup_free_ char *path = xasprintf("%s/%s", parent, entry->d_name);
        bool is_shared = starts_with(entry->d_name, SHARED_PREFIX) || starts_with(entry->d_name, DIRECTORY_LOG_PREFIX);
        if ((starts_with(entry->d_name, PREFIX) && is_left(entry->d_name)) || (is_shared && is_old(path)))
            directory_remove(path);
    }
    closedir(directory);
}
