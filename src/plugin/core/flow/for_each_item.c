/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io.kestra.plugin.core.flow.ForEachItem: a file in pieces, an execution of a flow for each. Neither the pieces nor the
 * children are ever listed in a message or a row: their names follow from their numbers, so that ten thousand of them
 * cost ten times a thousand.
 */
#include "plugin/core/flow/for_each_item.h"

#include "expr/ion.h"
#include "plugin/core/flow/subflow.h"
#include "plugin/core/storage/pieces.h"
#include "plugin/script_files.h"

enum { ASKED_AT_ONCE = 100 };

/* --- ids of children --- */

/* splitmix64's finish: every bit of the input counts in every bit of the output. */
static uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

void for_each_item_child_id(const char *task_run_id, int64_t round, int64_t number, char ret_id[static ID_BYTES])
{
    uint64_t high = UINT64_C(14695981039346656037), low = UINT64_C(1099511628211);
    for (const unsigned char *c = (const unsigned char *)task_run_id; *c; c++) {
        high = (high ^ *c) * UINT64_C(1099511628211);
        low = mix(low + *c + 1);
    }
    uint64_t place = mix((uint64_t)round << 40 ^ (uint64_t)number);
    id_from_bits(mix(high ^ place), mix(low + place), ret_id);
}

/* --- <id>_split --- */

/* A member of the rendered `batch` as a number: 0 when absent, -1 when it is none. */
static int64_t batch_number(const json_t *batch, const char *key)
{
    json_t *value = json_object_get(batch, key);
    if (!value || json_is_null(value))
        return 0;
    if (json_is_integer(value))
        return json_integer_value(value) > 0 ? json_integer_value(value) : -1;
    char *end;
    const char *text = json_is_string(value) ? json_string_value(value) : "";
    intmax_t number = strtoimax(text, &end, 10);
    return end != text && !*end && number > 0 ? number : -1;
}

static int read_batch(Pieces *pieces, char **ret_separator)
{
    _cleanup_json_ json_t *batch = NULL;
    int r = run_value(pieces->run, "batch", &batch);
    if (r != 0)
        return r;
    json_t *bytes = json_object_get(batch, "bytes");
    if (bytes && !json_is_null(bytes)) {
        _cleanup_json_ json_t *text = run_text_of(bytes);
        pieces->bytes = pieces_size(json_string_value(text));
        if (pieces->bytes < 0)
            return run_fail(pieces->run, "'%s' is not a number of bytes", json_string_value(text));
    }
    pieces->partitions = batch_number(batch, "partitions");
    pieces->rows = batch_number(batch, "rows");
    if (pieces->partitions < 0 || pieces->rows < 0)
        return run_fail(pieces->run, "Property 'batch': partitions and rows must be numbers of at least 1");
    if (pieces->rows == 0)
        pieces->rows = 1;
    *ret_separator = storage_task_unescape(json_get_text(batch, "separator", "\n"));
    return 0;
}

/* The list of pieces, for people and other tasks: one URI a line. */
static int keep_list(RunContext *run, const json_t *uris)
{
    _cleanup_(storage_writer_done) StorageWriter writer = {};
    _cleanup_free_ char *uri = NULL;
    int r = storage_task_create(run, &writer);
    if (r != 0)
        return r;
    size_t i;
    const json_t *piece;
    json_array_foreach (uris, i, piece)
        fprintf(writer.file, "%s%s", i ? "\n" : "", json_string_value(piece)); /* storage_task_keep_as() looks */
    r = storage_task_keep_as(run, &writer, "splits.txt", &uri);
    if (r == 0)
        run_output(run, "splits", json_string(uri));
    return r;
}

static void note_splits(RunContext *run, const Pieces *pieces, size_t count)
{
    _cleanup_free_ char *directory = script_files_prefix(run);
    _cleanup_free_ char *prefix = xasprintf("%s/", directory);
    run_note(run, "splits",
             json_pack("{s:I,s:s,s:s}", "count", (json_int_t)count, "prefix", prefix, "suffix",
                       storage_task_extension(pieces->from)));
}

static int run_split(RunContext *run)
{
    _cleanup_free_ char *from = NULL, *separator = NULL;
    _cleanup_json_ json_t *uris = NULL;
    Pieces pieces = {.run = run, .numbered = true};
    if (!run->storage)
        return run_fail(run, "Internal storage is not available here");
    int r = run_text(run, "items", &from);
    if (r == 0 && !starts_with(from ? from : "", "kestra://"))
        r = run_fail(run, "Unable to split the items from %s, this is not an internal storage URI!", from ? from : "");
    if (r == 0)
        r = read_batch(&pieces, &separator);
    pieces.from = from;
    pieces.separator = separator;
    if (r == 0)
        r = pieces_cut(&pieces, &uris);
    if (r == 0)
        r = keep_list(run, uris);
    if (r == 0)
        note_splits(run, &pieces, json_array_size(uris));
    return r;
}

