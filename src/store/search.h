/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A WHERE clause that grows: conditions are constant texts of this room in which every `?` is the one parameter of the
 * call (bound, never pasted). Fields of filters and columns of sorts come from tables. Private to the room.
 */
#include "store/store.h"

typedef enum SearchKind {
    SEARCH_TEXT,    /* .sql is a column or expression of type text */
    SEARCH_INSTANT, /* a timestamptz column; values are ISO-8601 */
    SEARCH_STATE,   /* a text column; values are states of executions */
    SEARCH_WORDS,   /* .sql is a tsvector */
    SEARCH_LABELS,  /* a jsonb object of texts */
    SEARCH_RANGE,   /* .sql is a timestamptz column; the value is a duration back from now */
    SEARCH_SCOPE,   /* values USER, SYSTEM */
    SEARCH_CHILD,   /* values CHILD, MAIN; .sql is the parent's column */
    SEARCH_LEVEL,   /* a smallint column; EQUALS exactly, otherwise at least */
    SEARCH_LEVEL_MIN,
} SearchKind;
typedef struct SearchField {
    const char *name; /* NULL ends a table */
    SearchKind kind;
    const char *sql;
} SearchField;
/* Sort columns: name of the API → SQL. */
typedef struct SearchSort {
    const char *name; /* NULL ends a table */
    const char *sql;
} SearchSort;

typedef struct Search {
    Buffer where; /* "" or " WHERE …" */
    PgParameters *parameters;
    Diag *diag;
    bool invalid; /* a condition could not be made: STORE_E_QUERY */
    const char *system_namespace;
    usec_t now;
} Search;
void search_init(Search *search, Diag *diag);
void search_done(Search *search);
#define _cleanup_search_ _cleanup_(search_done)

void search_raw(Search *search, const char *sql);
/* NULL values add nothing. */
void search_text(Search *search, const char *sql, const char *value);
void search_instant(Search *search, const char *sql, usec_t value);
void search_integer(Search *search, const char *sql, int64_t value);
void search_texts(Search *search, const char *sql, const char *const *values, size_t count);
void search_words(Search *search, const char *vector, const char *q);
void search_namespace(Search *search, const char *namespace, bool exact);
void search_scope(Search *search, StoreScope scope);
void search_labels(Search *search, const StoreLabel *labels, size_t count);
void search_filters(Search *search, const SearchField *fields, const StoreFilter *filters, size_t count);

/* " ORDER BY …": sorts, then `tie`; `fallback` when there are no sorts. Unknown columns make the search invalid. */
void search_order(Search *search, Buffer *sql, const SearchSort *columns, const StorePaging *paging,
                  const char *fallback, const char *tie);
/* " LIMIT … OFFSET …" or nothing. */
void search_limit(Buffer *sql, const StorePaging *paging);
/* Runs `sql` with the search's parameters. STORE_E_QUERY for an invalid search or a value that PostgreSQL refuses (a
 * broken regular expression). */
int search_run(Search *search, Pg *pg, const char *sql, PgRows **ret) _must_check_;
/* The same row by row (pg_stream). */
int search_stream(Search *search, Pg *pg, const char *sql, PgRowFunction *each, void *userdata) _must_check_;
/* The usual page: `columns` of `table`, column 0 is the body. */
typedef struct SearchPage {
    const char *columns, *table;
    const SearchSort *sorts;
    const char *fallback, *tie; /* of search_order */
} SearchPage;
int search_page(Search *search, Pg *pg, const SearchPage *page, const StorePaging *paging, PgRows **ret,
                int64_t *ret_total) _must_check_;
/* Column 0 of all rows. */
void search_take_texts(const PgRows *rows, Texts *ret);
