/* SPDX-License-Identifier: Apache-2.0 */
/* Logs and metrics (spec/api.md 5.5, 5.6). */
#include "base/clock.h"
#include "web/routes/execution_common.h"
#include "web/routes/query.h"
#include "web/routes/routes.h"

/* taskId wins over taskRunId (with attempt), which wins over the whole execution. */
static LogQuery execution_query(const HttpRequest *request)
{
    const char *level = http_query(request, "minLevel"), *task = http_query(request, "taskId");
    const char *run = http_query(request, "taskRunId");
    LogQuery query = {.execution_id = http_parameter(request, "executionId"),
                      .attempt = LOG_ANY_ATTEMPT,
                      .level_min = level && *level ? log_level_from_string(level) : LOG_LEVEL_TRACE};
    if (task && *task) {
        query.task_id = task;
    } else if (run && *run) {
        query.task_run_id = run;
        query.attempt = (int)http_query_integer(request, "attempt", LOG_ANY_ATTEMPT);
    }
    return query;
}

static int search(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    LogQuery query;
    _cleanup_page_ StorePage page = {};
    _cleanup_diag_ Diag diag = DIAG_INIT;
    if (!query_logs(request, response, &query))
        return 0;
    int r = store_log_search(session->pg, &query, &page, &diag);
    return r != 0 ? query_refused(request, response, r, &diag) : query_page(response, &page);
}

static int list(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    LogQuery query = execution_query(request);
    int r = store_log_write_list(session->pg, &query, &RESPONSE_SINK(response));
    return r < 0 ? trace(r) : http_spilled(response, 200, "application/json");
}

static int download(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    LogQuery query = execution_query(request);
    int r = store_log_write_lines(session->pg, &query, &RESPONSE_SINK(response));
    if (r < 0)
        return trace(r);
    http_attachment(request, response, arena_printf(request->arena, "%s.log", query.execution_id));
    return http_spilled(response, 200, "text/plain");
}

/* Read before the log: what an execution says is committed with its end at the latest. */
static int has_ended(WebSession *session, const char *execution_id, bool *ret)
{
    State state;
    int r = store_execution_state(session->pg, execution_id, &state);
    *ret = r == 0 ? state_is_terminated(state) : true;
    return r == STORE_E_NONE ? 0 : r;
}

/* In a handler thread: what was committed since the last look. */
static int look(Follow *follow, WebSession *session, Buffer *text, bool *ret_end)
{
    LogQuery query = {.execution_id = follow->execution_id, .attempt = LOG_ANY_ATTEMPT, .level_min = follow->level};
    _cleanup_page_ StorePage page = {};
    char *cursor = NULL;
    *ret_end = false;
    int r = follow->until_end ? has_ended(session, follow->execution_id, ret_end) : 0;
    if (r == 0)
        r = store_log_after(session->pg, &query, follow->cursor, &page, &cursor);
    if (r != 0)
        return fold(r);
    for (size_t i = 0; i < page.bodies.count; i++)
        follow_event(text, "progress", page.bodies.items[i]);
    if (*ret_end)
        follow_event(text, "end", "{}");
    free(follow->cursor);
    follow->cursor = cursor;
    return 0;
}

static int follow(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    const char *id = http_parameter(request, "executionId"), *level = http_query(request, "minLevel");
    bool until_end = http_query_boolean(request, "untilEnd", false);
    State state;
    if (strlen(id) >= ID_BYTES)
        return http_not_found(request, response);
    int r = store_execution_state(session->pg, id, &state);
    if (r == STORE_E_NONE && until_end)
        return http_not_found(request, response); /* its end would never come */
    if (r == 0 && !state_is_terminated(state)) {
        _cleanup_(unit_freep) Unit *unit = unit_new();
        execution_follow_event(session, unit, id);
        r = execution_commit(session, unit);
    }
    if (r < 0)
        return trace(r);
    response->follow = follow_new(id, true, look);
    response->follow->level = level && *level ? log_level_from_string(level) : LOG_LEVEL_TRACE;
    response->follow->until_end = until_end;
    return 0;
}

