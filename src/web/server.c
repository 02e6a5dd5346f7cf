/* SPDX-License-Identifier: Apache-2.0 */
/*
 * h2o 2.2 has its own loop, and everything else of the daemon stands on sd-event. The sd-event descriptor is watched by
 * h2o as a socket that is not read; before every turn of the h2o loop the sd-event loop is run until it has nothing
 * left, which also arms its timers. So both live in one thread and neither knows the other.
 *
 * h2o frees a request with its pool, whenever the client goes. Our side is an Exchange on the heap; a small guard in
 * the pool tells it. Nothing of ours points into the pool, except between two lines of the same callback.
 */
#include "web/connection.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <grp.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/un.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "base/log.h"

#define ACCEPT_AT_ONCE  16
#define REQUEST_TIMEOUT 86400000 /* ms; connection.c ends what is slow */
#define TURN_MAX        20000    /* ms */
#define LISTENERS_MAX   16
#define GROUPS_MAX      64
#define FILE_CHUNK      (64 * 1024)
#define BACKLOG_BYTES   (64 * 1024) /* of a stream, beside what is being sent */

typedef struct Port {
    Server *server;
    h2o_hostconf_t *hosts[2];
    h2o_accept_ctx_t accept;
} Port;

struct Server {
    Loop *loop;
    const ServerOps *ops;
    void *userdata;
    h2o_globalconf_t config;
    h2o_context_t context;
    Port ports[_SERVER_PORT_MAX];
    h2o_socket_t *listeners[LISTENERS_MAX];
    unsigned listener_count;
    Connections *connections;
    h2o_socket_t *inner; /* the sd-event loop */
    unsigned exchanges;
    bool sent;                /* h2o has to be given a turn: what is written at once completes only there */
    gid_t group, roles_group; /* kestra, kestra-roles; (gid_t)-1 when there is none */
};

typedef struct Handler {
    h2o_handler_t super;
    Server *server;
    ServerPort port;
} Handler;

typedef struct Guard {
    Exchange *exchange;
} Guard;

/* In the pool of the request. */
typedef struct Generator {
    h2o_generator_t super;
    Exchange *exchange;
} Generator;

struct Exchange {
    Server *server;
    ServerPort port;
    HttpRequest *request;
    h2o_req_t *h2o; /* NULL: the client has gone */
    Guard *guard;
    bool streaming, sending, ended;
    Buffer pending, in_flight;
};

HttpRequest *exchange_request(const Exchange *exchange)
{
    return exchange->request;
}

ServerPort exchange_port(const Exchange *exchange)
{
    return exchange->port;
}

bool exchange_is_gone(const Exchange *exchange)
{
    return !exchange->h2o;
}

bool exchange_is_stream(const Exchange *exchange)
{
    return exchange->streaming;
}

bool exchange_has_backlog(const Exchange *exchange)
{
    return exchange->pending.length > BACKLOG_BYTES;
}

void exchange_drop(Exchange *exchange)
{
    if (exchange->guard)
        exchange->guard->exchange = NULL;
    exchange->server->exchanges--;
    http_request_free(exchange->request);
    buffer_done(&exchange->pending);
    buffer_done(&exchange->in_flight);
    free(exchange);
}

/* The pool of the request goes: the answer is complete, or the client has gone. */
static void on_dispose(void *data)
{
    Guard *guard = data;
    Exchange *exchange = guard->exchange;
    if (!exchange)
        return;
    exchange->h2o = NULL;
    exchange->guard = NULL;
    if (exchange->ended)
        exchange_drop(exchange);
    else
        exchange->server->ops->gone(exchange->server->userdata, exchange);
}

/* --- answers --- */

static void add_header(h2o_req_t *req, const char *name, const char *value)
{
    h2o_iovec_t lower = h2o_strdup(&req->pool, name, SIZE_MAX);
    h2o_strtolower(lower.base, lower.len);
    h2o_iovec_t copy = h2o_strdup(&req->pool, value, SIZE_MAX);
    h2o_add_header_by_str(&req->pool, &req->res.headers, lower.base, lower.len, 1, NULL, copy.base, copy.len);
}

