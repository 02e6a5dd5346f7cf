/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The contract of queue.h without a database: one store that several queues share, with a clock that only tests move.
 * It keeps rows as the texts that PostgreSQL would keep, so that decoding is exercised too. A commit is atomic by being
 * one function call; leases, fencing, refusal of late results and death by silence follow the same rules as
 * 0003-queue.sql.
 */
#include "model/event_kind.h"
#include "queue/queue_mem_private.h"

/* --- instances --- */

static MemInstance *find_instance(QueueStore *store, const char *id)
{
    for (size_t i = 0; i < store->instances.count; i++)
        if (store->instances.items[i].alive && streq(store->instances.items[i].id, id))
            return &store->instances.items[i];
    return NULL;
}

/* Row of owners, or NULL for a role without shards. */
static char (*owners_of(QueueStore *store, const char *role))[ID_BYTES]
{
    static const char *const roles[] = {"executor", "scheduler"};
    for (size_t i = 0; i < ELEMENTS(roles); i++)
        if (streq(roles[i], role))
            return store->owners[i];
    return NULL;
}

/* What it tried counts against it. */
static void suspect(QueueStore *store, MemInstance *dead)
{
    if (!dead->trying)
        return;
    MemSuspicion *suspicion = &store->suspicions[shard_of(dead->trying)];
    suspicion->deaths = streq_null(suspicion->trying, dead->trying) ? suspicion->deaths + 1 : 1;
    free(suspicion->trying);
    suspicion->trying = TAKE_PTR(dead->trying);
}

/* Dead, or (died false) it left: what it held is free. */
static bool bury(QueueStore *store, MemInstance *dead, bool died)
{
    bool released = false;
    dead->alive = false;
    if (died)
        suspect(store, dead);
    for (size_t role = 0; role < 2; role++)
        for (unsigned shard = 0; shard < SHARD_COUNT; shard++)
            if (streq(store->owners[role][shard], dead->id)) {
                store->owners[role][shard][0] = 0;
                if (died && role == 0)
                    store->suspects |= UINT64_C(1) << shard;
            }
    for (size_t i = 0; i < store->jobs.count; i++)
        if (streq(store->jobs.items[i].instance, dead->id)) {
            store->jobs.items[i].instance[0] = 0;
            store->jobs.items[i].lost += died;
            released = true;
        }
    return released;
}

static void beat(QueueStore *store, MemInstance *me)
{
    if (me->heartbeat + store->lease < store->now)
        me->steady = store->now;
    me->heartbeat = store->now;
}

static int fenced(QueueMem *queue)
{
    queue->base.id[0] = 0;
    queue->shards = 0;
    vec_free(&queue->jobs);
    return QUEUE_E_FENCED;
}

static int mem_join(Queue *base, const char *role, const char *socket)
{
    QueueMem *queue = (QueueMem *)base;
    QueueStore *store = queue->store;
    (void)fenced(queue);
    for (size_t i = 0; i < store->instances.count; i++) {
        MemInstance *other = &store->instances.items[i];
        if (other->alive && *socket && streq(other->role, role) && streq(other->socket, socket))
            (void)bury(store, other, true);
    }
    id_new(base->id);
    MemInstance me = {
        .role = xstrdup(role), .socket = xstrdup(socket), .alive = true, .heartbeat = store->now, .steady = store->now};
    memcpy(me.id, base->id, sizeof(me.id));
    vec_push(&store->instances, me);
    return 0;
}

static unsigned count_alive(const QueueStore *store, const char *role)
{
    unsigned alive = 0;
    for (size_t i = 0; i < store->instances.count; i++)
        alive += store->instances.items[i].alive && streq(store->instances.items[i].role, role);
    return alive;
}

