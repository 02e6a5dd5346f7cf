/* SPDX-License-Identifier: Apache-2.0 */
/* JSON as a filter. */
#include "expr/calls.h"

static int filter_to_json(Call *call, Value *ret)
{
    _cleanup_buffer_ Buffer buffer = {};
    json_write(&buffer, &call->input, false);
    return eval_buffer_value(call->eval, &buffer, ret);
}

const CallRow filters_json[] = {
    {"json", filter_to_json, NULL, 0, NULL},
    {"toJson", filter_to_json, NULL, 0, NULL},
    {},
};
