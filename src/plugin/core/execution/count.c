/* SPDX-License-Identifier: Apache-2.0 */
/* io.kestra.plugin.core.execution.Count */
#include "doc/json.h"
#include "model/log_entry.h"
#include "plugin/fields.h"
#include "plugin/run.h"

/* The expression with the variable `count`: kept when it gives exactly "true". */
static int is_kept(RunContext *run, const json_t *item, bool *ret)
{
    _cleanup_free_ char *text = NULL;
    _cleanup_json_ json_t *variables = json_copy((json_t *)run->render->variables);
    json_object_set(variables, "count", json_object_get(item, "count"));
    ExprContext context = *run->render;
    context.variables = variables;
    RunContext inner = *run;
    inner.render = &context;
    int r = run_text(&inner, "expression", &text);
    *ret = r == 0 && text && streq(text, "true");
    return r;
}

static int take_counts(RunContext *run, const json_t *counts)
{
    _cleanup_json_ json_t *results = json_array();
    int64_t total = 0;
    size_t i;
    json_t *item;
    json_array_foreach (counts, i, item) {
        bool kept;
        int r = is_kept(run, item, &kept);
        if (r != 0)
            return r;
        if (!kept)
            continue;
        json_array_append(results, item);
        total += json_get_integer(item, "count", 0);
    }
    run_log(run, LOG_LEVEL_DEBUG, "%zu of %zu counts match the expression", json_array_size(results),
            json_array_size(counts));
    run_output(run, "results", json_incref(results));
    run_output(run, "total", json_integer(total));
    return 0;
}

static int run_count(RunContext *run)
{
    static const char *const lists[] = {"flows", "namespaces", "states"}, *const dates[] = {"startDate", "endDate"};
    json_t *question = json_object();
    _cleanup_json_ json_t *answer = NULL;
    int r = 0;
    for (size_t i = 0; r == 0 && i < ELEMENTS(lists); i++) {
        json_t *value = NULL;
        r = run_value(run, lists[i], &value);
        json_set_present(question, lists[i], value);
    }
    for (size_t i = 0; r == 0 && i < ELEMENTS(dates); i++)
        r = run_date(run, dates[i], question);
    if (r != 0) {
        json_decref(question);
        return r;
    }
    r = run_ask(run, "count-executions", question, &answer);
    return r == 0 ? take_counts(run, json_object_get(answer, "counts")) : r;
}

static const Field flow_fields[] = {
    {"namespace", FIELD_STRING, FIELD_REQUIRED, .doc = "Namespace of the flow."},
    {"flowId", FIELD_STRING, FIELD_REQUIRED, .doc = "Id of the flow."},
    {},
};

static const Field fields[] = {
    {"flows", FIELD_LIST, 0, .item = FIELD_OBJECT, .fields = flow_fields, .doc = "Flows, each counted alone."},
    {"namespaces", FIELD_LIST, 0, .item = FIELD_STRING, .doc = "Namespaces, each counted alone."},
    {"states", FIELD_LIST, 0, .item = FIELD_STRING, .doc = "Only executions in one of these states."},
    {"startDate", FIELD_STRING, FIELD_DYNAMIC | FIELD_REQUIRED,
     .doc = "Only executions that started at this date or later."},
    {"endDate", FIELD_STRING, FIELD_DYNAMIC, .doc = "Only executions that started at this date or before."},
    {"expression", FIELD_STRING, FIELD_DYNAMIC | FIELD_REQUIRED,
     .doc = "A count is kept when this gives true; it sees the variable `count`."},
    {},
};

static const Field outputs[] = {
    {"results", FIELD_LIST, .item = FIELD_ANY, .doc = "What was kept: namespace, flowId, count."},
    {"total", FIELD_INTEGER, .doc = "The sum of the counts that were kept."},
    {},
};

const Type task_core_execution_count = {
    .name = "io.kestra.plugin.core.execution.Count",
    .aliases = (const char *const[]){"io.kestra.core.tasks.executions.Counts", NULL},
    .kind = TYPE_TASK,
    .where = RUN_INLINE,
    .title = "Count the executions of flows or namespaces.",
    .examples = (const char *const[]){"id: did-not-run\n"
                                      "type: io.kestra.plugin.core.execution.Count\n"
                                      "namespaces:\n"
                                      "  - company.team\n"
                                      "startDate: \"{{ now() | dateAdd(-1, 'DAYS') }}\"\n"
                                      "expression: \"{{ count == 0 }}\"\n",
                                      NULL},
    .fields = fields,
    .outputs = outputs,
    .run = run_count,
};
