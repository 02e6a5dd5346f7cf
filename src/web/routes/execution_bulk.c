/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The by-ids and by-query forms: one row an operation. All ids are checked first; if one does not fit nothing is done
 * (400). Then the events go, in portions of a commit each, so that what is held of very many executions is their ids;
 * the last is waited for, so that a client that looks next sees the effect.
 */
#include "base/clock.h"
#include "web/routes/execution_common.h"
#include "web/routes/query.h"
#include "web/routes/routes.h"

#define PORTION        1000 /* executions that are looked at, or told, at once */
#define WAITED_MAX     10000
#define REPLAYS        100 /* whole executions of a commit */
#define REFUSALS_SHOWN 100

typedef struct Bulk Bulk;
typedef struct BulkRow {
    const char *path;    /* "/api/v1/executions/kill" */
    const char *message; /* of the whole refusal */
    bool (*fits)(State state);
    const char *reason; /* why one does not fit */
    EventKind event;
    /* The event's body, new; NULL with the answer given: refused. */
    json_t *(*body)(Bulk *bulk);
    bool gone; /* the executions are to disappear */
} BulkRow;

struct Bulk {
    WebSession *session;
    const HttpRequest *request;
    HttpResponse *response;
    const BulkRow *row;
    json_t *labels; /* of labels/by-ids; or NULL */
    Texts ids;
};

static bool is_any(State state)
{
    return true;
}

static bool is_failed(State state)
{
    return state == STATE_FAILED;
}

static bool is_not_terminated(State state)
{
    return !state_is_terminated(state);
}

static bool is_paused(State state)
{
    return state == STATE_PAUSED;
}

static bool is_queued(State state)
{
    return state == STATE_QUEUED;
}

static json_t *empty_body(Bulk *bulk)
{
    return json_object();
}

static json_t *kill_body(Bulk *bulk)
{
    json_t *body = json_object();
    json_object_set_new(body, "cascade", json_false());
    return body;
}

static json_t *status_body(Bulk *bulk)
{
    const char *status = http_query(bulk->request, "newStatus");
    if (!state_is_terminated(state_from_string(status))) {
        http_error(bulk->request, bulk->response, 422,
                   "Illegal argument: You can only change the state to a terminated state.");
        return NULL;
    }
    json_t *body = json_object();
    json_set_text(body, "state", status);
    return body;
}

static json_t *labels_body(Bulk *bulk)
{
    json_t *labels = execution_labels_read(bulk->request, bulk->response, bulk->labels, NULL);
    if (!labels)
        return NULL;
    json_t *body = json_object();
    json_object_set_new(body, "labels", labels);
    return body;
}

static json_t *delete_body(Bulk *bulk)
{
    json_t *body = json_object();
    json_object_set_new(body, "logs", json_boolean(http_query_boolean(bulk->request, "deleteLogs", true)));
    json_object_set_new(body, "metrics", json_boolean(http_query_boolean(bulk->request, "deleteMetrics", true)));
    json_object_set_new(body, "storage", json_boolean(http_query_boolean(bulk->request, "deleteStorage", true)));
    return body;
}

#define EXECUTIONS "/api/v1/executions"
static const BulkRow operations[] = {
    {EXECUTIONS "/restart", "invalid bulk restart", is_failed, "execution not in state FAILED", EVENT_RESTART,
     empty_body},
    {EXECUTIONS "/kill", "invalid bulk kill", is_not_terminated, "execution already finished", EVENT_KILL, kill_body},
    {EXECUTIONS "/resume", "invalid bulk resume", is_paused, "execution not in state PAUSED", EVENT_RESUME, empty_body},
    {EXECUTIONS "/pause", "invalid bulk pause", state_is_running, "execution not in state RUNNING", EVENT_PAUSE,
     empty_body},
    {EXECUTIONS "/change-status", "invalid bulk change executions status", state_is_terminated,
     "execution not in a terminated state", EVENT_CHANGE_STATUS, status_body},
    {EXECUTIONS "/labels", "invalid bulk set labels", state_is_terminated, "execution is not terminated", EVENT_LABELS,
     labels_body},
    {EXECUTIONS "/unqueue", "invalid bulk unqueue", is_queued, "execution not in state QUEUED", EVENT_UNQUEUE,
     empty_body},
    {EXECUTIONS "/force-run", "invalid bulk force run", is_not_terminated, "execution in a terminated state",
     EVENT_FORCE_RUN, empty_body},
    {EXECUTIONS, "invalid bulk delete", state_is_terminated, "execution not found", EVENT_DELETE, delete_body, true},
};
static const BulkRow delete_any = {EXECUTIONS,   "invalid bulk delete", is_any, "execution not found",
                                   EVENT_DELETE, delete_body,           true};

