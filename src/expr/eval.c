/* SPDX-License-Identifier: Apache-2.0 */
/* The state of a render: errors, limits, scopes, output, and the nodes that are neither operator nor call. */
#include "expr/engine.h"

#include <stdarg.h>

static const char *template_location(Eval *eval, unsigned line)
{
    return arena_printf(eval->arena, "(%.*s:%u)", (int)eval->expr->length, eval->expr->source, line);
}

static int set_error(Eval *eval, unsigned line, const char *message)
{
    eval->error = EVAL_E_ERROR;
    eval->error_line = line;
    eval->message = message;
    eval->error_expr = eval->expr;
    return EVAL_E_ERROR;
}

int eval_fail(Eval *eval, unsigned line, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const char *text = arena_vprintf(eval->arena, format, arguments);
    va_end(arguments);
    return set_error(eval, line, arena_printf(eval->arena, "%s %s", text, template_location(eval, line)));
}

int eval_fail_plain(Eval *eval, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const char *text = arena_vprintf(eval->arena, format, arguments);
    va_end(arguments);
    return set_error(eval, 0, text);
}

int eval_undefined(Eval *eval, unsigned line, Name name)
{
    eval->error = EVAL_E_UNDEFINED;
    eval->undefined = name;
    eval->error_line = line;
    eval->error_expr = eval->expr;
    return EVAL_E_UNDEFINED;
}

const char *eval_error_text(Eval *eval)
{
    if (eval->error != EVAL_E_UNDEFINED)
        return eval->message;
    return arena_printf(eval->arena, "Unable to find `%.*s` used in the expression `%.*s` at line %u",
                        (int)eval->undefined.length, eval->undefined.text, (int)eval->error_expr->length,
                        eval->error_expr->source, eval->error_line);
}

/* ---- limits ---- */
char *eval_text(Eval *eval, size_t length)
{
    if (length > eval->limits->output_bytes_max) {
        eval_fail_plain(eval, "The expression makes more than %zu bytes of text", eval->limits->output_bytes_max);
        return NULL;
    }
    if (length > BYTES_PER_STEP && eval_spend(eval, length / BYTES_PER_STEP))
        return NULL;
    return arena_alloc(eval->arena, length + 1);
}

int eval_buffer_value(Eval *eval, const Buffer *buffer, Value *ret)
{
    char *text = eval_text(eval, buffer->length);
    if (!text)
        return EVAL_E_ERROR;
    memcpy(text, buffer_text(buffer), buffer->length);
    *ret = value_text(text, buffer->length);
    return 0;
}

int eval_check_output(Eval *eval)
{
    if (eval->out->length <= eval->limits->output_bytes_max)
        return 0;
    return eval_fail_plain(eval, "The expression makes more than %zu bytes of text", eval->limits->output_bytes_max);
}

int eval_enter(Eval *eval, unsigned line)
{
    if (eval->depth >= eval->limits->depth_max)
        return eval_fail(eval, line, "More than %u nested calls", eval->limits->depth_max);
    eval->depth++;
    return 0;
}

/* Fails when the budget is used up. */
int eval_overspent(Eval *eval)
{
    if (eval->steps > eval->limits->steps_max)
        return eval_fail_plain(eval, "The expression takes more than %" PRIu64 " steps (limits.expression-steps)",
                               eval->limits->steps_max);
    if (arena_bytes(eval->arena) > eval->limits->memory_bytes_max)
        return eval_fail_plain(eval, "The expression takes more than %zu bytes of memory (limits.expression-memory)",
                               eval->limits->memory_bytes_max);
    return 0;
}

/* ---- scopes ---- */
void scope_push(Eval *eval, ScopeKind kind)
{
    vec_push(&eval->scopes, (Scope){.kind = kind, .first = eval->variables.count});
}

void scope_pop(Eval *eval)
{
    eval->variables.count = eval->scopes.items[--eval->scopes.count].first;
}

static bool same_name(Name a, Name b)
{
    return a.length == b.length && memcmp(a.text, b.text, a.length) == 0;
}

static Variable *scope_variable(Eval *eval, size_t from, size_t to, Name name)
{
    for (size_t i = to; i-- > from;)
        if (same_name(eval->variables.items[i].name, name))
            return &eval->variables.items[i];
    return NULL;
}

