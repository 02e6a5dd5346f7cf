/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and following executions (spec/api.md 5.1). */
#include "base/clock.h"
#include "model/context.h"
#include "web/routes/execution_common.h"
#include "web/routes/query.h"
#include "web/routes/routes.h"

static int get(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    int r = store_execution_write(session->pg, http_parameter(request, "executionId"), &RESPONSE_SINK(response));
    if (r != 0)
        return r == STORE_E_NONE ? http_not_found(request, response) : fold(r);
    return http_spilled(response, 200, "application/json");
}

static int answer_search(WebSession *session, const HttpRequest *request, HttpResponse *response,
                         const ExecutionQuery *query)
{
    _cleanup_diag_ Diag diag = DIAG_INIT;
    int r = store_execution_search(session->pg, query, &RESPONSE_SINK(response), &diag);
    return r != 0 ? query_refused(request, response, r, &diag) : http_spilled(response, 200, "application/json");
}

static int search(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    ExecutionQuery query;
    return query_executions(session, request, response, true, &query)
               ? answer_search(session, request, response, &query)
               : 0;
}

static int list_of_flow(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    ExecutionQuery query = {.namespace = http_query(request, "namespace"),
                            .namespace_exact = true,
                            .flow_id = http_query(request, "flowId"),
                            .now = clock_realtime(),
                            .paging = query_paging(request)};
    return answer_search(session, request, response, &query);
}

/* --- flows as executions show them --- */

static int answer_flow(const WebSession *session, const FlowRecord *record, HttpResponse *response)
{
    _cleanup_(flow_unrefp) Flow *flow = NULL;
    FlowParse options = {
        .registry = &plugin_registry, .revision = record->revision, .lenient = true, .skip_expressions = true};
    int r = flow_parse(record->source, strlen(record->source), &options, &flow, NULL);
    if (r != 0)
        return fold(r);
    json_t *answer = flow_encode_for_execution(flow);
    if (record->deleted)
        json_object_set_new(answer, "deleted", json_true());
    return http_json(response, 200, answer);
}

static int get_flow(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    const char *id = http_parameter(request, "executionId");
    _cleanup_execution_heads_ ExecutionHeads heads = {};
    _cleanup_flow_record_ FlowRecord record = {};
    int r = store_execution_heads(session->pg, &id, 1, &heads);
    if (r != 0)
        return fold(r);
    if (heads.count == 0)
        return http_not_found(request, response);
    const ExecutionHead *head = &heads.items[0];
    r = store_flow_get(session->pg, head->namespace, head->flow_id, head->flow_revision, true, &record);
    if (r != 0)
        return r == STORE_E_NONE ? http_not_found(request, response) : fold(r);
    return answer_flow(session, &record, response);
}

static int get_flow_by_id(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    _cleanup_flow_record_ FlowRecord record = {};
    int r = store_flow_get(session->pg, http_parameter(request, "namespace"), http_parameter(request, "flowId"),
                           (int)http_query_integer(request, "revision", 0), true, &record);
    if (r != 0)
        return r == STORE_E_NONE ? http_not_found(request, response) : fold(r);
    return answer_flow(session, &record, response);
}

static int list_namespaces(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    _cleanup_texts_ Texts names = {};
    int r = store_flow_namespaces(session->pg, NULL, false, &names);
    if (r != 0)
        return fold(r);
    json_t *list = json_array();
    for (size_t i = 0; i < names.count; i++)
        json_array_append_new(list, json_string(names.items[i]));
    return http_json(response, 200, list);
}

static int list_flows(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    _cleanup_flow_records_ FlowRecords records = {};
    int r = store_flow_list(session->pg, http_parameter(request, "namespace"), false, &records);
    if (r != 0)
        return fold(r);
    json_t *list = json_array();
    for (size_t i = 0; i < records.count; i++) {
        const FlowRecord *record = &records.items[i];
        FlowParse options = {
            .registry = &plugin_registry, .revision = record->revision, .lenient = true, .skip_expressions = true};
        _cleanup_(flow_unrefp) Flow *flow = NULL;
        if (flow_parse(record->source, strlen(record->source), &options, &flow, NULL) == 0)
            json_array_append_new(list, flow_encode_for_execution(flow));
    }
    return http_json(response, 200, list);
}

/* --- follow --- */

static uint64_t checksum(const char *text, size_t length)
{
    uint64_t sum = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < length; i++)
        sum = (sum ^ (unsigned char)text[i]) * UINT64_C(1099511628211);
    return sum;
}

/* Appends the event when the execution's text is not that of the last one. */
static int send_progress(Follow *follow, WebSession *session, Buffer *text)
{
    follow_event_begin(text, "progress");
    size_t begin = text->length;
    int r = store_execution_write(session->pg, follow->execution_id, &(StoreSink){.text = text});
    if (r != 0)
        return r;
    uint64_t sum = checksum(text->text + begin, text->length - begin);
    follow_event_end(text);
    if (sum == follow->seen)
        buffer_clear(text);
    follow->seen = sum;
    return 0;
}

static int send_end(Follow *follow, WebSession *session, Buffer *text)
{
    follow_event_begin(text, "end");
    int r = store_execution_write(session->pg, follow->execution_id, &(StoreSink){.text = text});
    follow_event_end(text);
    return r;
}

/* In a handler thread; text is empty. The state is read first: once it says ended, the body read after it is the last
 * one. */
