/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What expressions see. The roots are rows of a table, each built on demand, so that a job for a worker carries the two
 * or three values that its task reads and not the whole execution.
 *
 * The merged `outputs` is a tree of objects by task id and by the values of the enclosing loops; its leaves are the
 * task runs' own output objects, shared and never changed in place. A run changes one leaf, so that an end of a task
 * run costs its depth, in an execution of any size. (Kestra merges all task runs again for each render.)
 */
#include "model/context.h"

#include "doc/json.h"
#include "model/encryption.h"
#include "model/input.h"

#include <ctype.h>

extern char **environ;

/* --- the merged maps --- */

struct OutputsTree {
    json_t *outputs, *tasks;
};

OutputsTree *outputs_tree_new(const Execution *execution)
{
    OutputsTree *tree = xnew(OutputsTree);
    tree->outputs = json_object();
    tree->tasks = json_object();
    for (size_t i = 0; execution && i < execution->task_runs.count; i++)
        outputs_tree_update(tree, execution->task_runs.items[i]);
    return tree;
}

OutputsTree *outputs_tree_free(OutputsTree *tree)
{
    if (tree) {
        json_decref(tree->outputs);
        json_decref(tree->tasks);
        free(tree);
    }
    return NULL;
}

/* The object under key, made when there is none (or when something else is there: the newer shape wins). Borrowed. */
static json_t *descend(json_t *object, const char *key, bool create)
{
    json_t *child = json_object_get(object, key);
    if (json_is_object(child) || !create)
        return json_is_object(child) ? child : NULL;
    child = json_object();
    json_object_set_new_nocheck(object, key, child);
    return child;
}

/* The object that holds the run's leaf: outputs.<task>.<values of the ancestors, outermost first>. The keys on the way
 * are texts of the task runs; *ret_key is the last step. */
static json_t *leaf_parent(json_t *object, const TaskRun *run, bool create, const char **ret_key)
{
    const char *steps[64];
    size_t count = 0;
    if (run->value)
        steps[count++] = run->value;
    for (const TaskRun *parent = run->parent; parent && count < ELEMENTS(steps) - 1; parent = parent->parent)
        if (parent->value)
            steps[count++] = parent->value;
    steps[count++] = run->task_id;
    for (size_t i = count - 1; object && i > 0; i--)
        object = descend(object, steps[i], create);
    *ret_key = steps[0];
    return object;
}

static json_t *task_state(const TaskRun *run)
{
    json_t *state = json_object();
    json_object_set_new_nocheck(state, "state", json_string(state_to_string(state_current(&run->state))));
    return state;
}

void outputs_tree_update(OutputsTree *tree, const TaskRun *run)
{
    const char *key;
    if (run->outputs) {
        json_t *parent = leaf_parent(tree->outputs, run, true, &key);
        json_object_set_nocheck(parent, key, run->outputs);
    }
    if (run->value)
        json_object_set_new_nocheck(descend(tree->tasks, run->task_id, true), run->value, task_state(run));
    else
        json_object_set_new_nocheck(tree->tasks, run->task_id, task_state(run));
}

void outputs_tree_remove(OutputsTree *tree, const TaskRun *run)
{
    const char *key;
    json_t *parent = leaf_parent(tree->outputs, run, false, &key);
    if (parent)
        (void)json_object_del(parent, key); /* absent when the run had no outputs */
    parent = run->value ? descend(tree->tasks, run->task_id, false) : tree->tasks;
    if (parent)
        (void)json_object_del(parent, run->value ? run->value : run->task_id);
}

/* --- the roots --- */

static void set_instant(json_t *object, const char *key, usec_t instant)
{
    char text[INSTANT_BYTES];
    instant_format(instant, text);
    json_object_set_new_nocheck(object, key, json_string(text));
}

static json_t *shared(const json_t *value)
{
    return value ? json_incref((json_t *)value) : NULL;
}

static json_t *root_envs(const ContextSource *source)
{
    return source->envs ? shared(source->envs) : json_object();
}

