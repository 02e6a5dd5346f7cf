/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The heartbeat, in a thread of its own, and what the health tells: whether the database answers, whether it let
 * requests fail, whether requests wait for threads. It takes the rings of other hosts too.
 */
#include "base/clock.h"
#include "base/log.h"
#include "store/migrate.h"
#include "web/web_private.h"

#define REQUESTS        "requests"
#define CHECK_EVERY     USEC_PER_SEC
#define SATURATED_AFTER (3 * USEC_PER_SEC)  /* a request has waited so long for a thread: DOWN */
#define REFUSED_AFTER   (10 * USEC_PER_SEC) /* so long: others are not taken in */
#define FAILURES_LAST   (10 * USEC_PER_SEC) /* requests that failed for the database's sake count so long */

/* --- what the health tells of requests --- */

/* Looks after a while, and again as long as there is something to tell. */
void web_health_check_soon(Web *web)
{
    if (!web->checking)
        loop_timer_in(web->check_timer, CHECK_EVERY);
    web->checking = true;
}

/* Requests that failed are DOWN at once, and UP when none has failed for a while: nobody knows what will be asked next.
 */
void web_health_failure(Web *web, const char *failure)
{
    if (!failure)
        return;
    web->failed = clock_monotonic();
    daemon_health(web->daemon, REQUESTS, HEALTH_DOWN, "%s", failure);
    web_health_check_soon(web);
}

/* A heartbeat that gets no answer: each request would wait as long. */
static void check_heartbeat(Web *web)
{
    const Heartbeat *heartbeat = &web->heartbeat;
    usec_t waited = heartbeat->busy ? clock_monotonic() - heartbeat->begun : 0;
    if (waited < PG_SILENCE_USEC)
        return;
    daemon_health(web->daemon, QUEUE_PG_COMPONENT, HEALTH_DOWN, "PostgreSQL has given no answer for %u s",
                  (unsigned)(waited / USEC_PER_SEC));
    if (!web->silence)
        web->silence = xstrdup("The database cannot be used: PostgreSQL gives no answer");
}

/* Each kind of request has threads of its own: a worker that stands still holds up what needs storage, and nothing
 * else. */
static const char *const pool_components[_ROUTE_POOL_MAX] = {
    [ROUTE_POOL_MAIN] = "handlers",
    [ROUTE_POOL_STORAGE] = "storage",
    [ROUTE_POOL_WEBHOOK] = "webhooks",
};

/* True: somebody waits. */
static bool check_pool(Web *web, RoutePool pool)
{
    PoolQueue queue = pool_queue(web->pools[pool]);
    if (queue.waited > SATURATED_AFTER)
        daemon_health(web->daemon, pool_components[pool], HEALTH_DOWN,
                      "%u requests wait for one of %u threads, the first for %u s", queue.waiting, queue.threads_max,
                      (unsigned)(queue.waited / USEC_PER_SEC));
    else
        daemon_health(web->daemon, pool_components[pool], HEALTH_UP, "%s", "");
    return queue.waiting > 0;
}

static int on_check(void *userdata)
{
    Web *web = userdata;
    bool waiting = false;
    web->checking = false;
    check_heartbeat(web);
    for (RoutePool pool = 0; pool < _ROUTE_POOL_MAX; pool++)
        waiting |= check_pool(web, pool);
    if (web->failed && clock_monotonic() - web->failed > FAILURES_LAST) {
        daemon_health(web->daemon, REQUESTS, HEALTH_UP, "%s", "");
        web->failed = 0;
    }
    if (waiting || web->failed || web->heartbeat.busy)
        web_health_check_soon(web);
    return 0;
}

/* Why a request is not even given to a thread; NULL: it is. */
const char *web_health_closed(const Web *web, const Route *route)
{
    if (route && route->permission == PERMISSION_UI)
        return NULL;
    if (web->silence)
        return web->silence;
    RoutePool pool = route ? route->pool : ROUTE_POOL_MAIN;
    return pool_queue(web->pools[pool]).waited > REFUSED_AFTER ? "All handlers are busy" : NULL;
}

/* --- heartbeat --- */

/* What has to be true once before requests make sense. */
static int prepare(Heartbeat *heartbeat)
{
    if (heartbeat->prepared)
        return 0;
    int r = store_schema_check(heartbeat->pg, &heartbeat->problem);
    if (r != 0)
        return r < 0 ? r : -ENOTUNIQ;
    r = auth_prepare(heartbeat->auth, heartbeat->pg, &heartbeat->password);
    heartbeat->prepared = r == 0;
    return r;
}

