/* SPDX-License-Identifier: Apache-2.0 */
/*
 * h2o 2.2 holds the whole body of a request before anybody of ours is asked, and has one timeout for reading and none
 * for writing. So each socket's read callback is ours, which looks at the head as soon as it is there, and hands on to
 * h2o's. A head with a long body stops there until the role has said whether the body is let in; nothing of it is read
 * meanwhile. h2o sets its own callback again for each request; connections_rearm() puts ours in front once the request
 * before has gone, before the next turn of the loop, so that no further byte is read without us.
 *
 * A timer looks at all connections once a second: a head has the time of the setting, a body and an answer go on at
 * RATE_MIN at least, what is idle is ended. A connection is ended by shutting the socket down: h2o sees the end and
 * frees what is its.
 */
#include "web/connection.h"

#include <linux/tcp.h> /* knows more of a connection than netinet/tcp.h */
#include <netinet/in.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#define TICK          USEC_PER_SEC
#define IDLE_MAX      (60 * USEC_PER_SEC)
#define YOUNG         USEC_PER_SEC       /* has its chance to ask, however many want in */
#define REFUSE_FOR    (2 * USEC_PER_SEC) /* that the client can read why */
#define RATE_MIN      1024               /* bytes a second */
#define HEAD_MAX      ((size_t)64 * 1024)
#define BODY_SMALL    ((size_t)16 * 1024) /* let in unasked */
#define LENGTH_DIGITS 18
#define FILES_KEPT    256 /* descriptors that are no connections */
#define FILES_EACH    2   /* a connection and the file of its answer */

typedef enum Stage {
    STAGE_HEAD,    /* nothing, or not yet the whole head */
    STAGE_ASKED,   /* nothing is read until the role has answered */
    STAGE_BODY,    /* admitted */
    STAGE_HANDLER, /* the request is complete */
    STAGE_REFUSED, /* what still comes is thrown away */
} Stage;

struct Connection {
    Connections *all;
    Connection *next, *previous; /* of all */
    Connection *next_rearmed;
    h2o_socket_t *socket; /* NULL: closed while the role was asked */
    h2o_socket_cb forward;
    ServerPort port;
    Stage stage;
    bool is_rearmed;
    usec_t since;    /* when the stage began, or the first byte of a head came */
    size_t scanned;  /* bytes of the head that hold no end of it */
    size_t body_max; /* admitted */
    size_t charged;  /* of Connections.charged */
    usec_t window;   /* 0: nothing moves; since when the rate is measured */
    uint64_t mark;   /* bytes then */
};

struct Connections {
    Loop *loop;
    const ConnectionsOps *ops;
    void *userdata;
    LoopSource *timer;
    Connection *first, *last; /* the oldest first */
    Connection *rearmed;
    unsigned count, max;
    usec_t timeout;
    size_t charged; /* bodies let in without login */
    bool full;
};

static void discharge(Connection *connection)
{
    connection->all->charged -= connection->charged;
    connection->charged = 0;
}

static void set_stage(Connection *connection, Stage stage)
{
    connection->stage = stage;
    connection->since = clock_monotonic();
    connection->window = 0;
}

static void end(Connection *connection)
{
    /* it fails when the client was faster */
    (void)shutdown(h2o_socket_get_fd(connection->socket), SHUT_RDWR);
}

Connection *connection_of(h2o_socket_t *socket)
{
    return socket->on_close.data;
}

h2o_socket_t *connection_socket(const Connection *connection)
{
    return connection->socket;
}

ServerPort connection_port(const Connection *connection)
{
    return connection->port;
}

/* --- heads --- */

/* Length of the head with its empty line, or 0. Lines may end without a carriage return, as h2o takes them. */
static size_t head_length(Connection *connection, const char *text, size_t length)
{
    size_t i = connection->scanned > 3 ? connection->scanned - 3 : 0;
    for (const char *c; i < length && (c = memchr(text + i, '\n', length - i)); i = (size_t)(c - text) + 1) {
        size_t at = (size_t)(c - text) + 1;
        at += at < length && text[at] == '\r';
        if (at < length && text[at] == '\n' && c > text + 1)
            return at + 1;
    }
    connection->scanned = length;
    return 0;
}

/* Cuts the next line off, without its end. */
static char *next_line(char **at)
{
    char *line = *at, *end = strchr(line, '\n');
    if (!end)
        return NULL;
    *at = end + 1;
    if (end > line && end[-1] == '\r')
        end--;
    *end = '\0';
    return line;
}

