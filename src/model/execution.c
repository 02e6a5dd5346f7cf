/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Executions and task runs as structs and as the API's JSON. The task runs of an execution are a list in order of
 * creation and a map by id; a position is never given twice, so that a reader can order rows by it even after some were
 * removed. Children point to their parent; nothing points down, so that adding a run costs the same in any execution.
 */
#include "model/execution.h"

#include "doc/json.h"

enum {
    EXECUTION_E_INVALID = 1,
};

static void attempt_done(TaskRunAttempt *attempt)
{
    state_trail_done(&attempt->state);
    free(attempt->log_file);
}

static void task_run_free(TaskRun *run)
{
    if (!run)
        return;
    for (size_t i = 0; i < run->attempts.count; i++)
        attempt_done(&run->attempts.items[i]);
    vec_free(&run->attempts);
    state_trail_done(&run->state);
    json_decref(run->outputs);
    json_decref(run->internal);
    free(run->task_id);
    free(run->value);
    free(run);
}

Execution *execution_new(const char *id, const char *namespace, const char *flow_id, int flow_revision, usec_t now)
{
    Execution *execution = xnew(Execution);
    snprintf(execution->id, sizeof(execution->id), "%s", id);
    execution->namespace = xstrdup(namespace);
    execution->flow_id = xstrdup(flow_id);
    execution->flow_revision = flow_revision;
    state_trail_init(&execution->state, STATE_CREATED, now);
    execution->original_id = xstrdup(id);
    execution->attempt_number = 1;
    execution->original_created_date = now;
    execution->labels = json_array();
    execution->task_runs_by_id = map_new();
    execution->dirty = true;
    return execution;
}

Execution *execution_free(Execution *execution)
{
    if (!execution)
        return NULL;
    for (size_t i = 0; i < execution->task_runs.count; i++)
        task_run_free(execution->task_runs.items[i]);
    vec_free(&execution->task_runs);
    if (execution->task_runs_by_id)
        map_destroy(execution->task_runs_by_id, NULL);
    flow_unref(execution->flow);
    state_trail_done(&execution->state);
    json_decref(execution->inputs);
    json_decref(execution->outputs);
    json_decref(execution->variables);
    json_decref(execution->trigger);
    json_decref(execution->labels);
    json_decref(execution->internal);
    free(execution->namespace);
    free(execution->flow_id);
    free(execution->parent_id);
    free(execution->original_id);
    free(execution);
    return NULL;
}

static void execution_append(Execution *execution, TaskRun *run)
{
    vec_push(&execution->task_runs, run);
    map_put(execution->task_runs_by_id, run->id, run);
}

static unsigned next_position(const Execution *execution)
{
    size_t count = execution->task_runs.count;
    return count ? execution->task_runs.items[count - 1]->position + 1 : 0;
}

TaskRun *execution_add_task_run(Execution *execution, const char *id, const char *task_id, const Task *task,
                                TaskRun *parent, const char *value, usec_t now)
{
    TaskRun *run = xnew(TaskRun);
    snprintf(run->id, sizeof(run->id), "%s", id);
    run->task_id = xstrdup(task_id);
    run->task = task;
    run->parent = parent;
    run->value = xstrdup_null(value);
    run->iteration = -1;
    run->position = next_position(execution);
    state_trail_init(&run->state, STATE_CREATED, now);
    run->dirty = true;
    execution_append(execution, run);
    return run;
}

TaskRun *execution_task_run(const Execution *execution, const char *id)
{
    return id ? map_get(execution->task_runs_by_id, id) : NULL;
}

