/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The schema: numbered SQL files (schema/NNNN-name.sql) built into the binary. Each is applied once, in its own
 * transaction, under an advisory lock, and recorded with its checksum.
 */
#include "store/store.h"

enum {
    SCHEMA_E_OLDER = 1,   /* kestra-migrate has to run first */
    SCHEMA_E_NEWER = 2,   /* a newer version of the package has migrated it: refused */
    SCHEMA_E_CHANGED = 3, /* a migration that was applied differs from ours: refused */
};
typedef struct Migration {
    unsigned number;
    const char *name, *sql;
} Migration;
/* Built in, ascending; ends with number 0. */
extern const Migration migrations[];
/* rights.sql: what roles may do, given after every migration. */
extern const char rights[];

/* At the start of every role. Positive: *ret_message (caller frees; may be NULL) says what an administrator does. */
int store_schema_check(Pg *pg, char **ret_message) _must_check_;
/* Applies what is missing, and gives each role its rights. *ret_applied: how many migrations. SCHEMA_E_NEWER,
 * SCHEMA_E_CHANGED as above. */
int store_schema_migrate(Pg *pg, unsigned *ret_applied, char **ret_message) _must_check_;