/* Takes free shards up to the fair share, gives away the highest beyond it; returns the mask held. */
static uint64_t balance(char (*owners)[ID_BYTES], const char *id, unsigned alive)
{
    unsigned fair = (SHARD_COUNT + alive - 1) / alive, mine = 0;
    uint64_t mask = 0;
    for (unsigned shard = 0; shard < SHARD_COUNT; shard++)
        if (streq(owners[shard], id)) {
            if (++mine > fair)
                owners[shard][0] = 0;
            else
                mask |= UINT64_C(1) << shard;
        }
    if (mine > fair)
        return mask; /* what was given away is for others, not taken back at once */
    for (unsigned shard = 0; shard < SHARD_COUNT && mine < fair; shard++)
        if (!*owners[shard]) {
            memcpy(owners[shard], id, ID_BYTES);
            mask |= UINT64_C(1) << shard;
            mine++;
        }
    return mask;
}

static bool has_work(const QueueMem *queue)
{
    const QueueStore *store = queue->store;
    if (streq(queue->base.role, "executor"))
        for (size_t i = 0; i < store->events.count; i++)
            if (queue->shards >> store->events.items[i].shard & 1)
                return true;
    if (streq(queue->base.role, "worker"))
        for (size_t i = 0; i < store->jobs.count; i++) {
            const MemJob *job = &store->jobs.items[i];
            const char *group = queue->worker_group ? queue->worker_group : "";
            if (*job->instance ? job->killed && streq(job->instance, queue->base.id) : streq(job->worker_group, group))
                return true;
        }
    return false;
}

static int mem_heartbeat(Queue *base, QueueMembership *ret, bool *ret_work)
{
    QueueMem *queue = (QueueMem *)base;
    QueueStore *store = queue->store;
    MemInstance *me = find_instance(store, base->id);
    if (!me)
        return fenced(queue);
    beat(store, me);
    *ret = (QueueMembership){};
    for (size_t i = 0; me->steady + store->lease < store->now && i < store->instances.count; i++) {
        MemInstance *other = &store->instances.items[i];
        if (other->alive && other->heartbeat + store->lease < store->now)
            ret->jobs_released |= bury(store, other, true);
    }
    char(*owners)[ID_BYTES] = owners_of(store, base->role);
    uint64_t shards = owners ? balance(owners, base->id, count_alive(store, base->role)) : 0;
    ret->shards = shards;
    ret->gained = shards & ~queue->shards;
    ret->lost = queue->shards & ~shards;
    ret->suspects = owners == store->owners[0] ? shards & store->suspects : 0;
    queue->shards = shards;
    *ret_work = has_work(queue);
    return 0;
}

static int mem_leave(Queue *base)
{
    QueueMem *queue = (QueueMem *)base;
    MemInstance *me = find_instance(queue->store, base->id);
    if (me)
        (void)bury(queue->store, me, false);
    (void)fenced(queue);
    return 0;
}

static int mem_try(Queue *base, const char *key, unsigned *ret_deaths)
{
    QueueMem *queue = (QueueMem *)base;
    MemInstance *me = find_instance(queue->store, base->id);
    if (!me)
        return fenced(queue);
    free(me->trying);
    me->trying = xstrdup(key);
    const MemSuspicion *suspicion = &queue->store->suspicions[shard_of(key)];
    *ret_deaths = streq_null(suspicion->trying, key) ? suspicion->deaths : 0;
    return 0;
}

static int mem_trust(Queue *base)
{
    QueueMem *queue = (QueueMem *)base;
    QueueStore *store = queue->store;
    for (unsigned shard = 0; shard < SHARD_COUNT; shard++)
        if (streq(store->owners[0][shard], base->id)) {
            store->suspects &= ~(UINT64_C(1) << shard);
            free(store->suspicions[shard].trying);
            store->suspicions[shard] = (MemSuspicion){};
        }
    return 0;
}

/* --- the commit --- */

static void push_event(QueueStore *store, unsigned shard, const char *key, const char *kind, const char *body)
{
    vec_push(&store->events, (MemEvent){.sequence = ++store->sequence,
                                        .shard = shard,
                                        .key = xstrdup(key),
                                        .kind = xstrdup(kind),
                                        .body = xstrdup(body)});
}