/* "123"; false: it is no length. */
static bool read_length(const char *text, size_t *ret)
{
    size_t length = 0, digits = strspn(text, "0123456789");
    if (digits == 0 || digits > LENGTH_DIGITS || text[digits])
        return false;
    for (size_t i = 0; i < digits; i++)
        length = length * 10 + (size_t)(text[i] - '0');
    *ret = length;
    return true;
}

/* What the head says of a body: 0 none, SIZE_MAX unknown. False: it cannot be trusted, as where it says two things, of
 * which a proxy may believe the other (RFC 9112 6.3). */
static bool body_length(const HttpRequest *request, size_t *ret)
{
    bool is_chunked = false, has_length = false;
    *ret = 0;
    for (size_t i = 0; i < request->headers.count; i++) {
        const HttpField *field = &request->headers.items[i];
        size_t length;
        if (strcasecmp(field->name, "Transfer-Encoding") == 0) {
            is_chunked = true;
        } else if (strcasecmp(field->name, "Content-Length") == 0) {
            if (!read_length(field->value, &length) || (has_length && length != *ret))
                return false;
            has_length = true;
            *ret = length;
        }
    }
    if (is_chunked && has_length)
        return false;
    *ret = is_chunked ? SIZE_MAX : *ret;
    return true;
}

static bool read_fields(char *at, HttpRequest *request)
{
    for (char *line; (line = next_line(&at)) && *line;) {
        char *colon = strchr(line, ':');
        if (!colon || colon == line || strcspn(line, " \t") < (size_t)(colon - line))
            return false;
        char *value = colon + 1 + strspn(colon + 1, " \t");
        size_t length = strlen(value);
        while (length > 0 && strchr(" \t", value[length - 1]))
            length--;
        http_request_header(request, line, (size_t)(colon - line), value, length);
    }
    return true;
}

/* NULL: refused as broken. */
static HttpRequest *parse_head(Connection *connection, const char *text, size_t length)
{
    const Connections *all = connection->all;
    _cleanup_free_ char *copy = xstrndup(text, length);
    if (strlen(copy) != length)
        return NULL;
    char *at = copy, *line = next_line(&at);
    if (line && !*line) /* an empty line before is allowed */
        line = next_line(&at);
    char *target = line ? strchr(line, ' ') : NULL, *version = target ? strchr(target + 1, ' ') : NULL;
    if (!version)
        return NULL;
    *target++ = *version = '\0';
    HttpRequest *request = all->ops->read_head(all->userdata, connection, line, target);
    return request && !read_fields(at, request) ? http_request_free(request) : request;
}

/* --- admission --- */

static void on_read(h2o_socket_t *socket, const char *error);

static void forward(Connection *connection, const char *error)
{
    connection->forward(connection->socket, error);
}

void connection_admit(Connection *connection, size_t body_max)
{
    if (!connection->socket) {
        free(connection);
        return;
    }
    set_stage(connection, STAGE_BODY);
    connection->body_max = body_max;
    h2o_socket_read_start(connection->socket, on_read);
    forward(connection, NULL);
}

bool connection_charge(Connection *connection, size_t bytes, size_t all_max)
{
    Connections *all = connection->all;
    if (all->charged + bytes > all_max)
        return false;
    discharge(connection);
    connection->charged = bytes;
    all->charged += bytes;
    return true;
}

/* Past h2o, which waits for the body: a short text fits into the socket. */
void connection_refuse(Connection *connection, HttpResponse *response)
{
    if (!connection->socket) {
        http_response_done(response);
        free(connection);
        return;
    }
    _cleanup_buffer_ Buffer text = {};
    buffer_printf(&text, "HTTP/1.1 %d %s\r\nConnection: close\r\nContent-Length: %zu\r\n", response->status,
                  http_status_text(response->status), response->body.length);
    if (response->content_type)
        buffer_printf(&text, "Content-Type: %s\r\n", response->content_type);
    for (size_t i = 0; i < response->headers.count; i++)
        buffer_printf(&text, "%s: %s\r\n", response->headers.items[i].name, response->headers.items[i].value);
    buffer_append(&text, "\r\n");
    buffer_append_n(&text, buffer_text(&response->body), response->body.length);
    http_response_done(response);
    int fd = h2o_socket_get_fd(connection->socket);
    /* what cannot be told is not told: the connection ends */
    (void)send(fd, text.text, text.length, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)shutdown(fd, SHUT_WR);
    set_stage(connection, STAGE_REFUSED);
    h2o_socket_read_start(connection->socket, on_read);
}