/* --- <id>_merge --- */

typedef struct Merge {
    RunContext *run;
    const json_t *items; /* the note */
    int64_t *numbers;    /* of the pieces, in the order of the outputs */
    size_t count, written;
    StorageWriter writer;
} Merge;

/* Kestra joins the files as storage lists them: by name, the last one first. */
static int compare_names(const void *a, const void *b)
{
    char left[32], right[32];
    (void)snprintf(left, sizeof left, "%" PRId64 "/", *(const int64_t *)a);   /* always fits */
    (void)snprintf(right, sizeof right, "%" PRId64 "/", *(const int64_t *)b); /* the same */
    return -strcmp(left, right);
}

static int write_outputs(Merge *merge, int64_t number, const json_t *outputs)
{
    _cleanup_buffer_ Buffer line = {};
    const Value value = value_from_json(outputs);
    ion_write(&line, &value);
    buffer_append_char(&line, '\n');
    (void)fwrite(line.text, 1, line.length, merge->writer.file); /* storage_task_keep_as() looks */
    merge->written++;
    _cleanup_free_ char *uri =
        xasprintf("%s/%" PRId64 "/outputs.ion", json_get_text(merge->items, "prefix", ""), number);
    int r = blob_write(merge->run->storage, uri, line.text, line.length);
    return r == 0 ? 0 : storage_task_fail(merge->run, uri, r);
}

static int ask_for(const Merge *merge, size_t first, size_t count, json_t **ret)
{
    json_t *executions = json_array();
    for (size_t i = 0; i < count; i++) {
        char id[ID_BYTES];
        for_each_item_child_id(json_get_text(merge->items, "taskRunId", ""), json_get_integer(merge->items, "round", 0),
                               merge->numbers[first + i], id);
        json_array_append_new(executions, json_string(id));
    }
    return run_ask(merge->run, "subflow-outputs", json_pack("{s:o}", "executions", executions), ret);
}

static int merge_some(Merge *merge, size_t first, size_t count)
{
    _cleanup_json_ json_t *answer = NULL;
    int r = ask_for(merge, first, count, &answer);
    const json_t *outputs = json_object_get(answer, "outputs");
    for (size_t i = 0; r == 0 && i < count; i++) {
        const json_t *of_one = json_array_get(outputs, i);
        if (json_is_object(of_one))
            r = write_outputs(merge, merge->numbers[first + i], of_one);
    }
    return r;
}

static int merge_all(RunContext *run, void *userdata)
{
    Merge *merge = userdata;
    int r = storage_task_create(merge->run, &merge->writer);
    for (size_t first = 0; r == 0 && first < merge->count; first += ASKED_AT_ONCE)
        r = run_is_killed(run) ? RUN_E_FAILED
                               : merge_some(merge, first, MIN(merge->count - first, (size_t)ASKED_AT_ONCE));
    _cleanup_free_ char *uri = NULL;
    if (r == 0 && merge->written > 0)
        r = storage_task_keep_as(merge->run, &merge->writer, "outputs.ion", &uri);
    if (uri)
        run_output(merge->run, "subflowOutputs", json_string(uri));
    storage_writer_done(&merge->writer);
    return r;
}

static int run_merge(RunContext *run)
{
    const json_t *notes = json_object_get(run->job, "notes"), *items = json_object_get(notes, "items");
    int64_t count = json_get_integer(json_object_get(notes, "splits"), "count", 0);
    if (count <= 0 || !json_get_boolean(items, "wait", false))
        return 0;
    if (!run->storage)
        return run_fail(run, "Internal storage is not available here");
    _cleanup_free_ int64_t *numbers = xnew_n(int64_t, (size_t)count);
    for (int64_t i = 0; i < count; i++)
        numbers[i] = i + 1;
    qsort(numbers, (size_t)count, sizeof *numbers, compare_names);
    Merge merge = {.run = run, .items = items, .numbers = numbers, .count = (size_t)count};
    return script_files_batch(run, merge_all, &merge);
}

/* --- the parts --- */

#define FIELD_ITEMS                                                                                                    \
    {                                                                                                                  \
        .name = "items", .kind = FIELD_STRING, .flags = FIELD_DYNAMIC | FIELD_NOT_EMPTY,                               \
        .doc = "The file, kestra://…; a line is an item."                                                            \
    }
#define FIELD_BATCH                                                                                                    \
    {                                                                                                                  \
        .name = "batch", .kind = FIELD_OBJECT, .flags = FIELD_DYNAMIC, .fields = fields_of_batch,                      \
        .doc = "How many items make a batch; one by default. Of bytes, partitions and rows the first that is given "   \
               "counts."                                                                                               \
    }
