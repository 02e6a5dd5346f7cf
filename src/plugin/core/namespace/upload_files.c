/* SPDX-License-Identifier: Apache-2.0 */
/* io.kestra.plugin.core.namespace.UploadFiles: from the working directory (files) or from internal storage (filesMap).
 */
#include <fcntl.h>

#include "doc/json.h"
#include "plugin/core/namespace/namespace_task.h"
#include "plugin/core/storage/storage_task.h"
#include "plugin/glob.h"
#include "plugin/task_file.h"

static const char *const conflicts[] = {"OVERWRITE", "ERROR", "SKIP", NULL};

typedef struct Upload {
    RunContext *run;
    char *prefix, *destination, *conflict;
    json_t *files;
} Upload;

/* Where it goes; *ret NULL: it is there already and stays as it is. */
static int target(Upload *upload, const char *path, char **ret)
{
    _cleanup_free_ char *name = namespace_task_join(upload->destination ? upload->destination : "", path);
    _cleanup_free_ char *uri = xasprintf("%s/%s", upload->prefix, name);
    bool overwrites = !upload->conflict || streq(upload->conflict, "OVERWRITE");
    BlobEntry entry = {};
    *ret = NULL;
    int r = overwrites ? BLOB_E_ABSENT : blob_stat(upload->run->storage, uri, &entry);
    if (r != 0 && r != BLOB_E_ABSENT)
        return storage_task_fail(upload->run, uri, r);
    blob_entry_done(&entry);
    if (r == 0 && streq(upload->conflict, "ERROR"))
        return run_fail(upload->run, "File already exists in the namespace: %s", name);
    if (r == 0)
        return 0;
    json_object_set_new(upload->files, name, json_string(uri));
    *ret = TAKE_PTR(uri);
    return 0;
}

static int upload_local(Upload *upload, const char *path)
{
    _cleanup_free_ char *to = NULL;
    int r = target(upload, path, &to);
    if (r != 0 || !to)
        return r;
    _cleanup_(close_fdp) int fd = task_file_open_below(upload->run->working_directory, path, O_RDONLY, 0);
    if (fd < 0) {
        _cleanup_free_ char *reason = task_file_explain(fd);
        return run_fail(upload->run, "File '%s' cannot be read: %s", path, reason);
    }
    r = blob_write_from(upload->run->storage, to, fd);
    return r != 0 ? storage_task_fail(upload->run, to, r) : 0;
}

static int upload_files(Upload *upload)
{
    _cleanup_json_ json_t *globs = NULL;
    _cleanup_(glob_paths_done) GlobPaths paths = {};
    int r = run_texts(upload->run, "files", &globs);
    size_t count = json_array_size(globs);
    if (r != 0 || count == 0)
        return r;
    if (!upload->run->working_directory)
        return run_fail(upload->run, "There is no working directory");
    _cleanup_free_ const char **patterns = xnew_n(const char *, count);
    for (size_t i = 0; i < count; i++)
        patterns[i] = json_string_value(json_array_get(globs, i));
    r = glob_find(upload->run->working_directory, patterns, count, &paths);
    for (size_t i = 0; r == 0 && i < paths.count; i++)
        r = upload_local(upload, paths.items[i]);
    return r;
}

static int upload_map(Upload *upload)
{
    _cleanup_json_ json_t *given = NULL, *parsed = NULL;
    int r = run_value(upload->run, "filesMap", &given);
    if (r != 0 || !given)
        return r;
    if (json_is_string(given) && json_parse(json_string_value(given), json_string_length(given), 0, &parsed, NULL) != 0)
        return run_fail(upload->run, "filesMap must be a map, or a JSON text that holds a map");
    const char *path;
    const json_t *uri;
    json_object_foreach (parsed ? parsed : given, path, uri) {
        _cleanup_free_ char *to = NULL;
        const char *from = json_string_value(uri);
        if (!from || !blob_is_uri(from))
            return run_fail(upload->run, "filesMap: '%s' has no URI of a file in internal storage", path);
        r = target(upload, path, &to);
        if (r == 0 && to)
            r = namespace_task_copy(upload->run, from, to);
        if (r != 0)
            return r;
    }
    return 0;
}

static int run_upload(RunContext *run)
{
    Upload upload = {.run = run, .files = json_object()};
    int r = namespace_task_prefix(run, &upload.prefix);
    if (r == 0)
        r = run_text(run, "destination", &upload.destination);
    if (r == 0)
        r = run_text(run, "conflict", &upload.conflict);
    if (r == 0)
        r = upload_files(&upload);
    if (r == 0)
        r = upload_map(&upload);
    if (r == 0)
        run_output(run, "files", json_incref(upload.files));
    free(upload.prefix);
    free(upload.destination);
    free(upload.conflict);
    json_decref(upload.files);
    return r;
}

static const Field fields[] = {
    {"namespace", FIELD_STRING, FIELD_DYNAMIC | FIELD_REQUIRED, .doc = "The namespace that gets the files."},
    {"files", FIELD_LIST, FIELD_EXPRESSION, .item = FIELD_STRING, .doc = "Globs of files of the working directory."},
    {"filesMap", FIELD_ANY, FIELD_DYNAMIC, .doc = "Path to kestra:// URI: files of other tasks."},
    {"destination", FIELD_STRING, FIELD_DYNAMIC, .fallback = "\"/\"", .doc = "The directory they are put into."},
    {"conflict", FIELD_ENUM, 0, .values = conflicts, .fallback = "\"OVERWRITE\"",
     .doc = "What happens to a file that is there already."},
    {},
};

static const Field outputs[] = {
    {"files", FIELD_MAP, .item = FIELD_STRING, .doc = "Path of each file that was written to its URI."},
    {},
};

const Type task_core_namespace_upload_files = {
    .name = "io.kestra.plugin.core.namespace.UploadFiles",
    .kind = TYPE_TASK,
    .where = RUN_CHILD,
    .title = "Put files into a namespace.",
    .examples = (const char *const[]){"id: upload\n"
                                      "type: io.kestra.plugin.core.namespace.UploadFiles\n"
                                      "namespace: company.team\n"
                                      "filesMap:\n"
                                      "  report.csv: \"{{ outputs.report.uri }}\"\n",
                                      NULL},
    .fields = fields,
    .outputs = outputs,
    .run = run_upload,
};
