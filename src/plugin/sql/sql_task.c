/* SPDX-License-Identifier: Apache-2.0 */
/* Query, Queries and Trigger of every database: statements in, rows out in the form that fetchType asks for. */
#include "base/id.h"
#include "doc/json.h"
#include "expr/ion.h"
#include "model/log_entry.h"
#include "plugin/core/storage/storage_task.h"
#include "plugin/script_files.h"
#include "plugin/sql/sql.h"

#define FETCH_BYTES_MAX ((size_t)32 * 1024 * 1024)
enum { KILL_CHECK_ROWS = 1024 };

typedef enum FetchType { FETCH_NONE, FETCH_ROWS, FETCH_ONE, FETCH_STORE } FetchType;

typedef struct SqlTask {
    RunContext *run;
    const SqlDriver *driver;
    void *session;
    FetchType fetch;
    json_t *parameters;   /* or NULL */
    json_t *output_files; /* DuckDB: key → path, variable of the statement; or NULL */
    /* of the statement that runs */
    bool has_result;
    json_t *rows, *one;
    size_t fetched_bytes;
    StorageWriter writer;
    Buffer line;
    int64_t size;
    int64_t total; /* rows of all statements */
} SqlTask;

/* --- properties --- */

static int read_fetch(RunContext *run, FetchType *ret)
{
    static const struct {
        const char *name, *old;
        FetchType type;
    } types[] = {{"FETCH", "fetch", FETCH_ROWS},
                 {"FETCH_ONE", "fetchOne", FETCH_ONE},
                 {"STORE", "store", FETCH_STORE},
                 {"NONE", NULL, FETCH_NONE}};
    _cleanup_free_ char *text = NULL;
    int r = run_text(run, "fetchType", &text);
    *ret = FETCH_NONE;
    bool known = !text;
    for (size_t i = 0; r == 0 && i < ELEMENTS(types); i++) {
        bool is_set = false;
        if (types[i].old)
            r = run_boolean(run, types[i].old, false, &is_set);
        if (r == 0 && is_set) {
            *ret = types[i].type;
            return 0;
        }
    }
    for (size_t i = 0; r == 0 && text && i < ELEMENTS(types); i++)
        if (streq(types[i].name, text)) {
            *ret = types[i].type;
            known = true;
        }
    return r != 0 || known ? r : run_fail(run, "Property 'fetchType' cannot be '%s'", text);
}

/* outputFiles of DuckDB: a path for each key, seen by the statement as {{ outputFiles.key }}. */
static int read_output_files(SqlTask *task)
{
    _cleanup_json_ json_t *keys = NULL;
    int r = run_texts(task->run, "outputFiles", &keys);
    if (r != 0 || !keys)
        return r;
    task->output_files = json_object();
    size_t i;
    json_t *key;
    json_array_foreach (keys, i, key) {
        char id[ID_BYTES];
        id_new(id);
        _cleanup_free_ char *path = xasprintf("%s/%s", task->run->working_directory, id);
        json_object_set_new(task->output_files, json_string_value(key), json_string(path));
    }
    return 0;
}

static int render_sql(SqlTask *task, const char *property, char **ret)
{
    RunContext run = *task->run;
    ExprContext render = *run.render;
    _cleanup_json_ json_t *variables = NULL;
    if (task->output_files) {
        variables = json_copy((json_t *)render.variables);
        json_object_set(variables, "outputFiles", task->output_files);
        render.variables = variables;
        run.render = &render;
    }
    return run_text(&run, property, ret);
}

static int begin_task(SqlTask *task)
{
    int r = read_fetch(task->run, &task->fetch);
    if (r == 0)
        r = run_typed(task->run, "parameters", &task->parameters);
    const bool is_map = json_is_object(task->parameters);
    if (r == 0 && is_map && json_object_size(task->parameters) == 0) {
        json_decref(task->parameters);
        task->parameters = NULL;
    }
    if (r == 0)
        r = read_output_files(task);
    if (r == 0)
        r = script_files_write(task->run);
    return r == 0 ? sql_open(task->run, &task->driver, &task->session) : r;
}

static void end_statement(SqlTask *task)
{
    json_decref(task->rows);
    json_decref(task->one);
    task->rows = task->one = NULL;
    task->has_result = false;
    task->fetched_bytes = 0;
    task->size = 0;
    storage_writer_done(&task->writer);
}

