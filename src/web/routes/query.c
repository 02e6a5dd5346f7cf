/* SPDX-License-Identifier: Apache-2.0 */
/* The router has checked each parameter by itself; here they become the store's queries. */
#include "web/routes/query.h"

#include "base/clock.h"
#include "when/duration.h"

#define PAGE_SIZE      10
#define BODY_BYTES_MAX ((size_t)8 * 1024 * 1024)

StorePaging query_paging(const HttpRequest *request)
{
    StorePaging paging = {.page = (unsigned)http_query_integer(request, "page", 1),
                          .size = (unsigned)http_query_integer(request, "size", PAGE_SIZE)};
    _cleanup_json_ json_t *sorts = http_query_list(request, "sort", true);
    size_t count = json_array_size(sorts), i;
    const char **texts = arena_new_n(request->arena, const char *, count + 1);
    const json_t *sort;
    json_array_foreach (sorts, i, sort)
        texts[i] = arena_strdup(request->arena, json_string_value(sort));
    paging.sorts = texts;
    paging.sort_count = count;
    return paging;
}

StoreScope query_scope(const HttpRequest *request)
{
    _cleanup_json_ json_t *scopes = http_query_list(request, "scope", true);
    bool user = false, system = false;
    size_t i;
    const json_t *scope;
    json_array_foreach (scopes, i, scope) {
        user |= streq(json_string_value(scope), "USER");
        system |= streq(json_string_value(scope), "SYSTEM");
    }
    return user == system ? STORE_SCOPE_ALL : user ? STORE_SCOPE_USER : STORE_SCOPE_SYSTEM;
}

/* Text between the next pair of brackets of *at, which moves behind it; NULL when there is none. */
static const char *next_bracket(Arena *arena, const char **at)
{
    if (**at != '[')
        return NULL;
    size_t length = strcspn(*at + 1, "]");
    if ((*at)[length + 1] != ']')
        return NULL;
    const char *text = arena_strndup(arena, *at + 1, length);
    *at += length + 2;
    return text;
}

const StoreFilter *query_filters(const HttpRequest *request, size_t *ret_count)
{
    static const char prefix[] = "filters";
    StoreFilter *filters = arena_new_n(request->arena, StoreFilter, request->query.count + 1);
    *ret_count = 0;
    for (size_t i = 0; i < request->query.count; i++) {
        const HttpField *field = &request->query.items[i];
        if (!starts_with(field->name, prefix))
            continue;
        const char *at = field->name + sizeof(prefix) - 1;
        StoreFilter filter = {.field = next_bracket(request->arena, &at), .value = field->value};
        filter.op = filter.field ? next_bracket(request->arena, &at) : NULL;
        filter.key = filter.op ? next_bracket(request->arena, &at) : NULL;
        filters[(*ret_count)++] = filter;
    }
    return filters;
}

bool query_labels(const HttpRequest *request, HttpResponse *response, const StoreLabel **ret, size_t *ret_count)
{
    _cleanup_json_ json_t *values = http_query_list(request, "labels", false);
    StoreLabel *labels = arena_new_n(request->arena, StoreLabel, json_array_size(values) + 1);
    size_t count = 0, i;
    const json_t *item;
    json_array_foreach (values, i, item) {
        const char *value = json_string_value(item);
        if (!*value)
            continue;
        size_t key = strcspn(value, ": ");
        const char *colon = strchr(value, ':');
        const char *text = colon ? colon + 1 : value + key;
        text += strspn(text, " ");
        size_t length = strlen(text);
        while (length > 0 && text[length - 1] == ' ')
            length--;
        labels[count].key = arena_strndup(request->arena, value, key);
        labels[count].value = arena_strndup(request->arena, text, length);
        for (size_t j = 0; j < count; j++)
            if (streq(labels[j].key, labels[count].key)) {
                http_error(request, response, 409,
                           "Illegal state: Duplicate key %s (attempted merging values %s and %s)", labels[j].key,
                           labels[j].value, labels[count].value);
                return false;
            }
        count++;
    }
    *ret = labels;
    *ret_count = count;
    return true;
}

bool query_dates(const HttpRequest *request, HttpResponse *response, usec_t *ret_start, usec_t *ret_end)
{
    const char *range = http_query(request, "timeRange");
    usec_t start = http_query_date(request, "startDate"), end = http_query_date(request, "endDate"), duration = 0;
    if (range && *range && start != 0) {
        http_error(request, response, 422,
                   "Illegal argument: Parameters 'startDate' and 'timeRange' are mutually exclusive");
        return false;
    }
    if (range && *range && duration_parse(*range == '-' ? range + 1 : range, &duration) == 0)
        start = clock_realtime() - MIN(duration, clock_realtime());
    if (start != 0 && end != 0 && start > end) {
        http_error(request, response, 422, "Illegal argument: Start date must be before End Date");
        return false;
    }
    *ret_start = start;
    *ret_end = end;
    return true;
}

