/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Files of items, one Ion value a line, and an expression over the members of an item. */
#include "plugin/core/storage/storage_task.h"

typedef struct Items {
    RunContext *run;
    const char *property; /* that holds the expression */
    FILE *file;
    char *line; /* the last one read, without its line end */
    size_t length;
    size_t allocated;    /* private */
    struct Arena *arena; /* private */
} Items;

/* Property "from". RUN_E_FAILED (logged). */
int items_open(Items *items, RunContext *run, const char *property) _must_check_;
void items_done(Items *items);
#define _cleanup_items_ _cleanup_(items_done)
/* The next line that is not empty; false at the end. */
bool items_next(Items *items);
/* From the first line again. */
int items_rewind(Items *items) _must_check_;
/* The expression for the line just read; *ret_text: caller frees. EXPR_E_RENDER: diag says why (also: not an item). */
int items_render(Items *items, char **ret_text, Diag *diag) _must_check_;
/* The line just read, to the writer. */
void items_copy(const Items *items, StorageWriter *writer);
