/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A directed acyclic graph of tasks. Cycles and unknown names are found when the flow is saved, so that the executor
 * never meets a node that cannot start.
 */
#include "plugin/core/flow/flow.h"

static int dag_open(struct FlowableContext *context, struct FlowablePlan *ret)
{
    ret->tasks = &context->task->tasks;
    ret->order = ORDER_DAG;
    ret->concurrency = flow_limit(context, "concurrent", 0);
    return 0;
}

static const char *node_id(const json_t *node)
{
    return json_get_text(json_object_get(node, "task"), "id", "");
}

/* id → node; the nodes are shared. New. */
static json_t *nodes_by_id(const json_t *nodes)
{
    json_t *by_id = json_object();
    size_t index;
    json_t *node;
    json_array_foreach (nodes, index, node)
        json_object_set(by_id, node_id(node), node);
    return by_id;
}

/* Everything that the node depends on, at any distance, goes to `reached`. Each name is walked once; the depth is that
 * of the graph, which the limit on a document's size bounds. */
static void reach(const json_t *by_id, const json_t *node, json_t *reached)
{
    size_t index;
    json_t *name;
    json_array_foreach (json_object_get(node, "dependsOn"), index, name) {
        const char *id = json_string_value(name);
        if (!id || json_object_get(reached, id))
            continue;
        json_object_set_new(reached, id, json_true());
        reach(by_id, json_object_get(by_id, id), reached);
    }
}

static void append_name(Buffer *list, const char *name)
{
    buffer_append(list, list->length ? ", " : "");
    buffer_append(list, name);
}

static void find_unknown(const json_t *nodes, const json_t *by_id, Buffer *ret_names)
{
    size_t index, at;
    json_t *node, *name;
    json_array_foreach (nodes, index, node) {
        json_array_foreach (json_object_get(node, "dependsOn"), at, name) {
            if (json_is_string(name) && !json_object_get(by_id, json_string_value(name)))
                append_name(ret_names, json_string_value(name));
        }
    }
}

/* The nodes that depend on themselves. */
static void find_cycles(const json_t *nodes, const json_t *by_id, Buffer *ret_names)
{
    size_t index;
    json_t *node;
    json_array_foreach (nodes, index, node) {
        _cleanup_json_ json_t *reached = json_object();
        reach(by_id, node, reached);
        if (json_object_get(reached, node_id(node)))
            append_name(ret_names, node_id(node));
    }
}

enum {
    NODES_MAX = 1000, /* bounds the depth and the cost of the walks over dependencies */
};

static void dag_check(const FieldCheck *check, const json_t *properties, const char *path)
{
    const json_t *nodes = json_object_get(properties, "tasks");
    unsigned line = 0, column = 0;
    if (check->document)
        document_position(check->document, properties, "tasks", 0, &line, &column);
    if (!json_array_size(nodes)) {
        diag_error(check->diag, path, line, column, "%s", nodes ? "No task defined" : "invalid Dag task");
        return;
    }
    if (json_array_size(nodes) > NODES_MAX) {
        diag_error(check->diag, path, line, column, "A Dag may have at most %d tasks", NODES_MAX);
        return;
    }
    _cleanup_json_ json_t *by_id = nodes_by_id(nodes);
    _cleanup_buffer_ Buffer unknown = {}, cyclic = {};
    find_unknown(nodes, by_id, &unknown);
    if (unknown.length)
        diag_error(check->diag, path, line, column, "Not existing task id in dependency: %s", buffer_text(&unknown));
    find_cycles(nodes, by_id, &cyclic);
    if (cyclic.length)
        diag_error(check->diag, path, line, column, "Cyclic dependency detected: %s", buffer_text(&cyclic));
}

static const Field fields[] = {
    {.name = "tasks",
     .kind = FIELD_DAG_TASKS,
     .flags = FIELD_NOT_EMPTY,
     .doc = "The nodes: a task, and the ids of those that must have ended before it."},
    FLOW_FIELD_CONCURRENT,
    FLOW_FIELD_ERRORS,
    FLOW_FIELD_FINALLY,
    {},
};

const Type task_core_dag = {
    .name = "io.kestra.plugin.core.flow.Dag",
    .aliases = (const char *const[]){"io.kestra.core.tasks.flows.Dag", NULL},
    .kind = TYPE_TASK,
    .where = RUN_FLOWABLE,
    .shape = SHAPE_DAG,
    .title = "Run tasks in the order of their dependencies",
    .doc =
        "Each task starts as soon as all that it depends on have ended; what does not depend on each other runs at the "
        "same time. A disabled task counts as ended.",
    .fields = fields,
    .check = dag_check,
    .open = dag_open,
};
