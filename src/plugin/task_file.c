/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/task_file.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The same name by name: RestrictSUIDSGID= of a unit takes openat2 away, as it cannot look into its arguments. */
static int open_by_names(int directory, const char *name, int flags, unsigned mode)
{
    _cleanup_(close_fdp) int at = fcntl(directory, F_DUPFD_CLOEXEC, 3);
    char part[NAME_MAX + 1];
    for (; at >= 0; name += strspn(name, "/")) {
        size_t length = strcspn(name, "/");
        if (length == 0 || length > NAME_MAX || (length == 2 && strncmp(name, "..", 2) == 0)) {
            errno = length > NAME_MAX ? ENAMETOOLONG : EXDEV; /* as openat2 says it, for an absolute path too */
            return -1;
        }
        memcpy(part, name, length);
        part[length] = '\0';
        name += length;
        if (!*name)
            return openat(at, part, flags, mode);
        int next = openat(at, part, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        close_fd(at);
        at = next;
    }
    return -1;
}

/* glibc of Debian 12 has no wrapper. */
static int open_beneath(int directory, const char *name, int flags, unsigned mode)
{
    const struct open_how how = {
        .flags = (uint64_t)flags,
        .mode = flags & O_CREAT ? mode : 0,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };
    int fd = (int)syscall(SYS_openat2, directory, name, &how, sizeof how);
    return fd < 0 && errno == ENOSYS ? open_by_names(directory, name, flags, mode) : fd;
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
