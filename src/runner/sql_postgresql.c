/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PostgreSQL for tasks. Not the room pg: that one keeps a session alive for a daemon, speaks in outcomes of its own
 * statements and maps every other error to an outage; here the server is somebody else's, its errors are the task's
 * result, and rows of unknown columns go through one at a time.
 */
#include <ctype.h>
#include <libpq-fe.h>

#include "doc/json.h"
#include "expr/date.h"
#include "expr/decimal.h"
#include "expr/json_read.h"
#include "runner/sql_drivers.h"

/* OIDs of pg_type, which never change. */
enum {
    OID_BOOL = 16,
    OID_INT8 = 20,
    OID_INT2 = 21,
    OID_INT4 = 23,
    OID_OID = 26,
    OID_JSON = 114,
    OID_FLOAT4 = 700,
    OID_FLOAT8 = 701,
    OID_DATE = 1082,
    OID_TIMESTAMP = 1114,
    OID_TIMESTAMPTZ = 1184,
    OID_NUMERIC = 1700,
    OID_VOID = 2278,
    OID_JSONB = 3802,
};

/* Arrays, and what they hold; the others are given as the text that PostgreSQL shows. */
static const struct {
    Oid array, item;
} arrays[] = {{1000, OID_BOOL},
              {1005, OID_INT2},
              {1007, OID_INT4},
              {1016, OID_INT8},
              {1021, OID_FLOAT4},
              {1022, OID_FLOAT8},
              {1231, OID_NUMERIC},
              {1009, 0},
              {1014, 0},
              {1015, 0},
              {2951, 0},
              {1182, OID_DATE},
              {1115, OID_TIMESTAMP},
              {1185, OID_TIMESTAMPTZ}};

typedef struct Session {
    PGconn *connection;
    const Zone *zone;
    Arena *arena;
} Session;

static int fail(Diag *diag, const char *message)
{
    size_t length = strlen(message);
    while (length > 0 && isspace((unsigned char)message[length - 1]))
        length--;
    diag_error(diag, NULL, 0, 0, "%.*s", (int)length, *message ? message : "no answer");
    return SQL_E_FAILED;
}

/* --- session --- */

static void close_session(void *userdata)
{
    Session *session = userdata;
    if (!session)
        return;
    PQfinish(session->connection);
    arena_free(session->arena);
    free(session);
}

static void ignore_notice(void *userdata, const PGresult *result)
{
}

static int open_session(const SqlTarget *target, void **ret, Diag *diag)
{
    /* No files of this machine's user: neither his passwords nor his services. */
    const char *keywords[32] = {"client_encoding", "passfile", "fallback_application_name", "connect_timeout"};
    const char *values[32] = {"UTF8", "/dev/null", "kestra", "30"};
    size_t count = 4;
    const char *name;
    json_t *value;
    json_object_foreach ((json_t *)target->options, name, value)
        if (count < ELEMENTS(keywords) - 1) {
            keywords[count] = name;
            values[count++] = json_string_value(value);
        }
    Session *session = xnew(Session);
    session->connection = PQconnectdbParams(keywords, values, 0);
    session->zone = target->zone;
    session->arena = arena_new();
    int r = 0;
    if (PQstatus(session->connection) != CONNECTION_OK)
        r = fail(diag, PQerrorMessage(session->connection));
    if (r != 0) {
        close_session(session);
        return r;
    }
    PQsetNoticeReceiver(session->connection, ignore_notice, NULL);
    PQclear(PQexec(session->connection, "SET DateStyle = ISO; SET IntervalStyle = iso_8601; SET TimeZone = 'UTC'"));
    *ret = session;
    return 0;
}

/* --- values --- */

