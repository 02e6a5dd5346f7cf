/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/watch.h"

#include "doc/json.h"
#include "queue/queue_private.h"
#include "queue/unit_private.h"

struct Watch {
    WatchSettings settings;
    Books *books;
    char *fault;
};

typedef struct Fetched {
    int64_t sequence;
    unsigned shard;
} Fetched;

typedef struct WatchQueue {
    Queue base;
    Queue *inner;
    Watch *watch;
    char *name;
    WatchTrouble trouble;
    VEC(Fetched) fetched; /* taken by the next commit */
    uint64_t shards;      /* whose timers the process has in memory */
} WatchQueue;

Watch *watch_new(const WatchSettings *settings)
{
    Watch *watch = xnew(Watch);
    watch->settings = *settings;
    watch->books = books_new(settings->now, settings->resumed);
    return watch;
}

Watch *watch_free(Watch *watch)
{
    books_free(watch->books);
    free(watch->fault);
    free(watch);
    return NULL;
}

const char *watch_fault(const Watch *watch)
{
    return watch->fault;
}

Books *watch_books(Watch *watch)
{
    return watch->books;
}

void watch_say(Watch *watch, const char *who, const char *format, ...)
{
    if (!watch->settings.loud)
        return;
    fprintf(stderr, "%9.3f  %-10s  ", (double)(*watch->settings.now % (100000 * USEC_PER_SEC)) / (double)USEC_PER_SEC,
            who);
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
}

/* Only the first fault counts: the others come of it. */
void watch_accuse(Watch *watch, const char *who, const char *rule)
{
    if (!rule || watch->fault)
        return;
    watch->fault = xasprintf("%s (%s)", rule, who);
    watch_say(watch, who, "BROKEN: %s", rule);
}

/* --- one commit --- */

static bool was_fetched(const WatchQueue *queue, int64_t sequence)
{
    for (size_t i = 0; i < queue->fetched.count; i++)
        if (queue->fetched.items[i].sequence == sequence)
            return true;
    return false;
}

static bool is_taken(const Unit *unit, int64_t sequence)
{
    for (size_t i = 0; i < unit->acks.count; i++)
        if (unit->acks.items[i] == sequence)
            return true;
    for (size_t i = 0; i < unit->asides.count; i++)
        if (unit->asides.items[i].of == ASIDE_EVENT && unit->asides.items[i].sequence == sequence)
            return true;
    return false;
}

/* A unit that is full leaves the last ones for the next, but none is passed over; and it holds something. */
static const char *check_taken(WatchQueue *queue, const Unit *unit)
{
    size_t taken = 0;
    for (size_t i = 0; i < unit->acks.count; i++)
        for (size_t j = 0; j < i; j++)
            if (unit->acks.items[i] == unit->acks.items[j])
                return "an event was taken twice";
    for (size_t i = 0; i < unit->acks.count; i++)
        if (!was_fetched(queue, unit->acks.items[i]))
            return "an event was taken that was not fetched";
    while (taken < queue->fetched.count && is_taken(unit, queue->fetched.items[taken].sequence))
        taken++;
    for (size_t i = taken; i < queue->fetched.count; i++)
        if (is_taken(unit, queue->fetched.items[i].sequence))
            return "a fetched event was passed over";
    return taken < queue->fetched.count && unit_is_empty(unit) ? "a fetched event was not taken" : NULL;
}

/* What was there, what came, what went: what is there. What deleting takes along is not counted. */
static const char *check_totals(const Watch *watch, QueueStoreCounts before, const Unit *unit, unsigned refused)
{
    QueueStoreCounts after = queue_store_counts(watch->settings.store);
    size_t accepted = unit->results.count - refused;
    if (unit->deletes.count)
        return NULL;
    size_t created = after.executions - before.executions;
    if (after.events + unit->acks.count + unit->asides.count != before.events + unit->events.count + accepted + created)
        return "the number of events does not match";
    if (!unit->cancels.count && after.jobs + accepted != before.jobs + unit->jobs.count)
        return "the number of jobs does not match";
    if (after.timers != books_timers(watch->books))
        return "the number of timers does not match";
    return NULL;
}

