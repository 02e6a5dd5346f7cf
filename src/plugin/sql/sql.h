/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What a task asks of a database of the user's. The drivers (libpq, SQLite, DuckDB's program) are given by whoever runs
 * the task, in RunContext.sql, so that only kestra-run links them. This has nothing to do with the database in which
 * Kestra keeps its own records.
 */
#include "expr/value.h"
#include "plugin/run.h"

typedef enum SqlEngine { SQL_POSTGRESQL, SQL_SQLITE, SQL_DUCKDB, _SQL_ENGINE_MAX } SqlEngine;

/* Borrowed during open(). */
typedef struct SqlTarget {
    const char *path;      /* SQLite, DuckDB: the file */
    const json_t *options; /* PostgreSQL: keyword of libpq → text; DuckDB: variable of the environment → text */
    const char *directory; /* working directory */
    const Zone *zone;      /* in which points in time are given */
} SqlTarget;

/* Each returns 0 to go on; something else ends the statement and becomes its outcome. */
typedef struct SqlSink {
    int (*begin)(void *userdata);                                 /* the statement has a result, maybe without rows */
    int (*row)(void *userdata, Arena *arena, const Value *value); /* a map; both live until this returns */
    void *userdata;
} SqlSink;

enum {
    SQL_E_FAILED = 100, /* the Diag says why; no outcome of task code has this value */
};

typedef struct SqlDriver {
    int (*open)(const SqlTarget *target, void **ret_session, Diag *diag);
    void (*close)(void *session); /* NULL does nothing */
    /* One statement; parameters: a list, in the order of the placeholders, or NULL. */
    int (*execute)(void *session, const char *sql, const json_t *parameters, const SqlSink *sink, Diag *diag);
    /* COPY … FROM STDIN or TO STDOUT; NULL: the engine has none. */
    int (*copy)(void *session, const char *sql, FILE *file, int64_t *ret_rows, Diag *diag);
    const char *placeholder; /* "$%zu"; NULL: parameters are written into the statement as literals */
} SqlDriver;

/* Statements of a text, in order: list of texts without the `;` between them; none that is empty. Quotes, comments and
 * dollar quotes are seen. New. */
json_t *sql_split(const char *text);
/* `:name` outside of quotes becomes a placeholder (literal) of the engine; *ret_values: what to bind, a new list. A
 * name that parameters lack is NULL. Caller frees. */
char *sql_bind(const char *sql, const json_t *parameters, const char *placeholder, json_t **ret_values);
/* Whether the statement gives rows, by its first words. */
bool sql_is_query(const char *sql);
/* "jdbc:NAME:…": what is behind; NULL when it is another database. Borrowed from url. */
const char *sql_url_rest(const char *url, const char *name);
/* "//host:port/database?option=value" to keywords of libpq; new. NULL: *ret_error says why (caller frees). */
json_t *sql_url_postgresql(const char *rest, char **ret_error);

/* Row of a database: Type.row. */
typedef struct SqlDatabase {
    SqlEngine engine;
    const char *scheme; /* "postgresql" */
} SqlDatabase;

/* Opens the session that url, username, password and the like mean. RUN_E_FAILED (logged). */
int sql_open(RunContext *run, const SqlDriver **ret_driver, void **ret_session) _must_check_;

/* Type.run */
int sql_run_query(RunContext *run) _must_check_;
int sql_run_queries(RunContext *run) _must_check_;
int sql_run_trigger(RunContext *run) _must_check_;
int sql_run_copy_in(RunContext *run) _must_check_;
int sql_run_copy_out(RunContext *run) _must_check_;
