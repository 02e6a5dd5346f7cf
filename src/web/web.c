/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loop thread accepts, matches, answers what needs no database (health, metrics, the bell), feeds the watchdog, and
 * hands everything else to a handler thread. One instance of the role is registered for the process. Its heartbeat has
 * a thread of its own, and so has looking for requests that wait: whatever handlers wait for, a slow search or a locked
 * table, holds up neither. What handlers cannot do at all is said by the component of the database, what they are too
 * few for by the one of the handlers.
 */
#include "web/web_private.h"

#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "web/admission.h"
#include "web/peer.h"
#include "web/routes/routes.h"
#include "web/settings.h"

#define THREADS_DEFAULT  8
#define BODY_DEFAULT     ((size_t)64 * 1024 * 1024)
#define CONNECTIONS_MAX  4096
#define REQUEST_TIMEOUT  (60 * USEC_PER_SEC)
#define DRAIN_FOR        (10 * USEC_PER_SEC)
#define FLOWS_MAX        200
#define LOOK_THREADS     2
#define SESSION_SQL      "SET jit = off; SET work_mem = '16MB'"
#define REQUEST_PATIENCE (20 * USEC_PER_SEC)

typedef struct Call {
    PoolTask task; /* first: a PoolTask * is a Call * */
    Web *web;
    Exchange *exchange;
    const Route *route; /* NULL: response says why */
    HttpResponse response;
    AuthTurn turn;
    bool hashes;   /* waits for its turn to have the password hashed */
    char *failure; /* the database's, in words; or NULL */
} Call;

struct Daemon *web_daemon(Web *web)
{
    return web->daemon;
}

void web_wake(Web *web, const char *body)
{
    follow_hub_wake(web->hub, body);
}

void web_expect(Web *web, const char *execution_id)
{
    follow_hub_expect(web->hub, execution_id);
}

void web_unexpect(Web *web, const char *execution_id)
{
    follow_hub_unexpect(web->hub, execution_id);
}

void web_instance_id(Web *web, char ret_id[static ID_BYTES])
{
    pthread_mutex_lock(&web->lock);
    memcpy(ret_id, web->instance_id, ID_BYTES);
    pthread_mutex_unlock(&web->lock);
}

/* --- sessions of handler threads --- */

Pg *web_new_pg(const WebSettings *settings, usec_t patience)
{
    PgSettings pg_settings = {.conninfo = settings->conninfo,
                              .application_name = "kestra-webserver",
                              .session_sql = SESSION_SQL,
                              .patience_usec = patience};
    Pg *pg = NULL;
    _cleanup_free_ char *error = NULL;
    if (pg_new(&pg_settings, &pg, &error) < 0)
        log_error("Connection string cannot be read: %s", error ? error : "no reason known");
    return pg;
}

/* Those of the last reload; compiled flows depend on them. */
static void use_settings(WebSession *session)
{
    const WebSettings *settings = __atomic_load_n(&session->web->settings, __ATOMIC_ACQUIRE);
    if (session->settings == settings)
        return;
    session->settings = settings;
    flow_cache_free(session->flows);
    session->flows = flow_cache_new(&(FlowCacheSettings){
        .registry = &plugin_registry, .plugin_defaults = settings->plugin_defaults, .flows_max = FLOWS_MAX});
}

static WebSession *open_session(void *userdata)
{
    Web *web = userdata;
    WebSession *session = xnew(WebSession);
    session->web = web;
    session->auth = web->auth;
    session->secret_keys = web->secret_keys;
    session->pg = web_new_pg(__atomic_load_n(&web->settings, __ATOMIC_ACQUIRE), REQUEST_PATIENCE);
    int r = queue_pg_session(web->heartbeat.queue, session->pg, &session->queue);
    if (r < 0)
        log_error("Queue session cannot be opened: %s", strerrordesc_np(-r));
    use_settings(session);
    return session;
}

static void close_session(void *userdata, WebSession *session)
{
    flow_cache_free(session->flows);
    queue_free(session->queue);
    pg_free(session->pg);
    free(session);
}

/* --- one request --- */

