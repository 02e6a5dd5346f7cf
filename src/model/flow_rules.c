/* SPDX-License-Identifier: Apache-2.0 */
/* Rules that concern the flow as a whole. Texts as in io.kestra.core.validations.FlowValidation. */
#include <stdarg.h>

#include "model/execution.h"
#include "model/flow_private.h"

void flow_report(const FlowChecker *checker, const json_t *parent, const char *key, size_t index, const char *format,
                 ...)
{
    unsigned line, column;
    document_position(checker->document, parent, key, index, &line, &column);
    va_list arguments;
    va_start(arguments, format);
    _cleanup_(arena_freep) Arena *arena = arena_new();
    const char *text = arena_vprintf(arena, format, arguments);
    va_end(arguments);
    diag_error(checker->diag, NULL, line, column, "Invalid Flow: %s", text);
    diag_mark(checker->diag, "", false);
}

/* Texts seen so far, and those seen twice in the order of their second appearance. */
typedef struct Names {
    json_t *seen, *twice;
    const json_t *object; /* where the first second appearance stands */
} Names;

static void names_add(Names *names, const json_t *id, const json_t *object)
{
    _cleanup_free_ char *number = json_is_string(id) ? NULL : json_text(id);
    const char *text = number ? number : json_string_value(id);
    if (!names->seen) {
        names->seen = json_object();
        names->twice = json_array();
    }
    json_t *before = json_object_get(names->seen, text);
    if (!before) {
        (void)json_object_set_new(names->seen, text, json_false()); /* ids are valid UTF-8 */
        return;
    }
    if (json_is_true(before))
        return;
    (void)json_object_set_new(names->seen, text, json_true());
    (void)json_array_append_new(names->twice, json_string(text));
    if (!names->object)
        names->object = object;
}

static void names_report(Names *names, const FlowChecker *checker, const char *what)
{
    _cleanup_buffer_ Buffer list = {};
    size_t i;
    const json_t *item;
    json_array_foreach (names->twice, i, item)
        buffer_printf(&list, "%s%s", i ? ", " : "", json_string_value(item));
    if (list.length)
        flow_report(checker, names->object, "id", 0, "Duplicate %s with name [%s]", what, buffer_text(&list));
    json_decref(names->seen);
    json_decref(names->twice);
}

static void check_task_ids(const FlowChecker *checker)
{
    Names names = {};
    size_t i;
    const json_t *entry;
    json_array_foreach (checker->task_ids, i, entry)
        names_add(&names, json_object_get(entry, "id"), json_object_get(entry, "task"));
    names_report(&names, checker, "task id");
}

static void check_ids_of(const FlowChecker *checker, const char *property, const char *what)
{
    Names names = {};
    size_t i;
    const json_t *item;
    json_array_foreach (json_object_get(checker->root, property), i, item) {
        const json_t *id = json_object_get(item, "id");
        if (!id)
            id = json_object_get(item, "name");
        if (id && !json_is_null(id))
            names_add(&names, id, item);
    }
    names_report(&names, checker, what);
}

static bool starts_flow(const Type *type)
{
    for (const TypePart *part = type ? type->parts : NULL; part && part->suffix; part++)
        if (part->type->starts_flow)
            return true;
    return type && type->starts_flow;
}

/* A task that starts this very flow would never end. */
static void check_recursion(const FlowChecker *checker)
{
    const char *id = json_get_text(checker->root, "id", NULL);
    const char *namespace = json_get_text(checker->root, "namespace", NULL);
    size_t i;
    const json_t *entry;
    json_array_foreach (checker->task_ids, i, entry) {
        const json_t *task = json_object_get(entry, "task");
        const Type *type = type_find(checker->options->registry, TYPE_TASK, json_get_text(task, "type", ""), NULL);
        bool is_part = !json_equal(json_object_get(entry, "id"), json_object_get(task, "id"));
        if (!starts_flow(type) || is_part)
            continue;
        if (id && namespace && streq(id, json_get_text(task, "flowId", "")) &&
            streq(namespace, json_get_text(task, "namespace", "")))
            flow_report(checker, task, "flowId", 0, "Recursive call to flow [%s.%s]", namespace, id);
    }
}

static void check_label(const FlowChecker *checker, const json_t *owner, const char *key, const json_t *value)
{
    if (!key || !starts_with(key, "system.") || streq(key, "system.readOnly"))
        return;
    _cleanup_free_ char *number = !value || json_is_string(value) ? NULL : json_text(value);
    const char *text = number ? number : json_string_value(value);
    flow_report(checker, owner, "labels", 0, "System labels can only be set by Kestra itself, offending label: %s=%s",
                key, text ? text : "null");
}

