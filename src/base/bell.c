/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A peer is a connection and the queue of rings that it has not answered. Answers are counted when the next ring comes,
 * by the empty line that ends each of them (204 has no body), so that a bell needs no loop and costs no wake-up.
 * Counting too many answers only rings once too often; a ring is never lost by it.
 */
#include "base/bell.h"

#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/buffer.h"
#include "base/map.h"

#define UNANSWERED_MAX 1024

typedef struct Peer {
    char *path;
    int fd;
    VEC(char *) unanswered; /* bodies, oldest first */
    unsigned matched;       /* how much of "\r\n\r\n" was seen at the end of what was read */
} Peer;

struct Bell {
    pthread_mutex_t lock;
    Map *peers;
};

Bell *bell_new(void)
{
    Bell *bell = xnew(Bell);
    pthread_mutex_init(&bell->lock, NULL);
    bell->peers = map_new();
    return bell;
}

static void forget_rings(Peer *peer, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(peer->unanswered.items[i]);
    peer->unanswered.count -= count;
    if (peer->unanswered.count)
        memmove(peer->unanswered.items, peer->unanswered.items + count,
                peer->unanswered.count * sizeof(*peer->unanswered.items));
}

static void peer_free(void *value)
{
    Peer *peer = value;
    forget_rings(peer, peer->unanswered.count);
    vec_free(&peer->unanswered);
    close_fd(peer->fd);
    free(peer->path);
    free(peer);
}

Bell *bell_free(Bell *bell)
{
    if (!bell)
        return NULL;
    map_destroy(bell->peers, peer_free);
    pthread_mutex_destroy(&bell->lock);
    free(bell);
    return NULL;
}

static void disconnect(Peer *peer)
{
    peer->fd = close_fd(peer->fd);
    forget_rings(peer, peer->unanswered.count);
    peer->matched = 0;
}

static bool reach(Peer *peer)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (peer->fd >= 0)
        return true;
    if (strlen(peer->path) >= sizeof(address.sun_path))
        return false;
    memcpy(address.sun_path, peer->path, strlen(peer->path) + 1);
    peer->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (peer->fd < 0)
        return false;
    if (connect(peer->fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
        peer->fd = close_fd(peer->fd);
        return false;
    }
    return true;
}

static size_t count_answers(Peer *peer, const char *bytes, size_t length)
{
    static const char end[] = "\r\n\r\n";
    size_t answers = 0;
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] == end[peer->matched])
            peer->matched++;
        else
            peer->matched = bytes[i] == '\r';
        if (peer->matched == 4) {
            answers++;
            peer->matched = 0;
        }
    }
    return answers;
}

/* Reads answers without waiting; a peer that hung up is disconnected. */
static void hear_answers(Peer *peer)
{
    char bytes[4096];
    while (peer->fd >= 0) {
        ssize_t n = recv(peer->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n <= 0)
            disconnect(peer);
        else
            forget_rings(peer, MIN(count_answers(peer, bytes, (size_t)n), peer->unanswered.count));
    }
}

static bool is_unanswered(const Peer *peer, const char *body)
{
    for (size_t i = 0; i < peer->unanswered.count; i++)
        if (streq(peer->unanswered.items[i], body))
            return true;
    return false;
}

/* false: the peer cannot be reached. */
static bool ring(Peer *peer, const char *body)
{
    _cleanup_buffer_ Buffer text = {};
    buffer_printf(&text, "POST /wake HTTP/1.1\r\nHost: kestra\r\nContent-Length: %zu\r\n\r\n%s", strlen(body), body);
    for (int attempt = 0; attempt < 2; attempt++) {
        if (!reach(peer))
            return false;
        ssize_t n = send(peer->fd, text.text, text.length, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n == (ssize_t)text.length) {
            vec_push(&peer->unanswered, xstrdup(body));
            return true;
        }
        if (n < 0 && errno == EAGAIN)
            return true; /* it is far behind: it will look, and its slow poll covers this body */
        /* part of a request would spoil the next one; a connection of the peer's last life is opened anew */
        disconnect(peer);
    }
    return false;
}

void bell_ring(Bell *bell, const char *socket_path, const char *body)
{
    pthread_mutex_lock(&bell->lock);
    Peer *peer = map_get(bell->peers, socket_path);
    if (!peer) {
        peer = xnew(Peer);
        peer->fd = -1;
        peer->path = xstrdup(socket_path);
        (void)map_put(bell->peers, socket_path, peer); /* nothing was there */
    }
    hear_answers(peer);
    bool left_out = is_unanswered(peer, body) || peer->unanswered.count >= UNANSWERED_MAX;
    if (!left_out && !ring(peer, body)) {
        (void)map_remove(bell->peers, socket_path); /* it is `peer` */
        peer_free(peer);
    }
    pthread_mutex_unlock(&bell->lock);
}
