/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers expression cases: JSON lines {context: PATH, mode, expression} in, {result} or {error} out, in the same
 * order. The comparison is made by the script tests/conformance/expressions. Contexts are read by the engine's own
 * reader, because they hold integers beyond 64 bits.
 */
#include <jansson.h>

#include "expr/engine.h"
#include "expr/json_read.h"

#define CONTEXTS_MAX 64

typedef struct Context {
    char *path;
    char *text;
    Value root;
} Context;

static Context contexts[CONTEXTS_MAX];
static Arena *contexts_arena;

static int secret(void *userdata, const char *key, char **ret_text, Diag *diag)
{
    static const struct {
        const char *key, *value;
    } secrets[] = {{"PASSWORD", "password"}, {"MY_SECRET", "{\"secretKey\":\"secretValue\"}"}};
    for (size_t i = 0; i < ELEMENTS(secrets); i++)
        if (streq(secrets[i].key, key)) {
            *ret_text = xstrdup(secrets[i].value);
            return 0;
        }
    diag_error(diag, NULL, 0, 0, "Cannot find secret for key '%s'.", key);
    return EXPR_E_RENDER;
}

/* The store is empty, as when the cases were recorded. */
static int kv(void *userdata, const char *key, const char *namespace_, bool error_on_missing, json_t **ret, Diag *diag)
{
    if (error_on_missing) {
        diag_error(diag, NULL, 0, 0, "The key '%s' does not exist in the namespace '%s'.", key, namespace_);
        return EXPR_E_RENDER;
    }
    *ret = json_null();
    return 0;
}

static const ExprServices services = {.secret = secret, .kv = kv};

static const Value *context_load(const char *path)
{
    size_t i = 0;
    for (; contexts[i].path; i++)
        if (streq(contexts[i].path, path))
            return &contexts[i].root;
    FILE *file = fopen(path, "re");
    if (!file || i == CONTEXTS_MAX - 1)
        return NULL;
    _cleanup_buffer_ Buffer buffer = {};
    char block[4096];
    for (size_t length; (length = fread(block, 1, sizeof(block), file)) > 0;)
        buffer_append_n(&buffer, block, length);
    (void)fclose(file); /* only read */
    JsonError error;
    contexts[i].text = buffer_take(&buffer);
    if (!json_read(contexts_arena, contexts[i].text, strlen(contexts[i].text), &contexts[i].root, &error))
        return NULL;
    contexts[i].path = xstrdup(path);
    return &contexts[i].root;
}

static int write_result(void *userdata, Eval *eval, const Value *result)
{
    json_write(userdata, result, false);
    return 0;
}

static int render(const char *source, size_t length, const char *mode, const Value *root, Buffer *out, Diag *diag)
{
    Expr *expr;
    int r = expr_compile(source, length, &expr, diag);
    if (r)
        return r;
    ExprContext context = {.services = &services, .recursive = streq(mode, "recursive")};
    r = engine_render(expr, &context, *root, streq(mode, "typed"), write_result, out, diag);
    expr_unref(expr);
    return r;
}

/* Mode object: every text and key is rendered; the first of equal keys wins. */
static int render_object(const json_t *value, const Value *root, Buffer *out, Diag *diag)
{
    if (json_is_string(value))
        return render(json_string_value(value), json_string_length(value), "string", root, out, diag);
    if (json_is_array(value)) {
        size_t index;
        json_t *item;
        buffer_append_char(out, '[');
        json_array_foreach (value, index, item) {
            if (index)
                buffer_append_char(out, ',');
            int r = render_object(item, root, out, diag);
            if (r)
                return r;
        }
        buffer_append_char(out, ']');
        return 0;
    }
    if (!json_is_object(value)) {
        Value plain = value_from_json(value);
        json_write(out, &plain, true);
        return 0;
    }
    const char *key;
    json_t *member, *seen = json_object();
    int r = 0;
    buffer_append_char(out, '{');
    json_object_foreach ((json_t *)(uintptr_t)value, key, member) {
        _cleanup_buffer_ Buffer name = {};
        r = render(key, strlen(key), "string", root, &name, diag);
        if (r)
            break;
        if (json_object_get(seen, buffer_text(&name)))
            continue;
        if (json_object_size(seen))
            buffer_append_char(out, ',');
        json_object_set_new(seen, buffer_text(&name), json_true());
        buffer_append_n(out, name.text, name.length);
        buffer_append_char(out, ':');
        r = render_object(member, root, out, diag);
        if (r)
            break;
    }
    json_decref(seen);
    buffer_append_char(out, '}');
    return r;
}

static void answer(const json_t *question)
{
    const json_t *expression = json_object_get(question, "expression"), *mode = json_object_get(question, "mode");
    const Value *root = context_load(json_string_value(json_object_get(question, "context")));
    _cleanup_buffer_ Buffer out = {};
    _cleanup_diag_ Diag diag = DIAG_INIT;
    const char *how = json_is_string(mode) ? json_string_value(mode) : "string";
    int r = 1;
    if (!root)
        diag_error(&diag, NULL, 0, 0, "the context cannot be read");
    else if (streq(how, "object"))
        r = render_object(expression, root, &out, &diag);
    else
        r = render(json_string_value(expression), json_string_length(expression), how, root, &out, &diag);
    _cleanup_buffer_ Buffer line = {};
    if (r == 0) {
        buffer_printf(&line, "{\"result\":%s}", buffer_text(&out));
    } else {
        buffer_append(&line, "{\"error\":");
        json_write_text(&line, diag_first(&diag), strlen(diag_first(&diag)));
        buffer_append_char(&line, '}');
    }
    puts(buffer_text(&line));
}

int main(void)
{
    char *line = NULL;
    size_t allocated = 0;
    mem_use_for_jansson(json_set_alloc_funcs);
    contexts_arena = arena_new();
    while (getline(&line, &allocated, stdin) > 0) {
        json_t *question = json_loads(line, JSON_ALLOW_NUL, NULL);
        answer(question);
        json_decref(question);
    }
    free(line);
    for (size_t i = 0; contexts[i].path; i++) {
        free(contexts[i].path);
        free(contexts[i].text);
    }
    arena_free(contexts_arena);
    return 0;
}
