/* SPDX-License-Identifier: Apache-2.0 */
/* Functions on data: json, range, min, max, currentEachOutput. */
#include "expr/calls.h"
#include "expr/json_read.h"

static int function_json(Call *call, Value *ret)
{
    *ret = VALUE_NULL_INIT;
    if (!call_has(call, 0))
        return call_fail(call, "The 'fromJson' function expects an argument 'json'.");
    Value text = call_argument(call, 0);
    if (text.kind == VALUE_NULL)
        return 0;
    if (text.kind != VALUE_TEXT)
        return call_fail(call, "The 'fromJson' function expects an argument 'json' with type string.");
    JsonError error;
    size_t blanks = 0;
    while (blanks < text.length && text.text[blanks] && strchr(" \t\r\n", text.text[blanks]))
        blanks++;
    if (blanks == text.length)
        return call_fail(call, "Invalid json: No content to map due to end-of-input\n");
    if (!json_read(call->eval->arena, text.text, text.length, ret, &error))
        return call_fail(call, "Invalid json: %s\n", error.message);
    return 0;
}

static int function_range(Call *call, Value *ret)
{
    Value from = call_argument(call, 0), to = call_argument(call, 1), increment = call_argument(call, 2);
    if (increment.kind == VALUE_NULL)
        increment = value_long(1);
    if (!value_is_number(&increment)) {
        Value text = java_text(call->eval->arena, &increment);
        return call_fail(call, "The increment of the range function must be a number %.*s", (int)text.length,
                         text.text);
    }
    int64_t step = value_as_long(&increment);
    if (step == 0)
        return call_fail(call, "The increment of the range function must be different than 0");
    return eval_range_values(call->eval, call->line, &from, &to, step, ret);
}

static int extreme(Call *call, bool greatest, Value *ret)
{
    *ret = VALUE_NULL_INIT;
    for (size_t i = 0; i < call->count; i++) {
        Value candidate = call->arguments[i];
        if (ret->kind == VALUE_NULL) {
            *ret = candidate;
        } else if (candidate.kind != VALUE_NULL) {
            if (!value_is_number(ret) || !value_is_number(&candidate))
                return eval_fail_plain(call->eval, "invalid operands for mathematical comparison [%s]",
                                       greatest ? "GREATER_THAN" : "LESS_THAN");
            double a = value_as_double(ret), b = value_as_double(&candidate);
            if (greatest ? b > a : b < a)
                *ret = candidate;
        }
    }
    return 0;
}

static int function_max(Call *call, Value *ret)
{
    return extreme(call, true, ret);
}
static int function_min(Call *call, Value *ret)
{
    return extreme(call, false, ret);
}

/* Follows the values of the outer loops (outermost first), then the own value, into the outputs of a task. */
static int step_into(Call *call, Value *at, const Value *run)
{
    Value taskrun, value, found;
    if (at->kind != VALUE_MAP)
        return eval_fail_plain(call->eval, "The outputs have no entry for the current iteration");
    if (run->kind != VALUE_MAP || !value_get(run, "taskrun", 7, &taskrun) || taskrun.kind != VALUE_MAP ||
        !value_get(&taskrun, "value", 5, &value))
        return 0;
    if (!value_find(at, &value, &found))
        found = VALUE_NULL_INIT;
    *at = found;
    return 0;
}

static int function_current_each_output(Call *call, Value *ret)
{
    Value outputs = call_argument(call, 0), parents = VALUE_NULL_INIT, all = eval_all_variables(call->eval);
    if (!call_has(call, 0))
        return call_fail(call, "The 'currentEachOutput' function expects an argument 'outputs'.");
    if (outputs.kind != VALUE_MAP)
        return call_fail(call, "The 'currentEachOutput' function expects an argument 'outputs' with type map.");
    *ret = outputs;
    (void)value_get(&all, "parents", 7, &parents); /* none outside of loops */
    int r = 0;
    if (parents.kind == VALUE_LIST)
        for (size_t i = value_count(&parents); i-- > 0 && !r;) {
            Value parent = value_item(&parents, i);
            r = step_into(call, ret, &parent);
        }
    return r ? r : step_into(call, ret, &all);
}

static const char *const json_arguments[] = {"json", NULL};
static const char *const range_arguments[] = {"start", "end", "increment", NULL};
static const char *const outputs_arguments[] = {"outputs", NULL};

const CallRow functions_data[] = {
    {"currentEachOutput", function_current_each_output, outputs_arguments, 0, "taskrun parents"},
    {"fromJson", function_json, json_arguments, 0, NULL},
    {"json", function_json, json_arguments, 0, NULL},
    {"max", function_max, NULL, 0, NULL},
    {"min", function_min, NULL, 0, NULL},
    {"range", function_range, range_arguments, 0, NULL},
    {},
};
