/* SPDX-License-Identifier: Apache-2.0 */
/* io.kestra.plugin.core.log.PurgeLogs: asks in pieces, so that the worker is never busy with it for long. */
#include "doc/json.h"
#include "plugin/run.h"

static int read_question(RunContext *run, json_t *question)
{
    static const char *const texts[] = {"namespace", "flowId"}, *const dates[] = {"startDate", "endDate"};
    int r = 0;
    for (size_t i = 0; r == 0 && i < ELEMENTS(texts); i++) {
        _cleanup_free_ char *text = NULL;
        r = run_text(run, texts[i], &text);
        json_set_text(question, texts[i], text);
    }
    for (size_t i = 0; r == 0 && i < ELEMENTS(dates); i++)
        r = run_date(run, dates[i], question);
    return r;
}

/* All that the question means, whatever number of pieces it takes. */
static int purge(RunContext *run, const json_t *question, int64_t *count)
{
    for (int64_t deleted = 1; deleted > 0;) {
        _cleanup_json_ json_t *answer = NULL;
        if (run_is_killed(run))
            return RUN_E_FAILED;
        int r = run_ask(run, "delete-logs", json_copy((json_t *)question), &answer);
        if (r != 0)
            return r;
        deleted = json_get_integer(answer, "count", 0);
        *count += deleted;
    }
    return 0;
}

static int run_purge(RunContext *run)
{
    _cleanup_json_ json_t *question = json_object(), *levels = NULL;
    int64_t count = 0;
    int r = read_question(run, question);
    if (r == 0)
        r = run_texts(run, "logLevels", &levels);
    if (r == 0 && json_array_size(levels) == 0)
        r = purge(run, question, &count);
    for (size_t i = 0; r == 0 && i < json_array_size(levels); i++) {
        json_object_set(question, "level", json_array_get(levels, i));
        r = purge(run, question, &count);
    }
    if (r == 0)
        run_output(run, "count", json_integer(count));
    return r;
}

static const Field fields[] = {
    {"namespace", FIELD_STRING, FIELD_DYNAMIC,
     .doc = "Only of this namespace; with those below it when flowId is left out."},
    {"flowId", FIELD_STRING, FIELD_DYNAMIC, .doc = "Only of this flow; needs namespace."},
    {"logLevels", FIELD_LIST, 0, .item = FIELD_STRING, .doc = "Only lines of these levels."},
    {"startDate", FIELD_STRING, FIELD_DYNAMIC, .doc = "Only lines of this date or later."},
    {"endDate", FIELD_STRING, FIELD_DYNAMIC | FIELD_REQUIRED, .doc = "Only lines of this date or before."},
    {},
};

static const Field outputs[] = {
    {"count", FIELD_INTEGER, .doc = "Lines that were deleted."},
    {},
};

const Type task_core_log_purge = {
    .name = "io.kestra.plugin.core.log.PurgeLogs",
    .aliases = (const char *const[]){"io.kestra.core.tasks.log.PurgeLogs", NULL},
    .kind = TYPE_TASK,
    .where = RUN_CHILD,
    .title = "Delete old log lines.",
    .examples = (const char *const[]){"id: purge\n"
                                      "type: io.kestra.plugin.core.log.PurgeLogs\n"
                                      "endDate: \"{{ now() | dateAdd(-1, 'MONTHS') }}\"\n"
                                      "logLevels:\n"
                                      "  - TRACE\n"
                                      "  - DEBUG\n",
                                      NULL},
    .fields = fields,
    .outputs = outputs,
    .run = run_purge,
};
