/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Filters, functions, tests and macros: how arguments find their places, after Pebble's ArgumentsNode. The tables come
 * from the files of filters/, functions/ and tests/; adding a row there is all that a new one needs.
 */
#include "expr/calls.h"

#include <stdarg.h>

static const CallRow *const filter_groups[] = {
    filters_text,     filters_list,  filters_map,  filters_number, filters_json,
    filters_encoding, filters_regex, filters_date, filters_jq,     filters_yaml,
};
static const CallRow *const function_groups[] = {
    functions_data,   functions_render, functions_outside, functions_random,
    functions_crypto, functions_date,   functions_formats,
};
static const CallRow *const test_groups[] = {tests_all};

static const CallRow *find(const CallRow *const *groups, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        for (const CallRow *row = groups[i]; row->name; row++)
            if (streq(row->name, name))
                return row;
    return NULL;
}

static const CallRow *at(const CallRow *const *groups, size_t count, size_t index)
{
    for (size_t i = 0; i < count; i++)
        for (const CallRow *row = groups[i]; row->name; row++)
            if (index-- == 0)
                return row;
    return NULL;
}

const CallRow *filter_find(const char *name)
{
    return find(filter_groups, ELEMENTS(filter_groups), name);
}
const CallRow *function_find(const char *name)
{
    return find(function_groups, ELEMENTS(function_groups), name);
}
const CallRow *test_find(const char *name)
{
    return find(test_groups, ELEMENTS(test_groups), name);
}
const CallRow *filter_at(size_t index)
{
    return at(filter_groups, ELEMENTS(filter_groups), index);
}
const CallRow *function_at(size_t index)
{
    return at(function_groups, ELEMENTS(function_groups), index);
}
const CallRow *test_at(size_t index)
{
    return at(test_groups, ELEMENTS(test_groups), index);
}

int call_fail(Call *call, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const char *text = arena_vprintf(call->eval->arena, format, arguments);
    va_end(arguments);
    return eval_fail(call->eval, call->line, "%s", text);
}

int call_wrong_type(Call *call, const Value *value, const char *expected)
{
    return eval_fail_plain(call->eval, "class %s cannot be cast to class %s", value_class_name(value), expected);
}

int call_need_text(Call *call, const Value *value)
{
    return value->kind == VALUE_TEXT ? 0 : call_wrong_type(call, value, "java.lang.String");
}

int call_need_long(Call *call, const Value *value, int64_t *ret)
{
    if (!value_is_whole(value))
        return call_wrong_type(call, value, "java.lang.Long");
    *ret = value->integer;
    return 0;
}

static size_t names_count(const char *const *names)
{
    size_t count = 0;
    while (names && names[count])
        count++;
    return count;
}

static ssize_t name_index(const char *const *names, Name name)
{
    for (ssize_t i = 0; names[i]; i++)
        if (strlen(names[i]) == name.length && memcmp(names[i], name.text, name.length) == 0)
            return i;
    return -1;
}

/* Evaluates the arguments into their places. `values` and `given` have room for the names of the row. */
static int place_arguments(Eval *eval, const Node *node, const char *const *names, Value *values, bool *given)
{
    const Arguments *arguments = &node->call.arguments;
    size_t limit = names_count(names);
    for (size_t i = 0; i < arguments->count; i++) {
        const Argument *argument = &arguments->items[i];
        ssize_t place = argument->name.text ? name_index(names, argument->name) : (ssize_t)i;
        if (place < 0)
            return eval_fail(eval, node->line, "The following named argument does not exist: %.*s",
                             (int)argument->name.length, argument->name.text);
        if ((size_t)place >= limit)
            return eval_fail(eval, node->line,
                             "The argument at position %zu is not allowed. Only %zu argument(s) are allowed.", i + 1,
                             limit);
        int r = eval_node(eval, argument->value, &values[place]);
        if (r)
            return r;
        given[place] = true;
    }
    return 0;
}

/* A row without names takes any number of arguments; named ones are dropped. */
static int collect_arguments(Eval *eval, const Node *node, Value *values, bool *given, size_t *ret_count)
{
    const Arguments *arguments = &node->call.arguments;
    *ret_count = 0;
    for (size_t i = 0; i < arguments->count && !arguments->items[i].name.text; i++) {
        int r = eval_node(eval, arguments->items[i].value, &values[i]);
        if (r)
            return r;
        given[i] = true;
        (*ret_count)++;
    }
    return 0;
}

static int run_call(Call *call, Value *ret)
{
    const Node *node = call->node;
    const CallRow *row = call->row;
    Eval *eval = call->eval;
    Value places[CALL_ARGUMENTS_MAX] = {}, *values = places;
    bool flags[CALL_ARGUMENTS_MAX] = {}, *given = flags;
    int r;
    if (row->names) {
        call->count = names_count(row->names);
        assert(call->count <= CALL_ARGUMENTS_MAX);
        r = place_arguments(eval, node, row->names, values, given);
    } else {
        if (node->call.arguments.count > CALL_ARGUMENTS_MAX) {
            values = arena_new_n(eval->arena, Value, node->call.arguments.count);
            given = arena_new_n(eval->arena, bool, node->call.arguments.count);
        }
        r = collect_arguments(eval, node, values, given, &call->count);
    }
    if (r)
        return r;
    if (node->call.input) {
        r = eval_node(eval, node->call.input, &call->input);
        if (r == EVAL_E_UNDEFINED && (row->flags & CALL_DEFAULT))
            call->input = VALUE_NULL_INIT;
        else if (r)
            return r;
    }
    call->arguments = values;
    call->given = given;
    r = eval_spend(eval, value_cost(&call->input));
    if (!r)
        r = eval_enter(eval, node->line);
    if (r)
        return r;
    r = row->run(call, ret);
    eval_leave(eval);
    return r;
}