static void start_head(h2o_req_t *req, const HttpResponse *response)
{
    static const HttpField always[] = {
        {"X-Content-Type-Options", "nosniff"},
        {"X-Frame-Options", "DENY"},
        {"Referrer-Policy", "same-origin"},
    };
    req->res.status = response->status;
    req->res.reason = http_status_text(response->status);
    for (size_t i = 0; i < ELEMENTS(always); i++)
        add_header(req, always[i].name, always[i].value);
    bool cached = false;
    for (size_t i = 0; i < response->headers.count; i++) {
        add_header(req, response->headers.items[i].name, response->headers.items[i].value);
        cached |= strcasecmp(response->headers.items[i].name, "Cache-Control") == 0;
    }
    if (response->content_type)
        add_header(req, "Content-Type", response->content_type);
    if (!cached)
        add_header(req, "Cache-Control", "no-store");
}

/* --- files --- */

/* In memory that is shared with the pool of the request: it ends with it, whatever way. */
typedef struct FileGenerator {
    h2o_generator_t super;
    Server *server;
    h2o_req_t *req;
    int fd;
    int64_t left;
    LoopSource *io; /* waits for a pipe; NULL for a file, which is always ready */
    char chunk[FILE_CHUNK];
} FileGenerator;

static void on_file_dispose(void *data)
{
    FileGenerator *generator = data;
    loop_source_free(generator->io);
    close_fd(generator->fd);
    generator->server->exchanges--;
}

static int on_file_readable(void *userdata, uint32_t events);

/*
 * To be called by a generator that has nothing to send now. h2o 2.2.5 goes on polling for room to write when a write
 * that followed a partial one was taken whole, and ends at an assertion (evloop.c.h: write_pending) once there is room
 * and nothing to write. Whatever is told about reading makes it look at the socket again; it does not read during an
 * answer.
 */
static void send_nothing(h2o_req_t *req)
{
    h2o_socket_t *socket = req->conn->callbacks->get_socket(req->conn);
    if (!h2o_socket_is_reading(socket))
        h2o_socket_read_stop(socket);
}

/* The next piece of the file. It reads from the disk here, in the loop, as web servers do: a piece is small. */
static void send_piece(FileGenerator *generator)
{
    ssize_t n = read(generator->fd, generator->chunk, (size_t)MIN(generator->left, (int64_t)FILE_CHUNK));
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        if (generator->io)
            loop_io_events(generator->io, EPOLLIN);
        if (generator->io || loop_add_io(generator->server->loop, generator->fd, EPOLLIN, on_file_readable, generator,
                                         &generator->io) == 0) {
            send_nothing(generator->req);
            return;
        }
    }
    if (generator->io)
        loop_io_events(generator->io, 0);
    generator->left -= MAX(n, (ssize_t)0);
    h2o_iovec_t piece = h2o_iovec_init(generator->chunk, (size_t)MAX(n, (ssize_t)0));
    /* a file that ends too early breaks the connection: the client must not take the piece for the whole */
    h2o_send_state_t state = n <= 0                ? H2O_SEND_STATE_ERROR
                             : generator->left > 0 ? H2O_SEND_STATE_IN_PROGRESS
                                                   : H2O_SEND_STATE_FINAL;
    generator->server->sent = true;
    h2o_send(generator->req, &piece, n > 0, state);
}

static int on_file_readable(void *userdata, uint32_t events)
{
    send_piece(userdata);
    return 0;
}

static void on_file_proceed(h2o_generator_t *self, h2o_req_t *req)
{
    send_piece((FileGenerator *)self);
}

static void send_file(h2o_req_t *req, Server *server, HttpResponse *response)
{
    FileGenerator *generator = h2o_mem_alloc_shared(&req->pool, sizeof(*generator), on_file_dispose);
    *generator = (FileGenerator){.super = {.proceed = on_file_proceed},
                                 .server = server,
                                 .req = req,
                                 .fd = response->file_fd,
                                 .left = response->file_length};
    response->has_file = false; /* the generator closes it */
    (void)fcntl(generator->fd, F_SETFL,
                fcntl(generator->fd, F_GETFL) | O_NONBLOCK); /* matters for pipes, which take it */
    server->exchanges++;
    start_head(req, response);
    req->res.content_length = (size_t)generator->left;
    h2o_start_response(req, &generator->super);
    send_piece(generator);
}

