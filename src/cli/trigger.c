/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs about triggers. */
#include "cli/command.h"

/* What it does now: DISABLED, RUNNING with the execution that it waits for, EVALUATING with the worker, else WAITING.
 */
static char *state_text(const json_t *state, const json_t *declaration)
{
    const char *execution = json_get_text(state, "executionId", NULL), *worker = json_get_text(state, "workerId", "");
    if (json_get_boolean(state, "disabled", false) || json_get_boolean(declaration, "disabled", false))
        return xstrdup("DISABLED");
    if (execution)
        return xasprintf("RUNNING %s", execution);
    if (json_object_get(state, "evaluateRunningDate"))
        return xasprintf("EVALUATING%s%s", *worker ? " " : "", worker);
    return xstrdup("WAITING");
}

static void show_triggers(const json_t *answer)
{
    static const char *const columns[] = {"NEXT", "LEFT", "LAST", "STATE", "FLOW", "TRIGGER", NULL};
    json_t *rows = json_array(), *result;
    size_t index;
    json_array_foreach (json_object_get(answer, "results"), index, result) {
        const json_t *state = json_object_get(result, "triggerContext");
        const char *next = json_get_text(state, "nextExecutionDate", NULL);
        _cleanup_free_ char *left = age_text(next);
        _cleanup_free_ char *last = age_text(json_get_text(state, "date", NULL));
        _cleanup_free_ char *now = state_text(state, json_object_get(result, "abstractTrigger"));
        _cleanup_free_ char *flow =
            xasprintf("%s.%s", json_get_text(state, "namespace", "?"), json_get_text(state, "flowId", "?"));
        json_array_append_new(rows, json_pack("[s, s, s, s, s, s]", next ? next : "-", left, last, now, flow,
                                              json_get_text(state, "triggerId", "?")));
    }
    print_table(columns, rows);
}

static int trigger_list(Client *client, const Options *options)
{
    _cleanup_free_ char *namespace = client_escape(options->namespace ? options->namespace : "");
    _cleanup_free_ char *path = xasprintf("/api/v1/triggers/search?size=%" PRId64 "&sort=nextExecutionDate:asc%s%s",
                                          options->limit, *namespace ? "&namespace=" : "", namespace);
    return show_get(client, options, path, show_triggers);
}

static int post(Client *client, const Options *options, const char *verb)
{
    _cleanup_free_ char *namespace = client_escape(options->arguments[0]), *flow = client_escape(options->arguments[1]);
    _cleanup_free_ char *trigger = client_escape(options->arguments[2]);
    _cleanup_free_ char *path = xasprintf("/api/v1/triggers/%s/%s/%s/%s", namespace, flow, trigger, verb);
    _cleanup_json_ json_t *answer = NULL;
    return exit_of(client_json(client, &(ClientRequest){.method = "POST", .path = path}, &answer));
}

static int trigger_unlock(Client *client, const Options *options)
{
    return post(client, options, "unlock");
}

static int trigger_restart(Client *client, const Options *options)
{
    return post(client, options, "restart");
}

static int set_disabled(Client *client, const Options *options, bool disabled)
{
    _cleanup_json_ json_t *body =
        json_pack("{s:s, s:s, s:s, s:b}", "namespace", options->arguments[0], "flowId", options->arguments[1],
                  "triggerId", options->arguments[2], "disabled", disabled);
    _cleanup_free_ char *text = json_text(body);
    _cleanup_json_ json_t *answer = NULL;
    return exit_of(client_json(
        client,
        &(ClientRequest){.method = "PUT", .path = "/api/v1/triggers", .body = text, .content_type = "application/json"},
        &answer));
}

static int trigger_disable(Client *client, const Options *options)
{
    return set_disabled(client, options, true);
}

static int trigger_enable(Client *client, const Options *options)
{
    return set_disabled(client, options, false);
}

#define ONE "NAMESPACE FLOW TRIGGER", 3, 3
const Command commands_trigger[] = {
    {"trigger list", "", 0, 0, "Triggers and what they do now, soonest first (--namespace)", trigger_list},
    {"trigger disable", ONE, "Switches a trigger off", trigger_disable},
    {"trigger enable", ONE, "Switches it on; what was missed is made up for as recoverMissedSchedules says",
     trigger_enable},
    {"trigger unlock", ONE, "Lets it start its next execution although the last one runs", trigger_unlock},
    {"trigger restart", ONE, "Ends the evaluation that runs, and begins anew", trigger_restart},
    {},
};
