/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The only user of sd_notify. Three rules hold it together:
 *
 * - The watchdog is fed from daemon_progress() and nowhere else, at most every quarter of its period, so that feeding
 * it costs no wake-up and a role that only spins starves it.
 * - While draining, the stop timeout is extended the same way: by progress. Trying to reach what is DOWN is none: a
 * role without its backend ends within the limit of its unit.
 * - The role's socket has a loop of its own inside the daemon's. A role that waits for its backend lets it turn
 * (daemon_serve), so that health tells of a backend that hangs. What a request would set off in the role is kept until
 * the daemon's loop turns again.
 * - STATUS= is one sentence composed of the role's own status and of the components that are down.
 */
#include "base/daemon.h"

#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/control.h"
#include "base/id.h"
#include "base/log.h"

#define COMPONENTS_MAX 16
#define EXTEND_BY      (30 * USEC_PER_SEC)
#define EXTEND_EVERY   (5 * USEC_PER_SEC)
#define RETRY_FIRST    (50 * USEC_PER_MSEC)
#define RETRY_LAST     (5 * USEC_PER_SEC)
#define DOUBLINGS_MAX  7

typedef struct Component {
    char *name, *text;
    Health health;
    unsigned failures; /* since it was UP */
    LogFault fault;
    bool said; /* the journal knows that it is DOWN */
} Component;

/* What a request sets off, kept while the role is in the middle of something. */
typedef struct Kept {
    int (*what)(void *daemon, const char *body);
    char *body;
    int connection; /* of a request for storage; else -1 */
} Kept;

typedef struct Passed {
    int fd;
    char *name;
} Passed;

struct Daemon {
    const DaemonOps *ops;
    void *userdata;
    Loop *loop, *served; /* served: of the role's own socket */
    LoopSource *serving, *keeping, *turning;
    bool busy; /* inside daemon_serve */
    VEC(Kept) kept;
    Control *control;
    sd_event_source *signals[3];
    char *socket_path;
    bool own_socket; /* bound by us: removed at the end */
    VEC(Passed) passed;
    Component components[COMPONENTS_MAX];
    unsigned component_count;
    char *status, *status_sent, *note;
    usec_t watchdog, fed, extended, started;
    bool ready, draining, drained;
};

static const int handled_signals[] = {SIGTERM, SIGINT, SIGHUP};

static void send_status(Daemon *daemon)
{
    _cleanup_buffer_ Buffer text = {};
    for (unsigned i = 0; i < daemon->component_count; i++) {
        const Component *component = &daemon->components[i];
        if (component->health == HEALTH_DOWN)
            buffer_printf(&text, "%sDOWN: %s: %s", text.length ? "; " : "", component->name, component->text);
    }
    if (daemon->status)
        buffer_printf(&text, "%s%s", text.length ? "; " : "", daemon->status);
    if (daemon->note)
        buffer_printf(&text, "%s%s", text.length ? "; " : "", daemon->note);
    for (char *c = text.text; c && *c; c++)
        if (*c == '\n')
            *c = ' '; /* a line break would end the STATUS= variable */
    if (streq_null(daemon->status_sent, buffer_text(&text)))
        return;
    free(daemon->status_sent);
    daemon->status_sent = buffer_take(&text);
    (void)sd_notifyf(false, "STATUS=%s", daemon->status_sent); /* nobody may be listening */
}

void daemon_status(Daemon *daemon, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    Arena *arena = arena_new();
    free(daemon->status);
    daemon->status = xstrdup(arena_vprintf(arena, format, arguments));
    arena_free(arena);
    va_end(arguments);
    send_status(daemon);
}

void daemon_note(Daemon *daemon, const char *note)
{
    free(daemon->note);
    daemon->note = xstrdup_null(note);
    send_status(daemon);
}

static Component *component_get(Daemon *daemon, const char *name)
{
    for (unsigned i = 0; i < daemon->component_count; i++)
        if (streq(daemon->components[i].name, name))
            return &daemon->components[i];
    if (daemon->component_count == COMPONENTS_MAX)
        return NULL;
    Component *component = &daemon->components[daemon->component_count++];
    component->name = xstrdup(name);
    component->health = HEALTH_UP;
    return component;
}

