/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request as the routes get it: `METHOD TARGET`, a line for each header, an empty one, the body. What the router lets
 * through is read as a search, with its filters, and as what a webhook is told.
 */
#include "fuzz.h"

#include "base/clock.h"
#include "store/execution_search.h"
#include "web/multipart.h"
#include "web/origin.h"
#include "web/peer.h"
#include "web/range.h"
#include "web/routes/query.h"
#include "web/routes/routes.h"
#include "web/routes/webhooks.h"

static HttpRequest *read_request(char *text, const char *end)
{
    char *target = fuzz_line(&text, end), *method = strsep(&target, " ");
    HttpRequest *request = http_request_new(method, target ? target : "/");
    for (char *line; request && *(line = fuzz_line(&text, end));) {
        char *value = line, *name = strsep(&value, ":");
        http_request_header(request, name, strlen(name), value ? value : "", value ? strlen(value) : 0);
    }
    if (request)
        http_request_body(request, text, (size_t)(end - text));
    return request;
}

static void check_answer(HttpResponse *response)
{
    fuzz_check(response->status >= 400 && response->status <= 599);
    http_response_done(response);
    *response = (HttpResponse){};
}

/* --- searches --- */

static bool takes(const Route *route, const char *name)
{
    for (const Parameter *parameter = route->query; parameter && parameter->name; parameter++)
        if (streq(parameter->name, name))
            return true;
    return false;
}

/* What the router has not checked is not read. */
static void search(const WebSession *session, const Route *route, const HttpRequest *request)
{
    _cleanup_diag_ Diag diag = DIAG_INIT;
    _cleanup_search_ Search conditions = {};
    HttpResponse response = {};
    ExecutionQuery query;
    FlowQuery flows;
    LogQuery logs;
    search_init(&conditions, &diag);
    if (takes(route, "state") && !query_executions(session, request, &response, true, &query)) {
        check_answer(&response);
    } else if (takes(route, "state")) {
        execution_search_conditions(&conditions, &query);
        fuzz_check(conditions.invalid == (diag.errors > 0));
    }
    if (!query_flows(session, request, &response, true, &flows))
        check_answer(&response);
    if (takes(route, "minLevel") && !query_logs(request, &response, &logs))
        check_answer(&response);
}

/* --- what a request says beside its route --- */

static void look_around(HttpRequest *request)
{
    _cleanup_json_ json_t *proxies = json_pack("[s, s]", "127.0.0.1", "10.0.0.0/8"), *names = json_pack("[s]", "k.org");
    _cleanup_json_ json_t *variables = webhook_variables(request), *body = NULL;
    _cleanup_free_ char *text = json_text(variables);
    int64_t offset, length;
    const OriginRules rules = {.url = "https://k.example/kestra", .names = names};
    (void)origin_refusal(&rules, request); /* either is right */
    request->peer = "127.0.0.1";
    fuzz_check(peer_behind_proxies(proxies, request) && text);
    if (range_is_asked(request) && range_of(request, 1000, &offset, &length) == 0)
        fuzz_check(offset >= 0 && length > 0 && offset + length <= 1000);
    HttpResponse response = {};
    if (!query_body(request, &response, &body))
        check_answer(&response);
    MultipartParts parts = {};
    if (multipart_parse(request, &parts) == 0)
        vec_free(&parts);
}

static void ask(const WebSession *session, const RouteTable *const *tables, size_t count, HttpRequest *request)
{
    _cleanup_(router_freep) Router *router = router_new(tables, count, "/k");
    HttpResponse response = {};
    const Route *route = router_match(router, request, &response);
    if (!route || !router_check_query(route, request, &response))
        check_answer(&response);
    else if (takes(route, "q"))
        search(session, route, request);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const WebSettings settings = {.system_namespace = "system"};
    const WebSession session = {.settings = &settings};
    if (size > FUZZ_INPUT_MAX)
        return 0;
    _cleanup_free_ char *text = fuzz_text(data, size);
    _cleanup_(http_request_freep) HttpRequest *request = read_request(text, text + size);
    if (!request)
        return 0;
    ask(&session, route_tables_api, route_tables_api_count, request);
    ask(&session, route_tables_local, route_tables_local_count, request);
    look_around(request);
    return 0;
}
