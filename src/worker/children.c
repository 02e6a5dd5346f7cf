/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Warm kestra-run children: started when there is work for them, kept for a while, one task run at a time each. A child
 * that crashes, is killed or times out costs its one task run; the next one gets a new child. They hold no database
 * credentials; what they need to know is sent to them, not given as arguments.
 *
 * A child that was killed is not waited for: its job ends when its socket does.
 */
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/identity.h"
#include "doc/json.h"
#include "model/expression_limits.h"
#include "model/log_entry.h"
#include "plugin/wire.h"
#include "worker/environment.h"
#include "worker/workspace.h"

#define IDLE_USEC (60 * USEC_PER_SEC)
enum { EXIT_WAIT_MSEC = 1000 };

typedef struct Child {
    struct ChildPool *pool;
    struct Child *next;
    Spawned *spawned;
    int fd;
    LoopSource *source;
    Wire wire;
    Job *job; /* NULL: idle */
    usec_t idle_since;
    bool outdated; /* does not know the current settings */
} Child;

typedef struct ChildPool {
    Worker *worker;
    Child *children;
    size_t count, busy, staging; /* busy with a task, with a stage */
    LoopSource *idle;
} ChildPool;

/* --- ends --- */

static void child_free(Child *child)
{
    siginfo_t info;
    for (Child **at = &child->pool->children; *at; at = &(*at)->next)
        if (*at == child) {
            *at = child->next;
            child->pool->count--;
            break;
        }
    loop_source_free(child->source);
    if (child->spawned && !spawn_ended(child->spawned, &info))
        spawn_kill_tree(child->spawned, 0);
    spawn_free(child->spawned);
    close_fd(child->fd);
    wire_done(&child->wire);
    free(child);
}

static void set_waits(Job *job, bool waits)
{
    if (waits && job->worker->staging == 0)
        job->worker->staged_at = clock_monotonic();
    job->worker->staging += (size_t)waits - (size_t)job->waits;
    job->waits = waits;
}

/* The child has done its part, or there is none: the task ends, or the job goes on. */
static void conclude(Job *job, int r, json_t *result)
{
    const Stage *stage = TAKE_PTR(job->stage);
    if (stage && job->task)
        stage->done(job, r, result);
    else
        job_end_by_outcome(job, r);
}

static size_t *count_for(ChildPool *pool, const Job *job)
{
    return job->stage ? &pool->staging : &pool->busy;
}

/* Parts child and job: the child is free for other work, the job has no more ops. */
static Job *release(Child *child)
{
    Job *job = TAKE_PTR(child->job);
    if (!job)
        return NULL;
    job->child = NULL;
    job->ops = NULL;
    --*count_for(child->pool, job);
    child->idle_since = clock_monotonic();
    if (job->stage)
        job->worker->staged_at = child->idle_since;
    loop_timer_in(child->pool->idle, IDLE_USEC);
    worker_slot_freed(child->pool->worker);
    return job;
}

static char *how_it_ended(Child *child)
{
    siginfo_t info = {};
    struct pollfd poll_fd = {.fd = spawn_pidfd(child->spawned), .events = POLLIN};
    (void)poll(&poll_fd, 1, EXIT_WAIT_MSEC); /* the socket closes just before it can be reaped */
    if (!spawn_ended(child->spawned, &info))
        return xstrdup("it closed its socket");
    return xasprintf(info.si_code == CLD_EXITED ? "exit status %d" : "signal %d", info.si_status);
}

/* The socket has ended: so has the child, and its task with it. */
static void child_lost(Child *child)
{
    Job *job = release(child);
    _cleanup_free_ char *how = job && !stage_is_stopped(job) ? how_it_ended(child) : NULL;
    child_free(child);
    if (how)
        run_log(&job->context.run, LOG_LEVEL_ERROR, "The process that ran the task ended unexpectedly: %s", how);
    if (job)
        conclude(job, RUN_E_FAILED, NULL);
}

/* --- messages --- */