static void set_health(Daemon *daemon, Component *component, Health health, const char *text)
{
    if (health == HEALTH_DOWN && log_fault_is_due(&component->fault, clock_monotonic())) {
        log_event(COMPONENT_DOWN, "Component %s is down: %s", component->name, text);
        component->said = true;
    } else if (health == HEALTH_UP && component->said) {
        log_info("Component %s is up again", component->name);
        component->said = false;
    }
    if (health == HEALTH_UP)
        component->failures = 0;
    if (component->health == health && streq_null(component->text, text))
        return;
    component->health = health;
    free(component->text);
    component->text = xstrdup(text);
    send_status(daemon);
}

static void vset_health(Daemon *daemon, const char *name, Health health, const char *format, va_list arguments)
{
    Component *component = component_get(daemon, name);
    if (!component)
        return;
    Arena *arena = arena_new();
    set_health(daemon, component, health, arena_vprintf(arena, format, arguments));
    arena_free(arena);
}

void daemon_health(Daemon *daemon, const char *name, Health health, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vset_health(daemon, name, health, format, arguments);
    va_end(arguments);
}

usec_t daemon_outage(Daemon *daemon, const char *name, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vset_health(daemon, name, HEALTH_DOWN, format, arguments);
    va_end(arguments);
    Component *component = component_get(daemon, name);
    unsigned failures = component ? component->failures++ : DOUBLINGS_MAX;
    unsigned doublings = MIN(failures, (unsigned)DOUBLINGS_MAX);
    usec_t delay = MIN(RETRY_FIRST << doublings, RETRY_LAST);
    /* Up to a quarter of jitter, so that many processes do not come back in one wave. */
    return delay - delay / 4 + random_bits() % (delay / 4);
}

Health daemon_overall(const Daemon *daemon)
{
    for (unsigned i = 0; i < daemon->component_count; i++)
        if (daemon->components[i].health == HEALTH_DOWN)
            return HEALTH_DOWN;
    return HEALTH_UP;
}

static const char *health_word(Health health)
{
    return health == HEALTH_UP ? "UP" : "DOWN";
}

void daemon_health_json(const Daemon *daemon, Buffer *ret)
{
    buffer_printf(ret, "{\"status\":\"%s\",\"components\":{", health_word(daemon_overall(daemon)));
    for (unsigned i = 0; i < daemon->component_count; i++) {
        const Component *component = &daemon->components[i];
        if (i > 0)
            buffer_append_char(ret, ',');
        buffer_append_json(ret, component->name);
        buffer_printf(ret, ":{\"status\":\"%s\"", health_word(component->health));
        if (component->text && *component->text) {
            buffer_append(ret, ",\"description\":");
            buffer_append_json(ret, component->text);
        }
        buffer_append_char(ret, '}');
    }
    buffer_append(ret, "}}");
}

static uint64_t resident_bytes(void)
{
    _cleanup_(close_fdp) int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    char text[128] = "";
    ssize_t n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;
    const char *p = n > 0 ? strchr(text, ' ') : NULL;
    uint64_t pages = 0;
    for (p = p ? p + 1 : ""; *p >= '0' && *p <= '9'; p++)
        pages = pages * 10 + (uint64_t)(*p - '0');
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static uint64_t milliseconds_of(struct timeval time)
{
    return (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_usec / 1000;
}

void daemon_metrics_text(Daemon *daemon, Buffer *ret)
{
    const char *role = daemon->ops->role;
    buffer_printf(ret, "# TYPE up gauge\nup{role=\"%s\"} %d\n", role, daemon_overall(daemon) == HEALTH_UP);
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) == 0) {
        uint64_t cpu = milliseconds_of(usage.ru_utime) + milliseconds_of(usage.ru_stime);
        buffer_printf(ret, "# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total %" PRIu64 ".%03u\n",
                      cpu / 1000, (unsigned)(cpu % 1000));
    }
    buffer_printf(ret, "# TYPE process_resident_memory_bytes gauge\nprocess_resident_memory_bytes %" PRIu64 "\n",
                  resident_bytes());
    buffer_printf(ret, "# TYPE process_start_time_seconds gauge\nprocess_start_time_seconds %" PRIu64 ".%06u\n",
                  daemon->started / USEC_PER_SEC, (unsigned)(daemon->started % USEC_PER_SEC));
    if (daemon->ops->metrics)
        daemon->ops->metrics(daemon->userdata, ret);
}

