/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program of its own, with the worker's user and nothing else of it: no database, no tasks, no secrets. So a long
 * download costs the worker's loop nothing, a hole in TLS gives no task away, and a reload of the worker leaves
 * transfers alone.
 *
 * Threads, because the code of drivers and of TLS is blocking, and a connection has nothing to do with another: each of
 * them accepts, serves one request, and accepts again. There are some more than transfers at once, for those who have
 * not shown the token yet (gateway_door.h). The main thread is the daemon's loop.
 *
 * It refuses to run without a token, and beyond loopback without a certificate.
 */
#include "worker/gateway.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/daemon.h"
#include "base/log.h"
#include "blob/storage.h"
#include "plugin/secrets.h"
#include "worker/gateway_peer.h"

#define STACK_BYTES ((size_t)256 * 1024)
#define GUEST_USEC  (5 * USEC_PER_SEC)

typedef struct Gateway {
    const Conf *conf;
    Daemon *daemon;
    json_t *storage_settings;
    Blob *blob;
    PeerSettings peer;
    char *token;
    int listen_fd, stop_fd, ended_fd;
    LoopSource *ended, *turn;
    pthread_t *threads;
    size_t thread_count, running;
    uint64_t served;
} Gateway;

/* --- threads --- */

static void *serve_peers(void *userdata)
{
    Gateway *gateway = userdata;
    struct pollfd fds[] = {{.fd = gateway->listen_fd, .events = POLLIN}, {.fd = gateway->stop_fd, .events = POLLIN}};
    while (poll(fds, ELEMENTS(fds), -1) >= 0 || errno == EINTR) {
        if (fds[1].revents)
            break;
        int fd = accept4(gateway->listen_fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0)
            continue; /* another thread has it */
        if (!door_enter(gateway->peer.door, fd)) {
            close_fd(fd);
            continue;
        }
        peer_serve(&gateway->peer, gateway->blob, fd);
        __atomic_add_fetch(&gateway->served, 1, __ATOMIC_RELAXED);
    }
    const uint64_t one = 1;
    if (write(gateway->ended_fd, &one, sizeof one) < 0)
        log_error("Gateway thread cannot tell its end: %m");
    return NULL;
}

static int start_threads(Gateway *gateway)
{
    size_t transfers = (size_t)conf_integer(gateway->conf, "worker.gateway.connections");
    size_t count = transfers + DOOR_GUESTS;
    gateway->peer.door = door_new((unsigned)transfers);
    pthread_attr_t attributes;
    gateway->threads = xnew_n(pthread_t, count);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    int r = 0;
    for (; r == 0 && gateway->thread_count < count; gateway->thread_count += r == 0)
        r = pthread_create(&gateway->threads[gateway->thread_count], &attributes, serve_peers, gateway);
    pthread_attr_destroy(&attributes);
    gateway->running = gateway->thread_count;
    return r ? outage(-r) : 0;
}

static int on_ended(void *userdata, uint32_t events)
{
    Gateway *gateway = userdata;
    uint64_t count;
    if (read(gateway->ended_fd, &count, sizeof count) != sizeof count)
        return 0;
    gateway->running -= MIN((size_t)count, gateway->running);
    if (gateway->running == 0 && daemon_is_draining(gateway->daemon))
        daemon_drained(gateway->daemon);
    return 0;
}

/* --- the daemon's side --- */

static int on_drain(void *userdata)
{
    Gateway *gateway = userdata;
    const uint64_t one = 1;
    daemon_status(gateway->daemon, "Stopping, transfers are finished");
    if (write(gateway->stop_fd, &one, sizeof one) < 0) /* stays readable: it ends all threads */
        return outage(-errno);
    return 0;
}

static void on_hurry(void *userdata)
{
    daemon_drained(((Gateway *)userdata)->daemon);
}

static void on_metrics(void *userdata, Buffer *text)
{
    Gateway *gateway = userdata;
    buffer_printf(text, "# TYPE kestra_gateway_requests_total counter\nkestra_gateway_requests_total %" PRIu64 "\n",
                  __atomic_load_n(&gateway->served, __ATOMIC_RELAXED));
}

static const DaemonOps operations = {
    .role = "worker-gateway", .drain = on_drain, .hurry = on_hurry, .metrics = on_metrics};

static int on_turn(void *userdata)
{
    Gateway *gateway = userdata;
    daemon_progress(gateway->daemon);
    if (daemon_watchdog(gateway->daemon) != USEC_INFINITY)
        loop_timer_in(gateway->turn, daemon_watchdog(gateway->daemon) / 3);
    return 0;
}

/* --- what it stands on --- */

static bool is_loopback(int fd)
{
    struct sockaddr_storage address = {};
    socklen_t length = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &length) < 0)
        return false;
    if (address.ss_family == AF_INET)
        return ntohl(((struct sockaddr_in *)&address)->sin_addr.s_addr) >> 24 == 127;
    return address.ss_family == AF_UNIX ||
           (address.ss_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&((struct sockaddr_in6 *)&address)->sin6_addr));
}

static int bind_to(const char *address, int *ret_fd)
{
    const char *colon = strrchr(address, ':');
    if (!colon)
        return -EINVAL;
    bool bracket = *address == '[' && colon > address && colon[-1] == ']';
    _cleanup_free_ char *host =
        bracket ? xstrndup(address + 1, (size_t)(colon - address) - 2) : xstrndup(address, (size_t)(colon - address));
    struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM}, *found = NULL;
    int on = 1;
    if (getaddrinfo(*host && !streq(host, "*") ? host : NULL, colon + 1, &hints, &found) != 0)
        return -EADDRNOTAVAIL;
    _cleanup_(close_fdp) int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int r = 0;
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
        bind(fd, found->ai_addr, found->ai_addrlen) < 0 || listen(fd, SOMAXCONN) < 0)
        r = -errno;
    freeaddrinfo(found);
    if (r == 0)
        *ret_fd = TAKE_FD(fd);
    return r;
}

