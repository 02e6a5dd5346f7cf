/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verbs of the core. Every change of an execution goes through one of them, so that nothing can change without
 * being marked for saving, and nothing is saved twice in a batch.
 */
#include "executor/live.h"

#include "doc/json.h"

State live_state(const Live *live)
{
    return state_current(&live->execution->state);
}

void change_execution(Step *step, Live *live, State state)
{
    change_execution_silently(step, live, state);
    listen_publish(step, live);
}

void change_execution_silently(Step *step, Live *live, State state)
{
    state_set(&live->execution->state, state, step->now);
    live->execution->dirty = true;
}

void change_mark(Live *live, TaskRun *run)
{
    if (!run->dirty)
        vec_push(&live->changed, run);
    run->dirty = true;
}

void change_line_up(Live *live, TaskRun *run)
{
    if (run->flowable->in_line)
        return;
    run->flowable->in_line = true;
    live->in_line++;
}

static void leave_line(Live *live, const TaskRun *run)
{
    if (!run->flowable || !run->flowable->in_line)
        return;
    run->flowable->in_line = false;
    live->in_line--;
}

unsigned change_ahead(const Live *live)
{
    return live->in_line + live->behind;
}

void change_run(Step *step, Live *live, TaskRun *run, State state, usec_t date)
{
    leave_line(live, run);
    state_set(&run->state, state, date ? date : step->now);
    change_mark(live, run);
    outputs_tree_update(live->outputs, run);
}

void change_outputs(Live *live, TaskRun *run, json_t *outputs)
{
    json_decref(run->outputs);
    run->outputs = outputs;
    change_mark(live, run);
    outputs_tree_update(live->outputs, run);
}

void change_internal(Live *live, TaskRun *run, const char *key, json_t *value)
{
    if (!run->internal)
        run->internal = json_object();
    json_set_present(run->internal, key, value);
    change_mark(live, run);
}

void change_new_id(Step *step, char ret_id[static ID_BYTES])
{
    uint64_t high = step->random(step->random_userdata);
    uint64_t low = step->random(step->random_userdata);
    id_from_bits(high, low, ret_id);
}

TaskRun *change_add_run(Step *step, Live *live, const Task *task, TaskRun *parent, const char *value)
{
    char id[ID_BYTES];
    change_new_id(step, id);
    TaskRun *run = execution_add_task_run(live->execution, id, task->id, task, parent, value, step->now);
    run->dirty = false;
    run->flowable = xnew(struct Flowable);
    change_mark(live, run);
    outputs_tree_update(live->outputs, run);
    return run;
}

/* --- timers --- */

static char *timer_name(const char *name, const TaskRun *run)
{
    return run ? xasprintf("%s:%s", name, run->id) : xstrdup(name);
}

void step_note_timer(Step *step, const char *key, const char *name, usec_t date)
{
    vec_push(&step->timers, ((StepTimer){.key = xstrdup(key), .name = xstrdup(name), .date = date}));
}

void change_set_timer(Step *step, Live *live, const char *name, const TaskRun *run, usec_t date)
{
    _cleanup_free_ char *full = timer_name(name, run);
    unit_set_timer(step->unit, live->execution->id, full, date, NULL);
    step_note_timer(step, live->execution->id, full, date);
}

void change_clear_timer(Step *step, Live *live, const char *name, const TaskRun *run)
{
    _cleanup_free_ char *full = timer_name(name, run);
    unit_clear_timer(step->unit, live->execution->id, full);
    step_note_timer(step, live->execution->id, full, 0);
}

void step_forget_timers(Step *step)
{
    for (size_t i = 0; i < step->timers.count; i++) {
        free(step->timers.items[i].key);
        free(step->timers.items[i].name);
    }
    step->timers.count = 0;
}

void step_done(Step *step)
{
    step_forget_timers(step);
    vec_free(&step->timers);
}

/* --- logs --- */

size_t change_message_max(const Step *step)
{
    return step->message_bytes_max ? step->message_bytes_max : (size_t)10 << 20;
}

bool change_fits(Step *step, Live *live, const TaskRun *run, const json_t *message, const char *what)
{
    size_t bytes = change_message_max(step);
    if (!json_exceeds(message, bytes))
        return true;
    change_log(step, live, run, LOG_LEVEL_ERROR, "Message too large: %s has more than %zu bytes (limits.message)", what,
               bytes);
    return false;
}

void change_log(Step *step, Live *live, const TaskRun *run, int level, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    _cleanup_free_ char *message = xvasprintf(format, arguments);
    va_end(arguments);
    const Execution *execution = live->execution;
    LogEntry entry = {
        .namespace = execution->namespace,
        .flow_id = execution->flow_id,
        .execution_id = execution->id,
        .task_id = run ? run->task_id : NULL,
        .task_run_id = run ? run->id : NULL,
        .attempt = run ? (int)run->attempts.count : -1,
        .timestamp = step->now,
        .level = level,
        .thread = "executor",
        .message = message,
    };
    unit_log(step->unit, &entry);
}
