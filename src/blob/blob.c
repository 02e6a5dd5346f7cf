/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What does not depend on the driver: URIs are checked here, once, so that a driver only sees a clean path without
 * leading slash, ".." or empty parts.
 */
#include "base/identity.h"
#include "blob/blob_private.h"

#include <ctype.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"

#define SCHEME "kestra://"

bool blob_is_uri(const char *text)
{
    return starts_with(text, SCHEME);
}

/* Of each thread, as errno is: handlers of the webserver share one Blob. */
static _Thread_local char reason[1024];

void blob_set_reason(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(reason, sizeof reason, format, arguments); /* a long one is cut */
    va_end(arguments);
}

const char *blob_reason(void)
{
    return *reason ? reason : NULL;
}

char *blob_explain(int r)
{
    errno = r < 0 ? -r : EIO;
    return *reason ? xstrdup(reason) : xasprintf("%m");
}

/* A stream that breaks can only tell its reader an errno: its reason is kept here, the oldest is forgotten. */
enum { BROKEN_STREAMS = 16 };
static struct {
    ino_t inode;
    char reason[sizeof reason];
} broken[BROKEN_STREAMS];
static unsigned broken_count;
static pthread_mutex_t broken_lock = PTHREAD_MUTEX_INITIALIZER;

void blob_keep_reason(ino_t inode)
{
    pthread_mutex_lock(&broken_lock);
    unsigned at = broken_count++ % BROKEN_STREAMS;
    broken[at].inode = inode;
    memcpy(broken[at].reason, reason, sizeof reason);
    pthread_mutex_unlock(&broken_lock);
}

/* Makes the reason of a broken stream that of this thread. */
static void take_reason(int fd)
{
    struct stat info;
    if (fstat(fd, &info) < 0 || !S_ISSOCK(info.st_mode))
        return;
    pthread_mutex_lock(&broken_lock);
    for (unsigned i = 1; i <= MIN(broken_count, (unsigned)BROKEN_STREAMS); i++) {
        unsigned at = (broken_count - i) % BROKEN_STREAMS; /* the latest first: inodes come again */
        if (broken[at].inode == info.st_ino) {
            memcpy(reason, broken[at].reason, sizeof reason);
            break;
        }
    }
    pthread_mutex_unlock(&broken_lock);
}

char *blob_explain_read(int fd, int error)
{
    *reason = '\0';
    take_reason(fd);
    return blob_explain(-error);
}

/* The outage of a read() that has failed. */
static int fail_read(int fd)
{
    int error = errno;
    take_reason(fd);
    return outage(-error);
}

static bool is_too_long(const char *path)
{
    for (const char *part = path; *part; part += *part == '/') {
        size_t length = strcspn(part, "/");
        if (length > BLOB_NAME_BYTES_MAX)
            return true;
        part += length;
    }
    return strlen(path) > BLOB_PATH_BYTES_MAX;
}

/* The path of a URI: borrowed from it. BLOB_E_INVALID for anything that is not wholly inside the storage. */
static int path_of(const char *uri, bool may_be_root, const char **ret)
{
    *reason = '\0';
    if (!blob_is_uri(uri) || strstr(uri, ".."))
        return BLOB_E_INVALID;
    const char *path = uri + strlen(SCHEME);
    if (*path != '/')
        return BLOB_E_INVALID;
    /* "./" is nothing: what stands behind it is the first name, or the root */
    do
        path += strspn(path, "/");
    while (*path == '.' && (path[1] == '/' || path[1] == '\0') && path++);
    if ((*path == '\0' && !may_be_root) || starts_with(path, ".upload"))
        return BLOB_E_INVALID;
    if (is_too_long(path))
        return BLOB_E_NAME;
    *ret = path;
    return 0;
}

static int write_fully(int fd, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t n = write(fd, bytes, length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return outage(-errno);
        bytes += n;
        length -= (size_t)n;
    }
    return 0;
}