static void answer_health(void *userdata, ControlReply *reply)
{
    const Daemon *daemon = userdata;
    reply->status = daemon_overall(daemon) == HEALTH_UP ? 200 : 503;
    reply->type = "application/json";
    daemon_health_json(daemon, &reply->body);
}

static void answer_metrics(void *userdata, ControlReply *reply)
{
    reply->status = 200;
    reply->type = "text/plain; version=0.0.4";
    daemon_metrics_text(userdata, &reply->body);
}

/* False: the role is in the middle of something, and it is kept. */
static bool may_act(Daemon *daemon, int (*what)(void *daemon, const char *body), const char *body, int connection)
{
    if (!daemon->busy)
        return true;
    for (size_t i = 0; i < daemon->kept.count; i++)
        if (connection < 0 && daemon->kept.items[i].what == what && streq(daemon->kept.items[i].body, body))
            return false;
    vec_push(&daemon->kept, (Kept){.what = what, .body = xstrdup(body), .connection = connection});
    loop_defer(daemon->keeping);
    return false;
}

static int after_wake(void *userdata, const char *body)
{
    Daemon *daemon = userdata;
    if (!may_act(daemon, after_wake, body, -1))
        return 0;
    return daemon->ops->wake ? daemon->ops->wake(daemon->userdata, body) : 0;
}

void daemon_wake(Daemon *daemon, const char *body)
{
    int r = after_wake(daemon, body);
    if (r < 0)
        loop_stop(daemon->loop, r);
}

static bool takes_storage(void *userdata, const char *body, int connection)
{
    Daemon *daemon = userdata;
    if (!daemon->ops->storage)
        return false;
    if (may_act(daemon, NULL, body, connection))
        daemon->ops->storage(daemon->userdata, body, connection);
    return true;
}

static int reload(Daemon *daemon)
{
    if (!daemon->ops->reload)
        return 0;
    (void)sd_notifyf(false, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64, clock_monotonic()); /* nobody may be listening */
    int r = daemon->ops->reload(daemon->userdata);
    if (r == DAEMON_RELOADS)
        return 0;
    daemon_reloaded(daemon);
    return r;
}

void daemon_reloaded(Daemon *daemon)
{
    if (daemon->ready)
        (void)sd_notify(false, "READY=1"); /* nobody may be listening */
}

static int after_reload(void *userdata, const char *body)
{
    return may_act(userdata, after_reload, body, -1) ? reload(userdata) : 0;
}

static int on_keeping(void *userdata)
{
    Daemon *daemon = userdata;
    int r = 0;
    while (daemon->kept.count && r >= 0) {
        Kept kept = daemon->kept.items[0];
        memmove(daemon->kept.items, daemon->kept.items + 1, --daemon->kept.count * sizeof(kept));
        if (kept.what)
            r = kept.what(daemon, kept.body);
        else
            daemon->ops->storage(daemon->userdata, kept.body, kept.connection);
        free(kept.body);
    }
    return r;
}

static int on_serving(void *userdata, uint32_t events)
{
    return loop_turn(((Daemon *)userdata)->served);
}

int daemon_serve_fd(const Daemon *daemon)
{
    return loop_fd(daemon->served);
}

void daemon_serve(Daemon *daemon)
{
    bool before = daemon->busy;
    daemon->busy = true;
    int r = loop_turn(daemon->served);
    daemon->busy = before;
    if (r < 0)
        loop_stop(daemon->loop, r);
    daemon_progress(daemon);
}

static int on_turning(void *userdata)
{
    Daemon *daemon = userdata;
    daemon_progress(daemon);
    loop_timer_in(daemon->turning, daemon->watchdog / 4);
    return 0;
}

int daemon_turning(Daemon *daemon)
{
    if (daemon->watchdog == USEC_INFINITY || daemon->turning)
        return 0;
    int r = loop_add_timer(daemon->loop, on_turning, daemon, &daemon->turning);
    return r < 0 ? trace(r) : on_turning(daemon);
}

static const ControlRoute routes[] = {
    {"GET", "/health", .answer = answer_health}, {"GET", "/metrics", .answer = answer_metrics},
    {"POST", "/wake", .after = after_wake},      {"POST", "/reload", .after = after_reload},
    {"POST", "/storage", .take = takes_storage}, {},
};

