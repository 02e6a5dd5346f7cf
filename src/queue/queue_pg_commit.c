/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The commit: one pipeline, one implicit transaction, one round trip, however much the unit holds. Each record kind is
 * one statement over arrays (unnest), prepared once a session; what a unit does not hold costs nothing. The fence comes
 * first, so that an instance that was declared dead writes nothing; the fetch comes last and sees what was just
 * written.
 *
 * Locks: the instance's own row, then rows in the order of the arrays (jobs are sorted), so that two commits that touch
 * the same jobs do not wait for each other in a circle; should it happen, PostgreSQL rolls one back and it is tried
 * again.
 *
 * Plans: the session has sequential scans and hash and merge joins off (QUEUE_PG_SESSION_SQL); every join below is a
 * loop over the arrays with one index lookup each.
 */
#include "queue/queue_pg_private.h"

#define RETRIES_MAX 5

/* --- consumed --- */
static const PgStatement sql_fence = {"queue_fence", "SELECT queue_fence($1, $2)"};
static const PgStatement sql_ack = {"queue_ack", "DELETE FROM event WHERE sequence = ANY ($1)"};
/* Only jobs that this instance still holds: the count of rows against the count given tells the late ones. */
static const PgStatement sql_results = {
    "queue_results",
    "WITH done AS (DELETE FROM job USING unnest($2::bigint[], $3::smallint[], $4::text[], $5::text[], $6::text[])"
    "   AS given (given_sequence, shard, key, kind, given_body)"
    "   WHERE sequence = given_sequence AND instance = $1 RETURNING shard, key, kind, given_body)"
    " INSERT INTO event (shard, key, kind, body) SELECT * FROM done"};
/* The same for jobs of triggers; see sql_send_trigger_commands. */
static const PgStatement sql_trigger_results = {
    "queue_trigger_results",
    "WITH done AS (DELETE FROM job USING unnest($2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], "
    "$7::json[])"
    "   AS given (given_sequence, namespace, flow_id, trigger_id, kind, arguments)"
    "   WHERE sequence = given_sequence AND instance = $1"
    "   RETURNING given_sequence, namespace, flow_id, trigger_id, kind, arguments)"
    " INSERT INTO trigger_command (shard, namespace, flow_id, trigger_id, kind, arguments)"
    " SELECT t.shard, t.namespace, t.flow_id, t.trigger_id, done.kind, done.arguments FROM done"
    " JOIN trigger AS t ON t.namespace = done.namespace AND t.flow_id = done.flow_id AND t.trigger_id = done.trigger_id"
    " ORDER BY done.given_sequence FOR KEY SHARE OF t"};
/* --- state --- */
#define EXECUTION_ARRAYS                                                                                               \
    "unnest($1::text[], $2::smallint[], $3::text[], $4::text[], $5::integer[], $6::text[], $7::timestamptz[],"         \
    " $8::timestamptz[], $9::bigint[], $10::text[], $11::jsonb[], $12::json[], $13::json[]"
#define EXECUTION_COLUMNS                                                                                              \
    "id, shard, namespace, flow_id, flow_revision, state, start_date, end_date, duration_usec, parent_execution_id,"   \
    " labels, body, internal"
/* $14: the execution has task runs, so that its event does not carry it. Nothing happens for an id that exists. */
static const PgStatement sql_create = {
    "queue_create",
    "WITH created AS (INSERT INTO execution (" EXECUTION_COLUMNS ") SELECT " EXECUTION_COLUMNS " FROM " EXECUTION_ARRAYS
    ") AS given (" EXECUTION_COLUMNS ") ON CONFLICT (id) DO NOTHING RETURNING shard, id, body)"
    " INSERT INTO event (shard, key, kind, body) SELECT shard, id, 'created',"
    " CASE WHEN id = ANY ($14::text[]) THEN '{}' ELSE '{\"execution\":' || body::text || '}' END FROM created"};
/* Never creates: an execution that was deleted stays deleted. */
static const PgStatement sql_save = {
    "queue_save",
    "UPDATE execution AS e SET flow_revision = given.flow_revision, state = given.state, start_date = given.start_date,"
    " end_date = given.end_date, duration_usec = given.duration_usec, parent_execution_id = given.parent_execution_id,"
    " labels = given.labels, body = given.body, internal = given.internal FROM " EXECUTION_ARRAYS
    ") AS given (" EXECUTION_COLUMNS ") WHERE e.id = given.id"};
static const PgStatement sql_task_runs = {
    "queue_save_task_runs",
    "INSERT INTO task_run (execution_id, id, position, body, internal)"
    " SELECT * FROM unnest($1::text[], $2::text[], $3::integer[], $4::json[], $5::json[])"
    " ON CONFLICT (execution_id, id) DO UPDATE SET position = excluded.position, body = excluded.body,"
    " internal = excluded.internal"};
