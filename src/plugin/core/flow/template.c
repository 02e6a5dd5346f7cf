/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io.kestra.plugin.core.flow.Template. Templates are off in Kestra unless its configuration says otherwise; such a task
 * is part of a valid flow there, and fails when it runs. There are no templates here, so it always does.
 */
#include "plugin/core/flow/flow.h"

static int template_open(struct FlowableContext *context, struct FlowablePlan *ret)
{
    diag_error(context->diag, NULL, 0, 0, "Templates are disabled, please check your configuration");
    return FLOWABLE_E_FAILED;
}

static const Field fields[] = {
    {"namespace", FIELD_STRING, FIELD_REQUIRED, .doc = "Namespace of the template."},
    {"templateId", FIELD_STRING, FIELD_REQUIRED, .doc = "Id of the template."},
    {"tenantId", FIELD_STRING, .doc = "Not used."},
    {"args", FIELD_MAP, FIELD_DYNAMIC, .item = FIELD_STRING, .doc = "Values for the template."},
    FLOW_FIELD_ERRORS,
    {},
};

const Type task_core_template = {
    .name = "io.kestra.plugin.core.flow.Template",
    .aliases = (const char *const[]){"io.kestra.core.tasks.flows.Template", NULL},
    .kind = TYPE_TASK,
    .where = RUN_FLOWABLE,
    .title = "Run the tasks of a template; there are none here",
    .doc = "Deprecated: a Subflow does the same.",
    .deprecated = true,
    .fields = fields,
    .open = template_open,
};
