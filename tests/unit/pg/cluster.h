/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A private PostgreSQL for a test program: in a temporary directory, on a unix socket only, gone with the program. */
#include "pg/pg.h"

/* Makes and starts it; ends the program with a message when that fails. */
void cluster_start(void);
/* Stops it and removes its directory. */
void cluster_stop(void);
/* Stops it at once and starts it again: all sessions are lost. */
void cluster_restart(void);
void cluster_halt(void);
void cluster_resume(void);
/* Connection string of a database. Caller frees. */
char *cluster_dsn(const char *database);
/* A session; ends the program when it can't be had. */
Pg *cluster_connect(const char *database, const char *session_sql);
/* Runs SQL that must work. */
void cluster_sql(Pg *pg, const char *sql);
/* First column of the first row as a number. */
int64_t cluster_number(Pg *pg, const char *sql);
