/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The session. libpq is used in non-blocking mode behind poll(), because a pipeline in blocking mode can deadlock: both
 * sides may be writing with full buffers. A session is never trusted to be alive: before each call the socket is asked
 * whether something arrived while we were idle, so that a restart of PostgreSQL in between costs a reconnect and no
 * error.
 */
#include "pg/pg_private.h"

#include <poll.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"

#define CONNECT_TIMEOUT_SEC  5
#define ANSWER_TIMEOUT_MSEC  (120 * 1000)
#define RETRY_DELAY_MIN_USEC (50 * USEC_PER_MSEC)
#define RETRY_DELAY_MAX_USEC (5 * USEC_PER_SEC)
#define RETRY_DOUBLINGS_MAX  7

/* Prefixes of SQLSTATE and what they mean for callers; first match wins, others are outages. */
static const struct {
    const char *prefix;
    int outcome;
} outcomes[] = {
    {"23505", PG_E_UNIQUE},  {"40001", PG_E_RETRY},   {"40P01", PG_E_RETRY},   {"55P03", PG_E_RETRY},
    {"KE", PG_E_RAISED},     {"22", PG_E_DATA},       {"23", PG_E_DATA},       {"54", PG_E_DATA},
    {"42P01", PG_E_MISSING}, {"42883", PG_E_MISSING}, {"3F000", PG_E_MISSING},
};

static void note_error(Pg *pg, const char *text, const char *sqlstate)
{
    free(pg->error);
    pg->error = xstrdup(text ? text : "");
    size_t length = strlen(pg->error);
    while (length > 0 && pg->error[length - 1] == '\n')
        pg->error[--length] = 0;
    (void)snprintf(pg->sqlstate, sizeof(pg->sqlstate), "%s", sqlstate ? sqlstate : "");
}

int pg_new(const PgSettings *settings, Pg **ret, char **ret_error)
{
    char *text = NULL;
    PQconninfoOption *options = PQconninfoParse(settings->conninfo ? settings->conninfo : "", &text);
    if (!options) {
        if (ret_error)
            *ret_error = xstrdup(text ? text : "the connection string cannot be read");
        PQfreemem(text);
        return outage(-EINVAL);
    }
    PQconninfoFree(options);
    Pg *pg = xnew(Pg);
    pg->conninfo = xstrdup(settings->conninfo ? settings->conninfo : "");
    pg->application_name = xstrdup(settings->application_name ? settings->application_name : "kestra");
    pg->session_sql = xstrdup_null(settings->session_sql);
    pg->connect_timeout_sec = settings->connect_timeout_sec ? settings->connect_timeout_sec : CONNECT_TIMEOUT_SEC;
    pg->progress = settings->progress;
    pg->progress_userdata = settings->progress_userdata;
    pg->error = xstrdup("");
    pg->prepared = map_new();
    *ret = pg;
    return 0;
}

char *pg_socket_directory(const char *conninfo)
{
    PQconninfoOption *options = PQconninfoParse(conninfo ? conninfo : "", NULL);
    const char *host = NULL;
    for (const PQconninfoOption *option = options; option && option->keyword; option++)
        if (streq(option->keyword, "host"))
            host = option->val;
    char *directory = !options || (host && *host != '/') ? NULL : xstrdup(host ? host : "/var/run/postgresql");
    PQconninfoFree(options);
    return directory;
}

Pg *pg_free(Pg *pg)
{
    if (!pg)
        return NULL;
    pg_disconnect(pg);
    map_destroy(pg->prepared, NULL);
    for (size_t i = 0; i < pg->channels.count; i++)
        free(pg->channels.items[i]);
    vec_free(&pg->channels);
    free(pg->conninfo);
    free(pg->application_name);
    free(pg->session_sql);
    free(pg->error);
    free(pg);
    return NULL;
}

void pg_disconnect(Pg *pg)
{
    PQfinish(pg->connection);
    pg->connection = NULL;
    pg->in_transaction = false;
    map_destroy(pg->prepared, NULL);
    pg->prepared = map_new();
}

static void drop_notice(void *userdata _unused_, const char *message)
{
    log_debug("PostgreSQL says: %s", message);
}

