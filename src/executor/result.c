/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What workers report. A result belongs to one attempt of one task run; whatever does not fit the run as it is now (it
 * was killed, it is at another attempt, it ended) is stale: the queue refuses results of jobs that were taken away,
 * this is the second fence behind it.
 */
#include "executor/live.h"

#include "doc/json.h"

typedef struct Result {
    TaskRun *run;
    size_t attempt, lost; /* lost: so many workers that had the job before have died */
    State state;
    usec_t start, end; /* 0: not given */
    const json_t *body;
} Result;

size_t result_attempts_lost(const TaskRun *run)
{
    return (size_t)json_get_integer(run->internal, "lost", 0);
}

static int stale(Step *step, const char *format, const char *text)
{
    diag_error(step->diag, NULL, 0, 0, format, text);
    return STEP_E_STALE;
}

static usec_t get_date(const json_t *body, const char *key)
{
    usec_t date;
    const char *text = json_get_text(body, key, NULL);
    return text && instant_parse(text, &date) == 0 ? date : 0;
}

static int read_result(Step *step, Live *live, const json_t *body, Result *ret)
{
    const char *id = json_get_text(body, "taskRunId", NULL);
    State state = state_from_string(json_get_text(body, "state", NULL));
    int64_t attempt = json_get_integer(body, "attempt", -1);
    if (!id || attempt < 0 || (!state_is_terminated(state) && state != STATE_RUNNING)) {
        diag_error(step->diag, NULL, 0, 0, "a task-run result needs taskRunId, attempt and a state");
        return STEP_E_INVALID;
    }
    *ret = (Result){
        .run = execution_task_run(live->execution, id),
        .attempt = (size_t)attempt,
        .lost = (size_t)MAX(json_get_integer(body, "lost", 0), (int64_t)0),
        .state = state,
        .start = get_date(body, "startDate"),
        .end = get_date(body, "endDate"),
        .body = body,
    };
    return ret->run ? 0 : stale(step, "there is no task run %s", id);
}

/* Of the lost attempts those of the job that is under way; dispatch() forgets them. */
static size_t lost_with_job(const TaskRun *run)
{
    return (size_t)json_get_integer(run->internal, "lostWithJob", 0);
}

/* It is of the job that the run waits for, and of none of the workers that it had before: each of them makes the
 * attempt a later one. */
static int check_attempt(Step *step, const Result *result)
{
    const TaskRun *run = result->run;
    State state = state_current(&run->state);
    size_t known = lost_with_job(run);
    size_t expected = state == STATE_RUNNING ? run->attempts.count - 1 - known : run->attempts.count;
    if (!state_is_created(state) && state != STATE_RUNNING)
        return stale(step, "the task run is %s", state_to_string(state));
    if (task_run_is_flowable(run) || (state == STATE_RUNNING && !run->attempts.count))
        return stale(step, "no worker has the task run %s", run->id);
    if (result->lost < known || result->attempt != expected + result->lost)
        return stale(step, "the result of task run %s is of another attempt", run->id);
    return 0;
}

static void add_attempt(TaskRun *run, usec_t start)
{
    TaskRunAttempt attempt = {};
    state_trail_init(&attempt.state, STATE_CREATED, start);
    state_set(&attempt.state, STATE_RUNNING, start);
    vec_push(&run->attempts, attempt);
}

/* Attempts that ended with their worker. They count for nobody's retries. */
static void note_lost(Step *step, Live *live, const Result *result)
{
    TaskRun *run = result->run;
    size_t lost = 0;
    for (size_t i = 0; i < result->attempt; i++) {
        if (i == run->attempts.count)
            add_attempt(run, step->now);
        if (state_is_terminated(state_current(&run->attempts.items[i].state)))
            continue;
        state_set(&run->attempts.items[i].state, STATE_KILLED, step->now);
        lost++;
    }
    if (lost == 0)
        return;
    change_internal(live, run, "lostWithJob", json_integer((json_int_t)result->lost));
    change_internal(live, run, "lost", json_integer((json_int_t)(result_attempts_lost(run) + lost)));
    change_log(step, live, run, LOG_LEVEL_WARN,
               "The worker that had this task was lost, and what it did of it is not known: the task began again");
}

static void note_running(Step *step, Live *live, const Result *result)
{
    TaskRun *run = result->run;
    note_lost(step, live, result);
    if (run->attempts.count == result->attempt)
        add_attempt(run, result->start ? result->start : step->now);
    change_run(step, live, run, STATE_RUNNING, result->start);
}

/* Of the WorkingDirectory that the run has ended. */
static void note_outer_outputs(Live *live, const Result *result)
{
    json_t *outer = json_object_get(result->body, "parentOutputs");
    if (json_is_object(outer) && result->run->parent)
        change_outputs(live, result->run->parent, json_incref(outer));
}

static void note_end_of_attempt(Live *live, const Result *result, usec_t end)
{
    TaskRun *run = result->run;
    TaskRunAttempt *attempt = &run->attempts.items[result->attempt];
    state_set(&attempt->state, result->state, end);
    const char *log_file = json_get_text(result->body, "logFile", NULL);
    if (log_file) {
        free(attempt->log_file);
        attempt->log_file = xstrdup(log_file);
    }
    json_t *outputs = json_object_get(result->body, "outputs"), *notes = json_object_get(result->body, "notes");
    note_outer_outputs(live, result);
    if (json_is_object(notes) && run->parent)
        change_internal(live, run->parent, "notes", json_incref(notes));
    if (json_is_object(outputs))
        change_outputs(live, run, json_incref(outputs));
    else
        change_outputs(live, run, json_object());
}

/* Rule 5 of semantics.md section 5. */
static State state_of_run(const Live *live, const TaskRun *run, State state)
{
    const Retry *retry = retry_policy(live, run);
    if (retry && retry->warning_on_retry && run->attempts.count - result_attempts_lost(run) > 1 &&
        state == STATE_SUCCESS)
        state = STATE_WARNING;
    return scope_allowed_state(run->task, state);
}

int result_apply(Step *step, Live *live, const json_t *body)
{
    Result result;
    int r = read_result(step, live, body, &result);
    if (r != 0)
        return r;
    r = check_attempt(step, &result);
    if (r != 0)
        return r;
    if (result.state == STATE_SKIPPED) { /* it was never attempted: begin.c */
        note_outer_outputs(live, &result);
        end_run(step, live, result.run, STATE_SKIPPED, 0);
        return 0;
    }
    note_running(step, live, &result);
    if (result.state == STATE_RUNNING)
        return 0;
    usec_t end = result.end ? result.end : step->now;
    note_end_of_attempt(live, &result, end);
    if (result.state == STATE_FAILED && retry_take(step, live, result.run))
        return 0;
    end_run(step, live, result.run, state_of_run(live, result.run, result.state), end);
    return 0;
}
