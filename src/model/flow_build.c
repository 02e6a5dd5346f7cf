/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a checked tree to the structs that roles run. It reads leniently, because stored flows may have been written for
 * other types or older rules: what is not there or not readable stays at its default.
 *
 * Which properties of a type hold child tasks comes from its field table; where they go is the table `child_lists`.
 * Child tasks are left out of their parent's compiled templates, so that each expression is compiled once.
 */
#include "model/flow_private.h"

#include "model/execution.h"

typedef struct FlowBuilder {
    Flow *flow;
    const FlowParse *options;
    const Document *document;
    Diag *diag;
} FlowBuilder;

static void build_list(FlowBuilder *builder, const json_t *list, Task *parent, bool in_errors, TaskList *ret);

bool property_is_true(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    const char *text = json_string_value(value);
    if (text)
        return strcasecmp(text, "true") == 0;
    return json_is_true(value) || (json_is_integer(value) && json_integer_value(value) != 0);
}

const char *property_text(Arena *arena, const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    if (!value || json_is_null(value) || json_is_object(value) || json_is_array(value))
        return NULL;
    if (json_is_string(value))
        return arena_strdup(arena, json_string_value(value));
    _cleanup_free_ char *text = json_text(value);
    return arena_strdup(arena, text);
}

/* Properties that hold child tasks, and the lists they become. */
static const struct {
    const char *property;
    size_t offset;
    bool in_errors;
} child_lists[] = {
    {"tasks", offsetof(Task, tasks), false},        {"then", offsetof(Task, tasks), false},
    {"task", offsetof(Task, tasks), false},         {"else", offsetof(Task, otherwise), false},
    {"defaults", offsetof(Task, otherwise), false}, {"errors", offsetof(Task, errors), true},
    {"finally", offsetof(Task, finally), true},
};

static bool holds_tasks(FieldKind kind)
{
    return kind == FIELD_TASK || kind == FIELD_TASKS || kind == FIELD_TASK_CASES || kind == FIELD_DAG_TASKS;
}

/* The object without its child tasks; new. */
static json_t *own_properties(const Type *type, json_t *properties)
{
    json_t *own = NULL;
    for (const Field *field = type ? type->fields : NULL; field && field->name; field++) {
        if (!holds_tasks(field->kind) || !json_object_get(properties, field->name))
            continue;
        if (!own)
            own = json_copy(properties);
        (void)json_object_del(own, field->name); /* it is there */
    }
    return own ? own : json_incref(properties);
}

static ExprTree *compile(const FlowBuilder *builder, const Type *type, json_t *properties, const char *path)
{
    if (builder->options->skip_expressions)
        return NULL;
    _cleanup_json_ json_t *own = own_properties(type, properties);
    _cleanup_diag_ Diag problems = DIAG_INIT;
    ExprTree *tree = expr_tree_compile(own, &problems);
    for (size_t i = 0; i < problems.entries.count; i++) {
        const DiagEntry *entry = &problems.entries.items[i];
        _cleanup_free_ char *full = entry->path ? xasprintf("%s.%s", path, entry->path) : xstrdup(path);
        _cleanup_free_ char *key =
            xstrndup(entry->path ? entry->path : "", entry->path ? strcspn(entry->path, ".[") : 0);
        unsigned line, column;
        document_position(builder->document, properties, json_object_get(properties, key) ? key : NULL, 0, &line,
                          &column);
        diag_warning(builder->diag, full, line, column, "%s", entry->message);
    }
    return tree;
}

static Task *build_task(FlowBuilder *builder, const Type *type, json_t *properties, Task *parent, bool in_errors)
{
    Flow *flow = builder->flow;
    Arena *arena = flow->arena;
    Task *task = arena_new_n(arena, Task, 1);
    const char *id = property_text(arena, properties, "id");
    const char *type_name = property_text(arena, properties, "type");
    task->id = id ? id : "";
    task->type_name = type_name ? type_name : "";
    task->type = type;
    task->parent = parent;
    task->flow = flow;
    task->properties = json_incref(properties);
    task->disabled = property_is_true(properties, "disabled");
    task->allow_failure = property_is_true(properties, "allowFailure");
    task->allow_warning = property_is_true(properties, "allowWarning");
    task->log_to_file = property_is_true(properties, "logToFile");
    task->in_errors = in_errors;
    task->log_level = property_text(arena, properties, "logLevel");
    task->retry = retry_decode(arena, json_object_get(properties, "retry"));
    task->templates = compile(builder, task->type, properties, task->id);
    document_position(builder->document, properties, NULL, 0, &task->line, &task->column);
    if (!map_get(flow->tasks_by_id, task->id))
        (void)map_put(flow->tasks_by_id, task->id, task); /* the first one wins; checked flows have no second */
    return task;
}

static void build_cases(FlowBuilder *builder, json_t *cases, Task *task)
{
    task->cases = arena_new_n(builder->flow->arena, TaskCase, json_object_size(cases) + 1);
    const char *key;
    json_t *tasks;
    json_object_foreach (cases, key, tasks) {
        TaskCase *branch = &task->cases[task->case_count++];
        branch->name = arena_strdup(builder->flow->arena, key);
        build_list(builder, tasks, task, task->in_errors, &branch->tasks);
    }
}

