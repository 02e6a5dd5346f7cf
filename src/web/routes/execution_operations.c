/* SPDX-License-Identifier: Apache-2.0 */
/* What people do to one execution (spec/api.md 5.1, semantics section 9); to many at once: execution_bulk.c. */
#include "base/clock.h"
#include "web/routes/execution_common.h"
#include "web/routes/execution_inputs.h"
#include "web/routes/execution_start.h"
#include "web/routes/query.h"
#include "web/routes/routes.h"

/* One operation under way: the row as it was, the copy it is tried on. */
typedef struct Attempt {
    WebSession *session;
    const HttpRequest *request;
    HttpResponse *response;
    Execution *execution;
    char *before; /* version of its rows */
    Diag diag;
    Operation operation;
} Attempt;

static void attempt_done(Attempt *attempt)
{
    execution_free(attempt->execution);
    free(attempt->before);
    diag_done(&attempt->diag);
}
#define _cleanup_attempt_ _cleanup_(attempt_done)

/* No such execution: "/{executionId}/pause" may also be flow `pause` of a namespace that is to be started, and
 * "/{executionId}/resume/validate" the check of such a start. */
static int start_instead(Attempt *attempt)
{
    static const char check[] = "/validate";
    const HttpRequest *request = attempt->request;
    const char *namespace = http_parameter(request, "executionId");
    bool check_only = ends_with(request->path, check);
    size_t length = strlen(request->path) - (check_only ? sizeof(check) - 1 : 0);
    const char *path = arena_strndup(request->arena, request->path, length), *verb = strrchr(path, '/') + 1;
    _cleanup_flow_record_ FlowRecord record = {};
    int r = request->method == HTTP_POST ? store_flow_get(attempt->session->pg, namespace, verb, 0, false, &record)
                                         : STORE_E_NONE;
    if (r != 0)
        return r == STORE_E_NONE ? http_not_found(request, attempt->response) : fold(r);
    return execution_create_named(attempt->session, request, attempt->response, namespace, verb, check_only);
}

/* False: answered, or an outage in *ret_r. */
static bool attempt_begin(Attempt *attempt, int *ret_r)
{
    const char *id = http_parameter(attempt->request, "executionId");
    attempt->operation = (Operation){.now = clock_realtime(), .diag = &attempt->diag};
    State state;
    int r = store_execution_version(attempt->session->pg, id, &state, &attempt->before);
    if (r == 0)
        r = execution_fetch(attempt->session, id, &attempt->execution);
    *ret_r = r < 0 ? r : 0;
    if (r == STORE_E_NONE)
        *ret_r = start_instead(attempt);
    return r == 0;
}

/* Sends the event; the answer waits until the row shows it. */
static int attempt_send(Attempt *attempt, EventKind kind, json_t *body)
{
    int r = execution_send(attempt->session, attempt->execution->id, kind, body);
    if (r == 0)
        execution_await_change(attempt->response, attempt->execution->id, attempt->before);
    return trace(r);
}

/* The outcome of trying it on the copy, then the event; the answer is the copy. */
static int attempt_finish(Attempt *attempt, int r, EventKind kind, json_t *body)
{
    if (r != 0) {
        json_decref(body);
        return execution_refused(attempt->request, attempt->response, r, &attempt->diag);
    }
    r = attempt_send(attempt, kind, body);
    if (r < 0)
        return trace(r);
    return http_json(attempt->response, 200, execution_answer(attempt->execution, attempt->operation.now));
}

#define ATTEMPT_INIT                                                                                                   \
    {                                                                                                                  \
        .session = session, .request = request, .response = response                                                   \
    }

/* Stores an execution that was made from another one, with its task runs, and answers with it. */
static int store_copy(Attempt *attempt, Execution *copy)
{
    _cleanup_(unit_freep) Unit *unit = unit_new();
    usec_t now = attempt->operation.now;
    unit_create_execution(unit, copy, now);
    for (size_t i = 0; i < copy->task_runs.count; i++)
        unit_save_task_run(unit, copy, copy->task_runs.items[i], now);
    int r = execution_commit(attempt->session, unit);
    if (r < 0)
        return trace(r);
    json_t *answer = execution_answer(copy, now);
    if (copy->task_runs.count == 0)
        json_object_set_new(answer, "taskRunList", json_array());
    return http_json(attempt->response, 200, answer);
}

