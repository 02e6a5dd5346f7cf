/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A script as a process: a working directory, two pipes, a process tree, and the rules of when it is over.
 *
 * It is over when the process has ended and both pipes are closed: what it left running in the background and still
 * writes is part of it. What it left behind without a pipe is ended then. Nothing survives its task run.
 *
 * While the worker's unit is full the pipes are not read, so that a task which writes faster than the database takes
 * is slowed down by its own pipe, and memory stays flat.
 */
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/identity.h"
#include "base/log.h"
#include "doc/json.h"
#include "plugin/script_files.h"
#include "plugin/script_secrets.h"
#include "plugin/staging.h"
#include "worker/container.h"
#include "worker/environment.h"
#include "worker/hidden.h"
#include "worker/lines.h"
#include "worker/usage.h"
#include "worker/workspace.h"

enum { READ_BYTES = 64 * 1024 };

typedef struct Stream {
    struct Process *process;
    bool is_stderr;
    int fd;
    LoopSource *source;
    Lines lines;
    bool is_outputs; /* the line whose pieces come was to give outputs: it is too long, and not logged */
} Stream;

typedef struct Process {
    Job *job;
    ScriptContext script;
    ScriptOutput output;
    Spawned *spawned;
    Stream streams[2];
    LoopSource *ended, *kill_timer;
    bool exited;
    siginfo_t info;
    bool has_slot;
    Limits limits;   /* that were set */
    json_t *sandbox; /* that it has; or NULL */
    json_t *hidden;  /* from it, in any sandbox */
    bool in_container;
    usec_t grace_usec; /* from SIGTERM to SIGKILL */
} Process;

/* --- its slot --- */

bool process_has_slot(const Worker *worker)
{
    return worker->processes < worker->settings.processes_max;
}

static void take_slot(Worker *worker, Process *process)
{
    worker->processes += !process->has_slot;
    process->has_slot = true;
}

static void leave_slot(Worker *worker, Process *process)
{
    if (!process->has_slot)
        return;
    process->has_slot = false;
    worker->processes--;
    worker_slot_freed(worker);
}

static void set_waits_for_slot(Job *job, bool waits)
{
    job->worker->pending += (size_t)waits - (size_t)job->waits_for_slot;
    job->waits_for_slot = waits;
}

void process_leave_slot(Job *job)
{
    if (job->process)
        leave_slot(job->worker, job->process);
}

static void process_free(Job *job)
{
    Process *process = TAKE_PTR(job->process);
    if (!process)
        return;
    for (unsigned i = 0; i < ELEMENTS(process->streams); i++) {
        loop_source_free(process->streams[i].source);
        close_fd(process->streams[i].fd);
        lines_done(&process->streams[i].lines);
    }
    loop_source_free(process->ended);
    loop_source_free(process->kill_timer);
    if (process->spawned && !process->exited)
        spawn_kill_tree(process->spawned, process->in_container ? process->grace_usec : 0);
    spawn_free(process->spawned);
    script_context_done(&process->script);
    script_output_done(&process->output);
    json_decref(process->sandbox);
    json_decref(process->hidden);
    leave_slot(job->worker, process);
    set_waits_for_slot(job, false);
    free(process);
}

/* --- the end --- */

static int exit_code(const siginfo_t *info)
{
    return info->si_code == CLD_EXITED ? info->si_status : 128 + info->si_status;
}

static void end_leftovers(Process *process)
{
    Spawner *spawner = process->job->worker->spawner;
    unsigned orphans = spawner_reap(spawner);
    bool killed = process->job->killed || process->job->timed_out;
    if (killed || orphans > 0 || spawner_has_cgroup(spawner))
        (void)spawn_signal_tree(process->spawned, SIGKILL); /* usually there is nothing */
}

static int collect(Job *job, json_t **ret)
{
    return script_files_collect(&job->context.run, job->directory, job->process->script.output_files, ret);
}

/* files: or NULL. */
static void collected(Job *job, int r, json_t *files)
{
    const Process *process = job->process;
    if (r == 0 && !stage_is_stopped(job)) /* otherwise no outputs; the state follows from the flags */
        r = script_end(&job->context.run, &process->script, &process->output, exit_code(&process->info),
                       json_incref(files));
    job_end_by_outcome(job, r);
}

