/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One claimed job from its start to its result. A job says everything through the worker's unit of work; its result and
 * its last log line are in the same commit, so that whoever sees a task run ended can read all of its log.
 *
 * A job that is given up (job_free) says nothing: its row is still in the queue, or belongs to another worker.
 */
#include <stdarg.h>

#include "base/clock.h"
#include "base/log.h"
#include "doc/json.h"
#include "model/event_kind.h"
#include "plugin/registry.h"
#include "plugin/staging.h"
#include "plugin/wire.h"
#include "worker/log_file.h"
#include "worker/workspace.h"

enum { METRICS_MAX = 10000, METRICS_BYTES_MAX = 1024 * 1024, LOST_MAX = 3 };

/* --- what the task says --- */

void job_journal(const Job *job, int priority, const char *message)
{
    const json_t *flow = json_object_get(job->claim.body, "flow");
    bool is_task = !job->trigger_id;
    char attempt[16];
    (void)snprintf(attempt, sizeof attempt, "%d", job->claim.attempt); /* always fits */
    _cleanup_(log_popp) LogField a = log_push("KESTRA_NAMESPACE", json_get_text(flow, "namespace", NULL));
    _cleanup_(log_popp) LogField b = log_push("KESTRA_FLOW_ID", json_get_text(flow, "id", NULL));
    _cleanup_(log_popp) LogField c = log_push("KESTRA_EXECUTION_ID", is_task ? job->claim.execution_id : NULL);
    _cleanup_(log_popp) LogField d = log_push("KESTRA_TASK_ID", json_get_text(job->claim.body, "taskId", NULL));
    _cleanup_(log_popp) LogField e = log_push("KESTRA_TASKRUN_ID", is_task ? job->claim.task_run_id : NULL);
    _cleanup_(log_popp) LogField f = log_push("KESTRA_ATTEMPT", is_task ? attempt : NULL);
    _cleanup_(log_popp) LogField g = log_push("KESTRA_TRIGGER_ID", job->trigger_id);
    log_task_line(priority, message);
}

static void task_log(Job *job, int level, const char *message)
{
    const json_t *flow = json_object_get(job->claim.body, "flow");
    const LogEntry entry = {
        .namespace = json_get_text(flow, "namespace", ""),
        .flow_id = json_get_text(flow, "id", ""),
        .task_id = json_get_text(job->claim.body, "taskId", NULL),
        .execution_id = job->claim.execution_id,
        .task_run_id = job->claim.task_run_id,
        .attempt = job->claim.attempt,
        .timestamp = clock_realtime(),
        .level = level,
        .thread = "worker",
        .message = message,
    };
    unit_log(job->worker->unit, &entry);
}

static void job_log(void *userdata, int level, const char *message)
{
    Job *job = userdata;
    if (job->held) {
        json_array_append_new(job->held, json_pack("[i, s]", level, message));
        return;
    }
    bool is_error = level >= LOG_LEVEL_ERROR;
    if (job->chore && is_error) {
        free(job->complaint);
        job->complaint = xstrdup(message);
    }
    if (job->task && job->task->log_to_file && log_file_line(job, level, message) && !(job->trigger_id && is_error))
        return; /* an evaluation that fails starts no execution that could show the file */
    if (job->trigger_id)
        evaluation_log(job, level, message);
    else if (!job->chore) /* its execution's log is gone */
        task_log(job, level, message);
    worker_commit_later(job->worker);
    job_journal(job, log_level_priority(level), message);
}