static const char *const *build_names(Arena *arena, const json_t *list)
{
    const char **names = arena_new_n(arena, const char *, json_array_size(list) + 1);
    size_t count = 0, i;
    const json_t *item;
    json_array_foreach (list, i, item)
        if (json_is_string(item))
            names[count++] = arena_strdup(arena, json_string_value(item));
    return names;
}

static Task *build_with_children(FlowBuilder *builder, json_t *properties, Task *parent, bool in_errors);

static void build_dag(FlowBuilder *builder, json_t *nodes, Task *task)
{
    Arena *arena = builder->flow->arena;
    task->dependencies = arena_new_n(arena, TaskDependency, json_array_size(nodes) + 1);
    task->tasks.items = arena_new_n(arena, Task *, json_array_size(nodes) + 1);
    size_t i;
    const json_t *node;
    json_array_foreach (nodes, i, node) {
        json_t *child = json_object_get(node, "task");
        if (!json_is_object(child))
            continue;
        TaskDependency *dependency = &task->dependencies[task->dependency_count++];
        dependency->task = build_with_children(builder, child, task, task->in_errors);
        dependency->depends_on = build_names(arena, json_object_get(node, "dependsOn"));
        task->tasks.items[task->tasks.count++] = dependency->task;
    }
}

static void build_children(FlowBuilder *builder, const Field *field, json_t *value, Task *task)
{
    if (field->kind == FIELD_TASK_CASES && json_is_object(value)) {
        build_cases(builder, value, task);
        return;
    }
    if (field->kind == FIELD_DAG_TASKS) {
        build_dag(builder, value, task);
        return;
    }
    for (size_t i = 0; i < ELEMENTS(child_lists); i++) {
        if (!streq(child_lists[i].property, field->name))
            continue;
        TaskList *list = (TaskList *)((char *)task + child_lists[i].offset);
        _cleanup_json_ json_t *single = json_is_object(value) ? json_pack("[O]", value) : NULL;
        build_list(builder, single ? single : value, task, task->in_errors || child_lists[i].in_errors, list);
    }
}

/* What the part takes over of its owner; new. */
static json_t *part_properties(const TypePart *part, const Task *owner)
{
    json_t *properties = json_object();
    _cleanup_free_ char *id = xasprintf("%s%s", owner->id, part->suffix);
    json_set_text(properties, "id", id);
    json_set_text(properties, "type", part->type->name);
    for (const Field *field = part->type->fields; field && field->name; field++) {
        json_t *value = json_object_get(owner->properties, field->name);
        if (value)
            (void)json_object_set_nocheck(properties, field->name, value); /* checked text */
    }
    return properties;
}

/* What is wrong with their expressions was said of the owner. */
static void build_parts(const FlowBuilder *builder, Task *owner)
{
    FlowBuilder quiet = *builder;
    quiet.diag = NULL;
    size_t count = 0;
    for (const TypePart *part = owner->type->parts; part->suffix; part++)
        count++;
    owner->tasks.items = arena_new_n(builder->flow->arena, Task *, count);
    for (const TypePart *part = owner->type->parts; part->suffix; part++) {
        _cleanup_json_ json_t *properties = part_properties(part, owner);
        owner->tasks.items[owner->tasks.count++] = build_task(&quiet, part->type, properties, owner, owner->in_errors);
    }
}

static Task *build_with_children(FlowBuilder *builder, json_t *properties, Task *parent, bool in_errors)
{
    const Type *type = type_find(builder->options->registry, TYPE_TASK, json_get_text(properties, "type", ""), NULL);
    Task *task = build_task(builder, type, properties, parent, in_errors);
    for (const Field *field = task->type ? task->type->fields : NULL; field && field->name; field++) {
        json_t *value = holds_tasks(field->kind) ? json_object_get(properties, field->name) : NULL;
        if (value)
            build_children(builder, field, value, task);
    }
    if (type && type->parts)
        build_parts(builder, task);
    return task;
}

static void build_list(FlowBuilder *builder, const json_t *list, Task *parent, bool in_errors, TaskList *ret)
{
    if (!json_array_size(list))
        return;
    ret->items = arena_new_n(builder->flow->arena, Task *, json_array_size(list));
    size_t i;
    json_t *item;
    json_array_foreach (list, i, item)
        if (json_is_object(item))
            ret->items[ret->count++] = build_with_children(builder, item, parent, in_errors);
}

#define EXPRESSION_CONDITION "io.kestra.plugin.core.condition.Expression"

/* `when` is one more condition: whoever asks for the conditions of a trigger need not know of it. New reference. */
static json_t *trigger_properties(json_t *item)
{
    const char *when = json_get_text(item, "when", NULL);
    if (!when)
        return json_incref(item);
    json_t *properties = json_copy(item), *given = json_object_get(item, "conditions");
    json_t *conditions = json_is_array(given) ? json_copy(given) : json_array();
    json_array_append_new(conditions, json_pack("{s:s,s:s}", "type", EXPRESSION_CONDITION, "expression", when));
    json_object_set_new(properties, "conditions", conditions);
    return properties;
}