void exchange_answer(Exchange *exchange, HttpResponse *response)
{
    h2o_req_t *req = exchange->h2o;
    if (!req) {
        http_response_done(response);
        exchange_drop(exchange);
        return;
    }
    static h2o_generator_t generator = {NULL, NULL};
    bool head = exchange->request->head;
    if (response->has_file && !head && response->file_length > 0) {
        /* The request goes last: headers lie in its arena. */
        exchange->guard->exchange = NULL;
        exchange->guard = NULL;
        send_file(req, exchange->server, response);
        http_response_done(response);
        exchange_drop(exchange);
        return;
    }
    start_head(req, response);
    bool no_body = response->status == 204 || response->status == 304;
    if (!no_body)
        req->res.content_length = response->has_file ? (size_t)response->file_length : response->body.length;
    h2o_iovec_t body = {NULL, 0};
    if (!head && !no_body && response->body.length > 0)
        body = h2o_strdup(&req->pool, response->body.text, response->body.length);
    http_response_done(response);
    exchange->server->sent = true;
    exchange_drop(exchange);
    h2o_start_response(req, &generator);
    h2o_send(req, &body, body.len > 0, H2O_SEND_STATE_FINAL);
}

static void flush_stream(Exchange *exchange)
{
    if (exchange->sending || !exchange->h2o || (exchange->pending.length == 0 && !exchange->ended))
        return;
    Buffer empty = exchange->in_flight;
    buffer_clear(&empty);
    exchange->in_flight = exchange->pending;
    exchange->pending = empty;
    exchange->sending = exchange->server->sent = true;
    h2o_iovec_t text = h2o_iovec_init(exchange->in_flight.text, exchange->in_flight.length);
    h2o_send(exchange->h2o, &text, text.len > 0, exchange->ended ? H2O_SEND_STATE_FINAL : H2O_SEND_STATE_IN_PROGRESS);
}

static void on_proceed(h2o_generator_t *self, h2o_req_t *req)
{
    Exchange *exchange = ((Generator *)self)->exchange;
    if (!exchange)
        return;
    exchange->sending = false;
    flush_stream(exchange);
    if (!exchange->sending)
        send_nothing(req);
}

void exchange_begin_stream(Exchange *exchange)
{
    exchange->streaming = true;
    h2o_req_t *req = exchange->h2o;
    if (!req)
        return;
    Generator *generator = h2o_mem_alloc_pool(&req->pool, sizeof(Generator));
    *generator = (Generator){.super = {.proceed = on_proceed}, .exchange = exchange};
    HttpResponse response = {.status = 200, .content_type = "text/event-stream"};
    start_head(req, &response);
    h2o_start_response(req, &generator->super);
    /* An empty first chunk sends the head, so that the client knows it is connected. */
    exchange->sending = true;
    h2o_send(req, NULL, 0, H2O_SEND_STATE_IN_PROGRESS);
}

void exchange_send(Exchange *exchange, const char *text, size_t length, bool end)
{
    if (!exchange->h2o) {
        if (end)
            exchange_drop(exchange);
        return;
    }
    buffer_append_n(&exchange->pending, text, length);
    exchange->ended |= end;
    flush_stream(exchange);
}

/* --- requests --- */

static bool is_member(gid_t group, int fd, gid_t primary)
{
    gid_t groups[GROUPS_MAX];
    socklen_t length = sizeof(groups);
    if (group == (gid_t)-1)
        return false;
    if (primary == group)
        return true;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &length) < 0)
        return false;
    for (size_t i = 0; i < length / sizeof(gid_t); i++)
        if (groups[i] == group)
            return true;
    return false;
}