static Value read_date(Session *session, Oid type, const char *text, size_t length)
{
    char iso[64];
    Date *date = arena_new_n(session->arena, Date, 1);
    if (length + 2 >= sizeof iso)
        return value_text(text, length);
    memcpy(iso, text, length + 1);
    char *blank = strchr(iso, ' ');
    if (blank)
        *blank = 'T';
    if (type == OID_TIMESTAMPTZ && ends_with(iso, "+00"))
        memcpy(iso + strlen(iso) - 3, "Z", 2);
    Value source = value_text(iso, strlen(iso));
    if (!date_parse_iso(&source, zone_utc(), date)) /* infinity, before Christ */
        return value_text(text, length);
    if (type == OID_DATE)
        date->kind = DATE_LOCAL_DATE;
    if (type == OID_TIMESTAMP)
        date->kind = DATE_LOCAL_DATE_TIME;
    if (type == OID_TIMESTAMPTZ) {
        bool is_utc = session->zone == zone_utc();
        date->kind = is_utc ? DATE_INSTANT : DATE_OFFSET;
        date->zone = session->zone;
    }
    return (Value){.kind = VALUE_DATE, .date = date};
}

static Value read_json(Session *session, const char *text, size_t length)
{
    Value value;
    JsonError error;
    return json_read(session->arena, text, length, &value, &error) ? value : value_text(text, length);
}

static Value read_scalar(Session *session, Oid type, const char *text, size_t length)
{
    Value value;
    switch (type) {
    case OID_BOOL:
        return value_boolean(*text == 't');
    case OID_INT2:
    case OID_INT4:
        return value_integer(strtoimax(text, NULL, 10));
    case OID_INT8:
    case OID_OID:
        return value_long(strtoimax(text, NULL, 10));
    case OID_FLOAT4:
    case OID_FLOAT8:
        return value_double(strtod(text, NULL));
    case OID_NUMERIC:
        return decimal_parse(session->arena, text, length, &value) ? value : value_text(text, length); /* NaN */
    case OID_DATE:
    case OID_TIMESTAMP:
    case OID_TIMESTAMPTZ:
        return read_date(session, type, text, length);
    case OID_JSON:
    case OID_JSONB:
        return read_json(session, text, length);
    case OID_VOID:
        return VALUE_NULL_INIT;
    default:
        return value_text(text, length);
    }
}

static Value read_array(Session *session, Oid item, const char **at);

/* One item of "{1,"two",NULL,{…}}". */
static Value read_item(Session *session, Oid item, const char **at)
{
    if (**at == '{')
        return read_array(session, item, at);
    bool is_quoted = **at == '"';
    *at += is_quoted;
    char *text = arena_alloc(session->arena, strlen(*at) + 1), *to = text;
    while (**at && (is_quoted ? **at != '"' : **at != ',' && **at != '}')) {
        *at += **at == '\\' && (*at)[1];
        *to++ = *(*at)++;
    }
    *at += is_quoted && **at;
    size_t length = (size_t)(to - text);
    bool is_null = !is_quoted && strcasecmp(text, "NULL") == 0;
    return is_null ? VALUE_NULL_INIT : read_scalar(session, item, text, length);
}

static Value read_array(Session *session, Oid item, const char **at)
{
    List *list = list_new(session->arena, 0);
    ++*at;
    while (**at && **at != '}') {
        list_push(session->arena, list, read_item(session, item, at));
        *at += **at == ',';
    }
    *at += **at == '}';
    return value_list(list);
}

static Value read_value(Session *session, Oid type, const char *text, size_t length)
{
    for (size_t i = 0; i < ELEMENTS(arrays); i++)
        if (arrays[i].array == type && *text == '{')
            return read_array(session, arrays[i].item, &text);
    return read_scalar(session, type, text, length);
}

static int give_row(Session *session, const PGresult *result, const SqlSink *sink)
{
    arena_reset(session->arena);
    ValueMap *map = map2_new(session->arena);
    for (int i = 0; i < PQnfields(result); i++) {
        const char *name = PQfname(result, i);
        Value value = PQgetisnull(result, 0, i) ? VALUE_NULL_INIT
                                                : read_value(session, PQftype(result, i), PQgetvalue(result, 0, i),
                                                             (size_t)PQgetlength(result, 0, i));
        map2_put(session->arena, map, value_text(name, strlen(name)), value);
    }
    Value row = value_map(map);
    return sink->row(sink->userdata, session->arena, &row);
}

/* --- statements --- */

