/* SPDX-License-Identifier: Apache-2.0 */
/* Reading trigger states (spec/api.md 5.3). */
#include "store/trigger_store.h"
#include "web/routes/query.h"
#include "web/routes/routes.h"

/* The declaration of a trigger in the current revision of its flow, or NULL. New. */
static int declaration_of(WebSession *session, const json_t *context, json_t **ret)
{
    _cleanup_(flow_unrefp) Flow *flow = NULL;
    int r = flow_cache_get(session->flows, session->pg, json_get_text(context, "namespace", ""),
                           json_get_text(context, "flowId", ""), 0, &flow);
    *ret = NULL;
    if (r != 0)
        return MIN(r, 0);
    size_t i;
    json_t *trigger;
    json_array_foreach (json_object_get(flow->definition, "triggers"), i, trigger)
        if (streq(json_get_text(trigger, "id", ""), json_get_text(context, "triggerId", "")))
            *ret = json_incref(trigger);
    return 0;
}

static void read_query(const HttpRequest *request, TriggerQuery *query)
{
    const char *q = http_query(request, "q"), *worker = http_query(request, "workerId");
    *query = (TriggerQuery){
        .q = q && *q ? q : NULL, .worker_id = worker && *worker ? worker : NULL, .paging = query_paging(request)};
    query->filters = query_filters(request, &query->filter_count);
}

static int search(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    TriggerQuery query;
    _cleanup_page_ StorePage page = {};
    _cleanup_diag_ Diag diag = DIAG_INIT;
    const char *namespace = http_query(request, "namespace"), *flow_id = http_query(request, "flowId");
    read_query(request, &query);
    query.namespace = namespace && *namespace ? namespace : NULL;
    query.flow_id = flow_id && *flow_id ? flow_id : NULL;
    int r = store_trigger_search(session->pg, &query, &page, &diag);
    if (r != 0)
        return query_refused(request, response, r, &diag);
    json_t *results = json_array(), *answer = json_object();
    for (size_t i = 0; r == 0 && i < page.bodies.count; i++) {
        json_t *context = NULL, *declaration = NULL, *entry;
        r = json_parse(page.bodies.items[i], strlen(page.bodies.items[i]), 0, &context, NULL);
        if (r == 0)
            r = declaration_of(session, context, &declaration);
        entry = json_object();
        json_set_present(entry, "abstractTrigger", declaration);
        json_set_present(entry, "triggerContext", context);
        json_array_append_new(results, entry);
    }
    json_object_set_new(answer, "results", results);
    json_object_set_new(answer, "total", json_integer(page.total));
    if (r == 0)
        return http_json(response, 200, answer);
    json_decref(answer);
    return fold(r);
}

static int list_of_flow(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    TriggerQuery query;
    _cleanup_page_ StorePage page = {};
    _cleanup_diag_ Diag diag = DIAG_INIT;
    read_query(request, &query);
    query.namespace = http_parameter(request, "namespace");
    query.namespace_exact = true;
    query.flow_id = http_parameter(request, "flowId");
    int r = store_trigger_search(session->pg, &query, &page, &diag);
    return r != 0 ? query_refused(request, response, r, &diag) : query_page(response, &page);
}

static const Parameter search_parameters[] = {PAGE_PARAMETERS,
                                              {"q", PARAMETER_TEXT},
                                              {"namespace", PARAMETER_TEXT},
                                              {"workerId", PARAMETER_TEXT},
                                              {"flowId", PARAMETER_TEXT},
                                              {"filters", PARAMETER_FILTERS},
                                              {}};
static const Parameter list_parameters[] = {PAGE_PARAMETERS, {"q", PARAMETER_TEXT}, {"filters", PARAMETER_FILTERS}, {}};

#define TRIGGERS "/api/v1/triggers"
static const Route rows[] = {
    {HTTP_GET, TRIGGERS "/search", search, PERMISSION_TRIGGER_READ, search_parameters, "search"},
    {HTTP_GET, TRIGGERS "/{namespace}/{flowId}", list_of_flow, PERMISSION_TRIGGER_READ, list_parameters, "find"},
};
const RouteTable routes_triggers = ROUTE_TABLE("Triggers", rows);