static void check_labels(const FlowChecker *checker, const json_t *owner)
{
    json_t *labels = json_object_get(owner, "labels");
    size_t i;
    json_t *item;
    json_array_foreach (labels, i, item)
        check_label(checker, owner, json_get_text(item, "key", NULL), json_object_get(item, "value"));
    const char *key;
    json_object_foreach (labels, key, item)
        check_label(checker, owner, key, item);
}

static void check_all_labels(const FlowChecker *checker)
{
    static const char *const owners[] = {"triggers", "sla"};
    check_labels(checker, checker->root);
    for (size_t k = 0; k < ELEMENTS(owners); k++) {
        size_t i;
        const json_t *owner;
        json_array_foreach (json_object_get(checker->root, owners[k]), i, owner)
            check_labels(checker, owner);
    }
}

enum {
    INPUTS_MAX = 1000, /* bounds the depth and the cost of the walk below */
};

static const char *input_id(const json_t *input)
{
    return json_get_text(input, "id", json_get_text(input, "name", NULL));
}

/* Ids that an input needs, at any distance, go to `reached` in the order of the walk. Each is walked once. */
static void reach_inputs(const json_t *inputs_by_id, const json_t *input, json_t *reached)
{
    size_t i;
    const json_t *item;
    json_array_foreach (json_object_get(json_object_get(input, "dependsOn"), "inputs"), i, item) {
        const char *id = json_string_value(item);
        if (!id || json_object_get(reached, id))
            continue;
        (void)json_object_set_new(reached, id, json_true()); /* ids are valid UTF-8 */
        reach_inputs(inputs_by_id, json_object_get(inputs_by_id, id), reached);
    }
}

static void check_input_needs(const FlowChecker *checker, const json_t *inputs_by_id, const json_t *input)
{
    const char *id = input_id(input);
    if (!id)
        return;
    size_t i;
    const json_t *item;
    json_array_foreach (json_object_get(json_object_get(input, "dependsOn"), "inputs"), i, item) {
        const char *needed = json_string_value(item);
        if (needed && !json_object_get(inputs_by_id, needed))
            flow_report(checker, input, "dependsOn", 0, "Input with id '%s' depends on a non-existent input '%s'.", id,
                        needed);
    }
    _cleanup_json_ json_t *reached = json_object();
    reach_inputs(inputs_by_id, input, reached);
    if (!json_object_get(reached, id))
        return;
    _cleanup_buffer_ Buffer list = {};
    const char *key;
    json_t *value;
    json_object_foreach (reached, key, value)
        buffer_printf(&list, "%s%s", list.length ? ", " : "", key);
    flow_report(checker, input, "dependsOn", 0, "Cycle dependency detected for input with id '%s': [%s]", id,
                buffer_text(&list));
}

static void check_inputs(const FlowChecker *checker)
{
    const json_t *inputs = json_object_get(checker->root, "inputs");
    if (json_array_size(inputs) > INPUTS_MAX) {
        flow_report(checker, checker->root, "inputs", 0, "A flow may have at most %d inputs", INPUTS_MAX);
        return;
    }
    _cleanup_json_ json_t *by_id = json_object();
    size_t i;
    json_t *input;
    json_array_foreach (inputs, i, input)
        if (input_id(input))
            (void)json_object_set(by_id, input_id(input), input); /* ids are valid UTF-8 */
    json_array_foreach (inputs, i, input)
        if (json_object_get(input, "dependsOn"))
            check_input_needs(checker, by_id, input);
}

static void check_namespace(const FlowChecker *checker)
{
    const char *required = checker->options->namespace_required;
    const char *namespace = json_get_text(checker->root, "namespace", "");
    if (required && !streq(namespace, required))
        flow_report(checker, checker->root, "namespace", 0, "the namespace must be '%s', but is '%s'", required,
                    namespace);
}

void flow_check_rules(FlowChecker *checker)
{
    check_task_ids(checker);
    check_ids_of(checker, "triggers", "trigger id");
    check_recursion(checker);
    check_ids_of(checker, "inputs", "input");
    check_ids_of(checker, "outputs", "output");
    check_inputs(checker);
    check_all_labels(checker);
    check_namespace(checker);
}
