/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Who is alive, as the last heartbeat saw it, and whom to ring after a commit. Shared by the sessions of one process.
 */
#include "base/bell.h"
#include "queue/unit_private.h"

typedef struct QueuePeers QueuePeers;
/* host: this one. socket_path: where this process is rung, or NULL (queue_pg.h). bell is borrowed, may be NULL. */
QueuePeers *queue_peers_new(Bell *bell, const char *host, const char *socket_path);
QueuePeers *queue_peers_free(QueuePeers *peers);
DEFINE_CLEANUP(QueuePeers *, queue_peers_free);
/* list: [[id, role, host, socket, shards]]; self is left out of all rings. Takes the list's texts by copy. */
void queue_peers_update(QueuePeers *peers, const json_t *list, const char *self);

typedef struct QueueRing {
    uint64_t event_shards;         /* executors that hold one of them */
    bool workers;                  /* new jobs */
    const char *const *worker_ids; /* workers that have something to kill */
    size_t worker_count;
    bool schedulers;
    const char *shards_role;      /* the other instances of this role: shards are free or wanted */
    const char *const *followers; /* execution ids for webservers */
    size_t follower_count;
} QueueRing;
/* Who is to be rung on other hosts: the instance and the body. Zero-initialized; the texts are owned. */
typedef struct QueueCalls {
    VEC(char *) instances;
    VEC(char *) bodies;
} QueueCalls;
void queue_calls_done(QueueCalls *calls);
/* Rings on this host, and appends to ret_calls who is to be rung on others. */
void queue_peers_ring(QueuePeers *peers, const QueueRing *ring, QueueCalls *ret_calls);
/* Whether somebody lives on another host. */
bool queue_peers_elsewhere(QueuePeers *peers);
