/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tasks that the executor carries out itself: labels, and executions of other flows. A child is created in the same
 * commit as the state of its parent; it carries in `internal` whom to tell, and tells it in the commit in which it
 * ends. Neither is lost, whoever dies.
 */
#include "executor/subflow.h"

#include "doc/json.h"
#include "model/input.h"

void subflow_add_attempt(Step *step, TaskRun *run, State state)
{
    TaskRunAttempt attempt = {};
    usec_t begun = MAX(state_start_date(&run->state), step->now);
    state_trail_init(&attempt.state, STATE_CREATED, begun);
    state_set(&attempt.state, STATE_RUNNING, begun);
    state_set(&attempt.state, state, step->now);
    vec_push(&run->attempts, attempt);
}

static void fail(Step *step, Live *live, TaskRun *run, const char *reason)
{
    change_log(step, live, run, LOG_LEVEL_ERROR, "%s", reason);
    change_run(step, live, run, STATE_RUNNING, 0);
    subflow_add_attempt(step, run, STATE_FAILED);
    if (!retry_take(step, live, run))
        end_run(step, live, run, scope_allowed_state(run->task, STATE_FAILED), 0);
}

/* --- creating a child --- */

static json_t *system_labels(const json_t *labels)
{
    json_t *system = json_array();
    size_t index;
    json_t *label;
    json_array_foreach (labels, index, label)
        if (starts_with(json_get_text(label, "key", ""), "system."))
            json_array_append(system, label);
    return system;
}

/* The flow's, the parent's (all, or the system's own), the task's; and the id that correlates all of them. */
static json_t *child_labels(const Execution *parent, const Flow *flow, const ExecutorAction *action,
                            const char *child_id)
{
    static const char correlation[] = "system.correlationId";
    _cleanup_json_ json_t *inherited =
        action->inherit_labels ? json_copy(parent->labels) : system_labels(parent->labels);
    _cleanup_json_ json_t *own = labels_merge(flow->labels, inherited);
    json_t *labels = labels_merge(own, action->labels);
    if (!label_get(labels, correlation))
        json_array_append_new(labels, json_pack("{s:s,s:s}", "key", correlation, "value", child_id));
    return labels;
}

static json_t *child_trigger(const Execution *parent, const TaskRun *run)
{
    json_t *variables = json_pack("{s:s,s:s,s:s,s:i}", "executionId", parent->id, "namespace", parent->namespace,
                                  "flowId", parent->flow_id, "flowRevision", parent->flow_revision);
    return json_pack("{s:s,s:s,s:o}", "id", run->task_id, "type", run->task->type->name, "variables", variables);
}

static int resolve_inputs(Step *step, Live *live, TaskRun *run, const Flow *flow, const ExecutorAction *action,
                          json_t **ret, Diag *diag)
{
    *ret = NULL;
    if (!flow->inputs)
        return 0;
    _cleanup_render_ Render render = render_begin(step, live, run, run->task);
    const InputResolve resolve = {
        .inputs = flow->inputs,
        .given = action->inputs,
        .context = &render.context,
        .encryption_key = step->encryption_key,
    };
    return input_resolve(&resolve, ret, diag);
}

/* How many executions stand above this one. */
static int depth_of(const Execution *execution)
{
    return (int)json_get_integer(execution->internal, "depth", 0);
}

/* Flows that start each other end here and not when the database is full. */
static int check_depth(const Step *step, const Live *live, const ExecutorAction *action, Diag *diag)
{
    enum { DEPTH_MAX = 100 };
    int limit = step->depth_max ? (int)step->depth_max : DEPTH_MAX;
    if (depth_of(live->execution) + 1 < limit)
        return 0;
    diag_error(
        diag, NULL, 0, 0,
        "Cannot execute flow '%s'.'%s': %d executions stand above it, each started by the one before, and no more "
        "are allowed (limits.subflow-depth). Flows that start each other without end come to this",
        action->namespace, action->flow_id, limit);
    return SUBFLOW_E_REFUSED;
}

/* Whom the child tells of its end. The task's own `outputs` are made there, of what the child has then; what they read
 * of this task run goes with them. */
static json_t *parent_of_child(Step *step, Live *live, TaskRun *run, const ExecutorAction *action)
{
    json_t *parent = json_pack("{s:s,s:s}", "executionId", live->execution->id, "taskRunId", run->id);
    if (!action->outputs)
        return parent;
    json_object_set(parent, "outputs", action->outputs);
    _cleanup_render_ Render render = render_begin(step, live, run, run->task);
    json_object_set(parent, "taskrun", json_object_get(render.variables, "taskrun"));
    json_object_set(parent, "task", json_object_get(render.variables, "task"));
    return parent;
}

