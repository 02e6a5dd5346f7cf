/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sequence: prepare DATA, start PostgreSQL, migrate, start the roles, wait until all are ready, tell. The first
 * three block, because nothing else can be done meanwhile; then the loop supervises. Stopping goes role by role in the
 * order of standalone_make_roles, then PostgreSQL. Should we be killed, the kernel ends our children
 * (PR_SET_PDEATHSIG).
 */
#include "main/standalone.h"

#include <getopt.h>
#include <locale.h>
#include <sys/prctl.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "doc/json.h"

#define INSTANCES_MAX 64

static const char help[] =
    "Usage: kestra-standalone --data DIR [OPTION…] [-- COMMAND…]\n\n"
    "Runs all roles of kestra on a private PostgreSQL in DIR until Ctrl-C. With COMMAND: until it ends; it sees "
    "KESTRA_URL,\n"
    "KESTRA_MANAGEMENT_URL, KESTRA_PG, KESTRA_PIDS and KESTRA_HOME, and its exit status is ours.\n\n"
    "  --data DIR              where everything lies; made when it is not there\n"
    "  --http ADDR:PORT        API and UI; default: server.listen of the settings; port 0: a free one\n"
    "  --management ADDR:PORT  health and metrics; default: server.management-listen\n"
    "  --config FILE           settings, copied to DIR/kestra.yaml\n"
    "  --flows DIR             directory of flow files; default: DIR/flows\n"
    "  --ui DIR                files of the web UI\n"
    "  --executors N           default 1\n"
    "  --workers N             default 1\n"
    "  --no-auth               ask for no password\n"
    "  --quiet                 warnings and errors only\n"
    "  --version\n"
    "  --help\n";

enum { DATA = 256, HTTP, MANAGEMENT, CONFIG, FLOWS, UI, EXECUTORS, WORKERS, NO_AUTH, QUIET, VERSION_, HELP };

static const struct option options[] = {
    {"data", required_argument, NULL, DATA},
    {"http", required_argument, NULL, HTTP},
    {"management", required_argument, NULL, MANAGEMENT},
    {"config", required_argument, NULL, CONFIG},
    {"flows", required_argument, NULL, FLOWS},
    {"ui", required_argument, NULL, UI},
    {"executors", required_argument, NULL, EXECUTORS},
    {"workers", required_argument, NULL, WORKERS},
    {"no-auth", no_argument, NULL, NO_AUTH},
    {"quiet", no_argument, NULL, QUIET},
    {"version", no_argument, NULL, VERSION_},
    {"help", no_argument, NULL, HELP},
    {},
};

static unsigned parse_count(const char *text)
{
    unsigned value = 0;
    for (; *text >= '0' && *text <= '9' && value <= INSTANCES_MAX; text++)
        value = value * 10 + (unsigned)(*text - '0');
    return *text || value > INSTANCES_MAX ? 0 : value;
}

/* A file or directory as it is seen from anywhere; what does not exist stays as it is. */
static char *absolute(const char *path)
{
    if (*path == '/')
        return xstrdup(path);
    _cleanup_free_ char *here = getcwd(NULL, 0);
    return xasprintf("%s/%s", here ? here : "", path);
}

/* -1: go on; otherwise the exit status. */
static int parse_arguments(int argc, char **argv, Standalone *s)
{
    *s = (Standalone){.executors = 1, .workers = 1, .lock = -1, .notify = -1};
    const char **texts[] = {&s->data, &s->http, &s->management, &s->config, &s->flows, &s->ui};
    bool is_path[] = {true, false, false, true, true, true};
    for (int c; (c = getopt_long(argc, argv, "+", options, NULL)) >= 0;) {
        if (c >= DATA && c <= UI)
            *texts[c - DATA] = is_path[c - DATA] ? absolute(optarg) : xstrdup(optarg);
        else if (c == EXECUTORS)
            s->executors = parse_count(optarg);
        else if (c == WORKERS)
            s->workers = parse_count(optarg);
        else if (c == NO_AUTH)
            s->no_auth = true;
        else if (c == QUIET)
            log_set_level(LOG_WARNING);
        else if (c == VERSION_)
            return puts("kestra-standalone " PACKAGE_VERSION) < 0;
        else if (c == HELP)
            return fputs(help, stdout) < 0;
        else
            return EX_USAGE;
    }
    s->command = optind < argc ? argv + optind : NULL;
    if (!s->data || !s->executors || !s->workers) {
        (void)fprintf(stderr, "kestra-standalone: %s; see --help\n",
                      s->data ? "a number of instances is wrong" : "--data is missing");
        return EX_USAGE;
    }
    return -1;
}

/* --- stopping --- */

static void begin_stop(Standalone *standalone)
{
    if (standalone->stopping)
        return;
    standalone->stopping = true;
    log_info("Stopping");
    if (standalone->command_child)
        (void)spawn_signal_tree(standalone->command_child, SIGTERM); /* its end is reported by the loop */
    if (standalone->roles.count)
        service_stop(standalone->roles.items[0]);
    else if (standalone->database)
        service_stop(standalone->database);
    else
        loop_stop(standalone->loop, 0);
}

