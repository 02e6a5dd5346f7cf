/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rings. On this host they go through the bell; to another host goes a notification for the one instance that is to
 * look, after the commit, because NOTIFY takes a lock at its commit that all commits with one wait for, and without
 * waiting for the disk: who restarts looks anyway.
 *
 * Nobody listens on a host that is alone: the session for it is opened when a heartbeat sees somebody elsewhere. It is
 * a session of its own, so that a ring arrives while the other one is at work, and its socket sits in an epoll, so that
 * the descriptor stays the same when the session is opened again.
 */
#include <sys/epoll.h>

#include "base/log.h"
#include "queue/queue_pg_private.h"

#define BODY_BYTES_MAX 7900 /* PostgreSQL takes 8000; who gets no ids looks at all */

static const PgStatement sql_notify = {"queue_notify",
                                       "SELECT set_config('synchronous_commit', 'off', true), pg_notify('" QUEUE_CHANNEL
                                       "' || instance, body)"
                                       " FROM unnest($1::text[], $2::text[]) AS rung (instance, body)"};

void queue_pg_ring(QueuePg *queue, const QueueRing *ring)
{
    QueueCalls calls = {};
    queue_peers_ring(queue->peers, ring, &calls);
    if (calls.instances.count) {
        _cleanup_(pg_parameters_freep) PgParameters *parameters = pg_parameters_new();
        PgArray *instances = pg_add_array(parameters, PG_TEXT), *bodies = pg_add_array(parameters, PG_TEXT);
        for (size_t i = 0; i < calls.instances.count; i++) {
            const char *body = calls.bodies.items[i];
            pg_array_text(instances, calls.instances.items[i]);
            pg_array_text(bodies, strlen(body) > BODY_BYTES_MAX ? "" : body);
        }
        if (pg_run(queue->pg, &sql_notify, parameters, NULL) != 0)
            log_debug("Other hosts were not rung, they will look by themselves: %s", pg_error(queue->pg));
    }
    queue_calls_done(&calls);
}

static void stop_listening(QueuePg *queue)
{
    queue->listener = pg_free(queue->listener); /* its socket leaves the epoll by being closed */
    queue->heard = 0;
}

static int start_listening(QueuePg *queue)
{
    _cleanup_free_ char *channel = xasprintf(QUEUE_CHANNEL "%s", queue->base.id);
    queue->listener = pg_twin(queue->pg);
    return pg_listen(queue->listener, channel);
}

void queue_pg_keep_listening(QueuePg *queue, bool *ret_new)
{
    if (queue->wakeup < 0 || !queue_peers_elsewhere(queue->peers)) {
        stop_listening(queue);
        return;
    }
    int r = queue->listener ? pg_connect(queue->listener) : start_listening(queue);
    if (r == 0 && queue->heard != pg_generation(queue->listener)) {
        struct epoll_event readable = {.events = EPOLLIN};
        r = epoll_ctl(queue->wakeup, EPOLL_CTL_ADD, pg_fd(queue->listener), &readable) < 0 ? -errno : 0;
        queue->heard = pg_generation(queue->listener);
        *ret_new = r == 0;
    }
    if (r != 0) {
        log_debug("Rings of other hosts are not heard: %s", pg_error(queue->listener));
        stop_listening(queue); /* the next heartbeat tries again */
    }
}

int queue_pg_wakeup_fd(const Queue *base)
{
    return ((const QueuePg *)base)->wakeup;
}

void queue_pg_dispatch(Queue *base, void (*rung)(void *userdata, const char *body), void *userdata)
{
    QueuePg *queue = (QueuePg *)base;
    bool again = false;
    if (!queue->listener || pg_check(queue->listener, rung, userdata) == 0)
        return;
    stop_listening(queue);
    queue_pg_keep_listening(queue, &again);
    if (again)
        rung(userdata, ""); /* what came in between was not heard */
}

/* --- a role --- */

static int on_wakeup(void *userdata, uint32_t events)
{
    QueuePg *queue = userdata;
    struct epoll_event event;
    while (epoll_wait(queue->wakeup, &event, 1, 0) > 0 && queue->listener)
        queue_pg_dispatch(&queue->base, (void (*)(void *, const char *))daemon_wake, queue->daemon);
    return 0;
}

/* A server that says nothing for a while is DOWN before the time limit of what was asked is over. */
static void while_waiting(void *userdata, usec_t waited)
{
    Daemon *daemon = userdata;
    if (waited >= PG_SILENCE_USEC)
        daemon_health(daemon, QUEUE_PG_COMPONENT, HEALTH_DOWN, "PostgreSQL has given no answer for %u s",
                      (unsigned)(waited / USEC_PER_SEC));
    daemon_serve(daemon);
}

static int open_session(const Conf *conf, Daemon *daemon, const char *name, Pg **ret)
{
    _cleanup_free_ char *error = NULL;
    int r = pg_new(&(PgSettings){.conninfo = conf_text(conf, "postgresql.dsn"),
                                 .application_name = name,
                                 .session_sql = QUEUE_PG_SESSION_SQL,
                                 .waiting = {daemon_serve_fd(daemon), while_waiting, daemon}},
                   ret, &error);
    if (r < 0)
        log_error("Setting postgresql.dsn cannot be used: %s", error ? error : "");
    return r;
}

int queue_pg_open(const Conf *conf, Daemon *daemon, const char *name, Bell *bell, Pg **ret_pg, Queue **ret_queue)
{
    const QueueSettings settings = {.socket_path = daemon_socket_path(daemon),
                                    .lease_usec = conf_usec(conf, "lease.time"),
                                    .keep_logs_usec = conf_usec(conf, "logs.retention")};
    int r = open_session(conf, daemon, name, ret_pg);
    if (r == 0)
        r = queue_pg_new(*ret_pg, bell, &settings, ret_queue);
    if (r != 0)
        return trace(r);
    QueuePg *queue = (QueuePg *)*ret_queue;
    queue->daemon = daemon;
    return trace(loop_add_io(daemon_loop(daemon), queue->wakeup, EPOLLIN, on_wakeup, queue, &queue->waking));
}
