/* SPDX-License-Identifier: Apache-2.0 */
/* Counts over time for dashboards (spec/api.md 5.7). Every body field is optional; the window defaults to the last 30
 * days. */
#include "base/clock.h"
#include "web/routes/query.h"
#include "web/routes/routes.h"

#define DAY (86400 * USEC_PER_SEC)

typedef struct Window {
    json_t *body;
    usec_t start, end;
    const char *bucket;
    usec_t step; /* months and weeks by their name only: 30 and 7 days between empty buckets */
} Window;

static void window_done(Window *window)
{
    json_decref(window->body);
}
#define _cleanup_window_ _cleanup_(window_done)

static void choose_bucket(Window *window)
{
    static const struct {
        usec_t above;
        const char *bucket;
        usec_t step;
    } rows[] = {
        {366 * DAY, "month", 30 * DAY},
        {181 * DAY, "week", 7 * DAY},
        {2 * DAY, "day", DAY},
        {7 * 3600 * USEC_PER_SEC, "hour", 3600 * USEC_PER_SEC},
        {0, "minute", 60 * USEC_PER_SEC},
    };
    usec_t length = window->end - MIN(window->start, window->end);
    size_t i = 0;
    while (length < rows[i].above)
        i++;
    window->bucket = rows[i].bucket;
    window->step = rows[i].step;
}

static int scope_of(const char *text)
{
    return streq(text, "USER") ? STORE_SCOPE_USER : streq(text, "SYSTEM") ? STORE_SCOPE_SYSTEM : -1;
}

static int state_of(const char *text)
{
    return state_from_string(text);
}

/* Members of the body that narrow what is counted; one that is not understood would count everything. */
static const struct {
    const char *name;
    json_type type;
    int (*value)(const char *text); /* of each item of a list; negative: unknown */
} members[] = {
    {"q", JSON_STRING, NULL},        {"namespace", JSON_STRING, NULL}, {"flowId", JSON_STRING, NULL},
    {"scope", JSON_ARRAY, scope_of}, {"state", JSON_ARRAY, state_of},  {"flows", JSON_ARRAY, NULL},
    {"logLevel", JSON_STRING, NULL},
};

static const char *unknown_member(const json_t *body)
{
    for (size_t i = 0; i < ELEMENTS(members); i++) {
        const json_t *value = json_object_get(body, members[i].name), *item;
        size_t j;
        if (!value || json_is_null(value))
            continue;
        if (json_typeof(value) != members[i].type)
            return members[i].name;
        json_array_foreach (value, j, item)
            if (members[i].value && (!json_is_string(item) || members[i].value(json_string_value(item)) < 0))
                return members[i].name;
    }
    return NULL;
}

/* False: answered. An empty body is as good as {}. */
static bool read_window(const HttpRequest *request, HttpResponse *response, Window *ret)
{
    json_t *body = NULL;
    if (request->body_length > 0 && !query_body(request, response, &body))
        return false;
    *ret = (Window){.body = body ? body : json_object(), .end = clock_realtime()};
    const char *unknown = unknown_member(ret->body), *level = json_get_text(ret->body, "logLevel", "TRACE");
    if (!json_is_object(ret->body) || unknown || log_level_from_string(level) < 0) {
        http_error(request, response, 422, "Invalid json mapping: '%s' is not understood",
                   !json_is_object(ret->body) ? "body"
                   : unknown                  ? unknown
                                              : "logLevel");
        return false;
    }
    const char *start = json_get_text(ret->body, "startDate", NULL), *end = json_get_text(ret->body, "endDate", NULL);
    if ((end && http_parse_date(end, &ret->end) != 0) || (start && http_parse_date(start, &ret->start) != 0)) {
        http_error(request, response, 422, "Invalid json mapping");
        return false;
    }
    if (!start)
        ret->start = ret->end - MIN(30 * DAY, ret->end);
    choose_bucket(ret);
    return true;
}

static ExecutionQuery execution_query(const Window *window)
{
    const json_t *body = window->body;
    ExecutionQuery query = {.q = json_get_text(body, "q", NULL),
                            .namespace = json_get_text(body, "namespace", NULL),
                            .flow_id = json_get_text(body, "flowId", NULL),
                            .start_date = window->start,
                            .now = clock_realtime()};
    size_t i;
    const json_t *item;
    unsigned scopes = 0;
    json_array_foreach (json_object_get(body, "scope"), i, item)
        scopes |= 1u << scope_of(json_string_value(item));
    if (scopes == 1u << STORE_SCOPE_USER || scopes == 1u << STORE_SCOPE_SYSTEM)
        query.scope = scopes == 1u << STORE_SCOPE_USER ? STORE_SCOPE_USER : STORE_SCOPE_SYSTEM;
    json_array_foreach (json_object_get(body, "state"), i, item)
        query.states |= UINT32_C(1) << state_of(json_string_value(item));
    return query;
}