static int delete_of_execution(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    LogQuery query = execution_query(request);
    const char *run = http_query(request, "taskRunId");
    uint64_t count;
    query.task_run_id = run && *run ? run : NULL;
    query.attempt = (int)http_query_integer(request, "attempt", LOG_ANY_ATTEMPT);
    int r = store_log_delete(session->pg, &query, &count);
    return r != 0 ? fold(r) : http_empty(response, 200);
}

static int delete_of_flow(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    LogQuery query = {.namespace = http_parameter(request, "namespace"),
                      .namespace_exact = true,
                      .flow_id = http_parameter(request, "flowId"),
                      .trigger_id = http_query(request, "triggerId"),
                      .attempt = LOG_ANY_ATTEMPT};
    uint64_t count;
    int r = store_log_delete(session->pg, &query, &count);
    return r != 0 ? fold(r) : http_empty(response, 200);
}

/* --- metrics --- */

static int list_metrics(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    const char *task = http_query(request, "taskId"), *run = http_query(request, "taskRunId");
    MetricQuery query = {.execution_id = http_parameter(request, "executionId"), .paging = query_paging(request)};
    if (task && *task)
        query.task_id = task;
    else if (run && *run)
        query.task_run_id = run;
    _cleanup_page_ StorePage page = {};
    _cleanup_diag_ Diag diag = DIAG_INIT;
    int r = store_metric_search(session->pg, &query, &page, &diag);
    return r != 0 ? query_refused(request, response, r, &diag) : query_page(response, &page);
}

static MetricQuery flow_metrics(const HttpRequest *request)
{
    const char *task = http_parameter(request, "taskId"), *name = http_parameter(request, "metric");
    return (MetricQuery){.namespace = http_parameter(request, "namespace"),
                         .flow_id = http_parameter(request, "flowId"),
                         .task_id = *task ? task : NULL,
                         .name = *name ? name : NULL};
}

static int answer_texts(HttpResponse *response, const Texts *texts)
{
    json_t *list = json_array();
    for (size_t i = 0; i < texts->count; i++)
        json_array_append_new(list, json_string(texts->items[i]));
    return http_json(response, 200, list);
}

static int list_metric_names(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    MetricQuery query = flow_metrics(request);
    _cleanup_texts_ Texts names = {};
    int r = store_metric_names(session->pg, &query, &names);
    return r != 0 ? fold(r) : answer_texts(response, &names);
}

static int list_metric_tasks(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    MetricQuery query = flow_metrics(request);
    _cleanup_texts_ Texts tasks = {};
    int r = store_metric_tasks(session->pg, &query, &tasks);
    return r != 0 ? fold(r) : answer_texts(response, &tasks);
}

/* Windows as spec/api.md 5.7. */
static const char *bucket_of(usec_t length)
{
    static const struct {
        usec_t above;
        const char *bucket;
    } rows[] = {
        {365 * 86400 * USEC_PER_SEC, "month"},
        {180 * 86400 * USEC_PER_SEC, "week"},
        {2 * 86400 * USEC_PER_SEC, "day"},
        {7 * 3600 * USEC_PER_SEC, "hour"},
    };
    for (size_t i = 0; i < ELEMENTS(rows); i++)
        if (length >= rows[i].above)
            return rows[i].bucket;
    return "minute";
}

static int aggregate_metric(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    const char *aggregation = http_query(request, "aggregation");
    MetricQuery query = flow_metrics(request);
    MetricBuckets buckets = {};
    query.end_date = http_query_date(request, "endDate");
    query.end_date = query.end_date ? query.end_date : clock_realtime();
    query.start_date = http_query_date(request, "startDate");
    query.start_date = query.start_date ? query.start_date : query.end_date - 30 * 86400 * USEC_PER_SEC;
    aggregation = aggregation && *aggregation ? aggregation : "sum";
    const char *bucket = bucket_of(query.end_date - MIN(query.start_date, query.end_date));
    int r = store_metric_aggregate(session->pg, &query, aggregation, bucket, &buckets);
    if (r == STORE_E_QUERY)
        return http_error(request, response, 422, "Illegal argument: Unknown aggregation: %s", aggregation);
    if (r != 0)
        return fold(r);
    json_t *answer = json_object(), *list = json_array();
    for (size_t i = 0; i < buckets.count; i++) {
        json_t *entry = json_object();
        json_set_text(entry, "name", query.name);
        json_object_set_new(entry, "value", json_real(buckets.items[i].value));
        json_object_set_new(entry, "date", http_date_value(buckets.items[i].date));
        json_array_append_new(list, entry);
    }
    vec_free(&buckets);
    json_set_text(answer, "groupBy", bucket);
    json_object_set_new(answer, "aggregations", list);
    return http_json(response, 200, answer);
}

