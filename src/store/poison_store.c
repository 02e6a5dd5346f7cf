/* SPDX-License-Identifier: Apache-2.0 */
#include "store/poison_store.h"

#include "store/search.h"

#define INSTANT(column) "to_char(" column " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')"
/* Keys of slots and windows begin with "slots:" and "window:", all others are executions. */
#define MEMBERS                                                                                                        \
    "'id', id, 'queue', queue, 'kind', kind, 'key', key,"                                                              \
    " 'executionId', CASE WHEN strpos(key, ':') = 0 THEN key END, 'taskRunId', task_run_id, 'attempt', attempt,"       \
    " 'workerGroup', nullif(worker_group, ''), 'reason', reason, 'created', " INSTANT(                                 \
        "created") ","                                                                                                 \
                   " 'setAside', " INSTANT("set_aside") ", 'bytes', octet_length(body)"
static const PgStatement sql_get = {"poison_get", "SELECT json_strip_nulls(json_build_object(" MEMBERS
                                                  ", 'body', body)) FROM poison WHERE id = $1"};
/* One statement: what goes from here is there again, or nothing happens. */
static const PgStatement sql_replay = {
    "poison_replay",
    "WITH back AS (DELETE FROM poison WHERE id = ANY ($1) RETURNING *),"
    " events AS (INSERT INTO event (shard, key, kind, body) SELECT shard, key, kind, coalesce($2, body) FROM back"
    "   WHERE queue = 'event' ORDER BY position),"
    " jobs AS (INSERT INTO job (worker_group, execution_id, task_run_id, attempt, body)"
    "   SELECT worker_group, key, task_run_id, attempt, coalesce($2, body) FROM back WHERE queue = 'job' ORDER BY "
    "position)"
    " SELECT count(*) FROM back"};
static const PgStatement sql_discard = {"poison_discard", "DELETE FROM poison WHERE id = ANY ($1)"};

static const SearchSort sorts[] = {
    {"setAside", "set_aside"}, {"created", "created"}, {"kind", "kind"}, {"executionId", "key"}, {},
};

int store_poison_search(Pg *pg, const PoisonQuery *query, StorePage *ret, Diag *diag)
{
    _cleanup_search_ Search search;
    _cleanup_rows_ PgRows *rows = NULL;
    search_init(&search, diag);
    search_text(&search, "key = ?", query->execution_id);
    search_text(&search, "queue = ?", query->queue);
    *ret = (StorePage){};
    const SearchPage page = {.columns = "json_strip_nulls(json_build_object(" MEMBERS "))",
                             .table = "poison",
                             .sorts = sorts,
                             .fallback = "position",
                             .tie = "position"};
    int r = search_page(&search, pg, &page, &query->paging, &rows, &ret->total);
    if (r == 0)
        search_take_texts(rows, &ret->bodies);
    return r;
}

int store_poison_get(Pg *pg, const char *id, char **ret_json)
{
    _cleanup_(pg_parameters_freep) PgParameters *parameters = pg_parameters_new();
    _cleanup_rows_ PgRows *rows = NULL;
    pg_add_text(parameters, id);
    int r = fold(pg_run(pg, &sql_get, parameters, &rows));
    if (r < 0)
        return r;
    if (pg_rows_count(rows) == 0)
        return STORE_E_NONE;
    *ret_json = xstrdup(pg_value(rows, 0, 0));
    return 0;
}

static PgParameters *id_parameters(const char *const *ids, size_t count)
{
    PgParameters *parameters = pg_parameters_new();
    PgArray *array = pg_add_array(parameters, PG_TEXT);
    for (size_t i = 0; i < count; i++)
        pg_array_text(array, ids[i]);
    return parameters;
}

int store_poison_replay(Pg *pg, const char *const *ids, size_t count, const char *body, uint64_t *ret_count)
{
    _cleanup_(pg_parameters_freep) PgParameters *parameters = id_parameters(ids, count);
    _cleanup_rows_ PgRows *rows = NULL;
    pg_add_typed_text(parameters, PG_TEXT, body);
    int r = fold(pg_run(pg, &sql_replay, parameters, &rows));
    if (r == 0)
        *ret_count = (uint64_t)pg_value_integer(rows, 0, 0);
    return r;
}

int store_poison_discard(Pg *pg, const char *const *ids, size_t count, uint64_t *ret_count)
{
    _cleanup_(pg_parameters_freep) PgParameters *parameters = id_parameters(ids, count);
    _cleanup_rows_ PgRows *rows = NULL;
    int r = fold(pg_run(pg, &sql_discard, parameters, &rows));
    if (r == 0)
        *ret_count = pg_rows_affected(rows);
    return r;
}
