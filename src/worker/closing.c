/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The last steps of a job of a task: what is kept of a directory that ends with it, the file of its log, its result.
 * The first two take storage (stage.c); its timeout does not hold for them any more, a kill does.
 */
#include "base/clock.h"
#include "base/log.h"
#include "doc/json.h"
#include "model/event_kind.h"
#include "worker/directory.h"
#include "worker/log_file.h"
#include "worker/workspace.h"

static void send_metrics(Job *job)
{
    const json_t *flow = json_object_get(job->claim.body, "flow");
    for (size_t i = 0; i < job->metrics.count; i++) {
        const JobMetric *metric = &job->metrics.items[i];
        unit_metric(job->worker->unit, &(MetricEntry){
                                           .namespace = json_get_text(flow, "namespace", ""),
                                           .flow_id = json_get_text(flow, "id", ""),
                                           .task_id = json_get_text(job->claim.body, "taskId", ""),
                                           .execution_id = job->claim.execution_id,
                                           .task_run_id = job->claim.task_run_id,
                                           .is_timer = metric->is_timer,
                                           .name = metric->name,
                                           .value = metric->value,
                                           .tags = metric->tags,
                                           .timestamp = clock_realtime(),
                                       });
    }
}

static void report_task(Job *job, const char *log_file)
{
    char end[INSTANT_BYTES];
    Worker *worker = job->worker;
    State state = job->end_state;
    json_t *body = job_event_body(job, state);
    json_object_set(body, "parentOutputs", job->outer_outputs); /* nothing when NULL */
    json_set_text(body, "logFile", log_file);                   /* likewise */
    instant_format_usec(clock_realtime(), end);
    json_set_text(body, "endDate", end);
    if (job->task && json_object_size(job->context.run.outputs) > 0)
        json_object_set(body, "outputs", job->context.run.outputs);
    if (job->task && job->context.run.notes)
        json_object_set(body, "notes", job->context.run.notes);
    send_metrics(job);
    unit_finish_job(worker->unit, job->claim.sequence, job->claim.execution_id, event_kind_to_string(EVENT_TASK_RUN),
                    body);
    worker->jobs_ended[state]++;
}

/* log_file: URI or NULL. */
static void report(Job *job, const char *log_file)
{
    Worker *worker = job->worker;
    if (job->trigger_id)
        evaluation_report(job, job->end_state, log_file);
    else
        report_task(job, log_file);
    job_free(job);
    worker_commit_soon(worker);
}

/* --- the file of its log --- */

static void request_log(const Job *job, json_t *ret)
{
    _cleanup_free_ char *name = log_file_name(job), *uri = log_file_uri(job);
    json_set_text(ret, "name", name);
    json_set_text(ret, "uri", uri);
}

static void log_done(Job *job, int r, json_t *result)
{
    _cleanup_free_ char *uri = r == 0 && job->task ? log_file_uri(job) : NULL;
    if (!uri)
        log_error("Log file of task run %s cannot be stored: %s", job->claim.task_run_id,
                  json_get_text(result, "error", "the process that did it ended"));
    if (!uri && job->killed)
        job->end_state = STATE_KILLED;
    log_file_drop(job);
    report(job, uri);
}

const Stage stage_log = {.name = "log", .request = request_log, .done = log_done};

void job_close_log(Job *job)
{
    if (job->task && job->log_fd >= 0 && job->context.run.storage)
        child_stage(job, &stage_log);
    else
        report(job, NULL);
}

static void close_log(Job *job)
{
    if (job->task && !job_outputs_fit(job, job->outer_outputs)) {
        job->end_state = STATE_FAILED;
        json_object_clear(job->context.run.outputs);
        json_decref(job->outer_outputs);
        job->outer_outputs = NULL;
    }
    job_close_log(job);
}

/* --- what is kept of the directory --- */

static void keep_done(Job *job, int r, json_t *result)
{
    if (job->killed)
        job->end_state = STATE_KILLED;
    else if (r != 0)
        job->end_state = STATE_FAILED;
    else
        job->outer_outputs = json_incref(result);
    if (job->directory)
        directory_remove(job->directory);
    close_log(job);
}

const Stage stage_keep = {.name = "keep", .done = keep_done};

void job_close(Job *job, State state)
{
    _cleanup_json_ json_t *outputs = NULL;
    int r;
    job->end_state = state;
    job_release(job);
    if (!workspace_ends(job, state)) {
        close_log(job);
    } else if (state != STATE_SUCCESS && state != STATE_WARNING && state != STATE_SKIPPED) {
        directory_remove(job->directory);
        close_log(job);
    } else if (stage_try(job, workspace_keep, &outputs, &r)) {
        keep_done(job, r, outputs);
    } else {
        child_stage(job, &stage_keep);
    }
}