static json_t *root_globals(const ContextSource *source)
{
    return source->globals ? shared(source->globals) : json_object();
}

static json_t *root_flow(const ContextSource *source)
{
    const Execution *execution = source->execution;
    if (!source->flow && !execution)
        return NULL;
    json_t *flow = json_object();
    json_set_text(flow, "id", source->flow ? source->flow->id : execution->flow_id);
    json_set_text(flow, "namespace", source->flow ? source->flow->namespace : execution->namespace);
    int revision = execution && execution->flow_revision ? execution->flow_revision
                   : source->flow                        ? source->flow->revision
                                                         : 0;
    if (revision)
        json_object_set_new_nocheck(flow, "revision", json_integer(revision));
    return flow;
}

static json_t *root_vars(const ContextSource *source)
{
    return source->flow ? shared(source->flow->variables) : NULL;
}

static json_t *root_task(const ContextSource *source)
{
    if (!source->task)
        return NULL;
    json_t *task = json_object();
    json_set_text(task, "id", source->task->id);
    json_set_text(task, "type", source->task->type_name);
    return task;
}

static json_t *root_taskrun(const ContextSource *source)
{
    const TaskRun *run = source->task_run;
    if (!run)
        return NULL;
    json_t *taskrun = json_object();
    json_set_text(taskrun, "id", run->id);
    set_instant(taskrun, "startDate", state_start_date(&run->state));
    json_object_set_new_nocheck(taskrun, "attemptsCount", json_integer((json_int_t)run->attempts.count));
    if (run->parent)
        json_set_text(taskrun, "parentId", run->parent->id);
    json_set_text(taskrun, "value", run->value);
    int iteration = run->iteration >= 0 ? run->iteration : source->loop_number - 1;
    if (iteration >= 0)
        json_object_set_new_nocheck(taskrun, "iteration", json_integer(iteration));
    return taskrun;
}

/* In a WorkingDirectory: its own run. */
static json_t *root_worker_taskrun(const ContextSource *source)
{
    const TaskRun *parent = source->task_run ? source->task_run->parent : NULL;
    if (!parent || !parent->task || !parent->task->type || !parent->task->type->shares_directory)
        return NULL;
    const ContextSource directory = {.task_run = parent};
    return root_taskrun(&directory);
}

/* {taskrun: {value}?, outputs?} of one ancestor; NULL when it has neither: such ancestors are not counted. */
static json_t *ancestor(const TaskRun *run)
{
    bool has_outputs = json_object_size(run->outputs) > 0;
    if (!run->value && !has_outputs)
        return NULL;
    json_t *parent = json_object();
    if (run->value)
        json_object_set_new_nocheck(parent, "taskrun", json_pack("{s:s}", "value", run->value));
    if (has_outputs)
        json_object_set_nocheck(parent, "outputs", run->outputs);
    return parent;
}

static json_t *root_parent(const ContextSource *source)
{
    for (const TaskRun *run = source->task_run ? source->task_run->parent : NULL; run; run = run->parent) {
        json_t *parent = ancestor(run);
        if (parent)
            return parent;
    }
    return NULL;
}

static json_t *root_parents(const ContextSource *source)
{
    if (!source->task_run)
        return NULL;
    json_t *parents = json_array();
    for (const TaskRun *run = source->task_run->parent; run; run = run->parent) {
        json_t *parent = ancestor(run);
        if (parent)
            json_array_append_new(parents, parent);
    }
    return parents;
}

static json_t *root_execution(const ContextSource *source)
{
    const Execution *execution = source->execution;
    if (!execution)
        return NULL;
    json_t *object = json_object();
    json_set_text(object, "id", execution->id);
    set_instant(object, "startDate", state_start_date(&execution->state));
    json_set_text(object, "originalId", execution->original_id);
    if (source->final_state != STATE_CREATED)
        json_set_text(object, "state", state_to_string(source->final_state));
    return object;
}

