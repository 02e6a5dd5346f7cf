/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shell around schedule.c. It holds leases on shards of triggers; for every trigger with slots of the current flows
 * whose key is in a held shard there is one Entry in a heap by next slot, and one timer for the earliest.
 *
 * A slot is fired by one unit of work: the new execution, its first event, and the trigger row with the next slot.
 * After an outage nobody knows whether that commit happened, so all entries are dropped and read again from the rows:
 * the row says which slot is next. That makes one slot one execution, whatever dies when.
 *
 * A polling trigger is not evaluated here: its slot gives a job to the workers, in the commit that writes the lock into
 * the row. The job outlives us and its worker. Its result comes as a command, and is taken if the row still names that
 * evaluation; so does the end of an execution that locks a trigger.
 *
 * What people want of a trigger (disable it, fill back) does not write its row: two writers would lose each other's
 * changes, and what is kept here would be wrong. It comes as a command: a row of its own table, which the fenced unit
 * that saves the trigger's row deletes. So a command is done once, in the order in which it was sent, by whoever holds
 * the shard when it is done; a column `wanted` of the row would have to be compared before it is cleared, and would
 * hold only the last wish. Who sends a command rings us; the slow poll of flows looks for commands too.
 *
 * Flows are looked at when the store's change stamp moved: asked at each wake-up, and slowly in case one was lost.
 */
#include "scheduler/scheduler.h"

#include "base/daemon.h"
#include "base/heap.h"
#include "base/log.h"
#include "model/context.h"
#include "model/expression_limits.h"
#include "plugin/registry.h"
#include "plugin/schedule.h"
#include "queue/queue_pg.h"
#include "store/flow_store.h"
#include "store/migrate.h"
#include "store/trigger_store.h"

#define FLOW_POLL_USEC   (15 * USEC_PER_SEC)
#define FIRE_FOR_USEC    USEC_PER_SEC /* then the loop turns: a search for a slot under conditions may take its time */
#define READ_FOR_USEC    (100 * USEC_PER_MSEC)
#define SLOTS            "slots" /* the component that tells of slots fired: on a full disk reads work */
#define SLOTS_PER_COMMIT 200     /* a unit stays small when many schedules are due in the same second */

typedef struct Entry {
    HeapEntry heap;
    Schedule *schedule;
    uint64_t declaration;
} Entry;

/* The current revision of one flow, with the keys of its entries. */
typedef struct KnownFlow {
    int revision;
    bool parsed;
    VEC(char *) keys;
} KnownFlow;

/* Flows and trigger rows that are being read, a portion at a time. */
typedef struct Reading {
    FlowRecords flows;
    TriggerRecords triggers;
    Map *rows; /* trigger key → TriggerRecord of triggers; NULL: nothing is being read */
    size_t next;
    int64_t stamp; /* that they had */
} Reading;

typedef struct Scheduler {
    const Conf *conf;
    Conf *reloaded;          /* what conf is since the last reload; or NULL */
    json_t *plugin_defaults; /* of kestra.yaml */
    Daemon *daemon;
    Pg *pg;
    Bell *bell;
    Queue *queue;
    Unit *unit;
    const SchedulerCompanion *companion;
    void *companion_object;
    LoopSource *heartbeat_timer, *slot_timer, *work;
    json_t *envs;
    Map *entries; /* trigger key → Entry */
    Map *flows;   /* "namespace_id" → KnownFlow */
    Heap heap;
    Reading reading;
    int64_t flow_stamp;  /* -1: never looked */
    usec_t flows_looked; /* monotonic */
    usec_t fire_after;   /* monotonic: not before, after a failure */
    uint64_t shards;
    bool joined, connected;
    uint64_t slots_fired, slots_failed, evaluations, evaluations_fired, results_late;
} Scheduler;

static void entry_free(void *userdata)
{
    Entry *entry = userdata;
    schedule_free(entry->schedule);
    free(entry);
}

