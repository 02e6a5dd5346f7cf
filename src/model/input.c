/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an execution is given, from its declaration. Each input is resolved once, after the inputs that it depends on;
 * its condition and its list of choices see only those, never all inputs. Dependencies of checked flows have no cycle;
 * in others an input that needs itself counts as absent.
 *
 * Source: io.kestra.core.runners.FlowInputOutput.
 */
#include "model/input.h"

#include "model/input_value.h"

typedef struct Resolved {
    const json_t *declaration;
    const char *id;
    bool begun, enabled;
    const json_t *given; /* borrowed; the default when nothing was given; NULL for none */
    json_t *rendered;    /* a default that is an expression; owned; or NULL */
    json_t *choices;     /* of a SELECT, rendered; owned; or NULL */
    InputValue value;
    char *error; /* owned; or NULL */
} Resolved;

typedef struct Resolution {
    const InputResolve *request;
    Resolved *items;
    size_t count;
} Resolution;

static int resolve_one(Resolution *resolution, Resolved *item);

static const char *declared_id(const json_t *declaration)
{
    return json_get_text(declaration, "id", json_get_text(declaration, "name", ""));
}

static const json_t *present(const json_t *value)
{
    return value && !json_is_null(value) ? value : NULL;
}

static Resolved *find(const Resolution *resolution, const char *id)
{
    for (size_t i = 0; i < resolution->count; i++)
        if (streq(resolution->items[i].id, id))
            return &resolution->items[i];
    return NULL;
}

/* Puts value under "a.b.c" as nested maps; false when a part is taken by something that is no map. */
static bool put_nested(json_t *object, const char *id, json_t *value)
{
    const char *dot;
    while ((dot = strchr(id, '.'))) {
        size_t length = (size_t)(dot - id);
        json_t *inner = json_object_getn(object, id, length);
        if (!inner) {
            inner = json_object();
            (void)json_object_setn_new(object, id, length, inner); /* ids are valid UTF-8 */
        }
        if (!json_is_object(inner))
            return false;
        object = inner;
        id = dot + 1;
    }
    if (json_object_get(object, id))
        return false;
    (void)json_object_set(object, id, value); /* ids are valid UTF-8 */
    return true;
}

/* The variables for an input's expressions: the request's, with `inputs` holding what it depends on. New. */
static json_t *variables_for(Resolution *resolution, const Resolved *item)
{
    const ExprContext *context = resolution->request->context;
    json_t *variables =
        context && context->variables ? json_copy((json_t *)(uintptr_t)context->variables) : json_object();
    json_t *inputs = json_object();
    size_t i;
    const json_t *name;
    json_array_foreach (json_object_get(json_object_get(item->declaration, "dependsOn"), "inputs"), i, name) {
        const Resolved *needed = json_is_string(name) ? find(resolution, json_string_value(name)) : NULL;
        if (!needed || needed == item)
            continue;
        json_t *value =
            needed->enabled && !needed->error && needed->value.stored ? json_incref(needed->value.stored) : json_null();
        (void)put_nested(inputs, needed->id, value); /* conflicts are reported for the input itself */
        json_decref(value);
    }
    (void)json_object_set_new(variables, "inputs", inputs); /* constant key */
    return variables;
}

bool input_is_expression(const json_t *fallback)
{
    const char *text = json_string_value(fallback);
    return text && (strstr(text, "{{") || strstr(text, "{%"));
}

static int render(Resolution *resolution, const Resolved *item, const char *source, json_t **ret, Diag *diag)
{
    _cleanup_json_ json_t *variables = variables_for(resolution, item);
    ExprContext context = resolution->request->context ? *resolution->request->context : (ExprContext){};
    context.variables = variables;
    _cleanup_(expr_unrefp) Expr *expr = NULL;
    int r = expr_compile(source, strlen(source), &expr, diag);
    return r != 0 ? r : expr_render_value(expr, &context, ret, diag);
}

/* Whether all that the input needs is there and its condition is true. */
static int resolve_enabled(Resolution *resolution, Resolved *item)
{
    const json_t *depends = json_object_get(item->declaration, "dependsOn");
    item->enabled = true;
    size_t i;
    const json_t *name;
    json_array_foreach (json_object_get(depends, "inputs"), i, name) {
        Resolved *needed = json_is_string(name) ? find(resolution, json_string_value(name)) : NULL;
        if (!needed || needed == item)
            continue;
        int r = resolve_one(resolution, needed);
        if (r < 0)
            return r;
        item->enabled = item->enabled && needed->enabled;
    }
    const char *condition = json_get_text(depends, "condition", NULL);
    if (!item->enabled || !condition)
        return 0;
    _cleanup_diag_ Diag diag = DIAG_INIT;
    _cleanup_json_ json_t *result = NULL;
    int r = render(resolution, item, condition, &result, &diag);
    if (r < 0)
        return r;
    if (r > 0)
        item->error = xasprintf("Invalid condition: %s", diag_first(&diag));
    item->enabled = r == 0 && json_is_true(result);
    return 0;
}

