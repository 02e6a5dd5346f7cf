/* SPDX-License-Identifier: Apache-2.0 */
/* Reading metrics. */
#include <math.h>

#include "base/clock.h"
#include "store/log_store.h"
#include "store/search.h"

#define METRIC_COLUMNS "namespace, flow_id, task_id, execution_id, task_run_id, is_timer, name, value, timestamp, tags"
static const SearchSort sorts[] = {
    {"namespace", "namespace"},
    {"flowId", "flow_id"},
    {"taskId", "task_id"},
    {"executionId", "execution_id"},
    {"taskrunId", "task_run_id"},
    {"taskRunId", "task_run_id"},
    {"name", "name"},
    {"timestamp", "timestamp"},
    {"value", "value"},
    {},
};

static void add_conditions(Search *search, const MetricQuery *query)
{
    search_text(search, "execution_id = ?", query->execution_id);
    search_text(search, "task_run_id = ?", query->task_run_id);
    search_text(search, "task_id = ?", query->task_id);
    search_text(search, "namespace = ?", query->namespace);
    search_text(search, "flow_id = ?", query->flow_id);
    search_text(search, "name = ?", query->name);
    search_instant(search, "timestamp >= ?", query->start_date);
    search_instant(search, "timestamp <= ?", query->end_date);
}

static char *metric_json(const PgRows *rows, size_t i)
{
    char date[INSTANT_BYTES];
    instant_format(pg_value_instant(rows, i, 8), date);
    _cleanup_json_ json_t *body = json_object(), *tags = NULL;
    json_set_text(body, "namespace", pg_value(rows, i, 0));
    json_set_text(body, "flowId", pg_value(rows, i, 1));
    json_set_text(body, "taskId", pg_value(rows, i, 2));
    json_set_text(body, "executionId", pg_value(rows, i, 3));
    json_set_text(body, "taskRunId", pg_value(rows, i, 4));
    json_set_text(body, "type", pg_value_boolean(rows, i, 5) ? "timer" : "counter");
    json_set_text(body, "name", pg_value(rows, i, 6));
    double value = pg_value_real(rows, i, 7);
    json_object_set_new(body, "value", json_real(isfinite(value) ? value : 0)); /* JSON has no NaN */
    json_set_text(body, "timestamp", date);
    const char *text = pg_value(rows, i, 9);
    if (text && json_parse(text, strlen(text), 0, &tags, NULL) == 0)
        json_object_set(body, "tags", tags);
    json_object_set_new(body, "deleted", json_false());
    return json_text(body);
}

int store_metric_search(Pg *pg, const MetricQuery *query, StorePage *ret, Diag *diag)
{
    _cleanup_search_ Search search;
    search_init(&search, diag);
    add_conditions(&search, query);
    _cleanup_rows_ PgRows *rows = NULL;
    *ret = (StorePage){};
    SearchPage page = {
        .columns = METRIC_COLUMNS, .table = "metric", .sorts = sorts, .fallback = "timestamp", .tie = "position"};
    int r = search_page(&search, pg, &page, &query->paging, &rows, &ret->total);
    for (size_t i = 0; r == 0 && i < pg_rows_count(rows); i++)
        vec_push(&ret->bodies, metric_json(rows, i));
    return r;
}

static int distinct(Pg *pg, const MetricQuery *query, const char *column, Texts *ret)
{
    _cleanup_search_ Search search;
    search_init(&search, NULL);
    add_conditions(&search, query);
    _cleanup_free_ char *present = xasprintf("%s IS NOT NULL", column);
    search_raw(&search, present);
    _cleanup_buffer_ Buffer sql = {};
    buffer_printf(&sql, "SELECT DISTINCT %s FROM metric%s ORDER BY 1", column, buffer_text(&search.where));
    _cleanup_rows_ PgRows *rows = NULL;
    *ret = (Texts){};
    int r = fold(search_run(&search, pg, buffer_text(&sql), &rows));
    if (r == 0)
        search_take_texts(rows, ret);
    return r;
}

int store_metric_names(Pg *pg, const MetricQuery *query, Texts *ret)
{
    return distinct(pg, query, "name", ret);
}

int store_metric_tasks(Pg *pg, const MetricQuery *query, Texts *ret)
{
    return distinct(pg, query, "task_id", ret);
}

int store_metric_aggregate(Pg *pg, const MetricQuery *query, const char *aggregation, const char *bucket,
                           MetricBuckets *ret)
{
    static const char *const known[] = {"sum", "avg", "min", "max"};
    const char *function = NULL;
    for (size_t i = 0; i < ELEMENTS(known); i++)
        if (streq(known[i], aggregation))
            function = known[i];
    *ret = (MetricBuckets){};
    if (!function)
        return STORE_E_QUERY;
    _cleanup_search_ Search search;
    search_init(&search, NULL);
    add_conditions(&search, query);
    pg_add_text(search.parameters, bucket);
    _cleanup_buffer_ Buffer sql = {};
    buffer_printf(&sql, "SELECT date_trunc($%u, timestamp), %s(value) FROM metric%s GROUP BY 1 ORDER BY 1",
                  pg_parameters_count(search.parameters), function, buffer_text(&search.where));
    _cleanup_rows_ PgRows *rows = NULL;
    int r = search_run(&search, pg, buffer_text(&sql), &rows);
    for (size_t i = 0; i < pg_rows_count(rows); i++)
        vec_push(ret, (MetricBucket){.date = pg_value_instant(rows, i, 0), .value = pg_value_real(rows, i, 1)});
    return r;
}

int store_metric_delete(Pg *pg, const MetricQuery *query, uint64_t *ret_count)
{
    if (!query->execution_id && !(query->namespace && query->flow_id))
        return outage(-EINVAL);
    _cleanup_search_ Search search;
    search_init(&search, NULL);
    add_conditions(&search, query);
    _cleanup_buffer_ Buffer sql = {};
    buffer_printf(&sql, "DELETE FROM metric%s", buffer_text(&search.where));
    _cleanup_rows_ PgRows *rows = NULL;
    int r = fold(search_run(&search, pg, buffer_text(&sql), &rows));
    if (r == 0 && ret_count)
        *ret_count = pg_rows_affected(rows);
    return r;
}
