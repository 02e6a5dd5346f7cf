/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io.kestra.plugin.core.storage.DeduplicateItems: of the items with the same key the last one stays. The file is read
 * twice, so that only keys are held in memory.
 */
#include "doc/json.h"
#include "plugin/core/storage/items.h"

typedef struct Deduplicate {
    RunContext *run;
    Items items;
    StorageWriter writer;
    json_t *last; /* key → number of the last item that has it */
    int64_t processed, dropped;
} Deduplicate;

static int key_of(Deduplicate *task, char **ret)
{
    _cleanup_diag_ Diag diag = DIAG_INIT;
    int r = items_render(&task->items, ret, &diag);
    if (r < 0)
        return trace(r);
    if (r > 0 || !*ret)
        return run_fail(task->run, "Item %" PRId64 " has no key: %s", task->processed, diag_first(&diag));
    return 0;
}

static int note_last(Deduplicate *task)
{
    while (items_next(&task->items)) {
        _cleanup_free_ char *key = NULL;
        task->processed++;
        int r = key_of(task, &key);
        if (r != 0)
            return r;
        json_object_set_new(task->last, key, json_integer(task->processed));
    }
    return items_rewind(&task->items);
}

static int copy_last(Deduplicate *task)
{
    task->processed = 0;
    while (items_next(&task->items)) {
        _cleanup_free_ char *key = NULL;
        task->processed++;
        int r = key_of(task, &key);
        if (r != 0)
            return r;
        if (json_get_integer(task->last, key, 0) == task->processed)
            items_copy(&task->items, &task->writer);
        else
            task->dropped++;
    }
    return 0;
}

static int run_deduplicate(RunContext *run)
{
    Deduplicate task = {.run = run, .last = json_object()};
    _cleanup_free_ char *uri = NULL;
    int r = items_open(&task.items, run, "expr");
    if (r == 0)
        r = storage_task_create(run, &task.writer);
    if (r == 0)
        r = note_last(&task);
    if (r == 0)
        r = copy_last(&task);
    if (r == 0)
        r = storage_task_keep(run, &task.writer, ".ion", &uri);
    if (r == 0) {
        run_output(run, "uri", json_string(uri));
        run_output(run, "numKeys", json_integer((json_int_t)json_object_size(task.last)));
        run_output(run, "processedItemsTotal", json_integer(task.processed));
        run_output(run, "droppedItemsTotal", json_integer(task.dropped));
    }
    items_done(&task.items);
    storage_writer_done(&task.writer);
    json_decref(task.last);
    return r;
}

static const Field fields[] = {
    {"from", FIELD_STRING, FIELD_DYNAMIC | FIELD_REQUIRED, .doc = "The file, kestra://…: one Ion struct a line."},
    {"expr", FIELD_STRING, FIELD_REQUIRED, .doc = "The key: an expression over the members of an item."},
    {},
};

static const Field outputs[] = {
    {"uri", FIELD_STRING, .doc = "The file without duplicates."},
    {"numKeys", FIELD_INTEGER, .doc = "Different keys."},
    {"processedItemsTotal", FIELD_INTEGER, .doc = "Items read."},
    {"droppedItemsTotal", FIELD_INTEGER, .doc = "Items left out."},
    {},
};

const Type task_core_storage_deduplicate_items = {
    .name = "io.kestra.plugin.core.storage.DeduplicateItems",
    .aliases = (const char *const[]){"io.kestra.core.tasks.storages.DeduplicateItems", NULL},
    .kind = TYPE_TASK,
    .where = RUN_CHILD,
    .title = "Of items with the same key keep the last one.",
    .examples = (const char *const[]){"id: unique\n"
                                      "type: io.kestra.plugin.core.storage.DeduplicateItems\n"
                                      "from: \"{{ outputs.data.uri }}\"\n"
                                      "expr: \"{{ customer }}\"\n",
                                      NULL},
    .fields = fields,
    .outputs = outputs,
    .run = run_deduplicate,
};
