/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An upload is read into one buffer of a part's size. What fits is one request; what does not is uploaded in parts,
 * which the store joins when all have come: until then a reader sees nothing of it, and a failure gives the parts up.
 * Memory is one buffer, whatever the size. Parts grow, so that a store's limit of parts is no limit of size in
 * practice.
 *
 * blob_upload_begin gives a file of the spool directory, since its writer takes its time and commits by name.
 */
#include "blob/remote_blob.h"

#include <unistd.h>

#include "base/clock.h"

enum { PARTS_OF_ONE_SIZE = 1000, PART_GROWTH_MAX = 5 };

void remote_blob_add_entry(BlobEntries *entries, const char *key, int64_t size_bytes, usec_t modified)
{
    vec_push(entries,
             (BlobEntry){.uri = xasprintf("kestra:///%s", key), .size_bytes = size_bytes, .modified = modified});
}

int remote_blob_send(const RemoteBlob *blob, RemoteRequest *request)
{
    _cleanup_(remote_answer_done) RemoteAnswer answer = {};
    return remote_exchange(blob->remote, request, &answer);
}

char *remote_blob_address(const char *endpoint)
{
    size_t length = strlen(endpoint);
    while (length > 0 && endpoint[length - 1] == '/')
        length--;
    return xasprintf("%s%.*s", strstr(endpoint, "://") ? "" : "https://", (int)length, endpoint);
}

static const RemoteBlob *remote_of(const Blob *blob)
{
    return (const RemoteBlob *)blob;
}

/* --- uploads --- */

/* Until the buffer is full or fd has ended. */
static int fill(int fd, char *buffer, size_t size, size_t *used)
{
    while (*used < size) {
        ssize_t n = read(fd, buffer + *used, size - *used);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return outage(-errno);
        if (n == 0)
            return 0;
        *used += (size_t)n;
    }
    return 0;
}

static size_t part_size(const RemoteBlob *blob, unsigned number)
{
    return blob->part_bytes << MIN((number - 1) / PARTS_OF_ONE_SIZE, (unsigned)PART_GROWTH_MAX);
}

typedef struct Reading {
    int fd;
    char *buffer; /* one byte more than a part, to see whether it is the last */
    size_t used;
} Reading;

static int send_part(const RemoteBlob *blob, RemoteUpload *upload, const RemotePart *part)
{
    digest_add(&upload->digest, part->bytes, part->length);
    upload->length += (int64_t)part->length;
    return blob->driver->part(blob, upload, part);
}

/* The first part is in the buffer already. */
static int send_parts(const RemoteBlob *blob, RemoteUpload *upload, Reading *reading)
{
    for (unsigned number = 1;; number++) {
        size_t size = part_size(blob, number);
        if (number > blob->driver->parts_max)
            return outage(-EFBIG);
        if (number > 1 && size > part_size(blob, number - 1))
            reading->buffer = xrealloc(reading->buffer, size + 1, 1);
        int r = fill(reading->fd, reading->buffer, size + 1, &reading->used);
        if (r < 0)
            return trace(r);
        const RemotePart part = {.bytes = reading->buffer,
                                 .length = MIN(reading->used, size),
                                 .number = number,
                                 .offset = upload->length,
                                 .is_last = reading->used <= size};
        r = send_part(blob, upload, &part);
        if (r != 0 || part.is_last)
            return r;
        reading->buffer[0] = reading->buffer[size];
        reading->used = 1;
    }
}

static int upload_in_parts(const RemoteBlob *blob, const char *key, Reading *reading)
{
    RemoteUpload upload = {.key = key};
    digest_begin(&upload.digest, blob->driver->wants_md5);
    int r = blob->driver->begin(blob, &upload);
    if (r == 0) {
        r = send_parts(blob, &upload, reading);
        if (r == 0)
            r = blob->driver->end(blob, &upload);
        if (r != 0) {
            _cleanup_free_ char *reason = xstrdup_null(blob_reason());
            blob->driver->abort(blob, &upload);
            blob_set_reason("%s", reason ? reason : ""); /* why, not how giving up went */
        }
    }
    free(upload.id);
    buffer_done(&upload.parts);
    digest_done(&upload.digest);
    return fold(r);
}

static int remote_blob_write_from(const Blob *base, const char *path, int fd)
{
    const RemoteBlob *blob = remote_of(base);
    Reading reading = {.fd = fd, .buffer = xmalloc(blob->part_bytes + 1)};
    int r = fill(fd, reading.buffer, blob->part_bytes + 1, &reading.used);
    if (r == 0 && reading.used <= blob->part_bytes)
        r = fold(blob->driver->put(blob, path,
                                   &(RemotePart){.bytes = reading.buffer, .length = reading.used, .is_last = true}));
    else if (r == 0)
        r = upload_in_parts(blob, path, &reading);
    free(reading.buffer);
    return r;
}

