/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Watches are by inode: when a directory is renamed inside the tree its watch keeps the old path. So a directory that
 * is moved away drops the watches of everything below its old path, and one that is moved in is walked anew.
 *
 * Symbolic links to directories are not followed: they could leave the tree or close a circle.
 */
#include "base/inotify.h"

#include <dirent.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH_MAX  32
#define TURN_READS 16 /* at most this many buffers a turn of the loop */
#define EVENTS                                                                                                         \
    (IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB | IN_DELETE_SELF |               \
     IN_MOVE_SELF | IN_ONLYDIR | IN_EXCL_UNLINK)

typedef struct Watch {
    int descriptor;
    char *path;
} Watch;

struct Inotify {
    int fd;
    LoopSource *io;
    InotifyCallback callback;
    void *userdata;
    int root;
    VEC(Watch) watches; /* ascending descriptors, as the kernel hands them out */
    bool busy, freed;
};

static int report(Inotify *inotify, InotifyChange change, const char *path)
{
    return inotify->freed ? 0 : inotify->callback(inotify->userdata, change, path);
}

static size_t position_of(const Inotify *inotify, int descriptor)
{
    size_t low = 0, high = inotify->watches.count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (inotify->watches.items[middle].descriptor < descriptor)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static Watch *find_watch(const Inotify *inotify, int descriptor)
{
    size_t i = position_of(inotify, descriptor);
    bool found = i < inotify->watches.count && inotify->watches.items[i].descriptor == descriptor;
    return found ? &inotify->watches.items[i] : NULL;
}

static void drop_watch(Inotify *inotify, size_t position)
{
    free(inotify->watches.items[position].path);
    inotify->watches.count--;
    memmove(inotify->watches.items + position, inotify->watches.items + position + 1,
            (inotify->watches.count - position) * sizeof(Watch));
}

static int add_watch(Inotify *inotify, const char *path)
{
    int descriptor = inotify_add_watch(inotify->fd, path, EVENTS);
    if (descriptor < 0)
        return -errno;
    Watch *known = find_watch(inotify, descriptor);
    if (known) {
        free(known->path);
        known->path = xstrdup(path);
        return descriptor;
    }
    size_t position = position_of(inotify, descriptor);
    vec_push(&inotify->watches, (Watch){});
    memmove(inotify->watches.items + position + 1, inotify->watches.items + position,
            (inotify->watches.count - 1 - position) * sizeof(Watch));
    inotify->watches.items[position] = (Watch){.descriptor = descriptor, .path = xstrdup(path)};
    return descriptor;
}

static bool is_directory(const struct dirent *entry, const char *path)
{
    struct stat info;
    if (entry->d_type != DT_UNKNOWN)
        return entry->d_type == DT_DIR;
    return lstat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

/* Watches path and what is below; with `tell` every file in it is reported. -ENOENT when it is gone meanwhile. */
static int watch_tree(Inotify *inotify, const char *path, unsigned depth, bool tell)
{
    if (depth > DEPTH_MAX)
        return outage(-ELOOP);
    int descriptor = add_watch(inotify, path);
    if (descriptor < 0)
        return descriptor;
    DIR *directory = opendir(path);
    if (!directory)
        return -errno;
    int r = 0;
    for (struct dirent *entry; r >= 0 && (entry = readdir(directory));) {
        if (streq(entry->d_name, ".") || streq(entry->d_name, ".."))
            continue;
        _cleanup_free_ char *below = xasprintf("%s/%s", path, entry->d_name);
        if (is_directory(entry, below)) {
            r = watch_tree(inotify, below, depth + 1, tell);
            if (r == -ENOENT || r == -ENOTDIR)
                r = 0; /* gone while we looked: an event tells */
        } else if (tell)
            r = report(inotify, INOTIFY_PATH, below);
    }
    closedir(directory);
    return r < 0 ? r : descriptor;
}

static void forget_below(Inotify *inotify, const char *path)
{
    size_t length = strlen(path);
    for (size_t i = inotify->watches.count; i-- > 0;) {
        const char *watched = inotify->watches.items[i].path;
        if (!starts_with(watched, path) || (watched[length] && watched[length] != '/'))
            continue;
        (void)inotify_rm_watch(inotify->fd, inotify->watches.items[i].descriptor); /* may be gone by itself */
        drop_watch(inotify, i);
    }
}

static int on_directory(Inotify *inotify, const struct inotify_event *event, const char *path)
{
    if (event->mask & (IN_MOVED_FROM | IN_DELETE))
        forget_below(inotify, path);
    if (!(event->mask & (IN_MOVED_TO | IN_CREATE)))
        return 0;
    int r = watch_tree(inotify, path, 1, true);
    if (r >= 0 || r == -ENOENT || r == -ENOTDIR)
        return 0;
    return report(inotify, INOTIFY_OVERFLOW, NULL); /* not everything is watched (-ENOSPC, -EACCES) */
}

static int on_event(Inotify *inotify, const struct inotify_event *event)
{
    if (event->mask & IN_Q_OVERFLOW)
        return report(inotify, INOTIFY_OVERFLOW, NULL);
    const Watch *watch = find_watch(inotify, event->wd);
    if (!watch)
        return 0; /* a late one of a watch that was dropped */
    if (event->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT)) {
        bool root = event->wd == inotify->root;
        if (event->mask & IN_IGNORED)
            drop_watch(inotify, position_of(inotify, event->wd));
        if (!root)
            return 0;
        inotify->root = -1;
        return report(inotify, INOTIFY_GONE, NULL);
    }
    if (event->len == 0)
        return 0; /* attributes of the directory itself */
    _cleanup_free_ char *path = xasprintf("%s/%s", watch->path, event->name);
    int r = event->mask & IN_ISDIR ? on_directory(inotify, event, path) : 0;
    return r < 0 ? r : report(inotify, INOTIFY_PATH, path);
}

/* 1: something was read, 0: nothing is there. */
static int read_events(Inotify *inotify)
{
    _Alignas(struct inotify_event) char bytes[16 * 1024];
    ssize_t n = read(inotify->fd, bytes, sizeof(bytes));
    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : outage(-errno);
    for (const char *p = bytes; p < bytes + n && !inotify->freed;) {
        const struct inotify_event *event = (const struct inotify_event *)(const void *)p;
        int r = on_event(inotify, event);
        if (r < 0)
            return trace(r);
        p += sizeof(*event) + event->len;
    }
    return 1;
}

static int on_readable(void *userdata, uint32_t events)
{
    Inotify *inotify = userdata;
    int r = 1;
    inotify->busy = true;
    for (int i = 0; i < TURN_READS && r > 0 && !inotify->freed; i++)
        r = read_events(inotify);
    inotify->busy = false;
    if (inotify->freed)
        inotify_free(inotify);
    return MIN(r, 0);
}

int inotify_new(Loop *loop, const char *directory, InotifyCallback callback, void *userdata, Inotify **ret)
{
    _cleanup_(inotify_freep) Inotify *inotify = xnew(Inotify);
    inotify->callback = callback;
    inotify->userdata = userdata;
    inotify->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (inotify->fd < 0)
        return outage(-errno);
    inotify->root = watch_tree(inotify, directory, 0, false);
    if (inotify->root < 0)
        return outage(inotify->root);
    int r = loop_add_io(loop, inotify->fd, EPOLLIN, on_readable, inotify, &inotify->io);
    if (r < 0)
        return trace(r);
    *ret = TAKE_PTR(inotify);
    return 0;
}

Inotify *inotify_free(Inotify *inotify)
{
    if (!inotify)
        return NULL;
    if (inotify->busy) {
        inotify->freed = true;
        return NULL;
    }
    loop_source_free(inotify->io);
    close_fd(inotify->fd);
    for (size_t i = 0; i < inotify->watches.count; i++)
        free(inotify->watches.items[i].path);
    vec_free(&inotify->watches);
    free(inotify);
    return NULL;
}

unsigned inotify_directories(const Inotify *inotify)
{
    return (unsigned)inotify->watches.count;
}
