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
#include "base/log.h"

#define CONNECT_TIMEOUT_SEC 5
#define IDLE_AFTER_USEC     (200 * USEC_PER_MSEC) /* most answers come before: they cost one poll of one socket */
#define IDLE_EVERY_USEC     USEC_PER_SEC

/* Prefixes of SQLSTATE and what they mean for callers; first match wins, others are outages. */
static const struct {
    const char *prefix;
    int outcome;
} outcomes[] = {
    {"23505", PG_E_UNIQUE},  {"40001", PG_E_RETRY},   {"40P01", PG_E_RETRY},   {"55P03", PG_E_LOCKED},
    {"KE", PG_E_RAISED},     {"22", PG_E_DATA},       {"23", PG_E_DATA},       {"54", PG_E_DATA},
    {"42P01", PG_E_MISSING}, {"42883", PG_E_MISSING}, {"3F000", PG_E_MISSING},
};

/* Prefixes of SQLSTATE that tell of the server: connection, rollback, resources (disk full), objects in use, operator
 * intervention (time limits too), system errors, a standby that only reads. */
static const char *const unavailable[] = {"08", "40", "53", "55", "57", "58", "25006"};

static void note_error(Pg *pg, const char *text, const char *sqlstate)
{
    free(pg->error);
    pg->error = xstrdup(text ? text : "");
    size_t length = strlen(pg->error);
    while (length > 0 && pg->error[length - 1] == '\n')
        pg->error[--length] = 0;
    (void)snprintf(pg->sqlstate, sizeof(pg->sqlstate), "%s", sqlstate ? sqlstate : "");
    pg->silent = false;
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
    pg->patience_usec = settings->patience_usec ? settings->patience_usec : PG_PATIENCE_USEC;
    pg->waiting = settings->waiting;
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

Pg *pg_twin(const Pg *pg)
{
    Pg *twin = xnew(Pg);
    twin->conninfo = xstrdup(pg->conninfo);
    twin->application_name = xstrdup(pg->application_name);
    twin->connect_timeout_sec = pg->connect_timeout_sec;
    twin->patience_usec = pg->patience_usec;
    twin->waiting = pg->waiting;
    twin->error = xstrdup("");
    twin->prepared = map_new();
    return twin;
}

static void free_texts(char **texts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(texts[i]);
}

Pg *pg_free(Pg *pg)
{
    if (!pg)
        return NULL;
    pg_disconnect(pg);
    map_destroy(pg->prepared, NULL);
    free_texts(pg->channels.items, pg->channels.count);
    vec_free(&pg->channels);
    free_texts(pg->notices.items, pg->notices.count);
    vec_free(&pg->notices);
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
    pg_disconnect(pg);
    return outage(r);
}

static int silent(Pg *pg, usec_t waited)
{
    _cleanup_free_ char *text = xasprintf("PostgreSQL gave no answer for %u s", (unsigned)(waited / USEC_PER_SEC));
    note_error(pg, text, NULL);
    pg->silent = true;
    return lost(pg, -ETIMEDOUT);
}

/* How long to sleep at most: until the limit, until the next call of `idle`. */
static int sleep_msec(usec_t waited, usec_t limit)
{
    usec_t left = waited < limit ? limit - waited : 0;
    usec_t step = waited < IDLE_AFTER_USEC ? IDLE_AFTER_USEC - waited : IDLE_EVERY_USEC;
    return left ? (int)(MIN(left, step) / USEC_PER_MSEC) + 1 : 0;
}

/* Until the socket is ready for `events`; what is to be done meanwhile is done. *ret_revents 0: time is over. */
static int wait_for(const Pg *pg, short events, usec_t begun, usec_t limit, short *ret_revents)
{
    const PgWaiting *waiting = &pg->waiting;
    struct pollfd fds[] = {{.fd = PQsocket(pg->connection), .events = events}, {.fd = -1, .events = POLLIN}};
    for (;;) {
        usec_t waited = clock_monotonic() - begun;
        bool idle = waiting->idle && waited >= IDLE_AFTER_USEC;
        if (idle) {
            fds[1].fd = waiting->fd;
            waiting->idle(waiting->userdata, waited);
        }
        int r = poll(fds, ELEMENTS(fds), sleep_msec(waited, limit));
        if (r < 0 && errno != EINTR)
            return -errno;
        *ret_revents = r > 0 ? fds[0].revents : 0;
        if (*ret_revents || waited >= limit)
            return 0;
    }
}

/* Once a second is enough for those who are told. */
static void note_progress(Pg *pg, usec_t now)
{
    if (!pg->waiting.idle || now - pg->idled < IDLE_EVERY_USEC)
        return;
    pg->idled = now;
    pg->waiting.idle(pg->waiting.userdata, 0);
}

static usec_t answer_limit(const Pg *pg)
{
    return pg->patience_usec == USEC_INFINITY ? USEC_INFINITY : pg->patience_usec + PG_SILENCE_USEC;
}

/* Sends what is queued; for_answer: then waits until PQgetResult will not block. What arrives meanwhile is read, so
 * that the server never waits for us to do so. Bytes that move are progress. */
static int wait_for_server(Pg *pg, bool for_answer)
{
    usec_t begun = clock_monotonic();
    for (;;) {
        int unsent = PQflush(pg->connection);
        if (unsent < 0)
            return pg_failed(pg, NULL);
        if (unsent == 0 && !(for_answer && PQisBusy(pg->connection)))
            return 0;
        short ready;
        int r = wait_for(pg, (short)(POLLIN | (unsent ? POLLOUT : 0)), begun, answer_limit(pg), &ready);
        if (r < 0) {
            note_error(pg, strerrordesc_np(-r), NULL);
            return lost(pg, r);
        }
        if (!ready)
            return silent(pg, clock_monotonic() - begun);
        if (ready & ~POLLOUT && !PQconsumeInput(pg->connection))
            return pg_failed(pg, NULL);
        begun = clock_monotonic(); /* bytes moved: both sides live */
        note_progress(pg, begun);
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

/* connect_timeout of the connection string, else ours; 0 there means none, which we do not give. */
static usec_t connect_limit(const Pg *pg)
{
    usec_t limit = 0;
    PQconninfoOption *options = PQconninfo(pg->connection);
    for (PQconninfoOption *option = options; option && option->keyword; option++)
        if (streq(option->keyword, "connect_timeout") && option->val)
            for (const char *digit = option->val; *digit >= '0' && *digit <= '9' && limit < 1000; digit++)
                limit = limit * 10 + (usec_t)(*digit - '0');
    PQconninfoFree(options);
    return (limit ? limit : pg->connect_timeout_sec) * USEC_PER_SEC;
}

/* Several hosts are tried one after the other by libpq itself, which blocks: a limit for each host is part of that. */
static bool has_several_hosts(const PGconn *connection)
{
    const char *host = PQhost(connection);
    PQconninfoOption *options = PQconninfo((PGconn *)(uintptr_t)connection);
    bool several = host && strchr(host, ',');
    for (PQconninfoOption *option = options; option && option->keyword; option++)
        several |= (streq(option->keyword, "host") || streq(option->keyword, "hostaddr")) && option->val &&
                   strchr(option->val, ',');
    PQconninfoFree(options);
    return several;
}

/* Outage -ETIMEDOUT: nobody answered. What else failed shows in the connection's status. */
static int connect_waiting(Pg *pg)
{
    usec_t begun = clock_monotonic(), limit = connect_limit(pg);
    PostgresPollingStatusType status = PGRES_POLLING_WRITING;
    while (status != PGRES_POLLING_OK && status != PGRES_POLLING_FAILED) {
        short ready;
        int r = wait_for(pg, status == PGRES_POLLING_READING ? POLLIN : POLLOUT, begun, limit, &ready);
        if (r < 0)
            return r;
        if (!ready)
            return -ETIMEDOUT;
        status = PQconnectPoll(pg->connection);
    }
    return 0;
}

static int reach(Pg *pg)
{
    char timeout[16];
    (void)snprintf(timeout, sizeof(timeout), "%u", pg->connect_timeout_sec);
    /* dbname is expanded: what the connection string says wins over the lines before it. */
    const char *const keys[] = {"connect_timeout", "fallback_application_name", "dbname", "client_encoding", NULL};
    const char *const values[] = {timeout, pg->application_name, pg->conninfo, "UTF8", NULL};
    usec_t begun = clock_monotonic();
    pg->generation++;
    pg->connection = PQconnectStartParams(keys, values, 1);
    if (pg->connection && has_several_hosts(pg->connection)) {
        PQfinish(pg->connection);
        pg->connection = PQconnectdbParams(keys, values, 1);
    } else if (pg->connection && PQstatus(pg->connection) != CONNECTION_BAD && connect_waiting(pg) == -ETIMEDOUT) {
        return silent(pg, clock_monotonic() - begun);
    }
    if (!pg->connection || PQstatus(pg->connection) != CONNECTION_OK) {
        note_error(pg, PQerrorMessage(pg->connection), NULL);
        return lost(pg, -ECONNREFUSED);
    }
    return 0;
}

static void session_text(const Pg *pg, Buffer *sql)
{
    buffer_append(sql, "SET DateStyle = ISO; SET client_min_messages = warning");
    if (pg->patience_usec != USEC_INFINITY)
        buffer_printf(sql, "; SET statement_timeout = %u; SET lock_timeout = %u",
                      (unsigned)(pg->patience_usec / USEC_PER_MSEC), (unsigned)(PG_LOCK_USEC / USEC_PER_MSEC));
    if (pg->session_sql)
        buffer_printf(sql, "; %s", pg->session_sql);
    for (size_t i = 0; i < pg->channels.count; i++)
        listen_text(sql, pg->channels.items[i]);
}

static int open_session(Pg *pg)
{
    int r = reach(pg);
    if (r < 0)
        return r;
    PQsetNoticeProcessor(pg->connection, drop_notice, NULL);
    if (PQsetnonblocking(pg->connection, 1) != 0)
        return lost(pg, -EIO);
    _cleanup_buffer_ Buffer sql = {};
    session_text(pg, &sql);
    r = run_simple(pg, buffer_text(&sql));
    if (r != 0) {
        if (pg->connection)
            pg_disconnect(pg);
        return fold(r);
    }
    if (pg->generation > 1)
        pg->counters.reconnects++;
    return 0;
}

static void take_notifications(Pg *pg)
{
    for (PGnotify *notify; (notify = PQnotifies(pg->connection)); PQfreemem(notify))
        vec_push(&pg->notices, xstrdup(notify->extra ? notify->extra : ""));
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

int pg_check(Pg *pg, void (*notified)(void *userdata, const char *payload), void *userdata)
{
    if (pg->connection && !is_alive(pg)) {
        note_error(pg, PQerrorMessage(pg->connection), NULL);
        return lost(pg, -ECONNRESET);
    }
    for (size_t i = 0; notified && i < pg->notices.count; i++)
        notified(userdata, pg->notices.items[i]);
    free_texts(pg->notices.items, pg->notices.count);
    pg->notices.count = 0;
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

int pg_failed_with(Pg *pg, const char *sqlstate, const char *text)
{
    note_error(pg, text, sqlstate);
    pg->counters.failures++;
    return outage(-EREMOTEIO);
}

bool pg_is_unavailable(const Pg *pg)
{
    if (!pg->connection || pg->silent)
        return true;
    for (size_t i = 0; i < ELEMENTS(unavailable); i++)
        if (starts_with(pg->sqlstate, unavailable[i]))
            return true;
    return false;
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
