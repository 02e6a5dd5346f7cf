/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flow triggers, at the execution that changed state: which flows listen, and whether their conditions hold. A trigger
 * that looks at one execution alone starts its flow in the same commit as the change of state; one that waits for
 * several tells the owner of its windows (windows.h), with the execution that is to be created when all has come true.
 */
#include "executor/live.h"
#include "executor/windows.h"

#include "doc/json.h"
#include "plugin/flow_trigger.h"

typedef struct Listening {
    Step *step;
    const Live *live;
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

/* The trigger's property rendered; NULL when it cannot be. New. */
static json_t *render_property(const Listening *listening, const ExprContext *context, const char *property)
{
    json_t *source = json_object_get(listening->trigger->properties, property), *rendered = NULL;
    if (!source)
        return json_object();
    _cleanup_(expr_tree_unrefp) ExprTree *tree = expr_tree_compile(source, NULL);
    return expr_tree_render(tree, context, &rendered, NULL) == 0 ? rendered : NULL;
}

/* In the listening flow's log: the execution that changed has nothing to do with it. */
static void say_not_started(const Listening *listening, const char *reason)
{
    const Step *step = listening->step;
    unit_log(step->unit, &(LogEntry){.namespace = listening->flow->namespace,
                                     .flow_id = listening->flow->id,
                                     .trigger_id = listening->trigger->id,
                                     .attempt = -1,
                                     .timestamp = step->now,
                                     .level = LOG_LEVEL_ERROR,
                                     .thread = "executor",
                                     .message = reason});
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
    json_t *inputs = render_property(listening, &context, "inputs");
    bool too_large = inputs && json_exceeds(inputs, change_message_max(step));
    if (!inputs || too_large) {
        say_not_started(listening, too_large ? "Nothing was started: the inputs are longer than limits.message"
                                             : "Nothing was started: the inputs can not be rendered");
        json_decref(inputs);
        return NULL;
    }
    char id[ID_BYTES];
    change_new_id(step, id);
    Execution *execution =
        execution_new(id, listening->flow->namespace, listening->flow->id, listening->flow->revision, step->now);
    execution->inputs = inputs;
    execution->trigger = json_pack("{s:s,s:s,s:O}", "id", trigger->id, "type", trigger->type_name, "variables", known);
    _cleanup_json_ json_t *rendered = render_property(listening, &context, "labels"), *labels = NULL;
    if (rendered && labels_decode(rendered, &labels) == 0) {
        json_decref(execution->labels);
        execution->labels = labels_merge(listening->flow->labels, labels);
    }
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
