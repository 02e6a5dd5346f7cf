/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table as JSON Schema, in the form that Kestra's editor expects: `$dynamic`, `$required` and `$deprecated` beside
 * the standard words, members in alphabetical order, tasks and conditions as references.
 */
#include "doc/field.h"
#include "doc/json.h"

static json_t *schema_of(const Field *field, FieldKind kind);

static json_t *typed(const char *type, const char *format)
{
    json_t *schema = json_object();
    json_set_text(schema, "type", type);
    json_set_text(schema, "format", format);
    return schema;
}

static json_t *reference(const char *name)
{
    return json_pack("{s:o}", "$ref", json_sprintf("#/$defs/%s", name));
}

static json_t *list_of(json_t *items)
{
    return json_pack("{s:s,s:o}", "type", "array", "items", items);
}

/* The simple kinds: type, format, or what they refer to. */
static const struct {
    const char *type, *format, *refers_to;
    bool is_list;
} forms[_FIELD_KIND_MAX] = {
    [FIELD_STRING] = {"string", NULL, NULL, false},
    [FIELD_INTEGER] = {"integer", NULL, NULL, false},
    [FIELD_NUMBER] = {"number", NULL, NULL, false},
    [FIELD_BOOLEAN] = {"boolean", NULL, NULL, false},
    [FIELD_DURATION] = {"string", "duration", NULL, false},
    [FIELD_DATE_TIME] = {"string", "date-time", NULL, false},
    [FIELD_ENUM] = {"string", NULL, NULL, false},
    [FIELD_MAP_OR_LIST] = {"object", NULL, NULL, false},
    [FIELD_TASK] = {NULL, NULL, "io.kestra.core.models.tasks.Task", false},
    [FIELD_TASKS] = {NULL, NULL, "io.kestra.core.models.tasks.Task", true},
    [FIELD_CONDITIONS] = {NULL, NULL, "io.kestra.core.models.conditions.Condition", true},
    [FIELD_TRIGGERS] = {NULL, NULL, "io.kestra.core.models.triggers.AbstractTrigger", true},
    [FIELD_INPUTS] = {NULL, NULL, "io.kestra.core.models.flows.Input", true},
    [FIELD_TASK_RUNNER] = {NULL, NULL, "io.kestra.core.models.tasks.runners.TaskRunner", false},
};

static json_t *object_schema(const Field *fields)
{
    json_t *schema = fields ? field_schema(fields, NULL) : json_object();
    json_set_text(schema, "type", "object");
    return schema;
}

static json_t *dag_schema(void)
{
    json_t *task = json_pack("{s:o,s:o}", "task", reference(forms[FIELD_TASK].refers_to), "dependsOn",
                             list_of(typed("string", NULL)));
    return list_of(json_pack("{s:s,s:o,s:[s]}", "type", "object", "properties", task, "required", "task"));
}

static json_t *kind_schema(const Field *field, FieldKind kind)
{
    switch (kind) {
    case FIELD_LIST:
        /* the lists of a map of lists hold texts: headers, parameters */
        return list_of(field->kind == FIELD_LIST ? schema_of(field, field->item) : typed("string", NULL));
    case FIELD_MAP:
        return json_pack("{s:s,s:o}", "type", "object", "additionalProperties", schema_of(field, field->item));
    case FIELD_OBJECT:
        return object_schema(field->fields);
    case FIELD_TEXT_OR_LIST:
        return json_pack("{s:[o,o]}", "oneOf", typed("string", NULL), list_of(typed("string", NULL)));
    case FIELD_TASK_CASES:
        return json_pack("{s:s,s:o}", "type", "object", "additionalProperties",
                         list_of(reference(forms[FIELD_TASK].refers_to)));
    case FIELD_DAG_TASKS:
        return dag_schema();
    default:
        if (forms[kind].is_list)
            return list_of(reference(forms[kind].refers_to));
        if (forms[kind].refers_to)
            return reference(forms[kind].refers_to);
        return typed(forms[kind].type, forms[kind].format);
    }
}

static json_t *schema_of(const Field *field, FieldKind kind)
{
    json_t *schema = kind_schema(field, kind);
    if (kind == FIELD_ENUM && field->values) {
        json_t *values = json_array();
        for (size_t i = 0; field->values[i]; i++)
            (void)json_array_append_new(values, json_string(field->values[i])); /* constant text */
        json_set_present(schema, "enum", values);
    }
    return schema;
}

static void add_limits(const Field *field, json_t *schema)
{
    bool is_text = field->kind == FIELD_STRING;
    if (field->flags & FIELD_HAS_MINIMUM)
        json_set_present(schema, is_text ? "minLength" : "minimum", json_integer((json_int_t)field->minimum));
    if (field->flags & FIELD_HAS_MAXIMUM)
        json_set_present(schema, "maximum", json_integer((json_int_t)field->maximum));
    if (field->flags & FIELD_POSITIVE)
        json_set_present(schema, "exclusiveMinimum", json_integer(0));
    if (field->length_max)
        json_set_present(schema, "maxLength", json_integer(field->length_max));
    if ((field->flags & FIELD_NOT_EMPTY) && !is_text && streq(json_get_text(schema, "type", ""), "array"))
        json_set_present(schema, "minItems", json_integer(1));
    else if ((field->flags & FIELD_NOT_EMPTY) && is_text && !field->length_max)
        json_set_present(schema, "minLength", json_integer(1));
    json_set_text(schema, "pattern", field->pattern);
}

static json_t *property_schema(const Field *field)
{
    json_t *schema = schema_of(field, field->kind);
    add_limits(field, schema);
    if (field->fallback) {
        json_t *fallback = NULL;
        if (json_parse(field->fallback, strlen(field->fallback), 0, &fallback, NULL) == 0)
            json_set_present(schema, "default", fallback);
    }
    json_set_text(schema, "title", field->doc);
    json_set_present(schema, "$dynamic", json_boolean(field->flags & (FIELD_DYNAMIC | FIELD_EXPRESSION)));
    if (field->flags & FIELD_DEPRECATED)
        json_set_present(schema, "$deprecated", json_true());
    json_set_present(schema, "$required", json_boolean(field->flags & (FIELD_REQUIRED | FIELD_NOT_EMPTY)));
    return schema;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp((*(const Field *const *)a)->name, (*(const Field *const *)b)->name);
}

json_t *field_schema(const Field *table, const Field *common)
{
    VEC(const Field *) rows = {};
    for (const Field *field = table; field && field->name; field++)
        vec_push(&rows, field);
    for (const Field *field = common; field && field->name; field++)
        vec_push(&rows, field);
    if (rows.count)
        qsort(rows.items, rows.count, sizeof(*rows.items), compare_names);
    json_t *properties = json_object();
    json_t *required = json_array();
    for (size_t i = 0; i < rows.count; i++) {
        const Field *field = rows.items[i];
        json_set_present(properties, field->name, property_schema(field));
        if (field->flags & (FIELD_REQUIRED | FIELD_NOT_EMPTY))
            (void)json_array_append_new(required, json_string(field->name)); /* constant text */
    }
    vec_free(&rows);
    json_t *schema = json_object();
    json_set_present(schema, "properties", properties);
    json_set_present(schema, "required", json_array_size(required) ? json_incref(required) : NULL);
    json_decref(required);
    return schema;
}