/* Those that this commit has touched. */
static const char *check_waiting(const Watch *watch, const Unit *unit)
{
    const QueueStore *store = watch->settings.store;
    for (size_t i = 0; i < unit->executions.count + unit->task_runs.count; i++) {
        const char *id = i < unit->executions.count ? unit->executions.items[i].id
                                                    : unit->task_runs.items[i - unit->executions.count].execution_id;
        if (books_is_stuck(watch->books, id) && !queue_store_is_expected(store, id))
            return "an execution waits for nothing";
    }
    return NULL;
}

static void trace_commit(WatchQueue *queue, const Unit *unit, const QueueBatch *batch)
{
    Watch *watch = queue->watch;
    if (!watch->settings.loud)
        return;
    _cleanup_buffer_ Buffer text = {};
    books_describe(watch->books, unit, *watch->settings.now, &text);
    for (size_t i = 0; i < batch->events.count; i++)
        buffer_printf(&text, "; gets %s of %s", batch->events.items[i].kind,
                      books_name(watch->books, batch->events.items[i].key));
    for (size_t i = 0; i < batch->jobs.count; i++)
        buffer_printf(&text, "; gets job %s#%d", books_name(watch->books, batch->jobs.items[i].task_run_id),
                      batch->jobs.items[i].attempt);
    if (batch->refused)
        buffer_printf(&text, "; %u results refused", batch->refused);
    const char *line = buffer_text(&text);
    if (*line)
        watch_say(watch, queue->name, "%s", starts_with(line, "; ") ? line + 2 : line);
}

static void committed(WatchQueue *queue, QueueStoreCounts before, const Unit *unit, const QueueBatch *batch)
{
    Watch *watch = queue->watch;
    const char *rule = books_enter(watch->books, unit);
    trace_commit(queue, unit, batch);
    watch_accuse(watch, queue->name, rule);
    watch_accuse(watch, queue->name, check_waiting(watch, unit));
    watch_accuse(watch, queue->name, check_totals(watch, before, unit, batch->refused));
    if (streq_null(queue->base.role, "executor"))
        watch_accuse(watch, queue->name, check_taken(queue, unit));
}

static void forget(WatchQueue *queue)
{
    queue->fetched.count = 0;
    queue->shards = 0;
}

static int watched_commit(Queue *base, Unit *unit, const QueueFetch *fetch, QueueBatch *ret_batch)
{
    WatchQueue *queue = (WatchQueue *)base;
    WatchTrouble trouble = queue->trouble;
    queue->trouble = TROUBLE_NONE;
    if (trouble == TROUBLE_BEFORE) {
        forget(queue);
        watch_say(queue->watch, queue->name, "commit fails before it happened");
        return -EIO;
    }
    _cleanup_(unit_freep) Unit *nothing = unit ? NULL : unit_new();
    QueueStoreCounts before = queue_store_counts(queue->watch->settings.store);
    int r = queue->inner->ops->commit(queue->inner, unit, fetch, ret_batch);
    memcpy(base->id, queue->inner->id, sizeof(base->id));
    if (r == 0)
        committed(queue, before, unit ? unit : nothing, ret_batch);
    else
        watch_say(queue->watch, queue->name, "commit refused: fenced");
    queue->shards = r == 0 ? queue->shards : 0;
    queue->fetched.count = 0;
    for (size_t i = 0; r == 0 && i < ret_batch->events.count; i++)
        vec_push(&queue->fetched, (Fetched){ret_batch->events.items[i].sequence, ret_batch->events.items[i].shard});
    if (r == 0 && trouble == TROUBLE_AFTER) {
        forget(queue);
        watch_say(queue->watch, queue->name, "commit fails after it happened");
        return -EIO;
    }
    return r;
}

/* --- the rest goes through --- */

