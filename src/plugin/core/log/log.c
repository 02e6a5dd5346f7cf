/* SPDX-License-Identifier: Apache-2.0 */
/* io.kestra.plugin.core.log.Log: one line, or one a list item, at a level. */
#include "doc/json.h"
#include "model/log_entry.h"
#include "plugin/fields.h"
#include "plugin/run.h"

static int run_log_task(RunContext *run)
{
    int level = log_level_from_string(json_get_text(run->task->properties, "level", "INFO"));
    if (level < 0)
        level = LOG_LEVEL_INFO;
    _cleanup_json_ json_t *message = NULL;
    int r = run_value(run, "message", &message);
    if (r != 0)
        return r;
    if (!json_is_array(message)) {
        _cleanup_json_ json_t *text = message ? run_text_of(message) : NULL;
        run_log(run, level, "%s", text ? json_string_value(text) : "null");
        return 0;
    }
    size_t i;
    json_t *item;
    json_array_foreach (message, i, item) {
        _cleanup_json_ json_t *text = run_text_of(item);
        run_log(run, level, "%s", json_string_value(text));
    }
    return 0;
}

static const Field fields[] = {
    {"message", FIELD_TEXT_OR_LIST, FIELD_DYNAMIC | FIELD_REQUIRED,
     .doc = "One text, or a list of texts; each becomes a log line."},
    {"level", FIELD_ENUM, .values = fields_log_levels, .fallback = "\"INFO\"", .doc = "Level of the lines."},
    {},
};

const Type task_core_log = {
    .name = "io.kestra.plugin.core.log.Log",
    .aliases = (const char *const[]){"io.kestra.core.tasks.log.Log", NULL},
    .kind = TYPE_TASK,
    .where = RUN_INLINE,
    .title = "Write one or several lines to the execution's log.",
    .examples = (const char *const[]){"id: hello\n"
                                      "type: io.kestra.plugin.core.log.Log\n"
                                      "message: \"Hello {{ inputs.name }}\"\n"
                                      "level: WARN\n",
                                      NULL},
    .fields = fields,
    .run = run_log_task,
};