static void end_task(SqlTask *task)
{
    end_statement(task);
    if (task->driver)
        task->driver->close(task->session);
    json_decref(task->parameters);
    json_decref(task->output_files);
    buffer_done(&task->line);
}

/* --- rows --- */

static int on_begin(void *userdata)
{
    SqlTask *task = userdata;
    task->has_result = true;
    if (task->fetch == FETCH_STORE)
        return storage_task_create(task->run, &task->writer);
    if (task->fetch == FETCH_ROWS)
        task->rows = json_array();
    return 0;
}

static int keep_row(SqlTask *task, Arena *arena, const Value *row)
{
    json_t *value = value_to_json(arena, row);
    task->fetched_bytes += json_size(value, FETCH_BYTES_MAX);
    json_array_append_new(task->rows, value);
    if (task->fetched_bytes > FETCH_BYTES_MAX)
        return run_fail(task->run, "The result has more than %zu bytes: use fetchType STORE", FETCH_BYTES_MAX);
    return 0;
}

static int store_row(SqlTask *task, const Value *row)
{
    buffer_clear(&task->line);
    ion_write(&task->line, row);
    buffer_append_char(&task->line, '\n');
    if (fwrite(task->line.text, 1, task->line.length, task->writer.file) != task->line.length)
        return run_fail(task->run, "A new file cannot be written: %m");
    return 0;
}

static int on_row(void *userdata, Arena *arena, const Value *row)
{
    SqlTask *task = userdata;
    if (task->fetch == FETCH_NONE || (task->fetch == FETCH_ONE && task->one))
        return 0;
    if (++task->size % KILL_CHECK_ROWS == 0 && run_is_killed(task->run))
        return RUN_E_FAILED;
    if (task->fetch == FETCH_ONE) {
        task->one = value_to_json(arena, row);
        return 0;
    }
    return task->fetch == FETCH_STORE ? store_row(task, row) : keep_row(task, arena, row);
}

/* --- statements --- */

static int execute(SqlTask *task, const char *sql)
{
    _cleanup_free_ char *bound = NULL;
    _cleanup_json_ json_t *values = NULL;
    _cleanup_diag_ Diag diag = DIAG_INIT;
    if (task->parameters)
        bound = sql_bind(sql, task->parameters, task->driver->placeholder, &values);
    run_log(task->run, LOG_LEVEL_DEBUG, "Starting query: %s", sql);
    end_statement(task);
    const SqlSink sink = {.begin = on_begin, .row = on_row, .userdata = task};
    int r = task->driver->execute(task->session, bound ? bound : sql, values, &sink, &diag);
    return r == SQL_E_FAILED ? run_fail(task->run, "%s", diag_first(&diag)) : r;
}

/* What does not concern rows: BEGIN and the like. */
static int command(SqlTask *task, const char *sql)
{
    const SqlSink sink = {};
    _cleanup_diag_ Diag diag = DIAG_INIT;
    int r = task->driver->execute(task->session, sql, NULL, &sink, &diag);
    return r == SQL_E_FAILED ? run_fail(task->run, "%s: %s", sql, diag_first(&diag)) : r;
}

/* {row}, {rows} or {uri}, and {size}, of the statement that ran. */
static int take_outputs(SqlTask *task, json_t *outputs)
{
    if (!task->has_result || task->fetch == FETCH_NONE)
        return 0;
    if (task->fetch == FETCH_STORE) {
        _cleanup_free_ char *uri = NULL;
        int r = storage_task_keep(task->run, &task->writer, ".ion", &uri);
        if (r != 0)
            return r;
        json_set_text(outputs, "uri", uri);
    }
    if (task->rows)
        json_object_set(outputs, "rows", task->rows);
    if (task->one)
        json_object_set(outputs, "row", task->one);
    json_object_set_new(outputs, "size", json_integer(task->size));
    task->total += task->size;
    return 0;
}

static void count_rows(SqlTask *task)
{
    bool fetches = task->fetch == FETCH_ROWS || task->fetch == FETCH_ONE;
    _cleanup_json_ json_t *tags = json_pack("{s:s,s:s}", "fetch", fetches ? "true" : "false", "store",
                                            task->fetch == FETCH_STORE ? "true" : "false");
    run_counter(task->run, "fetch.size", (double)task->total, tags);
}

