/* SPDX-License-Identifier: Apache-2.0 */
/* io.kestra.plugin.core.storage.Write: a text becomes a file of internal storage. */
#include "doc/json.h"
#include "plugin/core/storage/storage_task.h"

static int run_write(RunContext *run)
{
    _cleanup_free_ char *content = NULL, *extension = NULL, *uri = NULL;
    _cleanup_(storage_writer_done) StorageWriter writer = {};
    if (!run->storage)
        return run_fail(run, "Internal storage is not available here");
    int r = run_text(run, "content", &content);
    if (r == 0 && !content)
        return run_fail(run, "Property 'content' is missing");
    if (r == 0)
        r = run_text(run, "extension", &extension);
    if (r == 0)
        r = storage_task_create(run, &writer);
    if (r != 0)
        return r;
    (void)fputs(content, writer.file); /* storage_task_keep() looks */
    r = storage_task_keep(run, &writer, extension ? extension : ".tmp", &uri);
    if (r == 0)
        run_output(run, "uri", json_string(uri));
    return r;
}

static const Field fields[] = {
    {"content", FIELD_STRING, FIELD_DYNAMIC | FIELD_REQUIRED, .doc = "What the file holds."},
    {"extension", FIELD_STRING, FIELD_DYNAMIC, .fallback = "\".tmp\"", .doc = "Extension of the new file."},
    {},
};

static const Field outputs[] = {
    {"uri", FIELD_STRING, .doc = "The new file."},
    {},
};

const Type task_core_storage_write = {
    .name = "io.kestra.plugin.core.storage.Write",
    .kind = TYPE_TASK,
    .where = RUN_CHILD,
    .title = "Write a text to a file of internal storage.",
    .examples = (const char *const[]){"id: report\n"
                                      "type: io.kestra.plugin.core.storage.Write\n"
                                      "content: \"{{ outputs.query.rows | toJson }}\"\n"
                                      "extension: .json\n",
                                      NULL},
    .fields = fields,
    .outputs = outputs,
    .run = run_write,
};