/* The row whose last segment stands before "/by-…", whatever tenant stands before it. */
static const BulkRow *find_row(const HttpRequest *request)
{
    const char *end = strrchr(request->path, '/');
    for (size_t i = 0; i < ELEMENTS(operations); i++) {
        const char *last = strrchr(operations[i].path, '/');
        size_t length = strlen(last);
        if ((size_t)(end - request->path) < length || strncmp(end - length, last, length) != 0)
            continue;
        bool any = operations[i].event == EVENT_DELETE && http_query_boolean(request, "includeNonTerminated", false);
        return any ? &delete_any : &operations[i];
    }
    return NULL;
}

/* Fills bulk->ids (and labels). Positive: answered. */
static int read_ids(Bulk *bulk)
{
    const HttpRequest *request = bulk->request;
    bool by_query = ends_with(request->path, "/by-query"), labels = bulk->row->event == EVENT_LABELS;
    _cleanup_json_ json_t *body = NULL;
    if ((!by_query || labels) && !query_body(request, bulk->response, &body))
        return 1;
    if (labels)
        bulk->labels = json_incref(by_query ? body : json_object_get(body, "executionLabels"));
    if (by_query) {
        ExecutionQuery query;
        _cleanup_diag_ Diag diag = DIAG_INIT;
        if (!query_executions(bulk->session, request, bulk->response, false, &query))
            return 1;
        int r = store_execution_ids(bulk->session->pg, &query, &bulk->ids, &diag);
        return r == STORE_E_QUERY ? query_refused(request, bulk->response, r, &diag), 1 : fold(r);
    }
    size_t i;
    const json_t *item, *list = labels ? json_object_get(body, "executionsId") : body;
    if (!json_is_array(list))
        return http_error(request, bulk->response, 422, "Invalid json mapping"), 1;
    json_array_foreach (list, i, item)
        vec_push(&bulk->ids, xstrdup(json_is_string(item) ? json_string_value(item) : ""));
    return 0;
}

static json_t *violation(const char *id, const char *message)
{
    json_t *entry = json_object(), *node = json_object(), *path = json_array();
    json_set_text(node, "name", "execution");
    json_set_text(node, "kind", "PROPERTY");
    json_object_set_new(node, "inIterable", json_false());
    json_array_append_new(path, node);
    json_set_text(entry, "message", message);
    json_set_text(entry, "rootBean", id);
    json_set_text(entry, "rootBeanClass", "java.lang.String");
    json_set_text(entry, "leafBean", id);
    json_object_set_new(entry, "propertyPath", path);
    json_set_text(entry, "invalidValue", id);
    json_set_text(entry, "messageTemplate", "{messageTemplate}");
    json_object_set_new(entry, "executableParameters", json_array());
    return entry;
}

