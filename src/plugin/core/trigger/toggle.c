/* SPDX-License-Identifier: Apache-2.0 */
/* io.kestra.plugin.core.trigger.Toggle: disables or enables a trigger. The executor sends it to the trigger's
 * scheduler. */
#include "plugin/core/flow/flow.h"

static int toggle_carry_out(struct FlowableContext *context, struct ExecutorAction *ret)
{
    ret->kind = ACTION_TOGGLE;
    ret->enabled = json_get_boolean(context->task->properties, "enabled", false);
    int r = flow_text(context, "namespace", &ret->namespace);
    if (r == 0)
        r = flow_text(context, "flowId", &ret->flow_id);
    if (r == 0)
        r = flow_text(context, "trigger", &ret->trigger_id);
    return r;
}

static const Field fields[] = {
    {"trigger", FIELD_STRING, FIELD_REQUIRED | FIELD_DYNAMIC, .doc = "Id of the trigger."},
    {"namespace", FIELD_STRING, FIELD_DYNAMIC, .doc = "Namespace of its flow; that of this flow by default."},
    {"flowId", FIELD_STRING, FIELD_DYNAMIC, .doc = "Id of its flow; this flow by default."},
    {"enabled", FIELD_BOOLEAN, FIELD_REQUIRED, .fallback = "false", .doc = "Whether the trigger is to be enabled."},
    {},
};

const Type task_core_toggle = {
    .name = "io.kestra.plugin.core.trigger.Toggle",
    .aliases = (const char *const[]){"io.kestra.core.tasks.trigger.Toggle", NULL},
    .kind = TYPE_TASK,
    .where = RUN_EXECUTOR,
    .title = "Enable or disable a trigger",
    .fields = fields,
    .carry_out = toggle_carry_out,
};
