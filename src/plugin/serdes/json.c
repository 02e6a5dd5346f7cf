/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io.kestra.plugin.serdes.json: JSON, as lines or as one array, to and from Ion. An array is cut into its items by
 * counting brackets outside of texts, so that it never stands in memory as a whole.
 */
#include <ctype.h>

#include "doc/json.h"
#include "expr/json_read.h"
#include "plugin/serdes/serdes.h"

/* --- from JSON --- */

/* serdes->line is one JSON value. */
static int put_json(Serdes *serdes)
{
    Value value;
    JsonError error;
    arena_reset(serdes->arena);
    if (!json_read(serdes->arena, buffer_text(&serdes->line), serdes->line.length, &value, &error))
        return run_fail(serdes->run, "Record %" PRId64 " of the file is not JSON: %s", serdes->records + 1,
                        error.message);
    return serdes_put_ion(serdes, &value);
}

static int convert_lines(Serdes *serdes)
{
    for (;;) {
        bool more;
        int r = serdes_line(serdes, &more);
        if (r != 0 || !more)
            return r;
        r = put_json(serdes);
        if (r != 0)
            return r;
    }
}

/* The rest of a text, from behind its first quote. */
static void read_text(Serdes *serdes)
{
    for (int c; (c = getc_unlocked(serdes->file)) != EOF && serdes->line.length <= SERDES_RECORD_BYTES_MAX;) {
        buffer_append_char(&serdes->line, (char)c);
        if (c == '"')
            return;
        if (c == '\\' && (c = getc_unlocked(serdes->file)) != EOF)
            buffer_append_char(&serdes->line, (char)c);
    }
}

/* An item of an array into serdes->line; *ret_end: what stands behind it, `,` or `]` or EOF. */
static int read_item(Serdes *serdes, int *ret_end)
{
    unsigned depth = 0;
    int c;
    buffer_clear(&serdes->line);
    while ((c = getc_unlocked(serdes->file)) != EOF) {
        if (depth == 0 && (c == ',' || c == ']'))
            break;
        depth += c == '[' || c == '{';
        depth -= depth > 0 && (c == ']' || c == '}');
        if (serdes->line.length > 0 || !isspace(c))
            buffer_append_char(&serdes->line, (char)c);
        if (c == '"')
            read_text(serdes);
        if (serdes->line.length > SERDES_RECORD_BYTES_MAX)
            return run_fail(serdes->run, "Record %" PRId64 " is longer than %zu bytes", serdes->records + 1,
                            SERDES_RECORD_BYTES_MAX);
    }
    *ret_end = c;
    return ferror(serdes->file) ? run_fail(serdes->run, "The file cannot be read: %m") : 0;
}

static int convert_array(Serdes *serdes)
{
    for (int end = ','; end == ',';) {
        int r = read_item(serdes, &end);
        if (r == 0 && end == EOF)
            r = run_fail(serdes->run, "The file is not JSON: the array has no end");
        if (r != 0)
            return r;
        if (serdes->line.length == 0 && end == ']' && serdes->records == 0)
            return 0; /* [] */
        r = put_json(serdes);
        if (r != 0)
            return r;
    }
    return 0;
}

static int convert_document(Serdes *serdes)
{
    int c;
    while ((c = getc_unlocked(serdes->file)) != EOF && isspace(c))
        ;
    if (c == '[')
        return convert_array(serdes);
    for (; c != EOF; c = getc_unlocked(serdes->file)) {
        buffer_append_char(&serdes->line, (char)c);
        if (serdes->line.length > SERDES_RECORD_BYTES_MAX)
            return run_fail(serdes->run, "The document is longer than %zu bytes", SERDES_RECORD_BYTES_MAX);
    }
    return put_json(serdes);
}

static int run_json_to_ion(RunContext *run)
{
    bool lines;
    int r = run_boolean(run, "newLine", true, &lines);
    return r == 0 ? serdes_run(run, true, ".ion", lines ? convert_lines : convert_document) : r;
}

/* --- to JSON --- */

static int write_values(Serdes *serdes, const char *before, const char *between, const char *after)
{
    buffer_append(&serdes->text, before);
    for (;;) {
        Value value;
        bool more;
        int r = serdes_value(serdes, &more, &value);
        if (r != 0)
            return r;
        if (!more)
            break;
        if (serdes->records++ > 0)
            buffer_append(&serdes->text, between);
        json_write(&serdes->text, &value, true);
        r = serdes_flush(serdes);
        if (r != 0)
            return r;
    }
    buffer_append(&serdes->text, after);
    return serdes_flush(serdes);
}

static int write_lines(Serdes *serdes)
{
    int r = write_values(serdes, "", "\n", "");
    buffer_append(&serdes->text, serdes->records > 0 ? "\n" : "");
    return r == 0 ? serdes_flush(serdes) : r;
}

static int write_array(Serdes *serdes)
{
    return write_values(serdes, "[", ",", "]");
}

static int run_ion_to_json(RunContext *run)
{
    bool lines;
    int r = run_boolean(run, "newLine", true, &lines);
    return r == 0 ? serdes_run(run, false, lines ? ".jsonl" : ".json", lines ? write_lines : write_array) : r;
}

static const Field fields[] = {
    SERDES_FROM,
    SERDES_CHARSET,
    {"newLine", FIELD_BOOLEAN, FIELD_DYNAMIC, .fallback = "true",
     .doc = "Each line is a JSON value; otherwise the file is one, whose items are the records when it is a list."},
    {},
};

const Type task_serdes_json_to_ion = {
    .name = "io.kestra.plugin.serdes.json.JsonToIon",
    .aliases = (const char *const[]){"io.kestra.plugin.serdes.json.JsonReader", NULL},
    .kind = TYPE_TASK,
    .where = RUN_CHILD,
    .title = "Convert JSON to Ion.",
    .doc = "The file is read as a stream, whatever its size; also an array.",
    .examples = (const char *const[]){"id: to_ion\n"
                                      "type: io.kestra.plugin.serdes.json.JsonToIon\n"
                                      "from: \"{{ outputs.download.uri }}\"\n"
                                      "newLine: false\n",
                                      NULL},
    .fields = fields,
    .outputs = serdes_outputs,
    .run = run_json_to_ion,
};

static const Field to_json_fields[] = {
    SERDES_FROM,
    SERDES_CHARSET,
    {"newLine", FIELD_BOOLEAN, FIELD_DYNAMIC, .fallback = "true",
     .doc = "Each record becomes a line; otherwise the file is a list of all records."},
    SERDES_ZONE,
    {},
};

const Type task_serdes_ion_to_json = {
    .name = "io.kestra.plugin.serdes.json.IonToJson",
    .aliases = (const char *const[]){"io.kestra.plugin.serdes.json.JsonWriter", NULL},
    .kind = TYPE_TASK,
    .where = RUN_CHILD,
    .title = "Convert Ion to JSON.",
    .doc = "The file is read and written as a stream, whatever its size; also an array.",
    .examples = (const char *const[]){"id: to_json\n"
                                      "type: io.kestra.plugin.serdes.json.IonToJson\n"
                                      "from: \"{{ outputs.query.uri }}\"\n",
                                      NULL},
    .fields = to_json_fields,
    .outputs = serdes_outputs,
    .run = run_ion_to_json,
};
