/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/core/storage/storage_task.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/id.h"
#include "plugin/script_files.h"

int storage_task_fail(RunContext *run, const char *uri, int r)
{
    if (r == BLOB_E_ABSENT)
        return run_fail(run, "File not found in internal storage: %s", uri);
    if (r == BLOB_E_INVALID)
        return run_fail(run, "Not the URI of a file in internal storage: %s", uri);
    if (r == BLOB_E_NAME)
        return run_fail(run, "A name is too long for internal storage (%d bytes): %s", BLOB_NAME_BYTES_MAX, uri);
    _cleanup_free_ char *reason = blob_explain(r);
    return run_fail(run, "Internal storage failed for %s: %s", uri, reason);
}

int storage_task_uri(RunContext *run, const char *property, char **ret)
{
    _cleanup_free_ char *uri = NULL;
    if (!run->storage)
        return run_fail(run, "Internal storage is not available here");
    int r = run_text(run, property, &uri);
    if (r != 0)
        return r;
    if (!uri || !blob_is_uri(uri))
        return run_fail(run, "Property '%s' is not the URI of a file in internal storage: '%s'", property,
                        uri ? uri : "");
    *ret = TAKE_PTR(uri);
    return 0;
}

/* A file that has no name any more. */
static int open_scratch(RunContext *run, int *ret_fd)
{
    char id[ID_BYTES];
    id_new(id);
    _cleanup_free_ char *path = xasprintf("%s/%s", run->working_directory, id);
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return run_fail(run, "The working directory cannot be written: %m");
    (void)unlink(path); /* goes with the directory otherwise */
    *ret_fd = fd;
    return 0;
}

/* What comes as a stream, out of a bucket, becomes a file: it can be read twice, and a stream that breaks is seen
 * before anything is made of its first half. Replaces *fd. */
static int make_seekable(RunContext *run, const char *uri, int *fd)
{
    _cleanup_(close_fdp) int file = -1;
    if (lseek(*fd, 0, SEEK_CUR) >= 0)
        return 0;
    int r = open_scratch(run, &file);
    if (r != 0)
        return r;
    for (;;) {
        char chunk[65536];
        ssize_t n = read(*fd, chunk, sizeof chunk);
        if (n == 0)
            break;
        if (n < 0 && errno != EINTR) {
            _cleanup_free_ char *reason = blob_explain_read(*fd, errno);
            return run_fail(run, "Internal storage broke off while %s was read: %s", uri, reason);
        }
        for (ssize_t done = 0; done < n;) {
            ssize_t written = write(file, chunk + done, (size_t)(n - done));
            if (written < 0 && errno != EINTR)
                return run_fail(run, "The working directory cannot be written: %m");
            done += MAX(written, (ssize_t)0);
        }
    }
    if (lseek(file, 0, SEEK_SET) < 0)
        return run_fail(run, "File %s cannot be read: %m", uri);
    close_fd(*fd);
    *fd = TAKE_FD(file);
    return 0;
}

int storage_task_open(RunContext *run, const char *uri, FILE **ret)
{
    int fd;
    int r = blob_open(run->storage, uri, &fd, NULL);
    if (r != 0)
        return storage_task_fail(run, uri, r);
    r = make_seekable(run, uri, &fd);
    if (r != 0) {
        close_fd(fd);
        return r;
    }
    *ret = fdopen(fd, "re");
    if (!*ret) {
        close_fd(fd);
        return run_fail(run, "File %s cannot be read: %m", uri);
    }
    return 0;
}

void storage_task_close(FILE **file)
{
    if (*file)
        (void)fclose(*file); /* only read */
    *file = NULL;
}

int storage_task_create(RunContext *run, StorageWriter *ret)
{
    int fd;
    StorageWriter writer = {.storage = run->storage};
    int r = blob_upload_begin(run->storage, &writer.part, &fd);
    if (r != 0)
        return storage_task_fail(run, "a new file", r);
    writer.file = fdopen(fd, "we");
    if (!writer.file) {
        close_fd(fd);
        storage_writer_done(&writer);
        return run_fail(run, "A new file cannot be written: %m");
    }
    *ret = writer;
    return 0;
}

int storage_task_keep(RunContext *run, StorageWriter *writer, const char *extension, char **ret_uri)
{
    _cleanup_free_ char *name = xasprintf("%s%s", writer->part, extension);
    return storage_task_keep_as(run, writer, name, ret_uri);
}

int storage_task_keep_as(RunContext *run, StorageWriter *writer, const char *name, char **ret_uri)
{
    FILE *file = TAKE_PTR(writer->file);
    bool failed = ferror(file);
    if (fclose(file) != 0 || failed)
        return run_fail(run, "A new file cannot be written: %m");
    _cleanup_free_ char *prefix = script_files_prefix(run), *part = TAKE_PTR(writer->part);
    _cleanup_free_ char *uri = xasprintf("%s/%s", prefix, name);
    int r = blob_upload_commit(run->storage, part, uri);
    if (r != 0)
        return storage_task_fail(run, uri, r);
    *ret_uri = TAKE_PTR(uri);
    return 0;
}

void storage_writer_done(StorageWriter *writer)
{
    if (writer->file)
        (void)fclose(writer->file); /* given up */
    if (writer->part)
        blob_upload_abort(writer->storage, writer->part);
    free(writer->part);
    *writer = (StorageWriter){};
}

char *storage_task_unescape(const char *text)
{
    Buffer plain = {};
    for (const char *c = text; *c; c++) {
        bool escaped = *c == '\\' && c[1] && strchr("nt\\", c[1]);
        c += escaped;
        buffer_append_char(&plain, !escaped || *c == '\\' ? *c : *c == 'n' ? '\n' : '\t');
    }
    return buffer_take(&plain);
}

int storage_task_separator(RunContext *run, const char *fallback, char **ret)
{
    _cleanup_free_ char *text = NULL;
    int r = run_text(run, "separator", &text);
    if (r == 0)
        *ret = storage_task_unescape(text ? text : fallback);
    return r;
}

const char *storage_task_extension(const char *uri)
{
    const char *slash = strrchr(uri, '/'), *dot = slash ? strrchr(slash, '.') : NULL;
    return dot ? dot : "";
}
