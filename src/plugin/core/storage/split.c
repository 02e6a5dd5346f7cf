/* SPDX-License-Identifier: Apache-2.0 */
/* io.kestra.plugin.core.storage.Split */
#include "doc/json.h"
#include "plugin/core/storage/pieces.h"

static int read_sizes(Pieces *pieces)
{
    _cleanup_free_ char *bytes = NULL;
    int r = run_text(pieces->run, "bytes", &bytes);
    if (r == 0)
        r = run_integer(pieces->run, "partitions", 0, &pieces->partitions);
    if (r == 0)
        r = run_integer(pieces->run, "rows", 0, &pieces->rows);
    if (r != 0)
        return r;
    if (bytes && (pieces->bytes = pieces_size(bytes)) < 0)
        return run_fail(pieces->run, "'%s' is not a number of bytes", bytes);
    return 0;
}

static int run_split(RunContext *run)
{
    _cleanup_free_ char *from = NULL, *separator = NULL;
    json_t *uris;
    Pieces pieces = {.run = run};
    int r = storage_task_uri(run, "from", &from);
    if (r == 0)
        r = storage_task_separator(run, "\n", &separator);
    if (r == 0)
        r = read_sizes(&pieces);
    pieces.from = from;
    pieces.separator = separator;
    if (r == 0)
        r = pieces_cut(&pieces, &uris);
    if (r == 0)
        run_output(run, "uris", uris);
    return r;
}

static const Field fields[] = {
    {"from", FIELD_STRING, FIELD_DYNAMIC | FIELD_REQUIRED, .doc = "The file, kestra://…."},
    {"bytes", FIELD_STRING, FIELD_DYNAMIC, .doc = "A piece ends with the line that reaches this size (\"10MB\")."},
    {"partitions", FIELD_INTEGER, FIELD_DYNAMIC, .doc = "Number of pieces; lines go to them in turn."},
    {"rows", FIELD_INTEGER, FIELD_DYNAMIC, .doc = "Lines of a piece."},
    {"separator", FIELD_STRING, FIELD_DYNAMIC, .fallback = "\"\\\\n\"", .doc = "What is written after each line."},
    {},
};

static const Field outputs[] = {
    {"uris", FIELD_LIST, .item = FIELD_STRING, .doc = "The pieces, in order."},
    {},
};

const Type task_core_storage_split = {
    .name = "io.kestra.plugin.core.storage.Split",
    .aliases = (const char *const[]){"io.kestra.core.tasks.storages.Split", NULL},
    .kind = TYPE_TASK,
    .where = RUN_CHILD,
    .title = "Cut a file into pieces of whole lines.",
    .examples = (const char *const[]){"id: pieces\n"
                                      "type: io.kestra.plugin.core.storage.Split\n"
                                      "from: \"{{ outputs.data.uri }}\"\n"
                                      "rows: 1000\n",
                                      NULL},
    .fields = fields,
    .outputs = outputs,
    .run = run_split,
};
