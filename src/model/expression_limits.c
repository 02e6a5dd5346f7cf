/* SPDX-License-Identifier: Apache-2.0 */
#include "model/expression_limits.h"

#include "doc/json.h"

void expression_limits_from_conf(const Conf *conf)
{
    expr_limits_set(&(ExprLimits){
        .depth_max = (unsigned)conf_integer(conf, "limits.expression-depth"),
        .output_bytes_max = (size_t)conf_integer(conf, "limits.expression-output"),
        .steps_max = (uint64_t)conf_integer(conf, "limits.expression-steps"),
        .memory_bytes_max = (size_t)conf_integer(conf, "limits.expression-memory"),
    });
}

json_t *expression_limits_encode(void)
{
    const ExprLimits *limits = expr_limits();
    return json_pack("{s:I, s:I, s:I, s:I}", "depth", (json_int_t)limits->depth_max, "output",
                     (json_int_t)limits->output_bytes_max, "steps", (json_int_t)limits->steps_max, "memory",
                     (json_int_t)limits->memory_bytes_max);
}

void expression_limits_decode(const json_t *limits)
{
    const ExprLimits *defaults = &expr_limits_default;
    expr_limits_set(&(ExprLimits){
        .depth_max = (unsigned)json_get_integer(limits, "depth", defaults->depth_max),
        .output_bytes_max = (size_t)json_get_integer(limits, "output", (int64_t)defaults->output_bytes_max),
        .steps_max = (uint64_t)json_get_integer(limits, "steps", (int64_t)defaults->steps_max),
        .memory_bytes_max = (size_t)json_get_integer(limits, "memory", (int64_t)defaults->memory_bytes_max),
    });
}