#define FIELDS_OF_FLOW                                                                                                 \
    {.name = "namespace",                                                                                              \
     .kind = FIELD_STRING,                                                                                             \
     .flags = FIELD_DYNAMIC | FIELD_NOT_EMPTY,                                                                         \
     .doc = "Namespace of the flow to start."},                                                                        \
        {.name = "flowId",                                                                                             \
         .kind = FIELD_STRING,                                                                                         \
         .flags = FIELD_DYNAMIC | FIELD_NOT_EMPTY,                                                                     \
         .doc = "Id of the flow to start."},                                                                           \
        SUBFLOW_FIELDS_OF_CHILD

static const Field fields_of_batch[] = {
    {"bytes", FIELD_STRING, FIELD_DYNAMIC, .doc = "A batch ends with the line that reaches this size (\"10MB\")."},
    {"partitions", FIELD_INTEGER, FIELD_DYNAMIC, .doc = "Number of batches; lines go to them in turn."},
    {"rows", FIELD_INTEGER, FIELD_DYNAMIC, .doc = "Lines of a batch."},
    {"separator", FIELD_STRING, FIELD_DYNAMIC, .fallback = "\"\\n\"", .doc = "What is written after each line."},
    {},
};

static const Field split_fields[] = {FIELD_ITEMS, FIELD_BATCH, {}};
static const Field split_outputs[] = {{"splits", FIELD_STRING, .doc = "A file with the URI of a batch on each line."},
                                      {}};
static const Type split = {
    .name = "io.kestra.plugin.core.flow.ForEachItem$ForEachItemSplit",
    .kind = TYPE_TASK,
    .where = RUN_CHILD,
    .title = "Cut the items into batches.",
    .fields = split_fields,
    .outputs = split_outputs,
    .run = run_split,
};

static const Field items_fields[] = {FIELDS_OF_FLOW, {}};
static const Field items_outputs[] = {
    {"iterations", FIELD_MAP, .item = FIELD_INTEGER, .doc = "How many executions are in each state."},
    {"numberOfBatches", FIELD_INTEGER, .doc = "How many there are."},
    {"subflowOutputsBaseUri", FIELD_STRING, .doc = "Where `<number>/outputs.ion` of each is, when all have ended."},
    {},
};
static const Type items = {
    .name = "io.kestra.plugin.core.flow.ForEachItem$ForEachItemExecutable",
    .kind = TYPE_TASK,
    .where = RUN_EXECUTOR,
    .title = "Start an execution for each batch.",
    .fields = items_fields,
    .outputs = items_outputs,
    .for_each_item = true,
    .starts_flow = true,
    .carry_out = subflow_action,
};

static const Field merge_fields[] = {{}};
static const Field merge_outputs[] = {
    {"subflowOutputs", FIELD_STRING, .doc = "A file with the outputs of an execution on each line."},
    {},
};
static const Type merge = {
    .name = "io.kestra.plugin.core.flow.ForEachItem$ForEachItemMergeOutputs",
    .kind = TYPE_TASK,
    .where = RUN_CHILD,
    .title = "Join the outputs of the executions.",
    .fields = merge_fields,
    .outputs = merge_outputs,
    .run = run_merge,
};

/* --- the whole --- */

static int for_each_item_open(struct FlowableContext *context, struct FlowablePlan *ret)
{
    flow_plan_sequential(context, ret);
    return 0;
}

static const TypePart parts[] = {{"_split", &split}, {"_items", &items}, {"_merge", &merge}, {}};

static const Field fields[] = {FIELD_ITEMS, FIELD_BATCH, FIELDS_OF_FLOW, FLOW_FIELD_ERRORS, FLOW_FIELD_FINALLY, {}};

const Type task_core_for_each_item = {
    .name = "io.kestra.plugin.core.flow.ForEachItem",
    .aliases = (const char *const[]){"io.kestra.core.tasks.flows.ForEachItem", NULL},
    .kind = TYPE_TASK,
    .where = RUN_FLOWABLE,
    .title = "Start an execution of a flow for each batch of a file's lines.",
    .doc = "Inputs of the executions see their batch as `taskrun.items` (a URI) and its number as `taskrun.iteration`. "
           "With "
           "`wait`, the outputs of all executions are in one file: `outputs.<task id>_merge.subflowOutputs`.",
    .examples = (const char *const[]){"id: orders\n"
                                      "type: io.kestra.plugin.core.flow.ForEachItem\n"
                                      "items: \"{{ inputs.file }}\"\n"
                                      "batch:\n"
                                      "  rows: 100\n"
                                      "namespace: company.team\n"
                                      "flowId: order\n"
                                      "inputs:\n"
                                      "  orders: \"{{ taskrun.items }}\"\n",
                                      NULL},
    .fields = fields,
    .shape = SHAPE_LOOP,
    .parts = parts,
    .open = for_each_item_open,
};
