/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shell of the worker: one cycle = one transaction. It commits what the jobs have said (results, logs, metrics) and
 * claims as many new jobs as there are slots; instant jobs of the batch are run at once, so that the next cycle commits
 * their results and claims again. When a commit has nothing left to claim the loop sleeps until it is rung.
 *
 * Only two things decide that a job is over here: its own end, and that somebody else has it. After an outage the unit
 * is kept and committed again: it has not happened, or the fence of the job rows makes the second time harmless. One
 * that was declared dead joins anew and takes back what nobody has claimed since: a silence of the database, in which
 * nobody could, costs no task.
 */
#include <fcntl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/identity.h"
#include "base/log.h"
#include "blob/blob.h"
#include "worker/container.h"
#include "worker/directory.h"
#include "worker/environment.h"
#include "worker/storage_child.h"
#include "worker/task_user.h"
#include "worker/worker_private.h"

#define FLUSH_DELAY      (100 * USEC_PER_MSEC) /* log lines wait so long for company */
#define ANNOUNCE_DELAY   (50 * USEC_PER_MSEC)  /* a job that ends before is not announced as running */
#define KILL_CHECK_EVERY (50 * USEC_PER_MSEC)
#define RETRY_DELAY      (500 * USEC_PER_MSEC)
#define QUIET_USEC       USEC_PER_SEC /* without work for so long, the session settles */
#define STALL_USEC       USEC_PER_SEC /* no stage has ended for so long: storage does not answer */

enum { CLAIM_MIN = 8, CLAIM_MAX = 512 };

/* Components: heartbeat and reads may work where commits do not (a full disk). */
#define SESSION "postgresql"
#define COMMITS "queue"

static void fenced(Worker *worker);

/* --- when to commit --- */

bool worker_is_full(const Worker *worker)
{
    return unit_bytes(worker->unit) >= worker->settings.unit_bytes_max;
}

void worker_commit_soon(Worker *worker)
{
    loop_defer(worker->cycle);
}

void worker_commit_later(Worker *worker)
{
    if (worker_is_full(worker))
        loop_defer(worker->cycle);
    else if (!unit_is_empty(worker->unit))
        loop_timer_in(worker->flush, FLUSH_DELAY);
}

static int on_flush(void *userdata)
{
    worker_commit_soon(userdata);
    return 0;
}

void worker_slot_freed(Worker *worker)
{
    worker->slot_freed = true;
    loop_defer(worker->cycle);
}

void worker_wake(Worker *worker)
{
    worker->look = true;
    if (worker->job_count > 0) {
        usec_t due = worker->kill_checked + KILL_CHECK_EVERY, now = clock_monotonic();
        loop_timer_in(worker->kill_check, due > now ? due - now : 0);
    }
    loop_defer(worker->cycle);
}

/* --- outages --- */

static void back_off(Worker *worker, const char *component, int r)
{
    const WorkerBackend *backend = worker->backend;
    const char *reason = backend->reason ? backend->reason(worker->backend_userdata) : "";
    errno = r < 0 ? -r : EIO;
    usec_t delay = worker->daemon ? daemon_outage(worker->daemon, component, "%s (%m)", reason) : RETRY_DELAY;
    worker->backing_off = true;
    if (worker->draining)
        loop_defer(worker->cycle); /* perhaps there is nothing to wait for */
    loop_timer_in(worker->retry, delay);
}

static void answered(Worker *worker, const char *component)
{
    if (!worker->daemon)
        return;
    daemon_health(worker->daemon, component, HEALTH_UP, "%s", "");
    daemon_progress(worker->daemon);
}

/* What this process has begun or ended and not committed: it is not run again elsewhere, unless somebody has it. */
static int take_back(Worker *worker, QueueSequences *ret_kept)
{
    QueueSequences held = {};
    for (const Job *job = worker->jobs; job; job = job->next)
        vec_push(&held, job->claim.sequence);
    int64_t finished;
    for (size_t i = 0; unit_finished_job(worker->unit, i, &finished); i++)
        vec_push(&held, finished);
    int r = queue_reclaim(worker->queue, held.items, held.count, ret_kept);
    vec_free(&held);
    return r;
}

static bool is_kept(const QueueSequences *kept, int64_t sequence)
{
    for (size_t i = 0; i < kept->count; i++)
        if (kept->items[i] == sequence)
            return true;
    return false;
}

