/* SPDX-License-Identifier: Apache-2.0 */
/* A storage that only notices that it is asked. */
#include "blob/blob_private.h"

typedef struct Probe {
    Blob blob;
    bool asked;
} Probe;

static int refuse(const Blob *blob)
{
    ((Probe *)blob)->asked = true; /* made by blob_probe_new, never const */
    return outage(-EAGAIN);
}

static int probe_open_read(const Blob *blob, const char *path, BlobRange range, int *ret_fd, int64_t *ret_size)
{
    return refuse(blob);
}

static int probe_write_from(const Blob *blob, const char *path, int fd)
{
    return refuse(blob);
}

static int probe_stat(const Blob *blob, const char *path, BlobEntry *ret)
{
    return refuse(blob);
}

static int probe_list(const Blob *blob, const char *path, BlobEntries *ret)
{
    return refuse(blob);
}

static int probe_upload_begin(const Blob *blob, char **ret_part, int *ret_fd)
{
    return refuse(blob);
}

static int probe_upload_commit(const Blob *blob, const char *part, const char *path)
{
    return refuse(blob);
}

static void probe_upload_abort(const Blob *blob, const char *part)
{
}

static int probe_delete(const Blob *blob, const char *path, bool *ret_existed)
{
    return refuse(blob);
}

static int probe_delete_prefix(const Blob *blob, const char *path, BlobEntries *ret_deleted)
{
    return refuse(blob);
}

static void probe_free(Blob *blob)
{
    free(blob);
}

static const BlobOps ops = {
    .open_read = probe_open_read,
    .write_from = probe_write_from,
    .stat = probe_stat,
    .list = probe_list,
    .upload_begin = probe_upload_begin,
    .upload_commit = probe_upload_commit,
    .upload_abort = probe_upload_abort,
    .delete = probe_delete,
    .delete_prefix = probe_delete_prefix,
    .free = probe_free,
};

Blob *blob_probe_new(void)
{
    Probe *probe = xnew(Probe);
    probe->blob.ops = &ops;
    return &probe->blob;
}

bool blob_probe_take(Blob *probe)
{
    bool asked = ((Probe *)probe)->asked;
    ((Probe *)probe)->asked = false;
    return asked;
}
