/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything that a task writes stays below its working directory: names with "..", absolute names and symbolic links
 * on the way are refused, because names may come from outside (inputs, webhooks).
 */
#include "plugin/script_files.h"

#include <ctype.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/id.h"
#include "blob/blob.h"
#include "doc/json.h"
#include "plugin/glob.h"
#include "plugin/task_file.h"

/* --- into the directory --- */

static bool is_safe_name(const char *name)
{
    if (*name == '/' || *name == '\0')
        return false;
    for (const char *part = name; part; part = strchr(part, '/')) {
        part += *part == '/';
        size_t length = strcspn(part, "/");
        if (length == 0 || (length == 2 && strncmp(part, "..", 2) == 0))
            return false;
    }
    return true;
}

static int fail_file(RunContext *run, const char *name, const char *what, int r)
{
    _cleanup_free_ char *reason = task_file_explain(r);
    return run_fail(run, "File '%s' cannot be %s: %s", name, what, reason);
}

int script_files_create(RunContext *run, const char *name, int *ret_fd)
{
    if (!is_safe_name(name))
        return run_fail(run, "'%s' is not a path inside the working directory", name);
    _cleanup_(close_fdp) int directory = open(run->working_directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (directory < 0)
        return run_fail(run, "The working directory cannot be opened: %m");
    const char *part = name;
    for (const char *slash; (slash = strchr(part, '/')); part = slash + 1) {
        _cleanup_free_ char *step = xstrndup(part, (size_t)(slash - part));
        if (mkdirat(directory, step, 0750) < 0 && errno != EEXIST)
            return run_fail(run, "Directory of '%s' cannot be made: %m", name);
        int next = openat(directory, step, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (next < 0)
            return run_fail(run, "Directory of '%s' cannot be opened: %m", name);
        close_fd(directory);
        directory = next;
    }
    int fd = task_file_open(directory, part, O_WRONLY | O_CREAT | O_TRUNC, 0640);
    if (fd < 0)
        return fail_file(run, name, "written", fd);
    *ret_fd = fd;
    return 0;
}

static int write_bytes(RunContext *run, int fd, const char *name, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t n = write(fd, bytes, length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return run_fail(run, "File '%s' cannot be written: %m", name);
        bytes += n;
        length -= (size_t)n;
    }
    return 0;
}

static int fail_storage(RunContext *run, const char *uri, int r)
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

static int open_in_storage(RunContext *run, const char *uri, int *ret_fd)
{
    if (!run->storage)
        return run_fail(run, "Internal storage is not available here");
    int r = blob_open(run->storage, uri, ret_fd, NULL);
    return r == 0 ? 0 : fail_storage(run, uri, r);
}

static int copy_from(RunContext *run, const char *uri, int from, int to, const char *name)
{
    for (;;) {
        char chunk[65536];
        ssize_t n = read(from, chunk, sizeof chunk);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            _cleanup_free_ char *reason = blob_explain_read(from, errno);
            return run_fail(run, "File '%s' cannot be read: %s", uri, reason);
        }
        if (n == 0)
            return 0;
        int r = write_bytes(run, to, name, chunk, (size_t)n);
        if (r != 0)
            return r;
    }
}

static int copy_from_storage(RunContext *run, const char *uri, int to, const char *name)
{
    _cleanup_(close_fdp) int from = -1;
    int r = open_in_storage(run, uri, &from);
    return r == 0 ? copy_from(run, uri, from, to, name) : r;
}

static int write_entry(RunContext *run, const char *name, json_t *content)
{
    _cleanup_(close_fdp) int fd = -1;
    int r = script_files_create(run, name, &fd);
    if (r != 0 || json_is_null(content))
        return r;
    _cleanup_json_ json_t *text = run_text_of(content);
    if (blob_is_uri(json_string_value(text)))
        return copy_from_storage(run, json_string_value(text), fd, name);
    return write_bytes(run, fd, name, json_string_value(text), json_string_length(text));
}

int script_files_write_map(RunContext *run, const json_t *files)
{
    const char *name;
    json_t *content;
    json_object_foreach ((json_t *)files, name, content) {
        int r = write_entry(run, name, content);
        if (r != 0)
            return r;
    }
    return 0;
}

int script_files_write(RunContext *run)
{
    _cleanup_json_ json_t *files = NULL, *parsed = NULL;
    int r = run_value(run, "inputFiles", &files);
    if (r != 0 || !files)
        return r;
    if (json_is_object(files))
        return script_files_write_map(run, files);
    if (json_is_string(files) &&
        json_parse(json_string_value(files), json_string_length(files), 0, &parsed, NULL) == 0 &&
        json_is_object(parsed))
        return script_files_write_map(run, parsed);
    return run_fail(run, "inputFiles must be a map, or a JSON text that holds a map");
}

int script_files_temporary(RunContext *run, const char *bytes, size_t length, const char *extension, char **ret)
{
    char id[ID_BYTES];
    id_new(id);
    _cleanup_free_ char *name = xasprintf("%s%s", id, extension);
    _cleanup_(close_fdp) int fd = -1;
    int r = script_files_create(run, name, &fd);
    if (r == 0)
        r = write_bytes(run, fd, name, bytes, length);
    if (r == 0)
        *ret = xasprintf("%s/%s", run->working_directory, name);
    return r;
}

int script_files_read(RunContext *run, const char *uri, size_t bytes_max, char **ret_bytes, size_t *ret_length)
{
    if (!run->storage)
        return run_fail(run, "Internal storage is not available here");
    int r = blob_read(run->storage, uri, bytes_max, ret_bytes, ret_length);
    if (r == BLOB_E_TOO_LARGE)
        return run_fail(run, "File %s is longer than %zu bytes", uri, bytes_max);
    return r == 0 ? 0 : fail_storage(run, uri, r);
}

static size_t uri_length(const char *uri)
{
    size_t length = strlen("kestra://");
    while (isalnum((unsigned char)uri[length]) || (uri[length] && strchr("-._+~#=/%", uri[length])))
        length++;
    return length;
}

/* A local copy of one URI, with its extension. */
static int localize_one(RunContext *run, const char *uri, char **ret)
{
    char id[ID_BYTES];
    id_new(id);
    const char *slash = strrchr(uri, '/'), *dot = slash ? strrchr(slash, '.') : NULL;
    _cleanup_free_ char *name = xasprintf("%s%s", id, dot ? dot : "");
    _cleanup_(close_fdp) int from = -1, fd = -1;
    int r = open_in_storage(run, uri, &from); /* first: nothing is left of what cannot be had */
    if (r == 0)
        r = script_files_create(run, name, &fd);
    if (r == 0)
        r = copy_from(run, uri, from, fd, name);
    if (r == 0)
        *ret = xasprintf("%s/%s", run->working_directory, name);
    return r;
}

int script_files_localize(RunContext *run, const char *text, char **ret)
{
    _cleanup_buffer_ Buffer result = {};
    for (const char *uri; (uri = strstr(text, "kestra:///"));) {
        size_t length = uri_length(uri);
        _cleanup_free_ char *one = xstrndup(uri, length), *path = NULL;
        int r = localize_one(run, one, &path);
        if (r != 0)
            return r;
        buffer_append_n(&result, text, (size_t)(uri - text));
        buffer_append(&result, path);
        text = uri + length;
    }
    buffer_append(&result, text);
    *ret = buffer_take(&result);
    return 0;
}

/* --- into storage --- */

char *script_files_prefix(const RunContext *run)
{
    const json_t *flow = json_object_get(run->job, "flow");
    const char *namespace = json_get_text(flow, "namespace", ""), *id = json_get_text(flow, "id", "");
    const char *execution = json_get_text(run->job, "executionId", ""),
               *run_id = json_get_text(run->job, "taskRunId", NULL);
    return run_id ? blob_task_uri(namespace, id, execution, run->task->id, run_id)
                  : blob_trigger_uri(namespace, id, execution, run->task->id);
}

int script_files_upload(RunContext *run, const char *directory, const char *path, const char *name, char **ret_uri)
{
    if (!run->storage)
        return run_fail(run, "Internal storage is not available here");
    _cleanup_(close_fdp) int fd = task_file_open_below(directory, path, O_RDONLY, 0);
    if (fd < 0)
        return fail_file(run, path, "read", fd);
    _cleanup_free_ char *prefix = script_files_prefix(run);
    _cleanup_free_ char *uri = xasprintf("%s/%s", prefix, name);
    int r = blob_write_from(run->storage, uri, fd);
    if (r != 0)
        return fail_storage(run, uri, r);
    *ret_uri = TAKE_PTR(uri);
    return 0;
}

/* The same path always gets the same name, so that a retried attempt replaces its own files. */
static char *storage_name(const char *path)
{
    uint64_t high = UINT64_C(14695981039346656037), low = UINT64_C(1099511628211);
    for (const unsigned char *c = (const unsigned char *)path; *c; c++) {
        high = (high ^ *c) * UINT64_C(1099511628211);
        low = (low ^ *c) * UINT64_C(14695981039346656037);
    }
    char id[ID_BYTES];
    id_from_bits(high, low, id);
    const char *slash = strrchr(path, '/');
    Buffer name = {};
    buffer_printf(&name, "%s-", id);
    for (const char *c = slash ? slash + 1 : path; *c; c++) /* two dots in a row are refused in URIs */
        buffer_append_char(&name,
                           isalnum((unsigned char)*c) || strchr("-_+=", *c) || (*c == '.' && c[1] != '.') ? *c : '_');
    return buffer_take(&name);
}

static int collect_one(RunContext *run, const char *directory, const char *path, json_t *uris)
{
    _cleanup_free_ char *name = storage_name(path), *uri = NULL;
    int r = script_files_upload(run, directory, path, name, &uri);
    if (r == 0)
        json_object_set_new(uris, path, json_string(uri));
    return r;
}

int script_files_batch(RunContext *run, int (*work)(RunContext *run, void *userdata), void *userdata)
{
    const Blob *storage = run->storage;
    if (!storage)
        return work(run, userdata);
    _cleanup_(blob_freep) Blob *batch = blob_batch_new(storage);
    _cleanup_free_ char *prefix = script_files_prefix(run);
    run->storage = batch;
    int r = work(run, userdata);
    run->storage = storage;
    if (r != 0)
        return r;
    r = blob_batch_commit(batch);
    return r == 0 ? 0 : fail_storage(run, prefix, r);
}

typedef struct Collection {
    const char *directory;
    const GlobPaths *paths;
    json_t *uris;
} Collection;

static int collect_all(RunContext *run, void *userdata)
{
    const Collection *collection = userdata;
    int r = 0;
    for (size_t i = 0; r == 0 && i < collection->paths->count; i++)
        r = collect_one(run, collection->directory, collection->paths->items[i], collection->uris);
    return r;
}

int script_files_collect(RunContext *run, const char *directory, const json_t *globs, json_t **ret)
{
    _cleanup_json_ json_t *uris = json_object();
    size_t count = json_array_size(globs);
    if (count > 0) {
        _cleanup_free_ const char **patterns = xnew_n(const char *, count);
        for (size_t i = 0; i < count; i++)
            patterns[i] = json_string_value(json_array_get(globs, i));
        _cleanup_(glob_paths_done) GlobPaths paths = {};
        int r = glob_find(directory, patterns, count, &paths);
        if (r < 0) {
            errno = -r;
            return run_fail(run, "The output files cannot be listed: %m");
        }
        r = script_files_batch(run, collect_all, &(Collection){.directory = directory, .paths = &paths, .uris = uris});
        if (r != 0)
            return r;
    }
    *ret = TAKE_PTR(uris);
    return 0;
}
