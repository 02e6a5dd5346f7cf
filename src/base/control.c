/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection is one buffer of what was read and one of what could not be written yet. The answer is written before
 * the route's `after` runs: that order is what lets a bell leave out rings (see bell.h), so an answer that cannot be
 * written at once closes the connection instead of staying behind `after`, except for GET, which has no `after`.
 */
#include "base/control.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"

#define HEAD_MAX        ((size_t)8 * 1024)
#define CONNECTIONS_MAX 512
#define BACKLOG         256
#define ACCEPT_PAUSE    (100 * USEC_PER_MSEC)
#define REQUEST_TIME    (10 * USEC_PER_SEC)  /* for a request to come whole, and for an answer to go */
#define IDLE_TIME       (300 * USEC_PER_SEC) /* between two; a bell connects again when it rings */
#define PEER_MAX        64                   /* connections of one process */

typedef struct Connection Connection;
struct Connection {
    Control *control;
    Connection *next, *previous;
    int fd;
    LoopSource *io;
    Buffer input, output;
    size_t written;
    bool closing; /* after the output is gone */
    bool ended;   /* the peer writes no more */
    pid_t peer;
    uint64_t served; /* requests */
    usec_t deadline; /* monotonic: closed then */
    usec_t heard;    /* when the last request was whole, or it was accepted */
};

struct Control {
    Loop *loop;
    int fd;
    LoopSource *io, *pause, *sweep;
    usec_t sweep_at; /* monotonic; USEC_INFINITY: not at all */
    usec_t request_time, idle_time;
    const ControlRoute *routes;
    void *userdata;
    Connection *connections;
    unsigned count;
    bool freed; /* control_free was called inside a route */
    unsigned depth;
};

typedef struct Request {
    char method[8], path[128];
    size_t head_length, body_length;
    bool keep_alive;
    unsigned refused; /* status, or 0 */
} Request;