static void extend_timeout(Daemon *daemon, usec_t now)
{
    daemon->extended = now;
    (void)sd_notifyf(false, "EXTEND_TIMEOUT_USEC=%" PRIu64, EXTEND_BY); /* nobody may be listening */
}

static int start_drain(Daemon *daemon)
{
    daemon->draining = true;
    (void)sd_notify(false, "STOPPING=1"); /* nobody may be listening */
    extend_timeout(daemon, clock_monotonic());
    if (daemon->ops->drain)
        return daemon->ops->drain(daemon->userdata);
    daemon_drained(daemon);
    return 0;
}

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
    Daemon *daemon = userdata;
    int r = 0;
    if (info->ssi_signo == SIGHUP)
        r = daemon->draining ? 0 : reload(daemon);
    else if (!daemon->draining)
        r = start_drain(daemon);
    else if (daemon->ops->hurry)
        daemon->ops->hurry(daemon->userdata); /* the administrator does not want to wait */
    else if (info->ssi_signo == SIGINT)
        daemon_drained(daemon);
    if (r < 0)
        loop_stop(daemon->loop, r);
    return 0;
}

static int add_signals(Daemon *daemon)
{
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < ELEMENTS(handled_signals); i++)
        sigaddset(&set, handled_signals[i]);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return outage(-errno);
    for (size_t i = 0; i < ELEMENTS(handled_signals); i++) {
        int r =
            sd_event_add_signal(loop_event(daemon->loop), &daemon->signals[i], handled_signals[i], on_signal, daemon);
        if (r < 0)
            return outage(r);
    }
    return 0;
}

static int take_passed(Daemon *daemon)
{
    char **names = NULL;
    int count = sd_listen_fds_with_names(true, &names);
    if (count < 0)
        return outage(count);
    for (int i = 0; i < count; i++)
        vec_push(&daemon->passed, (Passed){.fd = SD_LISTEN_FDS_START + i, .name = names[i]});
    free(names); /* the texts have moved */
    return 0;
}

int daemon_listen_fd(Daemon *daemon, const char *name)
{
    for (size_t i = 0; i < daemon->passed.count; i++)
        if (daemon->passed.items[i].fd >= 0 && streq(daemon->passed.items[i].name, name))
            return TAKE_FD(daemon->passed.items[i].fd);
    return -1;
}

bool daemon_has_passed_sockets(const Daemon *daemon)
{
    return daemon->passed.count > 0;
}

/* They have kept the numbers under which they came. */
static int pass_descriptors(const Daemon *daemon, int flags)
{
    for (size_t i = 0; i < daemon->passed.count; i++)
        if (fcntl(SD_LISTEN_FDS_START + (int)i, F_SETFD, flags) < 0)
            return outage(-errno);
    return 0;
}