/* The object that holds the last step of a dotted id; the step itself in *ret_name. NULL: none. */
static json_t *input_holder(json_t *inputs, const char *id, const char **ret_name)
{
    json_t *holder = inputs;
    for (const char *dot; (dot = strchr(id, '.')); id = dot + 1) {
        _cleanup_free_ char *step = xstrndup(id, (size_t)(dot - id));
        holder = json_object_get(holder, step);
    }
    *ret_name = id;
    return json_is_object(holder) ? holder : NULL;
}

/* SECRET inputs rest sealed; who renders with the key sees them open. One that does not open stays as it is. */
static json_t *open_secrets(const ContextSource *source, json_t *inputs)
{
    const Flow *flow = source->execution && source->execution->flow ? source->execution->flow : source->flow;
    json_t *opened = NULL;
    size_t i;
    const json_t *declaration;
    json_array_foreach (flow ? flow->inputs : NULL, i, declaration) {
        const char *name, *id = json_get_text(declaration, "id", json_get_text(declaration, "name", ""));
        if (!streq(json_get_text(declaration, "type", ""), "SECRET"))
            continue;
        if (!opened)
            opened = json_deep_copy(inputs);
        json_t *holder = input_holder(opened, id, &name);
        const char *sealed = json_get_text(holder, name, NULL);
        _cleanup_free_ char *plain = NULL;
        if (sealed && encryption_open(source->encryption_key, sealed, &plain) == 0)
            json_set_text(holder, name, plain);
    }
    if (!opened)
        return inputs;
    json_decref(inputs);
    return opened;
}

static json_t *given_inputs(const ContextSource *source);
static json_t *root_inputs(const ContextSource *source)
{
    json_t *inputs = given_inputs(source);
    return inputs && source->encryption_key ? open_secrets(source, inputs) : inputs;
}

/* The given inputs over the defaults of those that have no value. */
static json_t *given_inputs(const ContextSource *source)
{
    const json_t *inputs = source->execution ? source->execution->inputs : NULL;
    _cleanup_json_ json_t *defaults =
        source->flow && source->flow->inputs ? input_defaults(source->flow->inputs, inputs) : NULL;
    if (!inputs)
        return defaults ? TAKE_PTR(defaults) : NULL;
    if (!json_object_size(defaults))
        return shared(inputs);
    json_t *merged = json_copy((json_t *)(uintptr_t)inputs);
    (void)json_object_update(merged, defaults); /* they name only inputs without a value */
    return merged;
}

static bool has_task_runs(const ContextSource *source)
{
    return source->outputs && source->execution && source->execution->task_runs.count;
}

static json_t *root_outputs(const ContextSource *source)
{
    return has_task_runs(source) ? shared(source->outputs->outputs) : NULL;
}

static json_t *root_tasks(const ContextSource *source)
{
    return has_task_runs(source) ? shared(source->outputs->tasks) : NULL;
}

static json_t *root_trigger(const ContextSource *source)
{
    if (source->trigger)
        return shared(source->trigger);
    const json_t *trigger = source->execution ? source->execution->trigger : NULL;
    return shared(json_object_get(trigger, "variables"));
}

/* key → value; of the `system.` labels only the first is reached, as labels.system.<key>, as in Kestra. */
static json_t *root_labels(const ContextSource *source)
{
    static const char prefix[] = "system.";
    const json_t *labels = source->execution ? source->execution->labels : source->flow ? source->flow->labels : NULL;
    json_t *map = json_object();
    size_t index;
    json_t *label;
    json_array_foreach (labels, index, label) {
        const char *key = json_get_text(label, "key", "");
        json_t *value = json_object_get(label, "value");
        if (!starts_with(key, prefix))
            json_object_set(map, key, value);
        else if (!json_object_get(map, "system"))
            json_object_set_new_nocheck(map, "system", json_pack("{s:O}", key + sizeof(prefix) - 1, value));
    }
    return map;
}

/* Complete: what semantics.md section 8 lists, in its order. `members`: the root is an object of things that can be
 * given one by one. */