static int open_listener(Gateway *gateway)
{
    const char *address = conf_text(gateway->conf, "worker.gateway.listen");
    gateway->listen_fd = daemon_listen_fd(gateway->daemon, "storage");
    int r = gateway->listen_fd < 0 ? bind_to(address, &gateway->listen_fd) : 0;
    if (r == 0 && fcntl(gateway->listen_fd, F_SETFL, fcntl(gateway->listen_fd, F_GETFL) | O_NONBLOCK) < 0)
        r = -errno;
    if (r < 0) {
        errno = -r;
        log_error("Gateway cannot listen at %s: %m", address);
    }
    return r;
}

static int refuse(const char *why)
{
    log_error("Gateway does not start: %s", why);
    return -EINVAL;
}

static int open_tls(Gateway *gateway)
{
    const char *certificate = conf_text(gateway->conf, "worker.gateway.certificate");
    const char *key = conf_text(gateway->conf, "worker.gateway.key");
    const char *clients = conf_text(gateway->conf, "worker.gateway.client-authorities");
    if (!certificate || !*certificate)
        return is_loopback(gateway->listen_fd)
                   ? 0
                   : refuse("beyond loopback worker.gateway.certificate and .key are needed");
    SSL_CTX *tls = gateway->peer.tls = SSL_CTX_new(TLS_server_method());
    if (!tls || SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION) != 1)
        return outage(-ENOMEM);
    if (SSL_CTX_use_certificate_chain_file(tls, certificate) != 1)
        return refuse("worker.gateway.certificate is not a certificate that can be read");
    if (SSL_CTX_use_PrivateKey_file(tls, key ? key : "", SSL_FILETYPE_PEM) != 1 || SSL_CTX_check_private_key(tls) != 1)
        return refuse("worker.gateway.key is not the key of worker.gateway.certificate");
    if (!clients || !*clients)
        return 0;
    SSL_CTX_set_verify(tls, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    if (SSL_CTX_load_verify_locations(tls, clients, NULL) != 1)
        return refuse("worker.gateway.client-authorities cannot be read");
    return 0;
}

static int open_storage(Gateway *gateway)
{
    _cleanup_free_ char *error = NULL;
    gateway->storage_settings = storage_settings(gateway->conf);
    int r = storage_open(gateway->storage_settings, &gateway->blob, &error);
    if (r != 0)
        log_error("Internal storage cannot be opened: %s", error ? error : "");
    return r > 0 ? -EINVAL : r;
}

static int open_all(Gateway *gateway)
{
    gateway->token = secrets_credential("gateway-token", conf_text(gateway->conf, "worker.gateway.token"));
    if (!gateway->token)
        return refuse("worker.gateway.token, or the credential gateway-token, is missing");
    gateway->peer.token = gateway->token;
    gateway->peer.timeout_usec = conf_usec(gateway->conf, "worker.gateway.timeout");
    gateway->peer.guest_usec = MIN(GUEST_USEC, gateway->peer.timeout_usec);
    gateway->stop_fd = eventfd(0, EFD_CLOEXEC);
    gateway->ended_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (gateway->stop_fd < 0 || gateway->ended_fd < 0)
        return outage(-errno);
    int r = open_listener(gateway);
    if (r == 0)
        r = open_tls(gateway);
    return r == 0 ? open_storage(gateway) : r;
}

/* Threads that are still in a transfer end with the process. */
static void gateway_done(Gateway *gateway)
{
    loop_source_free(gateway->ended);
    loop_source_free(gateway->turn);
    if (gateway->running > 0)
        return;
    for (size_t i = 0; i < gateway->thread_count; i++)
        (void)pthread_join(gateway->threads[i], NULL); /* it has ended */
    free(gateway->threads);
    door_free(gateway->peer.door);
    blob_free(gateway->blob);
    json_decref(gateway->storage_settings);
    SSL_CTX_free(gateway->peer.tls);
    free(gateway->token);
    close_fd(gateway->listen_fd);
    close_fd(gateway->stop_fd);
    close_fd(gateway->ended_fd);
}

static int start(Gateway *gateway)
{
    Loop *loop = daemon_loop(gateway->daemon);
    int r = open_all(gateway);
    if (r == 0)
        r = loop_add_io(loop, gateway->ended_fd, EPOLLIN, on_ended, gateway, &gateway->ended);
    if (r == 0)
        r = loop_add_timer(loop, on_turn, gateway, &gateway->turn);
    if (r == 0)
        r = start_threads(gateway);
    return r == 0 ? on_turn(gateway) : r;
}

int gateway_run(const Conf *conf, const char *socket_path)
{
    Gateway gateway = {.conf = conf, .listen_fd = -1, .stop_fd = -1, .ended_fd = -1};
    _cleanup_(daemon_freep) Daemon *daemon = NULL;
    int r = daemon_new(&operations, &gateway, socket_path, &daemon);
    if (r < 0)
        return trace(r);
    gateway.daemon = daemon;
    r = start(&gateway);
    if (r == 0) {
        daemon_health(daemon, "storage", HEALTH_UP, "%s", "");
        daemon_status(daemon, "Serving internal storage%s", gateway.peer.tls ? " over TLS" : " on loopback");
        daemon_ready(daemon);
        r = daemon_run(daemon);
    }
    gateway_done(&gateway);
    return fold(r);
}