/* The states that are always there, zero or not. New. */
static json_t *zero_counts(void)
{
    static const State shown[] = {STATE_CREATED, STATE_RUNNING, STATE_RESTARTED, STATE_KILLING,
                                  STATE_SUCCESS, STATE_WARNING, STATE_FAILED,    STATE_KILLED,
                                  STATE_PAUSED,  STATE_QUEUED,  STATE_CANCELLED};
    json_t *counts = json_object();
    for (size_t i = 0; i < ELEMENTS(shown); i++)
        json_object_set_new(counts, state_to_string(shown[i]), json_integer(0));
    return counts;
}

typedef struct Durations {
    int64_t count;
    usec_t min, max, sum;
} Durations;

static void add_duration(json_t *object, const char *name, usec_t duration)
{
    char text[DURATION_BYTES];
    duration_format(duration, text);
    json_set_text(object, name, text);
}

static json_t *encode_durations(const Durations *durations)
{
    json_t *object = json_object();
    if (durations->count > 0) {
        add_duration(object, "min", durations->min);
        add_duration(object, "avg", durations->sum / (usec_t)durations->count);
        add_duration(object, "max", durations->max);
        add_duration(object, "sum", durations->sum);
    }
    json_object_set_new(object, "count", json_integer(durations->count));
    return object;
}

/* The bucket that begins at date, made of all its rows. */
static json_t *encode_bucket(const Window *window, usec_t date, const ExecutionCounts *rows, size_t from, size_t to)
{
    json_t *bucket = json_object(), *counts = zero_counts();
    Durations durations = {};
    for (size_t i = from; i < to; i++) {
        const ExecutionCount *row = &rows->items[i];
        const char *state = state_to_string(row->state);
        json_object_set_new(counts, state, json_integer(json_get_integer(counts, state, 0) + row->count));
        durations.min = durations.count == 0 ? row->duration_min : MIN(durations.min, row->duration_min);
        durations.max = MAX(durations.max, row->duration_max);
        durations.sum += row->duration_sum;
        durations.count += row->count;
    }
    json_object_set_new(bucket, "startDate", http_date_value(date));
    json_object_set_new(bucket, "duration", encode_durations(&durations));
    json_object_set_new(bucket, "executionCounts", counts);
    json_set_text(bucket, "groupBy", window->bucket);
    return bucket;
}

static int compare_counts(const void *a, const void *b)
{
    const ExecutionCount *first = a, *second = b;
    return first->date != second->date ? (first->date < second->date ? -1 : 1) : (int)first->state - (int)second->state;
}

/* One entry a step of the window, the last one holding its end; empty ones where nothing happened. */
static json_t *encode_buckets(const Window *window, ExecutionCounts *rows)
{
    json_t *list = json_array();
    size_t next = 0;
    if (rows->count > 0)
        qsort(rows->items, rows->count, sizeof(*rows->items), compare_counts);
    for (usec_t date = window->start; date < window->end + window->step; date += window->step) {
        size_t from = next;
        while (next < rows->count && rows->items[next].date < date + window->step &&
               rows->items[next].date <= window->end &&
               (next == from || rows->items[next].date == rows->items[from].date))
            next++;
        json_array_append_new(list,
                              encode_bucket(window, next > from ? rows->items[from].date : date, rows, from, next));
    }
    return list;
}

int stats_executions_by_day(WebSession *session, usec_t start, json_t **ret)
{
    usec_t now = clock_realtime();
    Window window = {.start = start, .end = now - now % DAY, .bucket = "day", .step = DAY};
    _cleanup_execution_counts_ ExecutionCounts rows = {};
    ExecutionQuery query = execution_query(&window);
    int r = fold(store_execution_counts(session->pg, &query, 0, window.bucket, &rows, NULL));
    if (r == 0)
        *ret = encode_buckets(&window, &rows);
    return r;
}

static int executions_daily(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    _cleanup_window_ Window window = {};
    _cleanup_execution_counts_ ExecutionCounts rows = {};
    _cleanup_diag_ Diag diag = DIAG_INIT;
    if (!read_window(request, response, &window))
        return 0;
    ExecutionQuery query = execution_query(&window);
    int r = store_execution_counts(session->pg, &query, 0, window.bucket, &rows, &diag);
    return r != 0 ? query_refused(request, response, r, &diag)
                  : http_json(response, 200, encode_buckets(&window, &rows));
}