/* Equal for the same metric, whatever the order of its tags. New. */
static char *metric_key(const char *name, bool is_timer, const json_t *tags)
{
    _cleanup_free_ char *text = tags ? json_dumps(tags, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    return xasprintf("%c%s\n%s", is_timer ? 't' : 'c', name, text ? text : "");
}

bool job_add_metric(Job *job, const char *name, bool is_timer, double value, const json_t *tags)
{
    _cleanup_free_ char *key = metric_key(name, is_timer, tags);
    size_t bytes = strlen(key);
    if (!job->metric_index)
        job->metric_index = map_new();
    uintptr_t known = (uintptr_t)map_get(job->metric_index, key);
    if (known) {
        job->metrics.items[known - 1].value += value;
        return true;
    }
    if (job->metrics.count == METRICS_MAX || job->metric_bytes + bytes > METRICS_BYTES_MAX)
        return false;
    job->metric_bytes += bytes;
    vec_push(
        &job->metrics,
        (JobMetric){.name = xstrdup(name), .is_timer = is_timer, .value = value, .tags = json_incref((json_t *)tags)});
    (void)map_put(job->metric_index, key, (void *)(uintptr_t)job->metrics.count); /* it was not there */
    return true;
}

static void job_metric(void *userdata, const char *name, bool is_timer, double value, const json_t *tags)
{
    Job *job = userdata;
    if (job_add_metric(job, name, is_timer, value, tags) || job->metrics_lost)
        return;
    job->metrics_lost = true;
    run_log(&job->context.run, LOG_LEVEL_WARN, "A task has %d metrics of %d bytes in all, at most: others are left out",
            METRICS_MAX, METRICS_BYTES_MAX);
}

static bool job_is_killed(void *userdata)
{
    const Job *job = userdata;
    return job->killed || job->timed_out;
}

/* errorLogs() that is rendered by a child. */
static int answer_error_logs(Job *job, json_t **ret)
{
    const WorkerBackend *backend = job->worker->backend;
    json_t *lines = NULL;
    int r = backend->error_logs ? backend->error_logs(job->worker->backend_userdata, job->claim.execution_id, &lines)
                                : -EOPNOTSUPP;
    if (r != 0)
        return r < 0 ? trace(r) : outage(-EIO);
    *ret = json_pack("{s:o}", "lines", lines);
    return 0;
}

int job_answer(Job *job, const json_t *question, json_t **ret)
{
    const WorkerBackend *backend = job->worker->backend;
    if (streq(json_get_text(question, "what", ""), WIRE_ERROR_LOGS))
        return answer_error_logs(job, ret);
    if (!backend->answer)
        return outage(-EOPNOTSUPP);
    int r = backend->answer(job->worker->backend_userdata, job->worker->unit, question, ret);
    worker_commit_soon(job->worker); /* it may have said something */
    return fold(r);
}

static int job_ask(void *userdata, const json_t *question, json_t **ret)
{
    return job_answer(userdata, question, ret);
}

static const RunOps job_run_ops = {.log = job_log, .metric = job_metric, .is_killed = job_is_killed, .ask = job_ask};

/* --- life --- */

Job *job_new(Worker *worker, QueueJob *claim)
{
    Job *job = xnew(Job);
    job->worker = worker;
    job->log_fd = -1;
    job->claim = *claim;
    *claim = (QueueJob){};
    job->trigger_id = json_get_text(job->claim.body, "triggerId", NULL);
    job->chore = json_get_text(job->claim.body, "chore", NULL);
    job->previous = worker->last_job;
    if (job->previous)
        job->previous->next = job;
    else
        worker->jobs = job;
    worker->last_job = job;
    worker->job_count++;
    return job;
}

static void unlink_job(Job *job)
{
    Worker *worker = job->worker;
    if (job->previous)
        job->previous->next = job->next;
    else
        worker->jobs = job->next;
    if (job->next)
        job->next->previous = job->previous;
    else
        worker->last_job = job->previous;
    worker->job_count--;
}

void job_release(Job *job)
{
    if (job->ops)
        job->ops->free(job);
    job->ops = NULL;
    process_ops.free(job); /* its stages are done by a child */
    job->timer = loop_source_free(job->timer);
    job->deadline = 0;
}

static void drop_metrics(Job *job)
{
    for (size_t i = 0; i < job->metrics.count; i++) {
        free(job->metrics.items[i].name);
        json_decref(job->metrics.items[i].tags);
    }
    vec_free(&job->metrics);
    map_destroy(job->metric_index, NULL);
    job->metric_index = NULL;
    job->metric_bytes = 0;
}

Job *job_free(Job *job)
{
    if (!job)
        return NULL;
    unlink_job(job);
    if (job->phase == JOB_PENDING && job->task)
        job->worker->pending--;
    job_release(job);
    json_decref(job->carried);
    json_decref(job->outer_outputs);
    drop_metrics(job);
    log_file_drop(job);
    if (job->task)
        workspace_close(job);
    if (job->task)
        job_context_done(&job->context);
    job_task_free(job->other);
    flow_unref(job->flow);
    queue_job_done(&job->claim);
    free(job->complaint);
    free(job);
    return NULL;
}

json_t *job_event_body(const Job *job, State state)
{
    char start[INSTANT_BYTES];
    json_t *body = json_object();
    json_set_text(body, "taskRunId", job->claim.task_run_id);
    json_object_set_new(body, "attempt", json_integer(job->claim.attempt));
    if (job->claim.lost)
        json_object_set_new(body, "lost", json_integer(job->claim.lost));
    json_set_text(body, "state", state_to_string(state));
    if (job->start_date) {
        instant_format_usec(job->start_date, start);
        json_set_text(body, "startDate", start);
    }
    return body;
}

void job_announce(Job *job)
{
    if (job->announced)
        return;
    job->announced = true;
    if (job->chore)
        return; /* nobody waits for it */
    if (job->trigger_id)
        evaluation_announce(job);
    else
        unit_send_event(job->worker->unit, job->claim.execution_id, event_kind_to_string(EVENT_TASK_RUN),
                        job_event_body(job, STATE_RUNNING));
    worker_commit_soon(job->worker);
}

/* What a message cannot carry: the task fails, without its outputs. */
bool job_outputs_fit(Job *job, const json_t *outer_outputs)
{
    size_t bytes = job->worker->settings.message_bytes_max;
    if (!bytes || (!json_exceeds(job->context.run.outputs, bytes) && !json_exceeds(outer_outputs, bytes)))
        return true;
    _cleanup_free_ char *message =
        xasprintf("Unable to emit the worker task result to the queue: the outputs have more than "
                  "%zu bytes (limits.message)",
                  bytes);
    job_log(job, LOG_LEVEL_ERROR, message);
    return false;
}

/* A job that cannot be done stays where it can be seen and replayed. */
static void set_aside(Job *job, const char *reason)
{
    Worker *worker = job->worker;
    char id[ID_BYTES];
    id_new(id);
    _cleanup_(log_popp) LogField poison = log_push("KESTRA_POISON_ID", id);
    log_event(MESSAGE_SET_ASIDE, "Job %" PRId64 " of %s was set aside as %s: %s", job->claim.sequence,
              job->claim.task_run_id, id, reason);
    if (!job->chore) {
        _cleanup_free_ char *message =
            xasprintf("The task's job was set aside: %s. Once the cause is mended: kestractl poison "
                      "replay %s",
                      reason, id);
        job_log(job, LOG_LEVEL_ERROR, message);
    }
    unit_set_aside_job(worker->unit, id, job->claim.sequence, reason);
    worker->jobs_set_aside++;
}

/* A chore has no execution to report to: what fails is set aside, with what it said last. */
static void report_chore(Job *job, State state)
{
    if (state == STATE_FAILED)
        set_aside(job, job->complaint ? job->complaint : "the chore failed");
    else
        unit_finish_job(job->worker->unit, job->claim.sequence, job->claim.execution_id,
                        event_kind_to_string(EVENT_TASK_RUN), job_event_body(job, state));
}

void job_end(Job *job, State state)
{
    Worker *worker = job->worker;
    if (!job->trigger_id && !job->chore) {
        job_close(job, state);
        return;
    }
    if (job->trigger_id) {
        evaluation_close(job, state);
        return;
    }
    report_chore(job, state);
    job_free(job);
    worker_commit_soon(worker);
}

void job_fail(Job *job, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    Arena *arena = arena_new();
    job_log(job, LOG_LEVEL_ERROR, arena_vprintf(arena, format, arguments));
    arena_free(arena);
    va_end(arguments);
    job_end(job, STATE_FAILED);
}

void job_end_by_outcome(Job *job, int r)
{
    if (job->killed) {
        job_end(job, STATE_KILLED);
    } else if (r < 0) {
        errno = -r;
        job_fail(job, "The task could not be run: %m");
    } else {
        job_end(job, r > 0 || job->timed_out ? STATE_FAILED : job->context.run.final_state);
    }
}

/* --- time --- */

void job_log_timeout(Job *job)
{
    usec_t ms = job->timeout_usec / USEC_PER_MSEC;
    run_log(&job->context.run, LOG_LEVEL_ERROR, "Timeout after %02" PRIu64 ":%02" PRIu64 ":%02" PRIu64 ".%03" PRIu64,
            ms / 3600000, ms / 60000 % 60, ms / 1000 % 60, ms % 1000);
}

static void go_on(Job *job);

static int on_timeout(void *userdata)
{
    Job *job = userdata;
    job->timed_out = true;
    job_log_timeout(job);
    job->ops->kill(job);
    return 0;
}

int job_set_timer(Job *job, int (*callback)(void *userdata), usec_t deadline)
{
    int r = loop_add_timer(job->worker->loop, callback, job, &job->timer);
    if (r < 0)
        return trace(r);
    job->deadline = deadline;
    loop_timer_set(job->timer, deadline);
    return 0;
}

static usec_t monotonic_in(usec_t delay)
{
    usec_t at;
    return __builtin_add_overflow(clock_monotonic(), delay, &at) ? USEC_INFINITY : at;
}

int job_rearm_timeout(Job *job)
{
    return job->deadline && !job->timed_out ? job_set_timer(job, on_timeout, job->deadline) : 0;
}

static int arm_timeout(Job *job)
{
    return job->timeout_usec > 0 ? job_set_timer(job, on_timeout, monotonic_in(job->timeout_usec)) : 0;
}

static void times_known(Job *job, int r, json_t *times)
{
    job->timeout_usec = (usec_t)json_get_integer(times, "timeout", 0);
    job->delay_usec = (usec_t)json_get_integer(times, "wait", 0);
    if (r == 0 && !job->task->type->wait)
        r = arm_timeout(job);
    if (r != 0 || stage_is_stopped(job))
        job_end_by_outcome(job, r);
    else
        go_on(job);
}

const Stage stage_times = {.name = "times", .done = times_known};

static int find_times(Job *job, json_t **ret)
{
    return staging_times(&job->context, ret);
}

void job_find_times(Job *job)
{
    _cleanup_json_ json_t *times = NULL;
    int r = 0;
    if (job->trigger_id)
        times = json_pack("{s:I}", "timeout",
                          (json_int_t)MIN(job->worker->settings.evaluation_timeout_usec, (usec_t)INT64_MAX));
    else if (!stage_try(job, find_times, &times, &r)) {
        child_stage(job, &stage_times);
        return;
    }
    times_known(job, r, times);
}

/* --- Sleep and the like: nothing but a timer --- */

static int on_waited(void *userdata)
{
    Job *job = userdata;
    if (job->timed_out)
        job_log_timeout(job);
    job_end_by_outcome(job, 0);
    return 0;
}

static void wait_kill(Job *job)
{
    job_end_by_outcome(job, 0); /* killed, also one whose task is not known yet */
}

static void wait_free(Job *job)
{
}

static void wait_save(Job *job, json_t *ret)
{
}

static bool wait_restore(Job *job, const json_t *saved)
{
    return job->deadline > 0;
}

static int wait_attach(Job *job)
{
    return job_set_timer(job, on_waited, job->deadline);
}

const JobOps job_wait_ops = {
    .kind = "wait",
    .kill = wait_kill,
    .free = wait_free,
    .save = wait_save,
    .restore = wait_restore,
    .attach = wait_attach,
};

static void begin_wait(Job *job)
{
    usec_t delay = job->delay_usec, timeout = job->timeout_usec;
    job->ops = &job_wait_ops;
    job->timed_out = timeout > 0 && timeout < delay; /* known beforehand; logged when it is time */
    int r = job_set_timer(job, on_waited, monotonic_in(job->timed_out ? timeout : delay));
    if (r != 0)
        job_end_by_outcome(job, r);
}

/* --- start --- */

static bool is_runnable(const Type *type)
{
    return type && !type->become && (type->run || type->prepare || type->wait);
}

static void init_context(Job *job)
{
    job_context_init(&job->context, &job->worker->settings.job, job->task, job->claim.body,
                     job->flow ? job->flow->inputs : NULL, &job_run_ops, job);
}

void job_replace_task(Job *job, Task *other)
{
    const Task *own = job->task;
    other->parent = own->parent;
    other->flow = own->flow;
    other->retry = own->retry;
    other->allow_failure = own->allow_failure;
    job->other = other;
    job->task = other;
}

/* A task that is left out, but stands at the end of a shared directory. */
static bool is_skipped(const Job *job)
{
    return json_get_boolean(job->claim.body, "skipped", false);
}

static int find_other(Job *job, json_t **ret)
{
    return staging_become(&job->context, ret);
}

/* Makes the job one of the task that runs in place of its own; it waits for a slot as any other. */
static void other_known(Job *job, int r, json_t *description)
{
    Task *other = r == 0 && !stage_is_stopped(job) ? job_task_read(&plugin_registry, description) : NULL;
    if (!other) {
        job_end_by_outcome(job, r);
        return;
    }
    job_replace_task(job, other);
    job_context_replace(&job->context, other, job->flow->inputs);
    if (!is_runnable(other->type)) {
        job_fail(job, "The templated task must be a runnable task, and not a templated one: %s", other->type_name);
        return;
    }
    job->phase = JOB_PENDING;
    job->worker->pending++;
    (void)job_start_pending(job); /* otherwise it waits for a slot */
}

const Stage stage_become = {.name = "become", .done = other_known};

static void start_other(Job *job)
{
    _cleanup_json_ json_t *description = NULL;
    int r;
    if (stage_try(job, find_other, &description, &r))
        other_known(job, r, description);
    else
        child_stage(job, &stage_become);
}

static int run_task(Job *job, json_t **ret)
{
    return job->task->type->run(&job->context.run);
}

static void run_done(Job *job, int r, json_t *result)
{
    job_end_by_outcome(job, r);
}

const Stage stage_run = {.name = "run", .done = run_done};

/* A child does it over, so nothing of the try counts; here it needs no timeout. */
static void run_in_child(Job *job)
{
    RunContext *run = &job->context.run;
    json_object_clear(run->outputs);
    json_decref(run->notes);
    run->notes = NULL;
    run->final_state = STATE_SUCCESS;
    drop_metrics(job);
    job_find_times(job);
}

static void run_inline(Job *job)
{
    json_t *none;
    int r;
    if (stage_try(job, run_task, &none, &r))
        job_end_by_outcome(job, r);
    else
        run_in_child(job);
}

static void stage_inline(Job *job)
{
    child_stage(job, &stage_run);
}

/* Its files are in the shared directory: an inline task runs; one that is left out has done its part. */
static void opened(Job *job, int r, json_t *result)
{
    if (r != 0)
        workspace_spoiled(job);
    if (r != 0 || stage_is_stopped(job))
        job_end_by_outcome(job, r);
    else if (is_skipped(job))
        job_end(job, STATE_SKIPPED);
    else
        run_inline(job);
}

const Stage stage_open = {.name = "open", .done = opened};

static void open_directory(Job *job)
{
    json_t *none;
    int r = workspace_make(job);
    if (r != 0)
        job_end_by_outcome(job, r);
    else if (stage_try(job, workspace_fill, &none, &r))
        opened(job, r, none);
    else
        child_stage(job, &stage_open);
}

static void start_inline(Job *job)
{
    if (job->task->type->become) {
        start_other(job);
        return;
    }
    if (workspace_is_shared(job))
        open_directory(job);
    else
        run_inline(job);
}

static bool has_child_slot(const Worker *worker)
{
    return child_pool_has_room(worker->children);
}

/* How each kind of type is started, and goes on when its times are known (job_find_times); has_slot NULL: always. Types
 * that are not here do not belong on a worker. */
static const struct JobStart {
    bool (*has_slot)(const Worker *worker);
    void (*start)(Job *job);
    void (*go_on)(Job *job);
} job_starts[] = {
    [RUN_INLINE] = {.start = start_inline, .go_on = stage_inline},
    [RUN_WAIT] = {.start = job_find_times, .go_on = begin_wait},
    [RUN_CHILD] = {.has_slot = has_child_slot, .start = child_start, .go_on = child_run},
    [RUN_PROCESS] = {.has_slot = process_has_slot, .start = process_start, .go_on = process_prepare},
};

static void go_on(Job *job)
{
    job_starts[job->task->type->where].go_on(job);
}

bool job_start_pending(Job *job)
{
    const struct JobStart *how = &job_starts[job->task->type->where];
    if (how->has_slot && !how->has_slot(job->worker))
        return false;
    job->worker->pending--;
    job->phase = JOB_RUNNING;
    job->start_date = clock_realtime();
    job->started_monotonic = clock_monotonic();
    if (job->trigger_id)
        evaluation_begin(job);
    how->start(job);
    return true;
}

enum { FIND_ENDED = 1 };

/* The flow and the task of the claim; FIND_ENDED: there are none, and the job has ended as FAILED. */
static int find_task(Job *job)
{
    Worker *worker = job->worker;
    const json_t *flow = json_object_get(job->claim.body, "flow");
    const char *namespace = json_get_text(flow, "namespace", ""), *id = json_get_text(flow, "id", "");
    const char *task_id = json_get_text(job->claim.body, "taskId", "");
    int revision = (int)json_get_integer(flow, "revision", 0);
    int r = worker->backend->load_flow(worker->backend_userdata, namespace, id, revision, &job->flow);
    if (r < 0)
        return trace(r);
    const Task *task = r != 0 ? NULL : job->trigger_id ? evaluation_task(job) : flow_task(job->flow, task_id);
    if (!task) {
        job_fail(job, "There is no %s '%s' in flow '%s.%s' revision %d", job->trigger_id ? "polling trigger" : "task",
                 job->trigger_id ? job->trigger_id : task_id, namespace, id, revision);
        return FIND_ENDED;
    }
    if (!task->type || task->type->where >= ELEMENTS(job_starts) || !job_starts[task->type->where].start) {
        job_fail(job, "Invalid type: %s", task->type_name);
        return FIND_ENDED;
    }
    job->task = task;
    return 0;
}

/* A task of no flow. */
static int find_chore(Job *job)
{
    job->other = job_task_new(&plugin_registry, "chore", job->chore, json_object());
    job->task = job->other;
    if (job->task)
        return 0;
    job_fail(job, "Invalid type: %s", job->chore);
    return FIND_ENDED;
}

/* What runs since before our program did. */
static int resume(Job *job)
{
    json_t *other = json_object_get(job->carried, "other");
    if (other) {
        Task *task = job_task_read(&plugin_registry, other);
        if (!task) {
            job_fail(job, "Invalid type: %s", json_get_text(other, "type", ""));
            return 0;
        }
        job_replace_task(job, task);
    }
    init_context(job);
    handover_attach(job);
    return 0;
}

/* One that cannot be read, or that ends the workers which have it in hand, is set aside. */
static bool is_poison(Job *job)
{
    if (!job->claim.body) {
        set_aside(job, job->claim.reason);
        return true;
    }
    if (job->claim.lost < LOST_MAX)
        return false;
    _cleanup_free_ char *reason = xasprintf("%d workers that had it in hand have died", job->claim.lost);
    set_aside(job, reason);
    return true;
}

int job_start(Job *job)
{
    Worker *worker = job->worker;
    if (job->claim.killed && !job->carried) {
        job_end(job, STATE_KILLED);
        return 0;
    }
    if (!job->carried && is_poison(job)) {
        job_free(job);
        worker_commit_soon(worker);
        return 0;
    }
    int r = job->chore ? find_chore(job) : find_task(job);
    if (r != 0)
        return r < 0 ? trace(r) : 0;
    if (job->carried)
        return resume(job);
    init_context(job);
    if (is_skipped(job)) {
        job->phase = JOB_RUNNING; /* it needs no slot */
        open_directory(job);
        return 0;
    }
    worker->pending++;
    (void)job_start_pending(job); /* otherwise it waits for a slot */
    return 0;
}

bool job_is_unresolved(const Job *job)
{
    return !job->task;
}

void job_kill(Job *job)
{
    if (job->killed)
        return;
    job->killed = true;
    if (job->phase == JOB_PENDING)
        job_end(job, STATE_KILLED);
    else
        job->ops->kill(job);
}
