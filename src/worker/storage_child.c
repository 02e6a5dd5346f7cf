/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Other roles ask for storage over the worker's socket. The worker does not touch it: it passes the connection on, with
 * the request that was read from it, to a kestra-run child that does nothing else (runner/storage_server.h) and answers
 * there. So nothing of a request stays here, and none can be waited for.
 *
 * The child is started by the first request. A reload does not end what it does: the old one answers what it has and
 * ends by itself when our end of its socket is closed, which the next program waits for.
 */
#include "worker/storage_child.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "blob/blob.h"
#include "doc/json.h"
#include "worker/environment.h"
#include "worker/worker_private.h"

enum { END_WAIT_MSEC = 2000, SENDS = 2 };

typedef struct StorageChild {
    Worker *worker;
    struct StorageChild *next;
    Spawned *spawned;
    LoopSource *ended;
    int fd; /* -1: it takes no more requests */
} StorageChild;

static void child_free(StorageChild *child)
{
    for (StorageChild **at = &child->worker->storage_children; *at; at = &(*at)->next)
        if (*at == child) {
            *at = child->next;
            break;
        }
    loop_source_free(child->ended);
    close_fd(child->fd);
    spawn_free(child->spawned);
    free(child);
}

static int on_ended(void *userdata, uint32_t events)
{
    StorageChild *child = userdata;
    siginfo_t info;
    if (!spawn_ended(child->spawned, &info))
        return 0;
    if (child->fd >= 0)
        log_error("The process that answers requests for storage ended unexpectedly, by %s %d",
                  info.si_code == CLD_EXITED ? "status" : "signal", info.si_status);
    child_free(child);
    return 0;
}

static StorageChild *child_add(Worker *worker, Spawned *spawned, int fd)
{
    StorageChild *child = xnew(StorageChild);
    child->worker = worker;
    child->spawned = spawned;
    child->fd = fd;
    child->next = worker->storage_children;
    worker->storage_children = child;
    return child;
}

static int watch(StorageChild *child)
{
    return loop_add_io(child->worker->loop, spawn_pidfd(child->spawned), EPOLLIN, on_ended, child, &child->ended);
}

/* One datagram: the request, and the connection unless it is -1. */
static bool send_datagram(int to, const char *text, int connection)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {.header = {.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))}};
    struct iovec part = {.iov_base = (char *)(uintptr_t)text, .iov_len = strlen(text)};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (connection >= 0) {
        memcpy(CMSG_DATA(&control.header), &connection, sizeof connection);
        message.msg_control = &control;
        message.msg_controllen = sizeof control;
    }
    return sendmsg(to, &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
}

static int spawn_child(Worker *worker, int their_fd, Spawned **ret)
{
    _cleanup_(environment_freep) char **environment = environment_of_runner();
    const SpawnOptions options = {
        .arguments = (const char *const[]){worker->settings.run_program, "storage", NULL},
        .environment = (const char *const *)environment,
        .input = SPAWN_NULL,
        .output = STDERR_FILENO,
        .error = STDERR_FILENO,
        .listen_fds = &their_fd,
        .listen_names = (const char *const[]){"worker"},
        .listen_count = 1,
        .death_signal = SIGKILL,
    };
    return spawn_start(worker->spawner, &options, ret);
}

static StorageChild *child_new(Worker *worker)
{
    int fds[2];
    Spawned *spawned;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
        return NULL;
    int r = spawn_child(worker, fds[1], &spawned);
    close_fd(fds[1]);
    if (r != 0) {
        close_fd(fds[0]);
        return NULL;
    }
    StorageChild *child = child_add(worker, spawned, fds[0]);
    _cleanup_json_ json_t *message = json_copy(worker->settings.storage);
    json_object_set_new(message, "secrets", environment_secrets());
    _cleanup_free_ char *settings = json_text(message);
    if (watch(child) == 0 && send_datagram(child->fd, settings, -1))
        return child;
    spawn_kill_tree(spawned, 0);
    child_free(child);
    return NULL;
}

static StorageChild *current(Worker *worker)
{
    for (StorageChild *child = worker->storage_children; child; child = child->next)
        if (child->fd >= 0)
            return child;
    return child_new(worker);
}

/* False: it has as much to do as it can hold, or there is none. */
static bool pass_on(Worker *worker, const char *request, int connection)
{
    for (unsigned i = 0; i < SENDS; i++) {
        StorageChild *child = worker->settings.storage ? current(worker) : NULL;
        if (!child)
            return false;
        if (send_datagram(child->fd, request, connection))
            return true;
        if (errno != EPIPE && errno != ECONNRESET)
            return false;
        child->fd = close_fd(child->fd); /* it has just ended; another one takes its place */
    }
    return false;
}

void worker_storage_request(Worker *worker, const char *request, int connection)
{
    static const char busy[] = "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    if (!pass_on(worker, request, connection))
        (void)send(connection, busy, sizeof busy - 1, MSG_NOSIGNAL | MSG_DONTWAIT); /* it closes either way */
    close_fd(connection);
}

void storage_children_save(Worker *worker, json_t *ret)
{
    for (StorageChild *child = worker->storage_children; child; child = child->next) {
        json_t *saved = json_object();
        handover_spawned(worker, saved, child->spawned);
        json_array_append_new(ret, saved);
    }
}

void storage_children_restore(Worker *worker, const json_t *saved)
{
    size_t i;
    const json_t *one;
    json_array_foreach (saved, i, one) {
        Spawned *spawned = handover_adopted(worker, one);
        if (spawned && watch(child_add(worker, spawned, -1)) != 0)
            child_free(worker->storage_children);
    }
}

void storage_children_free(Worker *worker)
{
    for (StorageChild *child = worker->storage_children; child; child = child->next)
        child->fd = close_fd(child->fd);
    while (worker->storage_children) {
        Spawned *spawned = worker->storage_children->spawned;
        struct pollfd poll_fd = {.fd = spawn_pidfd(spawned), .events = POLLIN};
        siginfo_t info;
        (void)poll(&poll_fd, 1, END_WAIT_MSEC); /* an answer is under way */
        if (!spawn_ended(spawned, &info))
            spawn_kill_tree(spawned, 0);
        child_free(worker->storage_children);
    }
}
