/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection to the webserver: the bytes that come over it before its end. The server runs in a thread of its own, as
 * h2o cannot be freed. What our look at a head says of the body is what h2o then gives: no long body comes unasked, and
 * no other than was let in.
 */
#include "fuzz.h"

#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "web/server.h"

enum { BODY_UNASKED = 16 * 1024, BODY_MAX = 32 * 1024, ANSWER_SECONDS = 30 };

/* Of the one connection there is; its end orders the threads. */
static struct {
    unsigned requests;
    bool asked;
    size_t length; /* asked for */
} talk;

static struct sockaddr_un address;
static socklen_t address_length;

static void head(void *userdata, Connection *connection, HttpRequest *request)
{
    talk.asked = true;
    talk.length = request->body_length;
    HttpResponse response = {};
    bool fits = request->body_length == SIZE_MAX || request->body_length <= BODY_MAX;
    if (fits) {
        connection_admit(connection, BODY_MAX);
    } else {
        http_reason(request, &response, 413, "The body is too long");
        connection_refuse(connection, &response);
    }
    http_request_free(request);
}

static void check_request(const HttpRequest *request)
{
    fuzz_check(request->local && strlen(request->path) <= strlen(request->target));
    for (size_t i = 0; i < request->headers.count; i++)
        fuzz_check(*request->headers.items[i].name && !strpbrk(request->headers.items[i].value, "\r\n"));
    if (talk.requests++ > 0)
        return; /* it came with the one before */
    fuzz_check(talk.asked || request->body_length <= BODY_UNASKED);
    fuzz_check(!talk.asked || talk.length == SIZE_MAX || talk.length == request->body_length);
}

static void take_request(void *userdata, Exchange *exchange)
{
    const HttpRequest *request = exchange_request(exchange);
    HttpResponse response = {};
    check_request(request);
    if (starts_with(request->path, "/follow")) {
        exchange_begin_stream(exchange);
        exchange_send(exchange, "data: 1\n\n", 9, false);
        exchange_send(exchange, "data: 2\n\n", 9, true);
        return;
    }
    http_text(&response, 200, "text/plain", request->path);
    http_attachment(request, &response, request->path);
    exchange_answer(exchange, &response);
}

static void gone(void *userdata, Exchange *exchange)
{
    exchange_drop(exchange);
}

static void *serve(void *userdata)
{
    fuzz_check(server_run(userdata) == 0);
    return NULL;
}

static void start(void)
{
    static const ServerSettings settings = {
        .body_bytes_max = BODY_MAX, .connections_max = 64, .timeout_usec = USEC_PER_SEC};
    static const ServerOps ops = {.head = head, .request = take_request, .gone = gone};
    static Loop *loop;
    static Server *server;
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    pthread_t thread;
    fuzz_check(sigaction(SIGPIPE, &ignore, NULL) == 0); /* as the roles do */
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    address.sun_family = AF_UNIX;
    address_length = sizeof(address);
    fuzz_check(bind(listener, (struct sockaddr *)&address, sizeof(address.sun_family)) ==
               0); /* the kernel finds a name */
    fuzz_check(listen(listener, 64) == 0 && getsockname(listener, (struct sockaddr *)&address, &address_length) == 0);
    fuzz_check(loop_new(&loop) == 0 && server_new(loop, &settings, &ops, NULL, &server) == 0);
    fuzz_check(server_listen(server, listener, SERVER_PORT_LOCAL) == 0);
    fuzz_check(pthread_create(&thread, NULL, serve, server) == 0);
    log_set_level(0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct timeval patience = {.tv_sec = ANSWER_SECONDS};
    static bool started;
    if (!started)
        start();
    started = true;
    if (size > FUZZ_INPUT_MAX)
        return 0;
    char answer[4096], first[9] = "";
    ssize_t n;
    _cleanup_(close_fdp) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    talk.requests = 0;
    talk.asked = false;
    fuzz_check(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) == 0);
    fuzz_check(connect(fd, (struct sockaddr *)&address, address_length) == 0);
    (void)send(fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT); /* what is refused is not read to its end */
    (void)shutdown(fd, SHUT_WR);
    for (bool begun = false; (n = recv(fd, answer, sizeof(answer), 0)) > 0; begun = true)
        if (!begun)
            memcpy(first, answer, MIN((size_t)n, sizeof(first) - 1));
    fuzz_check(n == 0 || errno != EAGAIN); /* it was left hanging */
    fuzz_check(starts_with("HTTP/1.1", first) || starts_with(first, "HTTP/1."));
    return 0;
}
