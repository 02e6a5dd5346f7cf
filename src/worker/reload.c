/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trying runs beside the loop, with a limit: a program that hangs must not cost the lease. Only then does the worker
 * stop claiming and commit; from there to the new program's first heartbeat it is a matter of milliseconds. Without its
 * database a worker waits with the exec until what its tasks have said is committed; they run meanwhile.
 *
 * No thread may start children here: their death signal is bound to the thread, and exec ends all but one.
 */
#include "worker/reload.h"

#include <unistd.h>

#include "base/clock.h"
#include "base/handover.h"
#include "base/log.h"
#include "doc/json.h"
#include "worker/worker_private.h"

#define TRY_USEC (30 * USEC_PER_SEC)
enum { REASON_BYTES_MAX = 4096 };

struct Reload {
    Worker *worker;
    Daemon *daemon;
    char *program; /* where we lay when we were started */
    bool running, again;
    Spawned *check; /* or NULL */
    int output;     /* of it */
    LoopSource *ended, *limit;
};

/* --- the end --- */

static void refuse(Reload *reload, const char *reason)
{
    _cleanup_free_ char *note = xasprintf("reload refused: %s", reason);
    log_error("Worker goes on as it was, the reload was refused: %s", reason);
    reload->running = false;
    daemon_note(reload->daemon, note);
    daemon_reloaded(reload->daemon);
}

static void on_committed(void *userdata)
{
    Reload *reload = userdata;
    WorkerDescriptors kept = {};
    _cleanup_json_ json_t *saved = worker_save(reload->worker, &kept);
    char *text = json_text(saved);
    log_info("Worker hands %zu tasks over to %s", worker_job_count(reload->worker), reload->program);
    int r = daemon_pass_sockets(reload->daemon, true);
    if (r == 0)
        r = handover_exec(reload->program, text, strlen(text), kept.items, kept.count);
    explicit_bzero(text, strlen(text));
    free(text);
    vec_free(&kept);
    int again = daemon_pass_sockets(reload->daemon, false);
    worker_hand_over(reload->worker, NULL, NULL);
    errno = r < 0 ? -r : again < 0 ? -again : EIO;
    _cleanup_free_ char *reason = xasprintf("%s cannot be started: %m", reload->program);
    refuse(reload, reason);
}

/* --- the trial --- */

static void end_check(Reload *reload)
{
    reload->ended = loop_source_free(reload->ended);
    reload->check = spawn_free(reload->check);
    reload->output = close_fd(reload->output);
    loop_timer_set(reload->limit, USEC_INFINITY);
}

/* What it wrote, in one line. */
static char *read_reason(const Reload *reload, const siginfo_t *info)
{
    char text[REASON_BYTES_MAX];
    ssize_t n = read(reload->output, text, sizeof text - 1);
    text[MAX(n, (ssize_t)0)] = '\0';
    for (char *c = text; *c; c++)
        if (*c == '\n')
            *c = c[1] ? ';' : '\0';
    if (*text)
        return xstrdup(text);
    return xasprintf(info->si_code == CLD_EXITED ? "%s --check ended with status %d"
                                                 : "%s --check was ended by signal %d",
                     reload->program, info->si_status);
}

static int try_program(Reload *reload);

static int on_check_ended(void *userdata, uint32_t events)
{
    Reload *reload = userdata;
    siginfo_t info = {};
    if (!spawn_ended(reload->check, &info))
        return 0;
    bool good = info.si_code == CLD_EXITED && info.si_status == 0;
    _cleanup_free_ char *reason = good ? NULL : read_reason(reload, &info);
    end_check(reload);
    if (reload->again) {
        reload->again = false;
        return try_program(reload); /* settings may have been changed while the first look was taken */
    }
    if (good)
        worker_hand_over(reload->worker, on_committed, reload);
    else
        refuse(reload, reason);
    return 0;
}

static int on_limit(void *userdata)
{
    Reload *reload = userdata;
    spawn_kill_tree(reload->check, 0);
    end_check(reload);
    refuse(reload, "the new program's --check did not end in 30 s");
    return 0;
}

/* Our own arguments, and that it is a check only. */
static int start_check(Reload *reload)
{
    char format[16];
    (void)snprintf(format, sizeof format, "%d", WORKER_HANDOVER_FORMAT); /* always fits */
    VEC(const char *) arguments = {};
    char **own = handover_arguments();
    vec_push(&arguments, reload->program);
    for (char **argument = own + 1; own[0] && *argument; argument++)
        vec_push(&arguments, *argument);
    const char *const added[] = {"--check", "--takes-over", format, NULL};
    for (size_t i = 0; i < ELEMENTS(added); i++)
        vec_push(&arguments, added[i]);
    const SpawnOptions options = {
        .arguments = arguments.items,
        .input = SPAWN_NULL,
        .output = SPAWN_NULL,
        .error = SPAWN_PIPE,
        .death_signal = SIGKILL,
        .ignore_hangup = true, /* `systemctl kill -s HUP` and a second one reach every process of the unit */
    };
    int r = spawn_start(reload->worker->spawner, &options, &reload->check);
    vec_free(&arguments);
    free(own);
    return r;
}

static int try_program(Reload *reload)
{
    int r = start_check(reload);
    if (r != 0) {
        _cleanup_free_ char *reason = xasprintf("%s cannot be started: %m", reload->program);
        refuse(reload, reason);
        return MIN(r, 0);
    }
    reload->output = spawn_stderr(reload->check);
    loop_timer_in(reload->limit, TRY_USEC);
    return loop_add_io(reload->worker->loop, spawn_pidfd(reload->check), EPOLLIN, on_check_ended, reload,
                       &reload->ended);
}

int reload_begin(Reload *reload)
{
    if (reload->running) {
        reload->again = reload->check != NULL;
        return DAEMON_RELOADS;
    }
    reload->running = true;
    daemon_note(reload->daemon, NULL);
    int r = try_program(reload);
    return r < 0 ? r : DAEMON_RELOADS;
}

/* --- life --- */

int reload_new(Worker *worker, Daemon *daemon, Reload **ret)
{
    _cleanup_(reload_freep) Reload *reload = xnew(Reload);
    reload->worker = worker;
    reload->daemon = daemon;
    reload->program = handover_program();
    reload->output = -1;
    int r = loop_add_timer(worker->loop, on_limit, reload, &reload->limit);
    if (r < 0)
        return trace(r);
    *ret = TAKE_PTR(reload);
    return 0;
}

Reload *reload_free(Reload *reload)
{
    if (!reload)
        return NULL;
    if (reload->check) {
        spawn_kill_tree(reload->check, 0);
        end_check(reload);
    }
    loop_source_free(reload->limit);
    free(reload->program);
    free(reload);
    return NULL;
}

int reload_take(json_t **ret)
{
    char *text;
    size_t length;
    *ret = NULL;
    int r = handover_take(&text, &length);
    if (r < 0 || !text)
        return r;
    r = json_parse(text, length, length + 1, ret, NULL);
    explicit_bzero(text, length);
    free(text);
    return r == 0 && json_get_integer(*ret, "format", 0) == WORKER_HANDOVER_FORMAT ? 0 : outage(-EPROTO);
}