static const Parameter search_parameters[] = {PAGE_PARAMETERS,
                                              {"q", PARAMETER_TEXT},
                                              {"namespace", PARAMETER_TEXT},
                                              {"flowId", PARAMETER_TEXT},
                                              {"triggerId", PARAMETER_TEXT},
                                              {"minLevel", PARAMETER_LEVEL},
                                              {"startDate", PARAMETER_DATE},
                                              {"endDate", PARAMETER_DATE},
                                              {"timeRange", PARAMETER_DURATION},
                                              {"executionId", PARAMETER_TEXT},
                                              {"taskId", PARAMETER_TEXT},
                                              {"filters", PARAMETER_FILTERS},
                                              {}};
static const Parameter log_parameters[] = {{"minLevel", PARAMETER_LEVEL},
                                           {"taskRunId", PARAMETER_TEXT},
                                           {"taskId", PARAMETER_TEXT},
                                           {"attempt", PARAMETER_INTEGER},
                                           {}};
static const Parameter follow_parameters[] = {{"minLevel", PARAMETER_LEVEL}, {"untilEnd", PARAMETER_BOOLEAN}, {}};
static const Parameter trigger_parameters[] = {{"triggerId", PARAMETER_TEXT}, {}};
static const Parameter metric_parameters[] = {
    PAGE_PARAMETERS, {"taskRunId", PARAMETER_TEXT}, {"taskId", PARAMETER_TEXT}, {}};
static const Parameter aggregate_parameters[] = {
    {"startDate", PARAMETER_DATE}, {"endDate", PARAMETER_DATE}, {"aggregation", PARAMETER_TEXT}, {}};

#define LOGS    "/api/v1/logs"
#define METRICS "/api/v1/metrics"
static const Route rows[] = {
    {HTTP_GET, LOGS "/search", search, PERMISSION_LOG_READ, search_parameters, "find"},
    {HTTP_GET, LOGS "/{executionId}", list, PERMISSION_LOG_READ, log_parameters, "findByExecution"},
    {HTTP_GET, LOGS "/{executionId}/download", download, PERMISSION_LOG_READ, log_parameters, "download", NULL,
     "text/plain"},
    {HTTP_GET, LOGS "/{executionId}/follow", follow, PERMISSION_LOG_READ, follow_parameters, "followLogs", NULL,
     "text/event-stream"},
    {HTTP_DELETE, LOGS "/{executionId}", delete_of_execution, PERMISSION_LOG_WRITE, log_parameters, "deleteLogs"},
    {HTTP_DELETE, LOGS "/{namespace}/{flowId}", delete_of_flow, PERMISSION_LOG_WRITE, trigger_parameters,
     "deleteFlowLogs"},
    {HTTP_GET, METRICS "/{executionId}", list_metrics, PERMISSION_LOG_READ, metric_parameters,
     "findByExecutionMetrics"},
    {HTTP_GET, METRICS "/names/{namespace}/{flowId}", list_metric_names, PERMISSION_LOG_READ, NULL, "listFlowMetrics"},
    {HTTP_GET, METRICS "/names/{namespace}/{flowId}/{taskId}", list_metric_names, PERMISSION_LOG_READ, NULL,
     "listTaskMetrics"},
    {HTTP_GET, METRICS "/tasks/{namespace}/{flowId}", list_metric_tasks, PERMISSION_LOG_READ, NULL,
     "listTasksWithMetrics"},
    {HTTP_GET, METRICS "/aggregates/{namespace}/{flowId}/{metric}", aggregate_metric, PERMISSION_LOG_READ,
     aggregate_parameters, "aggregateMetricsByFlow"},
    {HTTP_GET, METRICS "/aggregates/{namespace}/{flowId}/{taskId}/{metric}", aggregate_metric, PERMISSION_LOG_READ,
     aggregate_parameters, "aggregateMetricsByTask"},
};
const RouteTable routes_logs = ROUTE_TABLE("Logs and metrics", rows);
