/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything is turned into text when it is said, so that a unit does not depend on what happens to the execution
 * afterwards, and so that a commit only has to fill arrays. All texts live in one arena that is reset with the unit.
 */
#include "queue/unit_private.h"

#define WORKER_GROUP_BYTES_MAX 1000
#define SCRATCH_BYTES_KEPT     (64 * 1024)

Unit *unit_new(void)
{
    Unit *unit = xnew(Unit);
    unit->arena = arena_new();
    unit->index = map_new();
    return unit;
}

static void clear_index(Unit *unit)
{
    if (map_count(unit->index) == 0)
        return;
    map_destroy(unit->index, NULL);
    unit->index = map_new();
}

void unit_reset(Unit *unit)
{
    unit->acks.count = unit->asides.count = unit->results.count = unit->executions.count = 0;
    unit->task_runs.count = unit->deletes.count = unit->timers.count = unit->triggers.count = 0;
    unit->trigger_commands.count = unit->finished_commands.count = 0;
    unit->events.count = unit->jobs.count = unit->cancels.count = unit->kills.count = 0;
    unit->logs.count = unit->metrics.count = unit->metric_tags.count = unit->followers.count = 0;
    unit->event_shards = unit->owned_shards = 0;
    unit->number = 0;
    unit->changes = unit->tried_changes = 0;
    clear_index(unit);
    if (unit->scratch.allocated > SCRATCH_BYTES_KEPT)
        buffer_done(&unit->scratch);
    arena_reset(unit->arena);
}

Unit *unit_free(Unit *unit)
{
    if (!unit)
        return NULL;
    vec_free(&unit->acks);
    vec_free(&unit->asides);
    vec_free(&unit->results);
    vec_free(&unit->executions);
    vec_free(&unit->task_runs);
    vec_free(&unit->deletes);
    vec_free(&unit->timers);
    vec_free(&unit->triggers);
    vec_free(&unit->trigger_commands);
    vec_free(&unit->finished_commands);
    vec_free(&unit->events);
    vec_free(&unit->jobs);
    vec_free(&unit->cancels);
    vec_free(&unit->kills);
    vec_free(&unit->logs);
    vec_free(&unit->metrics);
    vec_free(&unit->metric_tags);
    vec_free(&unit->followers);
    map_destroy(unit->index, NULL);
    buffer_done(&unit->scratch);
    arena_free(unit->arena);
    free(unit);
    return NULL;
}

size_t unit_bytes(const Unit *unit)
{
    return arena_bytes(unit->arena);
}

bool unit_is_empty(const Unit *unit)
{
    return unit->changes == 0;
}

static const char *keep(Unit *unit, const char *text)
{
    return text ? arena_strdup(unit->arena, text) : NULL;
}

static const char *keep_json(Unit *unit, const json_t *value)
{
    if (!value)
        return NULL;
    buffer_clear(&unit->scratch);
    json_append(&unit->scratch, value);
    return arena_strndup(unit->arena, buffer_text(&unit->scratch), unit->scratch.length);
}

/* The same, and lets go of the value. */
static const char *keep_stolen(Unit *unit, json_t *value)
{
    const char *text = keep_json(unit, value);
    json_decref(value);
    return text;
}

/* Position of the record with this key in its vector, or `count` when it is new (the caller pushes it). */
static size_t place(Unit *unit, char kind, const char *key, size_t count)
{
    const char *name = arena_printf(unit->arena, "%c%s", kind, key);
    uintptr_t known = (uintptr_t)map_get(unit->index, name);
    if (known)
        return known - 1;
    (void)map_put(unit->index, name, (void *)(uintptr_t)(count + 1)); /* there was none */
    return count;
}

#define PLACE(unit, kind, key, vec, ...)                                                                               \
    do {                                                                                                               \
        size_t place_ = place((unit), (kind), (key), (vec)->count);                                                    \
        if (place_ == (vec)->count)                                                                                    \
            vec_push((vec), __VA_ARGS__);                                                                              \
        else                                                                                                           \
            (vec)->items[place_] = __VA_ARGS__;                                                                        \
    } while (0)

void unit_ack_event(Unit *unit, int64_t sequence)
{
    unit->changes++;
    vec_push(&unit->acks, sequence);
}