/* After a fence. */
static int rejoin(Worker *worker)
{
    QueueSequences kept = {};
    int r = take_back(worker, &kept);
    if (r != 0) {
        worker->fenced = true; /* join again, with all of it */
        return fold(r);
    }
    size_t before = worker->job_count;
    for (Job *job = worker->jobs, *next; job; job = next) {
        next = job->next;
        if (!is_kept(&kept, job->claim.sequence))
            job_free(job);
    }
    if (kept.count == 0)
        unit_reset(worker->unit);
    log_event(FENCED, "Worker was declared dead; of its %zu jobs %zu went to others", before,
              before - worker->job_count);
    vec_free(&kept);
    return 0;
}

static void join(Worker *worker)
{
    int r = queue_join(worker->queue, "worker", worker->socket);
    bool was_fenced = worker->fenced;
    worker->fenced = false;
    if (r == 0 && was_fenced)
        r = rejoin(worker);
    if (r != 0) {
        worker->fenced = was_fenced;
        back_off(worker, SESSION, r);
        return;
    }
    worker->joined = worker->look = true;
    answered(worker, SESSION);
    if (worker->daemon) {
        daemon_status(worker->daemon, "Waiting for tasks");
        daemon_ready(worker->daemon);
    }
    loop_timer_in(worker->heartbeat, worker->settings.heartbeat_usec);
    loop_defer(worker->cycle);
}

static int on_retry(void *userdata)
{
    Worker *worker = userdata;
    worker->backing_off = false;
    if (worker->daemon)
        daemon_progress(worker->daemon); /* trying is progress */
    if (!worker->joined && !worker->draining)
        join(worker);
    else if (!worker->left)
        worker_wake(worker); /* rings may have been lost meanwhile */
    return 0;
}

/* 0 or an outage or QUEUE_E_FENCED has been dealt with: true when the answer can be used. */
static bool check(Worker *worker, const char *component, int r)
{
    if (r == 0)
        answered(worker, component);
    else if (r == QUEUE_E_FENCED)
        fenced(worker);
    else
        back_off(worker, component, r);
    return r == 0;
}

static void fenced(Worker *worker)
{
    worker->joined = false;
    if (!worker->draining) {
        worker->fenced = true;
        join(worker);
        return;
    }
    log_event(FENCED, "Worker was declared dead while it ended, its %zu jobs went to others", worker->job_count);
    while (worker->jobs)
        job_free(worker->jobs);
    unit_reset(worker->unit);
    loop_defer(worker->cycle);
}

/* --- jobs --- */

/* What waits for storage that does not answer does not keep others from being claimed; a heartbeat sees it. */
static bool storage_stalls(const Worker *worker)
{
    return worker->staging > 0 && worker->staging < CLAIM_MAX && clock_monotonic() >= worker->staged_at + STALL_USEC;
}

/* What waits holds as much as a fetch may bring. */
static bool waiting_are_large(const Worker *worker)
{
    size_t bytes = 0;
    for (const Job *job = worker->jobs; job && bytes < UNIT_BYTES_MAX; job = job->next)
        if (job->phase == JOB_PENDING || job->waits)
            bytes += job->claim.bytes;
    return bytes >= UNIT_BYTES_MAX;
}

static unsigned claim_limit(const Worker *worker)
{
    if (worker->draining || !worker->joined || worker->unresolved || worker->handed_over)
        return 0;
    size_t held_max = MAX((size_t)worker->settings.processes_max, (size_t)CLAIM_MIN);
    size_t waiting = worker->pending + worker->staging;
    if (storage_stalls(worker))
        waiting = worker->pending;
    if (waiting >= held_max || (waiting > 0 && waiting_are_large(worker)))
        return 0;
    return waiting > 0 ? (unsigned)(held_max - waiting) : worker->claim_size;
}

static void adapt_claim_size(Worker *worker, size_t asked, size_t got)
{
    if (worker->pending > 0)
        worker->claim_size = CLAIM_MIN;
    else if (got == asked)
        worker->claim_size = MIN(worker->claim_size * 2, (unsigned)CLAIM_MAX);
}

static void start_job(Worker *worker, Job *job)
{
    int r = job_start(job);
    if (r >= 0)
        return;
    worker->unresolved = true;
    back_off(worker, SESSION, r);
}

