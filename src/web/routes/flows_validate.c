/* SPDX-License-Identifier: Apache-2.0 */
/* Checks without storing: never 422, the answer says what is wrong (spec/api.md 5.2, ValidateConstraintViolation). */
#include "web/routes/flow_body.h"
#include "web/routes/query.h"
#include "web/routes/routes.h"

/* True when the flow names a revision that is not the next one. */
static int is_outdated(const WebSession *session, const json_t *root, bool *ret)
{
    const json_t *sent = json_object_get(root, "revision");
    const char *namespace = json_get_text(root, "namespace", NULL), *id = json_get_text(root, "id", NULL);
    *ret = false;
    if (!json_is_integer(sent) || !namespace || !id)
        return 0;
    _cleanup_flow_record_ FlowRecord record = {};
    int r = store_flow_get(session->pg, namespace, id, 0, true, &record);
    if (r < 0)
        return trace(r);
    *ret = json_integer_value(sent) != (r == 0 ? record.revision : 0) + 1;
    return 0;
}

static int validate_source(const WebSession *session, const char *source, size_t length, size_t index, json_t **ret)
{
    _cleanup_(flow_unrefp) Flow *flow = NULL;
    _cleanup_(document_freep) Document *document = NULL;
    _cleanup_diag_ Diag diag = DIAG_INIT;
    bool outdated = false;
    int r = flow_body_parse(session, source, length, &flow, &diag);
    if (r < 0)
        return trace(r);
    r = 0; /* an invalid flow is an answer here */
    json_t *validation = flow_validation(&diag);
    json_object_set_new(validation, "index", json_integer((json_int_t)index));
    /* A text that could not be read as a flow has no name; in others the names stand as written, whatever is wrong with
     * them. */
    if (json_object_get(validation, "warnings") && document_parse(source, length, NULL, &document, NULL) == 0) {
        const json_t *root = document_root(document);
        json_set_text(validation, "flow", flow ? flow->id : json_get_text(root, "id", NULL));
        json_set_text(validation, "namespace", flow ? flow->namespace : json_get_text(root, "namespace", NULL));
        r = is_outdated(session, root, &outdated);
    }
    json_object_set_new(validation, "outdated", json_boolean(outdated));
    if (r == 0)
        *ret = validation;
    else
        json_decref(validation);
    return trace(r);
}

static int validate(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    DocumentParts parts = {};
    if (request->body_length == 0)
        return flow_body_missing(request, response, "flows");
    document_split_literally(request->body, request->body_length, &parts);
    if (parts.count == 0)
        vec_push(&parts, (DocumentPart){.text = request->body, .length = request->body_length, .first_line = 1});
    json_t *list = json_array();
    int r = 0;
    for (size_t i = 0; r == 0 && i < parts.count; i++) {
        json_t *validation = NULL;
        r = validate_source(session, parts.items[i].text, parts.items[i].length, i, &validation);
        if (r == 0)
            json_array_append_new(list, validation);
    }
    vec_free(&parts);
    if (r == 0)
        return http_json(response, 200, list);
    json_decref(list);
    return trace(r);
}

/* A task or trigger alone is checked as the only one of a flow made around it. */
static int validate_part(WebSession *session, const HttpRequest *request, HttpResponse *response, bool trigger)
{
    static const char flow_text[] =
        "{\"id\":\"validation\",\"namespace\":\"validation\",\"tasks\":[{\"id\":\"validation_log\","
        "\"type\":\"io.kestra.plugin.core.log.Log\",\"message\":\"\"}]}";
    _cleanup_(document_freep) Document *document = NULL;
    _cleanup_diag_ Diag diag = DIAG_INIT;
    _cleanup_json_ json_t *flow = NULL;
    json_t *validation;
    int r = document_parse(request->body, request->body_length, NULL, &document, &diag);
    if (r < 0)
        return trace(r);
    if (r > 0) {
        diag_mark(&diag, NULL, true);
        validation = flow_validation(&diag);
        json_object_set_new(validation, "index", json_integer(0));
        return http_json(response, 200, validation);
    }
    r = json_parse(flow_text, sizeof(flow_text) - 1, 0, &flow, NULL);
    if (r != 0)
        return fold(r);
    json_t *list = json_array();
    json_array_append(list, document_root(document));
    json_object_set_new(flow, trigger ? "triggers" : "tasks", list);
    _cleanup_free_ char *text = json_text(flow);
    r = validate_source(session, text, strlen(text), 0, &validation);
    if (r < 0)
        return trace(r);
    /* only what it says of the part itself */
    static const char *const lists[] = {"warnings", "infos", "deprecationPaths"};
    json_object_del(validation, "flow");
    json_object_del(validation, "namespace");
    for (size_t i = 0; i < ELEMENTS(lists); i++)
        if (json_array_size(json_object_get(validation, lists[i])) == 0)
            json_object_del(validation, lists[i]);
    return http_json(response, 200, validation);
}

static int validate_task(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    const char *section = http_query(request, "section");
    if (!section && !flow_body_is_json(request))
        return http_reason(request, response, 400, "Required QueryValue [section] not specified");
    return validate_part(session, request, response, section && streq(section, "TRIGGERS"));
}

static int validate_trigger(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    return validate_part(session, request, response, true);
}

static const Parameter section_parameters[] = {{"section", PARAMETER_TEXT}, {}};

#define VALIDATE "/api/v1/flows/validate"
static const Route rows[] = {
    {HTTP_POST, VALIDATE, validate, PERMISSION_FLOW_READ, NULL, "validateFlows", .large = true},
    {HTTP_POST, VALIDATE "/task", validate_task, PERMISSION_FLOW_READ, section_parameters, "validateTask"},
    {HTTP_POST, VALIDATE "/trigger", validate_trigger, PERMISSION_FLOW_READ, NULL, "validateTrigger"},
};
const RouteTable routes_flows_validate = ROUTE_TABLE("Flows", rows);
