/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/task_file.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* glibc of Debian 12 has no wrapper. */
static int open_beneath(int directory, const char *name, int flags, unsigned mode)
{
    const struct open_how how = {
        .flags = (uint64_t)flags,
        .mode = flags & O_CREAT ? mode : 0,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };
    return (int)syscall(SYS_openat2, directory, name, &how, sizeof how);
}

static int fail(int error)
{
    errno = error;
    return -error;
}

int task_file_open(int directory, const char *name, int flags, unsigned mode)
{
    struct stat st;
    _cleanup_(close_fdp) int fd =
        open_beneath(directory, name, (flags & ~O_TRUNC) | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC, mode);
    if (fd < 0)
        return fail(errno == ENXIO ? EINVAL : errno); /* a FIFO that nobody reads, a socket */
    if (fstat(fd, &st) < 0)
        return fail(errno);
    if (!S_ISREG(st.st_mode))
        return fail(EINVAL);
    if (flags & O_TRUNC && ftruncate(fd, 0) < 0)
        return fail(errno);
    return TAKE_FD(fd);
}

char *task_file_explain(int r)
{
    if (r == -EINVAL)
        return xstrdup("It is not a regular file");
    errno = -r;
    return xasprintf("%m");
}

int task_file_open_below(const char *directory, const char *name, int flags, unsigned mode)
{
    _cleanup_(close_fdp) int base = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return base < 0 ? fail(errno) : task_file_open(base, name, flags, mode);
}
