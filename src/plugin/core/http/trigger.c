/* SPDX-License-Identifier: Apache-2.0 */
/* io.kestra.plugin.core.http.Trigger: sends a request at intervals, and starts the flow when the answer is as wanted.
 */
#include "plugin/core/trigger/trigger.h"
#include "doc/json.h"
#include "model/log_entry.h"
#include "plugin/core/http/http.h"

/* Whether the condition is true of the answer, which it sees as {statusCode, body, headers}. */
static int condition_holds_for(RunContext *run, const HttpFetched *fetched, bool *ret)
{
    _cleanup_free_ char *text = NULL;
    _cleanup_json_ json_t *variables = json_copy((json_t *)run->render->variables);
    json_t *response =
        json_pack("{s:I, s:O}", "statusCode", (json_int_t)fetched->answer.code, "headers", fetched->answer.headers);
    json_set_text(response, "body", fetched->body);
    json_object_set_new(variables, "response", response);
    ExprContext render = *run->render;
    RunContext with_response = *run;
    render.variables = variables;
    with_response.render = &render;
    int r = run_text(&with_response, "responseCondition", &text);
    if (r == 0)
        *ret = text ? expr_is_truthy(text) : fetched->answer.code < 400;
    return r;
}

static int poll_http(RunContext *run)
{
    _cleanup_(http_fetched_done) HttpFetched fetched = {};
    _cleanup_json_ json_t *outputs = NULL;
    int r = http_fetch(run, true, &fetched); /* whether 400 and above is wanted is the condition's business */
    if (r == 0)
        run_log(run, LOG_LEVEL_DEBUG, "%s respond with status code '%ld'", fetched.answer.uri, fetched.answer.code);
    if (r == 0)
        r = condition_holds_for(run, &fetched, &run->fires);
    if (r == 0 && run->fires)
        r = http_outputs(run, &fetched, &outputs);
    if (outputs)
        json_object_update(run->outputs, outputs);
    return r;
}

static const Field fields[] = {
    HTTP_FIELDS,
    TRIGGER_FIELD_INTERVAL,
    HTTP_ENCRYPT_FIELD,
    {"responseCondition", FIELD_STRING, FIELD_DYNAMIC, .fallback = "\"{{ response.statusCode < 400 }}\"",
     .doc = "Whether the answer starts the flow; it sees response.statusCode, response.body and response.headers."},
    {},
};

const Type trigger_core_http = {
    .name = "io.kestra.plugin.core.http.Trigger",
    .aliases = (const char *const[]){"io.kestra.plugin.fs.http.Trigger", NULL},
    .kind = TYPE_TRIGGER,
    .where = RUN_CHILD,
    .title = "Start the flow when an HTTP request is answered as wanted.",
    .doc = "The request is sent at every interval. The flow starts when responseCondition is true, with the answer as "
           "{{ trigger.body }}, {{ trigger.code }} and {{ trigger.headers }}.",
    .examples = (const char *const[]){"triggers:\n"
                                      "  - id: price-is-low\n"
                                      "    type: io.kestra.plugin.core.http.Trigger\n"
                                      "    uri: https://shop.example.com/api/items/1\n"
                                      "    responseCondition: \"{{ json(response.body).price < 110 }}\"\n"
                                      "    interval: PT5M\n",
                                      NULL},
    .fields = fields,
    .outputs = http_request_outputs,
    .run = poll_http,
};