static const PgStatement sql_remove_task_runs = {
    "queue_remove_task_runs",
    "DELETE FROM task_run AS t USING unnest($1::text[], $2::text[]) AS given (execution_id, id)"
    " WHERE t.execution_id = given.execution_id AND t.id = given.id"};
static const PgStatement sql_set_timers = {
    "queue_set_timers", "INSERT INTO timer (key, name, shard, date, body)"
                        " SELECT * FROM unnest($1::text[], $2::text[], $3::smallint[], $4::timestamptz[], $5::json[])"
                        " ON CONFLICT (key, name) DO UPDATE SET date = excluded.date, body = excluded.body"};
static const PgStatement sql_clear_timers = {
    "queue_clear_timers", "DELETE FROM timer AS t USING unnest($1::text[], $2::text[]) AS given (key, name)"
                          " WHERE t.key = given.key AND t.name = given.name"};
static const PgStatement sql_save_triggers = {
    "queue_save_triggers",
    "INSERT INTO trigger (namespace, flow_id, trigger_id, shard, next_date, execution_id, worker_id, body, declaration)"
    " SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::smallint[], $5::timestamptz[], $6::text[],"
    " $7::text[], $8::json[], $9::bigint[]) ON CONFLICT (namespace, flow_id, trigger_id) DO UPDATE SET"
    " next_date = excluded.next_date, execution_id = excluded.execution_id, worker_id = excluded.worker_id,"
    " body = excluded.body, declaration = excluded.declaration"};
/* The lock on the trigger's row keeps it from going away before its command is there. */
static const PgStatement sql_send_trigger_commands = {
    "queue_send_trigger_commands",
    "INSERT INTO trigger_command (shard, namespace, flow_id, trigger_id, kind, arguments)"
    " SELECT t.shard, t.namespace, t.flow_id, t.trigger_id, given.kind, given.arguments"
    " FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::json[]) WITH ORDINALITY"
    " AS given (namespace, flow_id, trigger_id, kind, arguments, position)"
    " JOIN trigger AS t ON t.namespace = given.namespace AND t.flow_id = given.flow_id AND t.trigger_id = "
    "given.trigger_id"
    " ORDER BY given.position FOR KEY SHARE OF t"};
static const PgStatement sql_finish_trigger_commands = {"queue_finish_trigger_commands",
                                                        "DELETE FROM trigger_command WHERE sequence = ANY ($1)"};
static const PgStatement sql_remove_triggers = {
    "queue_remove_triggers",
    "DELETE FROM trigger AS t USING unnest($1::text[], $2::text[], $3::text[]) AS given (namespace, flow_id, "
    "trigger_id)"
    " WHERE t.namespace = given.namespace AND t.flow_id = given.flow_id AND t.trigger_id = given.trigger_id"};
/* --- messages --- */
static const PgStatement sql_events = {"queue_events", "INSERT INTO event (shard, key, kind, body) SELECT * FROM "
                                                       "unnest($1::smallint[], $2::text[], $3::text[], $4::text[])"};
/* Turns: see schema/0012-turn.sql. Index job_open gives the next one; where nothing is in line it begins anew. */
static const PgStatement sql_jobs = {
    "queue_jobs",
    "WITH line AS MATERIALIZED (SELECT worker_group, coalesce((SELECT turn FROM job WHERE worker_group = g.worker_group"
    "   AND instance IS NULL ORDER BY turn LIMIT 1), 0) AS turn"
    "   FROM (SELECT DISTINCT worker_group FROM unnest($1::text[]) AS worker_group) AS g)"
    " INSERT INTO job (worker_group, execution_id, task_run_id, attempt, killed, body, turn)"
    " SELECT worker_group, execution_id, task_run_id, attempt, killed, body, line.turn + ahead"
    " FROM unnest($1::text[], $2::text[], $3::text[], $4::integer[], $5::boolean[], $6::text[], $7::bigint[])"
    " WITH ORDINALITY AS given (worker_group, execution_id, task_run_id, attempt, killed, body, ahead, position)"
    " JOIN line USING (worker_group) ORDER BY position"};
/* Index job_task_run; the inner select takes the locks in order. */
#define JOBS_OF_TASK_RUNS                                                                                              \
    " WHERE sequence = ANY (ARRAY(SELECT sequence FROM job WHERE task_run_id = ANY ($1) ORDER BY sequence FOR "        \
    "UPDATE))"                                                                                                         \
    " RETURNING instance"