static const struct {
    unsigned status;
    const char *text;
} status_texts[] = {
    {200, "OK"},
    {204, "No Content"},
    {400, "Bad Request"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {413, "Content Too Large"},
    {431, "Request Header Fields Too Large"},
    {501, "Not Implemented"},
    {503, "Service Unavailable"},
};

static const char *status_text(unsigned status)
{
    for (size_t i = 0; i < ELEMENTS(status_texts); i++)
        if (status_texts[i].status == status)
            return status_texts[i].text;
    return "Unknown";
}

static void connection_free(Connection *connection)
{
    Control *control = connection->control;
    if (connection->previous)
        connection->previous->next = connection->next;
    else
        control->connections = connection->next;
    if (connection->next)
        connection->next->previous = connection->previous;
    control->count--;
    loop_source_free(connection->io);
    close_fd(connection->fd);
    buffer_done(&connection->input);
    buffer_done(&connection->output);
    free(connection);
}

/* false: the connection is broken. */
static bool flush(Connection *connection)
{
    Buffer *output = &connection->output;
    while (connection->written < output->length) {
        ssize_t n = send(connection->fd, output->text + connection->written, output->length - connection->written,
                         MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN)
            return true;
        if (n < 0)
            return false;
        connection->written += (size_t)n;
    }
    buffer_clear(output);
    connection->written = 0;
    return true;
}

static void write_reply(Connection *connection, const ControlReply *reply, const char *allow)
{
    Buffer *output = &connection->output;
    buffer_printf(output, "HTTP/1.1 %u %s\r\n", reply->status, status_text(reply->status));
    if (reply->type)
        buffer_printf(output, "Content-Type: %s\r\n", reply->type);
    if (allow)
        buffer_printf(output, "Allow: %s\r\n", allow);
    if (reply->status != 204)
        buffer_printf(output, "Content-Length: %zu\r\n", reply->body.length);
    if (connection->closing)
        buffer_append(output, "Connection: close\r\n");
    buffer_append(output, "\r\n");
    buffer_append_n(output, buffer_text(&reply->body), reply->body.length);
}

/* The value of a header in the head (which ends with an empty line), or NULL. Not terminated: ends at "\r". */
static const char *header(const char *head, const char *name)
{
    size_t length = strlen(name);
    for (const char *line = strstr(head, "\r\n"); line; line = strstr(line, "\r\n")) {
        line += 2;
        if (strncasecmp(line, name, length) == 0 && line[length] == ':')
            return line + length + 1 + strspn(line + length + 1, " \t");
    }
    return NULL;
}

static bool header_is(const char *head, const char *name, const char *value)
{
    const char *found = header(head, name);
    return found && strncasecmp(found, value, strlen(value)) == 0;
}

static bool take_word(const char **p, char *word, size_t size)
{
    size_t length = strcspn(*p, " \r\n");
    if (length == 0 || length >= size || (*p)[length] != ' ')
        return false;
    memcpy(word, *p, length);
    word[length] = 0;
    *p += length + 1;
    return true;
}

static unsigned body_length(const char *head, size_t *ret_length)
{
    if (header(head, "Transfer-Encoding"))
        return 501;
    const char *value = header(head, "Content-Length");
    *ret_length = 0;
    for (; value && *value >= '0' && *value <= '9'; value++) {
        *ret_length = *ret_length * 10 + (size_t)(*value - '0');
        if (*ret_length > CONTROL_BODY_MAX)
            return 413;
    }
    return value && *value != '\r' && *value != ' ' ? 400 : 0;
}

/* false: more must be read. */
static bool parse_request(Buffer *input, Request *request)
{
    *request = (Request){};
    char *end = input->length ? strstr(input->text, "\r\n\r\n") : NULL;
    if (!end) {
        /* a NUL in the head would hide its end */
        if (input->length > HEAD_MAX || (input->length && strlen(input->text) < input->length))
            request->refused = input->length > HEAD_MAX ? 431 : 400;
        return request->refused != 0;
    }
    request->head_length = (size_t)(end - input->text) + 4;
    char saved = end[2];
    end[2] = 0;
    const char *p = input->text;
    if (!take_word(&p, request->method, sizeof(request->method)) ||
        !take_word(&p, request->path, sizeof(request->path)) || !starts_with(p, "HTTP/1."))
        request->refused = 400;
    else
        request->refused = body_length(input->text, &request->body_length);
    request->keep_alive =
        !request->refused && starts_with(p, "HTTP/1.1") && !header_is(input->text, "Connection", "close");
    end[2] = saved;
    request->path[strcspn(request->path, "?")] = 0;
    return request->refused || input->length >= request->head_length + request->body_length;
}

static const ControlRoute *find_route(const Control *control, const Request *request, unsigned *ret_status,
                                      const char **ret_allow)
{
    *ret_status = 404;
    for (const ControlRoute *route = control->routes; route->path; route++) {
        if (!streq(route->path, request->path))
            continue;
        if (streq(route->method, request->method))
            return route;
        *ret_status = 405;
        *ret_allow = route->method;
    }
    return NULL;
}

static void refuse(Connection *connection, unsigned status, const char *allow)
{
    ControlReply reply = {.status = status, .type = "text/plain"};
    buffer_printf(&reply.body, "%s\n", status_text(status));
    write_reply(connection, &reply, allow);
    buffer_done(&reply.body);
}

/* True: it is not ours any more. */
static bool give_away(Connection *connection, const ControlRoute *route, const char *body)
{
    loop_io_events(connection->io, 0);
    if (!route->take(connection->control->userdata, body, connection->fd))
        return false;
    connection->io = loop_source_free(connection->io);
    connection->fd = -1;
    return true;
}

/* Answers one complete request. false: the connection is broken or the server is gone. */
static bool serve(Connection *connection, const Request *request, int *ret)
{
    Control *control = connection->control;
    connection->closing = !request->keep_alive;
    unsigned status = request->refused;
    const char *allow = NULL;
    const ControlRoute *route = status ? NULL : find_route(control, request, &status, &allow);
    _cleanup_free_ char *body = NULL;
    if (route && route->take) {
        body = xstrndup(connection->input.text + request->head_length, request->body_length);
        if (give_away(connection, route, body))
            return false;
        route = NULL;
        status = 404;
    }
    if (!route)
        refuse(connection, status, allow);
    else {
        body = xstrndup(connection->input.text + request->head_length, request->body_length);
        ControlReply reply = {.status = 204};
        if (route->answer)
            route->answer(control->userdata, &reply);
        write_reply(connection, &reply, NULL);
        buffer_done(&reply.body);
    }
    bool alive = flush(connection);
    if (route && route->after) {
        alive = alive && connection->output.length == 0;
        *ret = route->after(control->userdata, body);
    }
    return alive && !control->freed;
}

static void consume(Connection *connection, const Request *request)
{
    Buffer *input = &connection->input;
    size_t used = MIN(request->head_length + request->body_length, input->length);
    memmove(input->text, input->text + used, input->length - used + 1);
    input->length -= used;
}

/* Reads what is there; false: the connection is broken. */
static bool fill(Connection *connection)
{
    char bytes[16 * 1024];
    for (;;) {
        ssize_t n = recv(connection->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
        if (n < 0)
            return errno == EAGAIN || errno == EINTR;
        if (n == 0) {
            connection->ended = true;
            return true;
        }
        buffer_append_n(&connection->input, bytes, (size_t)n);
        if (connection->input.length > HEAD_MAX + CONTROL_BODY_MAX)
            return true; /* what is there is answered first */
    }
}

static bool converse(Connection *connection, uint32_t events, int *ret)
{
    if (events & EPOLLOUT && !flush(connection))
        return false;
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR) && !connection->closing && !fill(connection))
        return false;
    Request request;
    while (!connection->closing && *ret >= 0 && parse_request(&connection->input, &request)) {
        connection->served++;
        if (!serve(connection, &request, ret))
            return false;
        consume(connection, &request);
    }
    connection->closing |= connection->ended;
    return connection->output.length > 0 || !connection->closing;
}

