/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A batch is: due timers and fetched events → steps in memory → each changed row once into the unit → one commit, which
 * also fetches the next events. Nothing in memory is ever newer than the last commit plus this batch, so that an outage
 * has one answer: forget everything and read it again.
 *
 * What can not be handled is set aside, in the commit of the batch, and the rest goes on: an event that can not be
 * read, an execution whose rows can not be read. A batch that the backend refuses (a date out of its range, a text too
 * large) is tried again message by message, until the one is found that does it.
 *
 * A row that somebody else holds for long stops its own execution: its messages stay where they are until it is free,
 * and all others go on.
 *
 * Lives are kept in the order of their last use. They are dropped when their execution has ended, or from the old end
 * when there are too many: an execution that waits for a day is read from its rows when it goes on.
 */
#include "executor/owner_private.h"

#include "base/log.h"
#include "doc/json.h"

enum {
    EVENTS_MAX = 500,
    LIVES_MAX = 5000,
    LIVES_BYTES_MAX = 256 * 1024 * 1024, /* beyond it those go that rest */
};

#define LIVES_REST_USEC (10 * USEC_PER_SEC)

/* --- the list of lives --- */

static void unlink_held(Owner *owner, Held *held)
{
    *(held->newer ? &held->newer->older : &owner->newest) = held->older;
    *(held->older ? &held->older->newer : &owner->oldest) = held->newer;
    held->newer = held->older = NULL;
}

static void link_newest(Owner *owner, Held *held)
{
    held->older = owner->newest;
    if (owner->newest)
        owner->newest->newer = held;
    else
        owner->oldest = held;
    owner->newest = held;
}

static void drop_held(Owner *owner, Held *held)
{
    unlink_held(owner, held);
    owner->lives_bytes -= held->bytes;
    map_remove(owner->held, held->key);
    live_free(held->live);
    free(held);
}

static Held *add_held(Owner *owner, const char *key, Live *live)
{
    Held *held = xnew(Held);
    snprintf(held->key, sizeof(held->key), "%s", key);
    held->live = live;
    held->bytes = held->to_save = live_execution(live)->bytes;
    owner->lives_bytes += held->bytes;
    map_put(owner->held, held->key, held);
    link_newest(owner, held);
    return held;
}

static void touch(Owner *owner, Held *held)
{
    if (held->touched)
        return;
    held->touched = true;
    held->used = owner->step.now;
    owner->to_save += held->to_save;
    unlink_held(owner, held);
    link_newest(owner, held);
    vec_push(&owner->touched, held);
}

/* After a commit: what has ended goes, and the oldest while there are too many. */
void owner_settle(Owner *owner)
{
    for (size_t i = 0; i < owner->touched.count; i++) {
        Held *held = owner->touched.items[i];
        held->touched = false;
        if (live_is_over(held->live))
            drop_held(owner, held);
    }
    owner->touched.count = owner->to_save = 0;
    unsigned limit = owner->settings.lives_max ? owner->settings.lives_max : LIVES_MAX;
    while (map_count(owner->held) > limit ||
           (owner->lives_bytes > LIVES_BYTES_MAX && owner->oldest->used + LIVES_REST_USEC < owner->step.now))
        drop_held(owner, owner->oldest);
}

/* --- timers --- */

static void drop_timer(Owner *owner, Timer *timer)
{
    heap_remove(&owner->heap, &timer->entry);
    map_remove(owner->timers, timer->id);
    free(timer->key);
    free(timer->name);
    free(timer->id);
    free(timer);
}

void owner_set_timer(Owner *owner, const char *key, const char *name, usec_t date)
{
    _cleanup_free_ char *id = xasprintf("%s %s", key, name);
    Timer *timer = map_get(owner->timers, id);
    if (!date) {
        if (timer)
            drop_timer(owner, timer);
        return;
    }
    if (!timer) {
        timer = xnew(Timer);
        timer->name = xstrdup(name);
        timer->key = xstrdup(key);
        timer->id = TAKE_PTR(id);
        map_put(owner->timers, timer->id, timer);
    }
    heap_set(&owner->heap, &timer->entry, date);
}

void owner_take_timers(Owner *owner)
{
    for (size_t i = 0; i < owner->step.timers.count; i++) {
        const StepTimer *timer = &owner->step.timers.items[i];
        owner_set_timer(owner, timer->key, timer->name, timer->date);
    }
    step_forget_timers(&owner->step);
}