static void remove_entry(Scheduler *scheduler, const char *key)
{
    Entry *entry = map_remove(scheduler->entries, key);
    if (!entry)
        return;
    heap_remove(&scheduler->heap, &entry->heap);
    entry_free(entry);
}

static bool knows_key(const KnownFlow *known, const char *key)
{
    for (size_t i = 0; i < known->keys.count; i++)
        if (streq(known->keys.items[i], key))
            return true;
    return false;
}

static void known_flow_free(void *userdata)
{
    KnownFlow *known = userdata;
    for (size_t i = 0; i < known->keys.count; i++)
        free(known->keys.items[i]);
    vec_free(&known->keys);
    free(known);
}

static void reading_done(Reading *reading)
{
    map_destroy(reading->rows, NULL);
    flow_records_done(&reading->flows);
    trigger_records_done(&reading->triggers);
    *reading = (Reading){};
}

/* Everything in memory comes from rows and can be read again. */
static void forget(Scheduler *scheduler)
{
    reading_done(&scheduler->reading);
    heap_done(&scheduler->heap);
    map_destroy(scheduler->entries, entry_free);
    map_destroy(scheduler->flows, known_flow_free);
    scheduler->entries = map_new();
    scheduler->flows = map_new();
    scheduler->flow_stamp = -1;
    unit_reset(scheduler->unit);
}

static void arm_slot_timer(Scheduler *scheduler)
{
    const HeapEntry *first = heap_first(&scheduler->heap);
    usec_t now = clock_realtime();
    if (!first && !scheduler->reading.rows)
        daemon_health(scheduler->daemon, SLOTS, HEALTH_UP, "%s", ""); /* none is left that could fail */
    if (!first || first->date == USEC_INFINITY)
        loop_timer_set(scheduler->slot_timer, USEC_INFINITY);
    else
        /* Not later than a minute ahead: a clock that was set is noticed within that time. */
        loop_timer_set(scheduler->slot_timer,
                       MAX(clock_monotonic() + (first->date > now ? MIN(first->date - now, 60 * USEC_PER_SEC) : 0),
                           scheduler->fire_after));
}

static void say_status(Scheduler *scheduler)
{
    const HeapEntry *first = heap_first(&scheduler->heap);
    if (!first || first->date == USEC_INFINITY) {
        daemon_status(scheduler->daemon, "No schedule is due; %zu schedules on %d of %d shards",
                      map_count(scheduler->entries), __builtin_popcountll(scheduler->shards), SHARD_COUNT);
        return;
    }
    char date[INSTANT_BYTES];
    instant_format(first->date, date);
    const Schedule *schedule = heap_item(first, Entry, heap)->schedule;
    daemon_status(scheduler->daemon, "Next: %s.%s at %s; %zu schedules on %d of %d shards",
                  schedule_flow(schedule)->namespace, schedule_flow(schedule)->id, date, map_count(scheduler->entries),
                  __builtin_popcountll(scheduler->shards), SHARD_COUNT);
}

static void save_row(Scheduler *scheduler, const Entry *entry)
{
    const Flow *flow = schedule_flow(entry->schedule);
    _cleanup_json_ json_t *row = schedule_encode(entry->schedule);
    unit_save_trigger(scheduler->unit, &(TriggerState){.namespace = flow->namespace,
                                                       .flow_id = flow->id,
                                                       .trigger_id = schedule_trigger(entry->schedule)->id,
                                                       .body = row,
                                                       .next_date = schedule_next_date(entry->schedule),
                                                       .declaration = entry->declaration});
}

/* What the flow's source says of the trigger. Defaults of kestra.yaml do not count: to change them changes no trigger.
 */
