/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A migration that was released never changes; the next number does. The checksum is what makes sure of it: two
 * packages that disagree about number 7 must not both think that the schema is theirs.
 */
#include "store/migrate.h"

/* Hex of FNV-1a over the text: against mistakes, not against people. */
static void checksum(const char *text, char ret[static 17])
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (const char *c = text; *c; c++)
        hash = (hash ^ (unsigned char)*c) * UINT64_C(0x100000001b3);
    (void)snprintf(ret, 17, "%016" PRIx64, hash);
}

static const PgStatement sql_applied = {NULL, "SELECT number, checksum FROM schema_migration ORDER BY number"};
static const PgStatement sql_record = {
    NULL, "INSERT INTO schema_migration (number, name, checksum) VALUES ($1::integer, $2, $3)"};
static const char sql_table[] =
    "CREATE TABLE IF NOT EXISTS schema_migration (number integer PRIMARY KEY, name text NOT NULL,"
    " checksum text NOT NULL, applied timestamptz NOT NULL DEFAULT now())";
/* Held by the session over all migrations; the number is arbitrary but ours. */
static const char sql_lock[] = "SELECT pg_advisory_lock(7305216440)";
static const char sql_unlock[] = "SELECT pg_advisory_unlock(7305216440)";

static void say(char **ret_message, char *text)
{
    if (ret_message)
        *ret_message = text;
    else
        free(text);
}

static const Migration *find(int64_t number)
{
    for (const Migration *m = migrations; m->number; m++)
        if (m->number == number)
            return m;
    return NULL;
}

/* Compares what is applied with ours. *ret_applied: how many of ours. */
static int compare(const PgRows *rows, unsigned *ret_applied, char **ret_message)
{
    for (size_t i = 0; i < pg_rows_count(rows); i++) {
        int64_t number = pg_value_integer(rows, i, 0);
        const Migration *ours = find(number);
        char sum[17];
        if (!ours) {
            say(ret_message,
                xasprintf("The database was migrated to version %" PRId64 " by a newer kestra; this one knows "
                          "nothing newer than its own and does not touch it: upgrade kestra here too",
                          pg_value_integer(rows, pg_rows_count(rows) - 1, 0)));
            return SCHEMA_E_NEWER;
        }
        checksum(ours->sql, sum);
        if (!streq(sum, pg_value(rows, i, 1))) {
            say(ret_message, xasprintf("Migration %u (%s) was applied to the database with another content than this "
                                       "kestra has: the two come from different builds",
                                       ours->number, ours->name));
            return SCHEMA_E_CHANGED;
        }
    }
    *ret_applied = (unsigned)pg_rows_count(rows);
    return 0;
}

static unsigned count_ours(void)
{
    unsigned count = 0;
    while (migrations[count].number)
        count++;
    return count;
}

int store_schema_check(Pg *pg, char **ret_message)
{
    _cleanup_rows_ PgRows *rows = NULL;
    unsigned applied = 0;
    int r = pg_run(pg, &sql_applied, NULL, &rows);
    if (r == 0)
        r = compare(rows, &applied, ret_message);
    else if (r != PG_E_MISSING)
        return fold(r);
    if (r == PG_E_MISSING || (r == 0 && applied < count_ours())) {
        say(ret_message,
            xasprintf("The database has version %u of the schema, version %u is needed: run kestra-migrate", applied,
                      count_ours()));
        return SCHEMA_E_OLDER;
    }
    return r;
}

static int apply(Pg *pg, const Migration *migration)
{
    char sum[17];
    checksum(migration->sql, sum);
    _cleanup_(pg_parameters_freep) PgParameters *parameters = pg_parameters_new();
    pg_add_integer(parameters, migration->number);
    pg_add_text(parameters, migration->name);
    pg_add_text(parameters, sum);
    int r = pg_begin(pg);
    if (r == 0)
        r = pg_script(pg, migration->sql);
    if (r == 0)
        r = pg_run(pg, &sql_record, parameters, NULL);
    if (r == 0)
        return fold(pg_commit(pg));
    pg_rollback(pg);
    return fold(r);
}

/* In one transaction, so that a role that runs never sees less than it has. */
static int give_rights(Pg *pg, char **ret_message)
{
    int r = pg_begin(pg);
    if (r == 0)
        r = pg_script(pg, rights);
    if (r == 0)
        return fold(pg_commit(pg));
    say(ret_message, xasprintf("The rights of the roles cannot be given: %s", pg_error(pg)));
    pg_rollback(pg);
    return fold(r);
}

static int migrate_locked(Pg *pg, unsigned *ret_applied, char **ret_message)
{
    _cleanup_rows_ PgRows *rows = NULL;
    unsigned there = 0;
    int r = fold(pg_script(pg, sql_table));
    if (r == 0)
        r = fold(pg_run(pg, &sql_applied, NULL, &rows));
    if (r == 0)
        r = compare(rows, &there, ret_message);
    *ret_applied = 0;
    for (const Migration *m = migrations + there; r == 0 && m->number; m++) {
        r = apply(pg, m);
        if (r < 0)
            say(ret_message, xasprintf("Migration %u (%s) failed: %s", m->number, m->name, pg_error(pg)));
        else
            (*ret_applied)++;
    }
    return r == 0 ? give_rights(pg, ret_message) : r;
}

int store_schema_migrate(Pg *pg, unsigned *ret_applied, char **ret_message)
{
    int r = fold(pg_script(pg, sql_lock));
    if (r < 0)
        return r;
    r = migrate_locked(pg, ret_applied, ret_message);
    int unlocked = pg_is_connected(pg) ? pg_script(pg, sql_unlock) : 0;
    return r == 0 && unlocked < 0 ? unlocked : r;
}