int daemon_pass_sockets(Daemon *daemon, bool pass)
{
    static const char *const variables[] = {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"};
    char pid[16], count[16];
    _cleanup_buffer_ Buffer names = {};
    for (size_t i = 0; i < daemon->passed.count; i++)
        buffer_printf(&names, "%s%s", i ? ":" : "", daemon->passed.items[i].name);
    (void)snprintf(pid, sizeof pid, "%d", (int)getpid());                     /* always fits */
    (void)snprintf(count, sizeof count, "%zu", daemon->passed.count % 10000); /* always fits */
    const char *const values[] = {pid, count, buffer_text(&names)};
    for (size_t i = 0; daemon->passed.count > 0 && i < ELEMENTS(variables); i++)
        if ((pass ? setenv(variables[i], values[i], 1) : unsetenv(variables[i])) < 0)
            return outage(-errno);
    return pass_descriptors(daemon, pass ? 0 : FD_CLOEXEC);
}

static char *path_of(int fd)
{
    struct sockaddr_un address = {};
    socklen_t length = sizeof(address) - 1;
    if (getsockname(fd, (struct sockaddr *)&address, &length) < 0 || address.sun_family != AF_UNIX)
        return xstrdup("");
    return xstrdup(address.sun_path);
}

static int open_control(Daemon *daemon, const char *socket_path)
{
    int fd = daemon_listen_fd(daemon, daemon->ops->role);
    if (fd >= 0)
        daemon->socket_path = path_of(fd);
    else if (socket_path) {
        int r = control_listen(socket_path, &fd);
        if (r < 0)
            return trace(r);
        daemon->socket_path = xstrdup(socket_path);
        daemon->own_socket = true;
    } else {
        daemon->socket_path = xstrdup("");
        return 0;
    }
    int r = control_new(daemon->served, fd, routes, daemon, &daemon->control);
    if (r < 0)
        close_fd(fd);
    return trace(r);
}

int daemon_take_socket(Daemon *daemon)
{
    return daemon->control ? control_release(TAKE_PTR(daemon->control)) : -1;
}

static int add_loops(Daemon *daemon)
{
    int r = loop_new(&daemon->loop);
    if (r >= 0)
        r = loop_new(&daemon->served);
    if (r >= 0)
        r = loop_add_io(daemon->loop, loop_fd(daemon->served), EPOLLIN, on_serving, daemon, &daemon->serving);
    if (r >= 0)
        r = loop_add_defer(daemon->loop, on_keeping, daemon, &daemon->keeping);
    return trace(r);
}

int daemon_new(const DaemonOps *ops, void *userdata, const char *socket_path, Daemon **ret)
{
    _cleanup_(daemon_freep) Daemon *daemon = xnew(Daemon);
    daemon->ops = ops;
    daemon->userdata = userdata;
    daemon->started = clock_realtime();
    if (sd_watchdog_enabled(false, &daemon->watchdog) <= 0)
        daemon->watchdog = USEC_INFINITY;
    int r = add_loops(daemon);
    if (r >= 0)
        r = add_signals(daemon);
    if (r >= 0)
        r = take_passed(daemon);
    if (r >= 0)
        r = open_control(daemon, socket_path);
    if (r < 0)
        return trace(r);
    *ret = TAKE_PTR(daemon);
    return 0;
}

Daemon *daemon_free(Daemon *daemon)
{
    if (!daemon)
        return NULL;
    control_free(daemon->control);
    if (daemon->own_socket)
        (void)unlink(daemon->socket_path); /* a stale one is removed at the next start */
    for (size_t i = 0; i < ELEMENTS(daemon->signals); i++)
        sd_event_source_disable_unref(daemon->signals[i]);
    for (size_t i = 0; i < daemon->kept.count; i++) {
        close_fd(daemon->kept.items[i].connection);
        free(daemon->kept.items[i].body);
    }
    vec_free(&daemon->kept);
    loop_free(daemon->loop);
    loop_free(daemon->served);
    for (size_t i = 0; i < daemon->passed.count; i++) {
        close_fd(daemon->passed.items[i].fd);
        free(daemon->passed.items[i].name);
    }
    vec_free(&daemon->passed);
    for (unsigned i = 0; i < daemon->component_count; i++) {
        free(daemon->components[i].name);
        free(daemon->components[i].text);
    }
    free(daemon->socket_path);
    free(daemon->status);
    free(daemon->status_sent);
    free(daemon->note);
    free(daemon);
    return NULL;
}

Loop *daemon_loop(Daemon *daemon)
{
    return daemon->loop;
}

const char *daemon_socket_path(const Daemon *daemon)
{
    return daemon->socket_path;
}

void daemon_ready(Daemon *daemon)
{
    if (daemon->ready)
        return;
    daemon->ready = true;
    (void)sd_notify(false, "READY=1"); /* nobody may be listening */
}

usec_t daemon_watchdog(const Daemon *daemon)
{
    return daemon->watchdog;
}

void daemon_progress(Daemon *daemon)
{
    usec_t now = clock_monotonic();
    if (daemon->watchdog != USEC_INFINITY && (daemon->fed == 0 || now - daemon->fed >= daemon->watchdog / 4)) {
        daemon->fed = now;
        (void)sd_notify(false, "WATCHDOG=1"); /* nobody may be listening */
    }
    if (daemon->draining && now - daemon->extended >= EXTEND_EVERY && daemon_overall(daemon) == HEALTH_UP)
        extend_timeout(daemon, now);
}

bool daemon_is_draining(const Daemon *daemon)
{
    return daemon->draining;
}

void daemon_drained(Daemon *daemon)
{
    daemon->drained = true;
    loop_stop(daemon->loop, 0);
}

int daemon_run(Daemon *daemon)
{
    return loop_run(daemon->loop);
}