/* The flow of the new execution; NULL: answered or *ret_r. */
static Flow *flow_of_copy(Attempt *attempt, int64_t revision, int *ret_r)
{
    const Execution *from = attempt->execution;
    Flow *flow = NULL;
    int r = flow_cache_get(attempt->session->flows, attempt->session->pg, from->namespace, from->flow_id,
                           revision ? (int)revision : from->flow_revision, &flow);
    *ret_r = r < 0 ? r : 0;
    if (r > 0)
        http_not_found(attempt->request, attempt->response);
    return flow;
}

static int restart(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    int r;
    _cleanup_attempt_ Attempt attempt = ATTEMPT_INIT;
    int64_t revision = http_query_integer(request, "revision", 0);
    if (!attempt_begin(&attempt, &r))
        return trace(r);
    if (revision == 0)
        return attempt_finish(&attempt, operation_restart(&attempt.operation, attempt.execution), EVENT_RESTART,
                              json_object());
    _cleanup_(flow_unrefp) Flow *flow = flow_of_copy(&attempt, revision, &r);
    _cleanup_(execution_freep) Execution *copy = NULL;
    if (!flow)
        return trace(r);
    r = operation_restart_as(&attempt.operation, attempt.execution, flow, (int)revision, &copy);
    return r != 0 ? execution_refused(request, response, r, &attempt.diag) : store_copy(&attempt, copy);
}

static int replay(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    int r;
    _cleanup_attempt_ Attempt attempt = ATTEMPT_INIT;
    int64_t revision = http_query_integer(request, "revision", 0);
    if (!attempt_begin(&attempt, &r))
        return trace(r);
    _cleanup_(flow_unrefp) Flow *flow = flow_of_copy(&attempt, revision, &r);
    _cleanup_(execution_freep) Execution *copy = NULL;
    if (!flow)
        return trace(r);
    const char *run = http_query(request, "taskRunId");
    r = operation_replay(&attempt.operation, attempt.execution, flow, run && *run ? run : NULL, (int)revision, &copy);
    return r != 0 ? execution_refused(request, response, r, &attempt.diag) : store_copy(&attempt, copy);
}

static int kill_one(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    int r;
    _cleanup_attempt_ Attempt attempt = ATTEMPT_INIT;
    bool cascade = http_query_boolean(request, "isOnKillCascade", true);
    if (!attempt_begin(&attempt, &r))
        return r < 0 ? trace(r) : http_empty(response, 404);
    bool ended = state_is_terminated(state_current(&attempt.execution->state));
    if (ended && !cascade)
        return http_error(request, response, 409, "Illegal state: Execution is already finished, can't kill it");
    json_t *body = json_object();
    json_object_set_new(body, "cascade", json_boolean(cascade));
    r = execution_send(session, attempt.execution->id, EVENT_KILL, body);
    if (r == 0 && !ended)
        execution_await_change(response, attempt.execution->id, attempt.before);
    return r < 0 ? trace(r) : http_empty(response, 202);
}

static int pause_one(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    int r;
    _cleanup_attempt_ Attempt attempt = ATTEMPT_INIT;
    if (!attempt_begin(&attempt, &r))
        return trace(r);
    r = operation_pause(&attempt.operation, attempt.execution);
    if (r > 0)
        return http_error(request, response, 422, "Illegal argument: %s", diag_first(&attempt.diag));
    if (r == 0)
        r = attempt_send(&attempt, EVENT_PAUSE, json_object());
    return r < 0 ? trace(r) : http_empty(response, 200);
}

/* The declaration list of the first paused task, or NULL. */
static const json_t *on_resume_inputs(const Execution *execution)
{
    for (size_t i = 0; i < execution->task_runs.count; i++) {
        const TaskRun *run = execution->task_runs.items[i];
        if (state_current(&run->state) == STATE_PAUSED && run->task)
            return json_object_get(run->task->properties, "onResume");
    }
    return NULL;
}

static int refuse_not_paused(const Attempt *attempt)
{
    return http_error(attempt->request, attempt->response, 409,
                      "Illegal state: Execution '%s' is not paused, can't resume it", attempt->execution->id);
}