/* What one portion of the ids says: their heads, or the first refusals of it. */
static int check_portion(Bulk *bulk, size_t from, size_t count, json_t *invalids, size_t *ret_refused)
{
    _cleanup_execution_heads_ ExecutionHeads heads = {};
    int r = store_execution_heads(bulk->session->pg, (const char *const *)bulk->ids.items + from, count, &heads);
    if (r != 0)
        return fold(r);
    Map *by_id = map_new();
    for (size_t i = 0; i < heads.count; i++)
        map_put(by_id, heads.items[i].id, &heads.items[i]);
    for (size_t i = from; i < from + count; i++) {
        const char *id = bulk->ids.items[i];
        const ExecutionHead *head = map_get(by_id, id);
        if (head && bulk->row->fits(head->state))
            continue;
        if (++*ret_refused <= REFUSALS_SHOWN)
            json_array_append_new(invalids, violation(id, head ? bulk->row->reason : "execution not found"));
    }
    map_destroy(by_id, NULL);
    return 0;
}

/* Positive: answered with 400, how many do not fit and the first of them. */
static int check_all(Bulk *bulk)
{
    _cleanup_json_ json_t *invalids = json_array();
    size_t refused = 0;
    for (size_t from = 0; from < bulk->ids.count; from += PORTION) {
        int r = check_portion(bulk, from, MIN((size_t)PORTION, bulk->ids.count - from), invalids, &refused);
        if (r < 0)
            return trace(r);
    }
    if (refused == 0)
        return 0;
    json_t *answer = json_object();
    json_set_text(answer, "message", bulk->row->message);
    json_object_set(answer, "invalids", invalids);
    json_object_set_new(answer, "count", json_integer((json_int_t)refused));
    http_json(bulk->response, 400, answer);
    return 1;
}

static int send_portion(Bulk *bulk, size_t from, size_t count, json_t *body)
{
    _cleanup_(unit_freep) Unit *unit = unit_new();
    for (size_t i = from; i < from + count; i++)
        unit_send_event(unit, bulk->ids.items[i], event_kind_to_string(bulk->row->event), json_incref(body));
    return trace(execution_commit(bulk->session, unit));
}

/* All are waited for, of very many the last. */
static int send_all(Bulk *bulk)
{
    _cleanup_json_ json_t *body = bulk->row->body(bulk);
    if (!body)
        return 1;
    _cleanup_free_ char *before = NULL;
    State state;
    size_t count = bulk->ids.count;
    const char *last = count > 0 ? bulk->ids.items[count - 1] : NULL;
    int r = last && !bulk->row->gone ? store_execution_version(bulk->session->pg, last, &state, &before) : 0;
    for (size_t from = 0; r >= 0 && from < count; from += PORTION)
        r = send_portion(bulk, from, MIN((size_t)PORTION, count - from), body);
    if (r < 0 || !last)
        return trace(r);
    size_t waited = MIN(count, (size_t)WAITED_MAX);
    if (bulk->row->gone)
        execution_await_gone(bulk->response, (const char *const *)bulk->ids.items + (count - waited), waited);
    else if (before)
        execution_await_change(bulk->response, last, before);
    return 0;
}

static int run(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    Bulk bulk = {.session = session, .request = request, .response = response, .row = find_row(request)};
    int r = bulk.row ? read_ids(&bulk) : http_not_found(request, response);
    if (r == 0)
        r = check_all(&bulk);
    if (r == 0)
        r = send_all(&bulk);
    if (r == 0)
        query_count(response, bulk.ids.count);
    json_decref(bulk.labels);
    texts_done(&bulk.ids);
    return MIN(r, 0);
}

/* --- replay: each becomes a new execution --- */

static int replay_one(WebSession *session, Unit *unit, const char *id)
{
    _cleanup_(execution_freep) Execution *execution = NULL, *copy = NULL;
    _cleanup_(flow_unrefp) Flow *flow = NULL;
    _cleanup_diag_ Diag diag = DIAG_INIT;
    Operation operation = {.now = clock_realtime(), .diag = &diag};
    int r = execution_fetch(session, id, &execution);
    if (r != 0)
        return r;
    r = flow_cache_get(session->flows, session->pg, execution->namespace, execution->flow_id, execution->flow_revision,
                       &flow);
    if (r == 0)
        r = operation_replay(&operation, execution, flow, NULL, 0, &copy);
    if (r == 0)
        unit_create_execution(unit, copy, operation.now);
    return r;
}

