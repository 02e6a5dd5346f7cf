/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A session with PostgreSQL: the only user of libpq. Parameters are always bound; every text that goes in is made valid
 * UTF-8 without NUL on the way. SQLSTATEs become the outcomes below, everything else is an outage.
 *
 * A session that was lost is opened again by the next call (one try; the caller waits between tries, daemon_outage()
 * says how long). A session belongs to one thread.
 */
#include "base/base.h"
#include "base/buffer.h"

enum {
    PG_E_UNIQUE = 1,  /* 23505: a row with this key exists */
    PG_E_RETRY = 2,   /* 40001, 40P01: rolled back for concurrency reasons; the same again may succeed */
    PG_E_RAISED = 3,  /* a private SQLSTATE "KE…" raised by our own SQL functions: pg_sqlstate() says which */
    PG_E_DATA = 4,    /* classes 22, 23, 54: a value that PostgreSQL cannot take (out of range, too large …) */
    PG_E_MISSING = 5, /* 42P01, 42883, 3F000: a table or function is not there: the schema was not migrated */
    PG_E_LOCKED = 6,  /* 55P03: somebody holds a lock for longer than PG_LOCK_USEC */
};

/* Every wait ends: a statement by the server after the session's patience, a lock after PG_LOCK_USEC, and a server that
 * says nothing at all counts as lost PG_SILENCE_USEC after the patience. All of it is below the watchdog of a role. */
#define PG_PATIENCE_USEC (15 * USEC_PER_SEC)
#define PG_LOCK_USEC     (5 * USEC_PER_SEC)
#define PG_SILENCE_USEC  (5 * USEC_PER_SEC)

/* What a thread does while it waits for the server for longer than a moment: `idle` is called when fd (-1: none) can be
 * read, and once a second, with the time in which nothing came from the server; and with 0 at most once a second when
 * bytes move, so that a long commit shows as progress. It must not use the session. */
typedef struct PgWaiting {
    int fd;
    void (*idle)(void *userdata, usec_t waited);
    void *userdata;
} PgWaiting;

typedef struct PgSettings {
    const char *conninfo; /* libpq connection string or URI; all its options pass through; "" = libpq's defaults */
    const char *application_name; /* "kestra-executor" */
    const char *session_sql;      /* run after connecting ("SET …"), or NULL */
    unsigned connect_timeout_sec; /* 0: 5; a connect_timeout in conninfo wins */
    usec_t patience_usec;         /* 0: PG_PATIENCE_USEC; USEC_INFINITY: no limit at all, for locks neither */
    PgWaiting waiting;            /* idle NULL: nothing */
} PgSettings;

typedef struct Pg Pg;
/* Copies the settings; does not connect. Positive never; a conninfo that cannot be read is an outage, pg_error() not
 * needed: the text goes to *ret_error (caller frees; may be NULL). */
int pg_new(const PgSettings *settings, Pg **ret, char **ret_error) _must_check_;
/* Where the socket of the server lies that a connection string means; NULL: it is reached by TCP, or the string cannot
 * be read. New. */
char *pg_socket_directory(const char *conninfo);
Pg *pg_free(Pg *pg);
DEFINE_CLEANUP(Pg *, pg_free);
/* Makes sure that there is a session (connects when there is none, blocking up to the connect timeout). */
int pg_connect(Pg *pg) _must_check_;
bool pg_is_connected(const Pg *pg);
void pg_disconnect(Pg *pg);
/* For the event loop: readable while idle means that something arrived or that the server is gone: call pg_check().
 * -1 when there is no session; changes with every reconnect (pg_generation() counts sessions). */
int pg_fd(const Pg *pg);
unsigned pg_generation(const Pg *pg);
/* Reads what arrived. Outage: the session was lost. `notified` (may be NULL) gets the payload of each notification on
 * the channels of pg_listen. */
int pg_check(Pg *pg, void (*notified)(void *userdata, const char *payload), void *userdata) _must_check_;
/* Another session with the same settings, but for session_sql; not connected. */
Pg *pg_twin(const Pg *pg);
/* LISTENs on the channel, now and after each reconnect. */
int pg_listen(Pg *pg, const char *channel) _must_check_;
/* Call it when the session will be quiet for a while: PostgreSQL counts what it did now, and not 10 s after its last
 * statement, so that pg_stat_database tells the truth about an idle server. Does nothing without a session. */
void pg_settle(Pg *pg);
/* The last failure in words for people (server message, no parameters, no password). Borrowed. "" when there was none.
 */
const char *pg_error(const Pg *pg);
/* SQLSTATE of the last failure, five characters, or "". */
const char *pg_sqlstate(const Pg *pg);
/* One of our functions answered with a failure instead of raising it: remembered as if it had. Returns the outage. */
int pg_failed_with(Pg *pg, const char *sqlstate, const char *text) _must_check_;
/* The last failure is the state of the server (not there, silent, full, locked, shutting down) and not of what was
 * asked: the same may succeed later. */
bool pg_is_unavailable(const Pg *pg);
/* Transactions, round trips and reconnects so far, for /metrics. */
typedef struct PgCounters {
    uint64_t round_trips, reconnects, failures;
} PgCounters;
PgCounters pg_counters(const Pg *pg);