/* --- time and room --- */

static void sweep_by(Control *control, usec_t deadline)
{
    if (deadline >= control->sweep_at)
        return;
    control->sweep_at = deadline;
    loop_timer_set(control->sweep, deadline);
}

/* heard: a request has come whole. */
static void set_deadline(Connection *connection, bool heard)
{
    Control *control = connection->control;
    usec_t now = clock_monotonic();
    bool waits = connection->input.length > 0 || connection->output.length > 0;
    if (heard)
        connection->heard = now;
    if (!waits)
        connection->deadline = now + control->idle_time;
    else if (heard || connection->deadline > now + control->request_time)
        connection->deadline = now + control->request_time; /* from its first byte on, however slowly others follow */
    sweep_by(control, connection->deadline);
}

static int on_sweep(void *userdata)
{
    Control *control = userdata;
    usec_t now = clock_monotonic();
    control->sweep_at = USEC_INFINITY;
    for (Connection *connection = control->connections, *next; connection; connection = next) {
        next = connection->next;
        if (connection->deadline <= now)
            connection_free(connection);
        else
            sweep_by(control, connection->deadline);
    }
    return 0;
}

/* The one that was silent for the longest time: of that peer, or of all (0). */
static void close_longest_idle(Control *control, pid_t peer)
{
    Connection *found = NULL;
    for (Connection *connection = control->connections; connection; connection = connection->next)
        if ((!peer || connection->peer == peer) && (!found || connection->heard < found->heard))
            found = connection;
    if (found)
        connection_free(found);
}

/* Nobody is kept out by those who only hold a connection: the new one takes the place of the one that was idle longest,
 * of the same process when that has more than its share. */
static void make_room(Control *control, pid_t peer)
{
    unsigned same = 0;
    for (const Connection *connection = control->connections; connection; connection = connection->next)
        same += peer && connection->peer == peer;
    if (same >= PEER_MAX)
        close_longest_idle(control, peer);
    else if (control->count >= CONNECTIONS_MAX)
        close_longest_idle(control, 0);
}

