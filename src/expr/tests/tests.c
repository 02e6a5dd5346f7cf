/* SPDX-License-Identifier: Apache-2.0 */
/* Tests: the right side of `is` and `is not`. */
#include "expr/calls.h"
#include "expr/json_read.h"

static int test_defined(Call *call, Value *ret)
{
    *ret = value_boolean(call->input.kind != VALUE_NULL);
    return 0;
}

static bool is_blank_text(const Value *text)
{
    for (uint32_t i = 0; i < text->length; i++)
        if ((unsigned char)text->text[i] > ' ')
            return false;
    return true;
}

static int test_empty(Call *call, Value *ret)
{
    const Value *input = &call->input;
    bool empty = input->kind == VALUE_NULL;
    if (input->kind == VALUE_TEXT)
        empty = is_blank_text(input);
    else if (input->kind == VALUE_LIST || input->kind == VALUE_MAP)
        empty = value_count(input) == 0;
    *ret = value_boolean(empty);
    return 0;
}

static int parity(Call *call, bool odd, Value *ret)
{
    if (call->input.kind == VALUE_NULL)
        return odd ? eval_fail_plain(call->eval, "Can not pass null value to \"odd\" test.")
                   : call_fail(call, "Can not pass null value to \"even\" test.");
    if (!value_is_whole(&call->input))
        return call_wrong_type(call, &call->input, "java.lang.Long");
    *ret = value_boolean((call->input.integer % 2 != 0) == odd);
    return 0;
}

static int test_even(Call *call, Value *ret)
{
    return parity(call, false, ret);
}

static int test_odd(Call *call, Value *ret)
{
    return parity(call, true, ret);
}

static int test_map(Call *call, Value *ret)
{
    *ret = value_boolean(call->input.kind == VALUE_MAP);
    return 0;
}

static int test_iterable(Call *call, Value *ret)
{
    *ret = value_boolean(call->input.kind == VALUE_LIST);
    return 0;
}

static int test_null(Call *call, Value *ret)
{
    *ret = value_boolean(call->input.kind == VALUE_NULL);
    return 0;
}

/* Kestra's JsonTest: true when the beginning of the text is a JSON value; an empty text is. */
static int test_json(Call *call, Value *ret)
{
    if (call->input.kind == VALUE_NULL)
        return eval_fail_plain(call->eval, "argument \"content\" is null");
    int r = call_need_text(call, &call->input);
    if (r)
        return r;
    JsonError error;
    Value value;
    *ret = value_boolean(json_read(call->eval->arena, call->input.text, call->input.length, &value, &error));
    return 0;
}

const CallRow tests_all[] = {
    {"defined", test_defined, NULL, CALL_DEFAULT, NULL},
    {"empty", test_empty, NULL, 0, NULL},
    {"even", test_even, NULL, 0, NULL},
    {"iterable", test_iterable, NULL, 0, NULL},
    {"json", test_json, NULL, 0, NULL},
    {"map", test_map, NULL, 0, NULL},
    {"null", test_null, NULL, 0, NULL},
    {"odd", test_odd, NULL, 0, NULL},
    {},
};