/* A variable of an outer scope may come later in the list than one of an inner scope was set: only the innermost scope
 * may grow, so an assignment to an outer scope that does not know the name yet goes to the innermost one. */
void scope_put(Eval *eval, Name name, Value value)
{
    size_t first = eval->scopes.count ? eval->scopes.items[eval->scopes.count - 1].first : 0;
    Variable *known = scope_variable(eval, first, eval->variables.count, name);
    if (known)
        known->value = value;
    else
        vec_push(&eval->variables, (Variable){.name = name, .value = value});
}

static bool context_find(Eval *eval, Name name, Value *ret)
{
    if (eval->root.kind == VALUE_MAP && value_get(&eval->root, name.text, name.length, ret))
        return true;
    const ExprContext *context = eval->context;
    const json_t *found = context->variables ? json_object_getn(context->variables, name.text, name.length) : NULL;
    if (found) {
        *ret = value_from_json(found);
        return true;
    }
    if (!context->lookup)
        return false;
    Value key = value_text(name.text, name.length), looked_up = value_map(eval->looked_up);
    if (eval->looked_up && value_find(&looked_up, &key, ret))
        return true;
    found = context->lookup(context->lookup_userdata, arena_strndup(eval->arena, name.text, name.length));
    if (!found)
        return false;
    *ret = value_from_json(found);
    if (!eval->looked_up)
        eval->looked_up = map2_new(eval->arena);
    map2_put(eval->arena, eval->looked_up, key, *ret);
    return true;
}

/* Outwards to the first scope that knows the name; a context variable counts as known to the template's own scope. A
 * macro and a render() keep everything inside. */
void scope_assign(Eval *eval, Name name, Value value)
{
    for (size_t i = eval->scopes.count, end = eval->variables.count; i-- > 0; end = eval->scopes.items[i].first) {
        Variable *known = scope_variable(eval, eval->scopes.items[i].first, end, name);
        if (known) {
            known->value = value;
            return;
        }
        if (eval->scopes.items[i].kind != SCOPE_LOOP) {
            scope_put(eval, name, value);
            return;
        }
    }
    Variable *known =
        scope_variable(eval, 0, eval->scopes.count ? eval->scopes.items[0].first : eval->variables.count, name);
    Value old;
    if (known) {
        known->value = value;
    } else if (eval->scopes.count && context_find(eval, name, &old)) {
        /* Make room in the outermost scope: every inner one moves by one. */
        vec_push(&eval->variables, (Variable){});
        size_t first = eval->scopes.items[0].first;
        memmove(eval->variables.items + first + 1, eval->variables.items + first,
                (eval->variables.count - 1 - first) * sizeof(Variable));
        eval->variables.items[first] = (Variable){.name = name, .value = value};
        for (size_t i = 0; i < eval->scopes.count; i++)
            eval->scopes.items[i].first++;
    } else {
        scope_put(eval, name, value);
    }
}

bool eval_variable(Eval *eval, Name name, Value *ret)
{
    size_t from = 0;
    bool sees_context = true;
    for (size_t i = eval->scopes.count; i-- > 0;)
        if (eval->scopes.items[i].kind == SCOPE_LOCAL) {
            from = eval->scopes.items[i].first;
            sees_context = false;
            break;
        }
    const Variable *variable = scope_variable(eval, from, eval->variables.count, name);
    if (variable) {
        *ret = variable->value;
        return true;
    }
    if (sees_context && context_find(eval, name, ret))
        return true;
    if (name.length == 6 && memcmp(name.text, "locale", 6) == 0) {
        *ret = (Value){.kind = VALUE_LOCALE};
        return true;
    }
    return false;
}

