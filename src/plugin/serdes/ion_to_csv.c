/* SPDX-License-Identifier: Apache-2.0 */
/* io.kestra.plugin.serdes.csv.IonToCsv */
#include "doc/json.h"
#include "plugin/serdes/serdes.h"

#define DATE_FORMAT      "yyyy-MM-dd"
#define DATE_TIME_FORMAT "yyyy-MM-dd'T'HH:mm:ss.SSS[XXX]"

static const char *const quote_modes[] = {"ALWAYS", "REQUIRED", "NON_NUMERIC", NULL};

typedef enum QuoteMode { QUOTE_ALWAYS, QUOTE_REQUIRED, QUOTE_NON_NUMERIC } QuoteMode;

/* A format of dates other than the default: `{{ value | date(format, timeZone='UTC') }}`. */
typedef struct Printer {
    char *format; /* NULL: the default */
    Expr *expr;
} Printer;

typedef struct Writer {
    Serdes *serdes;
    char separator, quote;
    char *line_end;
    bool has_header;
    QuoteMode mode;
    Printer date, date_time;
    Buffer field;
} Writer;

/* --- properties --- */

static int read_printer(RunContext *run, const char *property, const char *fallback, Printer *printer)
{
    static const char source[] = "{{ value | date(format, timeZone='UTC') }}";
    _cleanup_free_ char *text = NULL;
    _cleanup_diag_ Diag diag = DIAG_INIT;
    int r = run_text(run, property, &text);
    if (r != 0 || !text || streq(text, fallback))
        return r;
    char *to = text;
    for (const char *from = text; *from; from++)
        if (*from != '[' && *from != ']') /* what is optional is always there: every date of Ion has a zone */
            *to++ = *from;
    *to = '\0';
    printer->format = TAKE_PTR(text);
    r = expr_compile(source, strlen(source), &printer->expr, &diag);
    return r > 0 ? run_fail(run, "%s", diag_first(&diag)) : r;
}

static int read_mode(RunContext *run, QuoteMode *ret)
{
    _cleanup_free_ char *mode = NULL;
    bool always;
    int r = run_boolean(run, "alwaysDelimitText", false, &always);
    if (r == 0)
        r = run_text(run, "quoteMode", &mode);
    *ret = r == 0 && always ? QUOTE_ALWAYS : QUOTE_REQUIRED;
    if (r != 0 || !mode)
        return r;
    for (size_t i = 0; quote_modes[i]; i++)
        if (streq(quote_modes[i], mode)) {
            *ret = (QuoteMode)i;
            return 0;
        }
    return run_fail(run, "Property 'quoteMode' cannot be '%s'", mode);
}

static int read_properties(Writer *writer)
{
    RunContext *run = writer->serdes->run;
    _cleanup_free_ char *line_end = NULL;
    int r = serdes_character(run, "fieldSeparator", ',', &writer->separator);
    if (r == 0)
        r = serdes_character(run, "textDelimiter", '"', &writer->quote);
    if (r == 0)
        r = run_boolean(run, "header", true, &writer->has_header);
    if (r == 0)
        r = run_text(run, "lineDelimiter", &line_end);
    if (r == 0)
        r = read_mode(run, &writer->mode);
    if (r == 0)
        r = read_printer(run, "dateFormat", DATE_FORMAT, &writer->date);
    if (r == 0)
        r = read_printer(run, "dateTimeFormat", DATE_TIME_FORMAT, &writer->date_time);
    writer->line_end = storage_task_unescape(line_end ? line_end : "\n");
    return r;
}

/* --- fields --- */

static int print_date(Writer *writer, const Printer *printer, const Value *value)
{
    Serdes *serdes = writer->serdes;
    if (!printer->expr) {
        ion_write(&writer->field, value);
        return 0;
    }
    _cleanup_json_ json_t *variables = json_object();
    _cleanup_diag_ Diag diag = DIAG_INIT;
    _cleanup_free_ char *text = NULL;
    json_object_set_new(variables, "value", value_to_json(serdes->arena, value));
    json_set_text(variables, "format", printer->format);
    int r = expr_render(printer->expr, &(ExprContext){.variables = variables}, &text, &diag);
    if (r > 0)
        return run_fail(serdes->run, "Line %" PRIu64 ": a date cannot be written as '%s': %s", serdes->row,
                        printer->format, diag_first(&diag));
    if (r == 0)
        buffer_append(&writer->field, text);
    return r;
}

static bool is_numeric(const Buffer *field)
{
    const char *text = buffer_text(field);
    text += *text == '-' || *text == '+';
    size_t digits = strspn(text, "0123456789");
    const char *rest = text + digits;
    rest += *rest == '.';
    return *text && rest[strspn(rest, "0123456789")] == '\0';
}

static bool needs_quotes(const Writer *writer, bool is_first)
{
    const char special[] = {writer->separator, writer->quote, '\n', '\r'};
    const char *text = buffer_text(&writer->field);
    if (is_first && *text == '#') /* would be a comment */
        return true;
    for (size_t i = 0; i < sizeof special; i++)
        if (memchr(text, special[i], writer->field.length))
            return true;
    return false;
}

