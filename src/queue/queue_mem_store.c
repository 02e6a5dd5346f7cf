/* SPDX-License-Identifier: Apache-2.0 */
/* The store that queues in memory share: its life, its clock, and what tests ask it. */
#include "queue/queue_mem_private.h"

QueueStore *queue_store_new(usec_t lease_usec)
{
    QueueStore *store = xnew(QueueStore);
    store->lease = lease_usec;
    store->now = 1;
    store->executions = map_new();
    store->task_runs = map_new();
    store->timers = map_new();
    store->triggers = map_new();
    return store;
}

void mem_event_done(MemEvent *event)
{
    free(event->key);
    free(event->kind);
    free(event->body);
    free(event->reason);
}

void mem_job_done(MemJob *job)
{
    free(job->worker_group);
    free(job->execution_id);
    free(job->task_run_id);
    free(job->body);
}

void mem_execution_free(void *value)
{
    MemExecution *row = value;
    free(row->body);
    free(row->internal);
    json_decref(row->document);
    free(row);
}

void mem_task_run_free(void *value)
{
    MemTaskRun *row = value;
    free(row->execution_id);
    free(row->id);
    free(row->body);
    free(row->internal);
    json_decref(row->document);
    free(row);
}

void mem_timer_free(void *value)
{
    MemTimer *row = value;
    free(row->key);
    free(row->name);
    free(row->body);
    free(row);
}

QueueStore *queue_store_free(QueueStore *store)
{
    if (!store)
        return NULL;
    for (size_t i = 0; i < store->instances.count; i++) {
        free(store->instances.items[i].role);
        free(store->instances.items[i].socket);
        free(store->instances.items[i].trying);
    }
    for (unsigned shard = 0; shard < SHARD_COUNT; shard++)
        free(store->suspicions[shard].trying);
    for (size_t i = 0; i < store->events.count; i++)
        mem_event_done(&store->events.items[i]);
    for (size_t i = 0; i < store->poison.count; i++)
        mem_event_done(&store->poison.items[i]);
    for (size_t i = 0; i < store->jobs.count; i++)
        mem_job_done(&store->jobs.items[i]);
    for (size_t i = 0; i < store->logs.count; i++)
        free(store->logs.items[i]);
    vec_free(&store->instances);
    vec_free(&store->events);
    vec_free(&store->poison);
    for (size_t i = 0; i < store->poison_jobs.count; i++)
        mem_job_done(&store->poison_jobs.items[i]);
    vec_free(&store->poison_jobs);
    vec_free(&store->jobs);
    for (size_t i = 0; i < store->metrics.count; i++)
        free(store->metrics.items[i].name);
    vec_free(&store->logs);
    vec_free(&store->metrics);
    map_destroy(store->executions, mem_execution_free);
    map_destroy(store->task_runs, mem_task_run_free);
    map_destroy(store->timers, mem_timer_free);
    map_destroy(store->triggers, free);
    free(store);
    return NULL;
}

void queue_store_advance(QueueStore *store, usec_t by)
{
    store->now += by;
}

QueueStoreCounts queue_store_counts(const QueueStore *store)
{
    return (QueueStoreCounts){.executions = map_count(store->executions),
                              .task_runs = map_count(store->task_runs),
                              .events = store->events.count,
                              .jobs = store->jobs.count,
                              .timers = map_count(store->timers),
                              .triggers = map_count(store->triggers),
                              .logs = store->logs.count,
                              .metrics = store->metrics.count,
                              .poison = store->poison.count + store->poison_jobs.count};
}

json_t *mem_parsed(const char *text)
{
    json_t *value = NULL;
    return json_parse(text, strlen(text), SIZE_MAX, &value, NULL) == 0 ? value : NULL;
}

/* Rows are read when somebody asks: few are. */
static const json_t *document_of(json_t **document, const char *body)
{
    if (!*document)
        *document = mem_parsed(body);
    return *document;
}

const json_t *queue_store_execution(const QueueStore *store, const char *id)
{
    MemExecution *row = map_get(store->executions, id);
    return row ? document_of(&row->document, row->body) : NULL;
}

const char *queue_store_next_execution(const QueueStore *store, size_t *position)
{
    const char *id = NULL;
    void *row;
    return map_next(store->executions, position, &id, &row) ? id : NULL;
}

bool queue_store_is_expected(const QueueStore *store, const char *execution_id)
{
    for (size_t i = 0; i < store->events.count; i++)
        if (streq(store->events.items[i].key, execution_id) || strstr(store->events.items[i].body, execution_id))
            return true;
    for (size_t i = 0; i < store->jobs.count; i++)
        if (streq(store->jobs.items[i].execution_id, execution_id))
            return true;
    size_t position = 0;
    const char *key;
    void *value;
    while (map_next(store->timers, &position, &key, &value)) {
        const MemTimer *row = value;
        if (streq(row->key, execution_id) || (starts_with(row->name, "waits ") && strstr(row->name, execution_id)))
            return true;
    }
    return false;
}

size_t queue_store_due(const QueueStore *store, uint64_t shards, usec_t now)
{
    size_t position = 0, due = 0;
    const char *key;
    void *value;
    while (map_next(store->timers, &position, &key, &value))
        due += (shards >> ((MemTimer *)value)->shard & 1) && ((MemTimer *)value)->date <= now;
    return due;
}

const char *queue_store_log(const QueueStore *store, size_t n)
{
    return n < store->logs.count ? store->logs.items[n] : NULL;
}

double queue_store_metric(const QueueStore *store, const char *name)
{
    for (size_t i = store->metrics.count; i > 0; i--)
        if (streq(store->metrics.items[i - 1].name, name))
            return store->metrics.items[i - 1].value;
    return -1;
}
