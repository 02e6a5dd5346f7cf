/* SPDX-License-Identifier: Apache-2.0 */
/* io.kestra.plugin.core.storage.PurgeCurrentExecutionFiles */
#include "doc/json.h"
#include "plugin/core/storage/storage_task.h"

static int run_purge(RunContext *run)
{
    _cleanup_(blob_entries_done) BlobEntries gone = {};
    const json_t *flow = json_object_get(run->job, "flow");
    if (!run->storage)
        return run_fail(run, "Internal storage is not available here");
    _cleanup_free_ char *uri = blob_execution_uri(json_get_text(flow, "namespace", ""), json_get_text(flow, "id", ""),
                                                  json_get_text(run->job, "executionId", ""));
    int r = blob_delete_prefix(run->storage, uri, &gone);
    if (r != 0)
        return storage_task_fail(run, uri, r);
    json_t *uris = json_array();
    for (size_t i = 0; i < gone.count; i++)
        json_array_append_new(uris, json_string(gone.items[i].uri));
    run_output(run, "uris", uris);
    return 0;
}

static const Field fields[] = {
    {},
};

static const Field outputs[] = {
    {"uris", FIELD_LIST, .item = FIELD_STRING, .doc = "The files that were deleted."},
    {},
};

const Type task_core_storage_purge_current_execution_files = {
    .name = "io.kestra.plugin.core.storage.PurgeCurrentExecutionFiles",
    .aliases = (const char *const[]){"io.kestra.core.tasks.storages.PurgeExecution",
                                     "io.kestra.plugin.core.storage.PurgeExecution", NULL},
    .kind = TYPE_TASK,
    .where = RUN_CHILD,
    .title = "Delete all files of this execution: inputs, outputs, triggers.",
    .examples = (const char *const[]){"id: purge\n"
                                      "type: io.kestra.plugin.core.storage.PurgeCurrentExecutionFiles\n",
                                      NULL},
    .fields = fields,
    .outputs = outputs,
    .run = run_purge,
};