static void take_log(Job *job, const json_t *message)
{
    run_log(&job->context.run, (int)json_get_integer(message, "level", 0), "%s", json_get_text(message, "message", ""));
}

static void take_metric(Job *job, const json_t *message)
{
    job->context.sink->metric(job, json_get_text(message, "name", ""), json_get_boolean(message, "timer", false),
                              json_number_value(json_object_get(message, "value")), json_object_get(message, "tags"));
}

static void take_result(Job *job, const json_t *message)
{
    State state = state_from_string(json_get_text(message, "state", ""));
    json_t *outputs = json_object_get(message, "outputs");
    if (json_is_object(outputs))
        json_object_update(job->context.run.outputs, outputs);
    job->context.run.notes = json_incref(json_object_get(message, "notes"));
    job->context.run.final_state = state == STATE_WARNING ? STATE_WARNING : STATE_SUCCESS;
    job->context.run.fires = json_get_boolean(message, "fires", false);
}

/* What was rendered there and is seen here later. */
static void take_secrets(Job *job, const json_t *secrets)
{
    size_t i;
    const json_t *secret;
    json_array_foreach (secrets, i, secret)
        mask_copy(&job->context.mask, json_string_value(secret));
}

static void take_end(Child *child, const json_t *message)
{
    Job *job = release(child);
    if (job->stage && job->stage != &stage_run)
        take_secrets(job, json_object_get(message, "secrets"));
    else
        take_result(job, message);
    conclude(job, (int)json_get_integer(message, "outcome", RUN_E_FAILED), json_object_get(message, "result"));
}

/* A child that cannot be answered ends, and its task with it. */
static void take_question(Child *child, const json_t *question)
{
    _cleanup_json_ json_t *answer = NULL, *message = json_object();
    if (job_answer(child->job, question, &answer) < 0)
        answer = json_pack("{s:s}", "error", "Executions and logs cannot be read now");
    json_object_set(message, "answer", answer);
    if (wire_send(child->fd, message) != 0)
        (void)spawn_signal_tree(child->spawned, SIGKILL); /* its socket ends: child_lost() */
}

static void take_message(Child *child, const json_t *message)
{
    const json_t *part;
    if (!child->job)
        return; /* nothing is expected from an idle child */
    if ((part = json_object_get(message, "log")))
        take_log(child->job, part);
    else if ((part = json_object_get(message, "metric")))
        take_metric(child->job, part);
    else if ((part = json_object_get(message, "ask")))
        take_question(child, part);
    else if ((part = json_object_get(message, "end")))
        take_end(child, part);
}

static int on_message(void *userdata, uint32_t events)
{
    Child *child = userdata;
    if (worker_is_full(child->pool->worker)) {
        loop_io_events(child->source, 0); /* child_resume() after the commit */
        child->pool->worker->paused = true;
        return 0;
    }
    int r = wire_read(&child->wire, child->fd);
    for (json_t *message; r == 0 && (r = wire_take(&child->wire, &message)) == 0; json_decref(message))
        take_message(child, message);
    if (r != WIRE_E_PARTIAL)
        child_lost(child);
    return 0;
}

/* --- starts --- */

static json_t *settings_message(const Worker *worker)
{
    const JobSettings *job = &worker->settings.job;
    json_t *settings = json_object();
    json_object_set(settings, "globals", (json_t *)job->globals);
    json_object_set(settings, "envs", (json_t *)job->envs);
    json_object_set(settings, "storage", worker->settings.storage);
    json_object_set_new(settings, "secrets", environment_secrets());
    json_set_text(settings, "encryptionKey", job->encryption_key);
    json_object_set_new(settings, "recursiveRendering", json_boolean(job->recursive_rendering));
    json_object_set_new(settings, "expressionLimits", expression_limits_encode());
    json_t *message = json_object();
    json_object_set_new(message, "settings", settings);
    return message;
}

