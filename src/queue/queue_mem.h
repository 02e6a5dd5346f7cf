/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The queue in memory: the same contract, for unit tests and the simulator. Several Queues (processes) share one store.
 */
#include "queue/queue.h"

typedef struct QueueStore QueueStore;
QueueStore *queue_store_new(usec_t lease_usec);
QueueStore *queue_store_free(QueueStore *store);
DEFINE_CLEANUP(QueueStore *, queue_store_free);
/* The only clock: moves forward by this much. */
void queue_store_advance(QueueStore *store, usec_t by);
/* One process on the store (borrowed). */
Queue *queue_mem_new(QueueStore *store);
/* What is stored, for assertions: counts, and the body of one record (borrowed, NULL when there is none). */
typedef struct QueueStoreCounts {
    size_t executions, task_runs, events, jobs, timers, triggers, logs, metrics, poison;
} QueueStoreCounts;
QueueStoreCounts queue_store_counts(const QueueStore *store);
const json_t *queue_store_execution(const QueueStore *store, const char *id);
/* Ids of executions, one after another; position begins at 0. NULL past the last. */
const char *queue_store_next_execution(const QueueStore *store, size_t *position);
/* A message, a job, a timer or a place in a line for a slot is there that will make this execution go on. */
bool queue_store_is_expected(const QueueStore *store, const char *execution_id);
/* Timers of these shards whose date has come. */
size_t queue_store_due(const QueueStore *store, uint64_t shards, usec_t now);
/* The n-th log line's message, NULL past the end. */
const char *queue_store_log(const QueueStore *store, size_t n);
/* The value of the last metric of that name; -1: there is none. */
double queue_store_metric(const QueueStore *store, const char *name);