static int resume(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    int r;
    _cleanup_attempt_ Attempt attempt = ATTEMPT_INIT;
    _cleanup_json_ json_t *given = NULL, *inputs = NULL;
    if (!attempt_begin(&attempt, &r))
        return trace(r);
    Execution *execution = attempt.execution;
    if (state_current(&execution->state) != STATE_PAUSED)
        return refuse_not_paused(&attempt);
    const json_t *declarations = on_resume_inputs(execution);
    InputForm form = {.execution = execution, .declarations = declarations};
    if (!execution_inputs_read(session, request, response, &form, &given))
        return 0;
    r = declarations ? execution_inputs_resolve(session, request, response, execution, execution->flow, declarations,
                                                given, &inputs)
                     : 0;
    if (r != 0)
        return MIN(r, 0);
    if (!execution_inputs_fit(session, request, response, inputs))
        return 0;
    r = operation_resume(&attempt.operation, execution, inputs);
    if (r != 0)
        return execution_refused(request, response, r, &attempt.diag);
    json_t *body = json_object();
    json_set_present(body, "inputs", json_incref(inputs));
    r = attempt_send(&attempt, EVENT_RESUME, body);
    return r < 0 ? trace(r) : http_empty(response, 204);
}

static int validate_resume(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    int r;
    _cleanup_attempt_ Attempt attempt = ATTEMPT_INIT;
    _cleanup_json_ json_t *given = NULL;
    if (!attempt_begin(&attempt, &r))
        return trace(r);
    Execution *execution = attempt.execution;
    if (state_current(&execution->state) != STATE_PAUSED)
        return refuse_not_paused(&attempt);
    InputForm form = {.execution = execution, .declarations = on_resume_inputs(execution), .check_only = true};
    if (!execution_inputs_read(session, request, response, &form, &given))
        return 0;
    json_t *answer = json_object();
    json_set_text(answer, "id", execution->flow_id);
    json_set_text(answer, "namespace", execution->namespace);
    json_object_set_new(
        answer, "inputs",
        execution_inputs_validate(session, execution, execution->flow, on_resume_inputs(execution), given));
    return http_json(response, 200, answer);
}

static int change_status(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    int r;
    _cleanup_attempt_ Attempt attempt = ATTEMPT_INIT;
    const char *status = http_query(request, "status");
    if (!attempt_begin(&attempt, &r))
        return trace(r);
    if (!status || !*status)
        return http_reason(request, response, 400, "Required QueryValue [status] not specified");
    State state = state_from_string(status);
    if (!state_is_terminated(state))
        return http_error(request, response, 422,
                          "Illegal argument: You can only change the state to a terminated state.");
    if (!state_is_terminated(state_current(&attempt.execution->state)))
        return http_error(request, response, 422,
                          "Illegal argument: You can only change the state of a terminated execution.");
    json_t *body = json_object();
    json_set_text(body, "state", status);
    return attempt_finish(&attempt, operation_change_status(&attempt.operation, attempt.execution, state),
                          EVENT_CHANGE_STATUS, body);
}

static int set_state(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    int r;
    _cleanup_attempt_ Attempt attempt = ATTEMPT_INIT;
    _cleanup_json_ json_t *wanted = NULL;
    if (!attempt_begin(&attempt, &r))
        return trace(r);
    if (!query_body(request, response, &wanted))
        return 0;
    const char *run = json_get_text(wanted, "taskRunId", NULL);
    State state = state_from_string(json_get_text(wanted, "state", NULL));
    if (!run || state < 0)
        return http_error(request, response, 422, "Illegal argument: taskRunId and a valid state are needed");
    json_t *body = json_object();
    json_set_text(body, "taskRunId", run);
    json_set_text(body, "state", state_to_string(state));
    return attempt_finish(&attempt, operation_mark_as(&attempt.operation, attempt.execution, run, state), EVENT_MARK_AS,
                          body);
}

static int unqueue(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    int r;
    _cleanup_attempt_ Attempt attempt = ATTEMPT_INIT;
    if (!attempt_begin(&attempt, &r))
        return trace(r);
    r = operation_unqueue(&attempt.operation, attempt.execution);
    if (r > 0)
        return http_error(request, response, 422, "Illegal argument: %s", diag_first(&attempt.diag));
    return attempt_finish(&attempt, r, EVENT_UNQUEUE, json_object());
}

static int force_run(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    int r;
    _cleanup_attempt_ Attempt attempt = ATTEMPT_INIT;
    if (!attempt_begin(&attempt, &r))
        return trace(r);
    if (state_is_terminated(state_current(&attempt.execution->state)))
        return http_error(request, response, 422,
                          "Illegal argument: Only non terminated executions can be forced to run, current state is: %s",
                          state_to_string(state_current(&attempt.execution->state)));
    return attempt_finish(&attempt, operation_force_run(&attempt.operation, attempt.execution), EVENT_FORCE_RUN,
                          json_object());
}

