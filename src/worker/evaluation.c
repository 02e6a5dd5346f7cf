/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Jobs of polling triggers. An evaluation runs as a task does, in the same places and under the same fence; what
 * differs is whom it speaks to. There is no execution yet, so its lines bear the trigger's id alone, and its result
 * goes to the scheduler that holds the trigger, which starts the execution. A failure is a line of the log and the next
 * interval.
 */
#include "base/clock.h"
#include "doc/json.h"
#include "plugin/registry.h"
#include "plugin/schedule.h"
#include "worker/log_file.h"

static const char *flow_part(const Job *job, const char *key)
{
    return json_get_text(json_object_get(job->claim.body, "flow"), key, "");
}

void evaluation_log(Job *job, int level, const char *message)
{
    unit_log(job->worker->unit, &(LogEntry){
                                    .namespace = flow_part(job, "namespace"),
                                    .flow_id = flow_part(job, "id"),
                                    .trigger_id = job->trigger_id,
                                    .attempt = -1,
                                    .timestamp = clock_realtime(),
                                    .level = level,
                                    .thread = "worker",
                                    .message = message,
                                });
}

/* What names the evaluation, for the scheduler. New. */
static json_t *message_of(const Job *job)
{
    json_t *message = json_object();
    json_set_text(message, "evaluateRunningDate", json_get_text(job->claim.body, "evaluateRunningDate", NULL));
    return message;
}

void evaluation_announce(Job *job)
{
    json_t *message = message_of(job);
    json_set_text(message, "workerId", queue_instance_id(job->worker->queue));
    unit_send_trigger_command(job->worker->unit, flow_part(job, "namespace"), flow_part(job, "id"), job->trigger_id,
                              SCHEDULE_EVALUATION_RUNS, message);
}

void evaluation_begin(Job *job)
{
    run_log(&job->context.run, LOG_LEVEL_INFO, "Type %s started", job->task->type->name);
}

static void log_end(Job *job)
{
    usec_t ms = (clock_monotonic() - job->started_monotonic) / USEC_PER_MSEC;
    run_log(&job->context.run, LOG_LEVEL_INFO,
            "Type %s completed in %02" PRIu64 ":%02" PRIu64 ":%02" PRIu64 ".%03" PRIu64, job->task->type->name,
            ms / 3600000, ms / 60000 % 60, ms / 1000 % 60, ms % 1000);
}

static bool fires(const Job *job, State state)
{
    return job->task && state == STATE_SUCCESS && job->context.run.fires;
}

void evaluation_close(Job *job, State state)
{
    bool is_too_long = job->task && !job_outputs_fit(job, NULL);
    job_release(job);
    job->end_state = is_too_long ? STATE_FAILED : state;
    if (job->task && job->started_monotonic)
        log_end(job);
    if (!fires(job, job->end_state))
        log_file_drop(job); /* an execution shows it, or nobody */
    job_close_log(job);
}

void evaluation_report(Job *job, State state, const char *log_file)
{
    json_t *message = message_of(job);
    json_set_text(message, "executionId", job->claim.execution_id);
    json_object_set_new(message, "fires", json_boolean(fires(job, state)));
    if (fires(job, state))
        json_object_set(message, "outputs", job->context.run.outputs);
    json_set_text(message, "logFile", log_file); /* nothing when NULL */
    unit_finish_trigger_job(job->worker->unit, job->claim.sequence, flow_part(job, "namespace"), flow_part(job, "id"),
                            job->trigger_id, SCHEDULE_EVALUATION_ENDED, message);
    job->worker->evaluations_ended[state]++;
}

/* The trigger as a task, from the job's flow; NULL when there is none. */
const Task *evaluation_task(Job *job)
{
    for (size_t i = 0; i < job->flow->trigger_count; i++) {
        const Trigger *trigger = &job->flow->triggers[i];
        if (streq(trigger->id, job->trigger_id) && type_is_polling(trigger->type))
            job->other = job_task_new(&plugin_registry, trigger->id, trigger->type->name, trigger->properties);
    }
    return job->other;
}
