/* SPDX-License-Identifier: Apache-2.0 */
/* io.kestra.plugin.core.execution.Exit: the execution ends here, in a state of the flow's choice. */
#include "plugin/core/flow/flow.h"

static const struct {
    const char *name;
    State state;
} states[] = {
    {"SUCCESS", STATE_SUCCESS}, {"WARNING", STATE_WARNING},    {"KILLED", STATE_KILLED},
    {"FAILED", STATE_FAILED},   {"CANCELED", STATE_CANCELLED},
};
static const char *const state_names[] = {"SUCCESS", "WARNING", "KILLED", "FAILED", "CANCELED", NULL};

static int exit_carry_out(struct FlowableContext *context, struct ExecutorAction *ret)
{
    _cleanup_free_ char *name = NULL;
    ret->kind = ACTION_EXIT;
    int r = flow_text(context, "state", &name);
    if (r != 0)
        return r;
    for (size_t i = 0; i < ELEMENTS(states); i++)
        if (streq(states[i].name, name ? name : "SUCCESS")) {
            ret->state = states[i].state;
            return 0;
        }
    diag_error(context->diag, "state", 0, 0, "Property 'state' cannot be '%s'", name);
    return FLOWABLE_E_FAILED;
}

static const Field fields[] = {
    {"state", FIELD_ENUM, FIELD_DYNAMIC, .values = state_names, .fallback = "\"SUCCESS\"",
     .doc = "State in which the execution ends."},
    {},
};

const Type task_core_exit = {
    .name = "io.kestra.plugin.core.execution.Exit",
    .kind = TYPE_TASK,
    .where = RUN_EXECUTOR,
    .title = "End the execution in a given state.",
    .doc = "What runs beside it, in other branches, is ended too. The flow's outputs are not made.",
    .examples = (const char *const[]){"id: enough\n"
                                      "type: io.kestra.plugin.core.execution.Exit\n"
                                      "state: WARNING\n"
                                      "runIf: \"{{ outputs.count.value == 0 }}\"\n",
                                      NULL},
    .fields = fields,
    .carry_out = exit_carry_out,
};