usec_t owner_next_timer(const Owner *owner)
{
    HeapEntry *first = heap_first(&owner->heap);
    return first ? first->date : USEC_INFINITY;
}

static int load_timers(Owner *owner, uint64_t shards)
{
    QueueTimers timers = {};
    if (!shards)
        return 0;
    int r = queue_load_timers(owner->queue, shards, &timers);
    if (r != 0)
        return r;
    for (size_t i = 0; i < timers.count; i++) {
        const QueueTimer *timer = &timers.items[i];
        if (slots_is_key(timer->key))
            slots_load(owner->slots, timer->key, timer->name, timer->body);
        else
            owner_set_timer(owner, timer->key, timer->name, timer->date);
        if (windows_is_key(timer->key))
            windows_load(owner->windows, timer->key, timer->name, timer->body);
        queue_timer_done(&timers.items[i]);
    }
    vec_free(&timers);
    return 0;
}

/* --- memory --- */

static bool is_of(const char *key, uint64_t shards)
{
    return (shards >> shard_of(key)) & 1;
}

/* What was fetched of a lost shard is for its next owner: acknowledged here it would be lost, since an event that
 * changes nothing any more (a slot given back, when the slots are forgotten) does not run into the fence. */
static void forget_events(Owner *owner, uint64_t shards)
{
    size_t kept = 0;
    for (size_t i = 0; i < owner->batch.events.count; i++)
        if ((shards >> owner->batch.events.items[i].shard) & 1)
            queue_event_done(&owner->batch.events.items[i]);
        else
            owner->batch.events.items[kept++] = owner->batch.events.items[i];
    owner->batch.events.count = kept;
}

/* Executions, events and timers of these shards. */
static void forget_shards(Owner *owner, uint64_t shards)
{
    forget_events(owner, shards);
    for (Held *held = owner->newest, *next; held; held = next) {
        next = held->older;
        if (is_of(held->key, shards))
            drop_held(owner, held);
    }
    slots_forget(owner->slots, shards);
    windows_forget(owner->windows, shards);
    VEC(Timer *) going = {};
    for (size_t i = 0; i < owner->heap.entries.count; i++) {
        Timer *timer = heap_item(owner->heap.entries.items[i], Timer, entry);
        if (is_of(timer->key, shards))
            vec_push(&going, timer);
    }
    for (size_t i = 0; i < going.count; i++)
        drop_timer(owner, going.items[i]);
    vec_free(&going);
}

void owner_forget(Owner *owner)
{
    owner->touched.count = owner->to_save = 0;
    unit_reset(owner->unit);
    step_forget_timers(&owner->step);
    queue_batch_done(&owner->batch);
    owner->batch = (QueueBatch){};
    while (owner->newest)
        drop_held(owner, owner->newest);
    while (owner->heap.entries.count)
        drop_timer(owner, heap_item(owner->heap.entries.items[0], Timer, entry));
    slots_forget(owner->slots, UINT64_MAX);
    windows_forget(owner->windows, UINT64_MAX);
    owner->shards = 0;
}

static int find_flow(void *userdata, const char *namespace, const char *id, int revision, Flow **ret)
{
    Owner *owner = userdata;
    return owner->settings.load_flow(owner->settings.userdata, namespace, id, revision, ret);
}

static int find_listeners(void *userdata, Flow *const **ret, size_t *ret_count)
{
    Owner *owner = userdata;
    return owner->settings.listeners(owner->settings.userdata, ret, ret_count);
}

static bool is_killed(void *userdata, const char *execution_id)
{
    const Held *held = map_get(((Owner *)userdata)->held, execution_id);
    State state = held ? state_current(&live_execution(held->live)->state) : STATE_CREATED;
    return state == STATE_KILLING || state == STATE_KILLED;
}

Owner *owner_new(Queue *queue, const OwnerSettings *settings)
{
    Owner *owner = xnew(Owner);
    owner->queue = queue;
    owner->settings = *settings;
    owner->unit = unit_new();
    owner->held = map_new();
    owner->timers = map_new();
    owner->slots = slots_new();
    owner->windows = windows_new();
    owner->step = (Step){
        .random = settings->random,
        .random_userdata = settings->userdata,
        .services = settings->services,
        .globals = settings->globals,
        .envs = settings->envs,
        .encryption_key = settings->encryption_key,
        .message_bytes_max = settings->message_bytes_max,
        .begun_max = settings->begun_max,
        .unit_bytes_max = settings->unit_bytes_max,
        .depth_max = settings->depth_max,
        .find_flow = find_flow,
        .listeners = settings->listeners ? find_listeners : NULL,
        .is_killed = is_killed,
        .flows_userdata = owner,
        .unit = owner->unit,
    };
    return owner;
}

