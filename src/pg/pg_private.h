/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the files of this room share; nobody else includes it. */
#include <libpq-fe.h>

#include "base/map.h"
#include "pg/pg.h"

struct Pg {
    char *conninfo, *application_name, *session_sql;
    unsigned connect_timeout_sec;
    usec_t patience_usec;
    PgWaiting waiting;
    usec_t idled;       /* monotonic: waiting.idle was told of progress */
    PGconn *connection; /* NULL: no session */
    Map *prepared;      /* names known to this session */
    VEC(char *) channels;
    bool in_transaction; /* between pg_begin and its end */
    VEC(char *) notices; /* payloads that pg_check has not given yet */
    bool silent;         /* the last failure: no answer came */
    unsigned generation;
    char *error;
    char sqlstate[6];
    PgCounters counters;
};

/* Arrays as libpq wants them; borrowed until the parameters change. */
typedef struct PgBound {
    int count;
    const Oid *types;
    const char *const *values;
    const int *lengths, *formats;
} PgBound;
PgBound pg_parameters_bind(PgParameters *parameters);
/* Of the values; NULL: 0. */
size_t pg_parameters_bytes(const PgParameters *parameters);
/* Gives memory back that was needed once; the parameters are reset. */
void pg_parameters_shrink(PgParameters *parameters);

/* Gives a live session, reconnecting when the old one is gone. */
int pg_prepare_session(Pg *pg) _must_check_;
/* Remembers what failed; result may be NULL. Returns the outcome or outage. Drops a session that is broken. */
int pg_failed(Pg *pg, const PGresult *result) _must_check_;
/* Waits until all that is queued has gone out. */
int pg_wait_sent(Pg *pg) _must_check_;
/* The same, and until a result can be taken without blocking. */
int pg_wait_result(Pg *pg) _must_check_;
PgRows *pg_rows_from(PGresult *result);
