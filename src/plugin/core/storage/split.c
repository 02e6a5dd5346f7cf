/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io.kestra.plugin.core.storage.Split: a file in pieces of whole lines, by bytes, by number of pieces or by rows; the first
 * that is given counts.
 */
#include "doc/json.h"
#include "plugin/core/storage/storage_task.h"

enum { PARTITIONS_MAX = 1000 };

typedef struct Split {
    RunContext *run;
    const char *extension;
    char *separator;
    int64_t bytes, partitions, rows; /* one is not 0 */
    VEC(StorageWriter) writers;      /* one, or one a partition */
    int64_t written_bytes, written_rows, line;
    json_t *uris;
} Split;

/* "10MB", "512KiB", "100": bytes; -1 when it is none. */
static int64_t size_of(const char *text)
{
    static const struct {
        const char *unit;
        int64_t factor;
    } units[] = {{"", 1}, {"B", 1}, {"KB", 1024}, {"KIB", 1024}, {"MB", 1 << 20}, {"MIB", 1 << 20}, {"GB", 1 << 30}, {"GIB", 1 << 30}};
    char *end;
    intmax_t number = strtoimax(text, &end, 10);
    end += strspn(end, " ");
    for (size_t i = 0; i < ELEMENTS(units) && end != text && number > 0; i++)
        if (strcasecmp(end, units[i].unit) == 0)
            return number * units[i].factor;
    return -1;
}

static int keep(Split *split, StorageWriter *writer)
{
    _cleanup_free_ char *uri = NULL;
    int r = storage_task_keep(split->run, writer, split->extension, &uri);
    if (r == 0)
        json_array_append_new(split->uris, json_string(uri));
    return r;
}

static int start_piece(Split *split)
{
    StorageWriter writer;
    int r = storage_task_create(split->run, &writer);
    if (r == 0)
        vec_push(&split->writers, writer);
    split->written_bytes = split->written_rows = 0;
    return r;
}

/* Ends the only open piece. */
static int end_piece(Split *split)
{
    int r = keep(split, &split->writers.items[0]);
    storage_writer_done(&split->writers.items[0]);
    split->writers.count = 0;
    return r;
}

static int take_line(Split *split, const char *line, size_t length)
{
    size_t at = split->bytes == 0 && split->partitions > 0 ? (size_t)(split->line++ % split->partitions) : 0;
    while (split->writers.count <= at) {
        int r = start_piece(split);
        if (r != 0)
            return r;
    }
    FILE *file = split->writers.items[at].file;
    (void)fwrite(line, 1, length, file);     /* storage_task_keep() looks */
    (void)fputs(split->separator, file);     /* the same */
    split->written_bytes += (int64_t)(length + strlen(split->separator));
    split->written_rows++;
    bool is_full = split->bytes > 0 ? split->written_bytes >= split->bytes
                                    : split->partitions == 0 && split->written_rows >= split->rows;
    return is_full ? end_piece(split) : 0;
}

static int split_file(Split *split, FILE *from)
{
    _cleanup_free_ char *line = NULL;
    size_t allocated = 0;
    int r = 0;
    for (ssize_t n; r == 0 && (n = getline(&line, &allocated, from)) >= 0;) {
        if (n > 0 && line[n - 1] == '\n')
            n--;
        if (n > 0 && line[n - 1] == '\r')
            n--;
        r = take_line(split, line, (size_t)n);
    }
    for (size_t i = 0; r == 0 && i < split->writers.count; i++)
        r = keep(split, &split->writers.items[i]);
    return r;
}

static int read_sizes(Split *split)
{
    _cleanup_free_ char *bytes = NULL;
    int r = run_text(split->run, "bytes", &bytes);
    if (r == 0)
        r = run_integer(split->run, "partitions", 0, &split->partitions);
    if (r == 0)
        r = run_integer(split->run, "rows", 0, &split->rows);
    if (r != 0)
        return r;
    if (bytes && (split->bytes = size_of(bytes)) < 0)
        return run_fail(split->run, "'%s' is not a number of bytes", bytes);
    if (split->partitions < 0 || split->partitions > PARTITIONS_MAX || split->rows < 0)
        return run_fail(split->run, "partitions must be 1 to %d, rows at least 1", PARTITIONS_MAX);
    if (split->bytes == 0 && split->partitions == 0 && split->rows == 0)
        return run_fail(split->run, "Invalid configuration with no size, count, nor rows");
    return 0;
}

static int run_split(RunContext *run)
{
    _cleanup_free_ char *from = NULL;
    _cleanup_(storage_task_close) FILE *file = NULL;
    Split split = {.run = run, .uris = json_array()};
    int r = storage_task_uri(run, "from", &from);
    if (r == 0)
        r = storage_task_separator(run, "\n", &split.separator);
    if (r == 0)
        r = read_sizes(&split);
    if (r == 0)
        r = storage_task_open(run, from, &file);
    if (r == 0) {
        split.extension = storage_task_extension(from);
        r = split_file(&split, file);
    }
    if (r == 0)
        run_output(run, "uris", json_incref(split.uris));
    for (size_t i = 0; i < split.writers.count; i++)
        storage_writer_done(&split.writers.items[i]);
    vec_free(&split.writers);
    json_decref(split.uris);
    free(split.separator);
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