static uint64_t declaration_of(const Flow *flow, const Trigger *trigger)
{
    size_t i;
    const json_t *declared;
    json_array_foreach (json_object_get(flow->definition, "triggers"), i, declared) {
        if (!streq(json_get_text(declared, "id", ""), trigger->id))
            continue;
        _cleanup_free_ char *text = json_dumps(declared, JSON_SORT_KEYS | JSON_COMPACT);
        return text_hash(text);
    }
    return 0;
}

/* Of a trigger that was written anew only the user's switch is kept. New. */
static json_t *row_of_redefined(const json_t *row, usec_t now)
{
    char date[INSTANT_BYTES];
    instant_format(now, date);
    return json_pack("{s:s, s:b}", "date", date, "disabled", json_get_boolean(row, "disabled", false));
}

/* An evaluation that is not wanted any more ends: the lock goes, and so does the job, wherever it is. */
static bool give_up(Scheduler *scheduler, Schedule *schedule, const char *key)
{
    if (!schedule_is_evaluating(schedule))
        return false;
    schedule_end_evaluation(schedule, clock_realtime());
    unit_cancel_job(scheduler->unit, key);
    return true;
}

/* record: NULL for a trigger never seen. */
static void add_schedule(Scheduler *scheduler, Flow *flow, const Trigger *trigger, const char *key,
                         const TriggerRecord *record)
{
    _cleanup_diag_ Diag diag = DIAG_INIT;
    Schedule *schedule;
    const ScheduleWorld world = {.globals = conf_value(scheduler->conf, "variables.globals"), .envs = scheduler->envs};
    usec_t now = clock_realtime();
    uint64_t declaration = declaration_of(flow, trigger);
    bool redefined = record && record->is_declared && record->declaration != declaration;
    remove_entry(scheduler, key); /* of the revision before */
    _cleanup_json_ json_t *state = !record     ? NULL
                                   : redefined ? row_of_redefined(record->body, now)
                                               : json_incref(record->body);
    if (redefined && json_object_get(record->body, "evaluateRunningDate"))
        unit_cancel_job(scheduler->unit, key);
    int r = schedule_new(flow, trigger, state, now, &world, &schedule, &diag);
    if (r != 0) {
        log_event(TRIGGER_NOT_SCHEDULED, "Trigger %s of flow %s.%s is not scheduled: %s", trigger->id, flow->namespace,
                  flow->id, diag_first(&diag));
        return;
    }
    Entry *entry = xnew(Entry);
    entry->schedule = schedule;
    entry->declaration = declaration;
    map_put(scheduler->entries, key, entry);
    bool changed = schedule_is_off(schedule) && give_up(scheduler, schedule, key);
    if (!redefined && record && record->orphaned) {
        log_info("Trigger %s was locked by an execution that has ended or is gone", key);
        changed = schedule_change(schedule, "unlock", NULL, now, NULL) == 0;
    }
    heap_set(&scheduler->heap, &entry->heap, schedule_next(schedule));
    if (changed || redefined || !record || !record->is_declared)
        save_row(scheduler, entry);
}

/* Rows of the held shards by key; the caller destroys the map, the records stay the vector's. */
static Map *rows_by_key(TriggerRecords *records)
{
    Map *rows = map_new();
    for (size_t i = 0; i < records->count; i++) {
        TriggerRecord *record = &records->items[i];
        _cleanup_free_ char *key = trigger_key(record->namespace, record->flow_id, record->trigger_id);
        map_put(rows, key, record);
    }
    return rows;
}

