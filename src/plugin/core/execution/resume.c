/* SPDX-License-Identifier: Apache-2.0 */
/* io.kestra.plugin.core.execution.Resume */
#include "doc/json.h"
#include "plugin/run.h"

static int run_resume(RunContext *run)
{
    _cleanup_free_ char *id = NULL;
    json_t *inputs = NULL;
    int r = run_text(run, "executionId", &id);
    if (r == 0)
        r = run_value(run, "inputs", &inputs);
    if (r != 0)
        return r;
    const char *own = json_get_text(run->job, "executionId", "");
    json_t *question = json_object();
    json_set_text(question, "executionId", id ? id : own);
    json_set_present(question, "inputs", inputs);
    return run_ask(run, "resume-execution", question, NULL);
}

static const Field fields[] = {
    {"executionId", FIELD_STRING, FIELD_DYNAMIC, .doc = "The paused execution; its own when left out."},
    {"namespace", FIELD_STRING, FIELD_DYNAMIC, .doc = "Namespace of its flow; not needed."},
    {"flowId", FIELD_STRING, FIELD_DYNAMIC, .doc = "Id of its flow; not needed."},
    {"inputs", FIELD_MAP, FIELD_EXPRESSION, .item = FIELD_ANY,
     .doc = "Values for the inputs that its Pause task asks for."},
    {},
};

const Type task_core_execution_resume = {
    .name = "io.kestra.plugin.core.execution.Resume",
    .aliases = (const char *const[]){"io.kestra.core.tasks.executions.Resume", NULL},
    .kind = TYPE_TASK,
    .where = RUN_INLINE,
    .title = "Resume a paused execution.",
    .examples = (const char *const[]){"id: resume\n"
                                      "type: io.kestra.plugin.core.execution.Resume\n"
                                      "executionId: \"{{ inputs.executionId }}\"\n",
                                      NULL},
    .fields = fields,
    .run = run_resume,
};