static const PgStatement sql_cancel = {"queue_cancel", "DELETE FROM job" JOBS_OF_TASK_RUNS};
static const PgStatement sql_kill = {"queue_kill", "UPDATE job SET killed = true" JOBS_OF_TASK_RUNS};
static const PgStatement sql_logs = {
    "queue_logs",
    "INSERT INTO log (timestamp, level, attempt, namespace, flow_id, execution_id, task_id, task_run_id, trigger_id, "
    "thread,"
    " message) SELECT timestamp, level, nullif(attempt, -1), namespace, flow_id, execution_id, task_id, task_run_id,"
    " trigger_id, thread, message FROM unnest($1::timestamptz[], $2::smallint[], $3::integer[], $4::text[], $5::text[],"
    " $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[]) AS given (timestamp, level, attempt,"
    " namespace, flow_id, execution_id, task_id, task_run_id, trigger_id, thread, message)"};
static const PgStatement sql_metrics = {"queue_metrics",
                                        "INSERT INTO metric (timestamp, namespace, flow_id, execution_id, task_id, "
                                        "task_run_id, is_timer, name, value, tags)"
                                        " SELECT * FROM unnest($1::timestamptz[], $2::text[], $3::text[], $4::text[], "
                                        "$5::text[], $6::text[], $7::boolean[],"
                                        " $8::text[], $9::float8[], $10::json[])"};
/* --- deletion: $1 executions, for events also $2 their shards --- */
static const PgStatement sql_delete[] = {
    {"queue_delete_jobs",
     "DELETE FROM job WHERE task_run_id IN (SELECT id FROM task_run WHERE execution_id = ANY ($1))"},
    {"queue_delete_task_runs", "DELETE FROM task_run WHERE execution_id = ANY ($1)"},
    {"queue_delete_timers", "DELETE FROM timer WHERE key = ANY ($1)"},
    {"queue_delete_events", "DELETE FROM event WHERE key = ANY ($1)"},
    {"queue_delete_asides", "DELETE FROM poison WHERE key = ANY ($1)"},
    {"queue_delete_executions", "DELETE FROM execution WHERE id = ANY ($1)"},
};
static const PgStatement sql_delete_logs = {"queue_delete_logs", "DELETE FROM log WHERE execution_id = ANY ($1)"};
static const PgStatement sql_delete_metrics = {"queue_delete_metrics",
                                               "DELETE FROM metric WHERE execution_id = ANY ($1)"};
/* Index of a statement's rows in the pipeline; NOT_SENT when it was left out. */
#define NOT_SENT UINT32_MAX
typedef struct Sent {
    unsigned results, trigger_results, cancels, kills, killed_asides, events, claims;
} Sent;
static const Sent nothing_sent = {NOT_SENT, NOT_SENT, NOT_SENT, NOT_SENT, NOT_SENT, NOT_SENT, NOT_SENT};

static void add_text_array(PgParameters *parameters, const char *const *items, size_t count)
{
    PgArray *array = pg_add_array(parameters, PG_TEXT);
    for (size_t i = 0; i < count; i++)
        pg_array_text(array, items[i]);
}

static size_t count_trigger_results(const Unit *unit)
{
    size_t count = 0;
    for (size_t i = 0; i < unit->results.count; i++)
        count += unit->results.items[i].trigger_id != NULL;
    return count;
}

static unsigned add_results(QueuePg *queue, const Unit *unit)
{
    PgParameters *parameters = pg_pipeline_parameters(queue->pipeline);
    pg_add_text(parameters, queue->base.id);
    PgArray *sequences = pg_add_array(parameters, PG_BIGINT), *shards = pg_add_array(parameters, PG_SMALLINT);
    PgArray *keys = pg_add_array(parameters, PG_TEXT), *kinds = pg_add_array(parameters, PG_TEXT);
    PgArray *bodies = pg_add_array(parameters, PG_TEXT);
    for (size_t i = 0; i < unit->results.count; i++) {
        const UnitResult *result = &unit->results.items[i];
        if (result->trigger_id)
            continue;
        pg_array_integer(sequences, result->job_sequence);
        pg_array_integer(shards, result->shard);
        pg_array_text(keys, result->key);
        pg_array_text(kinds, result->kind);
        pg_array_text(bodies, result->body);
    }
    return pg_pipeline_add(queue->pipeline, &sql_results);
}

static unsigned add_trigger_results(QueuePg *queue, const Unit *unit)
{
    PgParameters *parameters = pg_pipeline_parameters(queue->pipeline);
    pg_add_text(parameters, queue->base.id);
    PgArray *sequences = pg_add_array(parameters, PG_BIGINT), *namespaces = pg_add_array(parameters, PG_TEXT);
    PgArray *flows = pg_add_array(parameters, PG_TEXT), *triggers = pg_add_array(parameters, PG_TEXT);
    PgArray *kinds = pg_add_array(parameters, PG_TEXT), *arguments = pg_add_array(parameters, PG_JSON);
    for (size_t i = 0; i < unit->results.count; i++) {
        const UnitResult *result = &unit->results.items[i];
        if (!result->trigger_id)
            continue;
        pg_array_integer(sequences, result->job_sequence);
        pg_array_text(namespaces, result->namespace);
        pg_array_text(flows, result->flow_id);
        pg_array_text(triggers, result->trigger_id);
        pg_array_text(kinds, result->kind);
        pg_array_text(arguments, result->body);
    }
    return pg_pipeline_add(queue->pipeline, &sql_trigger_results);
}