/* Takes the event out of the table; false when it is not there. */
static bool take_event(QueueStore *store, int64_t sequence, MemEvent *ret)
{
    for (size_t i = 0; i < store->events.count; i++)
        if (store->events.items[i].sequence == sequence) {
            *ret = store->events.items[i];
            memmove(&store->events.items[i], &store->events.items[i + 1],
                    (store->events.count - i - 1) * sizeof(*store->events.items));
            store->events.count--;
            return true;
        }
    return false;
}

/* Leaves a hole until the end of the commit. */
static void make_hole(QueueStore *store, size_t i)
{
    store->jobs.items[i] =
        (MemJob){.task_run_id = xstrdup(""), .execution_id = xstrdup(""), .turn = store->jobs.items[i].turn};
    store->jobs_removed = true;
}

static void remove_job(QueueStore *store, size_t i)
{
    mem_job_done(&store->jobs.items[i]);
    make_hole(store, i);
}

static void close_holes(QueueStore *store)
{
    size_t kept = 0;
    for (size_t i = 0; store->jobs_removed && i < store->jobs.count; i++)
        if (store->jobs.items[i].sequence)
            store->jobs.items[kept++] = store->jobs.items[i];
        else
            mem_job_done(&store->jobs.items[i]);
    if (store->jobs_removed)
        store->jobs.count = kept;
    store->jobs_removed = false;
}

/* In its turn: nearly always the last one. */
static void insert_job(QueueStore *store, MemJob job)
{
    vec_push(&store->jobs, job);
    size_t i = store->jobs.count - 1;
    for (; i > 0 && store->jobs.items[i - 1].turn > job.turn; i--)
        store->jobs.items[i] = store->jobs.items[i - 1];
    store->jobs.items[i] = job;
}

static void set_job_aside(QueueMem *queue, int64_t sequence)
{
    QueueStore *store = queue->store;
    for (size_t i = 0; i < store->jobs.count; i++) {
        if (store->jobs.items[i].sequence != sequence || !streq(store->jobs.items[i].instance, queue->base.id))
            continue;
        vec_push(&store->poison_jobs, store->jobs.items[i]);
        make_hole(store, i);
        return;
    }
}

/* Killed: it is a job again, for a worker to answer; otherwise it goes. */
static void end_job_asides(QueueStore *store, const char *task_run_id, bool killed)
{
    for (size_t i = store->poison_jobs.count; i-- > 0;) {
        MemJob job = store->poison_jobs.items[i];
        if (!streq(job.task_run_id, task_run_id))
            continue;
        store->poison_jobs.items[i] = store->poison_jobs.items[--store->poison_jobs.count];
        job.killed = true;
        job.instance[0] = 0;
        if (killed)
            insert_job(store, job);
        else
            mem_job_done(&job);
    }
}

static bool take_timer(QueueStore *store, const UnitAside *aside, MemEvent *ret)
{
    _cleanup_free_ char *id = xasprintf("%s\n%s", aside->key, aside->name);
    MemTimer *row = map_remove(store->timers, id);
    if (row)
        *ret = (MemEvent){.shard = row->shard,
                          .key = xstrdup(aside->key),
                          .kind = xstrdup("timer"),
                          .body = xasprintf("{\"name\":\"%s\"}", aside->name)};
    if (row)
        mem_timer_free(row);
    return row != NULL;
}

static void set_aside(QueueMem *queue, const UnitAside *aside)
{
    QueueStore *store = queue->store;
    MemEvent event;
    if (aside->of == ASIDE_JOB) {
        set_job_aside(queue, aside->sequence);
        return;
    }
    if (!(aside->of == ASIDE_EVENT ? take_event(store, aside->sequence, &event) : take_timer(store, aside, &event)))
        return;
    event.reason = xstrdup(aside->reason);
    vec_push(&store->poison, event);
}