/* The unit is full of what jobs have said: this one is kept until the next commit. */
static void start_or_keep(Worker *worker, Job *job)
{
    if (worker_is_full(worker))
        worker->unresolved = true;
    if (!worker->unresolved)
        start_job(worker, job);
    else if (!worker->backing_off)
        loop_defer(worker->cycle);
}

/* Jobs that wait for a slot, oldest first; and those whose flow could not be read, or for whose words there was no
 * room.
 */
static void start_waiting(Worker *worker)
{
    bool unresolved = worker->unresolved;
    worker->slot_freed = worker->unresolved = false;
    if (worker->pending == 0 && worker->staging == 0 && !unresolved)
        return;
    for (Job *job = worker->jobs, *next; job; job = next) {
        next = job->next;
        if (worker->draining && !job->carried && !job->waits && !job->waits_for_slot)
            continue; /* what has begun goes on, also what did before a reload */
        if (job_is_unresolved(job))
            start_or_keep(worker, job);
        else if (job->phase == JOB_PENDING)
            (void)job_start_pending(job); /* or goes on waiting */
        else if (job->waits && !job->carried)
            child_take_up(job); /* likewise */
        else if (job->waits_for_slot && !job->carried)
            process_take_up(job);
    }
}

static void take_batch(Worker *worker, QueueBatch *batch, unsigned asked)
{
    worker->results_refused += batch->refused;
    if (asked > 0)
        worker->look = batch->cut || batch->jobs.count == asked;
    size_t got = batch->jobs.count;
    for (size_t i = 0; i < got; i++)
        start_or_keep(worker, job_new(worker, &batch->jobs.items[i]));
    adapt_claim_size(worker, asked, got);
    if (worker->job_count > 0)
        loop_timer_in(worker->announce, ANNOUNCE_DELAY);
    if (worker->look && asked > 0)
        loop_defer(worker->cycle);
}

static void resume_jobs(Worker *worker)
{
    if (!worker->paused)
        return;
    worker->paused = false;
    for (Job *job = worker->jobs; job; job = job->next)
        if (job->ops && job->ops->resume)
            job->ops->resume(job);
}

/* The backend does not answer: with nothing in hand there is nothing to wait for, otherwise until the grace is over.
 * Others run again what was not committed, when our lease has ended. */
static bool leaves_without_backend(const Worker *worker)
{
    return worker->draining && worker->backing_off && !worker->left && worker->job_count == 0 &&
           (unit_is_empty(worker->unit) || worker->grace_is_over);
}

static void leave_without_backend(Worker *worker)
{
    log_warning("Worker ends without having left the queue, which it cannot reach%s",
                unit_is_empty(worker->unit) ? "" : ": the last results are lost, and their tasks run again");
    worker->left = true;
    worker->drained(worker->drained_userdata);
}

static void finish_drain(Worker *worker)
{
    if (!worker->draining || worker->left || worker->job_count > 0 || !unit_is_empty(worker->unit))
        return;
    if (worker->joined && !check(worker, SESSION, queue_leave(worker->queue)))
        return;
    worker->left = true;
    worker->joined = false;
    worker->drained(worker->drained_userdata);
}

static void tell_status(Worker *worker)
{
    if (!worker->daemon)
        return;
    if (worker->draining)
        daemon_status(worker->daemon, "Stopping, %zu tasks still run", worker->job_count);
    else if (worker->job_count > 0)
        daemon_status(worker->daemon, "Running %zu tasks", worker->job_count);
    else
        daemon_status(worker->daemon, "Waiting for tasks");
}

/* All that was said is committed: the moment at which another program may take over. */
static bool hand_over(Worker *worker)
{
    if (!worker->handed_over || worker->draining || !unit_is_empty(worker->unit))
        return false;
    worker->handed_over(worker->handed_over_userdata);
    return true;
}