static void request_collect(const Job *job, json_t *ret)
{
    json_object_set(ret, "globs", job->process->script.output_files);
}

const Stage stage_collect = {.name = "collect", .request = request_collect, .done = collected};

static void finish_when_over(Process *process)
{
    if (!process->exited || process->streams[0].fd >= 0 || process->streams[1].fd >= 0)
        return;
    Job *job = process->job;
    _cleanup_json_ json_t *files = NULL;
    int r = 0;
    end_leftovers(process);
    if (!process->in_container) /* otherwise the helper tells it */
        usage_report(job, process->spawned, &process->limits, &process->info);
    else if (process->info.si_code != CLD_EXITED)
        container_sweep_start(job->worker);
    if (stage_is_stopped(job) || !process->script.output_files || stage_try(job, collect, &files, &r))
        collected(job, r, files);
    else
        child_stage(job, &stage_collect);
}

static int on_exit_ready(void *userdata, uint32_t events)
{
    Process *process = userdata;
    if (!spawn_ended(process->spawned, &process->info))
        return 0;
    process->exited = true;
    process->ended = loop_source_free(process->ended);
    finish_when_over(process);
    return 0;
}

/* --- output --- */

static void take_line(void *userdata, const char *line, size_t length, LinePart part)
{
    Stream *stream = userdata;
    RunContext *run = &stream->process->job->context.run;
    ScriptOutput *output = &stream->process->output;
    if (part == LINE_FIRST)
        stream->is_outputs =
            script_line_too_long(run, output, line, stream->process->job->worker->settings.line_bytes_max);
    if (part == LINE_WHOLE || !stream->is_outputs)
        script_line(run, output, stream->is_stderr, line, length);
    if (part == LINE_LAST)
        stream->is_outputs = false;
}

static size_t keep_secret(void *userdata, const char *text, size_t length)
{
    const Stream *stream = userdata;
    return mask_tail(&stream->process->job->context.mask, text, length);
}

static LineTaker taker_of(Stream *stream)
{
    return (LineTaker){.take = take_line,
                       .keep = keep_secret,
                       .userdata = stream,
                       .bytes_max = stream->process->job->worker->settings.line_bytes_max};
}

static void close_stream(Stream *stream)
{
    const LineTaker taker = taker_of(stream);
    lines_end(&stream->lines, &taker);
    stream->source = loop_source_free(stream->source);
    stream->fd = close_fd(stream->fd);
    finish_when_over(stream->process);
}

static int on_output(void *userdata, uint32_t events)
{
    Stream *stream = userdata;
    static char chunk[READ_BYTES];
    if (worker_is_full(stream->process->job->worker)) {
        loop_io_events(stream->source, 0); /* process_resume() after the commit */
        stream->process->job->worker->paused = true;
        return 0;
    }
    const LineTaker taker = taker_of(stream);
    ssize_t n = read(stream->fd, chunk, sizeof chunk);
    if (n > 0)
        lines_feed(&stream->lines, chunk, (size_t)n, &taker);
    else if (n == 0 || (errno != EAGAIN && errno != EINTR))
        close_stream(stream);
    return 0;
}

static void process_resume(Job *job)
{
    for (unsigned i = 0; i < ELEMENTS(job->process->streams); i++)
        if (job->process->streams[i].source)
            loop_io_events(job->process->streams[i].source, EPOLLIN);
}

/* --- ending it --- */

static int on_kill_grace(void *userdata)
{
    Process *process = userdata;
    loop_timer_in(process->kill_timer, USEC_PER_SEC); /* again, for a process that cannot die yet */
    if (spawn_signal_tree(process->spawned, SIGKILL) > 0 || !process->exited)
        return 0;                                             /* the end is seen as any other */
    for (unsigned i = 0; i < ELEMENTS(process->streams); i++) /* someone outside the tree holds the pipe */
        process->streams[i].fd = close_fd(process->streams[i].fd);
    finish_when_over(process);
    return 0;
}

