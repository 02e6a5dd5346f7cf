/* SPDX-License-Identifier: Apache-2.0 */
/* io.kestra.plugin.serdes.csv.CsvToIon: a row becomes a struct of texts, or a list when there is no header. */
#include "doc/json.h"
#include "model/log_entry.h"
#include "plugin/serdes/serdes.h"

static const char *const bad_lines[] = {"ERROR", "WARN", "SKIP", NULL};

typedef struct Csv {
    Serdes *serdes;
    char separator, quote;
    bool has_header, skip_empty, extra_allowed;
    int64_t skip_rows, field_max;
    char *on_bad;
    List *names;       /* the header, in its own arena */
    Arena *name_arena; /* lives as long as the file */
    Buffer bytes;      /* of all fields of the row */
    VEC(size_t) ends;  /* of each field in bytes */
    const char *fault; /* why the row just read is bad, or NULL */
    uint64_t rows;
} Csv;

static int read_properties(Csv *csv)
{
    RunContext *run = csv->serdes->run;
    int r = serdes_character(run, "fieldSeparator", ',', &csv->separator);
    if (r == 0)
        r = serdes_character(run, "textDelimiter", '"', &csv->quote);
    if (r == 0)
        r = run_boolean(run, "header", true, &csv->has_header);
    if (r == 0)
        r = run_boolean(run, "skipEmptyRows", false, &csv->skip_empty);
    if (r == 0)
        r = run_boolean(run, "allowExtraCharsAfterClosingQuote", false, &csv->extra_allowed);
    if (r == 0)
        r = run_integer(run, "skipRows", 0, &csv->skip_rows);
    if (r == 0)
        r = run_integer(run, "maxFieldSize", 16 * 1024 * 1024, &csv->field_max);
    return r == 0 ? run_text(run, "onBadLines", &csv->on_bad) : r;
}

/* --- rows --- */

static void end_field(Csv *csv)
{
    size_t begin = csv->ends.count > 0 ? csv->ends.items[csv->ends.count - 1] : 0;
    if ((int64_t)(csv->bytes.length - begin) > csv->field_max)
        csv->fault = "a field is larger than maxFieldSize";
    vec_push(&csv->ends, csv->bytes.length);
}

/* What is between quotes, from behind the first one. */
static void read_quoted(Csv *csv, FILE *file)
{
    for (int c; (c = getc_unlocked(file)) != EOF && csv->bytes.length <= SERDES_RECORD_BYTES_MAX;) {
        csv->serdes->row += c == '\n';
        if (c != csv->quote) {
            buffer_append_char(&csv->bytes, (char)c);
            continue;
        }
        c = getc_unlocked(file);
        if (c != csv->quote) {
            (void)ungetc(c, file); /* of EOF: nothing */
            return;
        }
        buffer_append_char(&csv->bytes, csv->quote);
    }
    csv->fault = "a quoted field has no end";
}

/* One field; false when it was the last of its row. */
static bool read_field(Csv *csv, FILE *file)
{
    int c = getc_unlocked(file);
    bool was_quoted = c == csv->quote;
    if (was_quoted) {
        read_quoted(csv, file);
        c = getc_unlocked(file);
    }
    for (; c != EOF && c != '\n' && c != csv->separator; c = getc_unlocked(file)) {
        if (c == '\r') {
            int next = getc_unlocked(file);
            (void)ungetc(next, file); /* of EOF: nothing */
            if (next == '\n' || next == EOF)
                continue;
            c = '\n'; /* a row of an old Mac */
            break;
        }
        if (was_quoted && !csv->extra_allowed)
            csv->fault = "there is text behind a closing quote";
        buffer_append_char(&csv->bytes, (char)c);
        if (csv->bytes.length > SERDES_RECORD_BYTES_MAX)
            break;
    }
    end_field(csv);
    return c == csv->separator && csv->bytes.length <= SERDES_RECORD_BYTES_MAX;
}

static int read_row(Csv *csv, bool *ret_more)
{
    Serdes *serdes = csv->serdes;
    buffer_clear(&csv->bytes);
    csv->ends.count = 0;
    csv->fault = NULL;
    serdes->row++;
    int c = getc_unlocked(serdes->file);
    *ret_more = c != EOF;
    if (c == EOF)
        return ferror(serdes->file) ? run_fail(serdes->run, "The file cannot be read: %m") : 0;
    (void)ungetc(c, serdes->file); /* one always fits */
    while (read_field(csv, serdes->file))
        ;
    if (csv->bytes.length > SERDES_RECORD_BYTES_MAX)
        return run_fail(serdes->run, "Line %" PRIu64 " is longer than %zu bytes", serdes->row, SERDES_RECORD_BYTES_MAX);
    return 0;
}

static Value field_at(const Csv *csv, size_t i)
{
    size_t begin = i > 0 ? csv->ends.items[i - 1] : 0, length = csv->ends.items[i] - begin;
    const char *text = buffer_text(&csv->bytes) + begin;
    return length == 2 && memcmp(text, "\\N", 2) == 0 ? VALUE_NULL_INIT : value_text(text, length);
}

/* --- what becomes of them --- */

static void keep_header(Csv *csv)
{
    csv->names = list_new(csv->name_arena, csv->ends.count);
    for (size_t i = 0; i < csv->ends.count; i++) {
        size_t begin = i > 0 ? csv->ends.items[i - 1] : 0, length = csv->ends.items[i] - begin;
        const char *text = arena_strndup(csv->name_arena, buffer_text(&csv->bytes) + begin, length);
        list_push(csv->name_arena, csv->names, value_text(text, length));
    }
}

