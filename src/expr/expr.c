/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compile and render. A compiled template is immutable and shared by reference count. A render borrows the state of its
 * thread (arena, output buffer, scope lists), which keeps its memory from render to render, so that a small template
 * costs one allocation: its result. A render inside a render (a service that renders) takes a fresh state.
 */
#include "expr/engine.h"

#include <pthread.h>
#include <stdatomic.h>

#define KEEP_BYTES_MAX (1 << 20) /* a bigger output buffer is given back after the render */
#define RECURSIONS_MAX 100
#define MARKER         '\002'
#define MARKER_END     '\003'

const ExprLimits expr_limits_default = {
    .depth_max = 64,
    .output_bytes_max = 16 << 20,
    .steps_max = 20000000,
    .memory_bytes_max = (size_t)128 << 20,
};

static ExprLimits limits_of_process;
static bool has_limits_of_process;

void expr_limits_set(const ExprLimits *limits)
{
    limits_of_process = *limits;
    has_limits_of_process = true;
}

const ExprLimits *expr_limits(void)
{
    return has_limits_of_process ? &limits_of_process : &expr_limits_default;
}

/* ---- compile ---- */
typedef struct Markers {
    RawBlock *items;
    size_t count, allocated;
} Markers;

/* The source with a marker in place of each raw block. */
static Value hide_raw(Arena *arena, const char *source, size_t length, Markers *ret)
{
    RawBlock block;
    const char *at = source, *end = source + length;
    if (!raw_find(at, end, &block))
        return value_text(source, length);
    _cleanup_buffer_ Buffer buffer = {};
    do {
        if (ret->count == ret->allocated)
            ret->items = vec_grow(ret->items, ret->count, &ret->allocated, sizeof(RawBlock));
        ret->items[ret->count] = block;
        buffer_append_n(&buffer, at, (size_t)(block.start - at));
        buffer_printf(&buffer, "%c%zu%c", MARKER, ret->count++, MARKER_END);
        at = block.end;
    } while (raw_find(at, end, &block));
    buffer_append_n(&buffer, at, (size_t)(end - at));
    return value_text(arena_strndup(arena, buffer.text, buffer.length), buffer.length);
}

static bool marker_read(const char *at, const char *end, size_t count, size_t *ret_index, const char **ret_end)
{
    size_t index = 0;
    const char *digits = ++at;
    for (; at < end && *at >= '0' && *at <= '9' && index < count; at++)
        index = index * 10 + (size_t)(*at - '0');
    *ret_index = index;
    *ret_end = at + 1;
    return at > digits && at < end && *at == MARKER_END && index < count;
}

static void show_raw(Arena *arena, const Markers *markers, const char **text, size_t *length)
{
    const char *at = *text, *end = at + *length, *next;
    if (!*text || !memchr(at, MARKER, *length))
        return;
    _cleanup_buffer_ Buffer buffer = {};
    while (at < end) {
        size_t index;
        if (*at == MARKER && marker_read(at, end, markers->count, &index, &next)) {
            const RawBlock *block = &markers->items[index];
            buffer_append_n(&buffer, block->start, (size_t)(block->end - block->start));
            at = next;
        } else {
            buffer_append_char(&buffer, *at++);
        }
    }
    *text = arena_strndup(arena, buffer_text(&buffer), buffer.length);
    *length = buffer.length;
}

static bool parse_source(Expr *expr, SyntaxError *error)
{
    Markers markers = {};
    Value source = hide_raw(expr->arena, expr->source, expr->length, &markers);
    Tokens tokens;
    bool good = lexer_run(expr->arena, source.text, source.length, &tokens, error);
    for (size_t i = 0; good && markers.count && i < tokens.count; i++)
        if (tokens.items[i].kind == TOKEN_TEXT || tokens.items[i].kind == TOKEN_STRING ||
            tokens.items[i].kind == TOKEN_STRING_PART)
            show_raw(expr->arena, &markers, &tokens.items[i].text, &tokens.items[i].length);
    free(markers.items);
    return good && parser_run(expr, &tokens, error);
}

bool expr_parse(Arena *arena, const char *source, size_t length, Expr *expr, SyntaxError *error)
{
    *expr = (Expr){.references = 1, .arena = arena, .source = arena_strndup(arena, source, length), .length = length};
    *error = (SyntaxError){};
    expr->is_literal = !memchr(source, '{', length);
    return expr->is_literal || parse_source(expr, error);
}

static void report(const SyntaxError *error, const Expr *expr, Diag *diag)
{
    if (error->line)
        diag_error(diag, NULL, error->line, error->column, "%s (%s:%u)", error->message, expr->source, error->line);
    else
        diag_error(diag, NULL, 0, 0, "%s (?:?)", error->message);
}