static int look(Follow *follow, WebSession *session, Buffer *text, bool *ret_end)
{
    State state;
    _cleanup_free_ char *version = NULL;
    int r = store_execution_version(session->pg, follow->execution_id, &state, &version);
    bool changed = r == 0 && !(follow->cursor && streq(follow->cursor, version));
    if (changed)
        r = send_progress(follow, session, text);
    if (r == 0 && state_is_terminated(state))
        r = send_end(follow, session, text);
    if (r == STORE_E_NONE) { /* deleted meanwhile */
        buffer_clear(text);
        *ret_end = true;
        return 0;
    }
    if (r != 0)
        return fold(r);
    *ret_end = state_is_terminated(state);
    free(follow->cursor);
    follow->cursor = TAKE_PTR(version);
    return 0;
}

static int follow(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    const char *id = http_parameter(request, "executionId");
    State state;
    int r = store_execution_state(session->pg, id, &state);
    if (r == STORE_E_NONE)
        return http_not_found(request, response);
    if (r == 0 && state_is_terminated(state)) {
        follow_event_begin(&response->body, "end");
        r = store_execution_write(session->pg, id, &RESPONSE_SINK(response));
        follow_event_end(&response->body);
        return r != 0 ? fold(r) : http_spilled(response, 200, "text/event-stream");
    }
    if (r != 0)
        return fold(r);
    _cleanup_(unit_freep) Unit *unit = unit_new();
    execution_follow_event(session, unit, id);
    r = execution_commit(session, unit);
    if (r < 0)
        return trace(r);
    response->follow = follow_new(id, true, look);
    return 0;
}

/* --- eval --- */

static int get_eval(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    _cleanup_(execution_freep) Execution *execution = NULL;
    _cleanup_(outputs_tree_freep) OutputsTree *outputs = NULL;
    _cleanup_(expr_unrefp) Expr *expr = NULL;
    _cleanup_json_ json_t *variables = NULL;
    _cleanup_diag_ Diag diag = DIAG_INIT;
    _cleanup_free_ char *text = NULL;
    int r = execution_fetch(session, http_parameter(request, "executionId"), &execution);
    if (r != 0)
        return r == STORE_E_NONE ? http_not_found(request, response) : fold(r);
    const TaskRun *run = execution_task_run(execution, http_parameter(request, "taskRunId"));
    if (!run)
        return http_not_found(request, response);
    outputs = outputs_tree_new(execution);
    ContextSource source = {.flow = execution->flow,
                            .execution = execution,
                            .task_run = run,
                            .task = run->task,
                            .outputs = outputs,
                            .globals = session->settings->globals,
                            .envs = session->settings->envs};
    variables = context_build(&source);
    ExprContext context = {.variables = variables};
    r = expr_compile(request->body, request->body_length, &expr, &diag);
    if (r == 0)
        r = expr_render(expr, &context, &text, &diag);
    if (r < 0)
        return trace(r);
    json_t *answer = json_object();
    json_set_text(answer, r == 0 ? "result" : "error", r == 0 ? text : diag_first(&diag));
    if (r != 0)
        json_set_text(answer, "stackTrace", diag_first(&diag));
    return http_json(response, 200, answer);
}

static const Parameter search_parameters[] = {PAGE_PARAMETERS, EXECUTION_PARAMETERS, {}};
static const Parameter list_parameters[] = {
    {"namespace", PARAMETER_TEXT, .required = true}, {"flowId", PARAMETER_TEXT, .required = true}, PAGE_PARAMETERS, {}};
static const Parameter revision_parameters[] = {{"revision", PARAMETER_INTEGER}, {}};

#define EXECUTIONS "/api/v1/executions"
#define STREAM     "text/event-stream"
static const Route rows[] = {
    {HTTP_GET, EXECUTIONS "/search", search, PERMISSION_EXECUTION_READ, search_parameters, "find"},
    {HTTP_GET, EXECUTIONS, list_of_flow, PERMISSION_EXECUTION_READ, list_parameters, "findByFlowId"},
    {HTTP_GET, EXECUTIONS "/{executionId}", get, PERMISSION_EXECUTION_READ, NULL, "get"},
    {HTTP_GET, EXECUTIONS "/{executionId}/follow", follow, PERMISSION_EXECUTION_READ, NULL, "follow",
     .produces = STREAM},
    {HTTP_GET, EXECUTIONS "/{executionId}/flow", get_flow, PERMISSION_EXECUTION_READ, NULL, "getFlowFromExecution"},
    {HTTP_GET, EXECUTIONS "/flows/{namespace}/{flowId}", get_flow_by_id, PERMISSION_EXECUTION_READ, revision_parameters,
     "getFlowFromExecutionById"},
    {HTTP_GET, EXECUTIONS "/namespaces", list_namespaces, PERMISSION_EXECUTION_READ, NULL, "listDistinctNamespace"},
    {HTTP_GET, EXECUTIONS "/namespaces/{namespace}/flows", list_flows, PERMISSION_EXECUTION_READ, NULL,
     "listExecutableFlowsByNamespace"},
    {HTTP_POST, EXECUTIONS "/{executionId}/eval/{taskRunId}", get_eval, PERMISSION_EXECUTION_READ, NULL, "eval",
     "text/plain"},
};
const RouteTable routes_executions = ROUTE_TABLE("Executions", rows);
