/* SPDX-License-Identifier: Apache-2.0 */
/* io.kestra.plugin.core.storage.FilterItems */
#include "doc/json.h"
#include "plugin/core/storage/items.h"

static const char *const filter_types[] = {"INCLUDE", "EXCLUDE", NULL};
static const char *const on_errors[] = {"FAIL", "INCLUDE", "EXCLUDE", NULL};

typedef struct Filter {
    RunContext *run;
    Items items;
    StorageWriter writer;
    char *type, *on_error;
    int64_t processed, dropped;
} Filter;

/* Whether the item just read stays. */
static int decide(Filter *filter, bool *ret)
{
    _cleanup_free_ char *text = NULL;
    _cleanup_diag_ Diag diag = DIAG_INIT;
    int r = items_render(&filter->items, &text, &diag);
    if (r < 0)
        return trace(r);
    if (r == 0 && text) {
        *ret = expr_is_truthy(text) != (filter->type && streq(filter->type, "EXCLUDE"));
        return 0;
    }
    if (!filter->on_error || streq(filter->on_error, "FAIL"))
        return run_fail(filter->run, "Item %" PRId64 " cannot be filtered: %s", filter->processed,
                        r > 0 ? diag_first(&diag) : "the expression gives null");
    *ret = streq(filter->on_error, "INCLUDE");
    return 0;
}

static int filter_all(Filter *filter)
{
    while (items_next(&filter->items)) {
        bool stays;
        filter->processed++;
        int r = decide(filter, &stays);
        if (r != 0)
            return r;
        if (run_is_killed(filter->run))
            return RUN_E_FAILED;
        if (stays)
            items_copy(&filter->items, &filter->writer);
        else
            filter->dropped++;
    }
    return 0;
}

static int run_filter(RunContext *run)
{
    Filter filter = {.run = run};
    _cleanup_free_ char *uri = NULL;
    int r = run_text(run, "filterType", &filter.type);
    if (r == 0)
        r = run_text(run, "errorOrNullBehavior", &filter.on_error);
    if (r == 0)
        r = items_open(&filter.items, run, "filterCondition");
    if (r == 0)
        r = storage_task_create(run, &filter.writer);
    if (r == 0)
        r = filter_all(&filter);
    if (r == 0)
        r = storage_task_keep(run, &filter.writer, ".ion", &uri);
    if (r == 0) {
        run_output(run, "uri", json_string(uri));
        run_output(run, "processedItemsTotal", json_integer(filter.processed));
        run_output(run, "droppedItemsTotal", json_integer(filter.dropped));
    }
    items_done(&filter.items);
    storage_writer_done(&filter.writer);
    free(filter.type);
    free(filter.on_error);
    return r;
}

static const Field fields[] = {
    {"from", FIELD_STRING, FIELD_DYNAMIC | FIELD_REQUIRED, .doc = "The file, kestra://…: one Ion struct a line."},
    {"filterCondition", FIELD_STRING, FIELD_REQUIRED, .doc = "An expression over the members of an item."},
    {"filterType", FIELD_ENUM, 0, .values = filter_types, .fallback = "\"INCLUDE\"",
     .doc = "Whether items for which it is true stay or go."},
    {"errorOrNullBehavior", FIELD_ENUM, 0, .values = on_errors, .fallback = "\"FAIL\"",
     .doc = "What happens to an item for which the expression fails."},
    {},
};

static const Field outputs[] = {
    {"uri", FIELD_STRING, .doc = "The file of the items that stay."},
    {"processedItemsTotal", FIELD_INTEGER, .doc = "Items read."},
    {"droppedItemsTotal", FIELD_INTEGER, .doc = "Items left out."},
    {},
};

const Type task_core_storage_filter_items = {
    .name = "io.kestra.plugin.core.storage.FilterItems",
    .aliases = (const char *const[]){"io.kestra.core.tasks.storages.FilterItems", NULL},
    .kind = TYPE_TASK,
    .where = RUN_CHILD,
    .title = "Keep or drop items of a file by an expression.",
    .examples = (const char *const[]){"id: filter\n"
                                      "type: io.kestra.plugin.core.storage.FilterItems\n"
                                      "from: \"{{ outputs.data.uri }}\"\n"
                                      "filterType: EXCLUDE\n"
                                      "filterCondition: \"{{ value is null }}\"\n",
                                      NULL},
    .fields = fields,
    .outputs = outputs,
    .run = run_filter,
};