void standalone_on_stopped(Service *service)
{
    Standalone *standalone = service->standalone;
    if (service == standalone->database) {
        loop_stop(standalone->loop, 0);
        return;
    }
    standalone->stopped++;
    service_stop(standalone->stopped < standalone->roles.count ? standalone->roles.items[standalone->stopped]
                                                               : standalone->database);
}

void standalone_fail(Standalone *standalone, int status)
{
    if (!standalone->status)
        standalone->status = status;
    log_error("Giving up; see %s/log", standalone->data);
    begin_stop(standalone);
}

static void kill_all(Standalone *standalone)
{
    for (size_t i = 0; i < standalone->roles.count; i++)
        service_kill(standalone->roles.items[i]);
    if (standalone->command_child)
        (void)spawn_signal_tree(standalone->command_child, SIGKILL); /* its end is reported by the loop */
}

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
    Standalone *standalone = userdata;
    if (info->ssi_signo == SIGHUP) {
        for (size_t i = 0; i < standalone->roles.count; i++)
            if (standalone->roles.items[i]->child)
                (void)kill(spawn_pid(standalone->roles.items[i]->child), SIGHUP); /* it is not reaped yet */
    } else if (standalone->stopping)
        kill_all(standalone); /* the administrator does not want to wait; PostgreSQL still stops in order */
    else {
        if (standalone->command && !standalone->status)
            standalone->status = 128 + (int)info->ssi_signo;
        begin_stop(standalone);
    }
    return 0;
}

/* --- the command --- */

static int on_command_exit(void *userdata, const siginfo_t *info)
{
    Standalone *standalone = userdata;
    standalone->command_exit = loop_source_free(standalone->command_exit);
    spawn_was_reaped(standalone->command_child);
    spawn_kill_tree(standalone->command_child, USEC_PER_SEC);
    standalone->command_child = spawn_free(standalone->command_child);
    if (!standalone->status)
        standalone->status = info->si_code == CLD_EXITED ? info->si_status : 128 + info->si_status;
    begin_stop(standalone);
    return 0;
}

static char *list_pids(const Standalone *standalone)
{
    Buffer text = {};
    for (size_t i = 0; i < standalone->roles.count; i++)
        if (standalone->roles.items[i]->child)
            buffer_printf(&text, "%s%d", text.length ? "," : "", (int)spawn_pid(standalone->roles.items[i]->child));
    return buffer_take(&text);
}

/* Ours and what the command is told; roles that are restarted later must not see it. */
static const char **command_environment(const Standalone *standalone, Arena *arena)
{
    _cleanup_free_ char *pids = list_pids(standalone);
    size_t count = 0;
    while (environ[count])
        count++;
    const char **environment = arena_new_n(arena, const char *, count + 6);
    memcpy(environment, environ, count * sizeof(*environment));
    environment[count++] = arena_printf(arena, "KESTRA_URL=%s", standalone->url);
    environment[count++] = arena_printf(arena, "KESTRA_MANAGEMENT_URL=%s", standalone->management_url);
    environment[count++] = arena_printf(arena, "KESTRA_PG=%s", standalone->dsn);
    environment[count++] = arena_printf(arena, "KESTRA_PIDS=%s", pids);
    environment[count++] = arena_printf(arena, "KESTRA_HOME=%s", standalone->data);
    return environment;
}

static int start_command(Standalone *standalone)
{
    _cleanup_(arena_freep) Arena *arena = arena_new();
    SpawnOptions command = {.arguments = (const char *const *)standalone->command,
                            .environment = command_environment(standalone, arena),
                            .input = STDIN_FILENO,
                            .output = STDOUT_FILENO,
                            .error = STDERR_FILENO,
                            .keep_session = true,
                            .death_signal = SIGKILL};
    int r = spawn_start(standalone->spawner, &command, &standalone->command_child);
    if (r != 0) {
        log_error("%s cannot be started: %m", command.arguments[0]);
        standalone->status = r == SPAWN_E_NOT_FOUND ? 127 : 126;
        begin_stop(standalone);
        return MIN(r, 0);
    }
    return loop_add_child(standalone->loop, spawn_pid(standalone->command_child), on_command_exit, standalone,
                          &standalone->command_exit);
}

/* --- starting --- */