/* Elements as texts, without nulls. New. */
static json_t *texts_of(const json_t *list)
{
    json_t *texts = json_array();
    size_t i;
    const json_t *item;
    json_array_foreach (list, i, item) {
        _cleanup_free_ char *text = json_is_null(item) ? NULL : input_value_text(item);
        if (text)
            (void)json_array_append_new(texts, json_string(text)); /* valid UTF-8, as its source is */
    }
    return texts;
}

static const char *kind_name(const json_t *value)
{
    static const char *const names[] = {
        [JSON_OBJECT] = "Map",  [JSON_ARRAY] = "List",   [JSON_STRING] = "String", [JSON_INTEGER] = "Integer",
        [JSON_REAL] = "Double", [JSON_TRUE] = "Boolean", [JSON_FALSE] = "Boolean", [JSON_NULL] = "null",
    };
    return names[json_typeof(value)];
}

static int resolve_choices(Resolution *resolution, Resolved *item)
{
    const char *expression = json_get_text(item->declaration, "expression", NULL);
    const json_t *values = present(json_object_get(item->declaration, "values"));
    if (!values)
        values = present(json_object_get(item->declaration, "options"));
    if (!expression) {
        item->choices = values ? texts_of(values) : NULL;
        return 0;
    }
    _cleanup_diag_ Diag diag = DIAG_INIT;
    _cleanup_json_ json_t *result = NULL;
    int r = render(resolution, item, expression, &result, &diag);
    if (r < 0)
        return r;
    if (r > 0)
        item->error = xasprintf("Cannot render 'expression'. Cause: %s", diag_first(&diag));
    else if (!json_is_array(result))
        item->error =
            xasprintf("Invalid expression result. Expected a list of strings, but received %s", kind_name(result));
    else
        item->choices = texts_of(result);
    return 0;
}

static void refuse(Resolved *item, const char *reason)
{
    _cleanup_free_ char *given = item->given ? input_value_text(item->given) : xstrdup("null");
    item->error = xasprintf("Invalid input for `%s`, %s, but received `%s`", item->id, reason, given);
}

static int resolve_value(Resolution *resolution, Resolved *item)
{
    bool required = !json_object_get(item->declaration, "required") || property_is_true(item->declaration, "required");
    if (!item->given) {
        item->value.stored = json_null();
        if (required)
            refuse(item, "missing required input");
        return 0;
    }
    _cleanup_buffer_ Buffer reason = {};
    int r = input_value_parse(json_get_text(item->declaration, "type", ""),
                              json_get_text(item->declaration, "itemType", NULL), item->given,
                              resolution->request->encryption_key, &item->value, &reason);
    if (r == 0)
        r = input_value_check(item->declaration, item->choices, item->given, &item->value, &reason);
    if (r < 0)
        return r;
    if (r > 0)
        refuse(item, buffer_text(&reason));
    return 0;
}

/* A default may be an expression; what is given never is. */
static int resolve_default(Resolution *resolution, Resolved *item)
{
    const json_t *fallback = present(json_object_get(item->declaration, "defaults"));
    if (!input_is_expression(fallback)) {
        item->given = fallback;
        return 0;
    }
    _cleanup_diag_ Diag diag = DIAG_INIT;
    int r = render(resolution, item, json_string_value(fallback), &item->rendered, &diag);
    if (r > 0)
        item->error = xasprintf("Cannot render the default of `%s`: %s", item->id, diag_first(&diag));
    item->given = present(item->rendered);
    return MIN(r, 0);
}

static int resolve_one(Resolution *resolution, Resolved *item)
{
    if (item->begun)
        return 0;
    item->begun = true;
    int r = resolve_enabled(resolution, item);
    if (r < 0 || !item->enabled)
        return r;
    if (!item->given)
        r = resolve_default(resolution, item);
    if (r < 0 || item->error)
        return r;
    r = resolve_choices(resolution, item);
    if (r < 0 || item->error)
        return r;
    return resolve_value(resolution, item);
}

static void resolution_done(Resolution *resolution)
{
    for (size_t i = 0; i < resolution->count; i++) {
        json_decref(resolution->items[i].choices);
        json_decref(resolution->items[i].rendered);
        input_value_done(&resolution->items[i].value);
        free(resolution->items[i].error);
    }
    free(resolution->items);
}