static const struct {
    const char *name;
    json_t *(*build)(const ContextSource *source); /* new or NULL */
    bool members;
} roots[] = {
    {"envs", root_envs, true},
    {"globals", root_globals, true},
    {"flow", root_flow, false},
    {"vars", root_vars, true},
    {"execution", root_execution, false},
    {"inputs", root_inputs, true},
    {"outputs", root_outputs, true},
    {"tasks", root_tasks, true},
    {"task", root_task, false},
    {"taskrun", root_taskrun, false},
    {"workerTaskrun", root_worker_taskrun, false},
    {"parent", root_parent, false},
    {"parents", root_parents, false},
    {"trigger", root_trigger, true},
    {"labels", root_labels, false},
};

/* Variables that triggers gave to the execution stand at the top level, over everything else. */
static const json_t *extra_variables(const ContextSource *source)
{
    return source->execution ? source->execution->variables : NULL;
}

json_t *context_build(const ContextSource *source)
{
    json_t *variables = json_object();
    for (size_t i = 0; i < ELEMENTS(roots); i++) {
        json_t *value = roots[i].build(source);
        if (value)
            json_object_set_new_nocheck(variables, roots[i].name, value);
    }
    const char *name;
    json_t *value;
    json_object_foreach ((json_t *)extra_variables(source), name, value)
        json_object_set_nocheck(variables, name, value);
    return variables;
}

/* A new reference to the whole root, NULL when there is none. */
static json_t *build_root(const ContextSource *source, const char *name, bool *ret_members)
{
    *ret_members = false;
    json_t *extra = json_object_get(extra_variables(source), name);
    if (extra)
        return json_incref(extra);
    for (size_t i = 0; i < ELEMENTS(roots); i++)
        if (streq(roots[i].name, name)) {
            *ret_members = roots[i].members;
            return roots[i].build(source);
        }
    return NULL;
}

/* Adds one path ("root" or "root.member") to the selection. A root of which only members are wanted is an object of its
 * own, so that the shared one is never changed; NULL in `whole` marks it. */
static void select_path(const ContextSource *source, json_t *variables, json_t *whole, const char *path)
{
    const char *dot = strchr(path, '.');
    _cleanup_free_ char *name = dot ? xstrndup(path, (size_t)(dot - path)) : xstrdup(path);
    if (json_object_get(whole, name))
        return;
    bool members;
    _cleanup_json_ json_t *root = build_root(source, name, &members);
    if (!root)
        return;
    if (!dot || !members || !json_is_object(root)) {
        json_object_set_nocheck(variables, name, root);
        json_object_set_new_nocheck(whole, name, json_true());
        return;
    }
    json_t *partial = descend(variables, name, true);
    json_t *member = json_object_get(root, dot + 1);
    if (member)
        json_object_set_nocheck(partial, dot + 1, member);
}

json_t *context_select(const ContextSource *source, const json_t *paths, bool all)
{
    if (all)
        return context_build(source);
    json_t *variables = json_object();
    _cleanup_json_ json_t *whole = json_object();
    size_t index;
    json_t *path;
    json_array_foreach (paths, index, path)
        select_path(source, variables, whole, json_string_value(path));
    return variables;
}

/* --- the environment --- */

json_t *context_envs(const char *prefix)
{
    /* of the process itself, not for flows */
    static const char *const hidden[] = {"KESTRA_CONFIGURATION", "KESTRA_CONFIGURATION_PATH", "KESTRA_PLUGINS_PATH"};
    json_t *envs = json_object();
    size_t prefix_length = strlen(prefix);
    for (char **variable = environ; variable && *variable; variable++) {
        const char *equals = strchr(*variable, '=');
        if (!equals || !starts_with(*variable, prefix))
            continue;
        _cleanup_free_ char *name = xstrndup(*variable, (size_t)(equals - *variable));
        bool is_hidden = false;
        for (size_t i = 0; i < ELEMENTS(hidden); i++)
            is_hidden = is_hidden || streq(name, hidden[i]);
        if (is_hidden || strlen(name) <= prefix_length)
            continue;
        for (char *c = name; *c; c++)
            *c = (char)tolower((unsigned char)*c);
        json_object_set_new(envs, name + prefix_length, json_string(equals + 1));
    }
    return envs;
}
