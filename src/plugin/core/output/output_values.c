/* SPDX-License-Identifier: Apache-2.0 */
/* io.kestra.plugin.core.output.OutputValues: a rendered map as outputs. */
#include "plugin/run.h"

static int run_output_values(RunContext *run)
{
    json_t *values;
    int r = run_value(run, "values", &values);
    if (r != 0)
        return r;
    if (values)
        run_output(run, "values", values);
    return 0;
}

static const Field fields[] = {
    {"values", FIELD_MAP, FIELD_EXPRESSION, .item = FIELD_ANY, .doc = "Names and values; rendered at any depth."},
    {},
};

static const Field outputs[] = {
    {"values", FIELD_MAP, .item = FIELD_ANY, .doc = "The rendered values."},
    {},
};

const Type task_core_output_values = {
    .name = "io.kestra.plugin.core.output.OutputValues",
    .kind = TYPE_TASK,
    .where = RUN_INLINE,
    .title = "Give values as outputs of the task.",
    .examples = (const char *const[]){"id: paths\n"
                                      "type: io.kestra.plugin.core.output.OutputValues\n"
                                      "values:\n"
                                      "  target: \"/srv/{{ inputs.name }}\"\n",
                                      NULL},
    .fields = fields,
    .outputs = outputs,
    .run = run_output_values,
};
