/* SPDX-License-Identifier: Apache-2.0 */
/* yaml, fromIon */
#include "expr/calls.h"
#include "expr/ion.h"
#include "expr/yaml_read.h"

static int text_argument(Call *call, Value *ret)
{
    const char *name = call->row->names[0];
    if (!call_has(call, 0))
        return call_fail(call, "The '%s' function expects an argument '%s'.", call->row->name, name);
    *ret = call_argument(call, 0);
    if (ret->kind != VALUE_TEXT)
        return call_fail(call, "The '%s' function expects an argument '%s' with type string.", call->row->name, name);
    return 0;
}

static int function_yaml(Call *call, Value *ret)
{
    Value text;
    int r = text_argument(call, &text);
    return r ? r : yaml_read(call->eval, call->line, &text, ret);
}

static int function_from_ion(Call *call, Value *ret)
{
    Value text;
    bool empty;
    int r = text_argument(call, &text);
    if (r)
        return r;
    if (!ion_read(call->eval->arena, text.text, text.length, &empty, ret))
        return call_fail(call, "Invalid ion: Corrupt content to decode");
    return empty ? call_fail(call, "Invalid ion: No content to map due to end-of-input\n") : 0;
}

static const char *const yaml_arguments[] = {"yaml", NULL};
static const char *const ion_arguments[] = {"ion", NULL};

const CallRow functions_formats[] = {
    {"fromIon", function_from_ion, ion_arguments, 0, NULL},
    {"yaml", function_yaml, yaml_arguments, 0, NULL},
    {},
};