static void add_consumed(QueuePg *queue, const Unit *unit, Sent *sent)
{
    PgPipeline *pipeline = queue->pipeline;
    if (unit->acks.count) {
        PgArray *sequences = pg_add_array(pg_pipeline_parameters(pipeline), PG_BIGINT);
        for (size_t i = 0; i < unit->acks.count; i++)
            pg_array_integer(sequences, unit->acks.items[i]);
        pg_pipeline_add(pipeline, &sql_ack);
    }
    queue_pg_add_asides(queue, unit);
    size_t trigger_results = count_trigger_results(unit);
    if (unit->results.count > trigger_results)
        sent->results = add_results(queue, unit);
    if (trigger_results)
        sent->trigger_results = add_trigger_results(queue, unit);
}

/* The arrays of EXECUTION_COLUMNS, in their order. */
enum { EXECUTION_ARRAY_COUNT = 13 };
static const PgType execution_types[EXECUTION_ARRAY_COUNT] = {
    PG_TEXT,    PG_SMALLINT, PG_TEXT, PG_TEXT,  PG_INTEGER, PG_TEXT, PG_INSTANT,
    PG_INSTANT, PG_BIGINT,   PG_TEXT, PG_JSONB, PG_JSON,    PG_JSON,
};

static void append_execution(PgArray *const arrays[static EXECUTION_ARRAY_COUNT], const UnitExecution *execution)
{
    pg_array_text(arrays[0], execution->id);
    pg_array_integer(arrays[1], execution->shard);
    pg_array_text(arrays[2], execution->namespace);
    pg_array_text(arrays[3], execution->flow_id);
    pg_array_integer(arrays[4], execution->flow_revision);
    pg_array_text(arrays[5], state_to_string(execution->state));
    pg_array_instant(arrays[6], execution->start_date);
    pg_array_instant(arrays[7], execution->end_date);
    pg_array_integer(arrays[8], (int64_t)execution->duration);
    pg_array_text(arrays[9], execution->parent_execution_id);
    pg_array_text(arrays[10], execution->labels);
    pg_array_text(arrays[11], execution->body);
    pg_array_text(arrays[12], execution->internal);
}

static void add_executions(QueuePg *queue, const Unit *unit, bool created)
{
    size_t count = 0;
    for (size_t i = 0; i < unit->executions.count; i++)
        count += unit->executions.items[i].created == created;
    if (count == 0)
        return;
    PgParameters *parameters = pg_pipeline_parameters(queue->pipeline);
    PgArray *arrays[EXECUTION_ARRAY_COUNT];
    for (size_t i = 0; i < EXECUTION_ARRAY_COUNT; i++)
        arrays[i] = pg_add_array(parameters, execution_types[i]);
    PgArray *to_load = created ? pg_add_array(parameters, PG_TEXT) : NULL;
    for (size_t i = 0; i < unit->executions.count; i++) {
        const UnitExecution *execution = &unit->executions.items[i];
        if (execution->created != created)
            continue;
        append_execution(arrays, execution);
        if (created && execution->has_task_runs)
            pg_array_text(to_load, execution->id);
    }
    pg_pipeline_add(queue->pipeline, created ? &sql_create : &sql_save);
}

static void add_task_runs(QueuePg *queue, const Unit *unit)
{
    size_t removed = 0;
    for (size_t i = 0; i < unit->task_runs.count; i++)
        removed += unit->task_runs.items[i].removed;
    if (removed < unit->task_runs.count) {
        PgParameters *parameters = pg_pipeline_parameters(queue->pipeline);
        PgArray *executions = pg_add_array(parameters, PG_TEXT), *ids = pg_add_array(parameters, PG_TEXT);
        PgArray *positions = pg_add_array(parameters, PG_INTEGER), *bodies = pg_add_array(parameters, PG_JSON);
        PgArray *internals = pg_add_array(parameters, PG_JSON);
        for (size_t i = 0; i < unit->task_runs.count; i++) {
            const UnitTaskRun *run = &unit->task_runs.items[i];
            if (run->removed)
                continue;
            pg_array_text(executions, run->execution_id);
            pg_array_text(ids, run->id);
            pg_array_integer(positions, run->position);
            pg_array_text(bodies, run->body);
            pg_array_text(internals, run->internal);
        }
        pg_pipeline_add(queue->pipeline, &sql_task_runs);
    }
    if (removed) {
        PgParameters *parameters = pg_pipeline_parameters(queue->pipeline);
        PgArray *executions = pg_add_array(parameters, PG_TEXT), *ids = pg_add_array(parameters, PG_TEXT);
        for (size_t i = 0; i < unit->task_runs.count; i++)
            if (unit->task_runs.items[i].removed) {
                pg_array_text(executions, unit->task_runs.items[i].execution_id);
                pg_array_text(ids, unit->task_runs.items[i].id);
            }
        pg_pipeline_add(queue->pipeline, &sql_remove_task_runs);
    }
}

