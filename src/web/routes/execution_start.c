/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request that waits is expected before the commit, because the executor may be done before the request is parked;
 * the event FOLLOW in the same commit makes the owner ring us.
 */
#include "web/routes/execution_start.h"

#include "base/clock.h"

Flow *execution_start_flow(WebSession *session, const HttpRequest *request, HttpResponse *response,
                           const char *namespace, const char *id, int revision, int *ret_r)
{
    Flow *flow = NULL;
    int r = flow_cache_get(session->flows, session->pg, namespace, id, revision, &flow);
    *ret_r = MIN(r, 0);
    if (r == 0 && !flow->disabled)
        return flow;
    if (r == STORE_E_NONE)
        http_reason(request, response, 404, "Requested Flow is not found.");
    else if (r == FLOW_CACHE_E_BROKEN)
        http_error(request, response, 409, "Illegal state: Requested Flow is not valid.");
    else if (r == 0)
        http_error(request, response, 409, "Illegal state: Requested Flow is disabled.");
    else
        *ret_r = fold(r);
    flow_unref(flow);
    return NULL;
}

static json_t *correlation_label(const char *id)
{
    json_t *label = json_object(), *labels = json_array();
    json_set_text(label, "key", "system.correlationId");
    json_set_text(label, "value", id);
    json_array_append_new(labels, label);
    return labels;
}

/* Labels of the flow that executions take over: all but system ones. New. */
static json_t *labels_of_flow(const Flow *flow)
{
    json_t *labels = json_array();
    size_t i;
    json_t *label;
    json_array_foreach (flow->labels, i, label)
        if (!starts_with(json_get_text(label, "key", ""), "system."))
            json_array_append(labels, label);
    return labels;
}

Execution *execution_start_new(const ExecutionStart *start, const char *id, usec_t now)
{
    const Flow *flow = start->flow;
    Execution *execution = execution_new(id, flow->namespace, flow->id, flow->revision, now);
    _cleanup_json_ json_t *inherited = labels_of_flow(flow);
    json_t *labels = labels_merge(inherited, start->labels);
    if (start->correlate && !label_get(labels, "system.correlationId")) {
        _cleanup_json_ json_t *own = correlation_label(id);
        json_t *both = labels_merge(labels, own);
        json_decref(labels);
        labels = both;
    }
    json_decref(execution->labels);
    execution->labels = labels;
    execution->inputs = json_incref(start->inputs);
    execution->trigger = json_incref(start->trigger);
    execution->schedule_date = start->schedule_date;
    return execution;
}

int execution_start_answer(WebSession *session, const HttpRequest *request, const ExecutionStart *start,
                           Execution *execution, usec_t now, bool with_url, HttpResponse *response)
{
    if (!execution_inputs_fit(session, request, response, execution->inputs) ||
        !execution_inputs_fit(session, request, response, execution->trigger))
        return 0;
    _cleanup_(unit_freep) Unit *unit = unit_new();
    unit_create_execution(unit, execution, now);
    if (start->wait) {
        execution_follow_event(session, unit, execution->id);
        web_expect(session->web, execution->id);
    }
    int r = execution_commit(session, unit);
    if (r < 0) {
        if (start->wait)
            web_unexpect(session->web, execution->id);
        return trace(r);
    }
    if (start->wait) {
        response->follow = start->hook ? execution_wait_hook(session->settings, execution, start->hook)
                                       : execution_wait(session->settings, execution);
        return 0;
    }
    json_t *answer = execution_encode(execution, now);
    if (with_url) {
        _cleanup_free_ char *url =
            execution_url(session->settings, execution->namespace, execution->flow_id, execution->id);
        json_set_text(answer, "url", url);
    }
    return http_json(response, 200, answer);
}
