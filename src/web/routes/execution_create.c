/* SPDX-License-Identifier: Apache-2.0 */
/* POST /executions/{namespace}/{id} and its checks (spec/api.md 5.1.1). */
#include "base/clock.h"
#include "model/context.h"
#include "model/input.h"
#include "web/multipart.h"
#include "web/routes/execution_inputs.h"
#include "web/routes/execution_start.h"
#include "web/routes/query.h"
#include "web/routes/routes.h"

#define SYSTEM_LABELS "system."
#define CORRELATION   "system.correlationId"

/* [{key,value}] of the query; NULL: answered. */
static json_t *labels_of(const HttpRequest *request, HttpResponse *response)
{
    const StoreLabel *labels;
    size_t count;
    if (!query_labels(request, response, &labels, &count))
        return NULL;
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        if (starts_with(labels[i].key, SYSTEM_LABELS) && !streq(labels[i].key, CORRELATION)) {
            http_error(request, response, 422,
                       "Illegal argument: System labels can only be set by Kestra itself, offending label: %s=%s",
                       labels[i].key, labels[i].value);
            json_decref(list);
            return NULL;
        }
        json_t *label = json_object();
        json_set_text(label, "key", labels[i].key);
        json_set_text(label, "value", labels[i].value);
        json_array_append_new(list, label);
    }
    return list;
}

static int create_of(WebSession *session, const HttpRequest *request, HttpResponse *response, const char *namespace,
                     const char *flow_id)
{
    int r;
    usec_t now = clock_realtime();
    _cleanup_(flow_unrefp) Flow *flow = execution_start_flow(session, request, response, namespace, flow_id,
                                                             (int)http_query_integer(request, "revision", 0), &r);
    if (!flow)
        return trace(r);
    ExecutionStart start = {.flow = flow,
                            .correlate = true,
                            .wait = http_query_boolean(request, "wait", false),
                            .schedule_date = http_query_date(request, "scheduleDate")};
    _cleanup_json_ json_t *labels = labels_of(request, response), *given = NULL;
    if (!labels)
        return 0;
    start.labels = labels;
    char id[ID_BYTES];
    id_new(id);
    _cleanup_(execution_freep) Execution *execution = execution_start_new(&start, id, now);
    InputForm form = {.execution = execution, .declarations = flow->inputs};
    if (!execution_inputs_read(session, request, response, &form, &given))
        return 0;
    _cleanup_json_ json_t *declared = execution_inputs_declared(request, flow->inputs, given);
    r = execution_inputs_resolve(session, request, response, execution, flow, declared, given, &execution->inputs);
    if (r != 0)
        return MIN(r, 0);
    return execution_start_answer(session, request, &start, execution, now, true, response);
}

static int create(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    return create_of(session, request, response, http_parameter(request, "namespace"), http_parameter(request, "id"));
}

static int validate_of(WebSession *session, const HttpRequest *request, HttpResponse *response, const char *namespace,
                       const char *flow_id)
{
    int r;
    _cleanup_(flow_unrefp) Flow *flow = execution_start_flow(session, request, response, namespace, flow_id,
                                                             (int)http_query_integer(request, "revision", 0), &r);
    if (!flow)
        return trace(r);
    _cleanup_json_ json_t *labels = labels_of(request, response), *given = NULL;
    if (!labels)
        return 0;
    char id[ID_BYTES];
    id_new(id);
    ExecutionStart start = {.flow = flow, .labels = labels};
    _cleanup_(execution_freep) Execution *execution = execution_start_new(&start, id, clock_realtime());
    InputForm form = {.execution = execution, .declarations = flow->inputs, .check_only = true};
    if (!execution_inputs_read(session, request, response, &form, &given))
        return 0;
    _cleanup_json_ json_t *declared = execution_inputs_declared(request, flow->inputs, given);
    json_t *answer = json_object();
    json_set_text(answer, "id", flow->id);
    json_set_text(answer, "namespace", flow->namespace);
    json_object_set_new(answer, "inputs", execution_inputs_validate(session, execution, flow, declared, given));
    return http_json(response, 200, answer);
}

static int validate(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    return validate_of(session, request, response, http_parameter(request, "namespace"), http_parameter(request, "id"));
}

static const Parameter create_parameters[] = {{"labels", PARAMETER_LABELS},    {"wait", PARAMETER_BOOLEAN},
                                              {"revision", PARAMETER_INTEGER}, {"scheduleDate", PARAMETER_DATE},
                                              {"cleared", PARAMETER_TEXT},     {}};

#define EXECUTIONS "/api/v1/executions"
static const Route rows[] = {
    {HTTP_POST, EXECUTIONS "/{namespace}/{id}", create, PERMISSION_EXECUTION_WRITE, create_parameters, "create",
     "multipart/form-data"},
    {HTTP_POST, EXECUTIONS "/trigger/{namespace}/{id}", create, PERMISSION_EXECUTION_WRITE, create_parameters,
     "trigger", "multipart/form-data"},
    {HTTP_POST, EXECUTIONS "/{namespace}/{id}/validate", validate, PERMISSION_EXECUTION_WRITE, create_parameters,
     "validateInputsOnCreate", "multipart/form-data"},
};

int execution_create_named(WebSession *session, const HttpRequest *request, HttpResponse *response,
                           const char *namespace, const char *flow_id, bool check_only)
{
    if (!router_check_query(&rows[0], request, response))
        return 0;
    return check_only ? validate_of(session, request, response, namespace, flow_id)
                      : create_of(session, request, response, namespace, flow_id);
}

const RouteTable routes_execution_create = ROUTE_TABLE("Executions", rows);
