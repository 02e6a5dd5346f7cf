/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A ring that goes to nobody would only be found by the slow poll. So when no live instance of a role is known on any
 * host, its well-known socket on this one is rung: systemd listens there and starts the role.
 */
#include "queue/queue_peers.h"

#include <pthread.h>

#include "base/buffer.h"
#include "queue/queue.h"

typedef struct Peer {
    char *id, *role, *host, *socket;
    uint64_t shards;
} Peer;

struct QueuePeers {
    pthread_mutex_t lock;
    Bell *bell;
    char *host, *directory, *self; /* directory: of the well-known sockets; NULL: none */
    VEC(Peer) list;
};

QueuePeers *queue_peers_new(Bell *bell, const char *host, const char *socket_path)
{
    const char *slash = socket_path ? strrchr(socket_path, '/') : NULL;
    QueuePeers *peers = xnew(QueuePeers);
    pthread_mutex_init(&peers->lock, NULL);
    peers->bell = bell;
    peers->host = xstrdup(host);
    peers->directory = slash ? xstrndup(socket_path, (size_t)(slash - socket_path)) : NULL;
    peers->self = xstrdup("");
    return peers;
}

static void forget_list(QueuePeers *peers)
{
    for (size_t i = 0; i < peers->list.count; i++) {
        Peer *peer = &peers->list.items[i];
        free(peer->id);
        free(peer->role);
        free(peer->host);
        free(peer->socket);
    }
    peers->list.count = 0;
}

QueuePeers *queue_peers_free(QueuePeers *peers)
{
    if (!peers)
        return NULL;
    forget_list(peers);
    vec_free(&peers->list);
    pthread_mutex_destroy(&peers->lock);
    free(peers->host);
    free(peers->directory);
    free(peers->self);
    free(peers);
    return NULL;
}

static char *text_at(const json_t *row, size_t i)
{
    const char *text = json_string_value(json_array_get(row, i));
    return xstrdup(text ? text : "");
}

void queue_peers_update(QueuePeers *peers, const json_t *list, const char *self)
{
    pthread_mutex_lock(&peers->lock);
    forget_list(peers);
    free(peers->self);
    peers->self = xstrdup(self);
    size_t i;
    json_t *row;
    json_array_foreach (list, i, row)
        vec_push(&peers->list, (Peer){.id = text_at(row, 0),
                                      .role = text_at(row, 1),
                                      .host = text_at(row, 2),
                                      .socket = text_at(row, 3),
                                      .shards = (uint64_t)json_integer_value(json_array_get(row, 4))});
    pthread_mutex_unlock(&peers->lock);
}

void queue_calls_done(QueueCalls *calls)
{
    for (size_t i = 0; i < calls->instances.count; i++) {
        free(calls->instances.items[i]);
        free(calls->bodies.items[i]);
    }
    vec_free(&calls->instances);
    vec_free(&calls->bodies);
}

static void ring_peer(QueuePeers *peers, const Peer *peer, const char *body, QueueCalls *calls)
{
    if (streq(peer->id, peers->self))
        return;
    if (!streq(peer->host, peers->host)) {
        vec_push(&calls->instances, xstrdup(peer->id));
        vec_push(&calls->bodies, xstrdup(body));
    } else if (peers->bell && *peer->socket) {
        bell_ring(peers->bell, peer->socket, body);
    }
}

bool queue_peers_elsewhere(QueuePeers *peers)
{
    bool elsewhere = false;
    pthread_mutex_lock(&peers->lock);
    for (size_t i = 0; i < peers->list.count; i++)
        elsewhere |= !streq(peers->list.items[i].host, peers->host);
    pthread_mutex_unlock(&peers->lock);
    return elsewhere;
}

static void ring_well_known(QueuePeers *peers, const char *role, const char *body)
{
    if (!peers->bell || !peers->directory)
        return;
    _cleanup_free_ char *path = xasprintf("%s/%s.sock", peers->directory, role);
    bell_ring(peers->bell, path, body);
}

/* Rings the peers of a role that `matches` accepts; all of them when it accepts none (the list is some seconds old). */
static void ring_role(QueuePeers *peers, const char *role, const char *body,
                      bool (*matches)(const Peer *, const QueueRing *), const QueueRing *ring, QueueCalls *calls)
{
    size_t alive = 0, matching = 0;
    for (size_t i = 0; i < peers->list.count; i++)
        if (streq(peers->list.items[i].role, role)) {
            alive++;
            matching += matches && matches(&peers->list.items[i], ring);
        }
    for (size_t i = 0; i < peers->list.count; i++) {
        const Peer *peer = &peers->list.items[i];
        if (streq(peer->role, role) && (matching == 0 || !matches || matches(peer, ring)))
            ring_peer(peers, peer, body, calls);
    }
    if (alive == 0)
        ring_well_known(peers, role, body);
}

static bool holds_shard(const Peer *peer, const QueueRing *ring)
{
    return peer->shards & ring->event_shards;
}

static bool is_named(const Peer *peer, const QueueRing *ring)
{
    for (size_t i = 0; i < ring->worker_count; i++)
        if (streq(ring->worker_ids[i], peer->id))
            return true;
    return false;
}

void queue_peers_ring(QueuePeers *peers, const QueueRing *ring, QueueCalls *ret_calls)
{
    pthread_mutex_lock(&peers->lock);
    if (ring->event_shards)
        ring_role(peers, "executor", "", holds_shard, ring, ret_calls);
    if (ring->workers)
        ring_role(peers, "worker", "", NULL, ring, ret_calls);
    else if (ring->worker_count)
        ring_role(peers, "worker", "", is_named, ring, ret_calls);
    if (ring->schedulers)
        ring_role(peers, "scheduler", "", NULL, ring, ret_calls);
    if (ring->shards_role)
        ring_role(peers, ring->shards_role, QUEUE_RING_SHARDS, NULL, ring, ret_calls);
    if (ring->follower_count) {
        _cleanup_buffer_ Buffer ids = {};
        for (size_t i = 0; i < ring->follower_count; i++)
            buffer_printf(&ids, "%s%s", i ? "\n" : "", ring->followers[i]);
        ring_role(peers, "webserver", buffer_text(&ids), NULL, ring, ret_calls);
    }
    pthread_mutex_unlock(&peers->lock);
}