static void keep_ring(void *userdata, const char *body)
{
    Heartbeat *heartbeat = userdata;
    vec_push(&heartbeat->rings, xstrdup(body));
}

/* In the heartbeat's thread. */
static void run_heartbeat(PoolTask *task, WebSession *session _unused_)
{
    Heartbeat *heartbeat = (Heartbeat *)task;
    queue_dispatch(heartbeat->queue, keep_ring, heartbeat);
    if (heartbeat->dispatches)
        return;
    heartbeat->r = prepare(heartbeat);
    if (heartbeat->r == 0 && heartbeat->joined) {
        QueueMembership membership;
        bool work;
        heartbeat->r = queue_heartbeat(heartbeat->queue, &membership, &work);
        heartbeat->joined = heartbeat->r != QUEUE_E_FENCED;
    }
    if (heartbeat->r >= 0 && heartbeat->prepared && !heartbeat->joined) {
        heartbeat->r = queue_join(heartbeat->queue, "webserver", daemon_socket_path(heartbeat->web->daemon));
        heartbeat->joined = heartbeat->r == 0;
    }
}

/* The text goes where a person reads who started us by hand; a journal is no place for a password. */
static void show_password(const Web *web, Heartbeat *heartbeat)
{
    if (!heartbeat->password)
        return;
    if (getenv("JOURNAL_STREAM"))
        log_event(NO_PASSWORD, "No password is known for the API and UI yet; set one with: kestractl user password");
    else
        fprintf(stderr, "Login for the API and UI, shown only this once: %s / %s\n", web->settings->auth_username,
                heartbeat->password);
    explicit_bzero(heartbeat->password, strlen(heartbeat->password));
    free(heartbeat->password);
    heartbeat->password = NULL;
}

static void take_rings(Web *web)
{
    Heartbeat *heartbeat = &web->heartbeat;
    for (size_t i = 0; i < heartbeat->rings.count; i++) {
        web_wake(web, heartbeat->rings.items[i]);
        free(heartbeat->rings.items[i]);
    }
    heartbeat->rings.count = 0;
    loop_io_events(web->wakeup, EPOLLIN);
}

/* Returns when to try again. */
static usec_t say_health(Web *web)
{
    Heartbeat *heartbeat = &web->heartbeat;
    free(web->silence);
    web->silence = NULL;
    if (heartbeat->r == 0) {
        daemon_health(web->daemon, QUEUE_PG_COMPONENT, HEALTH_UP, "connected");
        return QUEUE_HEARTBEAT_USEC;
    }
    const char *reason = heartbeat->problem ? heartbeat->problem : pg_error(heartbeat->pg);
    if (!*reason)
        reason = strerrordesc_np(heartbeat->r < 0 ? -heartbeat->r : EIO);
    if (heartbeat->r == -ETIMEDOUT) /* each request would wait as long */
        web->silence = xasprintf("The database cannot be used: %s", reason);
    return daemon_outage(web->daemon, QUEUE_PG_COMPONENT, "%s", reason);
}

static void heartbeat_done(PoolTask *task)
{
    Heartbeat *heartbeat = (Heartbeat *)task;
    Web *web = heartbeat->web;
    heartbeat->busy = false;
    take_rings(web);
    if (heartbeat->dispatches) {
        heartbeat->dispatches = false;
        web_finish_if_drained(web);
        return;
    }
    show_password(web, heartbeat);
    if (heartbeat->r == 0) {
        pthread_mutex_lock(&web->lock);
        snprintf(web->instance_id, sizeof(web->instance_id), "%s", queue_instance_id(heartbeat->queue));
        pthread_mutex_unlock(&web->lock);
    }
    usec_t delay = say_health(web);
    free(heartbeat->problem);
    heartbeat->problem = NULL;
    if (!daemon_is_draining(web->daemon))
        daemon_status(web->daemon, "Serving, %zu follow executions", follow_hub_count(web->hub));
    daemon_ready(web->daemon);
    web_finish_if_drained(web);
    if (!daemon_is_draining(web->daemon))
        loop_timer_in(web->heartbeat_timer, delay);
}

static void beat(Web *web, bool dispatches)
{
    web->heartbeat.busy = true;
    web->heartbeat.dispatches = dispatches;
    web->heartbeat.begun = clock_monotonic();
    web_health_check_soon(web);
    loop_io_events(web->wakeup, 0); /* until its thread has read what is there */
    pool_submit(web->beats, &web->heartbeat.task);
}