/* NULL: answered. */
static json_t *read_labels(const Attempt *attempt)
{
    _cleanup_json_ json_t *given = NULL;
    return query_body(attempt->request, attempt->response, &given)
               ? execution_labels_read(attempt->request, attempt->response, given, attempt->execution->labels)
               : NULL;
}

static int set_labels(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    int r;
    _cleanup_attempt_ Attempt attempt = ATTEMPT_INIT;
    if (!attempt_begin(&attempt, &r))
        return trace(r);
    if (!state_is_terminated(state_current(&attempt.execution->state)))
        return http_text(response, 400, "text/plain", "The execution is not terminated");
    json_t *labels = read_labels(&attempt);
    if (!labels)
        return 0;
    _cleanup_json_ json_t *before = labels_merge(attempt.execution->labels, NULL);
    operation_set_labels(attempt.execution, labels);
    json_t *body = json_object();
    json_object_set_new(body, "labels", labels);
    if (!json_equal(before, attempt.execution->labels))
        return attempt_finish(&attempt, 0, EVENT_LABELS, body);
    json_decref(body);
    return http_json(response, 200, execution_answer(attempt.execution, attempt.operation.now));
}

static int delete (WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    const char *id = http_parameter(request, "executionId");
    State state;
    int r = store_execution_state(session->pg, id, &state);
    if (r != 0)
        return r == STORE_E_NONE ? http_not_found(request, response) : fold(r);
    json_t *body = json_object();
    json_object_set_new(body, "logs", json_boolean(http_query_boolean(request, "deleteLogs", true)));
    json_object_set_new(body, "metrics", json_boolean(http_query_boolean(request, "deleteMetrics", true)));
    json_object_set_new(body, "storage", json_boolean(http_query_boolean(request, "deleteStorage", true)));
    r = execution_send(session, id, EVENT_DELETE, body);
    if (r == 0)
        execution_await_gone(response, &id, 1);
    return r < 0 ? trace(r) : http_empty(response, 204);
}

static const Parameter revision_parameters[] = {{"revision", PARAMETER_INTEGER}, {}};
static const Parameter replay_parameters[] = {{"revision", PARAMETER_INTEGER}, {"taskRunId", PARAMETER_TEXT}, {}};
static const Parameter kill_parameters[] = {{"isOnKillCascade", PARAMETER_BOOLEAN}, {}};
static const Parameter status_parameters[] = {{"status", PARAMETER_STATE}, {}};
static const Parameter delete_parameters[] = {
    {"deleteLogs", PARAMETER_BOOLEAN}, {"deleteMetrics", PARAMETER_BOOLEAN}, {"deleteStorage", PARAMETER_BOOLEAN}, {}};

#define ONE       "/api/v1/executions/{executionId}"
#define WRITE     PERMISSION_EXECUTION_WRITE
#define MULTIPART "multipart/form-data"
/* No body is read; named so that a flow with id "pause" is started at /{namespace}/pause by a form without a look at
 * the executions. */
#define JSON "application/json"
static const Route rows[] = {
    {HTTP_DELETE, ONE, delete, WRITE, delete_parameters, "delete"},
    {HTTP_POST, ONE "/restart", restart, WRITE, revision_parameters, "restart", JSON},
    {HTTP_POST, ONE "/replay", replay, WRITE, replay_parameters, "replay", JSON},
    {HTTP_POST, ONE "/state", set_state, WRITE, NULL, "changeState", "application/json"},
    {HTTP_POST, ONE "/change-status", change_status, WRITE, status_parameters, "changeStatus", JSON},
    {HTTP_DELETE, ONE "/kill", kill_one, WRITE, kill_parameters, "kill", NULL, "text/json"},
    {HTTP_POST, ONE "/resume", resume, WRITE, NULL, "resume", MULTIPART},
    {HTTP_POST, ONE "/resume/validate", validate_resume, WRITE, NULL, "validateInputsOnResume", MULTIPART},
    {HTTP_POST, ONE "/pause", pause_one, WRITE, NULL, "pause", JSON},
    {HTTP_POST, ONE "/labels", set_labels, WRITE, NULL, "setLabels", "application/json"},
    {HTTP_POST, ONE "/unqueue", unqueue, WRITE, NULL, "unqueue", JSON},
    {HTTP_POST, ONE "/force-run", force_run, WRITE, NULL, "forceRun", JSON},
};
const RouteTable routes_execution_operations = ROUTE_TABLE("Executions", rows);
