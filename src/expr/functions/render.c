/* SPDX-License-Identifier: Apache-2.0 */
/* render, renderOnce, and the functions that show all variables. */
#include "expr/calls.h"

static int render_value(Call *call, const Value *value, bool recursive, Value *ret);

static int render_list(Call *call, const Value *value, bool recursive, Value *ret)
{
    List *list = list_new(call->eval->arena, value_count(value));
    for (size_t i = 0; i < value_count(value); i++) {
        Value item = value_item(value, i), rendered;
        int r = render_value(call, &item, recursive, &rendered);
        if (r)
            return r;
        list_push(call->eval->arena, list, rendered);
    }
    *ret = value_list(list);
    return 0;
}

static int render_map(Call *call, const Value *value, bool recursive, Value *ret)
{
    ValueMap *map = map2_new(call->eval->arena);
    MapWalk walk = {.map = *value};
    for (Value key, item, rendered, name; map_walk(&walk, &key, &item);) {
        int r = render_value(call, &key, recursive, &name);
        if (!r)
            r = render_value(call, &item, recursive, &rendered);
        if (r)
            return r;
        map2_put(call->eval->arena, map, name, rendered);
    }
    *ret = value_map(map);
    return 0;
}

static int render_value(Call *call, const Value *value, bool recursive, Value *ret)
{
    *ret = *value;
    if (value->kind == VALUE_TEXT)
        return eval_render_text(call->eval, *value, recursive, ret);
    if (value->kind != VALUE_LIST && value->kind != VALUE_MAP)
        return 0;
    int r = eval_enter(call->eval, call->line);
    if (r)
        return r;
    r = (value->kind == VALUE_LIST ? render_list : render_map)(call, value, recursive, ret);
    eval_leave(call->eval);
    return r;
}

/* An error of the inner template loses its place, as in Kestra: nobody outside catches it as an unknown variable. */
static int render(Call *call, bool recursive, Value *ret)
{
    if (!call_has(call, 0))
        return call_fail(call, "The '%s' function expects an argument 'toRender'.", call->row->name);
    Value template = call_argument(call, 0);
    int r = render_value(call, &template, recursive, ret);
    return r > 0 ? eval_fail_plain(call->eval, "%s (?:?)", eval_error_text(call->eval)) : r;
}

static int function_render(Call *call, Value *ret)
{
    Value recursive = call_argument(call, 1);
    if (call_has(call, 0) && call_has(call, 1) && recursive.kind != VALUE_BOOLEAN)
        return call_fail(call, "The 'render' function expects an optional argument 'recursive' with type boolean.");
    return render(call, recursive.kind != VALUE_BOOLEAN || recursive.boolean, ret);
}

static int function_render_once(Call *call, Value *ret)
{
    return render(call, false, ret);
}

static int function_context(Call *call, Value *ret)
{
    *ret = eval_all_variables(call->eval);
    return 0;
}

static const char *const no_arguments[] = {NULL};
static const char *const render_arguments[] = {"toRender", "recursive", NULL};
static const char *const once_arguments[] = {"toRender", NULL};

const CallRow functions_render[] = {
    {"fetchContext", function_context, no_arguments, CALL_READS_ALL, NULL},
    {"printContext", function_context, no_arguments, CALL_READS_ALL, NULL},
    {"render", function_render, render_arguments, CALL_READS_ALL, NULL},
    {"renderOnce", function_render_once, once_arguments, CALL_READS_ALL, NULL},
    {},
};