/* Root, our own user and members of group kestra need no password on the unix socket; other roles may ring. */
static void look_at_credentials(const Server *server, h2o_socket_t *socket, HttpRequest *request)
{
    struct ucred peer;
    socklen_t length = sizeof(peer);
    int fd = h2o_socket_get_fd(socket);
    request->local = true;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0)
        return;
    request->trusted = peer.uid == 0 || peer.uid == geteuid() || is_member(server->group, fd, peer.gid);
    request->role = request->trusted || is_member(server->roles_group, fd, peer.gid);
}

static const char *peer_name(Arena *arena, h2o_socket_t *socket)
{
    struct sockaddr_storage address;
    char text[INET6_ADDRSTRLEN] = "";
    socklen_t length = h2o_socket_getpeername(socket, (struct sockaddr *)&address);
    if (length == 0 || (address.ss_family != AF_INET && address.ss_family != AF_INET6))
        return "unix";
    const void *binary = address.ss_family == AF_INET ? (const void *)&((struct sockaddr_in *)&address)->sin_addr
                                                      : (const void *)&((struct sockaddr_in6 *)&address)->sin6_addr;
    return inet_ntop(address.ss_family, binary, text, sizeof(text)) ? arena_strdup(arena, text) : "unknown";
}

static void look_at_peer(const Server *server, ServerPort port, h2o_socket_t *socket, HttpRequest *request)
{
    request->peer = port == SERVER_PORT_LOCAL ? "unix" : peer_name(request->arena, socket);
    if (port == SERVER_PORT_LOCAL)
        look_at_credentials(server, socket, request);
}

static HttpRequest *read_head(void *userdata, Connection *connection, const char *method, const char *target)
{
    HttpRequest *request = http_request_new(method, target);
    if (request)
        look_at_peer(userdata, connection_port(connection), connection_socket(connection), request);
    return request;
}

static void on_head(void *userdata, Connection *connection, HttpRequest *request)
{
    Server *server = userdata;
    server->ops->head(server->userdata, connection, request);
}

/* NULL for a target or a head that cannot be read. */
static HttpRequest *read_request(const Handler *handler, h2o_req_t *req)
{
    _cleanup_free_ char *method = xstrndup(req->input.method.base, req->input.method.len);
    _cleanup_free_ char *target = xstrndup(req->input.path.base, req->input.path.len);
    HttpRequest *request = http_request_new(method, target);
    if (!request)
        return NULL;
    if (req->input.authority.len > 0)
        http_request_header(request, "Host", 4, req->input.authority.base, req->input.authority.len);
    for (size_t i = 0; i < req->headers.size; i++) {
        const h2o_header_t *header = &req->headers.entries[i];
        if (header->name->len == 0) /* a folded line, of a head that came with the request before it */
            return http_request_free(request);
        const char *name = header->orig_name ? header->orig_name : header->name->base;
        http_request_header(request, name, header->name->len, header->value.base, header->value.len);
    }
    if (req->entity.base) {
        /* h2o keeps this one to itself; webhooks show all headers. */
        char length[32];
        int digits = snprintf(length, sizeof(length), "%zu", req->entity.len);
        http_request_header(request, "Content-Length", 14, length, (size_t)digits);
        http_request_body(request, req->entity.base, req->entity.len);
    }
    look_at_peer(handler->server, handler->port, req->conn->callbacks->get_socket(req->conn), request);
    return request;
}

static int on_request(h2o_handler_t *self, h2o_req_t *req)
{
    Handler *handler = (Handler *)self;
    Server *server = handler->server;
    connection_begin(connection_of(req->conn->callbacks->get_socket(req->conn)), req);
    HttpRequest *request = read_request(handler, req);
    if (!request) {
        h2o_send_error_400(req, "Bad Request", "Malformed URI", 0);
        return 0;
    }
    Exchange *exchange = xnew(Exchange);
    exchange->server = server;
    exchange->port = handler->port;
    exchange->request = request;
    exchange->h2o = req;
    exchange->guard = h2o_mem_alloc_shared(&req->pool, sizeof(Guard), on_dispose);
    exchange->guard->exchange = exchange;
    server->exchanges++;
    server->ops->request(server->userdata, exchange);
    return 0;
}