static void add_timers(QueuePg *queue, const Unit *unit, bool cleared)
{
    PgParameters *parameters = pg_pipeline_parameters(queue->pipeline);
    PgArray *keys = pg_add_array(parameters, PG_TEXT), *names = pg_add_array(parameters, PG_TEXT);
    PgArray *shards = cleared ? NULL : pg_add_array(parameters, PG_SMALLINT);
    PgArray *dates = cleared ? NULL : pg_add_array(parameters, PG_INSTANT);
    PgArray *bodies = cleared ? NULL : pg_add_array(parameters, PG_JSON);
    size_t count = 0;
    for (size_t i = 0; i < unit->timers.count; i++) {
        const UnitTimer *timer = &unit->timers.items[i];
        if (timer->cleared != cleared)
            continue;
        count++;
        pg_array_text(keys, timer->key);
        pg_array_text(names, timer->name);
        if (cleared)
            continue;
        pg_array_integer(shards, timer->shard);
        pg_array_instant(dates, MAX(timer->date, (usec_t)1)); /* 0 would be NULL */
        pg_array_text(bodies, timer->body);
    }
    if (count)
        pg_pipeline_add(queue->pipeline, cleared ? &sql_clear_timers : &sql_set_timers);
}

static void add_triggers(QueuePg *queue, const Unit *unit, bool removed)
{
    PgParameters *parameters = pg_pipeline_parameters(queue->pipeline);
    static const PgType types[] = {PG_TEXT, PG_TEXT, PG_TEXT, PG_SMALLINT, PG_INSTANT,
                                   PG_TEXT, PG_TEXT, PG_JSON, PG_BIGINT};
    PgArray *arrays[ELEMENTS(types)];
    for (size_t i = 0; i < (removed ? 3 : ELEMENTS(types)); i++)
        arrays[i] = pg_add_array(parameters, types[i]);
    size_t count = 0;
    for (size_t i = 0; i < unit->triggers.count; i++) {
        const UnitTrigger *trigger = &unit->triggers.items[i];
        if (trigger->removed != removed)
            continue;
        count++;
        pg_array_text(arrays[0], trigger->namespace);
        pg_array_text(arrays[1], trigger->flow_id);
        pg_array_text(arrays[2], trigger->trigger_id);
        if (removed)
            continue;
        pg_array_integer(arrays[3], trigger->shard);
        pg_array_instant(arrays[4], trigger->next_date);
        pg_array_text(arrays[5], trigger->execution_id);
        pg_array_text(arrays[6], trigger->worker_id);
        pg_array_text(arrays[7], trigger->body);
        pg_array_integer(arrays[8], (int64_t)trigger->declaration);
    }
    if (count)
        pg_pipeline_add(queue->pipeline, removed ? &sql_remove_triggers : &sql_save_triggers);
}

static void add_trigger_commands(QueuePg *queue, const Unit *unit)
{
    if (unit->trigger_commands.count) {
        PgParameters *parameters = pg_pipeline_parameters(queue->pipeline);
        PgArray *texts[4], *arguments;
        for (size_t i = 0; i < ELEMENTS(texts); i++)
            texts[i] = pg_add_array(parameters, PG_TEXT);
        arguments = pg_add_array(parameters, PG_JSON);
        for (size_t i = 0; i < unit->trigger_commands.count; i++) {
            const UnitTriggerCommand *command = &unit->trigger_commands.items[i];
            pg_array_text(texts[0], command->namespace);
            pg_array_text(texts[1], command->flow_id);
            pg_array_text(texts[2], command->trigger_id);
            pg_array_text(texts[3], command->kind);
            pg_array_text(arguments, command->arguments);
        }
        pg_pipeline_add(queue->pipeline, &sql_send_trigger_commands);
    }
    if (unit->finished_commands.count) {
        PgArray *sequences = pg_add_array(pg_pipeline_parameters(queue->pipeline), PG_BIGINT);
        for (size_t i = 0; i < unit->finished_commands.count; i++)
            pg_array_integer(sequences, unit->finished_commands.items[i]);
        pg_pipeline_add(queue->pipeline, &sql_finish_trigger_commands);
    }
}