static json_t *run_message(const Job *job)
{
    json_t *run = json_object(), *message = json_object();
    json_object_set_new(run, "task", job_task_write(job->task));
    if (job->directory && workspace_is_shared(job))
        json_object_set_new(run, "around", job_task_write(job->task->parent));
    json_object_set(run, "job", job->claim.body);
    if (job->flow)
        json_object_set(run, "inputs", job->flow->inputs);
    json_set_text(run, "directory", job->directory);
    json_object_set_new(run, "fresh", json_boolean(job->fresh));
    json_set_text(run, "scratch", job->worker->settings.temporary_directory);
    json_set_text(run, "step", job->stage ? job->stage->name : NULL);
    if (job->stage && job->stage->request)
        job->stage->request(job, run);
    json_object_set_new(message, "run", run);
    return message;
}

static int spawn_child(Child *child, int their_fd)
{
    const WorkerSettings *settings = &child->pool->worker->settings;
    _cleanup_(environment_freep) char **environment = environment_of_runner();
    _cleanup_free_ char *user = xasprintf("%u", (unsigned)identity_task_user());
    _cleanup_free_ char *group = xasprintf("%u", (unsigned)identity_task_group());
    const SpawnOptions options = {
        .arguments = identity_is_set() ? (const char *const[]){settings->run_program, user, group, NULL}
                                       : (const char *const[]){settings->run_program, NULL},
        .keep_capabilities = true, /* it gives them up itself (identity_adopt) */
        .environment = (const char *const *)environment,
        .input = SPAWN_NULL,
        .output = STDERR_FILENO,
        .error = STDERR_FILENO,
        .listen_fds = &their_fd,
        .listen_names = (const char *const[]){"worker"},
        .listen_count = 1,
        .death_signal = SIGKILL,
    };
    return spawn_start(child->pool->worker->spawner, &options, &child->spawned);
}

static Child *child_add(ChildPool *pool, int fd)
{
    Child *child = xnew(Child);
    child->pool = pool;
    child->next = pool->children;
    child->fd = fd;
    pool->children = child;
    pool->count++;
    return child;
}

static Child *child_new(ChildPool *pool)
{
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
        return NULL;
    Child *child = child_add(pool, fds[0]);
    int r = spawn_child(child, fds[1]);
    close_fd(fds[1]);
    if (r == 0)
        r = loop_add_io(pool->worker->loop, child->fd, EPOLLIN, on_message, child, &child->source);
    _cleanup_json_ json_t *settings = settings_message(pool->worker);
    if (r == 0)
        r = wire_send(child->fd, settings);
    if (r == 0)
        return child;
    child_free(child);
    return NULL;
}

static void pair(Child *child, Job *job)
{
    child->job = job;
    job->child = child;
    ++*count_for(child->pool, job);
}

static Child *idle_child(ChildPool *pool)
{
    for (Child *child = pool->children; child; child = child->next)
        if (!child->job && !child->outdated)
            return child;
    return child_new(pool);
}

static void child_resume(Job *job)
{
    if (job->child && job->child->source)
        loop_io_events(job->child->source, EPOLLIN);
}

static void child_kill(Job *job)
{
    if (!job->child) { /* it waits for one */
        set_waits(job, false);
        job->ops = NULL;
        conclude(job, RUN_E_FAILED, NULL);
        return;
    }
    child_resume(job);
    (void)spawn_signal_tree(job->child->spawned, SIGKILL); /* its socket ends: child_lost() */
}

static void child_give_up(Job *job)
{
    Child *child = job->child;
    set_waits(job, false);
    if (!child)
        return;
    (void)release(child);
    child_free(child);
}

static void start(Job *job)
{
    Child *child = idle_child(job->worker->children);
    if (!child) {
        job->ops = NULL;
        int r = run_fail(&job->context.run, "The program that runs tasks cannot be started: %s",
                         job->worker->settings.run_program);
        conclude(job, r, NULL);
        return;
    }
    pair(child, job);
    _cleanup_json_ json_t *message = run_message(job);
    if (wire_send(child->fd, message) != 0)
        child_lost(child);
}