static Execution *make_child(Step *step, Live *live, TaskRun *run, const Flow *flow, const ExecutorAction *action,
                             const char *id)
{
    Execution *child = execution_new(id, flow->namespace, flow->id, flow->revision, step->now);
    json_decref(child->labels);
    child->labels = child_labels(live->execution, flow, action, id);
    child->trigger = child_trigger(live->execution, run);
    child->schedule_date = action->schedule_date;
    child->internal = json_pack("{s:i}", "depth", depth_of(live->execution) + 1);
    if (action->wait)
        json_object_set_new(child->internal, "parent", parent_of_child(step, live, run, action));
    return child;
}

int subflow_new_child(Step *step, Live *live, TaskRun *run, const ExecutorAction *action, const char *id,
                      Execution **ret, Diag *diag)
{
    _cleanup_(flow_unrefp) Flow *flow = NULL;
    _cleanup_json_ json_t *inputs = NULL;
    int r = check_depth(step, live, action, diag);
    if (r != 0)
        return r;
    r = step->find_flow
            ? step->find_flow(step->flows_userdata, action->namespace, action->flow_id, action->revision, &flow)
            : 1;
    if (r < 0)
        step->outage = r;
    if (r != 0 || !flow)
        diag_error(diag, NULL, 0, 0, "Unable to find flow '%s'.'%s' with revision '%d'", action->namespace,
                   action->flow_id, action->revision);
    else if (flow->disabled)
        diag_error(diag, NULL, 0, 0, "Cannot execute a flow which is disabled");
    else
        r = resolve_inputs(step, live, run, flow, action, &inputs, diag);
    if (inputs && json_exceeds(inputs, change_message_max(step)))
        diag_error(diag, NULL, 0, 0, "Inputs of '%s'.'%s' have more than %zu bytes (limits.message)", action->namespace,
                   action->flow_id, change_message_max(step));
    if (r != 0 || diag->errors)
        return SUBFLOW_E_REFUSED;
    *ret = make_child(step, live, run, flow, action, id);
    (*ret)->inputs = TAKE_PTR(inputs);
    return 0;
}

void subflow_line_up(Execution *child, unsigned ahead)
{
    if (ahead == 0)
        return;
    if (!child->internal)
        child->internal = json_object();
    json_object_set_new(child->internal, "line", json_integer(ahead));
}

void subflow_create(Step *step, Live *live, const TaskRun *run, const Execution *child)
{
    unit_create_execution(step->unit, child, step->now);
    change_log(step, live, run, LOG_LEVEL_INFO,
               "Created new execution [[link execution=\"%s\" flowId=\"%s\" namespace=\"%s\"]]", child->id,
               child->flow_id, child->namespace);
}

static void child_was_created(Step *step, Live *live, TaskRun *run, const Execution *child,
                              const ExecutorAction *action)
{
    change_internal(live, run, "child", json_string(child->id));
    change_internal(live, run, "transmitFailed", json_boolean(action->transmit_failed));
    change_outputs(live, run, json_pack("{s:s,s:s}", "executionId", child->id, "state", "CREATED"));
    change_run(step, live, run, STATE_RUNNING, 0);
    if (action->wait) {
        change_line_up(live, run);
        return;
    }
    live->children++;
    subflow_add_attempt(step, run, STATE_SUCCESS);
    end_run(step, live, run, STATE_SUCCESS, 0);
}

static void start_child(Step *step, Live *live, TaskRun *run, const ExecutorAction *action)
{
    _cleanup_diag_ Diag diag = DIAG_INIT;
    _cleanup_(execution_freep) Execution *child = NULL;
    char id[ID_BYTES];
    change_new_id(step, id);
    if (subflow_new_child(step, live, run, action, id, &child, &diag) != 0) {
        fail(step, live, run, diag_first(&diag));
        return;
    }
    subflow_line_up(child, change_ahead(live) + live->children);
    subflow_create(step, live, run, child);
    child_was_created(step, live, run, child, action);
}

/* --- both --- */

static void set_labels(Step *step, Live *live, TaskRun *run, const ExecutorAction *action)
{
    operation_set_labels(live->execution, action->labels);
    change_outputs(live, run, json_object());
    subflow_add_attempt(step, run, STATE_SUCCESS);
    end_run(step, live, run, STATE_SUCCESS, 0);
}