static void process_kill(Job *job)
{
    Process *process = job->process;
    if (job->waits_for_slot) {
        job_end_by_outcome(job, RUN_E_FAILED);
        return;
    }
    process_resume(job); /* a full pipe must not keep it from ending */
    if (spawn_signal_tree(process->spawned, SIGTERM) == 0 && process->exited)
        return;
    loop_timer_in(process->kill_timer, process->grace_usec);
}

/* --- the start --- */

static int add_kill_timer(Process *process)
{
    return process->kill_timer
               ? 0
               : loop_add_timer(process->job->worker->loop, on_kill_grace, process, &process->kill_timer);
}

static int watch(Process *process)
{
    Loop *loop = process->job->worker->loop;
    int r = 0;
    if (!process->exited)
        r = loop_add_io(loop, spawn_pidfd(process->spawned), EPOLLIN, on_exit_ready, process, &process->ended);
    for (unsigned i = 0; r == 0 && i < ELEMENTS(process->streams); i++)
        if (process->streams[i].fd >= 0)
            r = loop_add_io(loop, process->streams[i].fd, EPOLLIN, on_output, &process->streams[i],
                            &process->streams[i].source);
    return r;
}

/* errno says why. */
static int fail_to_run(RunContext *run, const ScriptContext *script)
{
    int saved = errno;
    _cleanup_free_ char *missing = saved == ENOENT ? script_missing(run, script) : NULL;
    errno = saved;
    return run_fail(run, "Cannot run '%s': %m%s%s", script->argv[0], missing ? ". " : "", missing ? missing : "");
}

/* It runs: its output and its end are awaited. */
static int begin(Process *process)
{
    process->streams[0].fd = spawn_stdout(process->spawned);
    process->streams[1].fd = spawn_stderr(process->spawned);
    int r = add_kill_timer(process);
    return r == 0 ? watch(process) : r;
}

static const char *const *command_of(const Process *process, Arena *arena)
{
    if (!process->sandbox)
        return (const char *const *)process->script.argv;
    return sandbox_command(process->sandbox, process->job->worker->settings.sandbox_program, process->hidden,
                           process->script.argv, arena);
}

static int spawn(Process *process)
{
    Job *job = process->job;
    RunContext *run = &job->context.run;
    Spawner *spawner = job->worker->spawner;
    _cleanup_(arena_freep) Arena *arena = arena_new();
    size_t limit_count;
    const SpawnLimit *limits = limits_files(&process->limits, arena, &limit_count);
    _cleanup_(environment_freep) char **environment =
        environment_make(job->worker->environment, process->script.environment);
    const SpawnOptions options = {
        .arguments = command_of(process, arena),
        .program_fd = process->sandbox && job->worker->sandbox_fd >= 0 ? job->worker->sandbox_fd : 0,
        .environment = (const char *const *)environment,
        .directory = job->directory,
        .input = SPAWN_NULL,
        .output = SPAWN_PIPE,
        .error = SPAWN_PIPE,
        .death_signal =
            SIGKILL, /* a worker that is killed gives its jobs to others: nobody must go on with them here */
        .login_limits = true,
        .change_user = identity_is_set(),
        .user = identity_task_user(),
        .group = identity_task_group(),
        .groups = job->worker->task_groups,
        .group_count = job->worker->task_group_count,
        .limits = limits,
        .limit_count = limit_count,
        .oom_score_adjust = job->worker->settings.oom_score_adjust,
    };
    int r = spawn_start(spawner, &options, &process->spawned);
    if (r == SPAWN_E_LIMIT)
        return run_fail(run, "A limit was refused: %s", spawner_refused(spawner));
    if (r > 0)
        return fail_to_run(run, &process->script);
    return r < 0 ? trace(r) : begin(process);
}

static int spawn_container(Process *process, const json_t *spec)
{
    Job *job = process->job;
    process->in_container = true;
    process->grace_usec = container_grace(job->worker, spec);
    int r = container_spawn(job, spec, &process->spawned);
    if (r > 0)
        return run_fail(&job->context.run, "The helper for containers cannot be run: %m");
    return r < 0 ? trace(r) : begin(process);
}

