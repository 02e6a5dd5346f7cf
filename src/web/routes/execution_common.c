/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The webserver changes no execution: it shows what will be by applying the pure operation to a copy, sends the event,
 * and lets the answer wait a moment for the owner (follow.h), so that a client which reads next reads its own write.
 * When the owner takes longer (it is being replaced), the answer is given all the same: the event is committed and will
 * be applied.
 */
#include "web/routes/execution_common.h"

#include "base/clock.h"

int execution_fetch(WebSession *session, const char *id, Execution **ret)
{
    _cleanup_(execution_freep) Execution *execution = NULL;
    _cleanup_(flow_unrefp) Flow *flow = NULL;
    int r = store_execution_load(session->pg, id, &execution);
    if (r != 0)
        return r;
    r = flow_cache_get(session->flows, session->pg, execution->namespace, execution->flow_id, execution->flow_revision,
                       &flow);
    if (r < 0)
        return trace(r);
    if (r == 0)
        execution_bind_flow(execution, flow);
    *ret = TAKE_PTR(execution);
    return 0;
}

json_t *execution_answer(const Execution *execution, usec_t now)
{
    json_t *answer = execution_encode(execution, now);
    if (execution->task_runs.count == 0)
        return answer;
    json_t *runs = json_array();
    for (size_t i = 0; i < execution->task_runs.count; i++)
        json_array_append_new(runs, task_run_encode(execution, execution->task_runs.items[i], now));
    json_object_set_new(answer, "taskRunList", runs);
    return answer;
}

char *execution_url(const WebSettings *settings, const char *namespace, const char *flow_id, const char *id)
{
    return xasprintf("%s%s/ui/executions/%s/%s/%s", settings->url ? settings->url : "",
                     settings->context_path ? settings->context_path : "", namespace, flow_id, id);
}

int execution_refused(const HttpRequest *request, HttpResponse *response, int r, const Diag *diag)
{
    if (r == OPERATION_E_STATE)
        return http_error(request, response, 409, "Illegal state: %s", diag_first(diag));
    if (r == OPERATION_E_INVALID)
        return http_error(request, response, 422, "Illegal argument: %s", diag_first(diag));
    if (r == OPERATION_E_NONE)
        return http_reason(request, response, 404, "%s", diag_first(diag));
    return fold(r);
}

bool execution_inputs_fit(const WebSession *session, const HttpRequest *request, HttpResponse *response,
                          const json_t *inputs)
{
    size_t bytes = session->settings->message_bytes_max ? session->settings->message_bytes_max : (size_t)10 << 20;
    if (!json_exceeds(inputs, bytes))
        return true;
    http_error(request, response, 422,
               "Illegal argument: the inputs have more than %zu bytes (limits.message); a FILE input may be larger",
               bytes);
    return false;
}

json_t *execution_labels_read(const HttpRequest *request, HttpResponse *response, const json_t *given,
                              const json_t *present)
{
    _cleanup_json_ json_t *labels = NULL, *kept = json_array();
    size_t i;
    json_t *label;
    if (labels_decode(given, &labels) != 0) {
        http_error(request, response, 422, "Invalid json mapping");
        return NULL;
    }
    json_array_foreach (labels, i, label) {
        const char *key = json_get_text(label, "key", ""), *value = json_get_text(label, "value", "");
        const char *there = label_get(present, key);
        if (starts_with(key, "system.") && !(there && streq(there, value))) {
            http_error(request, response, 422,
                       "Illegal argument: System labels can only be set by Kestra itself, offending label: %s=%s", key,
                       value);
            return NULL;
        }
        if (*key || *value)
            json_array_append(kept, label);
    }
    return TAKE_PTR(kept);
}

int execution_commit(WebSession *session, Unit *unit)
{
    QueueBatch batch = {};
    int r = queue_commit(session->queue, unit, NULL, &batch);
    queue_batch_done(&batch);
    return fold(r);
}

int execution_send(WebSession *session, const char *id, EventKind kind, json_t *body)
{
    _cleanup_(unit_freep) Unit *unit = unit_new();
    unit_send_event(unit, id, event_kind_to_string(kind), body);
    return execution_commit(session, unit);
}

void execution_follow_event(WebSession *session, Unit *unit, const char *id)
{
    char instance[ID_BYTES];
    web_instance_id(session->web, instance);
    if (!*instance)
        return; /* not registered yet: the slow poll serves this one */
    json_t *body = json_object();
    json_set_text(body, "instance", instance);
    unit_send_event(unit, id, event_kind_to_string(EVENT_FOLLOW), body);
}