/* Where the run stands in the list: positions ascend, so it is found by halving. */
static size_t index_of(const Execution *execution, const TaskRun *run)
{
    size_t low = 0, high = execution->task_runs.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (execution->task_runs.items[middle]->position < run->position)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void execution_remove_task_run(Execution *execution, TaskRun *run)
{
    size_t index = index_of(execution, run);
    size_t count = execution->task_runs.count;
    if (index >= count || execution->task_runs.items[index] != run)
        return;
    memmove(&execution->task_runs.items[index], &execution->task_runs.items[index + 1],
            (count - index - 1) * sizeof(TaskRun *));
    execution->task_runs.count--;
    map_remove(execution->task_runs_by_id, run->id);
    task_run_free(run);
}

void execution_bind_flow(Execution *execution, Flow *flow)
{
    Flow *previous = execution->flow;
    execution->flow = flow ? flow_ref(flow) : NULL;
    flow_unref(previous);
    for (size_t i = 0; i < execution->task_runs.count; i++) {
        TaskRun *run = execution->task_runs.items[i];
        run->task = flow ? flow_task(flow, run->task_id) : NULL;
    }
}

/* --- JSON --- */

static void set_instant(json_t *object, const char *key, usec_t instant)
{
    char text[INSTANT_BYTES];
    instant_format(instant, text);
    json_object_set_new_nocheck(object, key, json_string(text));
}

/* An object that is absent from the answer when it has nothing in it. */
static void set_unless_empty(json_t *object, const char *key, json_t *value)
{
    if (value && json_object_size(value) > 0)
        json_object_set_nocheck(object, key, value);
}

json_t *execution_encode(const Execution *execution, usec_t now)
{
    json_t *body = json_object();
    json_object_set_new_nocheck(body, "id", json_string(execution->id));
    json_object_set_new_nocheck(body, "namespace", json_string(execution->namespace));
    json_object_set_new_nocheck(body, "flowId", json_string(execution->flow_id));
    json_object_set_new_nocheck(body, "flowRevision", json_integer(execution->flow_revision));
    set_unless_empty(body, "inputs", execution->inputs);
    set_unless_empty(body, "outputs", execution->outputs);
    if (json_array_size(execution->labels) > 0)
        json_object_set_nocheck(body, "labels", execution->labels);
    set_unless_empty(body, "variables", execution->variables);
    json_object_set_new_nocheck(body, "state", state_encode(&execution->state, now));
    json_set_text(body, "parentId", execution->parent_id);
    json_object_set_new_nocheck(body, "originalId", json_string(execution->original_id));
    set_unless_empty(body, "trigger", execution->trigger);
    json_object_set_new_nocheck(body, "deleted", json_boolean(execution->deleted));
    json_t *metadata = json_object();
    json_object_set_new_nocheck(metadata, "attemptNumber", json_integer(execution->attempt_number));
    set_instant(metadata, "originalCreatedDate", execution->original_created_date);
    json_object_set_new_nocheck(body, "metadata", metadata);
    if (execution->schedule_date)
        set_instant(body, "scheduleDate", execution->schedule_date);
    return body;
}

static json_t *attempts_encode(const TaskRun *run, usec_t now)
{
    json_t *attempts = json_array();
    for (size_t i = 0; i < run->attempts.count; i++) {
        json_t *attempt = json_object();
        json_object_set_new_nocheck(attempt, "state", state_encode(&run->attempts.items[i].state, now));
        json_set_text(attempt, "logFile", run->attempts.items[i].log_file);
        json_array_append_new(attempts, attempt);
    }
    return attempts;
}

json_t *task_run_encode(const Execution *execution, const TaskRun *run, usec_t now)
{
    json_t *body = json_object();
    json_object_set_new_nocheck(body, "id", json_string(run->id));
    json_object_set_new_nocheck(body, "executionId", json_string(execution->id));
    json_object_set_new_nocheck(body, "namespace", json_string(execution->namespace));
    json_object_set_new_nocheck(body, "flowId", json_string(execution->flow_id));
    json_object_set_new_nocheck(body, "taskId", json_string(run->task_id));
    if (run->parent)
        json_object_set_new_nocheck(body, "parentTaskRunId", json_string(run->parent->id));
    json_set_text(body, "value", run->value);
    if (run->attempts.count)
        json_object_set_new_nocheck(body, "attempts", attempts_encode(run, now));
    json_object_set_new_nocheck(body, "outputs", run->outputs ? json_incref(run->outputs) : json_null());
    json_object_set_new_nocheck(body, "state", state_encode(&run->state, now));
    if (run->iteration >= 0)
        json_object_set_new_nocheck(body, "iteration", json_integer(run->iteration));
    if (run->dynamic)
        json_object_set_new_nocheck(body, "dynamic", json_true());
    return body;
}

static json_t *take_object(const json_t *body, const char *key)
{
    json_t *value = json_object_get(body, key);
    return json_is_object(value) ? json_incref(value) : NULL;
}

static usec_t get_instant(const json_t *object, const char *key, usec_t fallback)
{
    usec_t instant;
    const char *text = json_get_text(object, key, NULL);
    return text && instant_parse(text, &instant) == 0 ? instant : fallback;
}

static int refuse(Diag *diag, const char *path, const char *what)
{
    diag_error(diag, path, 0, 0, "%s", what);
    return EXECUTION_E_INVALID;
}

static bool is_id(const char *text)
{
    return text && *text && strlen(text) < ID_BYTES;
}

int execution_decode(const json_t *body, Execution **ret, Diag *diag)
{
    const char *id = json_get_text(body, "id", NULL);
    const char *namespace = json_get_text(body, "namespace", NULL);
    const char *flow_id = json_get_text(body, "flowId", NULL);
    if (!is_id(id))
        return refuse(diag, "id", "is not an execution id");
    if (!namespace || !flow_id)
        return refuse(diag, NULL, "the execution names no flow");
    StateTrail state;
    if (state_decode(json_object_get(body, "state"), &state) != 0)
        return refuse(diag, "state", "is not a state");

    usec_t start = state_start_date(&state);
    Execution *execution = execution_new(id, namespace, flow_id, (int)json_get_integer(body, "flowRevision", 0), start);
    state_trail_done(&execution->state);
    execution->state = state;
    execution->inputs = take_object(body, "inputs");
    execution->outputs = take_object(body, "outputs");
    execution->variables = take_object(body, "variables");
    execution->trigger = take_object(body, "trigger");
    json_t *labels;
    if (labels_decode(json_object_get(body, "labels"), &labels) == 0) {
        json_decref(execution->labels);
        execution->labels = labels;
    }
    execution->parent_id = xstrdup_null(json_get_text(body, "parentId", NULL));
    free(execution->original_id);
    execution->original_id = xstrdup(json_get_text(body, "originalId", id));
    const json_t *metadata = json_object_get(body, "metadata");
    execution->attempt_number = (int)json_get_integer(metadata, "attemptNumber", 1);
    execution->original_created_date = get_instant(metadata, "originalCreatedDate", start);
    execution->schedule_date = get_instant(body, "scheduleDate", 0);
    execution->deleted = json_get_boolean(body, "deleted", false);
    execution->dirty = false;
    *ret = execution;
    return 0;
}

static int attempts_decode(TaskRun *run, const json_t *attempts)
{
    size_t index;
    json_t *value;
    json_array_foreach (attempts, index, value) {
        TaskRunAttempt attempt = {};
        if (state_decode(json_object_get(value, "state"), &attempt.state) != 0)
            return EXECUTION_E_INVALID;
        attempt.log_file = xstrdup_null(json_get_text(value, "logFile", NULL));
        vec_push(&run->attempts, attempt);
    }
    return 0;
}

int task_run_decode(Execution *execution, const json_t *body, const json_t *internal, TaskRun **ret, Diag *diag)
{
    const char *id = json_get_text(body, "id", NULL);
    const char *task_id = json_get_text(body, "taskId", NULL);
    const char *parent_id = json_get_text(body, "parentTaskRunId", NULL);
    if (!is_id(id) || !task_id)
        return refuse(diag, "id", "is not a task run");
    if (execution_task_run(execution, id))
        return refuse(diag, "id", "this task run is there already");
    TaskRun *parent = parent_id ? execution_task_run(execution, parent_id) : NULL;
    if (parent_id && !parent)
        return refuse(diag, "parentTaskRunId", "the parent is not before its child");
    StateTrail state;
    if (state_decode(json_object_get(body, "state"), &state) != 0)
        return refuse(diag, "state", "is not a state");

    TaskRun *run = xnew(TaskRun);
    snprintf(run->id, sizeof(run->id), "%s", id);
    run->task_id = xstrdup(task_id);
    run->task = execution->flow ? flow_task(execution->flow, task_id) : NULL;
    run->parent = parent;
    run->value = xstrdup_null(json_get_text(body, "value", NULL));
    run->iteration = (int)json_get_integer(body, "iteration", -1);
    run->dynamic = json_get_boolean(body, "dynamic", false);
    run->state = state;
    run->outputs = take_object(body, "outputs");
    run->internal = json_is_object(internal) ? json_deep_copy(internal) : NULL;
    if (attempts_decode(run, json_object_get(body, "attempts")) != 0) {
        task_run_free(run);
        return refuse(diag, "attempts", "have a wrong state");
    }
    run->position = next_position(execution);
    execution_append(execution, run);
    *ret = run;
    return 0;
}

/* --- labels --- */

const char *label_get(const json_t *labels, const char *key)
{
    size_t index;
    json_t *label;
    json_array_foreach (labels, index, label)
        if (streq(json_get_text(label, "key", ""), key))
            return json_get_text(label, "value", NULL);
    return NULL;
}

static json_t *label_new(const char *key, json_t *value)
{
    json_t *label = json_object();
    json_object_set_new_nocheck(label, "key", json_string(key));
    json_object_set_new_nocheck(label, "value", value);
    return label;
}

json_t *labels_merge(const json_t *base, const json_t *over)
{
    json_t *merged = json_array();
    size_t index;
    json_t *label;
    json_array_foreach (base, index, label)
        if (!label_get(over, json_get_text(label, "key", "")))
            json_array_append(merged, label);
    json_array_foreach (over, index, label)
        json_array_append(merged, label);
    return merged;
}

/* Text of a scalar; NULL for a container. */
static json_t *label_value(json_t *value)
{
    if (json_is_string(value))
        return json_incref(value);
    if (!json_is_number(value) && !json_is_boolean(value))
        return NULL;
    _cleanup_free_ char *text = json_text(value);
    return json_string(text);
}

static int labels_from_list(const json_t *list, json_t *labels)
{
    size_t index;
    json_t *entry;
    json_array_foreach (list, index, entry) {
        const char *key = json_get_text(entry, "key", NULL);
        json_t *value = label_value(json_object_get(entry, "value"));
        if (!key || !value) {
            json_decref(value);
            return EXECUTION_E_INVALID;
        }
        json_array_append_new(labels, label_new(key, value));
    }
    return 0;
}

static int labels_from_map(json_t *map, json_t *labels)
{
    const char *key;
    json_t *entry;
    json_object_foreach (map, key, entry) {
        json_t *value = label_value(entry);
        if (!value)
            return EXECUTION_E_INVALID;
        json_array_append_new(labels, label_new(key, value));
    }
    return 0;
}

int labels_decode(const json_t *value, json_t **ret)
{
    _cleanup_json_ json_t *labels = json_array();
    int r = EXECUTION_E_INVALID;
    if (!value || json_is_null(value))
        r = 0;
    else if (json_is_array(value))
        r = labels_from_list(value, labels);
    else if (json_is_object(value))
        r = labels_from_map((json_t *)value, labels);
    if (r == 0)
        *ret = TAKE_PTR(labels);
    return r;
}
