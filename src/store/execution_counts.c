/* SPDX-License-Identifier: Apache-2.0 */
/* Counts of executions by state, group and time, for dashboards. */
#include "store/execution_search.h"

void execution_counts_done(ExecutionCounts *counts)
{
    for (size_t i = 0; i < counts->count; i++) {
        free(counts->items[i].namespace);
        free(counts->items[i].flow_id);
    }
    vec_free(counts);
}

/* Text of date_trunc's first argument; NULL for an unknown bucket. */
static const char *bucket_sql(const char *bucket)
{
    static const struct {
        const char *name, *sql;
    } buckets[] = {
        {"month", "date_trunc('month', start_date)"},   {"week", "date_trunc('week', start_date)"},
        {"day", "date_trunc('day', start_date)"},       {"hour", "date_trunc('hour', start_date)"},
        {"minute", "date_trunc('minute', start_date)"},
    };
    for (size_t i = 0; bucket && i < ELEMENTS(buckets); i++)
        if (streq(buckets[i].name, bucket))
            return buckets[i].sql;
    return bucket ? NULL : "NULL::timestamptz";
}

static ExecutionCount read_count(const PgRows *rows, size_t i)
{
    return (ExecutionCount){.namespace = xstrdup_null(pg_value(rows, i, 0)),
                            .flow_id = xstrdup_null(pg_value(rows, i, 1)),
                            .date = pg_value_instant(rows, i, 2),
                            .state = state_from_string(pg_value(rows, i, 3)),
                            .count = pg_value_integer(rows, i, 4),
                            .duration_min = (usec_t)pg_value_integer(rows, i, 5),
                            .duration_max = (usec_t)pg_value_integer(rows, i, 6),
                            .duration_sum = (usec_t)pg_value_integer(rows, i, 7)};
}

int store_execution_counts(Pg *pg, const ExecutionQuery *query, unsigned group, const char *bucket,
                           ExecutionCounts *ret, Diag *diag)
{
    const char *date = bucket_sql(bucket);
    *ret = (ExecutionCounts){};
    if (!date)
        return STORE_E_QUERY;
    _cleanup_search_ Search search;
    search_init(&search, diag);
    execution_search_conditions(&search, query);
    bool by_flow = group & COUNT_BY_FLOW, by_namespace = by_flow || group & COUNT_BY_NAMESPACE;
    _cleanup_buffer_ Buffer sql = {};
    buffer_printf(&sql,
                  "SELECT %s, %s, %s, state, count(*), min(duration_usec), max(duration_usec), sum(duration_usec)"
                  " FROM execution%s GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4",
                  by_namespace ? "namespace" : "NULL::text", by_flow ? "flow_id" : "NULL::text", date,
                  buffer_text(&search.where));
    _cleanup_rows_ PgRows *rows = NULL;
    int r = search_run(&search, pg, buffer_text(&sql), &rows);
    for (size_t i = 0; i < pg_rows_count(rows); i++)
        vec_push(ret, read_count(rows, i));
    return r;
}
