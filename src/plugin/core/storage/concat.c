/* SPDX-License-Identifier: Apache-2.0 */
/* io.kestra.plugin.core.storage.Concat */
#include "doc/json.h"
#include "plugin/core/storage/storage_task.h"

static int append(RunContext *run, const char *uri, FILE *to)
{
    _cleanup_(storage_task_close) FILE *from = NULL;
    char chunk[65536];
    int r = storage_task_open(run, uri, &from);
    if (r != 0)
        return r;
    for (size_t n; (n = fread(chunk, 1, sizeof chunk, from)) > 0;)
        (void)fwrite(chunk, 1, n, to); /* storage_task_keep() looks */
    return ferror(from) ? run_fail(run, "File %s cannot be read", uri) : 0;
}

static int append_all(RunContext *run, const json_t *files, const char *separator, FILE *to)
{
    size_t i;
    const json_t *file;
    json_array_foreach (files, i, file) {
        int r = append(run, json_string_value(file), to);
        if (r != 0)
            return r;
        (void)fputs(separator, to); /* storage_task_keep() looks */
    }
    return 0;
}

static int run_concat(RunContext *run)
{
    _cleanup_json_ json_t *files = NULL;
    _cleanup_free_ char *separator = NULL, *extension = NULL, *uri = NULL;
    _cleanup_(storage_writer_done) StorageWriter writer = {};
    if (!run->storage)
        return run_fail(run, "Internal storage is not available here");
    int r = run_texts(run, "files", &files);
    if (r == 0)
        r = storage_task_separator(run, "", &separator);
    if (r == 0)
        r = run_text(run, "extension", &extension);
    if (r == 0)
        r = storage_task_create(run, &writer);
    if (r == 0)
        r = append_all(run, files, separator, writer.file);
    if (r == 0)
        r = storage_task_keep(run, &writer, extension ? extension : ".tmp", &uri);
    if (r == 0)
        run_output(run, "uri", json_string(uri));
    return r;
}

static const Field fields[] = {
    {"files", FIELD_ANY, FIELD_DYNAMIC | FIELD_REQUIRED,
     .doc = "A list of kestra:// URIs, or a JSON text that holds one."},
    {"separator", FIELD_STRING, FIELD_DYNAMIC, .doc = "Text after each file, the last one too."},
    {"extension", FIELD_STRING, FIELD_DYNAMIC, .fallback = "\".tmp\"", .doc = "Extension of the new file."},
    {},
};

static const Field outputs[] = {
    {"uri", FIELD_STRING, .doc = "The new file."},
    {},
};

const Type task_core_storage_concat = {
    .name = "io.kestra.plugin.core.storage.Concat",
    .aliases = (const char *const[]){"io.kestra.core.tasks.storages.Concat", NULL},
    .kind = TYPE_TASK,
    .where = RUN_CHILD,
    .title = "Join files of internal storage to one.",
    .examples = (const char *const[]){"id: all\n"
                                      "type: io.kestra.plugin.core.storage.Concat\n"
                                      "files:\n"
                                      "  - \"{{ outputs.a.uri }}\"\n"
                                      "  - \"{{ outputs.b.uri }}\"\n"
                                      "extension: .csv\n",
                                      NULL},
    .fields = fields,
    .outputs = outputs,
    .run = run_concat,
};