static void add_events(QueuePg *queue, const Unit *unit)
{
    PgParameters *parameters = pg_pipeline_parameters(queue->pipeline);
    PgArray *shards = pg_add_array(parameters, PG_SMALLINT), *keys = pg_add_array(parameters, PG_TEXT);
    PgArray *kinds = pg_add_array(parameters, PG_TEXT), *bodies = pg_add_array(parameters, PG_TEXT);
    for (size_t i = 0; i < unit->events.count; i++) {
        const UnitEvent *event = &unit->events.items[i];
        pg_array_integer(shards, event->shard);
        pg_array_text(keys, event->key);
        pg_array_text(kinds, event->kind);
        pg_array_text(bodies, event->body);
    }
    if (unit->events.count)
        pg_pipeline_add(queue->pipeline, &sql_events);
}

static void add_jobs(QueuePg *queue, const Unit *unit, Sent *sent)
{
    PgPipeline *pipeline = queue->pipeline;
    if (unit->cancels.count) {
        add_text_array(pg_pipeline_parameters(pipeline), unit->cancels.items, unit->cancels.count);
        sent->cancels = pg_pipeline_add(pipeline, &sql_cancel);
        queue_pg_cancel_asides(queue, unit);
    }
    if (unit->kills.count) {
        add_text_array(pg_pipeline_parameters(pipeline), unit->kills.items, unit->kills.count);
        sent->kills = pg_pipeline_add(pipeline, &sql_kill);
        sent->killed_asides = queue_pg_kill_asides(queue, unit);
    }
    if (unit->jobs.count == 0)
        return;
    PgParameters *parameters = pg_pipeline_parameters(pipeline);
    PgArray *groups = pg_add_array(parameters, PG_TEXT), *executions = pg_add_array(parameters, PG_TEXT);
    PgArray *task_runs = pg_add_array(parameters, PG_TEXT), *attempts = pg_add_array(parameters, PG_INTEGER);
    PgArray *killed = pg_add_array(parameters, PG_BOOLEAN), *bodies = pg_add_array(parameters, PG_TEXT);
    PgArray *ahead = pg_add_array(parameters, PG_BIGINT);
    for (size_t i = 0; i < unit->jobs.count; i++) {
        const UnitJob *job = &unit->jobs.items[i];
        pg_array_text(groups, job->worker_group);
        pg_array_text(executions, job->execution_id);
        pg_array_text(task_runs, job->task_run_id);
        pg_array_integer(attempts, job->attempt);
        pg_array_integer(killed, job->killed);
        pg_array_text(bodies, job->body);
        pg_array_integer(ahead, job->ahead);
    }
    pg_pipeline_add(pipeline, &sql_jobs);
}

static void add_logs(QueuePg *queue, const Unit *unit)
{
    static const PgType types[] = {PG_INSTANT, PG_SMALLINT, PG_INTEGER, PG_TEXT, PG_TEXT, PG_TEXT,
                                   PG_TEXT,    PG_TEXT,     PG_TEXT,    PG_TEXT, PG_TEXT};
    if (unit->logs.count == 0)
        return;
    PgParameters *parameters = pg_pipeline_parameters(queue->pipeline);
    PgArray *arrays[ELEMENTS(types)];
    for (size_t i = 0; i < ELEMENTS(types); i++)
        arrays[i] = pg_add_array(parameters, types[i]);
    for (size_t i = 0; i < unit->logs.count; i++) {
        const LogEntry *entry = &unit->logs.items[i];
        pg_array_instant(arrays[0], entry->timestamp);
        pg_array_integer(arrays[1], entry->level);
        pg_array_integer(arrays[2], entry->attempt);
        pg_array_text(arrays[3], entry->namespace);
        pg_array_text(arrays[4], entry->flow_id);
        pg_array_text(arrays[5], entry->execution_id);
        pg_array_text(arrays[6], entry->task_id);
        pg_array_text(arrays[7], entry->task_run_id);
        pg_array_text(arrays[8], entry->trigger_id);
        pg_array_text(arrays[9], entry->thread);
        pg_array_text(arrays[10], entry->message);
    }
    pg_pipeline_add(queue->pipeline, &sql_logs);
}

static void add_metrics(QueuePg *queue, const Unit *unit)
{
    static const PgType types[] = {PG_INSTANT, PG_TEXT,    PG_TEXT, PG_TEXT, PG_TEXT,
                                   PG_TEXT,    PG_BOOLEAN, PG_TEXT, PG_REAL, PG_JSON};
    if (unit->metrics.count == 0)
        return;
    PgParameters *parameters = pg_pipeline_parameters(queue->pipeline);
    PgArray *arrays[ELEMENTS(types)];
    for (size_t i = 0; i < ELEMENTS(types); i++)
        arrays[i] = pg_add_array(parameters, types[i]);
    for (size_t i = 0; i < unit->metrics.count; i++) {
        const MetricEntry *entry = &unit->metrics.items[i];
        pg_array_instant(arrays[0], entry->timestamp);
        pg_array_text(arrays[1], entry->namespace);
        pg_array_text(arrays[2], entry->flow_id);
        pg_array_text(arrays[3], entry->execution_id);
        pg_array_text(arrays[4], entry->task_id);
        pg_array_text(arrays[5], entry->task_run_id);
        pg_array_integer(arrays[6], entry->is_timer);
        pg_array_text(arrays[7], entry->name);
        pg_array_real(arrays[8], entry->value);
        pg_array_text(arrays[9], unit->metric_tags.items[i]);
    }
    pg_pipeline_add(queue->pipeline, &sql_metrics);
}