static uint32_t query_states(const HttpRequest *request)
{
    _cleanup_json_ json_t *states = http_query_list(request, "state", true);
    uint32_t bits = 0;
    size_t i;
    const json_t *state;
    json_array_foreach (states, i, state)
        bits |= UINT32_C(1) << state_from_string(json_string_value(state));
    return bits;
}

/* NULL for an empty parameter. */
static const char *text_or_null(const HttpRequest *request, const char *name)
{
    const char *text = http_query(request, name);
    return text && *text ? text : NULL;
}

bool query_executions(const WebSession *session, const HttpRequest *request, HttpResponse *response, bool paged,
                      ExecutionQuery *ret)
{
    const char *child = text_or_null(request, "childFilter");
    ExecutionQuery query = {
        .q = text_or_null(request, "q"),
        .scope = query_scope(request),
        .system_namespace = session->settings->system_namespace,
        .namespace = text_or_null(request, "namespace"),
        .flow_id = text_or_null(request, "flowId"),
        .states = query_states(request),
        .trigger_execution_id = text_or_null(request, "triggerExecutionId"),
        .child_filter = !child                  ? CHILD_FILTER_ANY
                        : streq(child, "CHILD") ? CHILD_FILTER_CHILD
                                                : CHILD_FILTER_MAIN,
        .now = clock_realtime(),
    };
    if (!query_labels(request, response, &query.labels, &query.label_count) ||
        !query_dates(request, response, &query.start_date, &query.end_date))
        return false;
    query.filters = query_filters(request, &query.filter_count);
    if (paged)
        query.paging = query_paging(request);
    *ret = query;
    return true;
}

bool query_flows(const WebSession *session, const HttpRequest *request, HttpResponse *response, bool paged,
                 FlowQuery *ret)
{
    FlowQuery query = {
        .q = text_or_null(request, "q"),
        .scope = query_scope(request),
        .system_namespace = session->settings->system_namespace,
        .namespace = text_or_null(request, "namespace"),
    };
    if (!query_labels(request, response, &query.labels, &query.label_count))
        return false;
    query.filters = query_filters(request, &query.filter_count);
    if (paged)
        query.paging = query_paging(request);
    *ret = query;
    return true;
}

bool query_logs(const HttpRequest *request, HttpResponse *response, LogQuery *ret)
{
    const char *level = text_or_null(request, "minLevel");
    LogQuery query = {
        .q = text_or_null(request, "q"),
        .namespace = text_or_null(request, "namespace"),
        .flow_id = text_or_null(request, "flowId"),
        .trigger_id = text_or_null(request, "triggerId"),
        .execution_id = text_or_null(request, "executionId"),
        .task_id = text_or_null(request, "taskId"),
        .attempt = LOG_ANY_ATTEMPT,
        .level_min = level ? log_level_from_string(level) : LOG_LEVEL_TRACE,
        .now = clock_realtime(),
        .paging = query_paging(request),
    };
    query.filters = query_filters(request, &query.filter_count);
    if (!query_dates(request, response, &query.start_date, &query.end_date))
        return false;
    *ret = query;
    return true;
}

int query_refused(const HttpRequest *request, HttpResponse *response, int r, const Diag *diag)
{
    if (r == STORE_E_QUERY)
        return http_error(request, response, 422, "Illegal argument: %s", diag_first(diag));
    return fold(r);
}

int query_spill(void *response, Buffer *text)
{
    return trace(http_spill(response));
}

int query_page(HttpResponse *response, const StorePage *page)
{
    response->status = 200;
    response->content_type = "application/json";
    store_page_json(page, &response->body);
    return 0;
}

bool query_body(const HttpRequest *request, HttpResponse *response, json_t **ret)
{
    _cleanup_diag_ Diag diag = DIAG_INIT;
    if (request->body_length == 0)
        http_error(request, response, 422, "Invalid route params: Required Body [body] not specified");
    else if (json_parse(request->body, request->body_length, BODY_BYTES_MAX, ret, &diag) != 0)
        http_error(request, response, 422, "Invalid json: %s", diag_first(&diag));
    else
        return true;
    return false;
}

int query_count(HttpResponse *response, size_t count)
{
    json_t *answer = json_object();
    json_object_set_new(answer, "count", json_integer((json_int_t)count));
    return http_json(response, 200, answer);
}