Value eval_all_variables(Eval *eval)
{
    ValueMap *all = map2_new(eval->arena);
    size_t from = 0;
    bool sees_context = true;
    for (size_t i = eval->scopes.count; i-- > 0 && sees_context;)
        if (eval->scopes.items[i].kind == SCOPE_LOCAL) {
            from = eval->scopes.items[i].first;
            sees_context = false;
        }
    if (sees_context) {
        Value root = eval->root.kind == VALUE_MAP ? eval->root : value_from_json(eval->context->variables);
        MapWalk walk = {.map = root};
        if (root.kind == VALUE_MAP)
            for (Value key, value; map_walk(&walk, &key, &value);)
                map2_put(eval->arena, all, key, value);
    }
    for (size_t i = from; i < eval->variables.count; i++) {
        const Variable *variable = &eval->variables.items[i];
        map2_put(eval->arena, all, value_text(variable->name.text, variable->name.length), variable->value);
    }
    return value_map(all);
}

/* ---- output ---- */
int eval_emit(Eval *eval, const Value *value)
{
    if (eval->typed) {
        if (value->kind == VALUE_NULL)
            return 0;
        if (eval->emitted++) {
            return eval_fail_plain(eval, "Tried to add %s to %s", value_class_name(value),
                                   value_class_name(&eval->first));
        }
        eval->first = *value;
        return 0;
    }
    print_append(eval->out, value);
    return eval_check_output(eval);
}

int eval_capture(Eval *eval, const Node *body, Value *ret)
{
    _cleanup_buffer_ Buffer buffer = {};
    Buffer *outer = eval->out;
    bool typed = eval->typed;
    eval->out = &buffer;
    eval->typed = false;
    int r = body->run(eval, body);
    eval->out = outer;
    eval->typed = typed;
    return r ? r : eval_buffer_value(eval, &buffer, ret);
}

/* A typed render takes one value; what text stands after it is added to a text, and to nothing else. */
static int add_text(Eval *eval, const Value *text)
{
    if (eval->first.kind != VALUE_TEXT || eval->first.class_ == CLASS_CHARACTER) /* Java adds it by characters */
        return eval_fail_plain(eval, "Tried to add java.lang.Character to %s", value_class_name(&eval->first));
    char *joined = eval_text(eval, (size_t)eval->first.length + text->length);
    if (!joined)
        return EVAL_E_ERROR;
    memcpy(joined, eval->first.text, eval->first.length);
    memcpy(joined + eval->first.length, text->text, text->length);
    eval->first = value_text(joined, (size_t)eval->first.length + text->length);
    return 0;
}

int eval_text_node(Eval *eval, const Node *node)
{
    return eval->typed && eval->emitted ? add_text(eval, &node->literal) : eval_emit(eval, &node->literal);
}

int run_print(Eval *eval, const Node *node)
{
    Value value;
    int r = eval_node(eval, node->operands.left, &value);
    return r ? r : eval_emit(eval, &value);
}

int run_body(Eval *eval, const Node *node)
{
    for (size_t i = 0; i < node->list.count; i++) {
        int r = node->list.items[i]->run(eval, node->list.items[i]);
        if (r)
            return r;
    }
    return 0;
}

/* ---- plain nodes ---- */
int eval_literal(Eval *eval, const Node *node, Value *ret)
{
    *ret = node->literal;
    return 0;
}

int eval_name(Eval *eval, const Node *node, Value *ret)
{
    if (!eval_variable(eval, node->name, ret))
        return eval_undefined(eval, node->line, node->name);
    *ret = eval_current_version(eval, *ret);
    return 0;
}

int eval_list_literal(Eval *eval, const Node *node, Value *ret)
{
    List *list = list_new(eval->arena, node->list.count);
    for (size_t i = 0; i < node->list.count; i++) {
        Value item;
        int r = eval_node(eval, node->list.items[i], &item);
        if (r)
            return r;
        list_push(eval->arena, list, item);
    }
    *ret = value_list(list);
    return 0;
}

int eval_map_literal(Eval *eval, const Node *node, Value *ret)
{
    ValueMap *map = map2_new(eval->arena);
    for (size_t i = 0; i < node->list.count; i += 2) {
        Value key, value;
        int r = eval_node(eval, node->list.items[i], &key);
        if (!r)
            r = eval_node(eval, node->list.items[i + 1], &value);
        if (r)
            return r;
        map2_put(eval->arena, map, key, value);
    }
    *ret = value_map(map);
    ret->class_ = CLASS_HASH_MAP;
    return 0;
}

