/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * One executor instance as the owner of shards: it holds hot executions and the heap of timers in memory, takes batches
 * of events from the queue, steps them, and commits each batch together with the fetch of the next. No loop, no clock:
 * the daemon (executor.c) and the simulator (tests/sim) drive it.
 */
#include "executor/step.h"
#include "queue/queue.h"

enum {
    OWNER_E_FENCED = 1, /* declared dead or lost a shard: everything was forgotten; join again */
};

typedef struct OwnerSettings {
    /* A reference; positive: there is no such flow or it does not parse. Negative: outage. */
    int (*load_flow)(void *userdata, const char *namespace, const char *id, int revision, Flow **ret);
    /* The current flows with a Flow trigger, borrowed until the next call; called at every change of state, so it must
     * cost next to nothing. NULL: there are none. */
    int (*listeners)(void *userdata, Flow *const **ret, size_t *ret_count);
    /* Events were fetched, and the flows of this stamp were stored then; 0: not told. Before they are stepped; or NULL.
     */
    void (*fetched)(void *userdata, int64_t flow_stamp);
    usec_t (*now)(void *userdata);
    uint64_t (*random)(void *userdata);
    void *userdata;
    const ExprServices *services; /* may be NULL */
    const json_t *globals, *envs; /* borrowed; may be NULL */
    const char *encryption_key;   /* may be NULL */
    size_t message_bytes_max;     /* limits.message; 0: 10 MiB */
    unsigned depth_max;           /* limits.subflow-depth; 0: 100 */
    unsigned events_max;          /* a batch; 0: 500 */
    unsigned begun_max;           /* task runs that an execution begins in a batch; 0: 500 */
    size_t unit_bytes_max;        /* of a batch; 0: UNIT_BYTES_MAX */
    unsigned lives_max;           /* executions kept in memory; 0: 5000 */
} OwnerSettings;

/* Counters since the start, for /metrics. */
typedef struct OwnerCounts {
    uint64_t batches, events, stale, set_aside, timers, loads, executions_begun, executions_ended;
    usec_t step_usec; /* by settings.now */
    size_t lives, heap, locked;
} OwnerCounts;

typedef struct Owner Owner;
/* queue is borrowed. settings are copied; what they point to is borrowed. */
Owner *owner_new(Queue *queue, const OwnerSettings *settings);
Owner *owner_free(Owner *owner);
DEFINE_CLEANUP(Owner *, owner_free);
int owner_join(Owner *owner, const char *socket) _must_check_;
/* Renews the leases, takes in gained shards, lets go of lost ones. *ret_work: there are events. */
int owner_heartbeat(Owner *owner, bool *ret_work) _must_check_;
/* Fires due timers, steps what the last call fetched, commits, fetches. *ret_more: call again at once. After an outage
 * everything was forgotten and nothing happened. */
int owner_batch(Owner *owner, bool *ret_more) _must_check_;
/* When the next timer is due; USEC_INFINITY: none. */
usec_t owner_next_timer(const Owner *owner);
/* Gives the leases back. What was fetched and not committed stays in the queue. */
int owner_leave(Owner *owner) _must_check_;
/* Everything in memory is dropped; the next heartbeat takes in the held shards again. */
void owner_forget(Owner *owner);
OwnerCounts owner_counts(const Owner *owner);
/* Changed settings (reload): globals and encryption key; borrowed. */
void owner_reload(Owner *owner, const json_t *globals, const char *encryption_key);
