/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects as files below one directory. An upload goes to .upload/<random> on the same file system, is flushed, and is
 * renamed to its place, so that a crash or a full disk never leaves half an object under its name. Uploads that a crash
 * left in .upload are removed when the driver is opened and they are older than a day.
 */
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/id.h"
#include "blob/blob_private.h"

enum { DEPTH_MAX = 64, SYNC_ALL_MIN = 8 };

typedef struct Local {
    Blob blob;
    int directory; /* descriptor of the base */
} Local;

static int base_of(const Blob *blob)
{
    return ((const Local *)blob)->directory;
}

static usec_t time_of(const struct stat *st)
{
    return (usec_t)st->st_mtim.tv_sec * USEC_PER_SEC + (usec_t)st->st_mtim.tv_nsec / 1000;
}

static int outcome_of(int error)
{
    if (error == ENOENT || error == ENOTDIR)
        return BLOB_E_ABSENT;
    if (error == ENAMETOOLONG || error == EISDIR || error == ELOOP)
        return BLOB_E_INVALID;
    return outage(-error);
}

static int local_open_read(const Blob *blob, const char *path, BlobRange range, int *ret_fd, int64_t *ret_size)
{
    _cleanup_(close_fdp) int fd = openat(base_of(blob), path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY);
    struct stat st;
    if (fd < 0)
        return outcome_of(errno);
    if (fstat(fd, &st) < 0)
        return outage(-errno);
    if (!S_ISREG(st.st_mode))
        return BLOB_E_INVALID;
    if (range.offset > 0 && lseek(fd, MIN(range.offset, (int64_t)st.st_size), SEEK_SET) < 0)
        return outage(-errno);
    *ret_fd = TAKE_FD(fd);
    *ret_size = st.st_size;
    return 0;
}

/* Creates the directories above path; usually only the last is missing. */
static int make_parents(int base, const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash || slash == path)
        return 0;
    _cleanup_free_ char *parent = xstrndup(path, (size_t)(slash - path));
    for (unsigned attempt = 0; attempt < 2; attempt++) {
        if (mkdirat(base, parent, 0750) == 0 || errno == EEXIST)
            return 0;
        if (errno != ENOENT || attempt > 0)
            break;
        int r = make_parents(base, parent);
        if (r != 0)
            return r;
    }
    return outcome_of(errno);
}

static int rename_into_place(int base, const char *from, const char *path)
{
    for (unsigned attempt = 0; attempt < 3; attempt++) {
        if (renameat(base, from, base, path) == 0)
            return 0;
        if (errno != ENOENT)
            return errno == EISDIR ? BLOB_E_INVALID : outcome_of(errno);
        int r = make_parents(base, path); /* or someone deleted the directory meanwhile */
        if (r != 0)
            return r;
    }
    return outage(-ENOENT);
}

/* ".upload/<part>"; NULL when it is no name that local_upload_begin gave. Caller frees. */
static char *upload_path(const char *part)
{
    return *part && !strpbrk(part, "/.") ? xasprintf(".upload/%s", part) : NULL;
}

