/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/identity.h"

#define PREFIX        "run-"
#define SHARED_PREFIX "shared-"
/* What Python tasks need beside their own code (plugin/scripts/python/environment.h); touched at each use. */
#define PACKAGES_PREFIX "python-"
#define PACKAGES_DAYS   30

int directory_prepare(const char *parent)
{
    return mkdir(parent, 0711) < 0 && errno != EEXIST ? outage(-errno) : identity_share_directory(parent);
}

static bool make(const char *path)
{
    _as_(IDENTITY_TASK);
    return mkdir(path, 0700) == 0;
}

int directory_make(const char *parent, char **ret_path)
{
    char id[ID_BYTES];
    for (unsigned attempt = 0; attempt < 2; attempt++) {
        id_new(id);
        _cleanup_free_ char *path = xasprintf("%s/" PREFIX "%d-%s", parent, (int)getpid(), id);
        if (make(path)) {
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
        if (make(path)) {
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

/* --- removal --- */

/* A directory that a task may have closed for everybody, itself too: opened for reading and changing; -1. */
static int open_closed(int parent, const char *name)
{
    _cleanup_(close_fdp) int handle = openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    char path[64];
    if (handle < 0)
        return -1;
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", handle); /* always fits */
    (void)chmod(path, 0700);                                       /* it is ours; otherwise the next says so */
    return openat(handle, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* Moves it directly below `top`, under a name of ours. */
static bool lift(int from, const char *name, int top, uint64_t *number)
{
    char lifted[64];
    close_fd(open_closed(from, name)); /* ".." in it changes */
    do
        (void)snprintf(lifted, sizeof lifted, ".lifted-%" PRIu64, ++*number); /* always fits */
    while (renameat2(from, name, top, lifted, RENAME_NOREPLACE) < 0 && errno == EEXIST);
    return faccessat(from, name, F_OK, AT_SYMLINK_NOFOLLOW) < 0;
}

static bool is_dots(const char *name)
{
    return streq(name, ".") || streq(name, "..");
}

/* Empties `directory`, an entry of `top` or `top` itself: what is no directory goes, directories that are not empty
 * are lifted. The number of entries that went. */
static unsigned empty(int directory, int top, uint64_t *number)
{
    unsigned gone = 0;
    int again = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *entries = again < 0 ? NULL : fdopendir(again);
    if (!entries)
        close_fd(again);
    for (struct dirent *entry; entries && (entry = readdir(entries));) {
        if (is_dots(entry->d_name))
            continue;
        if (unlinkat(directory, entry->d_name, 0) == 0 || unlinkat(directory, entry->d_name, AT_REMOVEDIR) == 0 ||
            (directory != top && lift(directory, entry->d_name, top, number)))
            gone++;
    }
    if (entries)
        closedir(entries);
    return gone;
}

/* What is left in `top` are directories: each is emptied, what was in them is in `top` then. So the depth of the tree
 * costs no descriptors, no stack and no long paths. */
static unsigned empty_directories(int top, uint64_t *number)
{
    unsigned gone = 0;
    int again = openat(top, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *entries = again < 0 ? NULL : fdopendir(again);
    if (!entries)
        close_fd(again);
    for (struct dirent *entry; entries && (entry = readdir(entries));) {
        _cleanup_(close_fdp) int child = is_dots(entry->d_name) ? -1 : open_closed(top, entry->d_name);
        if (child < 0)
            continue;
        gone += empty(child, top, number);
        gone += unlinkat(top, entry->d_name, AT_REMOVEDIR) == 0;
    }
    if (entries)
        closedir(entries);
    return gone;
}

static void remove_tree(const char *path)
{
    uint64_t number = 0;
    _cleanup_(close_fdp) int top = open_closed(AT_FDCWD, path);
    if (top >= 0) {
        (void)empty(top, top, &number); /* what stays is looked at below */
        while (rmdir(path) < 0 && errno == ENOTEMPTY && empty_directories(top, &number) + empty(top, top, &number) > 0)
            ;
    } else {
        (void)unlink(path); /* best effort: a file, or nothing */
    }
    (void)rmdir(path); /* best effort; usually it is gone */
}

void directory_remove(const char *path)
{
    {
        _as_(IDENTITY_TASK);
        remove_tree(path);
    }
    if (identity_is_set() && access(path, F_OK) == 0) /* of before there was a second user */
        remove_tree(path);
}

static bool is_old(const char *path, unsigned days)
{
    struct stat st;
    return stat(path, &st) == 0 &&
           (usec_t)st.st_mtim.tv_sec * USEC_PER_SEC + days * 86400 * USEC_PER_SEC < clock_realtime();
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
        if ((starts_with(entry->d_name, PREFIX) && is_left(entry->d_name)) || (is_shared && is_old(path, 1)) ||
            (starts_with(entry->d_name, PACKAGES_PREFIX) && is_old(path, PACKAGES_DAYS)))
            directory_remove(path);
    }
    closedir(directory);
}