Owner *owner_free(Owner *owner)
{
    if (!owner)
        return NULL;
    owner_forget(owner);
    step_done(&owner->step);
    map_destroy(owner->held, NULL);
    map_destroy(owner->timers, NULL);
    heap_done(&owner->heap);
    vec_free(&owner->touched);
    slots_free(owner->slots);
    windows_free(owner->windows);
    locked_done(&owner->locked);
    unit_free(owner->unit);
    execution_free(owner->broken);
    free(owner);
    return NULL;
}

void owner_reload(Owner *owner, const json_t *globals, const char *encryption_key)
{
    owner->settings.globals = owner->step.globals = globals;
    owner->settings.encryption_key = owner->step.encryption_key = encryption_key;
}

OwnerCounts owner_counts(const Owner *owner)
{
    OwnerCounts counts = owner->counts;
    counts.lives = map_count(owner->held);
    counts.heap = owner->heap.entries.count;
    counts.locked = owner->locked.keys.count;
    return counts;
}

/* --- membership --- */

int owner_fenced(Owner *owner, int r)
{
    owner_forget(owner);
    return r == QUEUE_E_FENCED ? OWNER_E_FENCED : fold(r);
}

int owner_join(Owner *owner, const char *socket)
{
    owner_forget(owner);
    return fold(queue_join(owner->queue, "executor", socket));
}

unsigned owner_batch_max(const Owner *owner)
{
    return owner->settings.events_max ? owner->settings.events_max : EVENTS_MAX;
}

/* Among the messages that are there is one that can not be handled, and nobody knows which. What the batch that failed
 * can have held, as many events and as many timers, is taken alone. */
void owner_be_careful(Owner *owner)
{
    queue_batch_done(&owner->batch);
    owner->batch = (QueueBatch){};
    owner->careful = 2 * owner_batch_max(owner);
}

int owner_heartbeat(Owner *owner, bool *ret_work)
{
    QueueMembership membership = {};
    int r = queue_heartbeat(owner->queue, &membership, ret_work);
    if (r != 0)
        return owner_fenced(owner, r);
    uint64_t lost = owner->shards & ~membership.shards;
    uint64_t gained = membership.shards & ~owner->shards;
    if (lost)
        forget_shards(owner, lost);
    r = load_timers(owner, gained);
    if (r != 0)
        return owner_fenced(owner, r);
    owner->shards = membership.shards;
    if (membership.suspects & gained)
        owner_be_careful(owner);
    return 0;
}

int owner_leave(Owner *owner)
{
    owner_forget(owner);
    return fold(queue_leave(owner->queue));
}

/* --- executions --- */

/* A new execution comes with its first event and is not read. */
static Execution *execution_of_event(EventKind kind, const json_t *body)
{
    Execution *execution;
    const json_t *encoded = json_object_get(body, "execution");
    if (kind != EVENT_CREATED || !encoded || execution_decode(encoded, &execution, NULL) != 0)
        return NULL;
    if (state_current(&execution->state) == STATE_CREATED && !json_object_get(body, "hasTaskRuns")) {
        json_t *internal = json_object_get(body, "internal");
        execution->internal = internal ? json_incref(internal) : NULL;
        return execution;
    }
    execution_free(execution);
    return NULL;
}

static int make_live(Owner *owner, Execution *execution, Live **ret)
{
    Flow *flow = NULL;
    int r = find_flow(owner, execution->namespace, execution->flow_id, execution->flow_revision, &flow);
    if (r < 0) {
        execution_free(execution);
        return trace(r);
    }
    _cleanup_free_ char *problem = NULL;
    if (r > 0)
        problem = xasprintf("flow %s.%s revision %d is not there or can not be read", execution->namespace,
                            execution->flow_id, execution->flow_revision);
    *ret = live_new(execution, flow, problem);
    flow_unref(flow);
    return 0;
}

/* *ret NULL: there is no such execution. QUEUE_E_UNREADABLE. */
static int hold(Owner *owner, const char *key, EventKind kind, const json_t *body, Held **ret)
{
    *ret = map_get(owner->held, key);
    if (*ret)
        return 0;
    Execution *execution = execution_of_event(kind, body);
    if (!execution) {
        owner->counts.loads++;
        int r = queue_load_execution(owner->queue, key, &execution);
        if (r == QUEUE_E_UNREADABLE) {
            execution_free(owner->broken);
            owner->broken = execution;
            return r;
        }
        if (r != 0)
            return fold(r);
        if (!execution)
            return 0;
    }
    Live *live;
    int r = make_live(owner, execution, &live);
    if (r == 0)
        *ret = add_held(owner, key, live);
    return r;
}

