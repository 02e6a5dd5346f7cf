/* SPDX-License-Identifier: Apache-2.0 */
/* io.kestra.plugin.core.debug.Return: renders a text and gives it as output. */
#include "doc/json.h"
#include "model/log_entry.h"
#include "plugin/run.h"

static size_t utf16_length(const char *text)
{
    size_t length = 0;
    for (const unsigned char *c = (const unsigned char *)text; *c; c++)
        length += (*c & 0xC0) == 0x80 ? 0 : *c >= 0xF0 ? 2 : 1;
    return length;
}

static int run_return(RunContext *run)
{
    usec_t begin = clock_monotonic();
    _cleanup_free_ char *value = NULL;
    int r = run_text(run, "format", &value);
    if (r != 0)
        return r;
    run_log(run, LOG_LEVEL_DEBUG, "%s", value ? value : "null");
    _cleanup_json_ json_t *tags = json_object();
    json_set_text(tags, "format", value);
    run_counter(run, "length", value ? (double)utf16_length(value) : 0, tags);
    run_timer(run, "duration", clock_monotonic() - begin, tags);
    if (value)
        run_output(run, "value", json_string(value));
    return 0;
}

static const Field fields[] = {
    {"format", FIELD_STRING, FIELD_DYNAMIC, .doc = "The text to render."},
    {},
};

static const Field outputs[] = {
    {"value", FIELD_STRING, .doc = "The rendered text."},
    {},
};

const Type task_core_return = {
    .name = "io.kestra.plugin.core.debug.Return",
    .aliases = (const char *const[]){"io.kestra.core.tasks.debugs.Return", NULL},
    .kind = TYPE_TASK,
    .where = RUN_INLINE,
    .title = "Render a text and return it as an output.",
    .doc = "Mostly for debugging expressions, and for values that several tasks use.",
    .examples = (const char *const[]){"id: now\n"
                                      "type: io.kestra.plugin.core.debug.Return\n"
                                      "format: \"{{ task.id }} started at {{ taskrun.startDate }}\"\n",
                                      NULL},
    .fields = fields,
    .outputs = outputs,
    .run = run_return,
};
