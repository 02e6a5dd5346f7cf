/* SPDX-License-Identifier: Apache-2.0 */
/* SQLite for tasks. A value has the type that it is stored with; the declared one is only a wish. */
#include <sqlite3.h>

#include "doc/json.h"
#include "runner/sql_drivers.h"

enum { BUSY_MSEC = 10000 };

typedef struct Session {
    sqlite3 *database;
    Arena *arena;
} Session;

static int fail(const Session *session, Diag *diag)
{
    diag_error(diag, NULL, 0, 0, "%s", sqlite3_errmsg(session->database));
    return SQL_E_FAILED;
}

static void close_session(void *userdata)
{
    Session *session = userdata;
    if (!session)
        return;
    (void)sqlite3_close_v2(session->database); /* no statement is open */
    arena_free(session->arena);
    free(session);
}

static int open_session(const SqlTarget *target, void **ret, Diag *diag)
{
    Session *session = xnew(Session);
    session->arena = arena_new();
    if (sqlite3_open_v2(target->path, &session->database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) !=
        SQLITE_OK) {
        int r = fail(session, diag);
        close_session(session);
        return r;
    }
    (void)sqlite3_busy_timeout(session->database, BUSY_MSEC); /* cannot fail */
    *ret = session;
    return 0;
}

static Value column_value(Session *session, sqlite3_stmt *statement, int i)
{
    switch (sqlite3_column_type(statement, i)) {
    case SQLITE_INTEGER:
        return value_long(sqlite3_column_int64(statement, i));
    case SQLITE_FLOAT:
        return value_double(sqlite3_column_double(statement, i));
    case SQLITE_NULL:
        return VALUE_NULL_INIT;
    case SQLITE_BLOB: {
        static const char digits[] = "0123456789abcdef";
        const unsigned char *bytes = sqlite3_column_blob(statement, i);
        size_t length = (size_t)sqlite3_column_bytes(statement, i);
        char *hex = arena_alloc(session->arena, length * 2 + 1);
        for (size_t at = 0; at < length; at++) {
            hex[at * 2] = digits[bytes[at] >> 4];
            hex[at * 2 + 1] = digits[bytes[at] & 15];
        }
        return value_text(hex, length * 2);
    }
    default:
        return value_text((const char *)sqlite3_column_text(statement, i), (size_t)sqlite3_column_bytes(statement, i));
    }
}

static int give_row(Session *session, sqlite3_stmt *statement, const SqlSink *sink)
{
    arena_reset(session->arena);
    ValueMap *map = map2_new(session->arena);
    for (int i = 0; i < sqlite3_column_count(statement); i++) {
        const char *name = sqlite3_column_name(statement, i);
        map2_put(session->arena, map, value_text(name, strlen(name)), column_value(session, statement, i));
    }
    Value row = value_map(map);
    return sink->row ? sink->row(sink->userdata, session->arena, &row) : 0;
}

static int bind(sqlite3_stmt *statement, int i, json_t *value)
{
    if (json_is_null(value))
        return sqlite3_bind_null(statement, i);
    if (json_is_integer(value))
        return sqlite3_bind_int64(statement, i, json_integer_value(value));
    if (json_is_real(value))
        return sqlite3_bind_double(statement, i, json_real_value(value));
    if (json_is_boolean(value))
        return sqlite3_bind_int(statement, i, json_is_true(value));
    _cleanup_json_ json_t *text = run_text_of(value);
    return sqlite3_bind_text(statement, i, json_string_value(text), (int)json_string_length(text), SQLITE_TRANSIENT);
}

static int step_all(Session *session, sqlite3_stmt *statement, const SqlSink *sink, Diag *diag)
{
    int r = sqlite3_column_count(statement) > 0 && sink->begin ? sink->begin(sink->userdata) : 0;
    while (r == 0) {
        int step = sqlite3_step(statement);
        if (step == SQLITE_DONE)
            break;
        r = step == SQLITE_ROW ? give_row(session, statement, sink) : fail(session, diag);
    }
    return r;
}

static int execute(void *userdata, const char *sql, const json_t *parameters, const SqlSink *sink, Diag *diag)
{
    Session *session = userdata;
    sqlite3_stmt *statement = NULL;
    size_t i;
    json_t *value;
    int r = sqlite3_prepare_v2(session->database, sql, -1, &statement, NULL) == SQLITE_OK ? 0 : fail(session, diag);
    if (r == 0)
        json_array_foreach (parameters, i, value)
            if (r == 0 && bind(statement, (int)i + 1, value) != SQLITE_OK)
                r = fail(session, diag);
    if (r == 0)
        r = step_all(session, statement, sink, diag);
    (void)sqlite3_finalize(statement); /* says again what step said */
    return r;
}

const SqlDriver sql_sqlite_driver = {
    .open = open_session, .close = close_session, .execute = execute, .placeholder = "?%zu"};
