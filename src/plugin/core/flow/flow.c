/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loop values. They are rendered once, when the loop begins: the executor keeps them in the task run's
 * `internal.values`, so that an expression which gives something else an hour later (now(), kv()) can not change a loop
 * under way.
 */
#include "plugin/core/flow/flow.h"

#include "when/duration.h"

void flow_plan_sequential(const FlowableContext *context, FlowablePlan *ret)
{
    ret->tasks = &context->task->tasks;
    ret->order = ORDER_SEQUENTIAL;
}

unsigned flow_limit(const FlowableContext *context, const char *property, unsigned fallback)
{
    int64_t limit = json_get_integer(context->task->properties, property, fallback);
    return limit > 0 ? (unsigned)MIN(limit, (int64_t)UINT32_MAX) : 0;
}

/* Kestra's words for what it does not loop over, because clients see them in the log. */
static const char *java_class(const json_t *value)
{
    if (json_is_boolean(value))
        return "java.lang.Boolean";
    if (json_is_real(value))
        return "java.lang.Double";
    return "java.util.ArrayList";
}

static int refuse(Diag *diag, const char *text)
{
    diag_error(diag, NULL, 0, 0, "%s", text);
    return FLOWABLE_E_FAILED;
}

/* The same of a text that holds something else than a list. */
static const char *java_token(const json_t *value)
{
    if (json_is_integer(value))
        return "Integer value (token `JsonToken.VALUE_NUMBER_INT`)";
    if (json_is_real(value))
        return "Floating-point value (token `JsonToken.VALUE_NUMBER_FLOAT`)";
    if (json_is_boolean(value))
        return json_is_true(value) ? "Boolean value (token `JsonToken.VALUE_TRUE`)"
                                   : "Boolean value (token `JsonToken.VALUE_FALSE`)";
    return json_is_string(value) ? "String value (token `JsonToken.VALUE_STRING`)" : "null";
}

static int refuse_value(Diag *diag, const json_t *value)
{
    diag_error(diag, NULL, 0, 0,
               "com.fasterxml.jackson.databind.exc.MismatchedInputException: Cannot deserialize value of type "
               "`java.util.ArrayList<java.lang.Object>` from %s",
               java_token(value));
    return FLOWABLE_E_FAILED;
}

static int refuse_text(Diag *diag, const char *text)
{
    diag_error(diag, NULL, 0, 0,
               "com.fasterxml.jackson.core.JsonParseException: The values are not a JSON array: '%.200s'", text);
    return FLOWABLE_E_FAILED;
}

static json_t *value_text(const json_t *value)
{
    if (json_is_string(value))
        return json_incref((json_t *)value);
    _cleanup_free_ char *text = json_text(value);
    return json_string(text);
}

/* As Java shows a value; the depth is that of a document. */
static void append_java(Buffer *text, const json_t *value)
{
    size_t i;
    const char *key;
    json_t *item;
    bool more = false;
    if (json_is_string(value)) {
        buffer_append(text, json_string_value(value));
    } else if (json_is_array(value)) {
        buffer_append_char(text, '[');
        json_array_foreach (value, i, item) {
            buffer_append(text, i ? ", " : "");
            append_java(text, item);
        }
        buffer_append_char(text, ']');
    } else if (json_is_object(value)) {
        buffer_append_char(text, '{');
        json_object_foreach ((json_t *)(uintptr_t)value, key, item) {
            buffer_printf(text, "%s%s=", more ? ", " : "", key);
            append_java(text, item);
            more = true;
        }
        buffer_append_char(text, '}');
    } else {
        _cleanup_free_ char *scalar = json_text(value);
        buffer_append(text, scalar);
    }
}

/* Nulls are refused with all values, in Kestra's words. */
static int refuse_nulls(Diag *diag, const json_t *values)
{
    size_t i;
    const json_t *value;
    json_array_foreach (values, i, value) {
        if (!json_is_null(value))
            continue;
        _cleanup_buffer_ Buffer text = {};
        append_java(&text, values);
        diag_error(diag, NULL, 0, 0, "Found '1' null values on Each, with values=%.1000s", buffer_text(&text));
        return FLOWABLE_E_FAILED;
    }
    return 0;
}

/* Appends the text of one value unless it is there already. */
static int add_value(json_t *values, json_t *seen, const json_t *value, Diag *diag)
{
    if (json_is_null(value)) /* a member of a map */
        return refuse(diag, "Found a null value in the list of values");
    json_t *text = value_text(value);
    if (!json_object_get(seen, json_string_value(text))) {
        json_object_set_new_nocheck(seen, json_string_value(text), json_true());
        json_array_append(values, text);
    }
    json_decref(text);
    return 0;
}