bool unit_finished_job(const Unit *unit, size_t position, int64_t *ret_sequence)
{
    if (position >= unit->results.count)
        return false;
    *ret_sequence = unit->results.items[position].job_sequence;
    return true;
}

void unit_finish_trigger_job(Unit *unit, int64_t job_sequence, const char *namespace, const char *flow_id,
                             const char *trigger_id, const char *kind, json_t *arguments)
{
    unit->changes++;
    vec_push(&unit->results, (UnitResult){.job_sequence = job_sequence,
                                          .namespace = keep(unit, namespace),
                                          .flow_id = keep(unit, flow_id),
                                          .trigger_id = keep(unit, trigger_id),
                                          .kind = keep(unit, kind),
                                          .body = keep_stolen(unit, arguments)});
}

static void set_aside(Unit *unit, UnitAside aside, const char *id, const char *reason)
{
    unit->changes++;
    aside.id = keep(unit, id);
    aside.reason = keep(unit, reason);
    vec_push(&unit->asides, aside);
}

void unit_set_aside(Unit *unit, const char *id, int64_t sequence, const char *reason)
{
    set_aside(unit, (UnitAside){.of = ASIDE_EVENT, .sequence = sequence}, id, reason);
}

void unit_set_aside_job(Unit *unit, const char *id, int64_t sequence, const char *reason)
{
    set_aside(unit, (UnitAside){.of = ASIDE_JOB, .sequence = sequence}, id, reason);
}

void unit_set_aside_timer(Unit *unit, const char *id, const char *key, const char *name, const char *reason)
{
    set_aside(unit, (UnitAside){.of = ASIDE_TIMER, .key = keep(unit, key), .name = keep(unit, name)}, id, reason);
}

void unit_finish_job(Unit *unit, int64_t job_sequence, const char *key, const char *kind, json_t *body)
{
    unit->changes++;
    unsigned shard = shard_of(key);
    unit->event_shards |= UINT64_C(1) << shard;
    vec_push(&unit->results, (UnitResult){.job_sequence = job_sequence,
                                          .shard = shard,
                                          .key = keep(unit, key),
                                          .kind = keep(unit, kind),
                                          .body = keep_stolen(unit, body)});
}

/* Labels as searches want them: an object, the last of two equal keys wins. */
static const char *keep_labels(Unit *unit, const json_t *labels)
{
    _cleanup_json_ json_t *object = json_object();
    size_t i;
    json_t *label;
    json_array_foreach (labels, i, label) {
        const char *key = json_get_text(label, "key", NULL);
        if (key)
            json_object_set(object, key, json_object_get(label, "value"));
    }
    return keep_json(unit, object);
}

static UnitExecution execution_record(Unit *unit, const Execution *execution, usec_t now)
{
    const StateTrail *trail = &execution->state;
    usec_t start = state_start_date(trail), last = trail->histories.items[trail->histories.count - 1].date;
    const json_t *variables = json_object_get(execution->trigger, "variables");
    return (UnitExecution){
        .id = keep(unit, execution->id),
        .namespace = keep(unit, execution->namespace),
        .flow_id = keep(unit, execution->flow_id),
        .parent_execution_id = keep(unit, json_get_text(variables, "executionId", NULL)),
        .labels = keep_labels(unit, execution->labels),
        .body = keep_stolen(unit, execution_encode(execution, now)),
        .internal = keep_json(unit, execution->internal),
        .flow_revision = execution->flow_revision,
        .shard = shard_of(execution->id),
        .state = state_current(trail),
        .start_date = start,
        .end_date = state_end_date(trail),
        .duration = last > start ? last - start : 0,
    };
}

void unit_save_execution(Unit *unit, const Execution *execution, usec_t now)
{
    unit->changes++;
    UnitExecution record = execution_record(unit, execution, now);
    size_t position = place(unit, 'e', execution->id, unit->executions.count);
    if (position < unit->executions.count) {
        record.created = unit->executions.items[position].created;
        record.has_task_runs = unit->executions.items[position].has_task_runs;
        unit->executions.items[position] = record;
    } else {
        vec_push(&unit->executions, record);
    }
    if (!record.created)
        unit->owned_shards |= UINT64_C(1) << record.shard;
}

