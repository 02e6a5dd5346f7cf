/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the tests of the queue share: the same cases run on PostgreSQL and in memory. */
#include "queue/queue.h"
#include "queue/queue_mem.h"
#include "queue/queue_pg.h"

/* Microseconds since the epoch that tests use as now. */
#define TEST_NOW UINT64_C(1750000000000000)

/* One way of making queues that share a store. */
typedef struct Backend {
    const char *name;
    void (*open)(usec_t lease);
    void (*close)(void);
    Queue *(*queue)(void);     /* a new process; freed by close */
    void (*pass)(usec_t time); /* time goes by */
    QueueStoreCounts (*counts)(void);
} Backend;
extern const Backend backend_mem, backend_pg;

/* An execution in state CREATED, as a webserver makes it. */
Execution *fixture_execution(const char *id);
/* An id whose shard is `shard`. */
void fixture_id_in_shard(unsigned shard, char ret_id[static ID_BYTES]);
/* queue_commit that must work. */
void fixture_commit(Queue *queue, Unit *unit, const QueueFetch *fetch, QueueBatch *ret);
/* Joins and heartbeats. */
QueueMembership fixture_join(Queue *queue, const char *role, const char *socket);
QueueMembership fixture_heartbeat(Queue *queue, bool *ret_work);
json_t *fixture_body(const char *text);
