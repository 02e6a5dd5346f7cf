/* SPDX-License-Identifier: Apache-2.0 */
/* io.kestra.plugin.core.templating.TemplatedTask: a task written by an expression; it takes this one's place. */
#include "doc/document.h"
#include "doc/json.h"
#include "plugin/job_context.h"
#include "plugin/registry.h"

/* What holds for the task that it becomes too, unless the text says otherwise. */
static void pass_on(const Task *own, json_t *properties)
{
    static const char *const names[] = {"timeout", "logLevel", "logToFile"};
    for (size_t i = 0; i < ELEMENTS(names); i++) {
        json_t *value = json_object_get(own->properties, names[i]);
        if (value && !json_object_get(properties, names[i]))
            json_object_set(properties, names[i], value);
    }
}

static int become(RunContext *run, Task **ret)
{
    _cleanup_free_ char *spec = NULL;
    _cleanup_diag_ Diag diag = DIAG_INIT;
    _cleanup_(document_freep) Document *document = NULL;
    int r = run_text(run, "spec", &spec);
    if (r != 0)
        return r;
    if (!spec || document_parse(spec, strlen(spec), NULL, &document, &diag) != 0)
        return run_fail(run, "The spec is not YAML: %s", spec ? diag_first(&diag) : "there is none");
    json_t *properties = document_root(document);
    if (!json_is_object(properties))
        return run_fail(run, "The spec is no task: it must be a map with a type");
    pass_on(run->task, properties);
    const char *type = json_get_text(properties, "type", "");
    *ret = job_task_new(&plugin_registry, run->task->id, type, properties);
    return *ret ? 0 : run_fail(run, "Invalid type: %s", type);
}

static const Field fields[] = {
    {"spec", FIELD_STRING, FIELD_DYNAMIC | FIELD_REQUIRED, .doc = "The task as YAML, written by expressions."},
    {},
};

const Type task_core_templated_task = {
    .name = "io.kestra.plugin.core.templating.TemplatedTask",
    .aliases = (const char *const[]){"io.kestra.core.tasks.templating.TemplatedTask", NULL},
    .kind = TYPE_TASK,
    .where = RUN_INLINE,
    .title = "Run a task whose properties are written by an expression.",
    .examples = (const char *const[]){"id: templated\n"
                                      "type: io.kestra.plugin.core.templating.TemplatedTask\n"
                                      "spec: |\n"
                                      "  type: io.kestra.plugin.core.log.Log\n"
                                      "  message: \"{{ inputs.message }}\"\n",
                                      NULL},
    .fields = fields,
    .become = become,
};