static void apply_consumed(QueueMem *queue, const Unit *unit, QueueBatch *batch)
{
    QueueStore *store = queue->store;
    for (size_t i = 0; i < unit->acks.count; i++) {
        MemEvent event;
        if (take_event(store, unit->acks.items[i], &event))
            mem_event_done(&event);
    }
    for (size_t i = 0; i < unit->asides.count; i++)
        set_aside(queue, &unit->asides.items[i]);
    for (size_t i = 0; i < unit->results.count; i++) {
        const UnitResult *result = &unit->results.items[i];
        size_t j = 0;
        while (j < store->jobs.count && (store->jobs.items[j].sequence != result->job_sequence ||
                                         !streq(store->jobs.items[j].instance, queue->base.id)))
            j++;
        if (j == store->jobs.count) {
            batch->refused++;
            continue;
        }
        remove_job(store, j);
        if (!result->trigger_id)
            push_event(store, result->shard, result->key, result->kind, result->body);
    }
}

static void put_execution(QueueStore *store, const UnitExecution *execution)
{
    MemExecution *row = xnew(MemExecution);
    *row = (MemExecution){.body = xstrdup(execution->body), .internal = xstrdup_null(execution->internal)};
    void *old = map_put(store->executions, execution->id, row);
    if (old)
        mem_execution_free(old);
}

static void apply_executions(QueueStore *store, const Unit *unit)
{
    for (size_t i = 0; i < unit->executions.count; i++) {
        const UnitExecution *execution = &unit->executions.items[i];
        bool exists = map_get(store->executions, execution->id) != NULL;
        if (exists == execution->created)
            continue; /* created twice, or saved after it was deleted */
        put_execution(store, execution);
        if (!execution->created)
            continue;
        _cleanup_free_ char *body =
            execution->has_task_runs ? xstrdup("{}") : xasprintf("{\"execution\":%s}", execution->body);
        push_event(store, execution->shard, execution->id, "created", body);
    }
    for (size_t i = 0; i < unit->task_runs.count; i++) {
        const UnitTaskRun *run = &unit->task_runs.items[i];
        _cleanup_free_ char *key = xasprintf("%s/%s", run->execution_id, run->id);
        MemTaskRun *row = run->removed ? NULL : xnew(MemTaskRun);
        if (row)
            *row = (MemTaskRun){.execution_id = xstrdup(run->execution_id),
                                .id = xstrdup(run->id),
                                .body = xstrdup(run->body),
                                .internal = xstrdup_null(run->internal),
                                .position = run->position};
        void *old = row ? map_put(store->task_runs, key, row) : map_remove(store->task_runs, key);
        if (old)
            mem_task_run_free(old);
    }
}

static void apply_timers(QueueStore *store, const Unit *unit)
{
    for (size_t i = 0; i < unit->timers.count; i++) {
        const UnitTimer *timer = &unit->timers.items[i];
        _cleanup_free_ char *key = xasprintf("%s\n%s", timer->key, timer->name);
        MemTimer *row = timer->cleared ? NULL : xnew(MemTimer);
        if (row)
            *row = (MemTimer){.key = xstrdup(timer->key),
                              .name = xstrdup(timer->name),
                              .body = xstrdup_null(timer->body),
                              .shard = timer->shard,
                              .date = timer->date};
        void *old = row ? map_put(store->timers, key, row) : map_remove(store->timers, key);
        if (old)
            mem_timer_free(old);
    }
    for (size_t i = 0; i < unit->triggers.count; i++) {
        const UnitTrigger *trigger = &unit->triggers.items[i];
        _cleanup_free_ char *key = xasprintf("%s_%s_%s", trigger->namespace, trigger->flow_id, trigger->trigger_id);
        free(trigger->removed ? map_remove(store->triggers, key)
                              : map_put(store->triggers, key, xstrdup(trigger->body)));
    }
}

/* The turn of the next open job; where nothing is in line it begins anew. */
static int64_t next_turn(const QueueStore *store, const char *worker_group)
{
    for (size_t i = 0; i < store->jobs.count; i++) {
        const MemJob *job = &store->jobs.items[i];
        if (job->sequence && !*job->instance && streq(job->worker_group, worker_group))
            return job->turn;
    }
    return 0;
}

