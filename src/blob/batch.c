/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A flush of the disk costs the same for one small file as for a thousand. Objects that a task writes one after another
 * are kept as uploads, and get their names after one flush for all: each is still whole and durable before it is seen.
 * Only who wrote has to wait for the commit before telling others. Drivers that need no flush write at once.
 */
#include "base/identity.h"
#include "blob/blob_private.h"

enum { BATCH_MAX = 1000 }; /* so many uploads a crash may leave behind at most */

typedef struct Batch {
    Blob blob;
    const Blob *inner;
    VEC(BlobUpload) uploads;
} Batch;

static void forget(Batch *batch)
{
    for (size_t i = 0; i < batch->uploads.count; i++) {
        free(batch->uploads.items[i].part);
        free(batch->uploads.items[i].path);
    }
    batch->uploads.count = 0;
}

int blob_batch_commit(Blob *blob)
{
    _as_(IDENTITY_OWN);
    Batch *batch = (Batch *)blob;
    const Blob *inner = batch->inner;
    if (batch->uploads.count == 0)
        return 0;
    int r = inner->ops->commit_all(inner, batch->uploads.items, batch->uploads.count);
    forget(batch);
    return r;
}

static int batch_upload_commit(const Blob *blob, const char *part, const char *path)
{
    Batch *batch = (Batch *)blob; /* made by blob_batch_new, never const */
    const Blob *inner = batch->inner;
    if (!inner->ops->commit_all)
        return inner->ops->upload_commit(inner, part, path);
    vec_push(&batch->uploads, (BlobUpload){.part = xstrdup(part), .path = xstrdup(path)});
    return batch->uploads.count >= BATCH_MAX ? blob_batch_commit(&batch->blob) : 0;
}

static int batch_write_from(const Blob *blob, const char *path, int from)
{
    const Blob *inner = ((const Batch *)blob)->inner;
    _cleanup_(close_fdp) int fd = -1;
    _cleanup_free_ char *part = NULL;
    if (!inner->ops->commit_all)
        return inner->ops->write_from(inner, path, from);
    int r = inner->ops->upload_begin(inner, &part, &fd);
    if (r != 0)
        return r;
    r = blob_copy(from, fd);
    if (r == 0)
        return batch_upload_commit(blob, part, path);
    inner->ops->upload_abort(inner, part);
    return r;
}

static int batch_open_read(const Blob *blob, const char *path, BlobRange range, int *ret_fd, int64_t *ret_size)
{
    const Blob *inner = ((const Batch *)blob)->inner;
    return inner->ops->open_read(inner, path, range, ret_fd, ret_size);
}

static int batch_stat(const Blob *blob, const char *path, BlobEntry *ret)
{
    const Blob *inner = ((const Batch *)blob)->inner;
    return inner->ops->stat(inner, path, ret);
}

static int batch_list(const Blob *blob, const char *path, BlobEntries *ret)
{
    const Blob *inner = ((const Batch *)blob)->inner;
    return inner->ops->list(inner, path, ret);
}

static int batch_upload_begin(const Blob *blob, char **ret_part, int *ret_fd)
{
    const Blob *inner = ((const Batch *)blob)->inner;
    return inner->ops->upload_begin(inner, ret_part, ret_fd);
}

static void batch_upload_abort(const Blob *blob, const char *part)
{
    const Blob *inner = ((const Batch *)blob)->inner;
    inner->ops->upload_abort(inner, part);
}

static int batch_delete(const Blob *blob, const char *path, bool *ret_existed)
{
    const Blob *inner = ((const Batch *)blob)->inner;
    return inner->ops->delete (inner, path, ret_existed);
}

static int batch_delete_prefix(const Blob *blob, const char *path, BlobEntries *ret_deleted)
{
    const Blob *inner = ((const Batch *)blob)->inner;
    return inner->ops->delete_prefix(inner, path, ret_deleted);
}

/* What was not committed is given up. */
static void batch_free(Blob *blob)
{
    Batch *batch = (Batch *)blob;
    for (size_t i = 0; i < batch->uploads.count; i++)
        batch->inner->ops->upload_abort(batch->inner, batch->uploads.items[i].part);
    forget(batch);
    vec_free(&batch->uploads);
    free(batch);
}

static const BlobOps batch_ops = {
    .open_read = batch_open_read,
    .write_from = batch_write_from,
    .stat = batch_stat,
    .list = batch_list,
    .upload_begin = batch_upload_begin,
    .upload_commit = batch_upload_commit,
    .upload_abort = batch_upload_abort,
    .delete = batch_delete,
    .delete_prefix = batch_delete_prefix,
    .free = batch_free,
};

Blob *blob_batch_new(const Blob *inner)
{
    Batch *batch = xnew(Batch);
    batch->blob.ops = &batch_ops;
    batch->inner = inner;
    return &batch->blob;
}