int eval_filter(Eval *eval, const Node *node, Value *ret)
{
    if (!node->call.row)
        return eval_fail(eval, node->line, "Filter [%s] does not exist.", node->call.name.text);
    Call call = {.eval = eval, .line = node->line, .row = node->call.row, .node = node};
    return run_call(&call, ret);
}

int eval_test(Eval *eval, const Node *node, Value *ret)
{
    if (!node->call.row)
        return eval_fail(eval, node->line, "Test [%s] does not exist.", node->call.name.text);
    Call call = {.eval = eval, .line = node->line, .row = node->call.row, .node = node};
    int r = run_call(&call, ret);
    if (!r && node->call.negated)
        ret->boolean = !ret->boolean;
    return r;
}

/* ---- macros ---- */
static const Argument *macro_argument(const Macro *macro, Name name)
{
    for (size_t i = 0; i < macro->arguments.count; i++) {
        const Name *candidate = &macro->arguments.items[i].name;
        if (candidate->length == name.length && memcmp(candidate->text, name.text, name.length) == 0)
            return &macro->arguments.items[i];
    }
    return NULL;
}

static int macro_values(Eval *eval, const Node *node, const Macro *macro, Value *values, bool *given)
{
    const Arguments *arguments = &node->call.arguments;
    for (size_t i = 0; i < arguments->count; i++) {
        const Argument *argument = &arguments->items[i], *place;
        if (!argument->name.text && i >= macro->arguments.count)
            return eval_fail(eval, node->line,
                             "The argument at position %zu is not allowed. Only %zu argument(s) are allowed.", i + 1,
                             macro->arguments.count);
        place = argument->name.text ? macro_argument(macro, argument->name) : &macro->arguments.items[i];
        if (!place)
            return eval_fail(eval, node->line, "The following named argument does not exist: %.*s",
                             (int)argument->name.length, argument->name.text);
        int r = eval_node(eval, argument->value, &values[place - macro->arguments.items]);
        if (r)
            return r;
        given[place - macro->arguments.items] = true;
    }
    return 0;
}

static int macro_run(Eval *eval, const Macro *macro, const Value *values, const bool *given, Value *ret)
{
    for (size_t i = 0; i < macro->arguments.count; i++) {
        const Argument *argument = &macro->arguments.items[i];
        Value value = given[i] ? values[i] : VALUE_NULL_INIT;
        if (!given[i] && argument->value) {
            int r = eval_node(eval, argument->value, &value);
            if (r)
                return r;
        }
        scope_put(eval, argument->name, value);
    }
    return eval_capture(eval, macro->body, ret);
}

static int eval_macro(Eval *eval, const Node *node, const Macro *macro, Value *ret)
{
    size_t count = macro->arguments.count;
    Value *values = count ? arena_new_n(eval->arena, Value, count) : NULL;
    bool *given = count ? arena_new_n(eval->arena, bool, count) : NULL;
    int r = macro_values(eval, node, macro, values, given);
    if (!r)
        r = eval_enter(eval, node->line);
    if (r)
        return r;
    scope_push(eval, SCOPE_LOCAL);
    r = macro_run(eval, macro, values, given, ret);
    scope_pop(eval);
    eval_leave(eval);
    return r;
}

int eval_function(Eval *eval, const Node *node, Value *ret)
{
    if (node->call.row) {
        Call call = {.eval = eval, .line = node->line, .row = node->call.row, .node = node};
        return run_call(&call, ret);
    }
    for (const Macro *macro = eval->expr->macros; macro; macro = macro->next)
        if (streq(macro->name.text, node->call.name.text))
            return eval_macro(eval, node, macro, ret);
    return eval_fail(eval, node->line, "Function or Macro [%s] does not exist.", node->call.name.text);
}

int eval_block_function(Eval *eval, const Node *node, Value *ret)
{
    const Arguments *arguments = &node->call.arguments;
    Value name = VALUE_NULL_INIT;
    int r = arguments->count ? eval_node(eval, arguments->items[0].value, &name) : 0;
    if (r)
        return r;
    *ret = value_literal("");
    for (const Block2 *block = eval->expr->blocks; block; block = block->next)
        if (text_is(&name, block->name.text)) {
            r = eval_enter(eval, node->line);
            if (r)
                return r;
            r = eval_capture(eval, block->body, ret);
            eval_leave(eval);
            return r;
        }
    return 0;
}

int eval_parent_function(Eval *eval, const Node *node, Value *ret)
{
    return eval_fail(eval, node->line, "Can not use parent function if template does not extend another template.");
}