static void dispatch_jobs(QueueStore *store, const Unit *unit)
{
    int64_t turn = 0;
    for (size_t i = 0; i < unit->jobs.count; i++) {
        const UnitJob *job = &unit->jobs.items[i];
        if (i == 0 || !streq(job->worker_group, unit->jobs.items[i - 1].worker_group))
            turn = next_turn(store, job->worker_group);
        insert_job(store, (MemJob){.sequence = ++store->sequence,
                                   .worker_group = xstrdup(job->worker_group),
                                   .execution_id = xstrdup(job->execution_id),
                                   .task_run_id = xstrdup(job->task_run_id),
                                   .body = xstrdup(job->body),
                                   .turn = turn + job->ahead,
                                   .attempt = job->attempt,
                                   .killed = job->killed});
    }
}

static void apply_messages(QueueStore *store, const Unit *unit)
{
    for (size_t i = 0; i < unit->events.count; i++)
        push_event(store, unit->events.items[i].shard, unit->events.items[i].key, unit->events.items[i].kind,
                   unit->events.items[i].body);
    for (size_t i = 0; i < unit->cancels.count; i++)
        for (size_t j = store->jobs.count; j-- > 0;)
            if (streq(store->jobs.items[j].task_run_id, unit->cancels.items[i]))
                remove_job(store, j);
    for (size_t i = 0; i < unit->cancels.count; i++)
        end_job_asides(store, unit->cancels.items[i], false);
    for (size_t i = 0; i < unit->kills.count; i++)
        end_job_asides(store, unit->kills.items[i], true);
    for (size_t i = 0; i < unit->kills.count; i++)
        for (size_t j = 0; j < store->jobs.count; j++)
            if (streq(store->jobs.items[j].task_run_id, unit->kills.items[i]))
                store->jobs.items[j].killed = true;
    dispatch_jobs(store, unit);
    for (size_t i = 0; i < unit->logs.count; i++)
        vec_push(&store->logs, xstrdup(unit->logs.items[i].message));
    for (size_t i = 0; i < unit->metrics.count; i++)
        vec_push(&store->metrics, (MemMetric){xstrdup(unit->metrics.items[i].name), unit->metrics.items[i].value});
}

static void delete_rows(Map *map, const char *id, const char *(*owner)(const void *), void (*free_row)(void *))
{
    size_t position = 0;
    const char *key;
    void *row;
    while (map_next(map, &position, &key, &row))
        if (streq(owner(row), id)) {
            (void)map_remove(map, key); /* it is the row itself */
            free_row(row);
        }
}

static const char *task_run_owner(const void *row)
{
    return ((const MemTaskRun *)row)->execution_id;
}

static const char *timer_owner(const void *row)
{
    return ((const MemTimer *)row)->key;
}

static void apply_deletes(QueueStore *store, const Unit *unit)
{
    for (size_t i = 0; i < unit->deletes.count; i++) {
        const char *id = unit->deletes.items[i].execution_id;
        void *row = map_remove(store->executions, id);
        if (row)
            mem_execution_free(row);
        delete_rows(store->task_runs, id, task_run_owner, mem_task_run_free);
        delete_rows(store->timers, id, timer_owner, mem_timer_free);
        for (size_t j = store->jobs.count; j-- > 0;)
            if (streq(store->jobs.items[j].execution_id, id))
                remove_job(store, j);
        for (size_t j = store->events.count; j-- > 0;) {
            MemEvent event;
            if (streq(store->events.items[j].key, id) && take_event(store, store->events.items[j].sequence, &event))
                mem_event_done(&event);
        }
    }
}

static void forget_finished(QueueMem *queue, const Unit *unit)
{
    for (size_t i = 0; i < unit->results.count; i++)
        for (size_t j = 0; j < queue->jobs.count; j++)
            if (queue->jobs.items[j] == unit->results.items[i].job_sequence) {
                queue->jobs.items[j] = queue->jobs.items[--queue->jobs.count];
                break;
            }
}