void standalone_on_ready(Service *service)
{
    Standalone *standalone = service->standalone;
    log_debug("%s is ready after %u ms", service->instance, (unsigned)(service->ready_after / USEC_PER_MSEC));
    if (standalone->ready || standalone->stopping)
        return;
    for (size_t i = 0; i < standalone->roles.count; i++)
        if (standalone->roles.items[i]->state != SERVICE_READY)
            return;
    standalone->ready = true;
    _cleanup_buffer_ Buffer times = {};
    for (size_t i = 0; i < standalone->roles.count; i++)
        buffer_printf(&times, "%s%s %u ms", i ? ", " : "", standalone->roles.items[i]->instance,
                      (unsigned)(standalone->roles.items[i]->ready_after / USEC_PER_MSEC));
    log_info("Ready at %s after %u ms (%s)", standalone->url,
             (unsigned)((clock_monotonic() - standalone->begun) / USEC_PER_MSEC), buffer_text(&times));
    _cleanup_free_ char *ready =
        xasprintf("KESTRA_URL=%s\nKESTRA_MANAGEMENT_URL=%s\nKESTRA_PG=%s\nKESTRA_HOME=%s\n", standalone->url,
                  standalone->management_url, standalone->dsn, standalone->data);
    int r = standalone_write_file(standalone, "run/ready", ready, 0644);
    if (r >= 0 && standalone->command)
        r = start_command(standalone);
    if (r < 0)
        standalone_fail(standalone, EXIT_FAILURE);
}

static int watch_signals(Standalone *standalone)
{
    static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < ELEMENTS(numbers); i++)
        sigaddset(&set, numbers[i]);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return outage(-errno);
    for (size_t i = 0; i < ELEMENTS(numbers); i++) {
        /* a shell starts us in the background with SIGINT ignored, and what is ignored never arrives */
        struct sigaction by_default = {.sa_handler = SIG_DFL};
        if (sigaction(numbers[i], &by_default, NULL) < 0)
            return outage(-errno);
        int r = sd_event_add_signal(loop_event(standalone->loop), NULL, numbers[i], on_signal, standalone);
        if (r < 0)
            return outage(r);
    }
    return 0;
}

static int start(Standalone *standalone)
{
    int r = loop_new(&standalone->loop);
    if (r >= 0)
        r = watch_signals(standalone);
    if (r >= 0)
        r = spawner_new("", &standalone->spawner);
    if (r >= 0)
        r = standalone_prepare(standalone);
    if (r == -EINVAL)
        standalone->status = EX_CONFIG;
    if (r >= 0)
        r = standalone_start_database(standalone);
    if (r >= 0)
        r = standalone_migrate(standalone);
    if (r >= 0)
        r = standalone_make_roles(standalone);
    for (size_t i = 0; r >= 0 && i < standalone->roles.count; i++)
        r = service_start(standalone->roles.items[i]);
    if (r >= 0)
        r = loop_add_timer(standalone->loop, service_on_watchdog, standalone, &standalone->watchdog);
    return r < 0 ? trace(r) : service_on_watchdog(standalone);
}

static void clean(Standalone *standalone)
{
    static const char *const names[] = {"ready", "notify", "postgresql.pid"};
    for (size_t i = 0; standalone->lock >= 0 && i < ELEMENTS(names); i++) {
        _cleanup_free_ char *path = xasprintf("%s/run/%s", standalone->data, names[i]);
        (void)unlink(path); /* made anew at the next start in any case */
    }
    for (size_t i = 0; i < standalone->roles.count; i++) {
        Service *service = standalone->roles.items[i];
        _cleanup_free_ char *socket = xasprintf("%s/run/%s.sock", standalone->data, service->instance);
        _cleanup_free_ char *pid = xasprintf("%s/run/%s.pid", standalone->data, service->instance);
        (void)unlink(socket); /* as above */
        (void)unlink(pid);    /* as above */
        service_free(service);
    }
    vec_free(&standalone->roles);
    service_free(standalone->database);
    spawn_free(standalone->command_child);
    spawner_free(standalone->spawner);
    loop_free(standalone->loop);
    close_fd(standalone->notify);
    close_fd(standalone->lock);
}

int main(int argc, char **argv)
{
    static Standalone standalone;
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    log_open("standalone", LOG_INFO);
    int status = parse_arguments(argc, argv, &standalone);
    if (status >= 0)
        return status;
    if (sigaction(SIGPIPE, &ignore, NULL) < 0)
        return EXIT_FAILURE;
    (void)prctl(PR_SET_DUMPABLE, 0);        /* as every role: we have the secrets that the worker gets */
    (void)setlocale(LC_ALL, "C");           /* always exists */
    (void)setenv("PGUSER", "kestra", true); /* kestra-migrate and COMMAND are the owner; fails without memory only */
    mem_use_for_jansson(json_set_alloc_funcs);
    standalone.begun = clock_monotonic();
    int r = start(&standalone);
    if (r < 0) {
        errno = -r;
        log_error("Start failed: %m");
        if (!standalone.status)
            standalone.status = EXIT_FAILURE;
        if (standalone.loop)
            begin_stop(&standalone);
    }
    if (standalone.loop && loop_run(standalone.loop) < 0 && !standalone.status)
        standalone.status = EXIT_FAILURE;
    clean(&standalone);
    return standalone.status;
}
