/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/core/namespace/namespace_task.h"

#include "doc/json.h"
#include "plugin/core/storage/storage_task.h"
#include "plugin/glob.h"
#include "plugin/namespace_files.h"

int namespace_task_prefix(RunContext *run, char **ret)
{
    _cleanup_free_ char *namespace = NULL;
    if (!run->storage)
        return run_fail(run, "Internal storage is not available here");
    int r = run_text(run, "namespace", &namespace);
    if (r != 0)
        return r;
    if (!namespace || !*namespace || strchr(namespace, '/'))
        return run_fail(run, "'%s' is not a namespace", namespace ? namespace : "");
    *ret = blob_namespace_files_uri(namespace);
    return 0;
}

static bool matches_any(const json_t *globs, const char *path)
{
    size_t i;
    const json_t *glob;
    json_array_foreach (globs, i, glob) {
        const char *pattern = json_string_value(glob);
        if (pattern && glob_match(pattern + (*pattern == '/'), path))
            return true;
    }
    return false;
}

int namespace_task_find(RunContext *run, const char *prefix, json_t **ret)
{
    _cleanup_json_ json_t *globs = NULL;
    _cleanup_(blob_entries_done) BlobEntries entries = {};
    int r = run_texts(run, "files", &globs);
    if (r != 0)
        return r;
    r = blob_list(run->storage, prefix, &entries);
    if (r != 0)
        return storage_task_fail(run, prefix, r);
    *ret = json_object();
    for (size_t i = 0; i < entries.count; i++) {
        const char *path = entries.items[i].uri + strlen(prefix) + 1;
        if (matches_any(globs, path) && !namespace_files_is_marker(entries.items[i].uri))
            json_object_set_new(*ret, path, json_string(entries.items[i].uri));
    }
    return 0;
}

char *namespace_task_join(const char *directory, const char *path)
{
    directory += strspn(directory, "/");
    path += strspn(path, "/");
    size_t length = strlen(directory);
    while (length > 0 && directory[length - 1] == '/')
        length--;
    return xasprintf("%.*s%s%s", (int)length, directory, length > 0 ? "/" : "", path);
}

int namespace_task_copy(RunContext *run, const char *from, const char *to)
{
    _cleanup_(close_fdp) int fd = -1;
    int r = blob_open(run->storage, from, &fd, NULL);
    if (r != 0)
        return storage_task_fail(run, from, r);
    r = blob_write_from(run->storage, to, fd);
    return r != 0 ? storage_task_fail(run, to, r) : 0;
}