/* One statement over the executions to delete for which `chosen` says so. */
static void add_delete(QueuePg *queue, const Unit *unit, const PgStatement *statement, bool only_logs,
                       bool only_metrics)
{
    PgArray *ids = pg_add_array(pg_pipeline_parameters(queue->pipeline), PG_TEXT);
    size_t count = 0;
    for (size_t i = 0; i < unit->deletes.count; i++) {
        const UnitDelete *deleted = &unit->deletes.items[i];
        if ((only_logs && !deleted->logs) || (only_metrics && !deleted->metrics))
            continue;
        pg_array_text(ids, deleted->execution_id);
        count++;
    }
    if (count)
        pg_pipeline_add(queue->pipeline, statement);
}

static void add_deletes(QueuePg *queue, const Unit *unit)
{
    if (unit->deletes.count == 0)
        return;
    for (size_t i = 0; i < ELEMENTS(sql_delete); i++)
        add_delete(queue, unit, &sql_delete[i], false, false);
    add_delete(queue, unit, &sql_delete_logs, true, false);
    add_delete(queue, unit, &sql_delete_metrics, false, true);
}

/* The order matters: see the essay above, and a job that is cancelled may be dispatched anew in the same unit. */
static void add_unit(QueuePg *queue, const Unit *unit, Sent *sent)
{
    add_consumed(queue, unit, sent);
    add_executions(queue, unit, true);
    add_executions(queue, unit, false);
    add_task_runs(queue, unit);
    if (unit->timers.count) {
        add_timers(queue, unit, false);
        add_timers(queue, unit, true);
    }
    if (unit->triggers.count) {
        add_triggers(queue, unit, false);
        add_triggers(queue, unit, true);
    }
    add_trigger_commands(queue, unit);
    add_events(queue, unit);
    add_jobs(queue, unit, sent);
    add_logs(queue, unit);
    add_metrics(queue, unit);
    add_deletes(queue, unit);
}

static int run_pipeline(QueuePg *queue)
{
    int r = PG_E_RETRY;
    for (unsigned i = 0; i < RETRIES_MAX && r == PG_E_RETRY; i++)
        r = pg_pipeline_run(queue->pipeline);
    return r;
}

/* --- what came back --- */

static void forget_finished(QueuePg *queue, const Unit *unit)
{
    for (size_t i = 0; i < unit->results.count; i++)
        for (size_t j = 0; j < queue->jobs.count; j++)
            if (queue->jobs.items[j] == unit->results.items[i].job_sequence) {
                queue->jobs.items[j] = queue->jobs.items[--queue->jobs.count];
                break;
            }
}

static uint64_t count_affected(QueuePg *queue, unsigned index)
{
    return index == NOT_SENT ? 0 : pg_rows_affected(pg_pipeline_rows(queue->pipeline, index));
}

static void take_batch(QueuePg *queue, const Unit *unit, const Sent *sent, QueueBatch *batch)
{
    if (unit && unit->results.count) {
        uint64_t done = count_affected(queue, sent->results) + count_affected(queue, sent->trigger_results);
        batch->refused = (unsigned)(unit->results.count - done);
        forget_finished(queue, unit);
    }
    if (sent->events != NOT_SENT)
        queue_pg_take_events(queue, sent->events, batch);
    if (sent->claims != NOT_SENT)
        queue_pg_take_jobs(queue, sent->claims, batch);
}

/* --- who is told --- */

typedef VEC(const char *) Names;
static void collect_instances(QueuePg *queue, unsigned index, Names *names)
{
    if (index == NOT_SENT)
        return;
    const PgRows *rows = pg_pipeline_rows(queue->pipeline, index);
    for (size_t i = 0; i < pg_rows_count(rows); i++)
        if (pg_value(rows, i, 0))
            vec_push(names, pg_value(rows, i, 0));
}

static bool jobs_came_back(QueuePg *queue, const Sent *sent)
{
    return sent->killed_asides != NOT_SENT &&
           pg_rows_affected(pg_pipeline_rows(queue->pipeline, sent->killed_asides)) > 0;
}

/* The commit is done: a ring that fails is made good by the reader's slow poll. claims_cut: others may have found what
 * was left to be locked. */
