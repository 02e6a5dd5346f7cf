/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flow triggers, at the execution that changed state: which flows listen, and whether their conditions hold. A trigger
 * that looks at one execution alone starts its flow in the same commit as the change of state; one that waits for
 * several tells the owner of its windows (windows.h), with the execution that is to be created when all has come true.
 */
#include "executor/live.h"
#include "executor/windows.h"

#include "doc/json.h"
#include "model/input.h"
#include "plugin/flow_trigger.h"

typedef struct Listening {
    Step *step;
    Live *live;
    const Flow *flow; /* that listens */
    const Trigger *trigger;
} Listening;

static json_t *trigger_variables(const Execution *source)
{
    return json_pack("{s:s,s:s,s:s,s:i,s:s}", "executionId", source->id, "namespace", source->namespace, "flowId",
                     source->flow_id, "flowRevision", source->flow_revision, "state",
                     state_to_string(state_current(&source->state)));
}

/* The listening flow's own variables, and everything else of the execution that changed. trigger may be NULL. */
static json_t *build_variables(const Listening *listening, const json_t *trigger)
{
    const Step *step = listening->step;
    const ContextSource source = {
        .flow = listening->flow,
        .execution = listening->live->execution,
        .outputs = listening->live->outputs,
        .globals = step->globals,
        .envs = step->envs,
        .trigger = trigger,
        .encryption_key = step->encryption_key,
    };
    return context_build(&source);
}

/* NULL when it cannot be rendered. New. */
static json_t *render_source(const json_t *source, const ExprContext *context, Diag *diag)
{
    json_t *rendered = NULL;
    _cleanup_(expr_tree_unrefp) ExprTree *tree = expr_tree_compile((json_t *)(uintptr_t)source, diag);
    return expr_tree_render(tree, context, &rendered, diag) == 0 ? rendered : NULL;
}

/* One that cannot be rendered is left out. List of {key, value}; new. */
static json_t *render_labels(const Listening *listening, const ExprContext *context)
{
    _cleanup_json_ json_t *given = NULL;
    json_t *labels = json_array();
    if (labels_decode(json_object_get(listening->trigger->properties, "labels"), &given) != 0)
        return labels;
    size_t i;
    const json_t *label;
    json_array_foreach (given, i, label) {
        _cleanup_json_ json_t *rendered = render_source(label, context, NULL);
        if (json_is_string(json_object_get(rendered, "value")))
            json_array_append(labels, rendered);
    }
    return labels;
}

/* In the log of the execution that changed, as in Kestra: there is no other that somebody could look at. */
static void say_not_started(const Listening *listening, const char *reason)
{
    const Flow *flow = listening->flow;
    const char *trigger_id = listening->trigger->id;
    change_log(listening->step, listening->live, NULL, LOG_LEVEL_WARN,
               "Failed to trigger flow %s.%s for trigger %s, invalid inputs", flow->namespace, flow->id, trigger_id);
    change_log(listening->step, listening->live, NULL, LOG_LEVEL_DEBUG, "Inputs of trigger %s of flow %s.%s: %s",
               trigger_id, flow->namespace, flow->id, reason);
}

/* The trigger's inputs over the defaults that are expressions; the other defaults are known without. NULL: one cannot
 * be rendered. New. */
static json_t *render_inputs(const Listening *listening, const ExprContext *context, Diag *diag)
{
    const json_t *source = json_object_get(listening->trigger->properties, "inputs");
    _cleanup_json_ json_t *given = source ? render_source(source, context, diag) : json_object();
    _cleanup_json_ json_t *defaults = input_defaults(listening->flow->inputs, NULL);
    if (!given || input_defaults_render(defaults, context, true, diag) != 0)
        return NULL;
    json_object_update(defaults, given);
    return TAKE_PTR(defaults);
}