int pg_failed(Pg *pg, const PGresult *result)
{
    const char *state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    const char *text = result ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;
    note_error(pg, text ? text : PQerrorMessage(pg->connection), state);
    if (PQstatus(pg->connection) == CONNECTION_BAD) {
        pg->counters.failures++;
        pg->failures_in_row++;
        pg_disconnect(pg);
        return outage(-ECONNRESET);
    }
    for (size_t i = 0; i < ELEMENTS(outcomes); i++)
        if (starts_with(pg->sqlstate, outcomes[i].prefix))
            return outcomes[i].outcome;
    pg->counters.failures++;
    log_debug("PostgreSQL refused: %s (%s)", pg->error, pg->sqlstate);
    return outage(-EREMOTEIO);
}

static int lost(Pg *pg, int r)
{
    pg->counters.failures++;
    pg->failures_in_row++;
    pg_disconnect(pg);
    return outage(r);
}

/* Sends what is queued; for_answer: then waits until PQgetResult will not block. What arrives meanwhile is read, so
 * that the server never waits for us to do so. Bytes that move are progress. */
static int wait_for_server(Pg *pg, bool for_answer)
{
    usec_t deadline = clock_monotonic() + ANSWER_TIMEOUT_MSEC * USEC_PER_MSEC;
    for (;;) {
        int unsent = PQflush(pg->connection);
        if (unsent < 0)
            return pg_failed(pg, NULL);
        if (unsent == 0 && !(for_answer && PQisBusy(pg->connection)))
            return 0;
        struct pollfd wait = {.fd = PQsocket(pg->connection), .events = (short)(POLLIN | (unsent ? POLLOUT : 0))};
        usec_t now = clock_monotonic();
        int r = now < deadline ? poll(&wait, 1, (int)((deadline - now) / USEC_PER_MSEC) + 1) : 0;
        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0) {
            note_error(pg, "no answer from the server", NULL);
            return lost(pg, r < 0 ? -errno : -ETIMEDOUT);
        }
        if (wait.revents & ~POLLOUT && !PQconsumeInput(pg->connection))
            return pg_failed(pg, NULL);
        if (pg->progress)
            pg->progress(pg->progress_userdata);
    }
}

int pg_wait_sent(Pg *pg)
{
    return wait_for_server(pg, false);
}

int pg_wait_result(Pg *pg)
{
    return wait_for_server(pg, true);
}

/* Runs SQL text without parameters by the simple protocol; the last failure counts. */
static int run_simple(Pg *pg, const char *sql)
{
    if (!PQsendQuery(pg->connection, sql))
        return pg_failed(pg, NULL);
    int r = 0;
    for (;;) {
        int waited = pg_wait_result(pg);
        if (waited != 0)
            return waited;
        PGresult *result = PQgetResult(pg->connection);
        if (!result)
            break;
        ExecStatusType status = PQresultStatus(result);
        if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_EMPTY_QUERY)
            r = pg_failed(pg, result);
        PQclear(result);
        if (!pg->connection)
            break;
    }
    pg->counters.round_trips++;
    return r;
}

static void listen_text(Buffer *sql, const char *channel)
{
    buffer_append(sql, "; LISTEN \"");
    for (const char *c = channel; *c; c++)
        if (*c != '"')
            buffer_append_char(sql, *c);
    buffer_append_char(sql, '"');
}

static int open_session(Pg *pg)
{
    char timeout[16];
    (void)snprintf(timeout, sizeof(timeout), "%u", pg->connect_timeout_sec);
    /* dbname is expanded: what the connection string says wins over the lines before it. */
    const char *const keys[] = {"connect_timeout", "fallback_application_name", "dbname", "client_encoding", NULL};
    const char *const values[] = {timeout, pg->application_name, pg->conninfo, "UTF8", NULL};
    pg->connection = PQconnectdbParams(keys, values, 1);
    pg->generation++;
    if (!pg->connection || PQstatus(pg->connection) != CONNECTION_OK) {
        note_error(pg, PQerrorMessage(pg->connection), NULL);
        return lost(pg, -ECONNREFUSED);
    }
    PQsetNoticeProcessor(pg->connection, drop_notice, NULL);
    if (PQsetnonblocking(pg->connection, 1) != 0)
        return lost(pg, -EIO);
    _cleanup_buffer_ Buffer sql = {};
    buffer_append(&sql, "SET DateStyle = ISO; SET client_min_messages = warning");
    if (pg->session_sql)
        buffer_printf(&sql, "; %s", pg->session_sql);
    for (size_t i = 0; i < pg->channels.count; i++)
        listen_text(&sql, pg->channels.items[i]);
    int r = run_simple(pg, buffer_text(&sql));
    if (r != 0) {
        if (pg->connection)
            pg_disconnect(pg);
        pg->failures_in_row++;
        return fold(r);
    }
    if (pg->generation > 1)
        pg->counters.reconnects++;
    pg->failures_in_row = 0;
    return 0;
}