static void turn_away(const HttpRequest *request, HttpResponse *response, const char *reason)
{
    http_response_done(response);
    *response = (HttpResponse){};
    http_response_header(response, "Retry-After", "2");
    http_reason(request, response, 503, "%s", arena_strdup(request->arena, reason));
}

/* *ret_failure (caller frees): it was the database's state, and not what was asked. */
static void answer_outage(WebSession *session, const HttpRequest *request, HttpResponse *response, int r,
                          char **ret_failure)
{
    *ret_failure = NULL;
    if (!session->pg || pg_is_unavailable(session->pg)) {
        const char *reason = session->pg ? pg_error(session->pg) : "";
        *ret_failure = xasprintf("The database cannot be used: %s", *reason ? reason : strerrordesc_np(-r));
        turn_away(request, response, *ret_failure);
        return;
    }
    http_response_done(response);
    *response = (HttpResponse){};
    log_error("%s %s failed: %s: %s", request->method_name, request->path, strerrordesc_np(-r), pg_error(session->pg));
    http_error(request, response, 500, "Internal server error: %s", strerrordesc_np(-r));
}

static int handle(WebSession *session, const Route *route, const HttpRequest *request, HttpResponse *response)
{
    int r = route->handler(session, request, response);
    /* A session that broke while it was idle shows only when it is used: reading again is harmless. */
    if (r < 0 && request->method == HTTP_GET && session->pg && !pg_is_connected(session->pg)) {
        http_response_done(response);
        *response = (HttpResponse){};
        r = route->handler(session, request, response);
    }
    return fold(r);
}

/* In a handler thread. */
static void run_call(PoolTask *task, WebSession *session)
{
    Call *call = (Call *)task;
    const HttpRequest *request = exchange_request(call->exchange);
    HttpResponse *response = &call->response;
    if (!session->pg || !session->queue) {
        http_error(request, response, 500, "Internal server error: The webserver is not set up");
        return;
    }
    use_settings(session);
    /* Notices a session that ended while it was idle; the handler's first statement connects again. */
    if (pg_is_connected(session->pg) && pg_check(session->pg, NULL, NULL) < 0)
        log_debug("Database session ended while idle");
    if (!call->route || call->route->permission != PERMISSION_OPEN) {
        int r = auth_check(session->auth, session->pg, request, &call->turn);
        call->hashes = r == AUTH_E_HASH;
        if (r == AUTH_E_DENIED)
            admission_refuse_login(session->auth, request, response);
        else if (r < 0)
            answer_outage(session, request, response, r, &call->failure);
        if (r != 0)
            return;
    }
    if (!call->route)
        return;
    if (!router_check_query(call->route, request, response))
        return;
    int r = handle(session, call->route, request, response);
    if (r < 0)
        answer_outage(session, request, response, r, &call->failure);
}

void web_finish_if_drained(Web *web)
{
    if (daemon_is_draining(web->daemon) && server_open_exchanges(web->server) == 0 && !web->heartbeat.busy)
        daemon_drained(web->daemon);
}

static void answer(Web *web, Exchange *exchange, HttpResponse *response)
{
    web->answered[MIN(MAX(response->status / 100, 0), 5)]++;
    exchange_answer(exchange, response);
    web_finish_if_drained(web);
}

static void call_done(PoolTask *task)
{
    Call *call = (Call *)task;
    Web *web = call->web;
    Exchange *exchange = call->exchange;
    Follow *follow = call->response.follow;
    web_health_failure(web, call->failure);
    free(call->failure);
    call->failure = NULL;
    if (call->turn.may_hash)
        login_queue_next(web->admission.logins);
    if (call->hashes) {
        call->turn.may_hash = true;
        login_queue_add(web->admission.logins, task, call->turn.delay);
        return;
    }
    if (follow && exchange_is_gone(exchange)) {
        follow_hub_unexpect(web->hub, follow->execution_id);
        follow_free(follow);
        http_response_done(&call->response);
        exchange_drop(exchange);
    } else if (follow) {
        if (follow->stream)
            exchange_begin_stream(exchange);
        call->response.follow = NULL;
        if (follow->moment_usec)
            follow->answer = call->response;
        else
            http_response_done(&call->response);
        follow_hub_park(web->hub, follow, exchange);
    } else {
        answer(web, exchange, &call->response);
    }
    free(call);
}