static void append_field(Writer *writer, const Value *value, bool is_first)
{
    Buffer *out = &writer->serdes->text;
    bool quoted = writer->mode == QUOTE_ALWAYS;
    if (writer->mode == QUOTE_NON_NUMERIC)
        quoted = value->kind != VALUE_NULL && !is_numeric(&writer->field);
    quoted = quoted || needs_quotes(writer, is_first);
    if (quoted)
        buffer_append_char(out, writer->quote);
    for (size_t i = 0; i < writer->field.length; i++) {
        if (quoted && writer->field.text[i] == writer->quote)
            buffer_append_char(out, writer->quote);
        buffer_append_char(out, writer->field.text[i]);
    }
    if (quoted)
        buffer_append_char(out, writer->quote);
}

static int put_field(Writer *writer, const Value *value, bool is_first)
{
    int r = 0;
    if (!is_first)
        buffer_append_char(&writer->serdes->text, writer->separator);
    buffer_clear(&writer->field);
    if (value->kind == VALUE_DATE)
        r = print_date(writer, value->date->kind == DATE_LOCAL_DATE ? &writer->date : &writer->date_time, value);
    else if (value->kind != VALUE_NULL)
        java_append(&writer->field, value);
    if (r == 0)
        append_field(writer, value, is_first);
    return r;
}

/* --- rows --- */

static int put_struct(Writer *writer, const Value *row, bool names)
{
    MapWalk walk = {.map = *row};
    bool is_first = true;
    int r = 0;
    for (Value key, value; r == 0 && map_walk(&walk, &key, &value); is_first = false)
        r = put_field(writer, names ? &key : &value, is_first);
    buffer_append(&writer->serdes->text, writer->line_end);
    return r;
}

static int put_list(Writer *writer, const Value *row)
{
    int r = 0;
    if (writer->has_header)
        return run_fail(writer->serdes->run, "Invalid data of type List with header");
    for (size_t i = 0; r == 0 && i < value_count(row); i++) {
        Value item = value_item(row, i);
        r = put_field(writer, &item, i == 0);
    }
    buffer_append(&writer->serdes->text, writer->line_end);
    return r;
}

static int put_row(Writer *writer, const Value *row)
{
    int r = 0;
    if (row->kind == VALUE_MAP && writer->serdes->records == 0 && writer->has_header)
        r = put_struct(writer, row, true);
    if (r == 0 && row->kind == VALUE_MAP)
        r = put_struct(writer, row, false);
    if (r == 0 && row->kind == VALUE_LIST)
        r = put_list(writer, row);
    writer->serdes->records++;
    return r == 0 ? serdes_flush(writer->serdes) : r;
}

static int convert(Serdes *serdes)
{
    Writer writer = {.serdes = serdes};
    int r = read_properties(&writer);
    while (r == 0) {
        Value row;
        bool more;
        r = serdes_value(serdes, &more, &row);
        if (r != 0 || !more)
            break;
        r = put_row(&writer, &row);
    }
    free(writer.line_end);
    free(writer.date.format);
    free(writer.date_time.format);
    expr_unref(writer.date.expr);
    expr_unref(writer.date_time.expr);
    buffer_done(&writer.field);
    return r;
}

static int run_ion_to_csv(RunContext *run)
{
    return serdes_run(run, false, ".csv", convert);
}

static const Field fields[] = {
    SERDES_FROM,
    {"header", FIELD_BOOLEAN, FIELD_DYNAMIC, .fallback = "true", .doc = "Begin with the names of the first struct."},
    {"fieldSeparator", FIELD_STRING, FIELD_DYNAMIC, .fallback = "\",\"", .doc = "Character between fields."},
    {"textDelimiter", FIELD_STRING, FIELD_DYNAMIC, .fallback = "\"\\\"\"", .doc = "Character around texts."},
    {"lineDelimiter", FIELD_STRING, FIELD_DYNAMIC, .fallback = "\"\\n\"", .doc = "What ends a row."},
    {"alwaysDelimitText", FIELD_BOOLEAN, FIELD_DYNAMIC, .fallback = "false", .doc = "The same as quoteMode ALWAYS."},
    {"quoteMode", FIELD_ENUM, FIELD_DYNAMIC, .values = quote_modes,
     .doc = "Which fields stand between quotes: all (ALWAYS), those that must (REQUIRED), or all but numbers."},
    SERDES_CHARSET,
    {"dateFormat", FIELD_STRING, FIELD_DYNAMIC, .fallback = "\"" DATE_FORMAT "\"", .doc = "Pattern of dates."},
    {"timeFormat", FIELD_STRING, FIELD_DYNAMIC, .fallback = "\"HH:mm:ss[XXX]\"",
     .doc = "Accepted; Ion has no times of day, they are texts."},
    {"dateTimeFormat", FIELD_STRING, FIELD_DYNAMIC, .fallback = "\"" DATE_TIME_FORMAT "\"",
     .doc = "Pattern of timestamps, in UTC."},
    SERDES_ZONE,
    {},
};

const Type task_serdes_ion_to_csv = {
    .name = "io.kestra.plugin.serdes.csv.IonToCsv",
    .aliases = (const char *const[]){"io.kestra.plugin.serdes.csv.CsvWriter", NULL},
    .kind = TYPE_TASK,
    .where = RUN_CHILD,
    .title = "Convert Ion to CSV.",
    .doc = "The file is read as a stream, whatever its size: structs, or lists without a header.",
    .examples = (const char *const[]){"id: to_csv\n"
                                      "type: io.kestra.plugin.serdes.csv.IonToCsv\n"
                                      "from: \"{{ outputs.query.uri }}\"\n",
                                      NULL},
    .fields = fields,
    .outputs = serdes_outputs,
    .run = run_ion_to_csv,
};