static void remember_flow(Scheduler *scheduler, const FlowRecord *record, const Map *rows)
{
    _cleanup_diag_ Diag diag = DIAG_INIT;
    _cleanup_(flow_unrefp) Flow *flow = NULL;
    _cleanup_free_ char *uid = xasprintf("%s_%s", record->namespace, record->id);
    KnownFlow *known = xnew(KnownFlow);
    known->revision = record->revision;
    map_put(scheduler->flows, uid, known);
    known->parsed = record->deleted || !strstr(record->source, "triggers"); /* there is nothing to parse */
    if (known->parsed)
        return;
    FlowParse options = {.registry = &plugin_registry,
                         .plugin_defaults = scheduler->plugin_defaults,
                         .revision = record->revision,
                         .lenient = true};
    if (flow_parse(record->source, strlen(record->source), &options, &flow, &diag) != 0) {
        log_event(TRIGGER_NOT_SCHEDULED, "Flow %s.%s revision %d cannot be scheduled: %s", record->namespace,
                  record->id, record->revision, diag_first(&diag));
        return;
    }
    known->parsed = true;
    for (size_t i = 0; i < flow->trigger_count; i++) {
        const Trigger *trigger = &flow->triggers[i];
        char *key = trigger_key(flow->namespace, flow->id, trigger->id);
        if (!schedule_slots_has(trigger->type) || !(scheduler->shards >> shard_of(key) & 1)) {
            free(key);
            continue;
        }
        add_schedule(scheduler, flow, trigger, key, map_get(rows, key));
        vec_push(&known->keys, key);
    }
}

/* gone: from its flow, or with it, and its row as well; but a slot that we fired before we heard of it has made one
 * again. */
static void forget_trigger(Scheduler *scheduler, const char *key, bool gone)
{
    Entry *entry = map_get(scheduler->entries, key);
    if (!entry)
        return;
    const Flow *flow = schedule_flow(entry->schedule);
    (void)give_up(scheduler, entry->schedule, key); /* most are not being evaluated */
    if (gone)
        unit_remove_trigger(scheduler->unit, flow->namespace, flow->id, schedule_trigger(entry->schedule)->id);
    remove_entry(scheduler, key);
}

static void update_flow(Scheduler *scheduler, const FlowRecord *record, const char *uid, const Map *rows)
{
    KnownFlow *before = map_remove(scheduler->flows, uid);
    remember_flow(scheduler, record, rows);
    if (!before)
        return;
    const KnownFlow *known = map_get(scheduler->flows, uid);
    for (size_t i = 0; i < before->keys.count; i++)
        if (!knows_key(known, before->keys.items[i]))
            forget_trigger(scheduler, before->keys.items[i], known->parsed);
    known_flow_free(before);
}

static int commit(Scheduler *scheduler)
{
    QueueBatch batch = {};
    int r = unit_is_empty(scheduler->unit) ? 0 : queue_commit(scheduler->queue, scheduler->unit, NULL, &batch);
    queue_batch_done(&batch);
    return r;
}

static int begin_reading(Scheduler *scheduler, int64_t stamp)
{
    Reading *reading = &scheduler->reading;
    int r = store_flow_list(scheduler->pg, NULL, true, &reading->flows);
    if (r == 0)
        r = store_trigger_load(scheduler->pg, scheduler->shards, &reading->triggers);
    if (r != 0)
        return fold(r);
    reading->rows = rows_by_key(&reading->triggers);
    reading->stamp = stamp;
    return 0;
}

static void read_flow(Scheduler *scheduler, const FlowRecord *record)
{
    _cleanup_free_ char *uid = xasprintf("%s_%s", record->namespace, record->id);
    const KnownFlow *known = map_get(scheduler->flows, uid);
    if (!known || known->revision != record->revision)
        update_flow(scheduler, record, uid, scheduler->reading.rows);
}

/* New revisions replace the flow's schedules; flows that are as known cost nothing. Thousands of new ones are work for
 * seconds: a portion at a time, so that slots are fired between them. */
