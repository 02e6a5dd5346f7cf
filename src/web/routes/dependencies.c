/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which flows start which (FlowTopologyGraph of spec/api.md 6.9): the references that flows keep, and the flows that
 * are there. An edge goes from the flow upstream; two flows have one edge in each direction at most, and a task that
 * starts the other comes before a trigger.
 */
#include "base/map.h"
#include "plugin/flow_trigger.h"
#include "store/topology_store.h"
#include "web/routes/routes.h"

typedef struct Topology {
    const char *namespace, *id; /* what is asked for; id NULL: the whole namespace */
    bool destination_only;      /* only what ends there */
    FlowKeys flows;
    Map *by_uid; /* "namespace_id" → its FlowKey */
    FlowReferences references;
    json_t *nodes, *edges;
    Map *nodes_seen, *edges_seen;
} Topology;

static void topology_done(Topology *topology)
{
    flow_keys_done(&topology->flows);
    flow_references_done(&topology->references);
    map_destroy(topology->by_uid, NULL);
    map_destroy(topology->nodes_seen, NULL);
    map_destroy(topology->edges_seen, NULL);
    json_decref(topology->nodes);
    json_decref(topology->edges);
}

static char *uid_of(const char *namespace, const char *id)
{
    return xasprintf("%s_%s", namespace, id);
}

static bool is_asked_for(const Topology *topology, const FlowKey *flow)
{
    return streq(flow->namespace, topology->namespace) && (!topology->id || streq(flow->id, topology->id));
}

static void add_node(Topology *topology, const FlowKey *flow)
{
    _cleanup_free_ char *uid = uid_of(flow->namespace, flow->id);
    if (map_put(topology->nodes_seen, uid, topology))
        return;
    json_array_append_new(topology->nodes,
                          json_pack("{s:s,s:s,s:s}", "uid", uid, "namespace", flow->namespace, "id", flow->id));
}

static void add_edge(Topology *topology, const FlowKey *source, const FlowKey *target, const char *relation)
{
    if (source == target ||
        (!is_asked_for(topology, target) && (topology->destination_only || !is_asked_for(topology, source))))
        return;
    _cleanup_free_ char *from = uid_of(source->namespace, source->id), *to = uid_of(target->namespace, target->id);
    _cleanup_free_ char *both = xasprintf("%s %s", from, to);
    if (map_put(topology->edges_seen, both, topology))
        return;
    add_node(topology, source);
    add_node(topology, target);
    json_array_append_new(topology->edges,
                          json_pack("{s:s,s:s,s:s}", "source", from, "target", to, "relation", relation));
}

static const FlowKey *find_flow(const Topology *topology, const char *namespace, const char *id)
{
    _cleanup_free_ char *uid = uid_of(namespace, id);
    return map_get(topology->by_uid, uid);
}

static void add_tasks(Topology *topology)
{
    for (size_t i = 0; i < topology->references.count; i++) {
        const FlowReference *reference = &topology->references.items[i];
        if (!reference->target_id)
            continue;
        const FlowKey *source = find_flow(topology, reference->namespace, reference->flow_id);
        const FlowKey *target = find_flow(topology, reference->target_namespace, reference->target_id);
        if (source && target)
            add_edge(topology, source, target, "FLOW_TASK");
    }
}

static void add_triggers(Topology *topology)
{
    for (size_t i = 0; i < topology->references.count; i++) {
        const FlowReference *reference = &topology->references.items[i];
        const FlowKey *target =
            reference->conditions ? find_flow(topology, reference->namespace, reference->flow_id) : NULL;
        if (!target)
            continue;
        bool any_source = is_asked_for(topology, target);
        for (size_t k = 0; k < topology->flows.count; k++) {
            const FlowKey *source = &topology->flows.items[k];
            if ((any_source || is_asked_for(topology, source)) &&
                flow_trigger_may_follow(reference->conditions, source->namespace, source->id))
                add_edge(topology, source, target, "FLOW_TRIGGER");
        }
    }
}

static int read_topology(const WebSession *session, Topology *topology)
{
    int r = store_topology_flows(session->pg, &topology->flows);
    if (r == 0)
        r = store_topology_read(session->pg, topology->namespace, topology->id, &topology->references);
    for (size_t i = 0; i < topology->flows.count; i++) {
        FlowKey *flow = &topology->flows.items[i];
        _cleanup_free_ char *uid = uid_of(flow->namespace, flow->id);
        map_put(topology->by_uid, uid, flow);
    }
    return r;
}

static int answer(WebSession *session, HttpResponse *response, const char *namespace, const char *id,
                  bool destination_only)
{
    _cleanup_(topology_done) Topology topology = {.namespace = namespace,
                                                  .id = id,
                                                  .destination_only = destination_only,
                                                  .by_uid = map_new(),
                                                  .nodes = json_array(),
                                                  .edges = json_array(),
                                                  .nodes_seen = map_new(),
                                                  .edges_seen = map_new()};
    int r = read_topology(session, &topology);
    if (r < 0)
        return trace(r);
    add_tasks(&topology);
    add_triggers(&topology);
    for (size_t i = 0; !id && i < topology.flows.count; i++)
        if (is_asked_for(&topology, &topology.flows.items[i]))
            add_node(&topology, &topology.flows.items[i]);
    return http_json(response, 200, json_pack("{s:O,s:O}", "nodes", topology.nodes, "edges", topology.edges));
}

static int of_flow(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    return answer(session, response, http_parameter(request, "namespace"), http_parameter(request, "id"),
                  http_query_boolean(request, "destinationOnly", false));
}

static int of_namespace(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    return answer(session, response, http_parameter(request, "namespace"), NULL, false);
}

static const Parameter parameters[] = {{"destinationOnly", PARAMETER_BOOLEAN}, {}};
static const Route rows[] = {
    {HTTP_GET, "/api/v1/flows/{namespace}/{id}/dependencies", of_flow, PERMISSION_FLOW_READ, parameters,
     "flowDependencies"},
    {HTTP_GET, "/api/v1/namespaces/{namespace}/dependencies", of_namespace, PERMISSION_NAMESPACE_READ, parameters,
     "flowDependenciesFromNamespace"},
};
const RouteTable routes_dependencies = ROUTE_TABLE("Flows", rows);