static int spawn_process(Process *process)
{
    RunContext *run = &process->job->context.run;
    const WorkerSettings *settings = &process->job->worker->settings;
    int r = limits_decide(run, &settings->limits, process->script.limits, &process->limits);
    process->hidden = hidden_paths(settings, process->job->worker->socket);
    if (r == 0)
        r = sandbox_decide(run, settings->sandbox, process->hidden, process->script.sandbox, &process->sandbox);
    return r == 0 ? spawn(process) : r;
}

static int prepare(Job *job, json_t **ret)
{
    int r = workspace_fill(job, ret);
    if (r == 0)
        r = job->task->type->prepare(&job->context.run, &job->process->script);
    if (r == 0)
        script_secrets_hide(&job->context, &job->process->script);
    return r;
}

/* Its files are there, and what is to be run is known. */
static void run_prepared(Job *job, int r)
{
    Process *process = job->process;
    _cleanup_json_ json_t *container = NULL;
    take_slot(job->worker, process);
    job->ops = &process_ops;
    if (r != 0)
        workspace_spoiled(job);
    if (r == 0)
        r = container_choose(job, &process->script, &container);
    if (r == 0)
        r = container ? spawn_container(process, container) : spawn_process(process);
    if (r != 0)
        job_end_by_outcome(job, r);
}

void process_take_up(Job *job)
{
    if (!process_has_slot(job->worker))
        return;
    set_waits_for_slot(job, false);
    run_prepared(job, 0);
}

/* By a child; the slot was left meanwhile. */
static void prepared(Job *job, int r, json_t *script)
{
    if (r == 0 && stage_is_stopped(job))
        r = RUN_E_FAILED;
    if (r != 0) {
        run_prepared(job, r);
        return;
    }
    staging_read_script(script, &job->process->script);
    job->ops = &process_ops;
    set_waits_for_slot(job, true);
    process_take_up(job);
}

const Stage stage_prepare = {.name = "prepare", .done = prepared};

static Process *process_new(Job *job)
{
    Process *process = xnew(Process);
    process->job = job;
    process->grace_usec = job->worker->settings.kill_grace_usec;
    process->output.bytes_max = job->worker->settings.message_bytes_max;
    for (unsigned i = 0; i < ELEMENTS(process->streams); i++)
        process->streams[i] = (Stream){.process = process, .is_stderr = i == 1, .fd = -1};
    job->process = process;
    return process;
}

void process_start(Job *job)
{
    take_slot(job->worker, process_new(job));
    int r = workspace_make(job);
    if (r != 0)
        job_end_by_outcome(job, r);
    else
        job_find_times(job);
}

void process_prepare(Job *job)
{
    json_t *none;
    int r;
    if (stage_try(job, prepare, &none, &r))
        run_prepared(job, r);
    else
        child_stage(job, &stage_prepare);
}

/* --- hand-over --- */

static void save_stream(Stream *stream, json_t *streams)
{
    const Buffer *rest = lines_rest(&stream->lines);
    json_t *object = json_object();
    handover_descriptor(stream->process->job->worker, object, "fd", stream->fd);
    json_object_set_new(object, "rest", handover_bytes(buffer_text(rest), rest->length));
    json_object_set_new(object, "afterReturn", json_boolean(stream->lines.after_return));
    json_object_set_new(object, "isCut", json_boolean(stream->lines.is_cut));
    json_object_set_new(object, "isOutputs", json_boolean(stream->is_outputs));
    json_array_append_new(streams, object);
}

/* Of the script of a process that runs only what its end asks for (script_end): command line and environment have done
 * their work. */
