/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A reload is the worker's program taking over from itself: what runs goes on, nothing is claimed twice or reported
 * twice.
 *
 * The unit of work is empty at that moment, so what is said is in the database. What is left is small and here: the
 * instance in the queue with its commit number, and for each job its claim, how far it has come, and the descriptors of
 * what runs. The rest (flow, task, variables) is made again from the claim. A job that has not begun is a claim and
 * nothing else. Secrets that a task has read travel too: its next lines must not show them.
 *
 * Descriptors that systemd would keep over a crash (FDSTORE=1) are not used: whoever is killed loses the tasks with it,
 * by their death signal and by their control group, and their jobs go to others when the lease ends. One rule for that.
 */
#include <unistd.h>

#include "base/clock.h"
#include "base/handover.h"
#include "base/log.h"
#include "doc/json.h"
#include "plugin/registry.h"
#include "worker/storage_child.h"
#include "worker/workspace.h"

static const JobOps *const kinds[] = {&job_wait_ops, &process_ops, &child_ops};

/* --- parts --- */

void handover_descriptor(Worker *worker, json_t *object, const char *name, int fd)
{
    if (fd < 0)
        return;
    json_object_set_new(object, name, json_integer(fd));
    vec_push(worker->kept, fd);
}

int handover_taken(const json_t *object, const char *name)
{
    int fd = (int)json_get_integer(object, name, -1);
    return handover_adopt(fd) ? fd : -1;
}

void handover_spawned(Worker *worker, json_t *object, const Spawned *spawned)
{
    SpawnState state = spawn_state(spawned);
    json_t *child = json_object();
    json_object_set_new(child, "pid", json_integer(state.pid));
    json_object_set_new(child, "reaped", json_boolean(state.reaped));
    json_set_text(child, "mark", state.mark);
    json_set_text(child, "cgroup", state.cgroup);
    json_object_set_new(child, "rusage", handover_bytes((const char *)&state.rusage, sizeof state.rusage));
    handover_descriptor(worker, child, "pidfd", state.pidfd);
    json_object_set_new(object, "spawned", child);
}

Spawned *handover_adopted(Worker *worker, const json_t *object)
{
    const json_t *child = json_object_get(object, "spawned");
    _cleanup_buffer_ Buffer rusage = {};
    SpawnState state = {
        .pid = (pid_t)json_get_integer(child, "pid", 0),
        .pidfd = handover_taken(child, "pidfd"),
        .reaped = json_get_boolean(child, "reaped", false),
        .mark = json_get_text(child, "mark", ""),
        .cgroup = json_get_text(child, "cgroup", NULL),
    };
    handover_read_bytes(json_object_get(child, "rusage"), &rusage);
    if (rusage.length == sizeof state.rusage)
        memcpy(&state.rusage, rusage.text, sizeof state.rusage);
    Spawned *spawned = state.pidfd >= 0 ? spawn_adopt(worker->spawner, &state) : NULL;
    if (!spawned)
        close_fd(state.pidfd);
    return spawned;
}

static const char digits[] = "0123456789abcdef";

json_t *handover_bytes(const char *bytes, size_t length)
{
    _cleanup_free_ char *text = xmalloc(2 * length + 1);
    for (size_t i = 0; i < length; i++) {
        text[2 * i] = digits[(unsigned char)bytes[i] >> 4];
        text[2 * i + 1] = digits[(unsigned char)bytes[i] & 15];
    }
    return json_stringn(text, 2 * length);
}

void handover_read_bytes(const json_t *saved, Buffer *ret)
{
    const char *text = json_string_value(saved);
    for (; text && text[0] && text[1]; text += 2) {
        const char *high = strchr(digits, text[0]), *low = strchr(digits, text[1]);
        if (!high || !low)
            return;
        buffer_append_char(ret, (char)((high - digits) << 4 | (low - digits)));
    }
}

/* --- saving --- */

static json_t *save_claim(const QueueJob *claim)
{
    json_t *object = json_object();
    json_object_set_new(object, "sequence", json_integer(claim->sequence));
    json_set_text(object, "executionId", claim->execution_id);
    json_set_text(object, "taskRunId", claim->task_run_id);
    json_object_set_new(object, "attempt", json_integer(claim->attempt));
    json_object_set_new(object, "lost", json_integer(claim->lost));
    json_object_set_new(object, "killed", json_boolean(claim->killed));
    json_object_set(object, "body", claim->body); /* nothing when NULL */
    json_set_text(object, "reason", claim->reason);
    return object;
}

static json_t *save_metrics(const Job *job)
{
    json_t *list = json_array();
    for (size_t i = 0; i < job->metrics.count; i++) {
        const JobMetric *metric = &job->metrics.items[i];
        json_t *object =
            json_pack("{s:s, s:b, s:f}", "name", metric->name, "timer", metric->is_timer, "value", metric->value);
        if (metric->tags)
            json_object_set(object, "tags", metric->tags);
        json_array_append_new(list, object);
    }
    return list;
}

