/* SPDX-License-Identifier: Apache-2.0 */
/* io.kestra.plugin.core.execution.Assert: fails unless all conditions hold. Every one is tried, so that the log tells
 * all that is wrong. */
#include "doc/json.h"
#include "model/log_entry.h"
#include "plugin/run.h"

/* Whether it holds; what cannot be rendered does not. Outage: negative. */
static int try_condition(RunContext *run, const json_t *condition, bool *ret)
{
    _cleanup_(expr_unrefp) Expr *expr = NULL;
    _cleanup_diag_ Diag diag = DIAG_INIT;
    _cleanup_json_ json_t *source = run_text_of((json_t *)condition);
    _cleanup_free_ char *text = NULL;
    int r = expr_compile(json_string_value(source), json_string_length(source), &expr, &diag);
    if (r == 0)
        r = expr_render(expr, run->render, &text, &diag);
    if (r < 0)
        return trace(r);
    *ret = r == 0 && expr_is_truthy(text);
    if (r > 0)
        run_log(run, LOG_LEVEL_ERROR, "Assertion `%s` failed, failed to render `%s`", json_string_value(source),
                diag_first(&diag));
    else if (!*ret)
        run_log(run, LOG_LEVEL_ERROR, "Assertion `%s` failed!", json_string_value(source));
    return 0;
}

static int fail(RunContext *run, size_t failed)
{
    _cleanup_free_ char *message = NULL;
    int r = run_text(run, "errorMessage", &message);
    if (r != 0)
        return r;
    return run_fail(run, "%zu assertion%s failed!%s%s", failed, failed > 1 ? "s" : "", message ? "\n" : "",
                    message ? message : "");
}

static int run_assert(RunContext *run)
{
    const json_t *conditions = json_object_get(run->task->properties, "conditions"), *condition;
    size_t i, failed = 0;
    json_array_foreach (conditions, i, condition) {
        bool holds = false;
        int r = try_condition(run, condition, &holds);
        if (r != 0)
            return r;
        failed += !holds;
    }
    run_counter(run, "success", (double)(json_array_size(conditions) - failed), NULL);
    run_counter(run, "failed", (double)failed, NULL);
    return failed ? fail(run, failed) : 0;
}

static const Field fields[] = {
    {"conditions", FIELD_LIST, FIELD_DYNAMIC | FIELD_REQUIRED, .item = FIELD_STRING,
     .doc = "Each must render to something true: not empty, not false, not 0."},
    {"errorMessage", FIELD_STRING, FIELD_DYNAMIC, .doc = "Said when one does not hold."},
    {},
};

const Type task_core_assert = {
    .name = "io.kestra.plugin.core.execution.Assert",
    .kind = TYPE_TASK,
    .where = RUN_INLINE,
    .title = "Fail unless conditions hold.",
    .examples = (const char *const[]){"id: check\n"
                                      "type: io.kestra.plugin.core.execution.Assert\n"
                                      "conditions:\n"
                                      "  - \"{{ inputs.param == 'ok' }}\"\n"
                                      "  - \"{{ outputs.count.value > 0 }}\"\n"
                                      "errorMessage: \"the data is not complete\"\n",
                                      NULL},
    .fields = fields,
    .run = run_assert,
};