static void process_save(Job *job, json_t *ret)
{
    Process *process = job->process;
    json_t *streams = json_array();
    if (job->waits_for_slot)
        json_object_set_new(ret, "script", staging_write_script(&process->script));
    if (process->spawned) /* otherwise it is being prepared */
        handover_spawned(job->worker, ret, process->spawned);
    for (unsigned i = 0; i < ELEMENTS(process->streams); i++)
        save_stream(&process->streams[i], streams);
    json_object_set_new(ret, "streams", streams);
    json_object_set_new(ret, "exited", json_boolean(process->exited));
    json_object_set_new(ret, "exitCode", json_integer(process->info.si_code));
    json_object_set_new(ret, "exitStatus", json_integer(process->info.si_status));
    json_object_set_new(ret, "limits", handover_bytes((const char *)&process->limits, sizeof process->limits));
    json_object_set_new(ret, "warningOnStdErr", json_boolean(process->script.warning_on_stderr));
    json_object_set(ret, "outputFiles", process->script.output_files);
    json_object_set(ret, "vars", process->output.vars);
    json_set_text(ret, "lost", process->output.lost);
    json_object_set(ret, "taskRunner", process->output.runner);
    json_object_set_new(ret, "inContainer", json_boolean(process->in_container));
    json_object_set_new(ret, "graceUsec", json_integer((json_int_t)process->grace_usec));
    json_object_set_new(ret, "stdoutLines", json_integer((json_int_t)process->output.stdout_lines));
    json_object_set_new(ret, "stderrLines", json_integer((json_int_t)process->output.stderr_lines));
}

static void restore_stream(Stream *stream, const json_t *saved)
{
    _cleanup_buffer_ Buffer rest = {};
    stream->fd = handover_taken(saved, "fd");
    handover_read_bytes(json_object_get(saved, "rest"), &rest);
    lines_restore(&stream->lines, buffer_text(&rest), rest.length, json_get_boolean(saved, "afterReturn", false),
                  json_get_boolean(saved, "isCut", false));
    stream->is_outputs = json_get_boolean(saved, "isOutputs", false);
}

static void restore_end(Process *process, const json_t *saved)
{
    _cleanup_buffer_ Buffer limits = {};
    process->exited = json_get_boolean(saved, "exited", false);
    process->info.si_code = (int)json_get_integer(saved, "exitCode", 0);
    process->info.si_status = (int)json_get_integer(saved, "exitStatus", 0);
    process->limits = (Limits)LIMITS_NONE;
    handover_read_bytes(json_object_get(saved, "limits"), &limits);
    if (limits.length == sizeof process->limits)
        memcpy(&process->limits, limits.text, sizeof process->limits);
    process->script.warning_on_stderr = json_get_boolean(saved, "warningOnStdErr", true);
    process->script.output_files = json_incref(json_object_get(saved, "outputFiles"));
    process->output.vars = json_incref(json_object_get(saved, "vars"));
    process->output.runner = json_incref(json_object_get(saved, "taskRunner"));
    process->in_container = json_get_boolean(saved, "inContainer", false);
    process->grace_usec = (usec_t)json_get_integer(saved, "graceUsec", (json_int_t)process->grace_usec);
    process->output.lost = xstrdup_null(json_get_text(saved, "lost", NULL));
    process->output.stdout_lines = (uint64_t)json_get_integer(saved, "stdoutLines", 0);
    process->output.stderr_lines = (uint64_t)json_get_integer(saved, "stderrLines", 0);
}

static bool process_restore(Job *job, const json_t *saved)
{
    Spawned *spawned = handover_adopted(job->worker, saved);
    if (!spawned && json_object_get(saved, "spawned"))
        return false;
    Process *process = process_new(job);
    const json_t *script = json_object_get(saved, "script");
    if (script) { /* it waits for its slot */
        staging_read_script(script, &process->script);
        set_waits_for_slot(job, true);
        return true;
    }
    if (!job->stage)
        take_slot(job->worker, process);
    process->spawned = spawned;
    for (unsigned i = 0; i < ELEMENTS(process->streams); i++)
        restore_stream(&process->streams[i], json_array_get(json_object_get(saved, "streams"), i));
    restore_end(process, saved);
    if (add_kill_timer(process) == 0)
        return true;
    process_free(job);
    return false;
}

static int process_attach(Job *job)
{
    Process *process = job->process;
    int r = job->waits_for_slot ? 0 : watch(process);
    if (r == 0)
        r = job_rearm_timeout(job);
    if (r == 0 && !job->waits_for_slot && (job->killed || job->timed_out))
        loop_timer_in(process->kill_timer, process->grace_usec);
    return r;
}

const JobOps process_ops = {
    .kind = "process",
    .kill = process_kill,
    .resume = process_resume,
    .free = process_free,
    .save = process_save,
    .restore = process_restore,
    .attach = process_attach,
};