static int on_connection(void *userdata, uint32_t events)
{
    Connection *connection = userdata;
    Control *control = connection->control;
    int r = 0;
    uint64_t served = connection->served;
    control->depth++;
    if (!converse(connection, events, &r))
        connection_free(connection);
    else {
        loop_io_events(connection->io, connection->closing         ? EPOLLOUT
                                       : connection->output.length ? EPOLLIN | EPOLLOUT
                                                                   : EPOLLIN);
        set_deadline(connection, connection->served != served);
    }
    control->depth--;
    if (control->freed && control->depth == 0)
        control_free(control);
    return r;
}

static int on_accept(void *userdata, uint32_t events)
{
    Control *control = userdata;
    int fd = accept4(control->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
        if (errno == EMFILE || errno == ENFILE) {
            /* the peer stays in the backlog: without a pause this would be a busy loop */
            loop_io_events(control->io, 0);
            loop_timer_in(control->pause, ACCEPT_PAUSE);
        }
        return 0;
    }
    struct ucred peer = {};
    socklen_t length = sizeof peer;
    (void)getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length); /* unknown ones are 0, and no peer of their own */
    make_room(control, peer.pid);
    Connection *connection = xnew(Connection);
    connection->peer = peer.pid;
    connection->control = control;
    connection->fd = fd;
    int r = loop_add_io(control->loop, fd, EPOLLIN, on_connection, connection, &connection->io);
    if (r < 0) {
        close_fd(fd);
        free(connection);
        return trace(r);
    }
    connection->heard = clock_monotonic();
    connection->deadline = connection->heard + control->request_time;
    sweep_by(control, connection->deadline);
    connection->next = control->connections;
    if (control->connections)
        control->connections->previous = connection;
    control->connections = connection;
    control->count++;
    return 0;
}

static int on_pause_over(void *userdata)
{
    Control *control = userdata;
    loop_io_events(control->io, EPOLLIN);
    return 0;
}

void control_set_times(Control *control, usec_t request_usec, usec_t idle_usec)
{
    control->request_time = request_usec;
    control->idle_time = idle_usec;
}

int control_new(Loop *loop, int listen_fd, const ControlRoute *routes, void *userdata, Control **ret)
{
    _cleanup_(control_freep) Control *control = xnew(Control);
    control->loop = loop;
    control->fd = listen_fd;
    control->routes = routes;
    control->userdata = userdata;
    control->sweep_at = USEC_INFINITY;
    control_set_times(control, REQUEST_TIME, IDLE_TIME);
    int flags = fcntl(listen_fd, F_GETFL);
    if (flags < 0 || fcntl(listen_fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return outage(-errno);
    int r = loop_add_io(loop, listen_fd, EPOLLIN, on_accept, control, &control->io);
    if (r >= 0)
        r = loop_add_timer(loop, on_pause_over, control, &control->pause);
    if (r >= 0)
        r = loop_add_timer(loop, on_sweep, control, &control->sweep);
    if (r < 0)
        return trace(r);
    *ret = TAKE_PTR(control);
    return 0;
}

Control *control_free(Control *control)
{
    if (!control)
        return NULL;
    if (control->depth > 0) {
        control->freed = true;
        return NULL;
    }
    while (control->connections)
        connection_free(control->connections);
    loop_source_free(control->io);
    loop_source_free(control->pause);
    loop_source_free(control->sweep);
    close_fd(control->fd);
    free(control);
    return NULL;
}

int control_release(Control *control)
{
    int fd = TAKE_FD(control->fd);
    control_free(control);
    return fd;
}

int control_listen(const char *path, int *ret_fd)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(address.sun_path))
        return outage(-ENAMETOOLONG);
    memcpy(address.sun_path, path, strlen(path) + 1);
    _cleanup_(close_fdp) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return outage(-errno);
    if (unlink(path) < 0 && errno != ENOENT)
        return outage(-errno);
    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || chmod(path, 0660) < 0 || listen(fd, BACKLOG) < 0)
        return outage(-errno);
    *ret_fd = TAKE_FD(fd);
    return 0;
}