int blob_copy(int from, int to)
{
    for (;;) {
        char chunk[65536];
        ssize_t n = copy_file_range(from, NULL, to, NULL, 1 << 30, 0);
        if (n == 0)
            return 0;
        if (n > 0)
            continue;
        /* pipes and other file systems: by hand */
        n = read(from, chunk, sizeof chunk);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail_read(from);
        if (n == 0)
            return 0;
        int r = write_fully(to, chunk, (size_t)n);
        if (r < 0)
            return trace(r);
    }
}

Blob *blob_free(Blob *blob)
{
    _as_(IDENTITY_OWN);
    if (blob)
        blob->ops->free(blob);
    return NULL;
}

int blob_open(const Blob *blob, const char *uri, int *ret_fd, int64_t *ret_size)
{
    int64_t size;
    int r = blob_open_range(blob, uri, BLOB_WHOLE, ret_fd, &size);
    if (r == 0 && ret_size)
        *ret_size = size;
    return r;
}

int blob_open_range(const Blob *blob, const char *uri, BlobRange range, int *ret_fd, int64_t *ret_size)
{
    _as_(IDENTITY_OWN);
    const char *path;
    int r = path_of(uri, false, &path);
    if (r == 0 && range.offset < 0)
        r = BLOB_E_INVALID;
    if (r == 0 && range.length > INT64_MAX - range.offset)
        range.length = -1;
    return r == 0 ? blob->ops->open_read(blob, path, range, ret_fd, ret_size) : r;
}

/* Until `max` + 1 bytes or the end. */
static int read_all(int fd, size_t max, Buffer *buffer)
{
    for (;;) {
        char chunk[65536];
        ssize_t n = read(fd, chunk, sizeof chunk);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail_read(fd);
        if (n == 0)
            return 0;
        if (buffer->length + (size_t)n > max)
            return BLOB_E_TOO_LARGE;
        buffer_append_n(buffer, chunk, (size_t)n);
    }
}

int blob_read(const Blob *blob, const char *uri, size_t bytes_max, char **ret_bytes, size_t *ret_length)
{
    _cleanup_(close_fdp) int fd = -1;
    int64_t size;
    int r = blob_open(blob, uri, &fd, &size);
    if (r != 0)
        return r;
    if (size > 0 && (uint64_t)size > bytes_max)
        return BLOB_E_TOO_LARGE;
    _cleanup_buffer_ Buffer buffer = {};
    r = read_all(fd, bytes_max, &buffer);
    if (r != 0)
        return r;
    *ret_length = buffer.length;
    *ret_bytes = buffer_take(&buffer);
    return 0;
}

int blob_write_from(const Blob *blob, const char *uri, int fd)
{
    _as_(IDENTITY_OWN);
    const char *path;
    int r = path_of(uri, false, &path);
    return r == 0 ? blob->ops->write_from(blob, path, fd) : r;
}

int blob_write(const Blob *blob, const char *uri, const void *bytes, size_t length)
{
    _cleanup_(close_fdp) int fd = memfd_create("kestra-blob", MFD_CLOEXEC);
    if (fd < 0)
        return outage(-errno);
    int r = write_fully(fd, bytes, length);
    if (r < 0)
        return trace(r);
    if (lseek(fd, 0, SEEK_SET) < 0)
        return outage(-errno);
    return blob_write_from(blob, uri, fd);
}

int blob_upload_begin(const Blob *blob, char **ret_part, int *ret_fd)
{
    _as_(IDENTITY_OWN);
    *reason = '\0';
    return blob->ops->upload_begin(blob, ret_part, ret_fd);
}

int blob_upload_commit(const Blob *blob, const char *part, const char *uri)
{
    _as_(IDENTITY_OWN);
    const char *path;
    int r = path_of(uri, false, &path);
    if (r == 0)
        return blob->ops->upload_commit(blob, part, path);
    blob->ops->upload_abort(blob, part);
    return r;
}

void blob_upload_abort(const Blob *blob, const char *part)
{
    _as_(IDENTITY_OWN);
    blob->ops->upload_abort(blob, part);
}

int blob_stat(const Blob *blob, const char *uri, BlobEntry *ret)
{
    _as_(IDENTITY_OWN);
    const char *path;
    int r = path_of(uri, false, &path);
    return r == 0 ? blob->ops->stat(blob, path, ret) : r;
}