static int local_upload_begin(const Blob *blob, char **ret_part, int *ret_fd)
{
    char id[ID_BYTES];
    id_new(id);
    _cleanup_free_ char *path = upload_path(id);
    int fd = openat(base_of(blob), path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    if (fd < 0)
        return outage(-errno);
    *ret_part = xstrdup(id);
    *ret_fd = fd;
    return 0;
}

static int make_durable(int base, const char *upload)
{
    _cleanup_(close_fdp) int fd = openat(base, upload, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno == ENOENT ? BLOB_E_ABSENT : outage(-errno);
    return fdatasync(fd) < 0 ? outage(-errno) : 0;
}

static void local_upload_abort(const Blob *blob, const char *part)
{
    _cleanup_free_ char *upload = upload_path(part);
    if (upload)
        (void)unlinkat(base_of(blob), upload, 0); /* swept later if this fails */
}

static int local_upload_commit(const Blob *blob, const char *part, const char *path)
{
    _cleanup_free_ char *upload = upload_path(part);
    if (!upload)
        return BLOB_E_INVALID;
    int r = make_durable(base_of(blob), upload);
    if (r == 0)
        r = rename_into_place(base_of(blob), upload, path);
    if (r != 0)
        local_upload_abort(blob, part);
    return r;
}

/* Some files are flushed one by one, many with all else that the file system has to write. */
static int make_all_durable(int base, const BlobUpload *uploads, size_t count)
{
    int r = 0;
    if (count >= SYNC_ALL_MIN)
        return syncfs(base) < 0 ? outage(-errno) : 0;
    for (size_t i = 0; r == 0 && i < count; i++) {
        _cleanup_free_ char *upload = upload_path(uploads[i].part);
        r = make_durable(base, upload);
    }
    return r;
}

static int local_commit_all(const Blob *blob, const BlobUpload *uploads, size_t count)
{
    int base = base_of(blob);
    int r = make_all_durable(base, uploads, count);
    for (size_t i = 0; i < count; i++) {
        _cleanup_free_ char *upload = upload_path(uploads[i].part);
        if (r == 0)
            r = rename_into_place(base, upload, uploads[i].path);
        if (r != 0)
            local_upload_abort(blob, uploads[i].part); /* this one and the rest */
    }
    return r;
}

static int local_write_from(const Blob *blob, const char *path, int from)
{
    _cleanup_free_ char *part = NULL;
    _cleanup_(close_fdp) int fd = -1;
    int r = local_upload_begin(blob, &part, &fd);
    if (r != 0)
        return trace(r);
    r = blob_copy(from, fd);
    if (r == 0)
        return local_upload_commit(blob, part, path);
    local_upload_abort(blob, part);
    return r;
}

static int local_stat(const Blob *blob, const char *path, BlobEntry *ret)
{
    struct stat st;
    if (fstatat(base_of(blob), path, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return outcome_of(errno);
    if (!S_ISREG(st.st_mode))
        return BLOB_E_INVALID;
    *ret = (BlobEntry){.uri = xasprintf("kestra:///%s", path), .size_bytes = st.st_size, .modified = time_of(&st)};
    return 0;
}

static int list_directory(const Blob *blob, const char *path, unsigned depth, BlobEntries *ret);

static int list_entry(const Blob *blob, const char *path, unsigned depth, BlobEntries *ret)
{
    struct stat st;
    if (fstatat(base_of(blob), path, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : outage(-errno); /* went meanwhile */
    if (S_ISDIR(st.st_mode))
        return depth > 0 ? list_directory(blob, path, depth - 1, ret) : 0;
    if (!S_ISREG(st.st_mode))
        return 0;
    vec_push(ret,
             (BlobEntry){.uri = xasprintf("kestra:///%s", path), .size_bytes = st.st_size, .modified = time_of(&st)});
    return 0;
}

static int list_directory(const Blob *blob, const char *path, unsigned depth, BlobEntries *ret)
{
    int fd = openat(base_of(blob), *path ? path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT || errno == ENOTDIR ? 0 : outage(-errno);
    DIR *directory = fdopendir(fd);
    if (!directory) {
        close_fd(fd);
        return outage(-errno);
    }
    int r = 0;
    size_t length = strlen(path);
    const char *separator = length == 0 || path[length - 1] == '/' ? "" : "/";
    for (struct dirent *entry; r == 0 && (entry = readdir(directory));) {
        if (*entry->d_name == '.' &&
            (streq(entry->d_name, ".") || streq(entry->d_name, "..") || streq(entry->d_name, ".upload")))
            continue;
        _cleanup_free_ char *child = xasprintf("%s%s%s", path, separator, entry->d_name);
        r = list_entry(blob, child, depth, ret);
    }
    closedir(directory);
    return r;
}

static int list_all(const Blob *blob, const char *path, BlobEntries *ret)
{
    return list_directory(blob, path, DEPTH_MAX, ret);
}

static int local_list(const Blob *blob, const char *path, BlobEntries *ret)
{
    int r = list_all(blob, path, ret);
    blob_drop_hidden(ret);
    return r;
}

static int local_delete(const Blob *blob, const char *path, bool *ret_existed)
{
    if (unlinkat(base_of(blob), path, 0) == 0) {
        *ret_existed = true;
        return 0;
    }
    int r = outcome_of(errno);
    if (r == BLOB_E_ABSENT) {
        *ret_existed = false;
        return 0;
    }
    return r;
}

/* Removes empty directories from `path` upwards, but not `stop` bytes of it. */
static void prune(int base, const char *path)
{
    _cleanup_free_ char *copy = xstrdup(path);
    for (char *slash = strrchr(copy, '/'); slash; slash = strrchr(copy, '/')) {
        *slash = '\0';
        if (unlinkat(base, copy, AT_REMOVEDIR) < 0)
            return;
    }
}

static int local_delete_prefix(const Blob *blob, const char *path, BlobEntries *ret)
{
    int r = list_all(blob, path, ret);
    for (size_t i = 0; r == 0 && i < ret->count; i++) {
        const char *object = ret->items[i].uri + strlen("kestra:///");
        if (unlinkat(base_of(blob), object, 0) < 0 && errno != ENOENT)
            r = outage(-errno);
        else
            prune(base_of(blob), object);
    }
    blob_drop_hidden(ret);
    return r;
}

static void local_free(Blob *blob)
{
    close_fd(((Local *)blob)->directory);
    free(blob);
}

static const BlobOps local_ops = {
    .open_read = local_open_read,
    .write_from = local_write_from,
    .upload_begin = local_upload_begin,
    .upload_commit = local_upload_commit,
    .commit_all = local_commit_all,
    .upload_abort = local_upload_abort,
    .stat = local_stat,
    .list = local_list,
    .delete = local_delete,
    .delete_prefix = local_delete_prefix,
    .free = local_free,
};

/* What crashes left behind; best effort. */
static void sweep_uploads(int base)
{
    int fd = openat(base, ".upload", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = fd >= 0 ? fdopendir(fd) : NULL;
    if (!directory) {
        close_fd(fd);
        return;
    }
    usec_t now = clock_realtime();
    for (struct dirent *entry; (entry = readdir(directory));) {
        struct stat st;
        if (fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
            time_of(&st) + 86400 * USEC_PER_SEC < now)
            (void)unlinkat(fd, entry->d_name, 0);
    }
    closedir(directory);
}

int blob_local_new(const char *path, Blob **ret)
{
    if (mkdir(path, 0750) < 0 && errno != EEXIST)
        return outage(-errno);
    _cleanup_(close_fdp) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return outage(-errno);
    struct stat st;
    /* what a unit makes is open to those who only have to pass it */
    if (fstat(fd, &st) == 0 && st.st_uid == geteuid() && st.st_mode & S_IRWXO && fchmod(fd, st.st_mode & 07770) < 0)
        return outage(-errno);
    if (mkdirat(fd, ".upload", 0750) < 0 && errno != EEXIST)
        return outage(-errno);
    sweep_uploads(fd);
    Local *local = xnew(Local);
    local->blob.ops = &local_ops;
    local->directory = TAKE_FD(fd);
    *ret = &local->blob;
    return 0;
}
