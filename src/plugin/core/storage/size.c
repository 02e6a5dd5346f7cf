/* SPDX-License-Identifier: Apache-2.0 */
/* io.kestra.plugin.core.storage.Size */
#include "doc/json.h"
#include "plugin/core/storage/storage_task.h"

static int run_size(RunContext *run)
{
    _cleanup_free_ char *uri = NULL;
    BlobEntry entry;
    int r = storage_task_uri(run, "uri", &uri);
    if (r != 0)
        return r;
    r = blob_stat(run->storage, uri, &entry);
    if (r != 0)
        return storage_task_fail(run, uri, r);
    run_output(run, "size", json_integer(entry.size_bytes));
    blob_entry_done(&entry);
    return 0;
}

static const Field fields[] = {
    {"uri", FIELD_STRING, FIELD_DYNAMIC | FIELD_REQUIRED, .doc = "The file, kestra://…."},
    {},
};

static const Field outputs[] = {
    {"size", FIELD_INTEGER, .doc = "Its length in bytes."},
    {},
};

const Type task_core_storage_size = {
    .name = "io.kestra.plugin.core.storage.Size",
    .aliases = (const char *const[]){"io.kestra.core.tasks.storages.Size", NULL},
    .kind = TYPE_TASK,
    .where = RUN_CHILD,
    .title = "Tell how large a file of internal storage is.",
    .examples = (const char *const[]){"id: size\n"
                                      "type: io.kestra.plugin.core.storage.Size\n"
                                      "uri: \"{{ outputs.data.uri }}\"\n",
                                      NULL},
    .fields = fields,
    .outputs = outputs,
    .run = run_size,
};