static int refresh_flows(Scheduler *scheduler)
{
    int64_t stamp;
    Reading *reading = &scheduler->reading;
    usec_t begun = scheduler->flows_looked = clock_monotonic();
    int r = reading->rows ? 0 : store_flow_stamp(scheduler->pg, &stamp);
    if (r == 0 && !reading->rows) {
        if (stamp == scheduler->flow_stamp)
            return 0;
        r = begin_reading(scheduler, stamp);
    }
    if (r != 0)
        return fold(r);
    while (reading->next < reading->flows.count && clock_monotonic() - begun < READ_FOR_USEC &&
           unit_bytes(scheduler->unit) < UNIT_BYTES_MAX)
        read_flow(scheduler, &reading->flows.items[reading->next++]);
    if (reading->next == reading->flows.count) {
        scheduler->flow_stamp = reading->stamp;
        reading_done(reading);
    }
    loop_defer(scheduler->work); /* the next portion, or what was rung for meanwhile */
    return commit(scheduler);
}

/* The result of an evaluation, with the execution that it starts. */
static int take_result(Scheduler *scheduler, Entry *entry, const TriggerCommand *command, usec_t now, Diag *diag)
{
    _cleanup_(execution_freep) Execution *execution = NULL;
    int r = schedule_take_result(entry->schedule, command->arguments, now, &execution, diag);
    scheduler->results_late += r == SCHEDULE_E_STATE;
    if (r == 0) {
        unit_create_execution(scheduler->unit, execution, now);
        scheduler->evaluations_fired++;
    }
    return r == SCHEDULE_E_NONE ? 0 : r;
}

static int apply(Scheduler *scheduler, Entry *entry, const TriggerCommand *command, Diag *diag)
{
    usec_t now = clock_realtime();
    if (streq(command->kind, SCHEDULE_EVALUATION_ENDED))
        return take_result(scheduler, entry, command, now, diag);
    bool evaluated = schedule_is_evaluating(entry->schedule);
    int r = schedule_change(entry->schedule, command->kind, command->arguments, now, diag);
    if (r == 0 && evaluated && !schedule_is_evaluating(entry->schedule))
        unit_cancel_job(scheduler->unit, command->key);
    return r;
}

/* One command into the unit. Its trigger may have gone out of use meanwhile; then it is only put away. */
static void obey(Scheduler *scheduler, const TriggerCommand *command)
{
    _cleanup_diag_ Diag diag = DIAG_INIT;
    Entry *entry = map_get(scheduler->entries, command->key);
    unit_finish_trigger_command(scheduler->unit, command->sequence);
    if (!entry)
        return;
    if (apply(scheduler, entry, command, &diag) != 0) {
        log_info("Trigger %s was not changed: %s", command->key, diag_first(&diag));
        return;
    }
    save_row(scheduler, entry);
    heap_set(&scheduler->heap, &entry->heap, schedule_next(entry->schedule));
}

static int obey_commands(Scheduler *scheduler)
{
    _cleanup_trigger_commands_ TriggerCommands commands = {};
    int r = store_trigger_commands(scheduler->pg, scheduler->shards, &commands);
    if (r != 0)
        return trace(r);
    for (size_t i = 0; i < commands.count; i++)
        obey(scheduler, &commands.items[i]);
    return commit(scheduler);
}

/* What others stored: flows, then what is wanted of their triggers. */
static int refresh(Scheduler *scheduler)
{
    int r = refresh_flows(scheduler);
    if (r != 0 || scheduler->reading.rows)
        return r; /* a command may be for a trigger that was not read yet */
    return obey_commands(scheduler);
}