/* --- stepping --- */

static void say_stale(const char *key, const char *kind, const Diag *diag)
{
    _cleanup_(log_popp) LogField field = log_push("KESTRA_EXECUTION_ID", key);
    log_debug("Event %s of execution %s is stale: %s", kind, key, diag_first(diag));
}

/* bytes: of the body. */
static int apply(Owner *owner, Held *held, EventKind kind, const json_t *body, size_t bytes, Diag *diag)
{
    bool was_over = live_is_over(held->live);
    touch(owner, held);
    held->bytes += bytes;
    owner->lives_bytes += bytes;
    owner->to_save += bytes;
    owner->step.diag = diag;
    int r = step_apply(&owner->step, held->live, kind, body);
    owner->step.diag = NULL;
    owner->counts.executions_begun += kind == EVENT_CREATED && r == 0;
    owner->counts.executions_ended += !was_over && live_is_over(held->live);
    return r;
}

/* The execution's log and the journal say it, with the id by which it can be replayed. name: of a timer; or NULL. */
static void say_set_aside(Owner *owner, const char *key, const char *kind, const char *name, const char *id,
                          const char *reason)
{
    _cleanup_(log_popp) LogField field = log_push("KESTRA_EXECUTION_ID", key);
    _cleanup_(log_popp) LogField poison = log_push("KESTRA_POISON_ID", id);
    log_event(MESSAGE_SET_ASIDE, "Event %s%s%s of %s was set aside as %s: %s", kind, name ? " " : "", name ? name : "",
              key, id, reason);
    owner->counts.set_aside++;
    if (slots_is_key(key) || windows_is_key(key))
        return;
    const Held *held = map_get(owner->held, key);
    const Execution *execution = held ? live_execution(held->live) : NULL;
    _cleanup_free_ char *message = xasprintf(
        "A message (%s) was set aside: %s. Once the cause is mended: kestractl poison replay %s", kind, reason, id);
    unit_log(owner->unit, &(LogEntry){.namespace = execution ? execution->namespace : "",
                                      .flow_id = execution ? execution->flow_id : "",
                                      .execution_id = key,
                                      .attempt = -1,
                                      .timestamp = owner->step.now,
                                      .level = LOG_LEVEL_ERROR,
                                      .thread = "executor",
                                      .message = message});
}

static void new_id(Owner *owner, char ret_id[static ID_BYTES])
{
    const OwnerSettings *settings = &owner->settings;
    uint64_t high = settings->random(settings->userdata), low = settings->random(settings->userdata);
    id_from_bits(high, low, ret_id);
}

void owner_set_aside(Owner *owner, const QueueEvent *event, const char *reason)
{
    char id[ID_BYTES];
    new_id(owner, id);
    unit_set_aside(owner->unit, id, event->sequence, reason);
    say_set_aside(owner, event->key, event->kind, NULL, id, reason);
}

void owner_set_timer_aside(Owner *owner, const char *key, const char *name, const char *reason)
{
    char id[ID_BYTES];
    new_id(owner, id);
    unit_set_aside_timer(owner->unit, id, key, name, reason);
    say_set_aside(owner, key, "timer", name, id, reason);
}

static const char unreadable[] = "the rows of the execution or of one of its task runs can not be read";

/* Nothing but deletion works without reading the execution. */
static void step_unreadable(Owner *owner, const QueueEvent *event, EventKind kind)
{
    if (kind != EVENT_DELETE) {
        owner_set_aside(owner, event, unreadable);
        return;
    }
    step_delete_unread(&owner->step, owner->broken, event->body);
    unit_ack_event(owner->unit, event->sequence);
}

static void note_window_timer(void *userdata, const char *key, const char *name, usec_t date)
{
    step_note_timer(userdata, key, name, date);
}

/* The key of slots or of a window. */
static int step_line(Owner *owner, const QueueEvent *event)
{
    _cleanup_diag_ Diag diag = DIAG_INIT;
    int r = slots_is_key(event->key)
                ? slots_apply(owner->slots, event, owner->step.now, owner->unit, &diag)
                : windows_apply(owner->windows, event, owner->unit, note_window_timer, &owner->step, &diag);
    if (r == 0)
        unit_ack_event(owner->unit, event->sequence);
    else
        owner_set_aside(owner, event, diag_first(&diag));
    return 0;
}