static int on_cycle(void *userdata)
{
    Worker *worker = userdata;
    if (hand_over(worker))
        return 0;
    if (leaves_without_backend(worker))
        leave_without_backend(worker);
    if (worker->backing_off || worker->left || (!worker->joined && !worker->draining))
        return 0;
    start_waiting(worker);
    unsigned asked = claim_limit(worker);
    bool claims = asked > 0 && (worker->look || !unit_is_empty(worker->unit));
    if (!unit_is_empty(worker->unit) || claims) {
        const QueueFetch fetch = {.jobs_max = asked, .worker_group = worker->settings.worker_group};
        QueueBatch batch = {};
        if (!check(worker, COMMITS, queue_commit(worker->queue, worker->unit, claims ? &fetch : NULL, &batch)))
            return 0;
        worker->commits++;
        take_batch(worker, &batch, claims ? asked : 0);
        queue_batch_done(&batch);
        if (hand_over(worker))
            return 0;
        resume_jobs(worker);
        loop_timer_in(worker->quiet, QUIET_USEC);
    }
    if (worker->draining)
        tell_status(worker);
    finish_drain(worker);
    return 0;
}

static int on_quiet(void *userdata)
{
    Worker *worker = userdata;
    mem_trim();
    if (worker->joined && !worker->backing_off)
        queue_settle(worker->queue);
    return 0;
}

static int on_announce(void *userdata)
{
    Worker *worker = userdata;
    usec_t now = clock_monotonic();
    bool again = false;
    for (Job *job = worker->jobs; job; job = job->next) {
        if (job->announced || job->phase != JOB_RUNNING)
            continue;
        if (job->started_monotonic + ANNOUNCE_DELAY <= now)
            job_announce(job);
        else
            again = true;
    }
    if (again || worker->pending > 0)
        loop_timer_in(worker->announce, ANNOUNCE_DELAY);
    return 0;
}

static Job *job_by_sequence(const Worker *worker, int64_t sequence)
{
    for (Job *job = worker->jobs; job; job = job->next)
        if (job->claim.sequence == sequence)
            return job;
    return NULL;
}

static int on_kill_check(void *userdata)
{
    Worker *worker = userdata;
    if (worker->backing_off || !worker->joined || worker->job_count == 0)
        return 0;
    QueueSequences sequences = {};
    worker->kill_checked = clock_monotonic();
    if (!check(worker, SESSION, queue_jobs_to_kill(worker->queue, &sequences)))
        return 0;
    for (size_t i = 0; i < sequences.count; i++) {
        Job *job = job_by_sequence(worker, sequences.items[i]);
        if (job)
            job_kill(job); /* the result of one whose row is gone is refused */
    }
    vec_free(&sequences);
    return 0;
}

static int on_heartbeat(void *userdata)
{
    Worker *worker = userdata;
    loop_timer_in(worker->heartbeat, worker->settings.heartbeat_usec);
    if (!worker->joined)
        return 0; /* but while commits fail we are alive */
    QueueMembership membership;
    bool work = false;
    if (!check(worker, SESSION, queue_heartbeat(worker->queue, &membership, &work)))
        return 0;
    tell_status(worker);
    if (work)
        worker_wake(worker);
    else if (worker->job_count > 0)
        loop_timer_in(worker->kill_check, 0); /* the ring of a kill may have been lost */
    return 0;
}

/* --- life --- */

static int make_sources(Worker *worker)
{
    const struct {
        int (*callback)(void *userdata);
        LoopSource **source;
    } timers[] = {
        {on_heartbeat, &worker->heartbeat},   {on_flush, &worker->flush}, {on_announce, &worker->announce},
        {on_kill_check, &worker->kill_check}, {on_retry, &worker->retry}, {on_quiet, &worker->quiet},
    };
    int r = loop_add_defer(worker->loop, on_cycle, worker, &worker->cycle);
    for (size_t i = 0; r == 0 && i < ELEMENTS(timers); i++)
        r = loop_add_timer(worker->loop, timers[i].callback, worker, timers[i].source);
    return r;
}

static void set_defaults(WorkerSettings *settings)
{
    long processors = MAX(sysconf(_SC_NPROCESSORS_ONLN), 1L);
    settings->worker_group = settings->worker_group ? settings->worker_group : "";
    settings->processes_max = settings->processes_max ? settings->processes_max : (unsigned)(4 * processors);
    settings->children_max = settings->children_max ? settings->children_max : (unsigned)(2 * processors);
    settings->kill_grace_usec = settings->kill_grace_usec ? settings->kill_grace_usec : 5 * USEC_PER_SEC;
    settings->heartbeat_usec = settings->heartbeat_usec ? settings->heartbeat_usec : 4 * USEC_PER_SEC;
    settings->line_bytes_max = settings->line_bytes_max ? settings->line_bytes_max : 4 * 1024 * 1024;
    settings->unit_bytes_max = settings->unit_bytes_max ? settings->unit_bytes_max : 4 * 1024 * 1024;
}

