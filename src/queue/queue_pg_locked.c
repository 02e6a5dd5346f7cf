/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stranger's lock (a psql that forgot its COMMIT) must stop the execution whose row it holds, and no other. A commit
 * that waited for a lock for too long says nothing of whose it is; who asks for the rows with SKIP LOCKED is told.
 */
#include "queue/queue_pg_private.h"

/* Primary keys and index job_task_run. $1 keys, $2 sequences of events, $3 task runs with jobs. */
static const PgStatement sql_locked = {
    "queue_locked",
    "WITH executions AS MATERIALIZED (SELECT id FROM execution WHERE id = ANY ($1) FOR NO KEY UPDATE SKIP LOCKED),"
    " runs AS MATERIALIZED (SELECT execution_id, id FROM task_run WHERE execution_id = ANY ($1)"
    "   FOR NO KEY UPDATE SKIP LOCKED),"
    " timers AS MATERIALIZED (SELECT key, name FROM timer WHERE key = ANY ($1) FOR UPDATE SKIP LOCKED),"
    " events AS MATERIALIZED (SELECT sequence FROM event WHERE sequence = ANY ($2) OR key = ANY ($1)"
    "   FOR UPDATE SKIP LOCKED),"
    " jobs AS MATERIALIZED (SELECT sequence FROM job WHERE task_run_id = ANY ($3) FOR UPDATE SKIP LOCKED)"
    " SELECT id FROM execution WHERE id = ANY ($1) AND id NOT IN (SELECT id FROM executions)"
    " UNION SELECT execution_id FROM task_run WHERE execution_id = ANY ($1)"
    "   AND (execution_id, id) NOT IN (SELECT execution_id, id FROM runs)"
    " UNION SELECT key FROM timer WHERE key = ANY ($1) AND (key, name) NOT IN (SELECT key, name FROM timers)"
    " UNION SELECT key FROM event WHERE (sequence = ANY ($2) OR key = ANY ($1))"
    "   AND sequence NOT IN (SELECT sequence FROM events)"
    " UNION SELECT execution_id FROM job WHERE task_run_id = ANY ($3) AND sequence NOT IN (SELECT sequence FROM jobs)"};

static int ask(QueuePg *queue, const PgParameters *parameters, PgRows **ret)
{
    return fold(pg_run(queue->pg, &sql_locked, parameters, ret));
}

int queue_pg_are_locked(Queue *base, const char *const *keys, size_t count, bool *ret)
{
    _cleanup_(pg_parameters_freep) PgParameters *parameters = pg_parameters_new();
    _cleanup_rows_ PgRows *rows = NULL;
    PgArray *given = pg_add_array(parameters, PG_TEXT);
    for (size_t i = 0; i < count; i++)
        pg_array_text(given, keys[i]);
    (void)pg_add_array(parameters, PG_BIGINT); /* none of these: they come with their keys' next commit */
    (void)pg_add_array(parameters, PG_TEXT);
    int r = ask((QueuePg *)base, parameters, &rows);
    for (size_t i = 0; r == 0 && i < count; i++)
        for (size_t j = 0; j < pg_rows_count(rows); j++)
            ret[i] |= streq(keys[i], pg_value(rows, j, 0));
    return r;
}

/* What the commit of this unit can have waited for. */
static void add_rows(PgParameters *parameters, const Unit *unit)
{
    PgArray *keys = pg_add_array(parameters, PG_TEXT);
    for (size_t i = 0; i < unit->executions.count; i++)
        pg_array_text(keys, unit->executions.items[i].id);
    for (size_t i = 0; i < unit->task_runs.count; i++)
        pg_array_text(keys, unit->task_runs.items[i].execution_id);
    for (size_t i = 0; i < unit->timers.count; i++)
        pg_array_text(keys, unit->timers.items[i].key);
    for (size_t i = 0; i < unit->deletes.count; i++)
        pg_array_text(keys, unit->deletes.items[i].execution_id);
    PgArray *events = pg_add_array(parameters, PG_BIGINT), *task_runs = pg_add_array(parameters, PG_TEXT);
    for (size_t i = 0; i < unit->acks.count; i++)
        pg_array_integer(events, unit->acks.items[i]);
    for (size_t i = 0; i < unit->cancels.count; i++)
        pg_array_text(task_runs, unit->cancels.items[i]);
    for (size_t i = 0; i < unit->kills.count; i++)
        pg_array_text(task_runs, unit->kills.items[i]);
}

/* QUEUE_E_LOCKED, or an outage: a table is locked, or what was locked is free by now. */
int queue_pg_find_locked(QueuePg *queue, const Unit *unit)
{
    _cleanup_(pg_parameters_freep) PgParameters *parameters = pg_parameters_new();
    _cleanup_rows_ PgRows *rows = NULL;
    add_rows(parameters, unit);
    int r = ask(queue, parameters, &rows);
    if (r != 0)
        return r;
    for (size_t i = 0; i < pg_rows_count(rows); i++)
        vec_push(&queue->base.locked, xstrdup(pg_value(rows, i, 0)));
    return queue->base.locked.count ? QUEUE_E_LOCKED : outage(-ETIMEDOUT);
}
