/* SPDX-License-Identifier: Apache-2.0 */
/* Filters that search in texts: split, replace, escapeChar. The last two go through lists and maps. */
#include <strings.h>

#include "expr/calls.h"
#include "expr/regex.h"
#include "expr/unicode.h"

static int filter_split(Call *call, Value *ret)
{
    *ret = VALUE_NULL_INIT;
    if (call->input.kind == VALUE_NULL)
        return 0;
    Value delimiter = call_argument(call, 0), limit = call_argument(call, 1);
    if (!call_has(call, 0) || delimiter.kind == VALUE_NULL)
        return call_fail(call, "missing delimiter parameter in split filter");
    int64_t count = 0;
    int r = call_need_text(call, &delimiter);
    if (!r)
        r = call_need_text(call, &call->input);
    if (!r && limit.kind != VALUE_NULL)
        r = call_need_long(call, &limit, &count);
    return r ? r : regex_split(call->eval, &call->input, &delimiter, count, ret);
}

/* ---- a change of every text in a value ---- */
typedef struct Change {
    Call *call;
    Value pairs;
    bool is_regex;
    const char *from, *to; /* escapeChar */
} Change;
typedef int (*ChangeText)(const Change *change, const Value *text, Value *ret);

static int change_value(const Change *change, ChangeText run, const Value *value, Value *ret);

static int change_map(const Change *change, ChangeText run, const Value *value, Value *ret)
{
    Arena *arena = change->call->eval->arena;
    ValueMap *map = map2_new(arena);
    MapWalk walk = {.map = *value};
    for (Value key, item, changed; map_walk(&walk, &key, &item);) {
        int r = change_value(change, run, &item, &changed);
        if (r)
            return r;
        map2_put(arena, map, key, changed);
    }
    *ret = value_map(map);
    ret->class_ = CLASS_HASH_MAP;
    return 0;
}

static int change_list(const Change *change, ChangeText run, const Value *value, Value *ret)
{
    Arena *arena = change->call->eval->arena;
    List *list = list_new(arena, value_count(value));
    for (size_t i = 0; i < value_count(value); i++) {
        Value item = value_item(value, i), changed;
        int r = change_value(change, run, &item, &changed);
        if (r)
            return r;
        list_push(arena, list, changed);
    }
    *ret = value_list(list);
    return 0;
}

static int change_value(const Change *change, ChangeText run, const Value *value, Value *ret)
{
    if (value->kind == VALUE_NULL)
        return eval_fail_plain(change->call->eval, "A null inside of the value cannot be changed");
    if (value->kind == VALUE_MAP || value->kind == VALUE_LIST) {
        int r = eval_enter(change->call->eval, change->call->line);
        if (r)
            return r;
        r = (value->kind == VALUE_MAP ? change_map : change_list)(change, run, value, ret);
        eval_leave(change->call->eval);
        return r;
    }
    Value text = java_text(change->call->eval->arena, value);
    return run(change, &text, ret);
}

static int replace_pairs(const Change *change, const Value *text, Value *ret)
{
    Eval *eval = change->call->eval;
    *ret = *text;
    MapWalk walk = {.map = change->pairs};
    for (Value key, value; map_walk(&walk, &key, &value);) {
        Value from = java_text(eval->arena, &key), to = java_text(eval->arena, &value);
        int r = change->is_regex ? regex_replace(eval, ret, &from, &to, true, ret)
                                 : text_replace_all(eval, ret, &from, &to, ret);
        if (r)
            return r;
    }
    return 0;
}

static int filter_replace(Call *call, Value *ret)
{
    *ret = VALUE_NULL_INIT;
    if (call->input.kind == VALUE_NULL)
        return 0;
    Change change = {.call = call, .pairs = call_argument(call, 0)};
    Value regexp = call_argument(call, 1);
    if (change.pairs.kind == VALUE_NULL)
        return call_fail(call, "The argument 'replace_pairs' is required.");
    if (regexp.kind != VALUE_NULL && regexp.kind != VALUE_BOOLEAN)
        return call_wrong_type(call, &regexp, "java.lang.Boolean");
    if (change.pairs.kind != VALUE_MAP)
        return call_wrong_type(call, &change.pairs, "java.util.Map");
    change.is_regex = regexp.kind == VALUE_BOOLEAN && regexp.boolean;
    return change_value(&change, replace_pairs, &call->input, ret);
}

static int escape_text(const Change *change, const Value *text, Value *ret)
{
    Value from = value_text(change->from, 1), to = value_text(change->to, strlen(change->to));
    return text_replace_all(change->call->eval, text, &from, &to, ret);
}

static int filter_escape_char(Call *call, Value *ret)
{
    static const struct {
        const char *type, *from, *to;
    } types[] = {{"single", "'", "\\'"}, {"double", "\"", "\\\""}, {"shell", "'", "'\\''"}};
    *ret = VALUE_NULL_INIT;
    if (call->input.kind == VALUE_NULL)
        return 0;
    if (!call_has(call, 0))
        return call_fail(call, "The 'escapeChar' filter expects an argument 'type'.");
    Value type = call_argument(call, 0);
    for (size_t i = 0; i < ELEMENTS(types) && type.kind == VALUE_TEXT; i++)
        if (strlen(types[i].type) == type.length && strncasecmp(types[i].type, type.text, type.length) == 0) {
            Change change = {.call = call, .from = types[i].from, .to = types[i].to};
            return change_value(&change, escape_text, &call->input, ret);
        }
    return call_fail(
        call, "The 'escapeChar' filter expects the value of 'type' to be either 'single', 'double', or 'shell'.");
}

static const char *const split_arguments[] = {"delimiter", "limit", NULL};
static const char *const replace_arguments[] = {"replace_pairs", "regexp", NULL};
static const char *const escape_arguments[] = {"type", NULL};

const CallRow filters_regex[] = {
    {"escapeChar", filter_escape_char, escape_arguments, 0, NULL},
    {"replace", filter_replace, replace_arguments, 0, NULL},
    {"split", filter_split, split_arguments, 0, NULL},
    {},
};