static void refuse_with(Connection *connection, int status)
{
    HttpResponse response = {.status = status};
    connection_refuse(connection, &response);
}

/* In STAGE_HEAD. */
static void look_at_head(Connection *connection)
{
    const Connections *all = connection->all;
    const h2o_buffer_t *input = connection->socket->input;
    size_t length = head_length(connection, input->bytes, input->size), body = 0;
    if (length == 0 ? input->size > HEAD_MAX : length > HEAD_MAX) {
        refuse_with(connection, 431);
        return;
    }
    HttpRequest *request = length > 0 ? parse_head(connection, input->bytes, length) : NULL;
    if (length > 0 && (!request || !body_length(request, &body))) {
        http_request_free(request);
        refuse_with(connection, 400);
        return;
    }
    if (length == 0 || body <= BODY_SMALL) {
        http_request_free(request);
        if (length > 0)
            set_stage(connection, STAGE_BODY);
        connection->body_max = BODY_SMALL;
        forward(connection, NULL);
        return;
    }
    request->body_length = body;
    set_stage(connection, STAGE_ASKED);
    h2o_socket_read_stop(connection->socket);
    all->ops->head(all->userdata, connection, request);
}

static void on_read(h2o_socket_t *socket, const char *error)
{
    Connection *connection = connection_of(socket);
    if (error) {
        forward(connection, error);
    } else if (connection->stage == STAGE_REFUSED) {
        h2o_buffer_consume(&socket->input, socket->input->size);
    } else if (connection->stage == STAGE_BODY) {
        /* of a body without a length; others are known beforehand */
        if (socket->input->size > HEAD_MAX + connection->body_max)
            refuse_with(connection, 413);
        else
            forward(connection, NULL);
    } else {
        if (connection->scanned == 0)
            connection->since = clock_monotonic();
        look_at_head(connection);
    }
}

/* --- life --- */

static void on_close(void *data)
{
    Connection *connection = data;
    Connections *all = connection->all;
    discharge(connection);
    *(connection->previous ? &connection->previous->next : &all->first) = connection->next;
    *(connection->next ? &connection->next->previous : &all->last) = connection->previous;
    for (Connection **at = &all->rearmed; *at; at = &(*at)->next_rearmed)
        if (*at == connection) {
            *at = connection->next_rearmed;
            break;
        }
    all->count--;
    connection->socket = NULL;
    if (connection->stage != STAGE_ASKED)
        free(connection);
    if (all->full) {
        all->full = false;
        all->ops->room(all->userdata);
    }
}

Connection *connection_new(Connections *all, h2o_socket_t *socket, ServerPort port)
{
    Connection *connection = xnew(Connection);
    *connection = (Connection){.all = all, .socket = socket, .port = port, .previous = all->last};
    set_stage(connection, STAGE_HEAD);
    *(all->last ? &all->last->next : &all->first) = connection;
    all->last = connection;
    all->count++;
    socket->on_close.cb = on_close;
    socket->on_close.data = connection;
    return connection;
}

void connection_watch(Connection *connection)
{
    h2o_socket_t *socket = connection->socket;
    if (!h2o_socket_is_reading(socket) || socket->_cb.read == on_read)
        return;
    connection->forward = socket->_cb.read;
    socket->_cb.read = on_read;
}

static void on_request_gone(void *data)
{
    Connection *connection = *(Connection **)data;
    if (connection->is_rearmed)
        return;
    connection->is_rearmed = true;
    connection->next_rearmed = connection->all->rearmed;
    connection->all->rearmed = connection;
}

void connection_begin(Connection *connection, h2o_req_t *req)
{
    Connection **guard = h2o_mem_alloc_shared(&req->pool, sizeof(Connection *), on_request_gone);
    *guard = connection;
    set_stage(connection, STAGE_HANDLER);
}

void connections_rearm(Connections *all)
{
    while (all->rearmed) {
        Connection *connection = all->rearmed;
        all->rearmed = connection->next_rearmed;
        connection->is_rearmed = false;
        if (!h2o_socket_is_reading(connection->socket))
            continue; /* the next request was there already, and is complete */
        discharge(connection);
        set_stage(connection, STAGE_HEAD);
        connection->scanned = 0;
        connection_watch(connection);
        if (connection->socket->input->size > 0)
            look_at_head(connection);
    }
}