static int step_event(Owner *owner, const QueueEvent *event)
{
    owner->counts.events++;
    EventKind kind = event_kind_from_string(event->kind);
    if (!event->body || kind == _EVENT_KIND_INVALID) {
        owner_set_aside(owner, event, !event->body ? event->reason : "its kind is unknown");
        return 0;
    }
    if (slots_is_key(event->key) || windows_is_key(event->key))
        return step_line(owner, event);
    Held *held;
    int r = hold(owner, event->key, kind, event->body, &held);
    if (r < 0)
        return r;
    if (r == QUEUE_E_UNREADABLE) {
        step_unreadable(owner, event, kind);
        return 0;
    }
    if (!held) {
        log_debug("Event %s is of execution %s, which is not there", event->kind, event->key);
        owner->counts.stale++;
        unit_ack_event(owner->unit, event->sequence);
        return 0;
    }
    _cleanup_diag_ Diag diag = DIAG_INIT;
    r = apply(owner, held, kind, event->body, event->bytes, &diag);
    if (r < 0)
        return r;
    if (r == STEP_E_INVALID) {
        owner_set_aside(owner, event, diag_first(&diag));
        return 0;
    }
    if (r == STEP_E_STALE) {
        say_stale(event->key, event->kind, &diag);
        owner->counts.stale++;
    }
    unit_ack_event(owner->unit, event->sequence);
    return 0;
}

static int step_timer(Owner *owner, const char *key, const char *name)
{
    owner->counts.timers++;
    if (windows_is_key(key)) {
        windows_expire(owner->windows, key, name, owner->unit);
        return 0;
    }
    Held *held;
    int r = hold(owner, key, EVENT_TIMER, NULL, &held);
    if (r < 0)
        return r;
    if (r == QUEUE_E_UNREADABLE) {
        owner_set_timer_aside(owner, key, name, unreadable);
        return 0;
    }
    if (!held) {
        unit_clear_timer(owner->unit, key, name);
        return 0;
    }
    _cleanup_json_ json_t *body = json_pack("{s:s}", "name", name);
    _cleanup_diag_ Diag diag = DIAG_INIT;
    r = apply(owner, held, EVENT_TIMER, body, 0, &diag);
    if (r == STEP_E_STALE)
        say_stale(key, "timer", &diag);
    return MIN(r, 0);
}

/* What is in the unit and what the saves will add. */
static bool is_full(const Owner *owner)
{
    size_t max = owner->settings.unit_bytes_max ? owner->settings.unit_bytes_max : UNIT_BYTES_MAX;
    return unit_bytes(owner->unit) + owner->to_save >= max;
}

static int step_timers(Owner *owner, unsigned max)
{
    for (unsigned i = 0; i < max && !is_full(owner) && owner_next_timer(owner) <= owner->step.now; i++) {
        Timer *timer = heap_item(heap_first(&owner->heap), Timer, entry);
        if (locked_has(&owner->locked, timer->key)) {
            heap_set(&owner->heap, &timer->entry, owner->step.now + LOCKED_ASK_USEC);
            continue;
        }
        _cleanup_free_ char *key = xstrdup(timer->key), *name = xstrdup(timer->name);
        drop_timer(owner, timer);
        int r = step_timer(owner, key, name);
        if (r < 0)
            return r;
    }
    return 0;
}

static int step_events(Owner *owner)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < owner->batch.events.count && !is_full(owner); i++)
        r = step_event(owner, &owner->batch.events.items[i]);
    return r;
}

int owner_step_all(Owner *owner, unsigned max)
{
    bool event_only = max == 1 && owner->batch.events.count; /* one message when careful */
    int r = 0;
    for (unsigned turn = 0; r == 0 && turn < 2; turn++)
        r = owner->events_first == !turn ? step_events(owner) : step_timers(owner, event_only ? 0 : max);
    owner->events_first = !owner->events_first && is_full(owner); /* neither keeps the other waiting */
    for (size_t i = 0; r == 0 && i < owner->touched.count; i++) {
        size_t before = unit_bytes(owner->unit);
        step_save(&owner->step, owner->touched.items[i]->live);
        owner->touched.items[i]->to_save = unit_bytes(owner->unit) - before;
    }
    owner->counts.step_usec += owner->settings.now(owner->settings.userdata) - owner->step.now;
    return r;
}
