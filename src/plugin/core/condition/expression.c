/* SPDX-License-Identifier: Apache-2.0 */
/* io.kestra.plugin.core.condition.Expression: an expression that is true. */
#include "doc/json.h"
#include "plugin/condition.h"

static int holds(const ConditionContext *context, const json_t *condition, bool *ret, Diag *diag)
{
    _cleanup_free_ char *text = NULL;
    int r = condition_text(context, condition, "expression", "", &text, diag);
    if (r != 0)
        return r;
    *ret = text[strspn(text, " \t\r\n")] && !streq(text, "false");
    return 0;
}

static const Field fields[] = {
    {"expression", FIELD_STRING, FIELD_NOT_EMPTY, .doc = "True unless it renders to nothing or false."},
    {},
};

const Type condition_core_expression = {
    .name = "io.kestra.plugin.core.condition.Expression",
    .aliases = (const char *const[]){"io.kestra.core.models.conditions.types.VariableCondition",
                                     "io.kestra.plugin.core.condition.VariableCondition",
                                     "io.kestra.plugin.core.condition.ExpressionCondition",
                                     "io.kestra.core.models.conditions.types.ExpressionCondition", NULL},
    .kind = TYPE_CONDITION,
    .where = RUN_NOWHERE,
    .title = "An expression is true.",
    .fields = fields,
    .holds = holds,
};
