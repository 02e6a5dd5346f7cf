/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The executor's core is given any events for its executions, in any order: what does not fit is stale or set aside,
 * and the rows stay such that another executor can go on from them. A line of the input is "KIND BODY" (a kind of
 * model/event_kind.h or anything else, and a JSON object or nothing), "@N" in it the id of the N-th task run; "!" lets
 * time pass, "%" lets another executor take over.
 */
#include "fuzz.h"

#include <assert.h>

#include "doc/json.h"
#include "sim/play.h"

enum { LINES_MAX = 40 };

static const char flow[] =
    "id: f\nnamespace: t\n"
    "concurrency: {limit: 1, behavior: QUEUE}\n"
    "sla:\n  - {id: s, type: MAX_DURATION, duration: PT1H, behavior: CANCEL}\n"
    "tasks:\n"
    "  - id: p\n    type: io.kestra.plugin.core.flow.Parallel\n    tasks:\n"
    "      - {id: held, type: io.kestra.plugin.core.log.Log, message: x, "
    "retry: {type: constant, interval: PT1S, maxAttempt: 3}}\n"
    "      - {id: wait, type: io.kestra.plugin.core.flow.Pause, timeout: PT5M}\n"
    "      - {id: sub, type: io.kestra.plugin.core.flow.Subflow, namespace: t, flowId: child}\n"
    "      - id: each\n        type: io.kestra.plugin.core.flow.ForEach\n        values: [1, 2]\n"
    "        tasks:\n          - {id: a, type: io.kestra.plugin.core.log.Log, message: x}\n"
    "errors:\n  - {id: handler, type: io.kestra.plugin.core.log.Log, message: x}\n";
static const char child[] =
    "id: child\nnamespace: t\ntasks:\n  - {id: held, type: io.kestra.plugin.core.log.Log, message: x}\n";

/* The id of the N-th task run of the execution; "" when there is none. */
static char *id_of_run(Play *play, const char *id, unsigned n)
{
    _cleanup_(execution_freep) Execution *execution = play_load(play, id);
    return xstrdup(execution && n < execution->task_runs.count ? execution->task_runs.items[n]->id : "");
}

static char *with_ids(Play *play, const char *id, const char *text)
{
    Buffer filled = {};
    for (; *text; text++)
        if (*text == '@' && text[1] >= '0' && text[1] <= '9') {
            _cleanup_free_ char *run = id_of_run(play, id, (unsigned)(*++text - '0'));
            buffer_append(&filled, run);
        } else {
            buffer_append_char(&filled, *text);
        }
    return buffer_take(&filled);
}

static void do_line(Play *play, const char *id, char *line)
{
    if (*line == '!') {
        play_advance(play, 2 * USEC_PER_SEC);
        return;
    }
    if (*line == '%') {
        play_takeover(play);
        return;
    }
    char *space = strchr(line, ' ');
    if (space)
        *space = '\0';
    _cleanup_free_ char *text = with_ids(play, id, space ? space + 1 : "{}");
    json_t *body = NULL;
    if (json_parse(text, strlen(text), SIZE_MAX, &body, NULL) != 0 || !json_is_object(body)) {
        json_decref(body);
        body = json_object();
    }
    play_send(play, line, body);
    play_run(play);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (memchr(data, '\0', size)) /* a kind of event is a text in the database */
        return 0;
    _cleanup_free_ char *script = xmalloc(size + 1);
    memcpy(script, data, size);
    script[size] = '\0';
    _cleanup_(play_freep) Play *play = play_new(1);
    play_add_flow(play, flow);
    play_add_flow(play, child);
    play_rule(play, "held", -1, STATE_CREATED, NULL);
    _cleanup_free_ char *id = xstrdup(play_start(play, NULL));
    play_run(play);
    char *rest;
    unsigned lines = 0;
    for (char *line = strtok_r(script, "\n", &rest); line && lines < LINES_MAX;
         line = strtok_r(NULL, "\n", &rest), lines++)
        do_line(play, id, line);
    _cleanup_free_ char *before = play_trace(play, true);
    play_takeover(play);
    _cleanup_free_ char *logs = play_logs(play), *after = play_trace(play, true);
    assert(before && after && logs);
    return 0;
}
