/* SPDX-License-Identifier: Apache-2.0 */
/* io.kestra.plugin.core.storage.Delete */
#include "doc/json.h"
#include "plugin/core/storage/storage_task.h"

static int run_delete(RunContext *run)
{
    _cleanup_free_ char *uri = NULL;
    bool error_on_missing, existed;
    int r = storage_task_uri(run, "uri", &uri);
    if (r == 0)
        r = run_boolean(run, "errorOnMissing", false, &error_on_missing);
    if (r != 0)
        return r;
    r = blob_delete(run->storage, uri, &existed);
    if (r != 0)
        return storage_task_fail(run, uri, r);
    if (!existed && error_on_missing)
        return run_fail(run, "Unable to find file '%s'", uri);
    run_output(run, "uri", json_string(uri));
    run_output(run, "deleted", json_boolean(existed));
    return 0;
}

static const Field fields[] = {
    {"uri", FIELD_STRING, FIELD_DYNAMIC | FIELD_REQUIRED, .doc = "The file, kestra://…."},
    {"errorOnMissing", FIELD_BOOLEAN, FIELD_EXPRESSION, .fallback = "false", .doc = "Fail when there is no such file."},
    {},
};

static const Field outputs[] = {
    {"uri", FIELD_STRING, .doc = "The file."},
    {"deleted", FIELD_BOOLEAN, .doc = "Whether there was one."},
    {},
};

const Type task_core_storage_delete = {
    .name = "io.kestra.plugin.core.storage.Delete",
    .aliases = (const char *const[]){"io.kestra.core.tasks.storages.Delete", NULL},
    .kind = TYPE_TASK,
    .where = RUN_CHILD,
    .title = "Remove a file of internal storage.",
    .examples = (const char *const[]){"id: clean\n"
                                      "type: io.kestra.plugin.core.storage.Delete\n"
                                      "uri: \"{{ outputs.data.uri }}\"\n",
                                      NULL},
    .fields = fields,
    .outputs = outputs,
    .run = run_delete,
};