/* What the unix socket answers to whom. False: answered. */
static bool check_peer(const Call *call, const HttpRequest *request, HttpResponse *response)
{
    Permission permission = call->route ? call->route->permission : PERMISSION_OPEN;
    if ((permission == PERMISSION_ROLE && !request->role) || (permission == PERMISSION_OWNER && !request->trusted)) {
        http_reason(request, response, 403, "Only %s may ask for this",
                    permission == PERMISSION_ROLE ? "a role of Kestra" : "root and the group kestra");
        return false;
    }
    return true;
}

static bool check_body(const Web *web, const Call *call, const HttpRequest *request, HttpResponse *response)
{
    if (!call->route || request->body_length <= admission_body_max(web->settings, call->route))
        return true;
    http_reason(request, response, 413, "The body is longer than %zu bytes",
                admission_body_max(web->settings, call->route));
    return false;
}

static void on_head(void *userdata, Connection *connection, HttpRequest *request)
{
    Web *web = userdata;
    admission_ask(&web->admission, connection, request);
}

/* An upload goes to internal storage, whatever it is for. */
static RoutePool pool_of(const Route *route, const HttpRequest *request)
{
    static const char file[] = "filename=";
    if (!route || route->pool != ROUTE_POOL_MAIN || request->method == HTTP_GET)
        return route ? route->pool : ROUTE_POOL_MAIN;
    const char *type = http_media_type(request);
    bool uploads = type && streq(type, "multipart/form-data") &&
                   memmem(request->body, request->body_length, file, sizeof(file) - 1);
    return uploads ? ROUTE_POOL_STORAGE : ROUTE_POOL_MAIN;
}

static void on_request(void *userdata, Exchange *exchange)
{
    Web *web = userdata;
    Call *call = xnew(Call);
    call->task = (PoolTask){.run = run_call, .done = call_done};
    call->web = web;
    call->exchange = exchange;
    HttpRequest *request = exchange_request(exchange);
    request->peer = peer_behind_proxies(web->settings->trusted_proxies, request);
    call->route = router_match(web->routers[exchange_port(exchange)], request, &call->response);
    if (!check_peer(call, request, &call->response) || !check_body(web, call, request, &call->response) ||
        !admission_check_origin(web->settings, web->auth, call->route, request, &call->response)) {
        answer(web, exchange, &call->response);
        free(call);
        return;
    }
    bool in_loop = call->route ? call->route->in_loop : exchange_port(exchange) == SERVER_PORT_MANAGEMENT;
    const char *reason = in_loop ? NULL : web_health_closed(web, call->route);
    if (!in_loop && !reason) {
        Pool *pool = web->pools[pool_of(call->route, request)];
        pool_submit(pool, &call->task);
        if (pool_queue(pool).waiting)
            web_health_check_soon(web);
        return;
    }
    if (reason) {
        web->turned_away++;
        turn_away(request, &call->response, reason);
        answer(web, exchange, &call->response);
        free(call);
        return;
    }
    if (call->route && router_check_query(call->route, request, &call->response)) {
        int r = call->route->handler(&web->loop_session, request, &call->response);
        if (r < 0)
            http_error(request, &call->response, 500, "Internal server error: %s", strerrordesc_np(-r));
    }
    void (*after)(WebSession * session, const char *body) = call->route ? call->route->after : NULL;
    _cleanup_free_ char *body = after ? xstrndup(request->body, request->body_length) : NULL;
    answer(web, exchange, &call->response);
    if (after)
        after(&web->loop_session, body);
    free(call);
}

static void on_gone(void *userdata, Exchange *exchange)
{
    Web *web = userdata;
    /* A call that is still in a handler thread drops the exchange when it comes back. */
    if (follow_hub_forget(web->hub, exchange))
        exchange_drop(exchange);
}

/* --- follows --- */