int expr_compile(const char *source, size_t length, Expr **ret, Diag *diag)
{
    Arena *arena = arena_new();
    Expr *expr = arena_new_n(arena, Expr, 1);
    SyntaxError error;
    if (!expr_parse(arena, source, length, expr, &error)) {
        report(&error, expr, diag);
        arena_free(arena);
        return EXPR_E_SYNTAX;
    }
    *ret = expr;
    return 0;
}

Expr *expr_unref(Expr *expr)
{
    if (expr && __atomic_sub_fetch(&expr->references, 1, __ATOMIC_ACQ_REL) == 0)
        arena_free(expr->arena);
    return NULL;
}

bool expr_is_literal(const Expr *expr)
{
    return expr->is_literal;
}

void expr_reads(const Expr *expr, const char *const **ret_paths, size_t *ret_count, bool *ret_all)
{
    *ret_paths = expr->reads;
    *ret_count = expr->read_count;
    *ret_all = expr->reads_all;
}

/* ---- the state of a thread ---- */
typedef struct Workspace {
    Arena *arena;
    Buffer out;
    Eval eval;
    bool busy;
} Workspace;

static pthread_key_t workspace_key;
static pthread_once_t workspace_once = PTHREAD_ONCE_INIT;
static _Thread_local Workspace *thread_workspace;

static void workspace_free(void *pointer)
{
    Workspace *workspace = pointer;
    if (!workspace)
        return;
    arena_free(workspace->arena);
    buffer_done(&workspace->out);
    vec_free(&workspace->eval.scopes);
    vec_free(&workspace->eval.variables);
    free(workspace);
}

static void workspace_key_create(void)
{
    (void)pthread_key_create(&workspace_key, workspace_free); /* without a key a thread's state stays when it ends */
}

static Workspace *workspace_new(void)
{
    Workspace *workspace = xnew(Workspace);
    workspace->arena = arena_new();
    return workspace;
}

static Workspace *workspace_take(void)
{
    if (!thread_workspace) {
        (void)pthread_once(&workspace_once, workspace_key_create); /* cannot fail */
        thread_workspace = workspace_new();
        (void)pthread_setspecific(workspace_key, thread_workspace); /* failure only leaks at thread end */
    }
    Workspace *workspace = thread_workspace->busy ? workspace_new() : thread_workspace;
    workspace->busy = true;
    return workspace;
}

static void workspace_give(Workspace *workspace)
{
    workspace->busy = false;
    if (workspace != thread_workspace) {
        workspace_free(workspace);
        return;
    }
    arena_reset(workspace->arena);
    if (workspace->out.allocated > KEEP_BYTES_MAX)
        buffer_done(&workspace->out);
    else
        workspace->out.length = 0;
}

static Eval *workspace_eval(Workspace *workspace, const Expr *expr, const ExprContext *context, Value root, bool typed)
{
    Eval *eval = &workspace->eval, old = *eval;
    *eval = (Eval){
        .expr = expr,
        .context = context,
        .limits = context->limits ? context->limits : expr_limits(),
        .arena = workspace->arena,
        .out = &workspace->out,
        .root = root,
        .typed = typed,
    };
    eval->scopes.items = old.scopes.items;
    eval->scopes.allocated = old.scopes.allocated;
    eval->variables.items = old.variables.items;
    eval->variables.allocated = old.variables.allocated;
    return eval;
}

/* ---- render ---- */
static int render_once(Eval *eval, const Expr *expr, Value *ret)
{
    if (expr->is_literal) {
        *ret = value_text(expr->source, expr->length);
        return 0;
    }
    eval->out->length = 0;
    eval->emitted = 0;
    eval->first = VALUE_NULL_INIT;
    int r = eval_run_expr(eval, expr);
    if (r)
        return r;
    if (eval->typed)
        *ret = eval->first;
    else
        *ret = value_text(buffer_text(eval->out), eval->out->length);
    return 0;
}

static int compile_inside(Eval *eval, const Value *source, Expr *ret)
{
    SyntaxError error;
    if (expr_parse(eval->arena, source->text, source->length, ret, &error))
        return 0;
    if (!error.line)
        return eval_fail_plain(eval, "%s (?:?)", error.message);
    const Expr *outer = eval->expr;
    eval->expr = ret;
    eval_fail(eval, error.line, "%s", error.message);
    eval->expr = outer;
    return EVAL_E_ERROR;
}

