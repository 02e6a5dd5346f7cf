/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A flow as the API shows it. Kestra writes what it has read, so the source's object is brought to the form that typed
 * reading gives it: labels as a list, texts as texts, values equal to their default left out of tasks and triggers, the
 * defaults of inputs filled in.
 */
#include "model/flow_private.h"

#include "model/execution.h"

static json_t *encode_field(const TypeRegistry *registry, const Field *field, json_t *value);

/* The value as its kind reads it: scalars of a text property become texts, "5" a number, "true" a boolean. New. */
static json_t *read_scalar(FieldKind kind, json_t *value)
{
    const char *text = json_string_value(value);
    bool is_scalar = !json_is_object(value) && !json_is_array(value) && !json_is_null(value);
    if (kind == FIELD_STRING && is_scalar && !text) {
        _cleanup_free_ char *written = json_text(value);
        return json_string(written);
    }
    if (kind == FIELD_BOOLEAN && text && (strcasecmp(text, "true") == 0 || strcasecmp(text, "false") == 0))
        return json_boolean(strcasecmp(text, "true") == 0);
    if (kind == FIELD_INTEGER && text && *text &&
        strspn(text + (*text == '-'), "0123456789") == strlen(text + (*text == '-')))
        return json_integer(strtoimax(text, NULL, 10));
    return json_incref(value);
}

/* Members in their order, each as its row says. New. */
static json_t *encode_object(const TypeRegistry *registry, const Field *table, const Field *common,
                             const json_t *object, bool leave_defaults_out)
{
    json_t *encoded = json_object();
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)(uintptr_t)object, key, value) {
        const Field *field = field_find(common, key);
        if (!field)
            field = field_find(table, key);
        if (json_is_null(value))
            continue;
        json_t *member = field ? encode_field(registry, field, value) : json_incref(value);
        json_t *fallback = NULL;
        if (leave_defaults_out && field && field->fallback)
            fallback = json_loads(field->fallback, JSON_DECODE_ANY, NULL);
        if (!fallback || !json_equal(fallback, member))
            (void)json_object_set_nocheck(encoded, field ? field->name : key, member); /* checked text */
        json_decref(fallback);
        json_decref(member);
    }
    return encoded;
}

static json_t *encode_typed(const TypeRegistry *registry, TypeKind kind, json_t *object)
{
    if (!json_is_object(object))
        return json_incref(object);
    const Type *type = type_find(registry, kind, json_get_text(object, "type", ""), NULL);
    const Field *common = kind == TYPE_TASK      ? fields_of_every_task
                          : kind == TYPE_TRIGGER ? fields_of_every_trigger
                                                 : NULL;
    return encode_object(registry, type ? type->fields : NULL, common, object, true);
}

json_t *input_encode(json_t *input)
{
    if (!json_is_object(input))
        return json_incref(input);
    const char *type = json_get_text(input, "type", "");
    const Variant *variant = input_variants;
    while (variant->type && !streq(variant->type, type))
        variant++;
    json_t *encoded = encode_object(NULL, variant->fields, fields_of_every_input, input, false);
    if (!json_object_get(encoded, "required"))
        json_set_present(encoded, "required", json_true());
    for (const Field *field = variant->fields; field && field->name; field++)
        if (field->fallback && !json_object_get(encoded, field->name))
            json_set_present(encoded, field->name, json_loads(field->fallback, JSON_DECODE_ANY, NULL));
    return encoded;
}

static json_t *encode_list(const TypeRegistry *registry, TypeKind kind, const json_t *list)
{
    json_t *encoded = json_array();
    size_t i;
    json_t *item;
    json_array_foreach (list, i, item)
        (void)json_array_append_new(encoded, encode_typed(registry, kind, item)); /* no failure but memory */
    return encoded;
}

static json_t *encode_cases(const TypeRegistry *registry, json_t *cases)
{
    json_t *encoded = json_object();
    const char *key;
    json_t *tasks;
    json_object_foreach (cases, key, tasks)
        (void)json_object_set_new_nocheck(encoded, key, encode_list(registry, TYPE_TASK, tasks)); /* checked text */
    return encoded;
}

static json_t *encode_nodes(const TypeRegistry *registry, json_t *nodes)
{
    json_t *encoded = json_array();
    size_t i;
    json_t *node;
    json_array_foreach (nodes, i, node)
        (void)json_array_append_new(encoded, encode_object(registry, fields_of_dag_node, NULL, node, false));
    return encoded;
}

static json_t *encode_inputs(json_t *inputs)
{
    json_t *encoded = json_array();
    size_t i;
    json_t *input;
    json_array_foreach (inputs, i, input)
        (void)json_array_append_new(encoded, input_encode(input));
    return encoded;
}

static json_t *encode_labels(json_t *labels)
{
    json_t *list = NULL;
    return labels_decode(labels, &list) == 0 ? list : json_incref(labels);
}

static json_t *encode_objects(const TypeRegistry *registry, const Field *fields, json_t *list)
{
    json_t *encoded = json_array();
    size_t i;
    json_t *item;
    json_array_foreach (list, i, item)
        (void)json_array_append_new(encoded, json_is_object(item) && fields
                                                 ? encode_object(registry, fields, NULL, item, false)
                                                 : json_incref(item));
    return encoded;
}