static int watched_join(Queue *base, const char *role, const char *socket)
{
    WatchQueue *queue = (WatchQueue *)base;
    forget(queue);
    int r = queue_join(queue->inner, role, socket);
    memcpy(base->id, queue->inner->id, sizeof(base->id));
    watch_say(queue->watch, queue->name, "joins");
    return r;
}

/* What was fetched of these shards is for another now. */
static void lose(WatchQueue *queue, uint64_t shards)
{
    size_t kept = 0;
    for (size_t i = 0; i < queue->fetched.count; i++)
        if (!(shards >> queue->fetched.items[i].shard & 1))
            queue->fetched.items[kept++] = queue->fetched.items[i];
    queue->fetched.count = kept;
}

static int watched_heartbeat(Queue *base, QueueMembership *ret, bool *ret_work)
{
    WatchQueue *queue = (WatchQueue *)base;
    int r = queue_heartbeat(queue->inner, ret, ret_work);
    if (r != 0) {
        forget(queue);
        watch_say(queue->watch, queue->name, "heartbeat refused: fenced");
        return r;
    }
    queue->shards = ret->shards;
    if (ret->gained | ret->lost) {
        watch_say(queue->watch, queue->name, "holds shards %" PRIx64, ret->shards);
        lose(queue, ret->suspects & ret->gained ? UINT64_MAX : ret->lost); /* who becomes careful fetches again */
    }
    return r;
}

static int watched_leave(Queue *base)
{
    WatchQueue *queue = (WatchQueue *)base;
    forget(queue);
    return queue_leave(queue->inner);
}

static int watched_try(Queue *base, const char *key, unsigned *ret_deaths)
{
    WatchQueue *queue = (WatchQueue *)base;
    int r = queue_try(queue->inner, key, ret_deaths);
    *ret_deaths = 0; /* deaths come by chance here, and never of a message */
    if (r != 0)
        forget(queue);
    return r;
}

static int watched_trust(Queue *base)
{
    return queue_trust(((WatchQueue *)base)->inner);
}

static int watched_load_timers(Queue *base, uint64_t shards, QueueTimers *ret)
{
    return queue_load_timers(((WatchQueue *)base)->inner, shards, ret);
}

static int watched_load_execution(Queue *base, const char *id, Execution **ret)
{
    return queue_load_execution(((WatchQueue *)base)->inner, id, ret);
}

static int watched_jobs_to_kill(Queue *base, QueueSequences *ret)
{
    return queue_jobs_to_kill(((WatchQueue *)base)->inner, ret);
}

static void watched_free(Queue *base)
{
    WatchQueue *queue = (WatchQueue *)base;
    queue_free(queue->inner);
    vec_free(&queue->fetched);
    free(queue->name);
    free(queue);
}

static const QueueOps watched_ops = {
    .free = watched_free,
    .join = watched_join,
    .heartbeat = watched_heartbeat,
    .leave = watched_leave,
    .commit = watched_commit,
    .try_key = watched_try,
    .trust = watched_trust,
    .load_timers = watched_load_timers,
    .load_execution = watched_load_execution,
    .jobs_to_kill = watched_jobs_to_kill,
};

Queue *watch_queue(Watch *watch, const char *name)
{
    WatchQueue *queue = xnew(WatchQueue);
    queue->base.ops = &watched_ops;
    queue->inner = queue_mem_new(watch->settings.store);
    queue->watch = watch;
    queue->name = xstrdup(name);
    return &queue->base;
}

void watch_trouble(Queue *queue, WatchTrouble trouble)
{
    ((WatchQueue *)queue)->trouble = trouble;
}

void watch_forget(Queue *queue)
{
    forget((WatchQueue *)queue);
}

void watch_idle(Queue *base)
{
    const WatchQueue *queue = (const WatchQueue *)base;
    const WatchSettings *settings = &queue->watch->settings;
    if (queue_store_due(settings->store, queue->shards, *settings->now))
        watch_accuse(queue->watch, queue->name, "a timer is late");
}