static int compare_entries(const void *a, const void *b)
{
    return strcmp(((const BlobEntry *)a)->uri, ((const BlobEntry *)b)->uri);
}

int blob_list(const Blob *blob, const char *prefix_uri, BlobEntries *ret)
{
    _as_(IDENTITY_OWN);
    const char *path;
    *ret = (BlobEntries){};
    int r = path_of(prefix_uri, true, &path);
    if (r == 0)
        r = blob->ops->list(blob, path, ret);
    if (r != 0)
        blob_entries_done(ret);
    else if (ret->count > 1)
        qsort(ret->items, ret->count, sizeof *ret->items, compare_entries);
    return r;
}

int blob_delete(const Blob *blob, const char *uri, bool *ret_existed)
{
    _as_(IDENTITY_OWN);
    const char *path;
    int r = path_of(uri, false, &path);
    return r == 0 ? blob->ops->delete (blob, path, ret_existed) : r;
}

int blob_delete_prefix(const Blob *blob, const char *prefix_uri, BlobEntries *ret_deleted)
{
    _as_(IDENTITY_OWN);
    const char *path;
    *ret_deleted = (BlobEntries){};
    int r = path_of(prefix_uri, false, &path);
    if (r == 0)
        r = blob->ops->delete_prefix(blob, path, ret_deleted);
    if (r != 0)
        blob_entries_done(ret_deleted);
    return r;
}

void blob_entry_done(BlobEntry *entry)
{
    free(entry->uri);
    *entry = (BlobEntry){};
}

void blob_entries_done(BlobEntries *entries)
{
    for (size_t i = 0; i < entries->count; i++)
        blob_entry_done(&entries->items[i]);
    vec_free(entries);
}

void blob_drop_hidden(BlobEntries *entries)
{
    size_t kept = 0;
    for (size_t i = 0; i < entries->count; i++) {
        BlobEntry *entry = &entries->items[i];
        if (ends_with(entry->uri, ".metadata") || ends_with(entry->uri, "/"))
            blob_entry_done(entry);
        else
            entries->items[kept++] = *entry;
    }
    entries->count = kept;
}

/* --- names --- */

char *blob_slug(const char *text)
{
    Buffer slug = {};
    buffer_append_slug(&slug, text, strlen(text));
    return buffer_take(&slug);
}

static void append_namespace(Buffer *uri, const char *namespace)
{
    buffer_append(uri, SCHEME "/");
    for (const char *c = namespace; *c; c++)
        buffer_append_char(uri, *c == '.' ? '/' : *c);
}

char *blob_execution_uri(const char *namespace, const char *flow_id, const char *execution_id)
{
    Buffer uri = {};
    _cleanup_free_ char *flow = blob_slug(flow_id);
    append_namespace(&uri, namespace);
    buffer_printf(&uri, "/%s/executions/%s", flow, execution_id);
    return buffer_take(&uri);
}

char *blob_task_uri(const char *namespace, const char *flow_id, const char *execution_id, const char *task_id,
                    const char *task_run_id)
{
    _cleanup_free_ char *execution = blob_execution_uri(namespace, flow_id, execution_id);
    _cleanup_free_ char *task = blob_slug(task_id);
    return xasprintf("%s/tasks/%s/%s", execution, task, task_run_id);
}

char *blob_trigger_uri(const char *namespace, const char *flow_id, const char *execution_id, const char *trigger_id)
{
    _cleanup_free_ char *execution = blob_execution_uri(namespace, flow_id, execution_id);
    _cleanup_free_ char *trigger = blob_slug(trigger_id);
    return xasprintf("%s/trigger/%s", execution, trigger);
}

char *blob_flow_task_uri(const char *namespace, const char *flow_id, const char *task_id)
{
    Buffer uri = {};
    _cleanup_free_ char *flow = blob_slug(flow_id), *task = blob_slug(task_id);
    append_namespace(&uri, namespace);
    buffer_printf(&uri, "/%s/%s", flow, task);
    return buffer_take(&uri);
}

char *blob_namespace_files_uri(const char *namespace)
{
    Buffer uri = {};
    append_namespace(&uri, namespace);
    buffer_append(&uri, "/_files");
    return buffer_take(&uri);
}
