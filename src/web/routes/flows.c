/* SPDX-License-Identifier: Apache-2.0 */
/* Flows one by one (spec/api.md 5.2); several at once are in flows_bulk.c, checks without storing in flows_validate.c.
 */
#include "web/routes/flow_body.h"
#include "web/routes/query.h"
#include "web/routes/routes.h"

static int answer_flow(HttpResponse *response, const Flow *flow, bool with_source)
{
    return http_json(response, 200, flow_encode(flow, with_source));
}

static int create(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    _cleanup_(flow_unrefp) Flow *flow = NULL;
    int r = flow_body_read(session, request, response, "flow", &flow);
    if (r != 0)
        return MIN(r, 0);
    FlowSaved saved;
    r = flow_body_save(session, flow, FLOW_SAVE_CREATE, &saved);
    if (r == STORE_E_CONFLICT || r == STORE_E_FROM_FILE)
        return http_invalid(request, response, "flow.id", "Flow id already exists");
    return r != 0 ? fold(r) : answer_flow(response, flow, !flow_body_is_json(request));
}

static int update(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    const char *namespace = http_parameter(request, "namespace"), *id = http_parameter(request, "id");
    _cleanup_(flow_unrefp) Flow *flow = NULL;
    _cleanup_flow_record_ FlowRecord present = {};
    int r = store_flow_get(session->pg, namespace, id, 0, false, &present);
    if (r != 0)
        return r == STORE_E_NONE ? http_not_found(request, response) : fold(r);
    r = flow_body_read(session, request, response, "flow", &flow);
    if (r != 0)
        return MIN(r, 0);
    if (!streq(flow->id, id))
        return http_invalid(request, response, "flow.id", "Illegal flow id update");
    if (!streq(flow->namespace, namespace))
        return http_invalid(request, response, "flow.namespace", "Illegal namespace update");
    FlowSaved saved;
    r = flow_body_save(session, flow, FLOW_SAVE_UPDATE, &saved);
    if (r == STORE_E_FROM_FILE)
        return flow_body_from_file(session, request, response, namespace, id);
    if (r == STORE_E_NONE)
        return http_not_found(request, response);
    return r != 0 ? fold(r) : answer_flow(response, flow, !flow_body_is_json(request));
}

static int get(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    _cleanup_flow_record_ FlowRecord record = {};
    int r = store_flow_get(session->pg, http_parameter(request, "namespace"), http_parameter(request, "id"),
                           (int)http_query_integer(request, "revision", 0),
                           http_query_boolean(request, "allowDeleted", false), &record);
    if (r != 0)
        return r == STORE_E_NONE ? http_not_found(request, response) : fold(r);
    response->status = 200;
    response->content_type = "application/json";
    flow_body_append(&response->body, &record, http_query_boolean(request, "source", false));
    return 0;
}

static int answer_records(HttpResponse *response, const FlowRecords *records, bool with_source)
{
    response->status = 200;
    response->content_type = "application/json";
    buffer_append_char(&response->body, '[');
    for (size_t i = 0; i < records->count; i++) {
        if (i > 0)
            buffer_append_char(&response->body, ',');
        flow_body_append(&response->body, &records->items[i], with_source);
    }
    buffer_append_char(&response->body, ']');
    return 0;
}

static int list_revisions(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    _cleanup_flow_records_ FlowRecords records = {};
    int r = store_flow_revisions(session->pg, http_parameter(request, "namespace"), http_parameter(request, "id"),
                                 &records);
    return r != 0 ? fold(r) : answer_records(response, &records, true);
}

static int list_namespace(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    _cleanup_flow_records_ FlowRecords records = {};
    int r = store_flow_list(session->pg, http_parameter(request, "namespace"), false, &records);
    return r != 0 ? fold(r) : answer_records(response, &records, false);
}

static int delete (WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    const char *namespace = http_parameter(request, "namespace"), *id = http_parameter(request, "id");
    int r = flow_body_delete(session, namespace, id);
    if (r == STORE_E_NONE)
        return http_not_found(request, response);
    if (r == STORE_E_FROM_FILE)
        return flow_body_from_file(session, request, response, namespace, id);
    return r != 0 ? fold(r) : http_empty(response, 204);
}

static int search(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    FlowQuery query;
    _cleanup_page_ StorePage page = {};
    _cleanup_diag_ Diag diag = DIAG_INIT;
    if (!query_flows(session, request, response, true, &query))
        return 0;
    int r = store_flow_search(session->pg, &query, &page, &diag);
    return r != 0 ? query_refused(request, response, r, &diag) : query_page(response, &page);
}

/* --- search in sources --- */

#define FRAGMENT_AROUND 60

/* The surroundings of the first place where word stands in source, the word itself marked; NULL when it does not. */
static json_t *fragment(const char *source, const char *word)
{
    const char *at = strcasestr(source, word);
    if (!at || !*word)
        return NULL;
    size_t length = strlen(word);
    const char *begin = at - MIN((size_t)(at - source), (size_t)FRAGMENT_AROUND);
    const char *end = at + length + MIN(strlen(at + length), (size_t)FRAGMENT_AROUND);
    /* Whole lines where they are near, never half a character. */
    const char *line = memchr(begin, '\n', (size_t)(at - begin));
    begin = begin > source && line ? line + 1 : begin;
    while (end > at + length && ((unsigned char)*end & 0xC0) == 0x80)
        end--;
    while (begin < at && ((unsigned char)*begin & 0xC0) == 0x80)
        begin++;
    _cleanup_buffer_ Buffer text = {};
    buffer_append_n(&text, begin, (size_t)(at - begin));
    buffer_append(&text, "[mark]");
    buffer_append_n(&text, at, length);
    buffer_append(&text, "[/mark]");
    buffer_append_n(&text, at + length, (size_t)(end - at - length));
    return json_string(buffer_text(&text));
}