/* NULL when the inputs cannot be rendered or are too large: then nothing is started. */
static Execution *make_execution(const Listening *listening)
{
    Step *step = listening->step;
    const Execution *source = listening->live->execution;
    const Trigger *trigger = listening->trigger;
    _cleanup_json_ json_t *known = trigger_variables(source), *seen = json_copy(known);
    json_object_set_new(seen, "outputs", source->outputs ? json_incref(source->outputs) : json_object());
    _cleanup_json_ json_t *variables = build_variables(listening, seen);
    const ExprContext context = {.variables = variables, .services = step->services};
    _cleanup_diag_ Diag diag = DIAG_INIT;
    _cleanup_json_ json_t *inputs = render_inputs(listening, &context, &diag);
    if (inputs && json_exceeds(inputs, change_message_max(step)))
        diag_error(&diag, NULL, 0, 0, "they have more than %zu bytes (limits.message)", change_message_max(step));
    if (!inputs || diag.errors) {
        say_not_started(listening, diag_first(&diag));
        return NULL;
    }
    char id[ID_BYTES];
    change_new_id(step, id);
    Execution *execution =
        execution_new(id, listening->flow->namespace, listening->flow->id, listening->flow->revision, step->now);
    execution->inputs = TAKE_PTR(inputs);
    execution->trigger = json_pack("{s:s,s:s,s:O}", "id", trigger->id, "type", trigger->type_name, "variables", known);
    _cleanup_json_ json_t *labels = render_labels(listening, &context);
    json_decref(execution->labels);
    execution->labels = labels_merge(listening->flow->labels, labels);
    return execution;
}

/* Something new came true, or the window may be full already and stay so. */
static bool concerns(const json_t *windows)
{
    size_t i;
    const json_t *window;
    json_array_foreach (windows, i, window)
        if (json_array_size(json_object_get(window, "made")) || !json_get_boolean(window, "reset", true))
            return true;
    return false;
}

static void tell_windows(const Listening *listening, json_t *windows, const Execution *execution)
{
    const Flow *flow = listening->flow;
    const usec_t now = listening->step->now;
    _cleanup_free_ char *key = windows_key(flow->namespace, flow->id, listening->trigger->id);
    json_t *body = json_pack("{s:O,s:I}", "windows", windows, "date", (json_int_t)now);
    if (execution)
        json_object_set_new(body, "execution", execution_encode(execution, now));
    unit_send_event(listening->step->unit, key, event_kind_to_string(EVENT_TRIGGER_WINDOW), body);
}

static void look(const Listening *listening)
{
    Step *step = listening->step;
    _cleanup_diag_ Diag diag = DIAG_INIT; /* a condition that cannot be evaluated is false */
    _cleanup_json_ json_t *variables = build_variables(listening, NULL);
    const ExprContext render = {.variables = variables, .services = step->services};
    const ConditionContext context = {
        .render = &render, .flow = listening->flow, .execution = listening->live->execution};
    if (!flow_trigger_holds(listening->trigger, &context, &diag))
        return;
    _cleanup_json_ json_t *windows = flow_trigger_windows(listening->trigger, &context, step->now, &diag);
    if (json_array_size(windows) && !concerns(windows))
        return;
    _cleanup_(execution_freep) Execution *execution = make_execution(listening);
    if (json_array_size(windows))
        tell_windows(listening, windows, execution);
    else if (execution)
        unit_create_execution(step->unit, execution, step->now);
}

void listen_publish(Step *step, Live *live)
{
    Flow *const *flows = NULL;
    size_t count = 0;
    if (!step->listeners)
        return;
    int r = step->listeners(step->flows_userdata, &flows, &count);
    if (r < 0) {
        step->outage = r;
        return;
    }
    const Execution *execution = live->execution;
    for (size_t i = 0; i < count; i++) {
        const Flow *flow = flows[i];
        if (flow->disabled || (streq(flow->id, execution->flow_id) && streq(flow->namespace, execution->namespace)))
            continue;
        for (size_t k = 0; k < flow->trigger_count; k++) {
            const Listening listening = {step, live, flow, &flow->triggers[k]};
            if (flow_trigger_wants(listening.trigger, live_state(live)))
                look(&listening);
        }
    }
}