/* One slot into the unit. */
static void fire(Scheduler *scheduler, Entry *entry)
{
    _cleanup_diag_ Diag diag = DIAG_INIT;
    _cleanup_(execution_freep) Execution *execution = NULL;
    const Flow *flow = schedule_flow(entry->schedule);
    const Trigger *trigger = schedule_trigger(entry->schedule);
    ScheduleFire firing = {.now = clock_realtime()};
    id_new(firing.execution_id);
    int r = schedule_fire(entry->schedule, &firing, &execution, &diag);
    if (r == 0) {
        unit_create_execution(scheduler->unit, execution, firing.now);
        scheduler->slots_fired++;
    } else if (r == SCHEDULE_E_EVALUATE) {
        _cleanup_free_ char *key = trigger_key(flow->namespace, flow->id, trigger->id);
        unit_dispatch_job(scheduler->unit, schedule_worker_group(entry->schedule), firing.execution_id, key, 0,
                          schedule_job(entry->schedule, &firing));
        scheduler->evaluations++;
    }
    if (diag.errors) {
        scheduler->slots_failed++;
        log_event(TRIGGER_FAILED, "Trigger %s of flow %s.%s: %s", trigger->id, flow->namespace, flow->id,
                  diag_first(&diag));
        unit_log(scheduler->unit, &(LogEntry){.namespace = flow->namespace,
                                              .flow_id = flow->id,
                                              .trigger_id = trigger->id,
                                              .execution_id = execution ? execution->id : NULL,
                                              .attempt = -1,
                                              .timestamp = firing.now,
                                              .level = LOG_LEVEL_ERROR,
                                              .message = diag_first(&diag)});
    }
    save_row(scheduler, entry);
    heap_set(&scheduler->heap, &entry->heap, schedule_next(entry->schedule));
}

static int fire_due(Scheduler *scheduler)
{
    unsigned fired = 0;
    usec_t begun = clock_monotonic();
    for (HeapEntry *first; fired < SLOTS_PER_COMMIT && (first = heap_first(&scheduler->heap)) != NULL; fired++) {
        if (first->date > clock_realtime() || clock_monotonic() - begun > FIRE_FOR_USEC)
            break;
        fire(scheduler, heap_item(first, Entry, heap));
    }
    return commit(scheduler);
}

static int connect(Scheduler *scheduler)
{
    int r = pg_connect(scheduler->pg);
    if (r == 0 && !scheduler->joined)
        r = store_schema_check(scheduler->pg, NULL);
    if (r != 0)
        return r > 0 ? outage(-EPROTO) : r;
    if (!scheduler->joined)
        r = queue_join(scheduler->queue, "scheduler", daemon_socket_path(scheduler->daemon));
    if (r != 0)
        return fold(r);
    scheduler->joined = true;
    return 0;
}

static int beat(Scheduler *scheduler)
{
    QueueMembership membership;
    bool work;
    int r = connect(scheduler);
    if (r == 0)
        r = queue_heartbeat(scheduler->queue, &membership, &work);
    if (r != 0)
        return r;
    if (membership.gained || membership.lost || scheduler->shards != membership.shards) {
        scheduler->shards = membership.shards;
        forget(scheduler); /* read again with the shards that are held now */
    }
    if (scheduler->flow_stamp < 0 || clock_monotonic() - scheduler->flows_looked >= FLOW_POLL_USEC)
        r = refresh(scheduler);
    if (r == 0 && !scheduler->connected) {
        scheduler->connected = true;
        if (scheduler->companion)
            r = scheduler->companion->connected(scheduler->companion_object);
    }
    return r;
}

/* What every piece of work ends with: DOWN and a later try after an outage, else the next timer. */
static void settle(Scheduler *scheduler, const char *component, int r)
{
    if (r == 0) {
        daemon_health(scheduler->daemon, component, HEALTH_UP, "%s", "");
        daemon_ready(scheduler->daemon);
        daemon_progress(scheduler->daemon);
        say_status(scheduler);
        arm_slot_timer(scheduler);
        return;
    }
    forget(scheduler);
    scheduler->connected = false;
    loop_timer_set(scheduler->slot_timer, USEC_INFINITY);
    daemon_progress(scheduler->daemon); /* it keeps trying: a restart would not help */
    if (r == QUEUE_E_FENCED) {
        log_event(FENCED, "This scheduler was declared dead after a silence; it joins again");
        scheduler->joined = false;
        scheduler->shards = 0;
        loop_timer_in(scheduler->heartbeat_timer, 0);
        return;
    }
    usec_t delay = daemon_outage(scheduler->daemon, component, "%s", pg_error(scheduler->pg));
    scheduler->fire_after = clock_monotonic() + delay;
    loop_timer_in(scheduler->heartbeat_timer, delay);
}

