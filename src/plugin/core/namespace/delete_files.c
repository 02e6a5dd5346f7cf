/* SPDX-License-Identifier: Apache-2.0 */
/* io.kestra.plugin.core.namespace.DeleteFiles */
#include "doc/json.h"
#include "plugin/core/namespace/namespace_task.h"
#include "plugin/core/storage/storage_task.h"

static int run_delete(RunContext *run)
{
    _cleanup_free_ char *prefix = NULL;
    _cleanup_json_ json_t *found = NULL;
    const char *path;
    const json_t *uri;
    int r = namespace_task_prefix(run, &prefix);
    if (r == 0)
        r = namespace_task_find(run, prefix, &found);
    json_object_foreach (found, path, uri) {
        bool existed;
        if (r != 0)
            break;
        r = blob_delete(run->storage, json_string_value(uri), &existed);
        if (r != 0)
            r = storage_task_fail(run, json_string_value(uri), r);
    }
    if (r == 0)
        run_output(run, "files", json_incref(found));
    return r;
}

static const Field fields[] = {
    {"namespace", FIELD_STRING, FIELD_DYNAMIC | FIELD_REQUIRED, .doc = "The namespace whose files are deleted."},
    {"files", FIELD_TEXT_OR_LIST, FIELD_DYNAMIC | FIELD_REQUIRED, .doc = "Paths or globs."},
    {},
};

static const Field outputs[] = {
    {"files", FIELD_MAP, .item = FIELD_STRING, .doc = "Path of each deleted file to what was its URI."},
    {},
};

const Type task_core_namespace_delete_files = {
    .name = "io.kestra.plugin.core.namespace.DeleteFiles",
    .kind = TYPE_TASK,
    .where = RUN_CHILD,
    .title = "Delete files of a namespace.",
    .examples = (const char *const[]){"id: delete\n"
                                      "type: io.kestra.plugin.core.namespace.DeleteFiles\n"
                                      "namespace: company.team\n"
                                      "files:\n"
                                      "  - \"**.tmp\"\n",
                                      NULL},
    .fields = fields,
    .outputs = outputs,
    .run = run_delete,
};