static int report_bad(Csv *csv, const char *why)
{
    RunContext *run = csv->serdes->run;
    if (!csv->on_bad || streq(csv->on_bad, "ERROR"))
        return run_fail(run, "Bad line encountered (%s, line %" PRIu64 ")", why, csv->serdes->row);
    if (streq(csv->on_bad, "WARN"))
        run_log(run, LOG_LEVEL_WARN, "Bad line encountered (skipped): %s, line %" PRIu64, why, csv->serdes->row);
    return 0;
}

static int put_struct(Csv *csv)
{
    Serdes *serdes = csv->serdes;
    if (csv->ends.count != csv->names->count) {
        _cleanup_free_ char *why =
            xasprintf("field count mismatch: Expected %zu, got %zu fields", csv->names->count, csv->ends.count);
        return report_bad(csv, why);
    }
    arena_reset(serdes->arena);
    ValueMap *map = map2_new(serdes->arena);
    for (size_t i = 0; i < csv->ends.count; i++)
        map2_put(serdes->arena, map, csv->names->items[i], field_at(csv, i));
    Value row = value_map(map);
    return serdes_put_ion(serdes, &row);
}

static int put_list(Csv *csv)
{
    Serdes *serdes = csv->serdes;
    arena_reset(serdes->arena);
    List *list = list_new(serdes->arena, csv->ends.count);
    for (size_t i = 0; i < csv->ends.count; i++)
        list_push(serdes->arena, list, field_at(csv, i));
    Value row = value_list(list);
    return serdes_put_ion(serdes, &row);
}

static int put_row(Csv *csv)
{
    bool is_empty = csv->ends.count == 1 && csv->bytes.length == 0;
    if (is_empty && csv->skip_empty)
        return 0;
    if (csv->fault)
        return report_bad(csv, csv->fault);
    if (csv->has_header && !csv->names) {
        keep_header(csv);
        return 0;
    }
    if (csv->skip_rows > 0) {
        csv->skip_rows--;
        return 0;
    }
    return csv->has_header ? put_struct(csv) : put_list(csv);
}

static int convert(Serdes *serdes)
{
    Csv csv = {.serdes = serdes, .name_arena = arena_new()};
    bool more = true;
    int r = read_properties(&csv);
    while (r == 0) {
        r = read_row(&csv, &more);
        if (r != 0 || !more)
            break;
        r = put_row(&csv);
    }
    buffer_done(&csv.bytes);
    vec_free(&csv.ends);
    arena_free(csv.name_arena);
    free(csv.on_bad);
    return r;
}

static int run_csv_to_ion(RunContext *run)
{
    return serdes_run(run, true, ".ion", convert);
}

static const Field fields[] = {
    SERDES_FROM,
    {"header", FIELD_BOOLEAN, FIELD_DYNAMIC, .fallback = "true", .doc = "The first row names the columns."},
    {"fieldSeparator", FIELD_STRING, FIELD_DYNAMIC, .fallback = "\",\"", .doc = "Character between fields."},
    {"textDelimiter", FIELD_STRING, FIELD_DYNAMIC, .fallback = "\"\\\"\"", .doc = "Character around texts."},
    {"skipEmptyRows", FIELD_BOOLEAN, FIELD_DYNAMIC, .fallback = "false", .doc = "Leave empty rows out."},
    {"errorOnDifferentFieldCount", FIELD_BOOLEAN, FIELD_DYNAMIC | FIELD_DEPRECATED, .doc = "Use onBadLines."},
    {"onBadLines", FIELD_ENUM, FIELD_DYNAMIC, .values = bad_lines, .fallback = "\"ERROR\"",
     .doc = "What happens to a row with another number of fields than the header, or with broken quotes."},
    {"skipRows", FIELD_INTEGER, FIELD_DYNAMIC, .fallback = "0", .doc = "Rows left out behind the header."},
    SERDES_CHARSET,
    {"maxBufferSize", FIELD_INTEGER, FIELD_DYNAMIC, .fallback = "16777216",
     .doc = "Accepted; a row may always have 32 MiB."},
    {"allowExtraCharsAfterClosingQuote", FIELD_BOOLEAN, FIELD_DYNAMIC, .fallback = "false",
     .doc = "Text behind a closing quote belongs to the field."},
    {"maxFieldSize", FIELD_INTEGER, FIELD_DYNAMIC, .fallback = "16777216", .doc = "Most bytes of a field."},
    {},
};

const Type task_serdes_csv_to_ion = {
    .name = "io.kestra.plugin.serdes.csv.CsvToIon",
    .aliases = (const char *const[]){"io.kestra.plugin.serdes.csv.CsvReader", NULL},
    .kind = TYPE_TASK,
    .where = RUN_CHILD,
    .title = "Convert CSV to Ion.",
    .doc = "The file is read as a stream, whatever its size. A field `\\N` is null.",
    .examples = (const char *const[]){"id: to_ion\n"
                                      "type: io.kestra.plugin.serdes.csv.CsvToIon\n"
                                      "from: \"{{ outputs.download.uri }}\"\n",
                                      NULL},
    .fields = fields,
    .outputs = serdes_outputs,
    .run = run_csv_to_ion,
};