static bool declares_trigger(const Flow *flow, const char *id)
{
    for (size_t i = 0; id && i < flow->trigger_count; i++)
        if (streq(flow->triggers[i].id, id))
            return true;
    return false;
}

/* The scheduler writes the trigger's row; it is asked in the commit of this end. */
static void toggle(Step *step, Live *live, TaskRun *run, const ExecutorAction *action)
{
    const char *namespace = action->namespace ? action->namespace : live->execution->namespace;
    const char *flow_id = action->flow_id ? action->flow_id : live->execution->flow_id;
    _cleanup_(flow_unrefp) Flow *flow = NULL;
    int r = step->find_flow ? step->find_flow(step->flows_userdata, namespace, flow_id, 0, &flow) : 1;
    if (r < 0)
        step->outage = r;
    if (r != 0 || !declares_trigger(flow, action->trigger_id)) {
        _cleanup_free_ char *reason = xasprintf("Unable to find trigger '%s' of flow '%s'.'%s'",
                                                action->trigger_id ? action->trigger_id : "", namespace, flow_id);
        fail(step, live, run, reason);
        return;
    }
    unit_send_trigger_command(step->unit, namespace, flow_id, action->trigger_id, "setDisabled",
                              json_pack("{s:b}", "disabled", !action->enabled));
    change_run(step, live, run, STATE_RUNNING, 0);
    subflow_add_attempt(step, run, STATE_SUCCESS);
    end_run(step, live, run, STATE_SUCCESS, 0);
}

/* The run and all that it stands in end so, and the execution with them; what runs elsewhere is taken away. A kill goes
 * the way of every kill, because it reaches other executions too. */
static void exit_execution(Step *step, Live *live, TaskRun *run, const ExecutorAction *action)
{
    change_run(step, live, run, STATE_RUNNING, 0);
    if (action->state == STATE_KILLED) {
        unit_send_event(step->unit, live->execution->id, event_kind_to_string(EVENT_KILL), json_object());
        return;
    }
    subflow_add_attempt(step, run, action->state);
    for (TaskRun *at = run; at; at = at->parent)
        change_run(step, live, at, action->state, 0);
    end_at_once(step, live, action->state);
}

static void (*const actions[])(Step *step, Live *live, TaskRun *run, const ExecutorAction *action) = {
    [ACTION_LABELS] = set_labels,
    [ACTION_SUBFLOW] = start_child,
    [ACTION_TOGGLE] = toggle,
    [ACTION_EXIT] = exit_execution,
};

void subflow_carry_out(Step *step, Live *live, TaskRun *run)
{
    if (run->task->type->for_each_item) {
        items_begin(step, live, run);
        return;
    }
    ExecutorAction action = {};
    _cleanup_diag_ Diag diag = DIAG_INIT;
    Render render = render_begin(step, live, run, run->task);
    FlowableContext context = {
        .task = run->task, .task_run = run, .render = &render.context, .diag = &diag, .now = step->now};
    int r = run->task->type->carry_out(&context, &action);
    render_done(&render);
    if (r != 0)
        fail(step, live, run, diag_first(&diag));
    else
        actions[action.kind](step, live, run, &action);
    executor_action_done(&action);
}

/* --- the child's end --- */

/* What the parent's task asks for of a child whose flow declares nothing; *ret_problem (caller frees): why it cannot be
 * made. NULL: nothing. New. */
static json_t *extract_outputs(Step *step, Live *live, const json_t *parent, char **ret_problem)
{
    json_t *templates = json_object_get(parent, "outputs"), *outputs = NULL;
    if (!templates || !live->execution->flow || live->execution->flow->output_count)
        return NULL;
    _cleanup_diag_ Diag diag = DIAG_INIT;
    _cleanup_render_ Render render = render_begin(step, live, NULL, NULL);
    json_object_set(render.variables, "taskrun", json_object_get(parent, "taskrun"));
    json_object_set(render.variables, "task", json_object_get(parent, "task"));
    _cleanup_(expr_tree_unrefp) ExprTree *tree = expr_tree_compile(templates, &diag);
    if (diag.errors || expr_tree_render(tree, &render.context, &outputs, &diag) != 0)
        *ret_problem = xstrdup(diag_first(&diag));
    else if (json_exceeds(outputs, change_message_max(step)))
        *ret_problem = xasprintf("they have more than %zu bytes (limits.message)", change_message_max(step));
    if (*ret_problem && outputs) {
        json_decref(outputs);
        outputs = NULL;
    }
    return outputs;
}