static void ring(QueuePg *queue, const Unit *unit, const Sent *sent, bool claims_cut)
{
    static const Unit none = {};
    unit = unit ? unit : &none;
    Names workers = {};
    collect_instances(queue, sent->cancels, &workers);
    collect_instances(queue, sent->kills, &workers);
    queue_pg_ring(queue, &(QueueRing){
                             .event_shards = unit->event_shards & ~(queue->has_shards ? queue->shards : 0),
                             .workers = unit->jobs.count > 0 || claims_cut || jobs_came_back(queue, sent),
                             .worker_ids = workers.items,
                             .worker_count = workers.count,
                             .schedulers = unit->trigger_commands.count > 0 || count_trigger_results(unit) > 0 ||
                                           (unit->triggers.count > 0 && !streq_null(queue->base.role, "scheduler")),
                             .followers = unit->followers.items,
                             .follower_count = unit->followers.count,
                         });
    vec_free(&workers);
}

/* --- the slot --- */

static void number_commit(QueuePg *queue, Unit *unit)
{
    if (unit && unit->number && unit->tried_changes == unit->changes && streq(unit->tried_by, queue->base.id))
        return; /* a retry of the same */
    queue->last_number++;
    if (unit) {
        unit->number = queue->last_number;
        unit->tried_changes = unit->changes;
        memcpy(unit->tried_by, queue->base.id, sizeof(unit->tried_by));
    }
}

static Sent fill_pipeline(QueuePg *queue, const Unit *unit, const QueueFetch *fetch, int64_t number)
{
    Sent sent = nothing_sent;
    pg_pipeline_reset(queue->pipeline);
    if (*queue->base.id) {
        PgParameters *parameters = pg_pipeline_parameters(queue->pipeline);
        pg_add_text(parameters, queue->base.id);
        pg_add_integer(parameters, number);
        pg_pipeline_add(queue->pipeline, &sql_fence);
    }
    if (unit)
        add_unit(queue, unit, &sent);
    if (fetch)
        queue_pg_add_fetch(queue, fetch, &sent.events, &sent.claims);
    return sent;
}

static int commit_once(QueuePg *queue, const Unit *unit, const QueueFetch *fetch, int64_t number, QueueBatch *ret_batch)
{
    Sent sent = fill_pipeline(queue, unit, fetch, number);
    int r = run_pipeline(queue);
    if (r < 0 && fetch && fetch->jobs_max)
        queue->claims_unknown = true;
    if (r == 0 && sent.claims != NOT_SENT)
        queue->claims_unknown = false;
    if (r == 0)
        take_batch(queue, unit, &sent, ret_batch);
    if (r == 0 && (unit || ret_batch->cut))
        ring(queue, unit, &sent, fetch && ret_batch->cut);
    pg_pipeline_reset(queue->pipeline); /* what it took of memory goes before the next work */
    return r;
}

/* The first try had happened, only its answer was lost: what comes after a commit is done now, and the fetch again. */
static int finish_commit(QueuePg *queue, const Unit *unit, const QueueFetch *fetch, QueueBatch *ret_batch)
{
    forget_finished(queue, unit);
    ring(queue, unit, &nothing_sent, false);
    queue->last_number++;
    return fetch ? commit_once(queue, NULL, fetch, queue->last_number, ret_batch) : 0;
}

static int compare_results(const void *a, const void *b)
{
    const UnitResult *x = a, *y = b;
    return (x->job_sequence > y->job_sequence) - (x->job_sequence < y->job_sequence);
}

int queue_pg_commit(Queue *base, Unit *unit, const QueueFetch *fetch, QueueBatch *ret_batch)
{
    QueuePg *queue = (QueuePg *)base;
    bool anything = unit && !unit_is_empty(unit);
    if (!anything && !fetch)
        return 0;
    if (base->role && !*base->id)
        return QUEUE_E_FENCED;
    if (anything && queue->has_shards && unit->owned_shards & ~queue->shards)
        return queue_pg_fenced(queue);
    number_commit(queue, anything ? unit : NULL);
    if (anything && unit->results.count > 1)
        qsort(unit->results.items, unit->results.count, sizeof(*unit->results.items), compare_results);
    int r = commit_once(queue, anything ? unit : NULL, fetch, anything ? unit->number : queue->last_number, ret_batch);
    if (r == PG_E_RAISED && anything && streq(pg_sqlstate(queue->pg), KE_DONE))
        r = finish_commit(queue, unit, fetch, ret_batch);
    if (r == PG_E_RAISED && streq(pg_sqlstate(queue->pg), KE_FENCED))
        return queue_pg_fenced(queue);
    if (r == PG_E_LOCKED && anything && queue->has_shards)
        return queue_pg_find_locked(queue, unit);
    if (r == PG_E_DATA && anything) {
        free(base->refusal);
        base->refusal = xstrdup(pg_error(queue->pg));
        return QUEUE_E_REFUSED;
    }
    return fold(r);
}