static int replay_portion(Bulk *bulk, size_t from, size_t count, size_t *ret_count)
{
    _cleanup_(unit_freep) Unit *unit = unit_new();
    for (size_t i = from; i < from + count; i++) {
        int r = replay_one(bulk->session, unit, bulk->ids.items[i]);
        if (r < 0)
            return trace(r);
        *ret_count += r == 0; /* one whose flow is gone is left out of the count */
    }
    return trace(execution_commit(bulk->session, unit));
}

static int replay_all(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    static const BulkRow row = {EXECUTIONS "/replay",  "invalid bulk replay", is_any,
                                "execution not found", EVENT_CREATED,         empty_body};
    Bulk bulk = {.session = session, .request = request, .response = response, .row = &row};
    size_t count = 0;
    int r = read_ids(&bulk);
    if (r == 0)
        r = check_all(&bulk);
    for (size_t from = 0; r == 0 && from < bulk.ids.count; from += REPLAYS)
        r = replay_portion(&bulk, from, MIN((size_t)REPLAYS, bulk.ids.count - from), &count);
    if (r == 0)
        query_count(response, count);
    texts_done(&bulk.ids);
    return MIN(r, 0);
}

static const Parameter query_parameters[] = {EXECUTION_PARAMETERS, {}};
static const Parameter status_parameters[] = {{"newStatus", PARAMETER_STATE, .required = true}, {}};
static const Parameter status_query_parameters[] = {
    EXECUTION_PARAMETERS, {"newStatus", PARAMETER_STATE, .required = true}, {}};
static const Parameter delete_parameters[] = {{"includeNonTerminated", PARAMETER_BOOLEAN},
                                              {"deleteLogs", PARAMETER_BOOLEAN},
                                              {"deleteMetrics", PARAMETER_BOOLEAN},
                                              {"deleteStorage", PARAMETER_BOOLEAN},
                                              {}};
static const Parameter delete_query_parameters[] = {EXECUTION_PARAMETERS,
                                                    {"includeNonTerminated", PARAMETER_BOOLEAN},
                                                    {"deleteLogs", PARAMETER_BOOLEAN},
                                                    {"deleteMetrics", PARAMETER_BOOLEAN},
                                                    {"deleteStorage", PARAMETER_BOOLEAN},
                                                    {}};

#define WRITE PERMISSION_EXECUTION_WRITE
#define PAIR(method, path, handler, ids, query, operation)                                                             \
    {method, EXECUTIONS path "/by-ids", handler, WRITE, ids, operation "ByIds", "application/json"},                   \
    {                                                                                                                  \
        method, EXECUTIONS path "/by-query", handler, WRITE, query, operation "ByQuery"                                \
    }
static const Route rows[] = {
    PAIR(HTTP_POST, "/restart", run, NULL, query_parameters, "restart"),
    PAIR(HTTP_POST, "/replay", replay_all, NULL, query_parameters, "replay"),
    PAIR(HTTP_DELETE, "/kill", run, NULL, query_parameters, "kill"),
    PAIR(HTTP_POST, "/resume", run, NULL, query_parameters, "resume"),
    PAIR(HTTP_POST, "/pause", run, NULL, query_parameters, "pause"),
    PAIR(HTTP_POST, "/change-status", run, status_parameters, status_query_parameters, "changeStatus"),
    PAIR(HTTP_POST, "/labels", run, NULL, query_parameters, "setLabels"),
    PAIR(HTTP_POST, "/unqueue", run, NULL, query_parameters, "unqueue"),
    PAIR(HTTP_POST, "/force-run", run, NULL, query_parameters, "forceRun"),
    PAIR(HTTP_DELETE, "", run, delete_parameters, delete_query_parameters, "delete"),
};
const RouteTable routes_execution_bulk = ROUTE_TABLE("Executions", rows);