static json_t *save_secrets(const Mask *mask)
{
    json_t *list = json_array();
    for (size_t i = 0; i < mask->values.count; i++)
        json_array_append_new(list, json_string(mask->values.items[i]));
    return list;
}

/* Under the name of its kind; a process whose stage is done by a child is saved beside that. */
static void save_what_runs(Job *job, json_t *running)
{
    json_t *own = json_object();
    job->ops->save(job, own);
    json_object_set_new(running, job->ops->kind, own);
    if (!job->process || job->ops == &process_ops)
        return;
    json_t *process = json_object();
    process_ops.save(job, process);
    json_object_set_new(running, process_ops.kind, process);
}

static json_t *save_running(Job *job)
{
    json_t *running = json_object();
    json_set_text(running, "stage", job->stage ? job->stage->name : NULL);
    json_object_set_new(running, "fresh", json_boolean(job->fresh));
    json_object_set_new(running, "endState", json_integer(job->end_state));
    json_object_set(running, "outerOutputs", job->outer_outputs); /* nothing when NULL */
    json_set_text(running, "kind", job->ops->kind);
    json_object_set_new(running, "startDate", json_integer((json_int_t)job->start_date));
    json_object_set_new(running, "startedMonotonic", json_integer((json_int_t)job->started_monotonic));
    json_object_set_new(running, "announced", json_boolean(job->announced));
    json_object_set_new(running, "killed", json_boolean(job->killed));
    json_object_set_new(running, "timedOut", json_boolean(job->timed_out));
    json_object_set_new(running, "timeout", json_integer((json_int_t)job->timeout_usec));
    json_object_set_new(running, "deadline", json_integer((json_int_t)MIN(job->deadline, (usec_t)INT64_MAX)));
    json_set_text(running, "directory", job->directory);
    json_object_set_new(running, "metrics", save_metrics(job));
    json_object_set(running, "outputs", job->context.run.outputs);
    json_object_set(running, "notes", job->context.run.notes); /* nothing when NULL */
    json_object_set_new(running, "fires", json_boolean(job->context.run.fires));
    json_object_set_new(running, "finalState", json_integer(job->context.run.final_state));
    json_object_set_new(running, "secrets", save_secrets(&job->context.mask));
    json_object_set_new(running, "logBroken", json_boolean(job->log_broken));
    handover_descriptor(job->worker, running, "log", job->log_fd);
    if (job->other && !job->trigger_id && !job->chore) /* those are found again by the claim */
        json_object_set_new(running, "other", job_task_write(job->other));
    save_what_runs(job, running);
    return running;
}

static json_t *save_job(Job *job)
{
    json_t *object = json_object();
    json_object_set_new(object, "claim", save_claim(&job->claim));
    if (job->carried && job->ops) { /* taken over and not resolved since: as it came, but where it stands now */
        json_t *running = json_copy(job->carried);
        save_what_runs(job, running);
        json_object_set_new(running, "killed", json_boolean(job->killed));
        handover_descriptor(job->worker, running, "log", job->log_fd);
        json_object_set_new(object, "running", running);
    } else if (job->phase == JOB_RUNNING && job->ops)
        json_object_set_new(object, "running", save_running(job));
    return object;
}

/* Pairs: what was left by an ended child, and which. */
static json_t *save_orphans(const Spawner *spawner)
{
    json_t *list = json_array();
    pid_t orphan, left_by;
    for (size_t i = 0; spawner_orphan(spawner, i, &orphan, &left_by); i++)
        json_array_append_new(list, json_pack("[i, i]", (int)orphan, (int)left_by));
    return list;
}

json_t *worker_save(Worker *worker, WorkerDescriptors *ret_kept)
{
    json_t *saved = json_object(), *jobs = json_array(), *storage = json_array();
    worker->kept = ret_kept;
    storage_children_save(worker, storage);
    for (Job *job = worker->jobs; job; job = job->next)
        json_array_append_new(jobs, save_job(job));
    worker->kept = NULL;
    child_pool_forget_idle(worker->children);
    json_object_set_new(saved, "format", json_integer(WORKER_HANDOVER_FORMAT));
    json_object_set_new(saved, "queue", queue_hand_over(worker->queue)); /* nothing when NULL */
    json_set_text(saved, "cgroup", spawner_cgroup(worker->spawner));
    json_object_set_new(saved, "jobs", jobs);
    json_object_set_new(saved, "storage", storage);
    json_object_set_new(saved, "orphans", save_orphans(worker->spawner));
    return saved;
}

/* --- taking over --- */

static QueueJob read_claim(const json_t *object)
{
    return (QueueJob){
        .sequence = json_get_integer(object, "sequence", 0),
        .execution_id = xstrdup_null(json_get_text(object, "executionId", NULL)),
        .task_run_id = xstrdup_null(json_get_text(object, "taskRunId", NULL)),
        .attempt = (int)json_get_integer(object, "attempt", 0),
        .lost = (int)json_get_integer(object, "lost", 0),
        .killed = json_get_boolean(object, "killed", false),
        .body = json_incref(json_object_get(object, "body")),
        .reason = xstrdup_null(json_get_text(object, "reason", NULL)),
    };
}