/* Renders the result again until it stays the same. */
static int render_again(Eval *eval, Value *text)
{
    for (unsigned i = 0; i < RECURSIONS_MAX && text->kind == VALUE_TEXT && memchr(text->text, '{', text->length); i++) {
        char *copy = eval_text(eval, text->length);
        if (!copy)
            return EVAL_E_ERROR;
        memcpy(copy, text->text, text->length);
        Value source = value_text(copy, text->length);
        Expr *expr = arena_new_n(eval->arena, Expr, 1);
        int r = compile_inside(eval, &source, expr);
        if (!r)
            r = render_once(eval, expr, text);
        if (r || value_equal(text, &source))
            return r;
    }
    return 0;
}

int eval_render_text(Eval *eval, Value template, bool recursive, Value *ret)
{
    *ret = template;
    if (!memchr(template.text, '{', template.length))
        return 0;
    _cleanup_buffer_ Buffer buffer = {};
    Buffer *outer = eval->out;
    bool typed = eval->typed;
    Expr *expr = arena_new_n(eval->arena, Expr, 1);
    int r = compile_inside(eval, &template, expr);
    if (r)
        return r;
    eval->out = &buffer;
    eval->typed = false;
    scope_push(eval, SCOPE_RENDER);
    r = render_once(eval, expr, ret);
    if (!r && recursive && !value_equal(ret, &template))
        r = render_again(eval, ret);
    scope_pop(eval);
    eval->out = outer;
    eval->typed = typed;
    if (r)
        return r;
    Buffer result = {.text = (char *)(uintptr_t)ret->text, .length = ret->length};
    if (!raw_strip(eval->arena, ret, ret))
        r = eval_buffer_value(eval, &result, ret);
    return r;
}

static int render_all(Eval *eval, const Expr *expr, bool recursive, Value *ret)
{
    int r = render_once(eval, expr, ret);
    if (!r && recursive)
        r = render_again(eval, ret);
    if (!r && ret->kind == VALUE_TEXT)
        (void)raw_strip(eval->arena, ret, ret); /* false: there is nothing to strip */
    return r;
}

int engine_render(const Expr *expr, const ExprContext *context, Value root, bool typed, RenderTake take, void *userdata,
                  Diag *diag)
{
    Workspace *workspace = workspace_take();
    Eval *eval = workspace_eval(workspace, expr, context, root, typed);
    Value result;
    int r = render_all(eval, expr, context->recursive && !typed, &result);
    if (!r) {
        r = take(userdata, eval, &result);
    } else if (r > 0) {
        diag_error(diag, NULL, eval->error_line, 0, "%s", eval_error_text(eval));
        r = EXPR_E_RENDER;
    }
    workspace_give(workspace);
    return r;
}

static int take_text(void *userdata, Eval *eval, const Value *result)
{
    char **ret = userdata;
    *ret = xstrndup(result->text, result->length);
    return 0;
}

int expr_render(const Expr *expr, const ExprContext *context, char **ret_text, Diag *diag)
{
    if (expr->is_literal) {
        *ret_text = xstrndup(expr->source, expr->length);
        return 0;
    }
    return engine_render(expr, context, VALUE_NULL_INIT, false, take_text, ret_text, diag);
}

static int take_json(void *userdata, Eval *eval, const Value *result)
{
    json_t **ret = userdata;
    *ret = value_to_json(eval->arena, result);
    return 0;
}

int expr_render_typed(const Expr *expr, const ExprContext *context, json_t **ret, Diag *diag)
{
    if (expr->is_literal) {
        *ret = json_stringn_nocheck(expr->source, expr->length);
        return 0;
    }
    return engine_render(expr, context, VALUE_NULL_INIT, true, take_json, ret, diag);
}

int expr_render_value(const Expr *expr, const ExprContext *context, json_t **ret, Diag *diag)
{
    if (expr->is_literal || expr->is_single_print)
        return expr_render_typed(expr, context, ret, diag);
    _cleanup_free_ char *text = NULL;
    int r = expr_render(expr, context, &text, diag);
    if (r == 0)
        *ret = json_string_nocheck(text);
    return r;
}

bool expr_is_truthy(const char *text)
{
    static const char *const falsy[] = {"false", "0", "-0"};
    if (!text || !*text) /* blanks alone are not nothing */
        return false;
    text += strspn(text, " \t\r\n\v\f");
    size_t length = strlen(text);
    while (length && strchr(" \t\r\n\v\f", text[length - 1]))
        length--;
    for (size_t i = 0; i < ELEMENTS(falsy); i++)
        if (strlen(falsy[i]) == length && memcmp(falsy[i], text, length) == 0)
            return false;
    return true;
}