static void add_outputs(Step *step, Live *live, const json_t *parent, json_t *body)
{
    if (json_object_get(parent, "iteration")) /* those are read by `_merge` */
        return;
    _cleanup_free_ char *problem = xstrdup_null(live->outputs_problem);
    _cleanup_json_ json_t *extracted = problem ? NULL : extract_outputs(step, live, parent, &problem);
    json_t *outputs = extracted ? extracted : live->execution->outputs;
    if (problem)
        json_object_set_new(body, "outputsProblem", json_string(problem));
    else if (json_object_size(outputs))
        json_object_set_nocheck(body, "outputs", outputs);
}

void subflow_tell_parent(Step *step, Live *live, State state)
{
    const Execution *child = live->execution;
    json_t *parent = json_object_get(child->internal, "parent");
    const char *execution_id = json_get_text(parent, "executionId", NULL);
    if (!execution_id || json_get_boolean(parent, "told", false)) /* it was restarted after its parent took its end */
        return;
    json_object_set_new(parent, "told", json_true()); /* saved with the end */
    json_t *body = json_object();
    json_set_text(body, "taskRunId", json_get_text(parent, "taskRunId", NULL));
    json_set_text(body, "executionId", child->id);
    json_set_text(body, "startedAs", child->original_id);
    json_set_text(body, "state", state_to_string(state));
    json_set_present(body, "iteration", json_incref(json_object_get(parent, "iteration")));
    json_set_present(body, "round", json_incref(json_object_get(parent, "round")));
    add_outputs(step, live, parent, body);
    unit_send_event(step->unit, execution_id, event_kind_to_string(EVENT_CHILD_END), body);
}

/* transmitFailed hands these on; anything else is a success of the task. */
static State state_of_task(const TaskRun *run, State child)
{
    bool transmit = json_get_boolean(run->internal, "transmitFailed", true);
    bool hands_on = child == STATE_FAILED || child == STATE_PAUSED || child == STATE_KILLED || child == STATE_WARNING;
    return transmit && hands_on ? child : STATE_SUCCESS;
}

/* The child's outputs cannot be had: a failure of the task, whatever the child's state. */
static void fail_without_outputs(Step *step, Live *live, TaskRun *run, const char *problem)
{
    State state = scope_allowed_state(run->task, STATE_FAILED);
    change_log(step, live, run, LOG_LEVEL_WARN, "Failed to extract outputs with the error: '%s'", problem);
    subflow_add_attempt(step, run, state);
    if (!retry_take(step, live, run))
        end_run(step, live, run, state, 0);
}

int act_child_end(Step *step, Live *live, const json_t *body)
{
    TaskRun *run = execution_task_run(live->execution, json_get_text(body, "taskRunId", NULL));
    const char *child_id = json_get_text(body, "executionId", "");
    State child = state_from_string(json_get_text(body, "state", NULL));
    if (run && items_has(run))
        return items_child_end(step, live, run, body);
    if (!run || state_current(&run->state) != STATE_RUNNING ||
        !streq(json_get_text(run->internal, "child", ""), json_get_text(body, "startedAs", child_id)) || child < 0) {
        diag_error(step->diag, NULL, 0, 0, "no task run waits for execution %s", child_id);
        return STEP_E_STALE;
    }
    json_t *outputs = json_pack("{s:s,s:s}", "executionId", child_id, "state", state_to_string(child));
    if (json_object_get(body, "outputs"))
        json_object_set(outputs, "outputs", json_object_get(body, "outputs"));
    change_outputs(live, run, outputs);
    const char *problem = json_get_text(body, "outputsProblem", NULL);
    if (problem) {
        fail_without_outputs(step, live, run, problem);
        return 0;
    }
    State state = state_of_task(run, child);
    State final = scope_allowed_state(run->task, state);
    subflow_add_attempt(step, run, final);
    if (state == STATE_FAILED && retry_take(step, live, run))
        return 0;
    if (state_is_terminated(child))
        change_run(step, live, run, child, 0);
    end_run(step, live, run, final, 0);
    return 0;
}

/* The executions that this one has started, ended or not: what an ended one has started may still run. */
void subflow_kill_children(Step *step, Live *live)
{
    for (size_t i = 0; i < live->execution->task_runs.count; i++) {
        const TaskRun *run = live->execution->task_runs.items[i];
        const char *child = json_get_text(run->internal, "child", NULL);
        if (child)
            unit_send_event(step->unit, child, event_kind_to_string(EVENT_KILL_TREE), json_pack("{s:b}", "cascade", 1));
        if (items_has(run))
            items_kill_children(step, run);
    }
}
