/* SPDX-License-Identifier: Apache-2.0 */
/* What the types that describe an execution say of it. Kestra: ExecutionService.executionMap. */
#include "base/buffer.h"
#include "doc/json.h"
#include "plugin/service/service.h"
#include "when/duration.h"

/* Property executionId; the task's own execution when it is not given. */
static int wanted_execution(RunContext *run, char **ret)
{
    int r = run_text(run, "executionId", ret);
    if (r == 0 && !*ret)
        *ret = xstrdup(json_get_text(run->job, "executionId", ""));
    return r;
}

/* 00:00:01.250 */
static char *human_duration(const json_t *execution)
{
    usec_t duration = 0;
    const char *text = json_get_text(json_object_get(execution, "state"), "duration", NULL);
    if (!text || duration_parse(text, &duration) != 0)
        duration = 0;
    usec_t seconds = duration / USEC_PER_SEC;
    return xasprintf("%02" PRIu64 ":%02" PRIu64 ":%02" PRIu64 ".%03" PRIu64, seconds / 3600, seconds / 60 % 60,
                     seconds % 60, duration % USEC_PER_SEC / USEC_PER_MSEC);
}

static void add_sentences(json_t *it)
{
    const json_t *execution = json_object_get(it, "execution"), *last = json_object_get(it, "lastTask");
    const json_t *state = json_object_get(execution, "state");
    _cleanup_free_ char *duration = human_duration(execution);
    bool failed = last && streq(json_get_text(last, "state", ""), "FAILED");
    json_set_text(it, "duration", duration);
    json_set_text(it, "startDate", json_get_text(state, "startDate", NULL));
    if (!last)
        json_object_set_new(it, "lastTask", json_null());
    if (!json_object_get(it, "link"))
        json_object_set_new(it, "link", json_null());
    json_object_set_new(it, "firstFailed", failed ? json_incref((json_t *)last) : json_false());
    json_object_set_new(it, "title",
                        json_sprintf("[%s] %s ➛ %s", json_get_text(execution, "namespace", ""),
                                     json_get_text(execution, "flowId", ""), json_get_text(state, "current", "")));
    json_object_set_new(it, "outcome",
                        failed
                            ? json_sprintf("Failed on task `%s` after %s", json_get_text(last, "taskId", ""), duration)
                            : json_sprintf("Succeeded after %s", duration));
}

/* All of it, for services that show plain text. */
static void add_text(json_t *it, const json_t *own)
{
    const json_t *execution = json_object_get(it, "execution");
    const char *message = json_get_text(own, "customMessage", NULL), *link = json_get_text(it, "link", NULL), *name;
    _cleanup_buffer_ Buffer text = {};
    json_t *value;
    if (message && *message)
        buffer_printf(&text, "%s\n\n", message);
    buffer_printf(&text, "%s\nExecution %s\n%s\nStarted %s", json_get_text(it, "title", ""),
                  json_get_text(execution, "id", ""), json_get_text(it, "outcome", ""),
                  json_get_text(it, "startDate", "?"));
    json_object_foreach (json_object_get(own, "customFields"), name, value) {
        _cleanup_json_ json_t *shown = run_text_of(value);
        buffer_printf(&text, "\n%s: %s", name, json_string_value(shown));
    }
    if (link)
        buffer_printf(&text, "\n%s", link);
    json_set_text(it, "text", buffer_text(&text));
}

int service_execution(RunContext *run, const json_t *own, json_t **ret)
{
    _cleanup_free_ char *id = NULL;
    int r = wanted_execution(run, &id);
    if (r == 0)
        r = run_ask(run, "describe-execution", json_pack("{s:s}", "executionId", id), ret);
    if (r == 0) {
        add_sentences(*ret);
        add_text(*ret, own);
    }
    return r;
}
