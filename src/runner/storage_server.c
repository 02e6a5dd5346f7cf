/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Storage for other roles. A request may wait for a store that does not answer, others must not wait for it, and a
 * stream of an object goes on after its answer: so each of a few threads takes the next request from the same socket.
 * They share the Blob, which is made for that, and nothing else. What is asked beyond them waits in the socket.
 */
#include "runner/storage_server.h"

#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/control.h"
#include "base/log.h"
#include "blob/storage.h"
#include "doc/json.h"
#include "plugin/secret_digest.h"
#include "runner/runner.h"

enum { THREADS = 16 };

typedef struct Server {
    int fd;
    const Blob *storage;
} Server;

/* 0 at the end. bytes: CONTROL_BODY_MAX + 1 of them; *ret_connection: or -1. */
static size_t receive(int fd, char *bytes, int *ret_connection)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec part = {.iov_base = bytes, .iov_len = CONTROL_BODY_MAX};
    ssize_t n;
    *ret_connection = -1;
    do {
        struct msghdr message = {
            .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
        n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
        struct cmsghdr *header = n > 0 ? CMSG_FIRSTHDR(&message) : NULL;
        if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS)
            memcpy(ret_connection, CMSG_DATA(header), sizeof *ret_connection);
    } while (n < 0 && errno == EINTR);
    n = MAX(n, (ssize_t)0);
    bytes[n] = '\0';
    return (size_t)n;
}

static void *serve(void *userdata)
{
    const Server *server = userdata;
    _cleanup_free_ char *request = xmalloc(CONTROL_BODY_MAX + 1);
    int connection;
    while (receive(server->fd, request, &connection) > 0) {
        _cleanup_free_ char *answer = connection >= 0 ? secret_digest_answer(request) : NULL;
        if (answer)
            blob_gateway_send(answer, connection);
        else if (connection >= 0)
            blob_gateway_serve(server->storage, request, connection);
    }
    return NULL;
}

static int open_storage(int fd, Blob **ret)
{
    _cleanup_free_ char *text = xmalloc(CONTROL_BODY_MAX + 1), *error = NULL;
    _cleanup_json_ json_t *settings = NULL;
    int connection;
    size_t length = receive(fd, text, &connection);
    close_fd(connection);
    if (length == 0 || json_parse(text, length, 0, &settings, NULL) != 0)
        return outage(-EPROTO);
    explicit_bzero(text, length);
    runner_take_secrets(json_object_get(settings, "secrets"));
    int r = storage_open(settings, ret, &error);
    if (r != 0)
        log_event(STORAGE_UNUSABLE, "Internal storage cannot be opened: %s", error);
    return fold(r);
}

int storage_server_run(int fd)
{
    _cleanup_(blob_freep) Blob *storage = NULL;
    pthread_t threads[THREADS];
    unsigned count = 0;
    int r = open_storage(fd, &storage);
    if (r < 0)
        return trace(r);
    Server server = {.fd = fd, .storage = storage};
    while (count + 1 < THREADS && pthread_create(&threads[count], NULL, serve, &server) == 0)
        count++;
    (void)serve(&server);
    while (count > 0)
        (void)pthread_join(threads[--count], NULL); /* fails for no thread that was started */
    return 0;
}