static void save_task_run(Unit *unit, const Execution *execution, const TaskRun *task_run, usec_t now)
{
    const char *key = arena_printf(unit->arena, "%s/%s", execution->id, task_run->id);
    PLACE(unit, 'r', key, &unit->task_runs,
          (UnitTaskRun){.execution_id = keep(unit, execution->id),
                        .id = keep(unit, task_run->id),
                        .position = task_run->position,
                        .body = keep_stolen(unit, task_run_encode(execution, task_run, now)),
                        .internal = keep_json(unit, task_run->internal)});
}

void unit_save_task_run(Unit *unit, const Execution *execution, const TaskRun *task_run, usec_t now)
{
    unit->changes++;
    unit->owned_shards |= UINT64_C(1) << shard_of(execution->id);
    save_task_run(unit, execution, task_run, now);
}

void unit_remove_task_run(Unit *unit, const char *execution_id, const char *task_run_id)
{
    unit->changes++;
    unit->owned_shards |= UINT64_C(1) << shard_of(execution_id);
    const char *key = arena_printf(unit->arena, "%s/%s", execution_id, task_run_id);
    PLACE(unit, 'r', key, &unit->task_runs,
          (UnitTaskRun){.execution_id = keep(unit, execution_id), .id = keep(unit, task_run_id), .removed = true});
}

void unit_delete_execution(Unit *unit, const char *execution_id, bool logs, bool metrics)
{
    unit->changes++;
    PLACE(unit, 'd', execution_id, &unit->deletes,
          (UnitDelete){.execution_id = keep(unit, execution_id), .logs = logs, .metrics = metrics});
}

static void put_timer(Unit *unit, UnitTimer timer)
{
    unit->changes++;
    timer.shard = shard_of(timer.key);
    unit->owned_shards |= UINT64_C(1) << timer.shard;
    const char *key = arena_printf(unit->arena, "%s\n%s", timer.key, timer.name);
    PLACE(unit, 't', key, &unit->timers, timer);
}

void unit_set_timer(Unit *unit, const char *key, const char *name, usec_t date, json_t *body)
{
    put_timer(
        unit,
        (UnitTimer){.key = keep(unit, key), .name = keep(unit, name), .date = date, .body = keep_stolen(unit, body)});
}

void unit_clear_timer(Unit *unit, const char *key, const char *name)
{
    put_timer(unit, (UnitTimer){.key = keep(unit, key), .name = keep(unit, name), .cleared = true});
}

static void put_trigger(Unit *unit, UnitTrigger trigger)
{
    unit->changes++;
    const char *key = arena_printf(unit->arena, "%s_%s_%s", trigger.namespace, trigger.flow_id, trigger.trigger_id);
    trigger.shard = shard_of(key);
    PLACE(unit, 'g', key, &unit->triggers, trigger);
}

void unit_save_trigger(Unit *unit, const TriggerState *state)
{
    put_trigger(unit, (UnitTrigger){.namespace = keep(unit, state->namespace),
                                    .flow_id = keep(unit, state->flow_id),
                                    .trigger_id = keep(unit, state->trigger_id),
                                    .body = keep_json(unit, state->body),
                                    .execution_id = keep(unit, json_get_text(state->body, "executionId", NULL)),
                                    .worker_id = keep(unit, json_get_text(state->body, "workerId", NULL)),
                                    .next_date = state->next_date,
                                    .declaration = state->declaration});
}

void unit_remove_trigger(Unit *unit, const char *namespace, const char *flow_id, const char *trigger_id)
{
    put_trigger(unit, (UnitTrigger){.namespace = keep(unit, namespace),
                                    .flow_id = keep(unit, flow_id),
                                    .trigger_id = keep(unit, trigger_id),
                                    .removed = true});
}

void unit_send_trigger_command(Unit *unit, const char *namespace, const char *flow_id, const char *trigger_id,
                               const char *kind, json_t *arguments)
{
    unit->changes++;
    vec_push(&unit->trigger_commands,
             (UnitTriggerCommand){.namespace = keep(unit, namespace),
                                  .flow_id = keep(unit, flow_id),
                                  .trigger_id = keep(unit, trigger_id),
                                  .kind = keep(unit, kind),
                                  .arguments = arguments ? keep_stolen(unit, arguments) : "{}"});
}

void unit_finish_trigger_command(Unit *unit, int64_t sequence)
{
    unit->changes++;
    vec_push(&unit->finished_commands, sequence);
}