static void append_source_match(Buffer *body, const FlowRecord *record, const char *q)
{
    json_t *fragments = json_array();
    for (const char *word = q; *word;) {
        size_t length = strcspn(word, " ");
        _cleanup_free_ char *copy = xstrndup(word, length);
        json_t *found = fragment(record->source, copy);
        if (found)
            json_array_append_new(fragments, found);
        word += length;
        word += strspn(word, " ");
    }
    buffer_append(body, "{\"model\":");
    flow_body_append(body, record, false);
    buffer_append(body, ",\"fragments\":");
    json_append(body, fragments);
    buffer_append_char(body, '}');
    json_decref(fragments);
}

static int search_source(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    FlowQuery query;
    _cleanup_flow_records_ FlowRecords records = {};
    _cleanup_diag_ Diag diag = DIAG_INIT;
    int64_t total;
    if (!query_flows(session, request, response, true, &query))
        return 0;
    query.source_q = query.q;
    query.q = NULL;
    int r = store_flow_select(session->pg, &query, &records, &total, &diag);
    if (r != 0)
        return query_refused(request, response, r, &diag);
    response->status = 200;
    response->content_type = "application/json";
    buffer_append(&response->body, "{\"results\":[");
    for (size_t i = 0; i < records.count; i++) {
        if (i > 0)
            buffer_append_char(&response->body, ',');
        append_source_match(&response->body, &records.items[i], query.source_q ? query.source_q : "");
    }
    buffer_printf(&response->body, "],\"total\":%" PRId64 "}", total);
    return 0;
}

static int list_distinct_namespaces(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    _cleanup_texts_ Texts names = {};
    int r = store_flow_namespaces(session->pg, http_query(request, "q"), false, &names);
    if (r != 0)
        return fold(r);
    json_t *list = json_array();
    for (size_t i = 0; i < names.count; i++)
        json_array_append_new(list, json_string(names.items[i]));
    return http_json(response, 200, list);
}

static int get_task(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    _cleanup_(flow_unrefp) Flow *flow = NULL;
    _cleanup_flow_record_ FlowRecord record = {};
    const char *namespace = http_parameter(request, "namespace"), *id = http_parameter(request, "id");
    int revision = (int)http_query_integer(request, "revision", 0);
    int r = store_flow_get(session->pg, namespace, id, revision, false, &record);
    if (r != 0)
        return r == STORE_E_NONE ? http_not_found(request, response) : fold(r);
    FlowParse options = {
        .registry = &plugin_registry, .revision = record.revision, .lenient = true, .skip_expressions = true};
    r = flow_parse(record.source, strlen(record.source), &options, &flow, NULL);
    const Task *task = r == 0 ? flow_task(flow, http_parameter(request, "taskId")) : NULL;
    if (r < 0)
        return trace(r);
    return task ? http_json(response, 200, json_incref(task->properties)) : http_not_found(request, response);
}

static const Parameter search_parameters[] = {PAGE_PARAMETERS, FLOW_PARAMETERS, {}};
static const Parameter get_parameters[] = {
    {"source", PARAMETER_BOOLEAN}, {"revision", PARAMETER_INTEGER}, {"allowDeleted", PARAMETER_BOOLEAN}, {}};
static const Parameter revision_parameters[] = {{"revision", PARAMETER_INTEGER}, {}};
static const Parameter q_parameters[] = {{"q", PARAMETER_TEXT}, {}};

#define FLOWS "/api/v1/flows"
static const Route rows[] = {
    {HTTP_GET, FLOWS "/search", search, PERMISSION_FLOW_READ, search_parameters, "find"},
    {HTTP_GET, FLOWS "/source", search_source, PERMISSION_FLOW_READ, search_parameters, "findBySource"},
    {HTTP_GET, FLOWS "/distinct-namespaces", list_distinct_namespaces, PERMISSION_FLOW_READ, q_parameters,
     "listDistinctNamespace"},
    {HTTP_POST, FLOWS, create, PERMISSION_FLOW_WRITE, NULL, "create"},
    {HTTP_GET, FLOWS "/{namespace}", list_namespace, PERMISSION_FLOW_READ, NULL, "findByNamespace"},
    {HTTP_GET, FLOWS "/{namespace}/{id}", get, PERMISSION_FLOW_READ, get_parameters, "index"},
    {HTTP_PUT, FLOWS "/{namespace}/{id}", update, PERMISSION_FLOW_WRITE, NULL, "update"},
    {HTTP_DELETE, FLOWS "/{namespace}/{id}", delete, PERMISSION_FLOW_WRITE, NULL, "delete"},
    {HTTP_GET, FLOWS "/{namespace}/{id}/revisions", list_revisions, PERMISSION_FLOW_READ, NULL, "revisions"},
    {HTTP_GET, FLOWS "/{namespace}/{id}/tasks/{taskId}", get_task, PERMISSION_FLOW_READ, revision_parameters,
     "flowTask"},
};
const RouteTable routes_flows = ROUTE_TABLE("Flows", rows);
