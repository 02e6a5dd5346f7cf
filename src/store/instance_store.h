/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Who is running: read only (queue_join and queue_heartbeat write). */
#include "base/id.h"
#include "store/store.h"

typedef struct InstanceRecord {
    char id[ID_BYTES];
    char *role, *host, *socket, *state; /* ALIVE, DEAD */
    usec_t started, heartbeat;
    int64_t shards, jobs; /* held */
} InstanceRecord;
typedef VEC(InstanceRecord) InstanceRecords;
void instance_records_done(InstanceRecords *records);
#define _cleanup_instance_records_ _cleanup_(instance_records_done)
/* What waits between the roles. Instants are 0 where nothing waits. */
typedef struct QueueGroup {
    char *name; /* of workers */
    int64_t waiting, running;
    usec_t oldest; /* of those that wait */
} QueueGroup;
typedef struct QueueDepth {
    int64_t events; /* not handled yet */
    usec_t oldest_event;
    int64_t poison; /* set aside */
    VEC(QueueGroup) groups;
} QueueDepth;
void queue_depth_done(QueueDepth *depth);
#define _cleanup_queue_depth_ _cleanup_(queue_depth_done)
int store_queue_depth(Pg *pg, QueueDepth *ret) _must_check_;

/* By role, then start. */
int store_instance_list(Pg *pg, InstanceRecords *ret) _must_check_;