/* errorLogs() of a job. */
static int error_logs(void *userdata, const json_t *job, json_t **ret, Diag *diag)
{
    Worker *worker = userdata;
    const char *execution_id = json_string_value(json_object_get(job, "executionId"));
    int r = worker->backend->error_logs(worker->backend_userdata, execution_id ? execution_id : "", ret);
    if (r != 0)
        diag_error(diag, NULL, 0, 0, "the logs of the execution cannot be read");
    return r == 0 ? 0 : EXPR_E_RENDER;
}

/* What this host lets us enforce; said once. */
static void find_isolation(Worker *worker)
{
    LimitPolicy *policy = &worker->settings.limits;
    policy->controllers = spawner_controllers(worker->spawner);
    policy->lack = spawner_lack(worker->spawner);
    _cleanup_free_ char *settings = limits_not_enforced(policy);
    if (settings)
        log_event(LIMITS_NOT_ENFORCED, "Settings %s have no effect here: %s", settings, policy->lack);
    if (!spawner_has_cgroup(worker->spawner))
        log_event(LIMITS_NOT_ENFORCED,
                  "Worker has no control group of its own: tasks are kept together by sessions and as "
                  "descendants, limits cannot be enforced: %s",
                  policy->lack);
    else if (policy->lack)
        log_event(LIMITS_NOT_ENFORCED, "Worker has control groups for tasks, but not all controllers: %s",
                  policy->lack);
}

int worker_new(Loop *loop, const WorkerSettings *settings, Queue *queue, const char *socket,
               const WorkerBackend *backend, void *backend_userdata, Worker **ret)
{
    _cleanup_(worker_freep) Worker *worker = xnew(Worker);
    worker->loop = loop;
    worker->settings = *settings;
    worker->queue = queue;
    worker->socket = xstrdup(socket);
    worker->backend = backend;
    worker->backend_userdata = backend_userdata;
    worker->unit = unit_new();
    worker->claim_size = CLAIM_MIN;
    set_defaults(&worker->settings);
    if (backend->error_logs) {
        worker->settings.job.error_logs = error_logs;
        worker->settings.job.userdata = worker;
    }
    worker->environment = environment_base(settings->environment);
    worker->sandbox_fd = settings->sandbox_program ? open(settings->sandbox_program, O_PATH | O_CLOEXEC)
                                                   : -1; /* -1: the start says so */
    if (identity_is_set())
        worker->task_groups = task_user_groups(&worker->task_group_count);
    worker->probe = blob_probe_new();
    if (settings->job.storage)
        worker->settings.job.storage = worker->probe;
    int r = spawner_new(settings->cgroup, &worker->spawner);
    if (r == 0)
        r = make_sources(worker);
    if (r == 0)
        r = child_pool_new(worker, &worker->children);
    if (r != 0)
        return trace(r);
    if (settings->temporary_directory && directory_prepare(settings->temporary_directory) < 0)
        log_error("Directory of tasks %s cannot be used: %m", settings->temporary_directory);
    if (settings->temporary_directory && !settings->takes_over)
        directory_sweep(settings->temporary_directory);
    if (!settings->takes_over)
        container_sweep_start(worker);
    find_isolation(worker);
    *ret = TAKE_PTR(worker);
    return 0;
}

Worker *worker_free(Worker *worker)
{
    if (!worker)
        return NULL;
    while (worker->jobs)
        job_free(worker->jobs);
    child_pool_free(worker->children);
    storage_children_free(worker);
    LoopSource *sources[] = {worker->cycle,      worker->heartbeat, worker->flush, worker->announce,
                             worker->kill_check, worker->retry,     worker->quiet, worker->drain_timer};
    for (size_t i = 0; i < ELEMENTS(sources); i++)
        loop_source_free(sources[i]);
    spawner_free(worker->spawner);
    json_decref(worker->environment);
    free(worker->task_groups);
    close_fd(worker->sandbox_fd);
    blob_free(worker->probe);
    unit_free(worker->unit);
    free(worker->socket);
    free(worker);
    return NULL;
}

