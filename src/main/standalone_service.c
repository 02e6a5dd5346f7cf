/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One supervised process. It gets its sockets, a notification socket and a watchdog as from systemd. When it dies, the
 * rest of its process tree is killed (a new worker must not meet the tasks of the old one) and it is started again
 * after a pause that doubles from failure to failure; a minute of life makes the failures forgotten.
 */
#include <fcntl.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/private_env.h"
#include "main/standalone.h"

#define WATCHDOG       (30 * USEC_PER_SEC)
#define BACKOFF_FIRST  (100 * USEC_PER_MSEC)
#define BACKOFF_MAX    (10 * USEC_PER_SEC)
#define FORGIVEN_AFTER (60 * USEC_PER_SEC)
#define EXTENSION_MAX  (300 * USEC_PER_SEC)

Service *service_new(Standalone *standalone, const char *instance, const char *program)
{
    Service *service = xnew(Service);
    service->standalone = standalone;
    service->instance = xstrdup(instance);
    vec_push(&service->arguments, xstrdup(program));
    service->stop_signal = SIGTERM;
    service->death_signal = SIGKILL;
    service->stop_timeout = 30 * USEC_PER_SEC;
    return service;
}

Service *service_free(Service *service)
{
    if (!service)
        return NULL;
    loop_source_free(service->exit);
    loop_source_free(service->timer);
    spawn_free(service->child);
    for (unsigned i = 0; i < service->fd_count; i++)
        close_fd(service->fds[i]);
    for (size_t i = 0; i < service->arguments.count; i++)
        free(service->arguments.items[i]);
    vec_free(&service->arguments);
    free(service->instance);
    free(service);
    return NULL;
}

static bool is_kept_from(const Service *service, const char *entry)
{
    static const char *const names[] = {
        "NOTIFY_SOCKET=", "WATCHDOG_USEC=", "WATCHDOG_PID=", "JOURNAL_STREAM=", "PGUSER="};
    for (size_t i = 0; i < ELEMENTS(names); i++)
        if (starts_with(entry, names[i]))
            return true;
    /* secrets are for who runs tasks */
    return private_env_is(entry) && !(service->role && streq(service->role, "worker"));
}

static const char **make_environment(const Service *service, Arena *arena)
{
    size_t count = 0, used = 0;
    while (environ[count])
        count++;
    const char **environment = arena_new_n(arena, const char *, count + 4);
    for (size_t i = 0; i < count; i++)
        if (!is_kept_from(service, environ[i]))
            environment[used++] = environ[i];
    if (service->role)
        environment[used++] = arena_printf(arena, "PGUSER=kestra-%s", service->role);
    if (service->notifies) {
        environment[used++] = arena_printf(arena, "NOTIFY_SOCKET=%s", service->standalone->notify_path);
        environment[used++] = arena_printf(arena, "WATCHDOG_USEC=%" PRIu64, WATCHDOG);
    }
    return environment;
}

static int open_log(const Service *service)
{
    _cleanup_free_ char *path = xasprintf("%s/log/%s.log", service->standalone->data, service->instance);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0640);
    return fd < 0 ? outage(-errno) : fd;
}

static void write_pid(const Service *service)
{
    char name[64], text[16];
    (void)snprintf(name, sizeof(name), "run/%s.pid", service->instance);
    (void)snprintf(text, sizeof(text), "%d\n", (int)spawn_pid(service->child));
    if (standalone_write_file(service->standalone, name, text, 0644) < 0)
        log_warning("%s cannot be written: %m", name);
}

static int spawn(Service *service, const char *const *environment, int log)
{
    SpawnOptions options = {
        .arguments = (const char *const *)service->arguments.items,
        .environment = environment,
        .input = SPAWN_NULL,
        .output = log,
        .error = service->talks ? STDERR_FILENO : log,
        .listen_fds = service->fds,
        .listen_names = service->fd_names,
        .listen_count = service->fd_count,
        .death_signal = service->death_signal,
        .change_user = service->change_user,
        .user = service->standalone->database_user,
        .group = service->standalone->database_group,
    };
    int r = spawn_start(service->standalone->spawner, &options, &service->child);
    if (r > 0)
        log_error("%s cannot be started: %m", options.arguments[0]);
    return fold(r);
}

static int on_exit_of(void *userdata, const siginfo_t *info);
static int on_timer(void *userdata);

int service_start(Service *service)
{
    _cleanup_(arena_freep) Arena *arena = arena_new();
    if (service->arguments.items[service->arguments.count - 1])
        vec_push(&service->arguments, NULL);
    _cleanup_(close_fdp) int log = open_log(service);
    int r = log < 0 ? log : 0;
    if (r >= 0 && !service->timer)
        r = loop_add_timer(service->standalone->loop, on_timer, service, &service->timer);
    if (r >= 0)
        r = spawn(service, make_environment(service, arena), log);
    if (r >= 0)
        r = loop_add_child(service->standalone->loop, spawn_pid(service->child), on_exit_of, service, &service->exit);
    if (r < 0)
        return trace(r);
    service->started = clock_monotonic();
    service->fed = 0;
    service->state = service->notifies ? SERVICE_STARTING : SERVICE_READY;
    write_pid(service);
    return 0;
}

static void start_again(Service *service)
{
    usec_t pause = BACKOFF_FIRST << MIN(service->failures, 10U);
    service->failures++;
    service->state = SERVICE_WAITING;
    loop_timer_in(service->timer, MIN(pause, BACKOFF_MAX));
}

