/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is set aside goes to table `poison` in the commit that says so; replaying puts it back by store/poison_store.h.
 * A job there still belongs to its task run: killing that puts the job back as a killed one, which a worker answers
 * without reading it, and cancelling or deleting takes it away.
 */
#include "queue/queue_pg_private.h"

static const PgStatement sql_events = {
    "queue_aside_events",
    "WITH moved AS (DELETE FROM event USING unnest($1::text[], $2::bigint[], $3::text[]) AS given (id, given_sequence, "
    "reason)"
    " WHERE sequence = given_sequence RETURNING id, sequence, shard, key, kind, body, reason, created)"
    " INSERT INTO poison (id, sequence, shard, key, kind, body, reason, created) SELECT * FROM moved ORDER BY "
    "sequence"};
/* Only those that this instance holds. */
static const PgStatement sql_jobs = {
    "queue_aside_jobs",
    "WITH moved AS (DELETE FROM job USING unnest($2::text[], $3::bigint[], $4::text[]) AS given (id, given_sequence, "
    "reason)"
    " WHERE sequence = given_sequence AND instance = $1"
    " RETURNING id, sequence, execution_id, body, reason, created, worker_group, task_run_id, attempt)"
    " INSERT INTO poison (id, sequence, key, body, reason, created, worker_group, task_run_id, attempt, kind, queue)"
    " SELECT moved.*, 'job', 'job' FROM moved ORDER BY sequence"};
static const PgStatement sql_timers = {
    "queue_aside_timers",
    "WITH moved AS (DELETE FROM timer AS t USING unnest($1::text[], $2::text[], $3::text[], $4::text[])"
    " AS given (id, key, name, reason) WHERE t.key = given.key AND t.name = given.name"
    " RETURNING id, shard, given.key, json_build_object('name', given.name)::text AS body, reason)"
    " INSERT INTO poison (id, sequence, shard, key, kind, body, reason, created)"
    " SELECT id, 0, shard, key, 'timer', body, reason, now() FROM moved"};
static const PgStatement sql_kill = {"queue_aside_kill",
                                     "WITH back AS (DELETE FROM poison WHERE task_run_id = ANY ($1)"
                                     " RETURNING worker_group, key, task_run_id, attempt, body)"
                                     " INSERT INTO job (worker_group, execution_id, task_run_id, attempt, killed, body)"
                                     " SELECT worker_group, key, task_run_id, attempt, true, body FROM back"};
static const PgStatement sql_cancel = {"queue_aside_cancel", "DELETE FROM poison WHERE task_run_id = ANY ($1)"};

static void add_messages(QueuePg *queue, const Unit *unit, UnitAsideOf of)
{
    PgParameters *parameters = pg_pipeline_parameters(queue->pipeline);
    if (of == ASIDE_JOB)
        pg_add_text(parameters, queue->base.id);
    PgArray *ids = pg_add_array(parameters, PG_TEXT), *sequences = pg_add_array(parameters, PG_BIGINT);
    PgArray *reasons = pg_add_array(parameters, PG_TEXT);
    for (size_t i = 0; i < unit->asides.count; i++) {
        const UnitAside *aside = &unit->asides.items[i];
        if (aside->of != of)
            continue;
        pg_array_text(ids, aside->id);
        pg_array_integer(sequences, aside->sequence);
        pg_array_text(reasons, aside->reason);
    }
    pg_pipeline_add(queue->pipeline, of == ASIDE_JOB ? &sql_jobs : &sql_events);
}

static void add_timers(QueuePg *queue, const Unit *unit)
{
    PgParameters *parameters = pg_pipeline_parameters(queue->pipeline);
    PgArray *ids = pg_add_array(parameters, PG_TEXT), *keys = pg_add_array(parameters, PG_TEXT);
    PgArray *names = pg_add_array(parameters, PG_TEXT), *reasons = pg_add_array(parameters, PG_TEXT);
    for (size_t i = 0; i < unit->asides.count; i++) {
        const UnitAside *aside = &unit->asides.items[i];
        if (aside->of != ASIDE_TIMER)
            continue;
        pg_array_text(ids, aside->id);
        pg_array_text(keys, aside->key);
        pg_array_text(names, aside->name);
        pg_array_text(reasons, aside->reason);
    }
    pg_pipeline_add(queue->pipeline, &sql_timers);
}

void queue_pg_add_asides(QueuePg *queue, const Unit *unit)
{
    bool of[ASIDE_TIMER + 1] = {};
    for (size_t i = 0; i < unit->asides.count; i++)
        of[unit->asides.items[i].of] = true;
    if (of[ASIDE_EVENT])
        add_messages(queue, unit, ASIDE_EVENT);
    if (of[ASIDE_JOB])
        add_messages(queue, unit, ASIDE_JOB);
    if (of[ASIDE_TIMER])
        add_timers(queue, unit);
}

static unsigned add_task_runs(QueuePg *queue, const PgStatement *statement, const char *const *task_runs, size_t count)
{
    PgArray *ids = pg_add_array(pg_pipeline_parameters(queue->pipeline), PG_TEXT);
    for (size_t i = 0; i < count; i++)
        pg_array_text(ids, task_runs[i]);
    return pg_pipeline_add(queue->pipeline, statement);
}

void queue_pg_cancel_asides(QueuePg *queue, const Unit *unit)
{
    (void)add_task_runs(queue, &sql_cancel, unit->cancels.items, unit->cancels.count);
}

unsigned queue_pg_kill_asides(QueuePg *queue, const Unit *unit)
{
    return add_task_runs(queue, &sql_kill, unit->kills.items, unit->kills.count);
}