static void build_triggers(FlowBuilder *builder, const json_t *list)
{
    Flow *flow = builder->flow;
    flow->triggers = arena_new_n(flow->arena, Trigger, json_array_size(list) + 1);
    size_t i;
    json_t *item;
    json_array_foreach (list, i, item) {
        if (!json_is_object(item))
            continue;
        Trigger *trigger = &flow->triggers[flow->trigger_count++];
        const char *id = property_text(flow->arena, item, "id");
        const char *type_name = property_text(flow->arena, item, "type");
        trigger->id = id ? id : "";
        trigger->type_name = type_name ? type_name : "";
        trigger->type = type_find(builder->options->registry, TYPE_TRIGGER, trigger->type_name, NULL);
        trigger->properties = trigger_properties(item);
        trigger->templates = compile(builder, trigger->type, item, trigger->id);
        trigger->disabled = property_is_true(item, "disabled");
    }
}

static void build_outputs(FlowBuilder *builder, const json_t *list)
{
    Flow *flow = builder->flow;
    flow->outputs = arena_new_n(flow->arena, FlowOutput, json_array_size(list) + 1);
    size_t i;
    json_t *item;
    json_array_foreach (list, i, item) {
        FlowOutput *output = &flow->outputs[flow->output_count];
        output->id = property_text(flow->arena, item, "id");
        output->type = property_text(flow->arena, item, "type");
        json_t *value = json_object_get(item, "value");
        if (!output->id || !output->type)
            continue;
        if (value && !builder->options->skip_expressions)
            output->value = expr_tree_compile(value, NULL); /* a syntax error shows when the output is rendered */
        flow->output_count++;
    }
}

static void build_concurrency(Flow *flow, const json_t *concurrency)
{
    static const char *const names[] = {
        [CONCURRENCY_QUEUE] = "QUEUE", [CONCURRENCY_CANCEL] = "CANCEL", [CONCURRENCY_FAIL] = "FAIL"};
    const json_t *limit = json_object_get(concurrency, "limit");
    int64_t number =
        json_is_string(limit) ? strtoimax(json_string_value(limit), NULL, 10) : (int64_t)json_number_value(limit);
    flow->concurrency_limit = number > 0 && number <= INT32_MAX ? (unsigned)number : 0;
    for (size_t i = 0; i < ELEMENTS(names); i++)
        if (streq(names[i], json_get_text(concurrency, "behavior", "QUEUE")))
            flow->concurrency_behavior = (ConcurrencyBehavior)i;
}

/* Labels as list, without those that only Kestra itself may set. */
static json_t *user_labels(const json_t *value)
{
    json_t *labels = NULL;
    if (labels_decode(value, &labels) != 0)
        labels = json_array();
    for (size_t i = json_array_size(labels); i-- > 0;) {
        const char *key = json_get_text(json_array_get(labels, i), "key", "");
        if (starts_with(key, "system.") && !streq(key, "system.readOnly"))
            (void)json_array_remove(labels, i); /* the index exists */
    }
    return labels;
}

static json_t *shared(const json_t *object, const char *key, bool fits)
{
    json_t *value = json_object_get(object, key);
    return fits && value ? json_incref(value) : NULL;
}

void flow_build(Flow *flow, const FlowParse *options, const Document *document, Diag *diag)
{
    FlowBuilder builder = {flow, options, document, diag};
    const json_t *root = flow->effective;
    const char *id = property_text(flow->arena, root, "id");
    const char *namespace = property_text(flow->arena, root, "namespace");
    flow->id = id ? id : "";
    flow->namespace = namespace ? namespace : "";
    flow->revision = options->revision;
    flow->disabled = property_is_true(root, "disabled");
    flow->deleted = property_is_true(root, "deleted");
    flow->labels = user_labels(json_object_get(root, "labels"));
    flow->variables = shared(root, "variables", json_is_object(json_object_get(root, "variables")));
    flow->inputs = shared(root, "inputs", json_is_array(json_object_get(root, "inputs")));
    flow->sla = shared(root, "sla", json_is_array(json_object_get(root, "sla")));
    flow->retry = retry_decode(flow->arena, json_object_get(root, "retry"));
    build_concurrency(flow, json_object_get(root, "concurrency"));
    build_list(&builder, json_object_get(root, "tasks"), NULL, false, &flow->tasks);
    build_list(&builder, json_object_get(root, "errors"), NULL, true, &flow->errors);
    build_list(&builder, json_object_get(root, "finally"), NULL, true, &flow->finally);
    build_list(&builder, json_object_get(root, "afterExecution"), NULL, true, &flow->after_execution);
    build_triggers(&builder, json_object_get(root, "triggers"));
    build_outputs(&builder, json_object_get(root, "outputs"));
}