/* Nobody is told that more want in: the kernel lets them wait. */
static void pause_listeners(Server *server)
{
    for (unsigned i = 0; i < server->listener_count; i++)
        h2o_socket_read_stop(server->listeners[i]);
}

static void on_accept(h2o_socket_t *listener, const char *error)
{
    Port *port = listener->data;
    Server *server = port->server;
    if (error)
        return;
    for (unsigned i = 0; i < ACCEPT_AT_ONCE; i++) {
        if (!connections_have_room(server->connections)) {
            pause_listeners(server);
            return;
        }
        h2o_socket_t *socket = h2o_evloop_socket_accept(listener);
        if (!socket) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
                connections_are_full(server->connections);
                pause_listeners(server);
            }
            return;
        }
        Connection *connection = connection_new(server->connections, socket, (ServerPort)(port - server->ports));
        h2o_accept(&port->accept, socket);
        connection_watch(connection);
    }
}

static void resume_listeners(void *userdata)
{
    Server *server = userdata;
    for (unsigned i = 0; i < server->listener_count; i++)
        h2o_socket_read_start(server->listeners[i], on_accept);
}

/* --- the two loops --- */

static void on_inner(h2o_socket_t *inner, const char *error)
{
    /* The work is done before the next turn. */
}

/* Runs the sd-event loop until it has nothing to do, and leaves it armed. False: it has ended. */
static bool run_inner(Server *server)
{
    sd_event *event = loop_event(server->loop);
    for (;;) {
        int state = sd_event_get_state(event);
        if (state == SD_EVENT_FINISHED)
            return false;
        int r = state == SD_EVENT_ARMED ? sd_event_wait(event, 0) : sd_event_prepare(event);
        if (r > 0)
            r = sd_event_dispatch(event);
        else if (r == 0 && state != SD_EVENT_ARMED)
            return true; /* prepared, nothing pending: armed now */
        if (r < 0 && r != -ESTALE && r != -ECHILD) {
            log_error("Event loop failed: %s", strerrordesc_np(-r));
            return false;
        }
        if (r < 0)
            return false;
    }
}

int server_run(Server *server)
{
    int code = 0;
    while (run_inner(server)) {
        int32_t wait = server->sent ? 0 : TURN_MAX;
        server->sent = false;
        if (h2o_evloop_run(server->context.loop, wait) != 0 && errno != EINTR)
            return outage(-errno);
        connections_rearm(server->connections);
    }
    int r = sd_event_get_exit_code(loop_event(server->loop), &code);
    return r < 0 ? r : code;
}

/* --- setting up --- */

static void add_port(Server *server, ServerPort kind, const char *name)
{
    Port *port = &server->ports[kind];
    port->server = server;
    h2o_hostconf_t *host = h2o_config_register_host(&server->config, h2o_iovec_init(name, strlen(name)), 65535);
    h2o_pathconf_t *path = h2o_config_register_path(host, "/", 0);
    Handler *handler = (Handler *)h2o_create_handler(path, sizeof(Handler));
    handler->super.on_req = on_request;
    handler->server = server;
    handler->port = kind;
    port->hosts[0] = host;
}

static gid_t group_of(const char *name)
{
    char text[4096];
    struct group group, *found = NULL;
    if (getgrnam_r(name, &group, text, sizeof(text), &found) != 0 || !found)
        return (gid_t)-1;
    return found->gr_gid;
}