void worker_start(Worker *worker)
{
    join(worker);
}

/* What was carried over is in the list; the first heartbeat says whether it is still ours, and who is to be rung. */
void worker_go_on(Worker *worker)
{
    worker->joined = worker->look = true;
    if (worker->daemon)
        daemon_ready(worker->daemon);
    (void)on_heartbeat(worker);                 /* an outage is retried as any other */
    worker->unresolved = worker->job_count > 0; /* start_waiting() finds their tasks */
    worker_wake(worker);
    loop_timer_in(worker->announce, 0);
}

static void give_up_jobs(Worker *worker, bool running_too)
{
    for (Job *job = worker->jobs, *next; job; job = next) {
        next = job->next;
        if (running_too || job->phase == JOB_PENDING)
            job_free(job); /* queue_leave gives it back */
    }
}

static int on_drain_grace(void *userdata)
{
    Worker *worker = userdata;
    worker->grace_is_over = true;
    loop_defer(worker->cycle);
    if (worker->job_count == 0)
        return 0;
    log_event(JOBS_HANDED_BACK, "Worker ends %zu tasks that did not end in time, others will run them again",
              worker->job_count);
    give_up_jobs(worker, true);
    return 0;
}

void worker_drain(Worker *worker, void (*drained)(void *userdata), void *userdata)
{
    if (worker->draining)
        return;
    worker->draining = true;
    worker->drained = drained;
    worker->drained_userdata = userdata;
    give_up_jobs(worker, false);
    tell_status(worker);
    if (loop_add_timer(worker->loop, on_drain_grace, worker, &worker->drain_timer) == 0)
        loop_timer_in(worker->drain_timer, worker->settings.drain_grace_usec);
    loop_defer(worker->cycle);
}

void worker_set_daemon(Worker *worker, Daemon *daemon)
{
    worker->daemon = daemon;
    if (!daemon)
        return;
    const char *lack = spawner_lack(worker->spawner);
    const char *how =
        spawner_has_cgroup(worker->spawner) ? "a control group for each task" : "sessions and descendants";
    daemon_health(daemon, "isolation", HEALTH_UP, "%s%s%s", how, lack ? "; " : "", lack ? lack : "");
}

void worker_hurry(Worker *worker)
{
    if (worker->draining && worker->drain_timer)
        loop_timer_in(worker->drain_timer, 0);
}

void worker_hand_over(Worker *worker, void (*ready)(void *userdata), void *userdata)
{
    worker->handed_over = ready;
    worker->handed_over_userdata = userdata;
    if (ready)
        loop_defer(worker->cycle);
    else {
        worker->paused = true; /* the output of some may not be read since the commit */
        resume_jobs(worker);
        worker_wake(worker);
    }
}

size_t worker_job_count(const Worker *worker)
{
    return worker->job_count;
}

static void print_ended(Buffer *text, const char *name, const uint64_t counts[static _STATE_MAX])
{
    for (State state = 0; state < _STATE_MAX; state++)
        if (counts[state] > 0)
            buffer_printf(text, "%s{state=\"%s\"} %" PRIu64 "\n", name, state_to_string(state), counts[state]);
}

void worker_metrics(const Worker *worker, Buffer *text)
{
    buffer_printf(text,
                  "# TYPE kestra_worker_running gauge\nkestra_worker_running %zu\n"
                  "# TYPE kestra_worker_pending gauge\nkestra_worker_pending %zu\n"
                  "# TYPE kestra_worker_commits_total counter\nkestra_worker_commits_total %" PRIu64 "\n"
                  "# TYPE kestra_worker_refused_total counter\nkestra_worker_refused_total %" PRIu64 "\n"
                  "# TYPE kestra_worker_set_aside_total counter\nkestra_worker_set_aside_total %" PRIu64 "\n"
                  "# TYPE kestra_worker_ended_total counter\n",
                  worker->job_count - worker->pending, worker->pending, worker->commits, worker->results_refused,
                  worker->jobs_set_aside);
    print_ended(text, "kestra_worker_ended_total", worker->jobs_ended);
    buffer_append(text, "# TYPE kestra_worker_evaluations_total counter\n");
    print_ended(text, "kestra_worker_evaluations_total", worker->evaluations_ended);
}