static int on_heartbeat(void *userdata)
{
    Scheduler *scheduler = userdata;
    loop_timer_in(scheduler->heartbeat_timer, conf_usec(scheduler->conf, "heartbeat.interval"));
    settle(scheduler, QUEUE_PG_COMPONENT, beat(scheduler));
    return 0;
}

static int on_slot(void *userdata)
{
    settle(userdata, SLOTS, fire_due(userdata));
    return 0;
}

/* A flow was stored or removed here or elsewhere, or a trigger has a command. */
static int on_work(void *userdata)
{
    Scheduler *scheduler = userdata;
    if (scheduler->connected)
        settle(scheduler, QUEUE_PG_COMPONENT, refresh(scheduler));
    return 0;
}

static void flows_changed(void *userdata)
{
    Scheduler *scheduler = userdata;
    loop_defer(scheduler->work);
}

static int on_wake(void *userdata, const char *body)
{
    if (streq(body, QUEUE_RING_SHARDS))
        loop_timer_in(((Scheduler *)userdata)->heartbeat_timer, 0);
    else
        flows_changed(userdata);
    return 0;
}

static int on_drain(void *userdata)
{
    Scheduler *scheduler = userdata;
    if (scheduler->joined && queue_leave(scheduler->queue) != 0)
        log_warning("Leases were not given back: %s; others take them over when they run out", pg_error(scheduler->pg));
    daemon_drained(scheduler->daemon);
    return 0;
}

static void on_metrics(void *userdata, Buffer *text)
{
    const Scheduler *scheduler = userdata;
    const HeapEntry *first = heap_first(&scheduler->heap);
    usec_t now = clock_realtime();
    double late = first && first->date < now ? (double)(now - first->date) / 1e6 : 0;
    buffer_printf(
        text,
        "# HELP kestra_scheduler_schedules Schedule triggers held by this instance\n"
        "# TYPE kestra_scheduler_schedules gauge\nkestra_scheduler_schedules %zu\n"
        "# HELP kestra_scheduler_slots_fired_total Executions started by schedules\n"
        "# TYPE kestra_scheduler_slots_fired_total counter\nkestra_scheduler_slots_fired_total %" PRIu64 "\n"
        "# HELP kestra_scheduler_slots_failed_total Slots whose inputs could not be rendered\n"
        "# TYPE kestra_scheduler_slots_failed_total counter\nkestra_scheduler_slots_failed_total %" PRIu64 "\n"
        "# HELP kestra_scheduler_evaluations_total Jobs given to workers to evaluate polling triggers\n"
        "# TYPE kestra_scheduler_evaluations_total counter\nkestra_scheduler_evaluations_total %" PRIu64 "\n"
        "# HELP kestra_scheduler_evaluations_fired_total Executions started by polling triggers\n"
        "# TYPE kestra_scheduler_evaluations_fired_total counter\n"
        "kestra_scheduler_evaluations_fired_total %" PRIu64 "\n"
        "# HELP kestra_scheduler_late_results_total Results of evaluations that were not wanted any more\n"
        "# TYPE kestra_scheduler_late_results_total counter\nkestra_scheduler_late_results_total %" PRIu64 "\n"
        "# HELP kestra_scheduler_lateness_seconds How late the earliest slot is\n"
        "# TYPE kestra_scheduler_lateness_seconds gauge\nkestra_scheduler_lateness_seconds %.3f\n"
        "# HELP kestra_scheduler_shards Shards leased by this instance\n"
        "# TYPE kestra_scheduler_shards gauge\nkestra_scheduler_shards %d\n",
        map_count(scheduler->entries), scheduler->slots_fired, scheduler->slots_failed, scheduler->evaluations,
        scheduler->evaluations_fired, scheduler->results_late, late, __builtin_popcountll(scheduler->shards));
}

