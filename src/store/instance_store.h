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
/* By role, then start. */
int store_instance_list(Pg *pg, InstanceRecords *ret) _must_check_;