static int take_result(Session *session, PGresult *result, const SqlSink *sink, bool *begun, Diag *diag)
{
    ExecStatusType status = PQresultStatus(result);
    int r = 0;
    if (status == PGRES_FATAL_ERROR || status == PGRES_BAD_RESPONSE)
        return fail(diag, PQresultErrorMessage(result));
    if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT)
        return fail(diag, "COPY from or to the client has types of its own: CopyIn and CopyOut");
    if (status != PGRES_SINGLE_TUPLE && status != PGRES_TUPLES_OK)
        return 0;
    if (!*begun && sink->begin)
        r = sink->begin(sink->userdata);
    *begun = true;
    return r == 0 && status == PGRES_SINGLE_TUPLE && sink->row ? give_row(session, result, sink) : r;
}

static int take_results(Session *session, const SqlSink *sink, Diag *diag)
{
    bool begun = false;
    int r = 0;
    for (PGresult *result; (result = PQgetResult(session->connection)) != NULL; PQclear(result)) {
        if (r == 0)
            r = take_result(session, result, sink, &begun, diag);
        ExecStatusType status = PQresultStatus(result);
        if (r != 0 && (status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_SINGLE_TUPLE)) {
            PQclear(result);
            return r; /* what is left of it is of no interest: the session is closed next */
        }
    }
    return r;
}

static int execute(void *userdata, const char *sql, const json_t *parameters, const SqlSink *sink, Diag *diag)
{
    Session *session = userdata;
    size_t count = json_array_size(parameters), i;
    _cleanup_json_ json_t *texts = json_array();
    _cleanup_free_ const char **values = xnew_n(const char *, count + 1);
    json_t *value;
    json_array_foreach (parameters, i, value) {
        json_array_append_new(texts, run_text_of(value));
        values[i] = json_is_null(value) ? NULL : json_string_value(json_array_get(texts, i));
    }
    if (!PQsendQueryParams(session->connection, sql, (int)count, NULL, values, NULL, NULL, 0))
        return fail(diag, PQerrorMessage(session->connection));
    PQsetSingleRowMode(session->connection);
    return take_results(session, sink, diag);
}

/* --- COPY --- */

static int send_file(Session *session, FILE *file, Diag *diag)
{
    char bytes[65536];
    for (size_t n; (n = fread(bytes, 1, sizeof bytes, file)) > 0;)
        if (PQputCopyData(session->connection, bytes, (int)n) != 1)
            return fail(diag, PQerrorMessage(session->connection));
    const char *broken = ferror(file) ? "the file cannot be read" : NULL;
    if (PQputCopyEnd(session->connection, broken) != 1)
        return fail(diag, PQerrorMessage(session->connection));
    return 0;
}

static int receive_file(Session *session, FILE *file, Diag *diag)
{
    char *bytes;
    int n, r = 0;
    while ((n = PQgetCopyData(session->connection, &bytes, 0)) > 0) {
        if (r == 0 && fwrite(bytes, 1, (size_t)n, file) != (size_t)n)
            r = fail(diag, "a new file cannot be written");
        PQfreemem(bytes);
    }
    return r == 0 && n == -2 ? fail(diag, PQerrorMessage(session->connection)) : r;
}

static int copy(void *userdata, const char *sql, FILE *file, int64_t *ret_rows, Diag *diag)
{
    Session *session = userdata;
    PGresult *result = PQexec(session->connection, sql);
    ExecStatusType status = PQresultStatus(result);
    int r = 0;
    if (status == PGRES_COPY_IN)
        r = send_file(session, file, diag);
    else if (status == PGRES_COPY_OUT)
        r = receive_file(session, file, diag);
    else
        r = fail(diag, PQresultErrorMessage(result));
    PQclear(result);
    while (r == 0 && (result = PQgetResult(session->connection)) != NULL) {
        if (PQresultStatus(result) != PGRES_COMMAND_OK)
            r = fail(diag, PQresultErrorMessage(result));
        else
            *ret_rows = (int64_t)strtoimax(PQcmdTuples(result), NULL, 10);
        PQclear(result);
    }
    return r;
}

const SqlDriver sql_postgresql_driver = {
    .open = open_session, .close = close_session, .execute = execute, .copy = copy, .placeholder = "$%zu"};

const SqlDriver *const sql_drivers[_SQL_ENGINE_MAX] = {
    [SQL_POSTGRESQL] = &sql_postgresql_driver,
    [SQL_SQLITE] = &sql_sqlite_driver,
    [SQL_DUCKDB] = &sql_duckdb_driver,
};
