/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file system as the task sees it. What is to be seen below something hidden or read-only is cloned first, as a
 * detached mount with its own attributes; then the root is made read-only, and directories are covered and clones
 * attached, parents before children: so what is hidden stays so below a path that is shown.
 *
 * Paths must not lead through symbolic links: whoever can make one below an allowed path would otherwise choose what is
 * allowed. All of this needs Linux 5.12.
 */
#include "sandbox/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char *const words[] = {
    [SANDBOX_HIDE] = "hiddenPaths", [SANDBOX_READ_ONLY] = "readOnlyPaths", [SANDBOX_READ_WRITE] = "readWritePaths"};
static const char *const temporary[] = {"/tmp", "/var/tmp", "/dev/shm"};

/* One name below `directory`, which is closed; a symbolic link is refused. */
static int open_below(int directory, const char *name)
{
    struct stat st;
    int fd = openat(directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    int error = errno;
    (void)close(directory); /* only looked through */
    errno = error;
    if (fd >= 0 && fstat(fd, &st) == 0 && !S_ISLNK(st.st_mode))
        return fd;
    if (fd >= 0) {
        (void)close(fd); /* only looked at */
        errno = ELOOP;
    }
    return -1;
}

/* Name by name: RestrictSUIDSGID= of a unit forbids openat2(), which would do it at once. */
static int open_path(const char *path)
{
    char name[256];
    int fd = open("/", O_PATH | O_CLOEXEC);
    for (path += strspn(path, "/"); fd >= 0 && *path; path += strspn(path, "/")) {
        size_t length = strcspn(path, "/");
        if (length >= sizeof name) {
            errno = ENAMETOOLONG;
            return -1;
        }
        memcpy(name, path, length);
        name[length] = '\0';
        fd = open_below(fd, name);
        path += length;
    }
    return fd;
}

static void fail_at(const SandboxPath *path)
{
    if (errno == ELOOP) {
        char *target = realpath(path->path, NULL);
        errno = ELOOP;
        sandbox_fail("%s: %s leads through a symbolic link, to %s: name that", words[path->kind], path->path,
                     target ? target : "nowhere");
    }
    sandbox_fail("%s: %s", words[path->kind], path->path);
}

static int set_read_only(int fd, const char *path, unsigned flags)
{
    struct mount_attr attributes = {.attr_set = MOUNT_ATTR_RDONLY};
    return (int)syscall(SYS_mount_setattr, fd, path, flags, &attributes, sizeof attributes);
}

static void clone_path(SandboxPath *path)
{
    int fd = open_path(path->path);
    if (fd < 0)
        fail_at(path);
    path->fd = (int)syscall(SYS_open_tree, fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE);
    if (path->fd < 0 ||
        (path->kind == SANDBOX_READ_ONLY && set_read_only(path->fd, "", AT_EMPTY_PATH | AT_RECURSIVE) < 0))
        fail_at(path);
    (void)close(fd); /* the clone holds what we need */
}

/* An empty directory, or for a file the null device. What is not there needs no hiding, nor what we cannot get to: the
 * task can do no more. */
static void hide(SandboxPath *path)
{
    struct stat st;
    int fd = open_path(path->path);
    path->fd = -1;
    if (fd < 0 && (errno == ENOENT || errno == EACCES))
        return;
    if (fd < 0 || fstat(fd, &st) < 0)
        fail_at(path);
    char target[64];
    (void)snprintf(target, sizeof target, "/proc/self/fd/%d", fd); /* always fits */
    int r = S_ISDIR(st.st_mode) ? mount("tmpfs", target, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0755,size=1m")
                                : mount("/dev/null", target, NULL, MS_BIND, NULL);
    if (r < 0)
        fail_at(path);
    (void)close(fd); /* covered */
    path->fd = S_ISDIR(st.st_mode) ? open_path(path->path) : -1;
}

/* The place for a mount below something covered; what covers it is ours, nobody else writes there. */
static void make_place(const SandboxPath *path)
{
    struct stat st;
    char *copy = strdup(path->path);
    if (!copy || fstat(path->fd, &st) < 0)
        fail_at(path);
    for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        (void)mkdir(copy, 0755); /* it is there, or the next step says what is wrong */
        *slash = '/';
    }
    if (S_ISDIR(st.st_mode))
        (void)mkdir(copy, 0755); /* the same */
    else
        (void)close(open(copy, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644)); /* the same */
    free(copy);
}

static void attach(SandboxPath *path)
{
    int target = open_path(path->path);
    if (target < 0 && errno == ENOENT) {
        make_place(path);
        target = open_path(path->path);
    }
    if (target < 0 ||
        syscall(SYS_move_mount, path->fd, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
        fail_at(path);
    (void)close(target);   /* covered */
    (void)close(path->fd); /* attached */
}

static void cover_temporary(void)
{
    for (size_t i = 0; i < sizeof temporary / sizeof *temporary; i++)
        if (mount("tmpfs", temporary[i], "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777") < 0 && errno != ENOENT)
            sandbox_fail("private %s", temporary[i]);
}

static int compare_paths(const void *a, const void *b)
{
    const SandboxPath *first = a, *second = b;
    size_t x = strlen(first->path), y = strlen(second->path);
    if (x != y)
        return x > y ? 1 : -1; /* a parent is shorter than what is below it */
    return (second->kind == SANDBOX_HIDE) - (first->kind == SANDBOX_HIDE);
}

/* What covers must be writable until all places in it are made. */
static void close_hidden(const SandboxPath *path)
{
    if (path->kind == SANDBOX_HIDE && path->fd >= 0 && set_read_only(path->fd, "", AT_EMPTY_PATH) < 0)
        fail_at(path);
}

void sandbox_mount(Sandbox *sandbox)
{
    static char directory[4096];
    if (!getcwd(directory, sizeof directory) || sandbox->path_count >= SANDBOX_PATHS_MAX)
        sandbox_fail("working directory");
    sandbox->paths[sandbox->path_count++] = (SandboxPath){.kind = SANDBOX_READ_WRITE, .path = directory, .fd = -1};
    if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
        sandbox_fail("mounts");
    for (size_t i = 0; i < sandbox->path_count; i++)
        if (sandbox->paths[i].kind != SANDBOX_HIDE)
            clone_path(&sandbox->paths[i]);
    if (sandbox->read_only_root && set_read_only(AT_FDCWD, "/", AT_RECURSIVE) < 0)
        sandbox_fail("read-only root");
    if (sandbox->private_tmp)
        cover_temporary();
    qsort(sandbox->paths, sandbox->path_count, sizeof *sandbox->paths, compare_paths);
    for (size_t i = 0; i < sandbox->path_count; i++)
        (sandbox->paths[i].kind == SANDBOX_HIDE ? hide : attach)(&sandbox->paths[i]);
    for (size_t i = 0; i < sandbox->path_count; i++)
        close_hidden(&sandbox->paths[i]);
    if (chdir(directory) < 0)
        sandbox_fail("working directory %s", directory);
}