/* "namespace/id" of the body's `flows`. */
static void read_flows(const json_t *body, Texts *ret)
{
    size_t i;
    const json_t *item;
    json_array_foreach (json_object_get(body, "flows"), i, item)
        vec_push(ret, xasprintf("%s/%s", json_get_text(item, "namespace", ""), json_get_text(item, "id", "")));
}

/* {namespace: {flow: [bucket, …]}}; "*" for the flow when only namespaces are told apart. rows: by namespace, then
 * flow. */
static json_t *encode_groups(const Window *window, ExecutionCounts *rows)
{
    json_t *answer = json_object();
    for (size_t from = 0, to; from < rows->count; from = to) {
        const ExecutionCount *first = &rows->items[from];
        const char *flow = first->flow_id ? first->flow_id : "*";
        for (to = from + 1; to < rows->count && streq(rows->items[to].namespace, first->namespace) &&
                            streq(rows->items[to].flow_id ? rows->items[to].flow_id : "*", flow);)
            to++;
        json_t *group = json_object_get(answer, first->namespace);
        if (!group)
            json_object_set_new(answer, first->namespace, group = json_object());
        /* Sorting the buckets moves rows of this group only; the key is copied first. */
        _cleanup_free_ char *key = xstrdup(flow);
        ExecutionCounts part = {.items = rows->items + from, .count = to - from};
        json_object_set_new(group, key, encode_buckets(window, &part));
    }
    return answer;
}

static int executions_by_flow(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    _cleanup_window_ Window window = {};
    _cleanup_execution_counts_ ExecutionCounts rows = {};
    _cleanup_texts_ Texts flows = {};
    _cleanup_diag_ Diag diag = DIAG_INIT;
    if (!read_window(request, response, &window))
        return 0;
    ExecutionQuery query = execution_query(&window);
    read_flows(window.body, &flows);
    query.flows = (const char *const *)flows.items;
    query.flow_count = flows.count;
    unsigned group = json_get_boolean(window.body, "namespaceOnly", false) ? COUNT_BY_NAMESPACE : COUNT_BY_FLOW;
    int r = store_execution_counts(session->pg, &query, group, window.bucket, &rows, &diag);
    return r != 0 ? query_refused(request, response, r, &diag)
                  : http_json(response, 200, encode_groups(&window, &rows));
}

static int latest_by_flow(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    _cleanup_json_ json_t *body = NULL;
    _cleanup_texts_ Texts flows = {}, ids = {};
    if (!query_body(request, response, &body))
        return 0;
    read_flows(body, &flows);
    int r = store_execution_latest(session->pg, (const char *const *)flows.items, flows.count, &ids);
    buffer_append_char(&response->body, '[');
    for (size_t i = 0, written = 0; r >= 0 && i < ids.count; i++) {
        size_t before = response->body.length;
        if (written > 0)
            buffer_append_char(&response->body, ',');
        r = store_execution_write(session->pg, ids.items[i], &RESPONSE_SINK(response));
        if (r == STORE_E_NONE)
            response->body.length = before; /* deleted meanwhile */
        written += r == 0;
    }
    buffer_append(&response->body, "]");
    return r < 0 ? trace(r) : http_spilled(response, 200, "application/json");
}

/* {namespace: {counts: {STATE: n}, total: n}} */
static int executions_by_namespace(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    _cleanup_window_ Window window = {};
    _cleanup_execution_counts_ ExecutionCounts rows = {};
    _cleanup_diag_ Diag diag = DIAG_INIT;
    if (!read_window(request, response, &window))
        return 0;
    ExecutionQuery query = execution_query(&window);
    query.namespace_exact = true;
    int r = store_execution_counts(session->pg, &query, COUNT_BY_NAMESPACE, NULL, &rows, &diag);
    if (r != 0)
        return query_refused(request, response, r, &diag);
    json_t *answer = json_object();
    for (size_t i = 0; i < rows.count; i++) {
        const ExecutionCount *row = &rows.items[i];
        json_t *group = json_object_get(answer, row->namespace);
        if (!group) {
            group = json_object();
            json_object_set_new(group, "counts", zero_counts());
            json_object_set_new(answer, row->namespace, group);
        }
        json_object_set_new(json_object_get(group, "counts"), state_to_string(row->state), json_integer(row->count));
        json_object_set_new(group, "total", json_integer(json_get_integer(group, "total", 0) + row->count));
    }
    return http_json(response, 200, answer);
}