/* --- parameters: bound in the order of the calls as $1, $2 … --- */
typedef struct PgParameters PgParameters;
PgParameters *pg_parameters_new(void);
void pg_parameters_reset(PgParameters *parameters);
PgParameters *pg_parameters_free(PgParameters *parameters);
DEFINE_CLEANUP(PgParameters *, pg_parameters_free);
void pg_add_text(PgParameters *parameters, const char *value); /* NULL: SQL NULL */
void pg_add_integer(PgParameters *parameters, int64_t value);  /* bigint */
void pg_add_boolean(PgParameters *parameters, bool value);
void pg_add_real(PgParameters *parameters, double value);
void pg_add_instant(PgParameters *parameters, usec_t value); /* timestamptz; 0: SQL NULL */
/* Arrays: one column of many rows, for unnest. Begin, then one call a row; NULL text / instant 0 are NULL elements. */
typedef enum PgType {
    PG_TEXT,
    PG_BIGINT,
    PG_INTEGER,
    PG_SMALLINT,
    PG_BOOLEAN,
    PG_REAL,
    PG_INSTANT,
    PG_JSON,
    PG_JSONB
} PgType;
typedef struct PgArray PgArray;
/* The array lives until the parameters are reset. Several may be filled side by side. */
PgArray *pg_add_array(PgParameters *parameters, PgType element);
void pg_array_text(PgArray *array, const char *value); /* PG_TEXT, PG_JSON, PG_JSONB */
void pg_array_integer(PgArray *array, int64_t value);  /* PG_BIGINT, PG_INTEGER, PG_SMALLINT, PG_BOOLEAN */
void pg_array_real(PgArray *array, double value);
void pg_array_instant(PgArray *array, usec_t value);
/* A JSON or text scalar with an explicit type. */
void pg_add_typed_text(PgParameters *parameters, PgType type, const char *value);
unsigned pg_parameters_count(const PgParameters *parameters);

/* --- rows --- */
typedef struct PgRows PgRows;
PgRows *pg_rows_free(PgRows *rows);
DEFINE_CLEANUP(PgRows *, pg_rows_free);
#define _cleanup_rows_ _cleanup_(pg_rows_freep)
size_t pg_rows_count(const PgRows *rows);
/* Rows that an INSERT, UPDATE or DELETE touched. */
uint64_t pg_rows_affected(const PgRows *rows);
/* Borrowed; NULL for SQL NULL. */
const char *pg_value(const PgRows *rows, size_t row, unsigned column);
size_t pg_value_length(const PgRows *rows, size_t row, unsigned column);
int64_t pg_value_integer(const PgRows *rows, size_t row, unsigned column); /* 0 for NULL */
bool pg_value_boolean(const PgRows *rows, size_t row, unsigned column);
double pg_value_real(const PgRows *rows, size_t row, unsigned column);
usec_t pg_value_instant(const PgRows *rows, size_t row, unsigned column); /* 0 for NULL */

/* --- statements --- */
/* Declared static const at the top of a store file. With a name it is prepared once a session. */
typedef struct PgStatement {
    const char *name; /* unique in the program; NULL: not prepared (SQL built from tables for a search) */
    const char *sql;
} PgStatement;
/* One statement in its own transaction (or in the one of pg_begin). parameters and ret may be NULL. */
int pg_run(Pg *pg, const PgStatement *statement, const PgParameters *parameters, PgRows **ret) _must_check_;
/* The same for a long answer: each gets its rows one by one (row 0 of what it is given, which is gone afterwards), in
 * this session's thread. What each returns below 0 ends it, and the session. After a failure some rows may have been
 * given. */
typedef int PgRowFunction(void *userdata, const PgRows *row);
int pg_stream(Pg *pg, const PgStatement *statement, const PgParameters *parameters, PgRowFunction *each,
              void *userdata) _must_check_;
/* Several statements without parameters, in one transaction: migrations, session settings. */
int pg_script(Pg *pg, const char *sql) _must_check_;
/* A transaction over several pg_run. After an outage or outcome inside it: pg_rollback. */
int pg_begin(Pg *pg) _must_check_;
int pg_commit(Pg *pg) _must_check_;
void pg_rollback(Pg *pg);

/* --- pipeline: many statements, one transaction, one round trip --- */
typedef struct PgPipeline PgPipeline;
PgPipeline *pg_pipeline_new(Pg *pg);
PgPipeline *pg_pipeline_free(PgPipeline *pipeline);
DEFINE_CLEANUP(PgPipeline *, pg_pipeline_free);
/* Forgets statements and results. */
void pg_pipeline_reset(PgPipeline *pipeline);
/* Fresh parameters of the next statement; fill them, then pg_pipeline_add. Owned by the pipeline. */
PgParameters *pg_pipeline_parameters(PgPipeline *pipeline);
/* Queues a statement with those parameters; returns its index for pg_pipeline_rows. */
unsigned pg_pipeline_add(PgPipeline *pipeline, const PgStatement *statement);
/* Sends all, waits for all. Success: all is committed. Otherwise nothing is (except that after a lost connection nobody
 * knows): outcome or outage of the first statement that failed. May be called again (retry) before the reset. */
int pg_pipeline_run(PgPipeline *pipeline) _must_check_;
/* Borrowed until the reset. */
const PgRows *pg_pipeline_rows(const PgPipeline *pipeline, unsigned index);