/* Files that statements have written. */
static int upload_files(SqlTask *task)
{
    _cleanup_json_ json_t *uris = json_object();
    const char *key;
    json_t *path;
    if (!task->output_files)
        return 0;
    json_object_foreach (task->output_files, key, path) {
        _cleanup_free_ char *uri = NULL;
        const char *name = strrchr(json_string_value(path), '/') + 1;
        int r = script_files_upload(task->run, task->run->working_directory, name, key, &uri);
        if (r != 0)
            return r;
        json_set_text(uris, key, uri);
    }
    run_output(task->run, "outputFiles", TAKE_PTR(uris));
    return 0;
}

/* The file of the database itself, when it is asked for. */
static int upload_database(SqlTask *task)
{
    bool wanted;
    _cleanup_free_ char *uri = NULL;
    int r = run_boolean(task->run, "outputDbFile", false, &wanted);
    if (r != 0 || !wanted)
        return r;
    task->driver->close(TAKE_PTR(task->session)); /* all of it is in the file then */
    _cleanup_free_ char *stored = NULL;
    const SqlDatabase *database = task->run->task->type->row;
    r = run_text(task->run, database->engine == SQL_SQLITE ? "sqliteFile" : "databaseUri", &stored);
    if (r == 0)
        r = script_files_upload(task->run, task->run->working_directory, stored ? "stored.db" : ".memory.db",
                                "database.db", &uri);
    if (r == 0)
        run_output(task->run, "databaseUri", json_string(uri));
    return r;
}

/* --- the types --- */

static int run_statements(SqlTask *task, const char *sql, json_t *outputs)
{
    _cleanup_json_ json_t *statements = sql_split(sql);
    if (json_array_size(statements) == 0)
        return run_fail(task->run, "Property 'sql' has no statement");
    size_t i;
    json_t *statement;
    json_array_foreach (statements, i, statement) {
        _cleanup_json_ json_t *own = json_object();
        int r = execute(task, json_string_value(statement));
        if (r == 0)
            r = take_outputs(task, own);
        if (r != 0)
            return r;
        if (!task->has_result)
            continue;
        if (json_is_array(outputs)) {
            json_array_append(outputs, own);
        } else {
            json_object_clear(outputs);
            json_object_update(outputs, own); /* the last result counts */
            task->total = task->size;
        }
    }
    return 0;
}

/* begin: whether all is one transaction. after: goes with it; or NULL. */
static int run_transaction(SqlTask *task, bool begin, const char *sql, const char *after, json_t *outputs)
{
    int r = begin ? command(task, "BEGIN") : 0;
    if (r == 0)
        r = run_statements(task, sql, outputs);
    if (r == 0 && after) {
        _cleanup_json_ json_t *ignored = json_object();
        int64_t total = task->total;
        r = run_statements(task, after, ignored);
        task->total = total;
    }
    return r == 0 && begin ? command(task, "COMMIT") : r; /* else the session ends, and with it the transaction */
}

static int run_task(SqlTask *task, bool transaction, json_t *outputs)
{
    _cleanup_free_ char *sql = NULL, *after = NULL;
    int r = begin_task(task);
    if (r == 0)
        r = render_sql(task, "sql", &sql);
    if (r == 0)
        r = render_sql(task, "afterSQL", &after);
    if (r == 0)
        r = run_transaction(task, transaction || after, sql ? sql : "", after, outputs);
    if (r == 0)
        r = upload_files(task);
    if (r == 0)
        r = upload_database(task);
    if (r == 0)
        count_rows(task);
    return r;
}

int sql_run_query(RunContext *run)
{
    SqlTask task = {.run = run};
    _cleanup_json_ json_t *outputs = json_object();
    int r = run_task(&task, false, outputs);
    if (r == 0)
        json_object_update(run->outputs, outputs);
    end_task(&task);
    return r;
}

int sql_run_queries(RunContext *run)
{
    SqlTask task = {.run = run};
    _cleanup_json_ json_t *outputs = json_array();
    bool transaction;
    int r = run_boolean(run, "transaction", true, &transaction);
    if (r == 0)
        r = run_task(&task, transaction, outputs);
    if (r == 0)
        run_output(run, "outputs", TAKE_PTR(outputs));
    end_task(&task);
    return r;
}

int sql_run_trigger(RunContext *run)
{
    int r = sql_run_query(run);
    run->fires = r == 0 && json_get_integer(run->outputs, "size", 0) > 0;
    return r;
}