static bool is_left(const QueueFetch *fetch, const char *key)
{
    for (size_t i = 0; i < fetch->keys_left_count; i++)
        if (streq(fetch->keys_left[i], key))
            return true;
    return false;
}

/* Until there are so many events, or their bodies are too much. */
static void fetch_some(QueueMem *queue, const QueueFetch *fetch, bool kills, size_t max, size_t *bytes,
                       QueueBatch *batch)
{
    const QueueStore *store = queue->store;
    for (size_t i = 0; i < store->events.count && batch->events.count < max && *bytes < UNIT_BYTES_MAX; i++) {
        const MemEvent *row = &store->events.items[i];
        if (!(queue->shards >> row->shard & 1) || streq(row->kind, EVENT_KILL_TREE_KIND) != kills ||
            is_left(fetch, row->key))
            continue;
        QueueEvent event = {
            .sequence = row->sequence, .shard = row->shard, .key = xstrdup(row->key), .kind = xstrdup(row->kind)};
        event.bytes = strlen(row->body);
        *bytes += event.bytes;
        event.body = queue_body_read(row->body, &event.reason);
        vec_push(&batch->events, event);
    }
}

static void fetch_events(QueueMem *queue, const QueueFetch *fetch, QueueBatch *batch)
{
    size_t bytes = 0, max = fetch->events_max;
    fetch_some(queue, fetch, true, max, &bytes, batch);
    fetch_some(queue, fetch, false, MAX(max, batch->events.count + max / 10), &bytes, batch);
}

static void claim_jobs(QueueMem *queue, const QueueFetch *fetch, QueueBatch *batch)
{
    QueueStore *store = queue->store;
    const char *group = fetch->worker_group ? fetch->worker_group : "";
    size_t bytes = 0;
    for (size_t i = 0; i < store->jobs.count && batch->jobs.count < fetch->jobs_max && bytes < UNIT_BYTES_MAX; i++) {
        MemJob *row = &store->jobs.items[i];
        if (*row->instance || !streq(row->worker_group, group))
            continue;
        memcpy(row->instance, queue->base.id, sizeof(row->instance));
        vec_push(&queue->jobs, row->sequence);
        QueueJob job = {.sequence = row->sequence,
                        .execution_id = xstrdup(row->execution_id),
                        .task_run_id = xstrdup(row->task_run_id),
                        .attempt = row->attempt + row->lost,
                        .lost = row->lost,
                        .turn = row->turn,
                        .killed = row->killed,
                        .bytes = strlen(row->body)};
        bytes += job.bytes;
        job.body = queue_body_read(row->body, &job.reason);
        vec_push(&batch->jobs, job);
    }
    batch->cut = bytes >= UNIT_BYTES_MAX;
    free(queue->worker_group);
    queue->worker_group = xstrdup(group);
}

static int mem_reclaim(Queue *base, const int64_t *sequences, size_t count, QueueSequences *ret)
{
    QueueMem *queue = (QueueMem *)base;
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < queue->store->jobs.count; j++) {
            MemJob *row = &queue->store->jobs.items[j];
            if (row->sequence != sequences[i] || *row->instance)
                continue;
            memcpy(row->instance, base->id, sizeof(row->instance));
            vec_push(&queue->jobs, row->sequence);
            vec_push(ret, row->sequence);
        }
    return 0;
}

static int mem_commit(Queue *base, Unit *unit, const QueueFetch *fetch, QueueBatch *ret_batch)
{
    QueueMem *queue = (QueueMem *)base;
    QueueStore *store = queue->store;
    if (base->role) {
        MemInstance *me = find_instance(store, base->id);
        if (!me || (unit && streq(base->role, "executor") && unit->owned_shards & ~queue->shards))
            return fenced(queue);
        beat(store, me);
        free(me->trying);
        me->trying = NULL;
    }
    if (unit) {
        apply_consumed(queue, unit, ret_batch);
        apply_executions(store, unit);
        apply_timers(store, unit);
        apply_messages(store, unit);
        apply_deletes(store, unit);
        close_holes(store);
        forget_finished(queue, unit);
    }
    if (fetch && fetch->events_max)
        fetch_events(queue, fetch, ret_batch);
    if (fetch && fetch->jobs_max && *base->id)
        claim_jobs(queue, fetch, ret_batch);
    return 0;
}