/* A list written in the flow: texts and maps are rendered, numbers are taken as they are. */
static int add_element(const FlowableContext *context, json_t *values, json_t *seen, json_t *element)
{
    if (!json_is_string(element) && !json_is_object(element) && !json_is_integer(element) && !json_is_null(element)) {
        diag_error(context->diag, NULL, 0, 0, "Unknown value element type: class %s", java_class(element));
        return FLOWABLE_E_FAILED;
    }
    ExprTree *tree = expr_tree_compile(element, NULL);
    _cleanup_json_ json_t *rendered = NULL;
    int r;
    if (json_is_string(element)) {
        _cleanup_free_ char *text = NULL;
        r = expr_tree_render_text(tree, context->render, &text, context->diag);
        rendered = r == 0 ? json_string(text ? text : "") : NULL;
    } else {
        r = expr_tree_render(tree, context->render, &rendered, context->diag);
    }
    expr_tree_unref(tree);
    return r == 0 ? add_value(values, seen, rendered, context->diag) : FLOWABLE_E_FAILED;
}

static int values_from_list(const FlowableContext *context, const json_t *list, json_t *values, json_t *seen)
{
    size_t index;
    json_t *element;
    json_array_foreach (list, index, element) {
        int r = add_element(context, values, seen, element);
        if (r != 0)
            return r;
    }
    return 0;
}

/* A map gives one {"key", "value"} for each of its entries. */
static int values_from_map(json_t *map, json_t *values, json_t *seen, Diag *diag)
{
    const char *key;
    json_t *value;
    json_object_foreach (map, key, value) {
        _cleanup_json_ json_t *entry = json_pack("{s:s,s:O}", "key", key, "value", value);
        int r = add_value(values, seen, entry, diag);
        if (r != 0)
            return r;
    }
    return 0;
}

static int values_from_text(const FlowableContext *context, const ExprTree *tree, json_t *values, json_t *seen)
{
    _cleanup_free_ char *text = NULL;
    if (expr_tree_render_text(tree, context->render, &text, context->diag) != 0)
        return FLOWABLE_E_FAILED;
    _cleanup_json_ json_t *parsed = NULL;
    if (!text || json_parse(text, strlen(text), 0, &parsed, context->diag) != 0)
        return refuse_text(context->diag, text ? text : "");
    if (json_is_object(parsed))
        return values_from_map(parsed, values, seen, context->diag);
    if (!json_is_array(parsed))
        return refuse_value(context->diag, parsed);
    int r = refuse_nulls(context->diag, parsed);
    if (r != 0)
        return r;
    size_t index;
    json_t *value;
    json_array_foreach (parsed, index, value) {
        r = add_value(values, seen, value, context->diag);
        if (r != 0)
            return r;
    }
    return 0;
}

int flow_values(const FlowableContext *context, const char *property, json_t **ret)
{
    json_t *stored = json_object_get(context->task_run->internal, "values");
    if (stored) {
        *ret = json_incref(stored);
        return 0;
    }
    const json_t *source = json_object_get(context->task->properties, property);
    _cleanup_json_ json_t *values = json_array();
    _cleanup_json_ json_t *seen = json_object();
    int r;
    if (json_is_array(source))
        r = values_from_list(context, source, values, seen);
    else if (json_is_object(source))
        r = values_from_map((json_t *)source, values, seen, context->diag);
    else
        r = values_from_text(context, expr_tree_get(context->task->templates, property), values, seen);
    if (r == 0)
        *ret = TAKE_PTR(values);
    return r;
}

int flow_text(const FlowableContext *context, const char *property, char **ret)
{
    const ExprTree *tree = expr_tree_get(context->task->templates, property);
    *ret = NULL;
    if (tree && expr_tree_render_text(tree, context->render, ret, context->diag) != 0)
        return FLOWABLE_E_FAILED;
    return 0;
}

int flow_duration(const FlowableContext *context, const ExprTree *tree, usec_t *ret)
{
    *ret = 0;
    _cleanup_free_ char *text = NULL;
    if (tree && expr_tree_render_text(tree, context->render, &text, context->diag) != 0)
        return FLOWABLE_E_FAILED;
    if (!text || !*text || duration_parse(text, ret) == 0)
        return 0;
    diag_error(context->diag, NULL, 0, 0, "'%s' is not a duration", text);
    return FLOWABLE_E_FAILED;
}

void executor_action_done(ExecutorAction *action)
{
    json_decref(action->labels);
    json_decref(action->inputs);
    json_decref(action->outputs);
    free(action->trigger_id);
    free(action->namespace);
    free(action->flow_id);
}
