/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One task of a flow is replaced (spec/api.md 5.2, deprecated in Kestra, used by its UI). The source is written anew
 * from the flow's object: its comments and its form are lost, as in Kestra.
 */
#include "web/routes/flow_body.h"
#include "web/routes/query.h"
#include "web/routes/routes.h"

/* Puts `task` in place of the object with this id, at any depth of `value`. */
static bool replace_task(json_t *value, const char *id, json_t *task)
{
    size_t index;
    const char *key;
    json_t *member;
    json_array_foreach (value, index, member) {
        if (json_get_text(member, "type", NULL) && streq(json_get_text(member, "id", ""), id))
            return json_array_set(value, index, task) == 0;
        json_t *node = json_object_get(member, "task"); /* of a Dag */
        if (node && streq(json_get_text(node, "id", ""), id))
            return json_object_set(member, "task", task) == 0;
        if (replace_task(member, id, task))
            return true;
    }
    json_object_foreach (value, key, member)
        if (replace_task(member, id, task))
            return true;
    return false;
}

/* Only lists of tasks: an input or a trigger may have the same id. */
static bool replace_in_flow(json_t *flow, const char *id, json_t *task)
{
    static const char *const lists[] = {"tasks", "errors", "finally", "afterExecution", "listeners"};
    for (size_t i = 0; i < ELEMENTS(lists); i++)
        if (replace_task(json_object_get(flow, lists[i]), id, task))
            return true;
    return false;
}

/* The object as YAML. Caller frees. */
static int write_source(json_t *flow, char **ret)
{
    static const char template[] = "{{ flow | yaml }}";
    _cleanup_(expr_unrefp) Expr *expr = NULL;
    _cleanup_json_ json_t *variables = json_pack("{s:O}", "flow", flow);
    int r = expr_compile(template, strlen(template), &expr, NULL);
    if (r == 0)
        r = expr_render(expr, &(ExprContext){.variables = variables}, ret, NULL);
    return fold(r);
}

static int save(WebSession *session, const HttpRequest *request, HttpResponse *response, const char *source)
{
    _cleanup_(flow_unrefp) Flow *flow = NULL;
    _cleanup_diag_ Diag diag = DIAG_INIT;
    FlowSaved saved;
    int r = flow_body_parse(session, source, strlen(source), &flow, &diag);
    if (r != 0)
        return r < 0 ? trace(r) : flow_body_refused(request, response, &diag);
    r = flow_body_save(session, flow, FLOW_SAVE_UPDATE, &saved);
    if (r == STORE_E_FROM_FILE)
        return flow_body_from_file(session, request, response, flow->namespace, flow->id);
    if (r == STORE_E_NONE)
        return http_not_found(request, response);
    return r != 0 ? fold(r) : http_json(response, 200, flow_encode(flow, false));
}

static int update_task(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    const char *task_id = http_parameter(request, "taskId");
    _cleanup_flow_record_ FlowRecord record = {};
    _cleanup_json_ json_t *task = NULL, *flow = NULL;
    _cleanup_free_ char *source = NULL;
    int r = store_flow_get(session->pg, http_parameter(request, "namespace"), http_parameter(request, "id"), 0, false,
                           &record);
    if (r != 0)
        return r == STORE_E_NONE ? http_not_found(request, response) : fold(r);
    if (!query_body(request, response, &task))
        return 0;
    if (!streq(json_get_text(task, "id", ""), task_id))
        return http_error(request, response, 422,
                          "Illegal argument: Invalid taskId, previous is '%s' & current is '%s'", task_id,
                          json_get_text(task, "id", ""));
    if (json_parse(record.body, strlen(record.body), 0, &flow, NULL) != 0 || !replace_in_flow(flow, task_id, task))
        return http_not_found(request, response);
    static const char *const not_source[] = {"revision", "deleted"};
    for (size_t i = 0; i < ELEMENTS(not_source); i++)
        (void)json_object_del(flow, not_source[i]); /* may be absent */
    if (!json_get_boolean(flow, "disabled", false))
        (void)json_object_del(flow, "disabled"); /* as above */
    r = write_source(flow, &source);
    return r < 0 ? trace(r) : save(session, request, response, source);
}

static const Route rows[] = {
    {HTTP_PATCH, "/api/v1/flows/{namespace}/{id}/{taskId}", update_task, PERMISSION_FLOW_WRITE, NULL, "updateTask",
     "application/json"},
};
const RouteTable routes_flow_task = ROUTE_TABLE("Flows", rows);