static void describe_end(const Service *service, const siginfo_t *info)
{
    if (info->si_code == CLD_EXITED)
        log_warning("%s ended with status %d", service->instance, info->si_status);
    else
        log_warning("%s was ended by signal %d", service->instance, info->si_status);
}

static int on_exit_of(void *userdata, const siginfo_t *info)
{
    Service *service = userdata;
    service->exit = loop_source_free(service->exit);
    spawn_was_reaped(service->child);
    spawn_kill_tree(service->child, 0);
    service->child = spawn_free(service->child);
    loop_timer_set(service->timer, USEC_INFINITY);
    if (service->state == SERVICE_STOPPING) {
        service->state = SERVICE_STOPPED;
        standalone_on_stopped(service);
        return 0;
    }
    describe_end(service, info);
    bool never_ready = service->state == SERVICE_STARTING && service->failures >= 5 && !service->standalone->ready;
    bool wrong_settings = info->si_code == CLD_EXITED && info->si_status == EX_CONFIG;
    if (wrong_settings || never_ready) {
        service->state = SERVICE_STOPPED;
        standalone_fail(service->standalone, wrong_settings ? EX_CONFIG : EXIT_FAILURE);
        return 0;
    }
    if (clock_monotonic() - service->started >= FORGIVEN_AFTER)
        service->failures = 0;
    start_again(service);
    return 0;
}

static int on_timer(void *userdata)
{
    Service *service = userdata;
    if (service->state == SERVICE_STOPPING) {
        log_warning("%s did not stop in time and is killed", service->instance);
        service_kill(service);
    } else if (service->state == SERVICE_WAITING && service_start(service) < 0)
        start_again(service);
    return 0;
}

void service_stop(Service *service)
{
    if (!service->child) {
        service->state = SERVICE_STOPPED;
        if (service->timer)
            loop_timer_set(service->timer, USEC_INFINITY);
        standalone_on_stopped(service);
        return;
    }
    service->state = SERVICE_STOPPING;
    (void)kill(spawn_pid(service->child), service->stop_signal); /* it is not reaped yet, so it is the right one */
    loop_timer_in(service->timer, service->stop_timeout);
}

void service_kill(Service *service)
{
    if (service->child)
        (void)spawn_signal_tree(service->child, SIGKILL); /* its end is reported by the loop */
}

static Service *find_service(const Standalone *standalone, pid_t pid)
{
    for (size_t i = 0; i < standalone->roles.count; i++) {
        Service *service = standalone->roles.items[i];
        if (service->child && spawn_pid(service->child) == pid)
            return service;
    }
    return NULL;
}

/* "EXTEND_TIMEOUT_USEC=30000000": while stopping, the patience begins anew. */
static void extend(Service *service, const char *digits)
{
    usec_t usec = 0;
    for (; *digits >= '0' && *digits <= '9' && usec < EXTENSION_MAX; digits++)
        usec = usec * 10 + (usec_t)(*digits - '0');
    if (service->state == SERVICE_STOPPING)
        loop_timer_in(service->timer, MAX(MIN(usec, EXTENSION_MAX), service->stop_timeout));
}

static void on_line(Service *service, const char *line)
{
    if (streq(line, "READY=1")) {
        if (service->state != SERVICE_STARTING)
            return;
        service->state = SERVICE_READY;
        service->ready_after = clock_monotonic() - service->started;
        standalone_on_ready(service);
    } else if (streq(line, "WATCHDOG=1"))
        service->fed = clock_monotonic();
    else if (starts_with(line, "EXTEND_TIMEOUT_USEC="))
        extend(service, line + strlen("EXTEND_TIMEOUT_USEC="));
    else if (starts_with(line, "STATUS="))
        log_debug("%s: %s", service->instance, line + strlen("STATUS="));
}

int service_on_notify(void *userdata, uint32_t events)
{
    Standalone *standalone = userdata;
    char text[4096];
    union {
        char bytes[CMSG_SPACE(sizeof(struct ucred))];
        struct cmsghdr align;
    } control;
    struct iovec part = {.iov_base = text, .iov_len = sizeof(text) - 1};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
    ssize_t n = recvmsg(standalone->notify, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    struct cmsghdr *header = n > 0 ? CMSG_FIRSTHDR(&message) : NULL;
    if (!header || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_CREDENTIALS)
        return 0;
    struct ucred sender;
    memcpy(&sender, CMSG_DATA(header), sizeof(sender));
    Service *service = find_service(standalone, sender.pid); /* the main process only, as NotifyAccess=main */
    text[n] = 0;
    for (char *line = text; service && line;) {
        char *end = strchr(line, '\n');
        if (end)
            *end = 0;
        on_line(service, line);
        line = end ? end + 1 : NULL;
    }
    return 0;
}

int service_on_watchdog(void *userdata)
{
    Standalone *standalone = userdata;
    usec_t now = clock_monotonic();
    for (size_t i = 0; i < standalone->roles.count; i++) {
        Service *service = standalone->roles.items[i];
        if (service->state != SERVICE_READY || !service->child || now - MAX(service->fed, service->started) < WATCHDOG)
            continue;
        log_error("%s makes no progress and is ended", service->instance);
        (void)kill(spawn_pid(service->child), SIGABRT); /* it is not reaped yet, so it is the right one */
    }
    loop_timer_in(standalone->watchdog, WATCHDOG / 3);
    return 0;
}
