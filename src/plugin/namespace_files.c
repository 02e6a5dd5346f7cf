/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/namespace_files.h"

#include "blob/blob.h"
#include "doc/json.h"
#include "model/log_entry.h"
#include "plugin/glob.h"
#include "plugin/script_files.h"

bool namespace_files_is_marker(const char *path)
{
    return ends_with(path, "/" NAMESPACE_FILES_MARKER);
}

static bool matches_any(const json_t *globs, const char *path)
{
    size_t i;
    const json_t *glob;
    json_array_foreach (globs, i, glob)
        if (json_is_string(glob) && glob_match(json_string_value(glob), path))
            return true;
    return false;
}

static bool is_wanted(const json_t *property, const char *path)
{
    const json_t *include = json_object_get(property, "include"), *exclude = json_object_get(property, "exclude");
    return (json_array_size(include) == 0 || matches_any(include, path)) && !matches_any(exclude, path);
}

static bool is_enabled(const json_t *property)
{
    const json_t *enabled = json_object_get(property, "enabled");
    if (!json_is_object(property))
        return false;
    return json_is_string(enabled) ? expr_is_truthy(json_string_value(enabled)) : !enabled || json_is_true(enabled);
}

int namespace_files_write(RunContext *run)
{
    _cleanup_json_ json_t *property = NULL, *files = json_object();
    int r = run_value(run, "namespaceFiles", &property);
    if (r != 0 || !is_enabled(property))
        return r;
    if (!run->storage)
        return run_fail(run, "Internal storage is not available here");
    const char *namespace = json_get_text(json_object_get(run->job, "flow"), "namespace", "");
    _cleanup_free_ char *prefix = blob_namespace_files_uri(namespace);
    _cleanup_(blob_entries_done) BlobEntries entries = {};
    if (blob_list(run->storage, prefix, &entries) != 0)
        return run_fail(run, "The files of namespace '%s' cannot be listed", namespace);
    for (size_t i = 0; i < entries.count; i++) {
        const char *path = entries.items[i].uri + strlen(prefix) + 1;
        if (is_wanted(property, path) && !namespace_files_is_marker(entries.items[i].uri))
            json_object_set_new(files, path, json_string(entries.items[i].uri));
    }
    run_log(run, LOG_LEVEL_DEBUG, "Loaded %zu namespace file(s)", json_object_size(files));
    return script_files_write_map(run, files);
}
