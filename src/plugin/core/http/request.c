/* SPDX-License-Identifier: Apache-2.0 */
/* io.kestra.plugin.core.http.Request: one request; its answer becomes outputs. */
#include "plugin/core/http/http.h"

static int run_request(RunContext *run)
{
    _cleanup_(http_fetched_done) HttpFetched fetched = {};
    _cleanup_json_ json_t *outputs = NULL;
    int r = http_fetch(run, false, &fetched);
    if (r == 0)
        r = http_outputs(run, &fetched, &outputs);
    if (r == 0)
        json_object_update(run->outputs, outputs);
    return r;
}

static const Field fields[] = {
    HTTP_TASK_FIELDS,
    HTTP_ENCRYPT_FIELD,
    {},
};

const Type task_core_http_request = {
    .name = "io.kestra.plugin.core.http.Request",
    .aliases = (const char *const[]){"io.kestra.plugin.fs.http.Request", NULL},
    .kind = TYPE_TASK,
    .where = RUN_CHILD,
    .title = "Send an HTTP request and return the answer.",
    .examples = (const char *const[]){"id: probe\n"
                                      "type: io.kestra.plugin.core.http.Request\n"
                                      "uri: http://127.0.0.1:8081/health\n"
                                      "retry:\n"
                                      "  type: constant\n"
                                      "  interval: PT5S\n"
                                      "  maxAttempt: 3\n",
                                      "id: post\n"
                                      "type: io.kestra.plugin.core.http.Request\n"
                                      "uri: https://example.org/api/orders\n"
                                      "method: POST\n"
                                      "body: \"{{ outputs.order.vars | toJson }}\"\n"
                                      "options:\n"
                                      "  auth:\n"
                                      "    type: BEARER\n"
                                      "    token: \"{{ secret('API_TOKEN') }}\"\n",
                                      NULL},
    .fields = fields,
    .outputs = http_request_outputs,
    .run = run_request,
};