static int on_heartbeat_timer(void *userdata)
{
    Web *web = userdata;
    if (web->heartbeat.busy)
        loop_timer_in(web->heartbeat_timer, 10 * USEC_PER_MSEC); /* it takes rings: soon over */
    else
        beat(web, false);
    return 0;
}

static int on_wakeup(void *userdata, uint32_t events)
{
    Web *web = userdata;
    if (!web->heartbeat.busy)
        beat(web, true);
    return 0;
}

static int open_heartbeat(Web *web)
{
    Heartbeat *heartbeat = &web->heartbeat;
    *heartbeat = (Heartbeat){.task = {.run = run_heartbeat, .done = heartbeat_done}, .web = web, .auth = web->auth};
    heartbeat->pg = web_new_pg(web->settings, PG_LOCK_USEC);
    if (!heartbeat->pg)
        return outage(-EINVAL);
    QueueSettings settings = {.socket_path = daemon_socket_path(web->daemon)};
    return trace(queue_pg_new(heartbeat->pg, web->bell, &settings, &heartbeat->queue));
}

int web_health_start(Web *web)
{
    static const PoolOps beat_ops = {};
    Loop *loop = daemon_loop(web->daemon);
    int r = open_heartbeat(web);
    if (r >= 0)
        r = loop_add_io(loop, queue_wakeup_fd(web->heartbeat.queue), EPOLLIN, on_wakeup, web, &web->wakeup);
    if (r >= 0)
        r = pool_new(loop, 1, &beat_ops, web, &web->beats);
    if (r >= 0)
        r = loop_add_timer(loop, on_heartbeat_timer, web, &web->heartbeat_timer);
    if (r >= 0)
        r = loop_add_timer(loop, on_check, web, &web->check_timer);
    return r < 0 ? trace(r) : trace(daemon_turning(web->daemon));
}

void web_health_leave(Web *web)
{
    pool_free(TAKE_PTR(web->beats));
    if (web->heartbeat.joined && queue_leave(web->heartbeat.queue) < 0)
        log_warning("Instance could not be signed off: it counts as dead after the lease time");
}

void web_health_done(Web *web)
{
    Heartbeat *heartbeat = &web->heartbeat;
    pool_free(web->beats);
    loop_source_free(web->heartbeat_timer);
    loop_source_free(web->check_timer);
    loop_source_free(web->wakeup);
    for (size_t i = 0; i < heartbeat->rings.count; i++)
        free(heartbeat->rings.items[i]);
    vec_free(&heartbeat->rings);
    free(web->silence);
    queue_free(heartbeat->queue);
    pg_free(heartbeat->pg);
    free(heartbeat->problem);
}

void web_health_metrics(void *userdata, Buffer *text)
{
    Web *web = userdata;
    buffer_append(text, "# TYPE kestra_webserver_requests_total counter\n");
    for (int i = 1; i <= 5; i++)
        buffer_printf(text, "kestra_webserver_requests_total{status=\"%dxx\"} %" PRIu64 "\n", i, web->answered[i]);
    buffer_printf(text, "# TYPE kestra_webserver_requests_open gauge\nkestra_webserver_requests_open %u\n",
                  server_open_exchanges(web->server));
    buffer_printf(text, "# TYPE kestra_webserver_connections gauge\nkestra_webserver_connections %u\n",
                  server_connections(web->server));
    buffer_printf(text, "# TYPE kestra_webserver_followers gauge\nkestra_webserver_followers %zu\n",
                  follow_hub_count(web->hub));
    unsigned threads = 0, waiting = 0;
    usec_t waited = 0;
    for (RoutePool pool = 0; pool < _ROUTE_POOL_MAX; pool++) {
        PoolQueue queue = pool_queue(web->pools[pool]);
        threads += pool_threads(web->pools[pool]);
        waiting += queue.waiting;
        waited = MAX(waited, queue.waited);
    }
    buffer_printf(text,
                  "# TYPE kestra_webserver_handler_threads gauge\nkestra_webserver_handler_threads %u\n"
                  "# TYPE kestra_webserver_requests_waiting gauge\nkestra_webserver_requests_waiting %u\n"
                  "# TYPE kestra_webserver_requests_waited_seconds gauge\n"
                  "kestra_webserver_requests_waited_seconds %.3f\n"
                  "# TYPE kestra_webserver_requests_turned_away_total counter\n"
                  "kestra_webserver_requests_turned_away_total %" PRIu64 "\n",
                  threads, waiting, (double)waited / (double)USEC_PER_SEC, web->turned_away);
}