static void take_notifications(Pg *pg)
{
    for (PGnotify *notify; (notify = PQnotifies(pg->connection)); PQfreemem(notify))
        pg->notified = true;
}

/* Something that arrived while idle is a notification or the end of the session: a last message and then the end of
 * file, so what is there is read until nothing is. */
static bool is_alive(Pg *pg)
{
    struct pollfd look = {.fd = PQsocket(pg->connection), .events = POLLIN};
    bool arrived = false;
    while (poll(&look, 1, 0) > 0) {
        if (!PQconsumeInput(pg->connection) || PQstatus(pg->connection) != CONNECTION_OK)
            return false;
        arrived = true;
    }
    if (arrived)
        take_notifications(pg);
    return true;
}

int pg_prepare_session(Pg *pg)
{
    if (pg->connection && is_alive(pg))
        return 0;
    if (pg->connection && pg->in_transaction) {
        note_error(pg, "the session was lost within a transaction", NULL);
        return lost(pg, -ECONNRESET);
    }
    if (pg->connection)
        pg_disconnect(pg);
    return open_session(pg);
}

int pg_connect(Pg *pg)
{
    return trace(pg_prepare_session(pg));
}

bool pg_is_connected(const Pg *pg)
{
    return pg->connection != NULL;
}

int pg_fd(const Pg *pg)
{
    return pg->connection ? PQsocket(pg->connection) : -1;
}

unsigned pg_generation(const Pg *pg)
{
    return pg->generation;
}

int pg_check(Pg *pg, bool *ret_notified)
{
    if (pg->connection && !is_alive(pg)) {
        note_error(pg, PQerrorMessage(pg->connection), NULL);
        return lost(pg, -ECONNRESET);
    }
    if (ret_notified)
        *ret_notified = pg->notified;
    pg->notified = false;
    return 0;
}

int pg_listen(Pg *pg, const char *channel)
{
    vec_push(&pg->channels, xstrdup(channel));
    if (!pg->connection)
        return trace(pg_prepare_session(pg));
    _cleanup_buffer_ Buffer sql = {};
    listen_text(&sql, channel);
    int r = pg_prepare_session(pg);
    return r < 0 ? r : fold(run_simple(pg, buffer_text(&sql) + strlen("; ")));
}

usec_t pg_retry_delay(Pg *pg)
{
    unsigned doublings = MIN(pg->failures_in_row ? pg->failures_in_row - 1 : 0, (unsigned)RETRY_DOUBLINGS_MAX);
    usec_t delay = MIN(RETRY_DELAY_MIN_USEC << doublings, RETRY_DELAY_MAX_USEC);
    /* Up to a quarter of jitter, so that many processes do not come back in one wave. */
    return delay - delay / 4 + random_bits() % (delay / 4);
}

const char *pg_error(const Pg *pg)
{
    return pg->error;
}

const char *pg_sqlstate(const Pg *pg)
{
    return pg->sqlstate;
}

PgCounters pg_counters(const Pg *pg)
{
    return pg->counters;
}

int pg_script(Pg *pg, const char *sql)
{
    int r = pg_prepare_session(pg);
    return r < 0 ? r : trace(run_simple(pg, sql));
}

int pg_begin(Pg *pg)
{
    int r = pg_script(pg, "BEGIN");
    if (r == 0)
        pg->in_transaction = true;
    return r;
}

int pg_commit(Pg *pg)
{
    if (!pg->connection)
        return outage(-ECONNRESET);
    /* COMMIT of a transaction that failed is answered by ROLLBACK, without an error. */
    if (PQtransactionStatus(pg->connection) == PQTRANS_INERROR) {
        pg_rollback(pg);
        return outage(-ECANCELED);
    }
    int r = run_simple(pg, "COMMIT");
    pg->in_transaction = false;
    return trace(r);
}

void pg_rollback(Pg *pg)
{
    if (pg->connection && pg->in_transaction && run_simple(pg, "ROLLBACK") != 0 && pg->connection)
        pg_disconnect(pg); /* a session whose state is unknown is of no use */
    pg->in_transaction = false;
}

void pg_settle(Pg *pg)
{
    static const PgStatement sql = {"pg_settle", "SELECT pg_stat_force_next_flush()"};
    if (pg_is_connected(pg)) {
        int r = pg_run(pg, &sql, NULL, NULL);
        (void)r; /* a lost session shows at the next real call */
    }
}
