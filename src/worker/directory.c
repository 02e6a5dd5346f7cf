/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/id.h"

enum { OPEN_FILES_MAX = 16 };
#define PREFIX "run-"

int directory_make(const char *parent, char **ret_path)
{
    char id[ID_BYTES];
    for (unsigned attempt = 0; attempt < 2; attempt++) {
        id_new(id);
        _cleanup_free_ char *path = xasprintf("%s/" PREFIX "%s", parent, id);
        if (mkdir(path, 0700) == 0) {
            *ret_path = TAKE_PTR(path);
            return 0;
        }
        if (errno != ENOENT || (mkdir(parent, 0711) < 0 && errno != EEXIST))
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

void directory_sweep(const char *parent)
{
    DIR *directory = opendir(parent);
    if (!directory)
        return;
    for (struct dirent *entry; (entry = readdir(directory));) {
        if (!starts_with(entry->d_name, PREFIX))
            continue;
        _cleanup_free_ char *path = xasprintf("%s/%s", parent, entry->d_name);
        directory_remove(path);
    }
    closedir(directory);
}