int eval_join(Eval *eval, const Node *node, Value *ret)
{
    _cleanup_buffer_ Buffer buffer = {};
    for (size_t i = 0; i < node->list.count; i++) {
        Value part;
        int r = eval_node(eval, node->list.items[i], &part);
        if (r)
            return r;
        if (part.kind != VALUE_NULL)
            java_append(&buffer, &part);
    }
    return eval_buffer_value(eval, &buffer, ret);
}

int eval_captured_body(Eval *eval, const Node *node, Value *ret)
{
    return eval_capture(eval, node->tag.body, ret);
}

/* ---- tags ---- */
int run_if(Eval *eval, const Node *node)
{
    for (size_t i = 0; i < node->branches.bodies.count; i++) {
        bool truth = true;
        if (i < node->branches.conditions.count) {
            const Node *condition = node->branches.conditions.items[i];
            Value value;
            int r = eval_node(eval, condition, &value);
            if (r == EVAL_E_UNDEFINED ||
                (!r && (value.kind == VALUE_NULL || eval_truth(eval, node->line, &value, &truth))))
                return eval_fail(eval, node->line, "Wrong operand(s) type in conditional expression");
            if (r)
                return r;
        }
        if (truth)
            return node->branches.bodies.items[i]->run(eval, node->branches.bodies.items[i]);
    }
    return 0;
}

static int run_round(Eval *eval, const Node *node, Value item, const Loop *loop)
{
    int r = eval_spend(eval, 1);
    if (r)
        return r;
    scope_put(eval, (Name){"loop", 4}, (Value){.kind = VALUE_LOOP, .loop = loop});
    scope_put(eval, node->tag.name, item);
    return node->tag.body->run(eval, node->tag.body);
}

static int run_rounds(Eval *eval, const Node *node, const Value *items)
{
    Loop *loop = arena_new_n(eval->arena, Loop, 1);
    loop->length = (int64_t)value_count(items);
    MapWalk walk = {.map = *items};
    Entry *entry = items->kind == VALUE_MAP ? arena_new_n(eval->arena, Entry, (size_t)loop->length) : NULL;
    for (; loop->index < loop->length; loop->index++) {
        Value item;
        if (entry) {
            (void)map_walk(&walk, &entry->key, &entry->value); /* as many as counted */
            item = (Value){.kind = VALUE_ENTRY, .entry = entry++};
        } else {
            item = value_item(items, (size_t)loop->index);
        }
        int r = run_round(eval, node, item, loop);
        if (r)
            return r;
    }
    return 0;
}

int run_for(Eval *eval, const Node *node)
{
    Value items;
    int r = eval_node(eval, node->tag.value, &items);
    if (r)
        return r;
    if (items.kind == VALUE_NULL)
        return 0;
    if (items.kind != VALUE_LIST && items.kind != VALUE_MAP)
        return eval_fail(
            eval, node->line, "Not an iterable object. Value = [%s]",
            arena_strndup(eval->arena, java_text(eval->arena, &items).text, java_text(eval->arena, &items).length));
    if (value_count(&items) == 0)
        return node->tag.otherwise ? node->tag.otherwise->run(eval, node->tag.otherwise) : 0;
    scope_push(eval, SCOPE_LOOP);
    r = run_rounds(eval, node, &items);
    scope_pop(eval);
    return r;
}

int run_set(Eval *eval, const Node *node)
{
    Value value;
    int r = eval_node(eval, node->tag.value, &value);
    if (!r)
        scope_assign(eval, node->tag.name, value);
    return r;
}

/* Of blocks with one name the last holds everywhere. */
int run_block(Eval *eval, const Node *node)
{
    const Node *body = node->tag.body;
    for (const Block2 *block = eval->expr->blocks; block; block = block->next)
        if (block->name.length == node->tag.name.length &&
            memcmp(block->name.text, node->tag.name.text, block->name.length) == 0) {
            body = block->body;
            break;
        }
    return body->run(eval, body);
}

int eval_run_expr(Eval *eval, const Expr *expr)
{
    const Expr *outer = eval->expr;
    eval->expr = expr;
    int r = expr->body->run(eval, expr->body);
    eval->expr = outer;
    return r;
}