/* --- reads --- */

static int mem_load_timers(Queue *base, uint64_t shards, QueueTimers *ret)
{
    const QueueStore *store = ((QueueMem *)base)->store;
    size_t position = 0;
    const char *key;
    void *value;
    *ret = (QueueTimers){};
    while (map_next(store->timers, &position, &key, &value)) {
        const MemTimer *row = value;
        if (shards >> row->shard & 1)
            vec_push(ret, (QueueTimer){.key = xstrdup(row->key),
                                       .name = xstrdup(row->name),
                                       .date = row->date,
                                       .body = row->body ? mem_parsed(row->body) : NULL});
    }
    return 0;
}

static int compare_rows(const void *a, const void *b)
{
    const QueueTaskRunRow *x = a, *y = b;
    return (x->position > y->position) - (x->position < y->position);
}

static int mem_load_execution(Queue *base, const char *id, Execution **ret)
{
    const QueueStore *store = ((QueueMem *)base)->store;
    const MemExecution *execution = map_get(store->executions, id);
    *ret = NULL;
    if (!execution)
        return 0;
    VEC(QueueTaskRunRow) rows = {};
    size_t position = 0;
    const char *key;
    void *value;
    while (map_next(store->task_runs, &position, &key, &value)) {
        const MemTaskRun *row = value;
        if (streq(row->execution_id, id))
            vec_push(&rows, (QueueTaskRunRow){.body = row->body, .internal = row->internal, .position = row->position});
    }
    if (rows.count > 1)
        qsort(rows.items, rows.count, sizeof(*rows.items), compare_rows);
    int r = queue_decode_execution(execution->body, execution->internal, rows.items, rows.count, ret);
    if (r == QUEUE_E_UNREADABLE) /* nothing stands beside the body here */
        *ret = execution_new(id, "", "", 0, 0);
    vec_free(&rows);
    return r;
}

static int mem_jobs_to_kill(Queue *base, QueueSequences *ret)
{
    QueueMem *queue = (QueueMem *)base;
    const QueueStore *store = queue->store;
    *ret = (QueueSequences){};
    size_t kept = 0;
    for (size_t i = 0; i < queue->jobs.count; i++) {
        int64_t sequence = queue->jobs.items[i];
        const MemJob *row = NULL;
        for (size_t j = 0; j < store->jobs.count; j++)
            if (store->jobs.items[j].sequence == sequence && streq(store->jobs.items[j].instance, base->id))
                row = &store->jobs.items[j];
        if (!row || row->killed)
            vec_push(ret, sequence);
        if (row)
            queue->jobs.items[kept++] = sequence;
    }
    queue->jobs.count = kept;
    return 0;
}

static void mem_free(Queue *base)
{
    QueueMem *queue = (QueueMem *)base;
    free(queue->worker_group);
    vec_free(&queue->jobs);
    free(queue);
}

static const QueueOps queue_mem_ops = {
    .free = mem_free,
    .join = mem_join,
    .heartbeat = mem_heartbeat,
    .leave = mem_leave,
    .commit = mem_commit,
    .reclaim = mem_reclaim,
    .try_key = mem_try,
    .trust = mem_trust,
    .load_timers = mem_load_timers,
    .load_execution = mem_load_execution,
    .jobs_to_kill = mem_jobs_to_kill,
};

Queue *queue_mem_new(QueueStore *store)
{
    QueueMem *queue = xnew(QueueMem);
    queue->base.ops = &queue_mem_ops;
    queue->store = store;
    return &queue->base;
}