static void read_metrics(Job *job, const json_t *list)
{
    size_t i;
    json_t *metric;
    json_array_foreach ((json_t *)list, i, metric)
        (void)job_add_metric(job, json_get_text(metric, "name", ""), json_get_boolean(metric, "timer", false),
                             json_number_value(json_object_get(metric, "value")),
                             json_object_get(metric, "tags")); /* they were not too many before */
}

static void read_stage(Job *job, const json_t *carried)
{
    job->stage = stage_by_name(json_get_text(carried, "stage", NULL));
    job->fresh = json_get_boolean(carried, "fresh", false);
    job->end_state = (State)json_get_integer(carried, "endState", STATE_SUCCESS);
    job->outer_outputs = json_incref(json_object_get(carried, "outerOutputs"));
}

bool handover_restore(Job *job, json_t *carried)
{
    const char *kind = json_get_text(carried, "kind", "");
    job->carried = json_incref(carried);
    job->phase = JOB_RUNNING;
    job->start_date = (usec_t)json_get_integer(carried, "startDate", 0);
    job->started_monotonic = (usec_t)json_get_integer(carried, "startedMonotonic", 0);
    job->announced = json_get_boolean(carried, "announced", false);
    job->killed = json_get_boolean(carried, "killed", false);
    job->timed_out = json_get_boolean(carried, "timedOut", false);
    job->timeout_usec = (usec_t)json_get_integer(carried, "timeout", 0);
    job->deadline = (usec_t)json_get_integer(carried, "deadline", 0);
    job->directory = xstrdup_null(json_get_text(carried, "directory", NULL));
    job->log_broken = json_get_boolean(carried, "logBroken", false);
    job->log_fd = handover_taken(carried, "log");
    read_metrics(job, json_object_get(carried, "metrics"));
    read_stage(job, carried);
    const json_t *process = job->stage ? json_object_get(carried, process_ops.kind) : NULL;
    if (process && !process_ops.restore(job, process))
        return false;
    for (size_t i = 0; i < ELEMENTS(kinds); i++)
        if (streq(kinds[i]->kind, kind) && kinds[i]->restore(job, json_object_get(carried, kind))) {
            job->ops = kinds[i];
            return true;
        }
    return false;
}

static void restore_context(Job *job)
{
    JobContext *context = &job->context;
    size_t i;
    const json_t *secret;
    json_array_foreach (json_object_get(job->carried, "secrets"), i, secret)
        mask_copy(&context->mask, json_string_value(secret));
    (void)json_object_update(context->run.outputs, json_object_get(job->carried, "outputs")); /* nothing when absent */
    context->run.final_state = (State)json_get_integer(job->carried, "finalState", STATE_SUCCESS);
    context->run.notes = json_incref(json_object_get(job->carried, "notes"));
    context->run.fires = json_get_boolean(job->carried, "fires", false);
    workspace_restore(job);
}

void handover_attach(Job *job)
{
    restore_context(job);
    json_decref(job->carried);
    job->carried = NULL;
    int r = job->ops->attach(job);
    if (r != 0)
        job_end_by_outcome(job, r);
}

static void take_job(Worker *worker, const json_t *saved)
{
    QueueJob claim = read_claim(json_object_get(saved, "claim"));
    Job *job = job_new(worker, &claim);
    json_t *running = json_object_get(saved, "running");
    if (running && !handover_restore(job, running)) {
        log_error("Task run %s cannot be continued after the reload", job->claim.task_run_id);
        job_fail(job, "The worker was reloaded and could not go on with the task");
    }
}

static void read_orphans(Spawner *spawner, const json_t *list)
{
    size_t i;
    const json_t *pair;
    json_array_foreach (list, i, pair)
        spawner_adopt_orphan(spawner, (pid_t)json_integer_value(json_array_get(pair, 0)),
                             (pid_t)json_integer_value(json_array_get(pair, 1)));
}

void worker_take_over(Worker *worker, const json_t *saved)
{
    const json_t *queue = json_object_get(saved, "queue");
    size_t i;
    const json_t *job;
    storage_children_restore(worker, json_object_get(saved, "storage"));
    if (!queue) {
        log_info("Worker begins anew after the reload: it had no place in the queue yet");
        worker_start(worker);
        return;
    }
    if (queue_take_over(worker->queue, "worker", queue) != 0) {
        log_error("Worker begins anew after the reload: what it was given has no instance id. Its tasks go to others");
        worker_start(worker);
        return;
    }
    json_array_foreach (json_object_get(saved, "jobs"), i, job)
        take_job(worker, job);
    read_orphans(worker->spawner, json_object_get(saved, "orphans"));
    log_info("Worker goes on with %zu tasks", worker->job_count);
    worker_go_on(worker);
}
