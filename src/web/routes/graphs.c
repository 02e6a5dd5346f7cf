/* SPDX-License-Identifier: Apache-2.0 */
/* Graphs of flows and executions (web/graph.h). */
#include "base/clock.h"
#include "store/trigger_store.h"
#include "web/graph.h"
#include "web/routes/execution_common.h"
#include "web/routes/flow_body.h"
#include "web/routes/query.h"
#include "web/routes/routes.h"

typedef struct Lookup {
    const WebSession *session;
    VEC(Flow *) flows; /* kept until the graph is made */
} Lookup;

static void lookup_done(Lookup *lookup)
{
    for (size_t i = 0; i < lookup->flows.count; i++)
        flow_unref(lookup->flows.items[i]);
    vec_free(&lookup->flows);
}

/* As it is written, without pluginDefaults: what is drawn is the source. */
static int parse_record(const FlowRecord *record, Flow **ret)
{
    FlowParse options = {
        .registry = &plugin_registry, .revision = record->revision, .lenient = true, .skip_expressions = true};
    return flow_parse(record->source, strlen(record->source), &options, ret, NULL);
}

static int find_flow(void *userdata, const char *namespace, const char *id, int revision, const Flow **ret)
{
    Lookup *lookup = userdata;
    _cleanup_flow_record_ FlowRecord record = {};
    Flow *flow = NULL;
    int r = store_flow_get(lookup->session->pg, namespace, id, revision, false, &record);
    if (r == 0)
        r = parse_record(&record, &flow);
    if (r != 0)
        return r;
    vec_push(&lookup->flows, flow);
    *ret = flow;
    return 0;
}

/* {trigger id: the API's Trigger}. New. */
static int trigger_states(const WebSession *session, const Flow *flow, json_t **ret)
{
    const TriggerQuery query = {.namespace = flow->namespace, .namespace_exact = true, .flow_id = flow->id};
    _cleanup_page_ StorePage page = {};
    _cleanup_diag_ Diag diag = DIAG_INIT;
    int r = store_trigger_search(session->pg, &query, &page, &diag);
    *ret = json_object();
    for (size_t i = 0; r == 0 && i < page.bodies.count; i++) {
        json_t *state = NULL;
        if (json_parse(page.bodies.items[i], strlen(page.bodies.items[i]), 0, &state, NULL) == 0)
            json_object_set_new(*ret, json_get_text(state, "triggerId", ""), state);
    }
    return fold(r);
}

static int answer(WebSession *session, const HttpRequest *request, HttpResponse *response, const Flow *flow,
                  const Execution *execution)
{
    _cleanup_(lookup_done) Lookup lookup = {.session = session};
    _cleanup_json_ json_t *states = NULL, *subflows = http_query_list(request, "subflows", true);
    _cleanup_diag_ Diag diag = DIAG_INIT;
    json_t *graph = NULL;
    int r = trigger_states(session, flow, &states);
    const GraphSource source = {.flow = flow,
                                .execution = execution,
                                .now = clock_realtime(),
                                .trigger_states = states,
                                .subflows = subflows,
                                .find_flow = find_flow,
                                .userdata = &lookup};
    if (r == 0)
        r = graph_make(&source, &graph, &diag);
    if (r == GRAPH_E_SUBFLOW)
        return http_error(request, response, 422, "Illegal argument: %s", diag_first(&diag));
    return r < 0 ? trace(r) : http_json(response, 200, graph);
}

static int of_flow(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    const char *namespace = http_parameter(request, "namespace"), *id = http_parameter(request, "id");
    _cleanup_(flow_unrefp) Flow *flow = NULL;
    _cleanup_flow_record_ FlowRecord record = {};
    int r = store_flow_get(session->pg, namespace, id, (int)http_query_integer(request, "revision", 0), false, &record);
    if (r != 0)
        return r == STORE_E_NONE ? http_not_found(request, response) : fold(r);
    r = parse_record(&record, &flow);
    if (r > 0)
        return http_error(request, response, 409, "Illegal state: Flow %s.%s is not valid: it has no graph", namespace,
                          id);
    return r < 0 ? trace(r) : answer(session, request, response, flow, NULL);
}

static int of_source(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    _cleanup_(flow_unrefp) Flow *flow = NULL;
    int r = flow_body_read(session, request, response, "flow", &flow);
    return r != 0 ? MIN(r, 0) : answer(session, request, response, flow, NULL);
}

static int of_execution(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    _cleanup_(execution_freep) Execution *execution = NULL;
    int r = execution_fetch(session, http_parameter(request, "executionId"), &execution);
    if (r != 0)
        return r == STORE_E_NONE ? http_not_found(request, response) : fold(r);
    if (!execution->flow)
        return http_reason(request, response, 404, "Flow %s.%s revision %d is not there or can not be read",
                           execution->namespace, execution->flow_id, execution->flow_revision);
    return answer(session, request, response, execution->flow, execution);
}

static const Parameter flow_parameters[] = {{"revision", PARAMETER_INTEGER}, {"subflows", PARAMETER_TEXT}, {}};
static const Parameter subflow_parameters[] = {{"subflows", PARAMETER_TEXT}, {}};

static const Route rows[] = {
    {HTTP_GET, "/api/v1/flows/{namespace}/{id}/graph", of_flow, PERMISSION_FLOW_READ, flow_parameters, "flowGraph"},
    {HTTP_POST, "/api/v1/flows/graph", of_source, PERMISSION_FLOW_READ, subflow_parameters, "flowGraphSource"},
    {HTTP_GET, "/api/v1/executions/{executionId}/graph", of_execution, PERMISSION_EXECUTION_READ, subflow_parameters,
     "flowGraph"},
};
const RouteTable routes_graphs = ROUTE_TABLE("Graphs", rows);
