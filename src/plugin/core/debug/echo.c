/* SPDX-License-Identifier: Apache-2.0 */
/* io.kestra.plugin.core.debug.Echo: the older Log. */
#include "doc/json.h"
#include "model/log_entry.h"
#include "plugin/fields.h"
#include "plugin/run.h"

static int run_echo(RunContext *run)
{
    int level = log_level_from_string(json_get_text(run->task->properties, "level", "INFO"));
    _cleanup_free_ char *text = NULL;
    int r = run_text(run, "format", &text);
    if (r != 0)
        return r;
    run_log(run, level < 0 ? LOG_LEVEL_INFO : level, "%s", text ? text : "null");
    return 0;
}

static const Field fields[] = {
    {"format", FIELD_STRING, FIELD_DYNAMIC | FIELD_REQUIRED | FIELD_NOT_EMPTY, .doc = "The line to write."},
    {"level", FIELD_ENUM, .values = fields_log_levels, .fallback = "\"INFO\"", .doc = "Level of the line."},
    {},
};

const Type task_core_echo = {
    .name = "io.kestra.plugin.core.debug.Echo",
    .aliases = (const char *const[]){"io.kestra.core.tasks.debugs.Echo", NULL},
    .kind = TYPE_TASK,
    .where = RUN_INLINE,
    .title = "Write one line to the execution's log.",
    .doc = "Deprecated: use `io.kestra.plugin.core.log.Log`.",
    .deprecated = true,
    .examples = (const char *const[]){"id: echo\n"
                                      "type: io.kestra.plugin.core.debug.Echo\n"
                                      "format: \"run {{ taskrun.id }}\"\n",
                                      NULL},
    .fields = fields,
    .run = run_echo,
};