static int start_companion(Scheduler *scheduler)
{
    const SchedulerCompanion *companion = scheduler->companion;
    int r = companion->start(daemon_loop(scheduler->daemon), scheduler->conf, scheduler->pg, flows_changed, scheduler,
                             &scheduler->companion_object);
    if (r == 0 && scheduler->connected && scheduler->companion_object)
        r = companion->connected(scheduler->companion_object);
    return r;
}

/* Everything in memory is made anew with the new settings. */
static int on_reload(void *userdata)
{
    Scheduler *scheduler = userdata;
    Conf *conf;
    if (conf_reload(scheduler->conf, &conf) != 0)
        return 0; /* wrong settings do not end a role that runs */
    forget(scheduler);
    if (scheduler->companion_object)
        scheduler->companion->stop(TAKE_PTR(scheduler->companion_object));
    json_decref(scheduler->plugin_defaults);
    scheduler->plugin_defaults = flow_global_defaults(conf);
    conf_free(scheduler->reloaded);
    scheduler->conf = scheduler->reloaded = conf;
    flows_changed(scheduler);
    if (scheduler->companion && start_companion(scheduler) < 0)
        log_warning("The flow directory is compared later: %s", pg_error(scheduler->pg));
    return 0;
}

static const DaemonOps daemon_ops = {
    .role = "scheduler",
    .reload = on_reload,
    .wake = on_wake,
    .drain = on_drain,
    .metrics = on_metrics,
};

static void scheduler_done(Scheduler *scheduler)
{
    if (scheduler->companion_object)
        scheduler->companion->stop(scheduler->companion_object);
    reading_done(&scheduler->reading);
    heap_done(&scheduler->heap);
    map_destroy(scheduler->entries, entry_free);
    map_destroy(scheduler->flows, known_flow_free);
    json_decref(scheduler->envs);
    json_decref(scheduler->plugin_defaults);
    unit_free(scheduler->unit);
    queue_free(scheduler->queue);
    bell_free(scheduler->bell);
    pg_free(scheduler->pg);
    daemon_free(scheduler->daemon);
    conf_free(scheduler->reloaded);
}

static int set_up(Scheduler *scheduler, const char *socket_path)
{
    int r = daemon_new(&daemon_ops, scheduler, socket_path, &scheduler->daemon);
    if (r != 0)
        return fold(r);
    scheduler->bell = bell_new();
    r = queue_pg_open(scheduler->conf, scheduler->daemon, "kestra-scheduler", scheduler->bell, &scheduler->pg,
                      &scheduler->queue);
    if (r != 0)
        return fold(r);
    Loop *loop = daemon_loop(scheduler->daemon);
    r = loop_add_timer(loop, on_heartbeat, scheduler, &scheduler->heartbeat_timer);
    if (r == 0)
        r = loop_add_timer(loop, on_slot, scheduler, &scheduler->slot_timer);
    if (r == 0)
        r = loop_add_defer(loop, on_work, scheduler, &scheduler->work);
    if (r == 0 && scheduler->companion)
        r = start_companion(scheduler);
    if (r == 0)
        loop_timer_in(scheduler->heartbeat_timer, 0);
    return fold(r);
}

int scheduler_run(const Conf *conf, const char *socket_path, const SchedulerCompanion *companion)
{
    _cleanup_(scheduler_done) Scheduler scheduler = {.conf = conf, .companion = companion, .flow_stamp = -1};
    expression_limits_from_conf(conf);
    scheduler.unit = unit_new();
    scheduler.entries = map_new();
    scheduler.flows = map_new();
    scheduler.plugin_defaults = flow_global_defaults(conf);
    scheduler.envs = context_envs(conf_text(conf, "variables.env-vars-prefix"));
    int r = set_up(&scheduler, socket_path);
    if (r != 0)
        return trace(r);
    return daemon_run(scheduler.daemon);
}
