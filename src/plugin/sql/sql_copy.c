/* SPDX-License-Identifier: Apache-2.0 */
/* COPY of PostgreSQL between a file of internal storage and a table. */
#include "doc/json.h"
#include "model/log_entry.h"
#include "plugin/core/storage/storage_task.h"
#include "plugin/sql/sql.h"

/* Options that are quoted texts, booleans, and lists of columns. */
static const char *const texts[][2] = {{"delimiter", "DELIMITER"},
                                       {"nullString", "NULL"},
                                       {"quote", "QUOTE"},
                                       {"escape", "ESCAPE"},
                                       {"encoding", "ENCODING"}};
static const char *const booleans[][2] = {{"freeze", "FREEZE"}, {"header", "HEADER"}};
static const char *const lists[][2] = {
    {"forceQuote", "FORCE_QUOTE"}, {"forceNotNull", "FORCE_NOT_NULL"}, {"forceNull", "FORCE_NULL"}};

static void append_quoted(Buffer *to, char quote, const char *text)
{
    buffer_append_char(to, quote);
    for (; *text; text++) {
        if (*text == quote)
            buffer_append_char(to, quote);
        buffer_append_char(to, *text);
    }
    buffer_append_char(to, quote);
}

/* (a, b): names as they are written, like in a statement. */
static void append_columns(Buffer *to, const json_t *columns)
{
    size_t i;
    json_t *column;
    buffer_append_char(to, '(');
    json_array_foreach (columns, i, column) {
        buffer_append(to, i > 0 ? ", " : "");
        buffer_append(to, json_string_value(column));
    }
    buffer_append_char(to, ')');
}

static void append_name(Buffer *options, const char *name)
{
    buffer_append(options, options->length > 0 ? ", " : "");
    buffer_append(options, name);
    buffer_append_char(options, ' ');
}

static int append_text(RunContext *run, const char *const option[2], Buffer *options)
{
    _cleanup_free_ char *text = NULL, *plain = NULL;
    int r = run_text(run, option[0], &text);
    if (r != 0 || !text)
        return r;
    plain = streq(option[0], "nullString") ? xstrdup(text) : storage_task_unescape(text);
    append_name(options, option[1]);
    append_quoted(options, '\'', plain);
    return 0;
}

static int append_boolean(RunContext *run, const char *const option[2], Buffer *options)
{
    _cleanup_free_ char *text = NULL;
    int r = run_text(run, option[0], &text);
    if (r != 0 || !text)
        return r;
    append_name(options, option[1]);
    buffer_append(options, strcasecmp(text, "true") == 0 ? "TRUE" : "FALSE");
    return 0;
}

static int append_list(RunContext *run, const char *const option[2], Buffer *options)
{
    _cleanup_json_ json_t *columns = NULL;
    int r = run_texts(run, option[0], &columns);
    if (r != 0 || json_array_size(columns) == 0)
        return r;
    append_name(options, option[1]);
    if (json_array_size(columns) == 1 && streq(json_string_value(json_array_get(columns, 0)), "*"))
        buffer_append_char(options, '*');
    else
        append_columns(options, columns);
    return 0;
}

static int append_format(RunContext *run, Buffer *options)
{
    _cleanup_free_ char *format = NULL;
    int r = run_text(run, "format", &format);
    if (r != 0 || !format)
        return r;
    if (!streq(format, "TEXT") && !streq(format, "CSV") && !streq(format, "BINARY"))
        return run_fail(run, "Property 'format' cannot be '%s'", format);
    append_name(options, "FORMAT");
    buffer_append(options, format);
    return 0;
}

static int append_options(RunContext *run, Buffer *sql)
{
    _cleanup_buffer_ Buffer options = {};
    int r = append_format(run, &options);
    for (size_t i = 0; r == 0 && i < ELEMENTS(texts); i++)
        r = append_text(run, texts[i], &options);
    for (size_t i = 0; r == 0 && i < ELEMENTS(booleans); i++)
        r = append_boolean(run, booleans[i], &options);
    for (size_t i = 0; r == 0 && i < ELEMENTS(lists); i++)
        r = append_list(run, lists[i], &options);
    if (r == 0 && options.length > 0)
        buffer_printf(sql, " WITH (%s)", options.text);
    return r;
}

/* "COPY table (columns)" or "COPY (sql)". */
static int append_source(RunContext *run, Buffer *sql)
{
    _cleanup_free_ char *table = NULL, *query = NULL;
    _cleanup_json_ json_t *columns = NULL;
    int r = run_text(run, "table", &table);
    if (r == 0)
        r = run_text(run, "sql", &query);
    if (r == 0)
        r = run_texts(run, "columns", &columns);
    if (r != 0)
        return r;
    if (!table && !query)
        return run_fail(run, "Either 'table' or 'sql' must be given");
    if (query) {
        buffer_printf(sql, "COPY (%s)", query);
        return 0;
    }
    buffer_printf(sql, "COPY %s ", table);
    if (json_array_size(columns) > 0)
        append_columns(sql, columns);
    return 0;
}

static int copy(RunContext *run, const char *direction, FILE *file, int64_t *ret_rows)
{
    const SqlDriver *driver = NULL;
    void *session = NULL;
    _cleanup_buffer_ Buffer sql = {};
    _cleanup_diag_ Diag diag = DIAG_INIT;
    int r = append_source(run, &sql);
    buffer_append(&sql, direction);
    if (r == 0)
        r = append_options(run, &sql);
    if (r == 0)
        r = sql_open(run, &driver, &session);
    if (r != 0)
        return r;
    run_log(run, LOG_LEVEL_DEBUG, "Starting query: %s", sql.text);
    r = driver->copy(session, sql.text, file, ret_rows, &diag);
    driver->close(session);
    return r == SQL_E_FAILED ? run_fail(run, "%s", diag_first(&diag)) : r;
}

static void tell_rows(RunContext *run, int64_t rows)
{
    run_counter(run, "rows", (double)rows, NULL);
    run_output(run, "rowCount", json_integer(rows));
}

int sql_run_copy_in(RunContext *run)
{
    _cleanup_free_ char *uri = NULL;
    FILE *file = NULL;
    int64_t rows = 0;
    int r = storage_task_uri(run, "from", &uri);
    if (r == 0)
        r = storage_task_open(run, uri, &file);
    if (r == 0)
        r = copy(run, " FROM STDIN", file, &rows);
    if (r == 0)
        tell_rows(run, rows);
    storage_task_close(&file);
    return r;
}

int sql_run_copy_out(RunContext *run)
{
    StorageWriter writer = {};
    _cleanup_free_ char *uri = NULL, *format = NULL;
    int64_t rows = 0;
    int r = run_text(run, "format", &format);
    if (r == 0)
        r = storage_task_create(run, &writer);
    if (r == 0)
        r = copy(run, " TO STDOUT", writer.file, &rows);
    if (r == 0)
        r = storage_task_keep(run, &writer, format && streq(format, "CSV") ? ".csv" : ".tsv", &uri);
    if (r == 0) {
        tell_rows(run, rows);
        run_output(run, "uri", json_string(uri));
    }
    storage_writer_done(&writer);
    return r;
}