/* How many flows, and how many triggers they have. */
static int summary(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    _cleanup_window_ Window window = {};
    _cleanup_flow_records_ FlowRecords flows = {};
    if (!read_window(request, response, &window))
        return 0;
    int r = store_flow_list(session->pg, json_get_text(window.body, "namespace", NULL), false, &flows);
    if (r != 0)
        return fold(r);
    size_t triggers = 0;
    for (size_t i = 0; i < flows.count; i++) {
        _cleanup_json_ json_t *body = NULL;
        if (json_parse(flows.items[i].body, strlen(flows.items[i].body), 0, &body, NULL) == 0)
            triggers += json_array_size(json_object_get(body, "triggers"));
    }
    json_t *answer = json_object();
    json_object_set_new(answer, "flows", json_integer((json_int_t)flows.count));
    json_object_set_new(answer, "triggers", json_integer((json_int_t)triggers));
    return http_json(response, 200, answer);
}

static json_t *encode_log_bucket(const Window *window, usec_t date, const LogCounts *rows, size_t from, size_t to)
{
    json_t *bucket = json_object(), *counts = json_object();
    for (int level = LOG_LEVEL_TRACE; level <= LOG_LEVEL_ERROR; level++)
        json_object_set_new(counts, log_level_to_string(level), json_integer(0));
    for (size_t i = from; i < to; i++)
        json_object_set_new(counts, log_level_to_string(rows->items[i].level), json_integer(rows->items[i].count));
    json_object_set_new(bucket, "timestamp", http_date_value(date));
    json_object_set_new(bucket, "counts", counts);
    json_set_text(bucket, "groupBy", window->bucket);
    return bucket;
}

static int compare_log_counts(const void *a, const void *b)
{
    const LogCount *first = a, *second = b;
    return first->date != second->date ? (first->date < second->date ? -1 : 1) : first->level - second->level;
}

static int logs_daily(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    _cleanup_window_ Window window = {};
    _cleanup_diag_ Diag diag = DIAG_INIT;
    LogCounts rows = {};
    if (!read_window(request, response, &window))
        return 0;
    int level = log_level_from_string(json_get_text(window.body, "logLevel", "TRACE"));
    LogQuery query = {.q = json_get_text(window.body, "q", NULL),
                      .namespace = json_get_text(window.body, "namespace", NULL),
                      .flow_id = json_get_text(window.body, "flowId", NULL),
                      .attempt = LOG_ANY_ATTEMPT,
                      .level_min = MAX(level, LOG_LEVEL_TRACE),
                      .start_date = window.start,
                      .end_date = window.end,
                      .now = clock_realtime()};
    int r = store_log_counts(session->pg, &query, window.bucket, &rows, &diag);
    if (r != 0)
        return query_refused(request, response, r, &diag);
    json_t *list = json_array();
    size_t next = 0;
    if (rows.count > 0)
        qsort(rows.items, rows.count, sizeof(*rows.items), compare_log_counts);
    for (usec_t date = window.start; date < window.end; date += window.step) {
        size_t from = next;
        while (next < rows.count && rows.items[next].date < date + window.step &&
               (next == from || rows.items[next].date == rows.items[from].date))
            next++;
        json_array_append_new(
            list, encode_log_bucket(&window, next > from ? rows.items[from].date : date, &rows, from, next));
    }
    vec_free(&rows);
    return http_json(response, 200, list);
}

#define STATS "/api/v1/stats"
static const Route rows_of_stats[] = {
    {HTTP_POST, STATS "/summary", summary, PERMISSION_FLOW_READ, NULL, "summary"},
    {HTTP_POST, STATS "/executions/daily", executions_daily, PERMISSION_EXECUTION_READ, NULL, "dailyStatistics"},
    {HTTP_POST, STATS "/executions/daily/group-by-flow", executions_by_flow, PERMISSION_EXECUTION_READ, NULL,
     "dailyStatisticsGroupByFlow"},
    {HTTP_POST, STATS "/executions/latest/group-by-flow", latest_by_flow, PERMISSION_EXECUTION_READ, NULL,
     "lastExecutions"},
    {HTTP_POST, STATS "/executions/daily/group-by-namespace", executions_by_namespace, PERMISSION_EXECUTION_READ, NULL,
     "dailyStatisticsGroupByNamespace"},
    {HTTP_POST, STATS "/logs/daily", logs_daily, PERMISSION_LOG_READ, NULL, "logsDailyStatistics"},
};
const RouteTable routes_stats = ROUTE_TABLE("Stats", rows_of_stats);