static int resolve_all(Resolution *resolution)
{
    const InputResolve *request = resolution->request;
    resolution->items = xnew_n(Resolved, json_array_size(request->inputs) + 1);
    size_t i;
    const json_t *declaration;
    json_array_foreach (request->inputs, i, declaration) {
        if (!json_is_object(declaration))
            continue;
        const char *id = declared_id(declaration);
        resolution->items[resolution->count++] =
            (Resolved){.declaration = declaration, .id = id, .given = present(json_object_get(request->given, id))};
    }
    int r = 0;
    for (i = 0; r == 0 && i < resolution->count; i++)
        r = resolve_one(resolution, &resolution->items[i]);
    return r;
}

int input_resolve(const InputResolve *request, json_t **ret_inputs, Diag *diag)
{
    _cleanup_(resolution_done) Resolution resolution = {.request = request};
    int r = resolve_all(&resolution);
    if (r < 0)
        return trace(r);
    _cleanup_json_ json_t *inputs = json_object();
    for (size_t i = 0; i < resolution.count; i++) {
        const Resolved *item = &resolution.items[i];
        if (!item->enabled)
            continue;
        if (item->error) {
            diag_error(diag, item->id, 0, 0, "%s", item->error);
            r = INPUT_E_INVALID;
        } else if (!put_nested(inputs, item->id, item->value.stored)) {
            diag_error(diag, item->id, 0, 0, "Invalid input for `%s`, it conflicts with another input", item->id);
            r = INPUT_E_INVALID;
        }
    }
    if (r == 0)
        *ret_inputs = TAKE_PTR(inputs);
    return r;
}

static json_t *encode_resolved(const Resolved *item)
{
    json_t *input = input_encode((json_t *)(uintptr_t)item->declaration);
    if (item->choices && json_object_get(item->declaration, "expression"))
        json_set_present(input, "values", json_incref(item->choices));
    json_t *encoded = json_object();
    json_set_present(encoded, "input", input);
    const json_t *value = item->value.shown ? item->value.shown : item->value.stored;
    if (item->error || !item->enabled)
        value = item->given;
    json_set_present(encoded, "value", value ? json_incref((json_t *)(uintptr_t)value) : NULL);
    json_set_present(encoded, "enabled", json_boolean(item->enabled));
    json_t *errors = json_array();
    if (item->error)
        (void)json_array_append_new(errors, json_pack("{s:s}", "message", item->error)); /* valid UTF-8 */
    json_set_present(encoded, "errors", errors);
    return encoded;
}

json_t *input_validate(const InputResolve *request)
{
    _cleanup_(resolution_done) Resolution resolution = {.request = request};
    json_t *list = json_array();
    if (resolve_all(&resolution) < 0)
        return list;
    for (size_t i = 0; i < resolution.count; i++)
        (void)json_array_append_new(list, encode_resolved(&resolution.items[i])); /* no failure but memory */
    return list;
}

int input_parse_value(const char *type, const char *item_type, const json_t *value, const char *encryption_key,
                      json_t **ret, Diag *diag)
{
    if (!value || json_is_null(value)) {
        *ret = json_null();
        return 0;
    }
    _cleanup_buffer_ Buffer reason = {};
    _cleanup_(input_value_done) InputValue parsed = {};
    int r = input_value_parse(type, item_type, value, encryption_key, &parsed, &reason);
    if (r < 0)
        return trace(r);
    if (r > 0) {
        diag_error(diag, NULL, 0, 0, "%s", buffer_text(&reason));
        return INPUT_E_INVALID;
    }
    /* An instant has the digits that it needs; only those of inputs are filled up to milliseconds. */
    bool is_instant = parsed.shown && json_is_string(parsed.stored);
    *ret = is_instant ? TAKE_PTR(parsed.shown) : TAKE_PTR(parsed.stored);
    return 0;
}

json_t *input_defaults(const json_t *declarations, const json_t *inputs)
{
    json_t *defaults = json_object();
    size_t i;
    const json_t *declaration;
    json_array_foreach (declarations, i, declaration) {
        const char *id = declared_id(declaration);
        json_t *value = json_object_get(declaration, "defaults");
        if (present(value) && !present(json_object_get(inputs, id)))
            (void)json_object_set(defaults, id, value); /* ids are valid UTF-8 */
    }
    return defaults;
}

int input_defaults_render(json_t *defaults, const ExprContext *context, bool only, Diag *diag)
{
    const char *id;
    void *next;
    json_t *value;
    json_object_foreach_safe(defaults, next, id, value)
    {
        if (!input_is_expression(value)) {
            if (only)
                (void)json_object_del(defaults, id); /* it is there */
            continue;
        }
        _cleanup_(expr_unrefp) Expr *expr = NULL;
        json_t *rendered = NULL;
        int r = expr_compile(json_string_value(value), json_string_length(value), &expr, diag);
        if (r == 0)
            r = expr_render_value(expr, context, &rendered, diag);
        if (r != 0)
            return r < 0 ? trace(r) : INPUT_E_INVALID;
        (void)json_object_set_new(defaults, id, rendered); /* ids are valid UTF-8 */
    }
    return 0;
}
