/* SPDX-License-Identifier: Apache-2.0 */
/* YAML and Ion as filters. */
#include "expr/calls.h"
#include "expr/ion.h"
#include "expr/yaml_write.h"

static int filter_yaml(Call *call, Value *ret)
{
    _cleanup_buffer_ Buffer buffer = {};
    if (call->input.kind == VALUE_NULL)
        buffer_append(&buffer, "null");
    else
        yaml_write(&buffer, &call->input);
    return eval_buffer_value(call->eval, &buffer, ret);
}

static int filter_to_ion(Call *call, Value *ret)
{
    _cleanup_buffer_ Buffer buffer = {};
    ion_write(&buffer, &call->input);
    return eval_buffer_value(call->eval, &buffer, ret);
}

const CallRow filters_yaml[] = {
    {"toIon", filter_to_ion, NULL, 0, NULL},
    {"yaml", filter_yaml, NULL, 0, NULL},
    {},
};