int server_new(Loop *loop, const ServerSettings *settings, const ServerOps *ops, void *userdata, Server **ret)
{
    static const char *const names[_SERVER_PORT_MAX] = {"http", "management", "local"};
    Server *server = xnew(Server);
    server->loop = loop;
    server->ops = ops;
    server->userdata = userdata;
    static const ConnectionsOps connections_ops = {.room = resume_listeners, .read_head = read_head, .head = on_head};
    int r = connections_new(loop, settings->connections_max, settings->timeout_usec, &connections_ops, server,
                            &server->connections);
    if (r < 0) {
        free(server);
        return trace(r);
    }
    server->group = group_of("kestra");
    server->roles_group = group_of("kestra-roles");
    h2o_config_init(&server->config);
    server->config.server_name = h2o_iovec_init(H2O_STRLIT("kestra"));
    server->config.max_request_entity_size = settings->body_bytes_max;
    server->config.http1.req_timeout = REQUEST_TIMEOUT;
    server->config.http1.upgrade_to_http2 = 0;
    for (int kind = 0; kind < _SERVER_PORT_MAX; kind++)
        add_port(server, (ServerPort)kind, names[kind]);
    h2o_context_init(&server->context, h2o_evloop_create(), &server->config);
    for (int kind = 0; kind < _SERVER_PORT_MAX; kind++)
        server->ports[kind].accept = (h2o_accept_ctx_t){.ctx = &server->context, .hosts = server->ports[kind].hosts};
    int fd = fcntl(sd_event_get_fd(loop_event(loop)), F_DUPFD_CLOEXEC, 3);
    if (fd < 0) {
        r = outage(-errno);
        server_free(server);
        return r;
    }
    server->inner = h2o_evloop_socket_create(server->context.loop, fd, H2O_SOCKET_FLAG_DONT_READ);
    h2o_socket_read_start(server->inner, on_inner);
    *ret = server;
    return 0;
}

void server_stop_listening(Server *server)
{
    for (unsigned i = 0; i < server->listener_count; i++)
        h2o_socket_close(server->listeners[i]);
    server->listener_count = 0;
}

void server_set_body_max(Server *server, size_t bytes)
{
    server->config.max_request_entity_size = bytes;
}

Server *server_free(Server *server)
{
    if (!server)
        return NULL;
    /* Connections that are still open end with the process: h2o 2.2 cannot dispose of a context under them. */
    server_stop_listening(server);
    connections_free(server->connections);
    free(server);
    return NULL;
}

int server_listen(Server *server, int fd, ServerPort port)
{
    int flags = fcntl(fd, F_GETFL);
    if (server->listener_count == LISTENERS_MAX || flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return outage(-errno);
    h2o_socket_t *socket = h2o_evloop_socket_create(server->context.loop, fd, H2O_SOCKET_FLAG_DONT_READ);
    socket->data = &server->ports[port];
    server->listeners[server->listener_count++] = socket;
    h2o_socket_read_start(socket, on_accept);
    return 0;
}

unsigned server_connections(const Server *server)
{
    return connections_count(server->connections);
}

unsigned server_open_exchanges(const Server *server)
{
    return server->exchanges;
}

bool server_is_loopback(int fd)
{
    struct sockaddr_storage address = {};
    socklen_t length = sizeof(address);
    if (getsockname(fd, (struct sockaddr *)&address, &length) < 0)
        return false;
    if (address.ss_family == AF_INET)
        return ntohl(((struct sockaddr_in *)&address)->sin_addr.s_addr) >> 24 == 127;
    if (address.ss_family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(&((struct sockaddr_in6 *)&address)->sin6_addr);
    return address.ss_family == AF_UNIX;
}

static int listen_at(const struct addrinfo *where, int *ret_fd)
{
    int on = 1;
    _cleanup_(close_fdp) int fd = socket(where->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
        bind(fd, where->ai_addr, where->ai_addrlen) < 0 || listen(fd, 1024) < 0)
        return -errno;
    *ret_fd = TAKE_FD(fd);
    return 0;
}

int server_bind(const char *address, int *ret_fd, bool *ret_loopback)
{
    const char *colon = strrchr(address, ':');
    if (!colon)
        return outage(-EINVAL);
    bool bracket = address[0] == '[' && colon > address && colon[-1] == ']';
    _cleanup_free_ char *host =
        bracket ? xstrndup(address + 1, (size_t)(colon - address) - 2) : xstrndup(address, (size_t)(colon - address));
    struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM}, *found = NULL;
    if (getaddrinfo(*host && !streq(host, "*") ? host : NULL, colon + 1, &hints, &found) != 0)
        return outage(-EADDRNOTAVAIL);
    int r = listen_at(found, ret_fd);
    freeaddrinfo(found);
    if (r < 0)
        return outage(r);
    *ret_loopback = server_is_loopback(*ret_fd);
    return 0;
}
