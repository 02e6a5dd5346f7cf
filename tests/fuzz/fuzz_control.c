/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection to a role's own socket: the bytes that come over it before its end. Each is answered or closed, and none
 * stays.
 */
#include "fuzz.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/control.h"
#include "base/log.h"

enum { TURNS_MAX = 100 };

static void answer(void *userdata, ControlReply *reply)
{
    reply->status = 200;
    reply->type = "text/plain";
    buffer_append(&reply->body, "answer\n");
}

static int after(void *userdata, const char *body)
{
    fuzz_check(strlen(body) <= CONTROL_BODY_MAX);
    return 0;
}

static bool take(void *userdata, const char *body, int fd)
{
    if (*body != 't')
        return false;
    close_fd(fd);
    return true;
}

static const ControlRoute routes[] = {
    {.method = "GET", .path = "/status", .answer = answer},
    {.method = "POST", .path = "/bell", .after = after},
    {.method = "PUT", .path = "/take", .take = take},
    {},
};

/* All of the answers has come, and the end. */
static bool has_ended(int fd, Buffer *answers)
{
    char bytes[4096];
    ssize_t n;
    while ((n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0)
        buffer_append_n(answers, bytes, (size_t)n);
    return n == 0 || errno != EAGAIN;
}

static void converse(Loop *loop, int fd, const uint8_t *data, size_t size)
{
    _cleanup_buffer_ Buffer answers = {};
    size_t sent = 0;
    unsigned turns = 0;
    do {
        ssize_t n = sent < size ? send(fd, data + sent, size - sent, MSG_NOSIGNAL | MSG_DONTWAIT) : 0;
        sent = n < 0 && errno != EAGAIN ? size : sent + (size_t)MAX(n, (ssize_t)0);
        if (sent == size)
            (void)shutdown(fd, SHUT_WR); /* it may be closed already */
        fuzz_check(loop_turn(loop) == 0 && ++turns < TURNS_MAX);
    } while (!has_ended(fd, &answers));
    fuzz_check(!answers.length || starts_with(answers.text, "HTTP/1.1 "));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > FUZZ_INPUT_MAX)
        return 0;
    _cleanup_(loop_freep) Loop *loop = NULL;
    _cleanup_(control_freep) Control *control = NULL;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    socklen_t length = sizeof(address.sun_family); /* the kernel finds a name */
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    _cleanup_(close_fdp) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    fuzz_check(bind(listener, (struct sockaddr *)&address, length) == 0 && listen(listener, 1) == 0);
    length = sizeof(address);
    fuzz_check(getsockname(listener, (struct sockaddr *)&address, &length) == 0);
    fuzz_check(loop_new(&loop) == 0 && control_new(loop, listener, routes, NULL, &control) == 0);
    fuzz_check(connect(fd, (struct sockaddr *)&address, length) == 0);
    log_set_level(0);
    converse(loop, fd, data, size);
    return 0;
}