static void follow_text(void *userdata, void *request, const FollowText *told)
{
    Web *web = userdata;
    Exchange *exchange = request;
    if (exchange_is_stream(exchange)) {
        exchange_send(exchange, told->text, told->length, told->end);
        return;
    }
    HttpResponse response = {};
    if (told->r < 0)
        http_error(exchange_request(exchange), &response, 500, "Internal server error: %s", strerrordesc_np(-told->r));
    else
        http_text(&response, told->status, told->content_type, told->text);
    answer(web, exchange, &response);
}

static void follow_answer(void *userdata, void *request, HttpResponse *response)
{
    answer(userdata, request, response);
}

static bool follow_ready(void *request)
{
    return !exchange_has_backlog(request);
}

static void follow_idle(void *request)
{
    static const char comment[] = ":\n\n";
    exchange_send(request, comment, sizeof(comment) - 1, false);
}

/* --- the daemon's calls --- */

static int on_wake(void *userdata, const char *body)
{
    web_wake(userdata, body);
    return 0;
}

static int on_drain(void *userdata)
{
    Web *web = userdata;
    daemon_status(web->daemon, "Stopping: %u requests are finishing", server_open_exchanges(web->server));
    server_stop_listening(web->server);
    follow_hub_end_streams(web->hub);
    loop_timer_in(web->drain_timer, DRAIN_FOR);
    web_finish_if_drained(web);
    return 0;
}

static int on_drain_timer(void *userdata)
{
    Web *web = userdata;
    daemon_drained(web->daemon);
    return 0;
}

static int on_reload(void *userdata)
{
    Web *web = userdata;
    Conf *conf;
    if (!web->settings->conf || conf_reload(web->settings->conf, &conf) != 0)
        return 0; /* wrong settings do not end a role that runs */
    Reloaded *reloaded = xnew(Reloaded);
    reloaded->conf = conf;
    web_settings_init(&reloaded->settings, conf, web->settings->socket_path);
    vec_push(&web->reloads, reloaded);
    web->loop_session.settings = web->admission.settings = &reloaded->settings;
    server_set_body_max(web->server, reloaded->settings.body_bytes_max);
    __atomic_store_n(&web->settings, &reloaded->settings, __ATOMIC_RELEASE);
    return 0;
}

static const DaemonOps daemon_ops = {
    .role = "webserver",
    .reload = on_reload,
    .wake = on_wake,
    .drain = on_drain,
    .metrics = web_health_metrics,
};

/* --- setting up --- */

static int listen_port(Web *web, const char *name, const char *address, ServerPort port)
{
    bool loopback = true;
    int fd = daemon_listen_fd(web->daemon, name);
    if (fd >= 0)
        loopback = server_is_loopback(fd);
    else if (address && *address && !daemon_has_passed_sockets(web->daemon)) {
        int r = server_bind(address, &fd, &loopback);
        if (r < 0) {
            log_error("Address %s cannot be listened at: %s", address, strerrordesc_np(-r));
            return trace(r);
        }
    }
    if (fd < 0)
        return 0;
    if (!loopback && !auth_is_enabled(web->auth)) {
        log_error("Socket %s is reachable from other machines, but server.basic-auth.enabled is false: refused", name);
        close_fd(fd);
        return outage(-EACCES);
    }
    return trace(server_listen(web->server, fd, port));
}

static int listen_all(Web *web)
{
    int r = 0, local = daemon_take_socket(web->daemon);
    if (local >= 0)
        r = server_listen(web->server, local, SERVER_PORT_LOCAL);
    if (r >= 0)
        r = listen_port(web, "http", web->settings->listen, SERVER_PORT_HTTP);
    if (r >= 0)
        r = listen_port(web, "management", web->settings->management_listen, SERVER_PORT_MANAGEMENT);
    return trace(r);
}

static void quiet_session(WebSession *session)
{
    pg_settle(session->pg);
}