static json_t *encode_field(const TypeRegistry *registry, const Field *field, json_t *value)
{
    switch (field->kind) {
    case FIELD_TASK:
        return encode_typed(registry, TYPE_TASK, value);
    case FIELD_TASKS:
        return encode_list(registry, TYPE_TASK, value);
    case FIELD_TASK_CASES:
        return encode_cases(registry, value);
    case FIELD_DAG_TASKS:
        return encode_nodes(registry, value);
    case FIELD_CONDITIONS:
        return encode_list(registry, TYPE_CONDITION, value);
    case FIELD_TRIGGERS:
        return encode_list(registry, TYPE_TRIGGER, value);
    case FIELD_INPUTS:
        return encode_inputs(value);
    case FIELD_TASK_RUNNER:
        return encode_typed(registry, TYPE_TASK_RUNNER, value);
    case FIELD_MAP_OR_LIST:
        return streq(field->name, "labels") ? encode_labels(value) : json_incref(value);
    case FIELD_LIST:
        return field->item == FIELD_OBJECT && json_is_array(value) ? encode_objects(registry, field->fields, value)
                                                                   : json_incref(value);
    default:
        return read_scalar(field->kind, value);
    }
}

json_t *flow_definition(const TypeRegistry *registry, const json_t *root)
{
    json_t *definition = encode_object(registry, fields_of_flow, NULL, root, false);
    static const char *const not_stored[] = {"revision", "tenantId", "deleted"};
    for (size_t i = 0; i < ELEMENTS(not_stored); i++)
        (void)json_object_del(definition, not_stored[i]); /* may be absent */
    if (!json_object_get(definition, "disabled"))
        json_set_present(definition, "disabled", json_false());
    return definition;
}

json_t *flow_encode(const Flow *flow, bool with_source)
{
    json_t *encoded = json_copy(flow->definition);
    if (flow->revision > 0)
        json_set_present(encoded, "revision", json_integer(flow->revision));
    json_set_present(encoded, "disabled", json_boolean(flow->disabled));
    json_set_present(encoded, "deleted", json_boolean(flow->deleted));
    if (with_source)
        json_set_text(encoded, "source", flow->source);
    return encoded;
}

static json_t *encode_tasks_for_execution(const TaskList *list);

json_t *task_encode_for_execution(const Task *task)
{
    json_t *encoded = json_pack("{s:s,s:s}", "id", task->id, "type", task->type_name);
    json_t *children = encode_tasks_for_execution(&task->tasks);
    const TaskList *const more[] = {&task->otherwise, &task->errors, &task->finally};
    for (size_t i = 0; i < task->case_count; i++) {
        _cleanup_json_ json_t *list = encode_tasks_for_execution(&task->cases[i].tasks);
        (void)json_array_extend(children, list);
    }
    for (size_t i = 0; i < ELEMENTS(more); i++) {
        _cleanup_json_ json_t *list = encode_tasks_for_execution(more[i]);
        (void)json_array_extend(children, list);
    }
    json_set_present(encoded, "tasks", json_array_size(children) ? json_incref(children) : NULL);
    json_decref(children);
    json_t *on_resume = json_object_get(task->properties, "onResume");
    if (json_is_array(on_resume))
        json_set_present(encoded, "inputs", encode_inputs(on_resume));
    if (task->type && task->type->starts_flow) {
        json_t *subflow = json_object();
        static const char *const names[] = {"namespace", "flowId", "revision"};
        for (size_t i = 0; i < ELEMENTS(names); i++) {
            json_t *value = json_object_get(task->properties, names[i]);
            json_set_present(subflow, names[i], value ? json_incref(value) : NULL);
        }
        json_set_present(encoded, "subflowId", subflow);
    }
    return encoded;
}

static json_t *encode_tasks_for_execution(const TaskList *list)
{
    json_t *encoded = json_array();
    for (size_t i = 0; i < list->count; i++)
        (void)json_array_append_new(encoded, task_encode_for_execution(list->items[i])); /* no failure but memory */
    return encoded;
}

json_t *flow_encode_for_execution(const Flow *flow)
{
    json_t *encoded = json_pack("{s:s,s:s}", "id", flow->id, "namespace", flow->namespace);
    if (flow->revision > 0)
        json_set_present(encoded, "revision", json_integer(flow->revision));
    json_t *inputs = json_object_get(flow->definition, "inputs");
    json_set_present(encoded, "inputs", inputs ? json_incref(inputs) : NULL);
    json_set_present(encoded, "disabled", json_boolean(flow->disabled));
    json_set_present(encoded, "deleted", json_boolean(flow->deleted));
    json_set_present(encoded, "tasks", encode_tasks_for_execution(&flow->tasks));
    json_t *triggers = json_array();
    for (size_t i = 0; i < flow->trigger_count; i++)
        (void)json_array_append_new(
            triggers, json_pack("{s:s,s:s}", "id", flow->triggers[i].id, "type", flow->triggers[i].type_name));
    json_set_present(encoded, "triggers", triggers);
    return encoded;
}