static int remote_blob_upload_begin(const Blob *base, char **ret_part, int *ret_fd)
{
    const Blob *spool = remote_of(base)->spool;
    return spool->ops->upload_begin(spool, ret_part, ret_fd);
}

static void remote_blob_upload_abort(const Blob *base, const char *part)
{
    const Blob *spool = remote_of(base)->spool;
    spool->ops->upload_abort(spool, part);
}

static int remote_blob_upload_commit(const Blob *base, const char *part, const char *path)
{
    const Blob *spool = remote_of(base)->spool;
    _cleanup_(close_fdp) int fd = -1;
    int64_t size;
    bool existed;
    int r = spool->ops->upload_commit(spool, part, part); /* checks the name; nobody else can commit it now */
    if (r != 0)
        return r;
    r = spool->ops->open_read(spool, part, BLOB_WHOLE, &fd, &size);
    if (r == 0)
        r = remote_blob_write_from(base, path, fd);
    int deleted = spool->ops->delete (spool, part, &existed);
    return r != 0 ? r : deleted;
}

/* --- everything else --- */

static int remote_blob_open_read(const Blob *base, const char *path, BlobRange range, int *ret_fd, int64_t *ret_size)
{
    return remote_stream_open(remote_of(base), path, range, ret_fd, ret_size);
}

static int remote_blob_stat(const Blob *base, const char *path, BlobEntry *ret)
{
    return remote_of(base)->driver->stat(remote_of(base), path, ret);
}

/* "a/b" names the directory a/b/, not its neighbour a/bc. */
static char *prefix_of(const char *path)
{
    return xasprintf("%s%s", path, *path == '\0' || ends_with(path, "/") ? "" : "/");
}

static int list_all(const RemoteBlob *blob, const char *path, BlobEntries *ret)
{
    _cleanup_free_ char *prefix = prefix_of(path), *marker = NULL;
    int r;
    do
        r = blob->driver->list(blob, prefix, &marker, ret);
    while (r == 0 && marker);
    return fold(r);
}

static int remote_blob_list(const Blob *base, const char *path, BlobEntries *ret)
{
    int r = list_all(remote_of(base), path, ret);
    if (r == 0)
        blob_drop_hidden(ret);
    return r;
}

static int remote_blob_delete(const Blob *base, const char *path, bool *ret_existed)
{
    return fold(remote_of(base)->driver->delete (remote_of(base), path, ret_existed));
}

static int remote_blob_delete_prefix(const Blob *base, const char *path, BlobEntries *ret)
{
    const RemoteBlob *blob = remote_of(base);
    int r = list_all(blob, path, ret);
    _cleanup_free_ const char **keys = xnew_n(const char *, ret->count + 1);
    for (size_t i = 0; i < ret->count; i++)
        keys[i] = ret->items[i].uri + strlen("kestra:///");
    for (size_t i = 0; r == 0 && i < ret->count; i += blob->driver->deletes_max)
        r = blob->driver->delete_many(blob, keys + i, MIN(ret->count - i, (size_t)blob->driver->deletes_max));
    if (r == 0)
        blob_drop_hidden(ret);
    return fold(r);
}

static void remote_blob_free(Blob *base)
{
    remote_blob_unref((RemoteBlob *)base);
}

static const BlobOps remote_blob_ops = {
    .open_read = remote_blob_open_read,
    .write_from = remote_blob_write_from,
    .upload_begin = remote_blob_upload_begin,
    .upload_commit = remote_blob_upload_commit,
    .upload_abort = remote_blob_upload_abort,
    .stat = remote_blob_stat,
    .list = remote_blob_list,
    .delete = remote_blob_delete,
    .delete_prefix = remote_blob_delete_prefix,
    .free = remote_blob_free,
};

int remote_blob_init(RemoteBlob *blob, const RemoteDriver *driver, json_t *settings, const RemoteBlobSettings *remote)
{
    int r = blob_local_new(remote->spool_directory, &blob->spool);
    if (r < 0) {
        blob_set_reason("Directory %s for uploads cannot be made: %m", remote->spool_directory);
        return trace(r);
    }
    blob->blob.ops = &remote_blob_ops;
    blob->driver = driver;
    blob->part_bytes = remote->part_bytes;
    blob->remote = remote_new(&driver->http, &remote->http, blob);
    blob->settings = json_incref(settings);
    atomic_init(&blob->references, 1);
    return 0;
}

RemoteBlob *remote_blob_unref(RemoteBlob *blob)
{
    if (!blob || atomic_fetch_sub(&blob->references, 1) > 1)
        return NULL;
    remote_free(blob->remote);
    blob_free(blob->spool);
    json_decref(blob->settings);
    blob->driver->free(blob);
    return NULL;
}

void remote_blob_shift_clock(const Blob *blob, int64_t usec)
{
    remote_shift_clock(remote_of(blob)->remote, usec);
}