void unit_send_event(Unit *unit, const char *key, const char *kind, json_t *body)
{
    unit->changes++;
    unsigned shard = shard_of(key);
    unit->event_shards |= UINT64_C(1) << shard;
    vec_push(&unit->events, (UnitEvent){.shard = shard,
                                        .key = keep(unit, key),
                                        .kind = keep(unit, kind),
                                        .body = body ? keep_stolen(unit, body) : "{}"});
}

void unit_create_execution(Unit *unit, const Execution *execution, usec_t now)
{
    unit->changes++;
    UnitExecution record = execution_record(unit, execution, now);
    record.created = true;
    record.has_task_runs = execution->task_runs.count > 0 || execution->internal; /* what the event does not carry */
    unit->event_shards |= UINT64_C(1) << record.shard;
    PLACE(unit, 'e', execution->id, &unit->executions, record);
    for (size_t i = 0; i < execution->task_runs.count; i++)
        save_task_run(unit, execution, execution->task_runs.items[i], now);
}

void unit_dispatch_job(Unit *unit, const char *worker_group, const char *execution_id, const char *task_run_id,
                       int attempt, json_t *body)
{
    unit->changes++;
    /* Its index has a limit, and a commit must not fail for a name. */
    const char *group = arena_printf(unit->arena, "%.*s", WORKER_GROUP_BYTES_MAX, worker_group ? worker_group : "");
    vec_push(&unit->jobs, (UnitJob){.worker_group = group,
                                    .execution_id = keep(unit, execution_id),
                                    .task_run_id = keep(unit, task_run_id),
                                    .attempt = attempt,
                                    .body = keep_stolen(unit, body)});
}

void unit_job_stands_behind(Unit *unit, unsigned ahead)
{
    unit->jobs.items[unit->jobs.count - 1].ahead = ahead;
}

void unit_cancel_job(Unit *unit, const char *task_run_id)
{
    unit->changes++;
    size_t kept = 0;
    for (size_t i = 0; i < unit->jobs.count; i++)
        if (!streq(unit->jobs.items[i].task_run_id, task_run_id))
            unit->jobs.items[kept++] = unit->jobs.items[i];
    unit->jobs.count = kept;
    vec_push(&unit->cancels, keep(unit, task_run_id));
}

void unit_kill_job(Unit *unit, const char *task_run_id)
{
    unit->changes++;
    for (size_t i = 0; i < unit->jobs.count; i++)
        if (streq(unit->jobs.items[i].task_run_id, task_run_id))
            unit->jobs.items[i].killed = true;
    vec_push(&unit->kills, keep(unit, task_run_id));
}

void unit_log(Unit *unit, const LogEntry *entry)
{
    unit->changes++;
    vec_push(&unit->logs, (LogEntry){.namespace = keep(unit, entry->namespace),
                                     .flow_id = keep(unit, entry->flow_id),
                                     .task_id = keep(unit, entry->task_id),
                                     .execution_id = keep(unit, entry->execution_id),
                                     .task_run_id = keep(unit, entry->task_run_id),
                                     .trigger_id = keep(unit, entry->trigger_id),
                                     .attempt = entry->attempt,
                                     .timestamp = entry->timestamp,
                                     .level = entry->level,
                                     .thread = keep(unit, entry->thread),
                                     .message = entry->message ? keep(unit, entry->message) : ""});
}

void unit_metric(Unit *unit, const MetricEntry *entry)
{
    unit->changes++;
    vec_push(&unit->metrics, (MetricEntry){.namespace = keep(unit, entry->namespace),
                                           .flow_id = keep(unit, entry->flow_id),
                                           .task_id = keep(unit, entry->task_id),
                                           .execution_id = keep(unit, entry->execution_id),
                                           .task_run_id = keep(unit, entry->task_run_id),
                                           .is_timer = entry->is_timer,
                                           .name = keep(unit, entry->name),
                                           .value = entry->value,
                                           .timestamp = entry->timestamp});
    vec_push(&unit->metric_tags, keep_json(unit, entry->tags));
}

void unit_tell_followers(Unit *unit, const char *execution_id)
{
    unit->changes++;
    if (place(unit, 'f', execution_id, unit->followers.count) == unit->followers.count)
        vec_push(&unit->followers, keep(unit, execution_id));
}