static int set_up(Web *web)
{
    static const PoolOps pool_ops = {.open = open_session, .close = close_session, .quiet = quiet_session};
    static const ServerOps server_ops = {.head = on_head, .request = on_request, .gone = on_gone};
    static const FollowHubOps hub_ops = {
        .text = follow_text, .answer = follow_answer, .ready = follow_ready, .idle = follow_idle};
    const WebSettings *settings = web->settings;
    Loop *loop = daemon_loop(web->daemon);
    ServerSettings server_settings = {
        .body_bytes_max = settings->body_bytes_max ? settings->body_bytes_max : BODY_DEFAULT,
        .connections_max = settings->connections_max ? settings->connections_max : CONNECTIONS_MAX,
        .timeout_usec = settings->request_timeout_usec ? settings->request_timeout_usec : REQUEST_TIMEOUT};
    int r = web_health_start(web);
    for (RoutePool pool = 0; r >= 0 && pool < _ROUTE_POOL_MAX; pool++)
        r = pool_new(loop, settings->threads ? settings->threads : THREADS_DEFAULT, &pool_ops, web, &web->pools[pool]);
    web->admission = (Admission){.settings = settings,
                                 .auth = web->auth,
                                 .pool = web->pools[ROUTE_POOL_MAIN],
                                 .routers = (const Router *const *)web->routers};
    if (r >= 0)
        r = pool_new(loop, LOOK_THREADS, &pool_ops, web, &web->looks);
    if (r >= 0)
        r = login_queue_new(loop, web->pools[ROUTE_POOL_MAIN], &web->admission.logins);
    if (r >= 0)
        r = follow_hub_new(loop, web->looks, &hub_ops, web, &web->hub);
    if (r >= 0)
        r = server_new(loop, &server_settings, &server_ops, web, &web->server);
    if (r >= 0)
        r = loop_add_timer(loop, on_drain_timer, web, &web->drain_timer);
    if (r >= 0)
        r = listen_all(web);
    return trace(r);
}

int web_new(const WebSettings *settings, Web **ret)
{
    _cleanup_(web_freep) Web *web = xnew(Web);
    pthread_mutex_init(&web->lock, NULL);
    web->settings = settings;
    web->bell = bell_new();
    web->auth = auth_new(settings);
    web->secret_keys = secret_keys_new();
    web->loop_session = (WebSession){.web = web, .settings = settings, .auth = web->auth};
    web->routers[SERVER_PORT_HTTP] = router_new(route_tables_api, route_tables_api_count, settings->context_path);
    web->routers[SERVER_PORT_MANAGEMENT] = router_new(route_tables_management, route_tables_management_count, "");
    web->routers[SERVER_PORT_LOCAL] = router_new(route_tables_local, route_tables_local_count, settings->context_path);
    int r = daemon_new(&daemon_ops, web, settings->socket_path, &web->daemon);
    if (r >= 0)
        r = set_up(web);
    if (r < 0)
        return trace(r);
    loop_timer_in(web->heartbeat_timer, 0);
    *ret = TAKE_PTR(web);
    return 0;
}

int web_run(Web *web)
{
    int r = server_run(web->server);
    for (RoutePool pool = 0; pool < _ROUTE_POOL_MAX; pool++)
        pool_free(TAKE_PTR(web->pools[pool]));
    pool_free(TAKE_PTR(web->looks));
    web_health_leave(web);
    return r;
}

static void free_reloads(Web *web)
{
    for (size_t i = 0; i < web->reloads.count; i++) {
        web_settings_done(&web->reloads.items[i]->settings);
        conf_free(web->reloads.items[i]->conf);
        free(web->reloads.items[i]);
    }
    vec_free(&web->reloads);
}

Web *web_free(Web *web)
{
    if (!web)
        return NULL;
    for (RoutePool pool = 0; pool < _ROUTE_POOL_MAX; pool++)
        pool_free(web->pools[pool]);
    pool_free(web->looks);
    login_queue_free(web->admission.logins);
    follow_hub_free(web->hub);
    server_free(web->server);
    loop_source_free(web->drain_timer);
    web_health_done(web);
    auth_free(web->auth);
    secret_keys_free(web->secret_keys);
    bell_free(web->bell);
    for (int port = 0; port < _SERVER_PORT_MAX; port++)
        router_free(web->routers[port]);
    daemon_free(web->daemon);
    pthread_mutex_destroy(&web->lock);
    free_reloads(web);
    free(web);
    return NULL;
}
