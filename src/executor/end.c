/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ends: of a task run (its parent's scope counts it and is put in line), of a scope (its flowable gets a state), of the
 * execution (flow outputs, and everyone who waits for it is told).
 */
#include "executor/live.h"

#include "doc/json.h"
#include "model/input.h"
#include "plugin/registry.h"
#include "plugin/schedule.h"

void end_run(Step *step, Live *live, TaskRun *run, State state, usec_t date)
{
    change_run(step, live, run, state, date);
    Scope *scope = live_scope_of(live, run);
    if (!scope)
        return;
    scope_ended(scope, run->flowable->phase, run->flowable->item, state);
    live_line_up(live, scope);
}

void end_scope(Step *step, Live *live, Scope *scope)
{
    bool killing = live_state(live) == STATE_KILLING;
    State state = killing ? STATE_KILLED : scope_state(scope);
    TaskRun *run = scope->run;
    if (!run) {
        live->root = NULL;
        scope_free(scope);
        end_execution(step, live, state);
        return;
    }
    run->flowable->children = NULL;
    scope_free(scope);
    if (!killing && pause_before_next_round(step, live, run, &state))
        return;
    end_run(step, live, run, state, 0);
}

/* --- flow outputs --- */

/* What a flow gives when it ends: as written, and by types. */
typedef struct Outputs {
    json_t *texts, *values;
} Outputs;

static int render_output(const FlowOutput *output, const Render *render, const Step *step, Outputs *outputs, Diag *diag)
{
    _cleanup_json_ json_t *rendered = NULL, *parsed = NULL;
    int r = expr_tree_render(output->value, &render->context, &rendered, diag);
    if (r != 0)
        return r;
    _cleanup_diag_ Diag why = DIAG_INIT;
    r = input_parse_value(output->type, NULL, rendered, step->encryption_key, &parsed, &why);
    if (r != 0) {
        _cleanup_free_ char *text =
            json_is_string(rendered) ? xstrdup(json_string_value(rendered)) : json_text(rendered);
        diag_error(diag, NULL, 0, 0, "%s: Invalid output for `%s`, %s, but received `%.200s`", output->id, output->id,
                   diag_first(&why), text);
        return r;
    }
    json_object_set(outputs->texts, output->id, rendered);
    json_object_set(outputs->values, output->id, parsed);
    return 0;
}

/* A ForEachItem joins the outputs of its executions as they were written, before they got their types; `_merge` asks
 * for them when all have ended. */
static void keep_for_parent(Execution *execution, json_t *texts)
{
    if (json_object_get(json_object_get(execution->internal, "parent"), "iteration"))
        json_object_set(execution->internal, "subflowOutputs", texts);
}

/* False when they could not be made; the reason is in the log then. */
static bool render_outputs(Step *step, Live *live)
{
    Execution *execution = live->execution;
    free(live->outputs_problem);
    live->outputs_problem = NULL;
    const Flow *flow = execution->flow;
    if (!flow || !flow->output_count)
        return true;
    _cleanup_render_ Render render = render_begin(step, live, NULL, NULL);
    _cleanup_json_ json_t *texts = json_object(), *values = json_object();
    Outputs outputs = {texts, values};
    for (size_t i = 0; i < flow->output_count; i++) {
        _cleanup_diag_ Diag diag = DIAG_INIT;
        if (render_output(&flow->outputs[i], &render, step, &outputs, &diag) == 0)
            continue;
        change_log(step, live, NULL, LOG_LEVEL_ERROR, "Failed to render output values: %s", diag_first(&diag));
        live->outputs_problem = xstrdup(diag_first(&diag));
        return false;
    }
    if (!change_fits(step, live, NULL, values, "what the flow gives as outputs"))
        return false;
    keep_for_parent(execution, texts);
    json_decref(execution->outputs);
    execution->outputs = TAKE_PTR(values);
    return true;
}

/* The trigger that started it, if it is one with a row, may start the next one, or stop (`stopAfter`). */
void end_tell_trigger(Step *step, const Live *live)
{
    const Execution *execution = live->execution;
    const char *id = json_get_text(execution->trigger, "id", NULL),
               *type = json_get_text(execution->trigger, "type", "");
    if (id && schedule_slots_has(type_find(&plugin_registry, TYPE_TRIGGER, type, NULL)))
        unit_send_trigger_command(
            step->unit, execution->namespace, execution->flow_id, id, SCHEDULE_EXECUTION_ENDED,
            json_pack("{s:s, s:s}", "executionId", execution->id, "state", state_to_string(live_state(live))));
}

/* Everyone who waits for the end is told in the commit that makes it. */
static void say_ended(Step *step, Live *live)
{
    if (live->postponed)
        change_clear_timer(step, live, "advance", NULL);
    end_tell_trigger(step, live);
    subflow_tell_parent(step, live, live_state(live));
    limit_release(step, live);
    sla_end(step, live);
}

void end_execution(Step *step, Live *live, State state)
{
    bool killed = live_state(live) == STATE_KILLING;
    change_execution_silently(step, live, killed ? STATE_KILLED : state);
    if (!killed && !render_outputs(step, live))
        change_execution_silently(step, live, STATE_FAILED);
    listen_publish(step, live); /* with its outputs */
    char duration[DURATION_BYTES];
    duration_format(state_end_date(&live->execution->state) - state_start_date(&live->execution->state), duration);
    change_log(step, live, NULL, LOG_LEVEL_DEBUG, "Flow completed with state %s in %s",
               state_to_string(live_state(live)), duration);
    say_ended(step, live);
}

static void kill_attempt(Step *step, TaskRun *run)
{
    if (run->attempts.count)
        state_set(&run->attempts.items[run->attempts.count - 1].state, STATE_KILLED, step->now);
}

void end_waiting(Step *step, Live *live, TaskRun *run)
{
    if (state_current(&run->state) == STATE_RETRYING)
        change_clear_timer(step, live, "retry", run);
    if (json_object_get(run->internal, "retryWaits"))
        change_internal(live, run, "retryWaits", NULL);
    pause_clear_timers(step, live, run);
}

static void kill_open_runs(Step *step, Live *live)
{
    for (size_t i = live->execution->task_runs.count; i > 0; i--) {
        TaskRun *run = live->execution->task_runs.items[i - 1];
        end_waiting(step, live, run);
        if (state_is_terminated(state_current(&run->state)))
            continue;
        unit_cancel_job(step->unit, run->id);
        kill_attempt(step, run);
        change_run(step, live, run, STATE_KILLED, 0);
    }
}

void end_at_once(Step *step, Live *live, State state)
{
    change_execution(step, live, state);
    kill_open_runs(step, live);
    say_ended(step, live);
}

void end_as_retried(Step *step, Live *live)
{
    change_execution(step, live, STATE_RETRIED);
    kill_open_runs(step, live);
    limit_release(step, live);
    sla_end(step, live);
}