/* --- time --- */

static uint64_t bytes_taken(const Connection *connection)
{
    struct tcp_info info = {};
    socklen_t length = sizeof(info);
    if (getsockopt(h2o_socket_get_fd(connection->socket), IPPROTO_TCP, TCP_INFO, &info, &length) == 0)
        return info.tcpi_bytes_acked;
    return connection->socket->bytes_written;
}

/* Whether `bytes` has grown too little for one time limit. */
static bool is_too_slow(Connection *connection, usec_t now, uint64_t bytes)
{
    usec_t timeout = connection->all->timeout;
    if (connection->window == 0) {
        connection->window = now;
        connection->mark = bytes;
    }
    if (now - connection->window < timeout)
        return false;
    bool slow = bytes - connection->mark < timeout / USEC_PER_SEC * RATE_MIN;
    connection->window = 0;
    return slow;
}

static bool is_over(Connection *connection, usec_t now)
{
    h2o_socket_t *socket = connection->socket;
    usec_t stage_usec = now - connection->since;
    if (h2o_socket_is_writing(socket))
        return is_too_slow(connection, now, bytes_taken(connection));
    switch (connection->stage) {
    case STAGE_HEAD:
        return stage_usec > (socket->input->size > 0 ? connection->all->timeout : (usec_t)IDLE_MAX);
    case STAGE_BODY:
        return is_too_slow(connection, now, socket->input->size);
    case STAGE_REFUSED:
        return stage_usec > REFUSE_FOR;
    case STAGE_ASKED:
    case STAGE_HANDLER:
        break; /* it is ours that takes its time */
    }
    connection->window = 0;
    return false;
}

static int on_tick(void *userdata)
{
    Connections *all = userdata;
    usec_t now = clock_monotonic();
    for (Connection *connection = all->first; connection; connection = connection->next) {
        if (connection->stage == STAGE_BODY)
            connection_watch(connection); /* h2o has set its own after "100 Continue" */
        if (is_over(connection, now))
            end(connection);
    }
    if (all->full) { /* descriptors may be free again without a connection having ended */
        all->full = false;
        all->ops->room(all->userdata);
    }
    loop_timer_in(all->timer, TICK);
    return 0;
}

bool connections_have_room(Connections *all)
{
    if (all->count < all->max)
        return true;
    Connection *oldest = NULL;
    usec_t now = clock_monotonic();
    all->full = true;
    for (Connection *connection = all->first; connection; connection = connection->next)
        if (connection->stage == STAGE_HEAD && now - connection->since > YOUNG &&
            !h2o_socket_is_writing(connection->socket) && (!oldest || connection->since < oldest->since))
            oldest = connection;
    if (oldest)
        end(oldest);
    return false;
}

void connections_are_full(Connections *all)
{
    all->full = true;
}

unsigned connections_count(const Connections *all)
{
    return all->count;
}

/* Every descriptor that the limit of the process lets be; the rest is for files and sessions. */
static unsigned connections_of_files(unsigned wanted)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return wanted;
    rlim_t needed = FILES_KEPT + (rlim_t)wanted * FILES_EACH;
    if (limit.rlim_cur < needed && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = MIN(needed, limit.rlim_max);
        if (setrlimit(RLIMIT_NOFILE, &limit) < 0 || getrlimit(RLIMIT_NOFILE, &limit) < 0)
            log_warning("Limit of open files cannot be raised: %m");
    }
    rlim_t fit = limit.rlim_cur > 2 * FILES_KEPT ? (limit.rlim_cur - FILES_KEPT) / FILES_EACH : limit.rlim_cur / 4;
    return (unsigned)MIN((rlim_t)wanted, fit);
}

int connections_new(Loop *loop, unsigned connections_max, usec_t timeout_usec, const ConnectionsOps *ops,
                    void *userdata, Connections **ret)
{
    _cleanup_(connections_freep) Connections *all = xnew(Connections);
    *all = (Connections){.loop = loop, .ops = ops, .userdata = userdata, .timeout = timeout_usec};
    all->max = connections_of_files(connections_max);
    int r = loop_add_timer(loop, on_tick, all, &all->timer);
    if (r < 0)
        return trace(r);
    loop_timer_in(all->timer, TICK);
    *ret = TAKE_PTR(all);
    return 0;
}

Connections *connections_free(Connections *all)
{
    if (!all)
        return NULL;
    loop_source_free(all->timer);
    free(all);
    return NULL;
}