void child_start(Job *job)
{
    int r = workspace_make(job);
    if (r != 0) {
        job_end_by_outcome(job, r);
        return;
    }
    job_find_times(job);
}

void child_run(Job *job)
{
    job->ops = &child_ops;
    start(job);
}

void child_take_up(Job *job)
{
    const ChildPool *pool = job->worker->children;
    if (pool->staging >= pool->worker->settings.children_max)
        return;
    set_waits(job, false);
    start(job);
}

void child_stage(Job *job, const Stage *stage)
{
    job->stage = stage;
    job->ops = &child_ops;
    process_leave_slot(job);
    set_waits(job, true);
    child_take_up(job);
}

/* --- hand-over --- */

/* Those that are idle end with us; a busy one goes on with its task, whatever version it is of. */
static void child_save(Job *job, json_t *ret)
{
    const Child *child = job->child;
    size_t length;
    if (!child)
        return; /* it waits for one */
    const char *rest = wire_rest(&child->wire, &length);
    handover_spawned(job->worker, ret, child->spawned);
    handover_descriptor(job->worker, ret, "fd", child->fd);
    json_object_set_new(ret, "rest", handover_bytes(rest, length));
}

static bool child_restore(Job *job, const json_t *saved)
{
    _cleanup_buffer_ Buffer rest = {};
    if (job->stage && !json_object_get(saved, "spawned")) {
        set_waits(job, true);
        return true;
    }
    int fd = handover_taken(saved, "fd");
    Spawned *spawned = handover_adopted(job->worker, saved);
    if (fd < 0 || !spawned) {
        close_fd(fd);
        if (spawned)
            spawn_kill_tree(spawned, 0);
        spawn_free(spawned);
        return false;
    }
    Child *child = child_add(job->worker->children, fd);
    child->spawned = spawned;
    child->outdated = true;
    handover_read_bytes(json_object_get(saved, "rest"), &rest);
    if (rest.length > 0)
        wire_restore(&child->wire, rest.text, rest.length);
    pair(child, job);
    return true;
}

static int child_attach(Job *job)
{
    Child *child = job->child;
    int r = child ? loop_add_io(job->worker->loop, child->fd, EPOLLIN, on_message, child, &child->source) : 0;
    return r == 0 ? job_rearm_timeout(job) : r;
}

const JobOps child_ops = {
    .kind = "child",
    .kill = child_kill,
    .resume = child_resume,
    .free = child_give_up,
    .save = child_save,
    .restore = child_restore,
    .attach = child_attach,
};

/* --- the pool --- */

static int on_idle(void *userdata)
{
    ChildPool *pool = userdata;
    usec_t now = clock_monotonic();
    bool again = false;
    for (Child *child = pool->children, *next; child; child = next) {
        next = child->next;
        if (child->job)
            continue;
        if (child->outdated || child->idle_since + IDLE_USEC <= now)
            child_free(child);
        else
            again = true;
    }
    if (again)
        loop_timer_in(pool->idle, IDLE_USEC);
    return 0;
}

int child_pool_new(Worker *worker, ChildPool **ret)
{
    ChildPool *pool = xnew(ChildPool);
    pool->worker = worker;
    int r = loop_add_timer(worker->loop, on_idle, pool, &pool->idle);
    if (r < 0) {
        free(pool);
        return trace(r);
    }
    *ret = pool;
    return 0;
}

ChildPool *child_pool_free(ChildPool *pool)
{
    if (!pool)
        return NULL;
    while (pool->children)
        child_free(pool->children);
    loop_source_free(pool->idle);
    free(pool);
    return NULL;
}

void child_pool_forget_idle(ChildPool *pool)
{
    for (Child *child = pool->children, *next; child; child = next) {
        next = child->next;
        if (!child->job)
            child_free(child);
    }
}

bool child_pool_has_room(const ChildPool *pool)
{
    return pool->busy < pool->worker->settings.children_max;
}