static int look_for_change(Follow *follow, WebSession *session, Buffer *text, bool *ret_end)
{
    _cleanup_free_ char *version = NULL;
    State state;
    int r = store_execution_version(session->pg, follow->execution_id, &state, &version);
    *ret_end = r == STORE_E_NONE || (r == 0 && !streq(version, follow->cursor));
    return MIN(r, 0);
}

void execution_await_change(HttpResponse *response, const char *id, const char *before)
{
    response->follow = follow_moment(id, look_for_change);
    response->follow->cursor = xstrdup(before);
}

static int look_for_rest(Follow *follow, WebSession *session, Buffer *text, bool *ret_end)
{
    _cleanup_execution_heads_ ExecutionHeads heads = {};
    size_t count = json_array_size(follow->left);
    _cleanup_free_ const char **ids = xnew_n(const char *, count + 1);
    for (size_t i = 0; i < count; i++)
        ids[i] = json_string_value(json_array_get(follow->left, i));
    int r = store_execution_heads(session->pg, ids, count, &heads);
    if (r != 0)
        return fold(r);
    follow->went_on = heads.count < count;
    *ret_end = heads.count == 0;
    json_t *left = json_array();
    for (size_t i = 0; i < heads.count; i++)
        json_array_append_new(left, json_string(heads.items[i].id));
    json_decref(follow->left);
    follow->left = left;
    return 0;
}

void execution_await_gone(HttpResponse *response, const char *const *ids, size_t count)
{
    response->follow = follow_moment(count == 1 ? ids[0] : "", look_for_rest);
    response->follow->left = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(response->follow->left, json_string(ids[i]));
}

/* In a handler thread, at each ring. */
static int look_for_end(Follow *follow, WebSession *session, Buffer *text, bool *ret_end)
{
    State state;
    _cleanup_free_ char *json = NULL;
    int r = store_execution_state(session->pg, follow->execution_id, &state);
    if (r == 0 && !state_is_terminated(state))
        return 0;
    if (r == 0)
        r = store_execution_get(session->pg, follow->execution_id, &json);
    if (r != 0)
        return r < 0 ? r : -ENOENT; /* deleted while somebody waits for it */
    buffer_append_n(text, json, strlen(json) - 1);
    buffer_append(text, ",\"url\":");
    buffer_append_json(text, follow->url);
    buffer_append_char(text, '}');
    *ret_end = true;
    return 0;
}

/* The outputs of a flow as the answer; a single one stands alone when it is plain text. */
static void append_outputs(Buffer *text, const json_t *outputs, bool is_plain)
{
    void *first = json_object_iter((json_t *)outputs);
    const json_t *single = first ? json_object_iter_value(first) : NULL;
    if (is_plain && json_object_size(outputs) == 1 && json_is_string(single)) {
        buffer_append(text, json_string_value(single));
        return;
    }
    _cleanup_free_ char *all =
        outputs ? json_text(is_plain && json_object_size(outputs) == 1 ? single : outputs) : NULL;
    buffer_append(text, all ? all : "{}");
}

/* The same as look_for_end, with what a webhook answers. */
static int look_for_outputs(Follow *follow, WebSession *session, Buffer *text, bool *ret_end)
{
    _cleanup_buffer_ Buffer whole = {};
    _cleanup_json_ json_t *execution = NULL;
    int r = look_for_end(follow, session, &whole, ret_end);
    if (r != 0 || !*ret_end)
        return r;
    if (json_parse(buffer_text(&whole), whole.length, 0, &execution, NULL) != 0)
        return outage(-EBADMSG);
    const char *state = json_get_text(json_object_get(execution, "state"), "current", "");
    if (!follow->status)
        follow->status = streq(state, "FAILED") ? 500 : 200;
    if (follow->gives_outputs)
        append_outputs(text, json_object_get(execution, "outputs"), follow->content_type != NULL);
    else
        buffer_append_n(text, buffer_text(&whole), whole.length);
    return 0;
}

Follow *execution_wait_hook(const WebSettings *settings, const Execution *execution, const ExecutionHook *hook)
{
    Follow *follow = execution_wait(settings, execution);
    follow->refresh = look_for_outputs;
    follow->gives_outputs = hook->gives_outputs;
    follow->content_type = hook->is_plain ? "text/plain" : NULL;
    follow->status = hook->status;
    return follow;
}

Follow *execution_wait(const WebSettings *settings, const Execution *execution)
{
    Follow *follow = follow_new(execution->id, false, look_for_end);
    follow->url = execution_url(settings, execution->namespace, execution->flow_id, execution->id);
    return follow;
}
