/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What is wrong with a document, for people: a list of {path, line, column, message}. It becomes the 422 body, the
 * CLI message and the flow's validation error. Rooms doc, expr, model and web fill it; they report every problem,
 * not the first. A NULL Diag is allowed everywhere and drops the text.
 */
#include "base/base.h"

typedef enum DiagLevel {
    DIAG_ERROR,
    DIAG_WARNING,
} DiagLevel;

typedef struct DiagEntry {
    DiagLevel level;
    char *path;      /* "tasks[0].message", or NULL for the whole document */
    unsigned line;   /* from 1; 0 when unknown */
    unsigned column; /* from 1; 0 when unknown */
    char *message;
    char *name;   /* path for people, with ids in place of indexes ("t1.message"); NULL: the same as path */
    bool is_form; /* the text could not be read as what it should be; otherwise its content breaks a rule */
    char *source; /* file, when several were read; NULL: the one the reader of the Diag knows */
} DiagEntry;

typedef struct Diag {
    VEC(DiagEntry) entries;
    unsigned errors;   /* entries with DIAG_ERROR */
    bool last_dropped; /* private: the entry added last found no room */
} Diag;

enum {
    DIAG_ENTRIES_MAX = 1000, /* further ones are dropped: nobody reads them, and a hostile text could have millions */
};
#define DIAG_INIT ((Diag){})
void diag_done(Diag *diag);
#define _cleanup_diag_ _cleanup_(diag_done)

void diag_error(Diag *diag, const char *path, unsigned line, unsigned column, const char *format, ...) _printf_(5, 6);
void diag_warning(Diag *diag, const char *path, unsigned line, unsigned column, const char *format, ...) _printf_(5, 6);
/* Whether further entries would be dropped; lets callers skip the work of finding them. NULL is full. */
bool diag_is_full(const Diag *diag);
/* Completes the entry that was added last; name is copied, may be NULL. */
void diag_mark(Diag *diag, const char *name, bool is_form);
/* Names the file of every entry from `first` on that has none yet. */
void diag_set_source(Diag *diag, size_t first, const char *source);
/* First error's message, or "" when there is none. Borrowed. */
const char *diag_first(const Diag *diag);
/* All errors, one a line, as `source:line:column: path: message`. Caller frees. source may be NULL; an
 * entry's own goes before it. */
char *diag_format(const Diag *diag, const char *source);
/* Moves all entries of `from` to the end of `to`. */
void diag_move(Diag *to, Diag *from);
