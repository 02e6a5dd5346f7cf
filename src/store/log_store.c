/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading logs. A follower's cursor is a snapshot of the database: what is not visible in it has been committed since,
 * in whatever order. A position in a sequence would not do: numbers are drawn before the commit, and a reader that asks
 * for "greater than the last" skips a transaction that drew early and committed late.
 */
#include "store/log_store.h"

#include "base/clock.h"
#include "store/search.h"

#define LOG_COLUMNS                                                                                                    \
    "namespace, flow_id, task_id, execution_id, task_run_id, attempt, trigger_id, timestamp, level, thread, message"
#define LOG_WORDS                                                                                                      \
    "kestra_words(concat_ws(' ', namespace, flow_id, task_id, execution_id, task_run_id, trigger_id, message, "        \
    "thread))"
static const SearchField filter_fields[] = {
    {"q", SEARCH_WORDS, LOG_WORDS},
    {"namespace", SEARCH_TEXT, "namespace"},
    {"flowId", SEARCH_TEXT, "flow_id"},
    {"triggerId", SEARCH_TEXT, "trigger_id"},
    {"executionId", SEARCH_TEXT, "execution_id"},
    {"taskId", SEARCH_TEXT, "task_id"},
    {"taskRunId", SEARCH_TEXT, "task_run_id"},
    {"level", SEARCH_LEVEL, "level"},
    {"minLevel", SEARCH_LEVEL_MIN, "level"},
    {"startDate", SEARCH_INSTANT, "timestamp"},
    {"endDate", SEARCH_INSTANT, "timestamp"},
    {"timeRange", SEARCH_RANGE, "timestamp"},
    {},
};
static const SearchSort sorts[] = {
    {"timestamp", "timestamp"},   {"level", "level"},          {"namespace", "namespace"},
    {"flowId", "flow_id"},        {"taskId", "task_id"},       {"executionId", "execution_id"},
    {"taskRunId", "task_run_id"}, {"triggerId", "trigger_id"}, {},
};

/* An execution's lines are not older than it is: keeps the reader out of older partitions. One day of grace for clocks.
 */
#define SINCE_EXECUTION                                                                                                \
    "timestamp >= coalesce((SELECT start_date - interval '1 day' FROM execution WHERE id = ?), '-infinity')"

static void add_conditions(Search *search, const LogQuery *query)
{
    search->now = query->now;
    search_text(search, "execution_id = ?", query->execution_id);
    search_text(search, SINCE_EXECUTION, query->execution_id);
    search_text(search, "task_run_id = ?", query->task_run_id);
    search_text(search, "task_id = ?", query->task_id);
    search_text(search, "trigger_id = ?", query->trigger_id);
    if (query->attempt != LOG_ANY_ATTEMPT)
        search_integer(search, "coalesce(attempt, -1) = ?", query->attempt);
    if (query->level_min > LOG_LEVEL_TRACE)
        search_integer(search, "level >= ?", query->level_min);
    search_words(search, LOG_WORDS, query->q);
    search_namespace(search, query->namespace, query->namespace_exact);
    search_text(search, "flow_id = ?", query->flow_id);
    search_instant(search, "timestamp >= ?", query->start_date);
    search_instant(search, "timestamp <= ?", query->end_date);
    search_filters(search, filter_fields, query->filters, query->filter_count);
}

static void append_member(Buffer *text, const char *name, const char *value)
{
    if (!value)
        return;
    buffer_append(text, name);
    buffer_append_json(text, value);
}

static void append_entry(Buffer *text, const PgRows *rows, size_t i)
{
    char date[INSTANT_BYTES];
    instant_format(pg_value_instant(rows, i, 7), date);
    buffer_append(text, "{\"namespace\":");
    buffer_append_json(text, pg_value(rows, i, 0));
    append_member(text, ",\"flowId\":", pg_value(rows, i, 1));
    append_member(text, ",\"taskId\":", pg_value(rows, i, 2));
    append_member(text, ",\"executionId\":", pg_value(rows, i, 3));
    append_member(text, ",\"taskRunId\":", pg_value(rows, i, 4));
    const char *attempt = pg_value(rows, i, 5);
    buffer_append(text, ",\"attemptNumber\":");
    buffer_append(text, attempt ? attempt : "null");
    append_member(text, ",\"triggerId\":", pg_value(rows, i, 6));
    buffer_append(text, ",\"timestamp\":\"");
    buffer_append(text, date);
    buffer_append_char(text, '"');
    append_member(text, ",\"level\":", log_level_to_string((int)pg_value_integer(rows, i, 8)));
    append_member(text, ",\"thread\":", pg_value(rows, i, 9));
    append_member(text, ",\"message\":", pg_value(rows, i, 10));
    buffer_append(text, ",\"deleted\":false}");
}

static char *entry_json(const PgRows *rows, size_t i)
{
    Buffer text = {};
    append_entry(&text, rows, i);
    return buffer_take(&text);
}

static void append_line(Buffer *text, const PgRows *rows, size_t i)
{
    char date[INSTANT_BYTES];
    instant_format(pg_value_instant(rows, i, 7), date);
    const char *level = log_level_to_string((int)pg_value_integer(rows, i, 8)), *message = pg_value(rows, i, 10);
    buffer_append(text, date);
    buffer_append_char(text, ' ');
    buffer_append(text, level ? level : "");
    buffer_append_char(text, ' ');
    buffer_append(text, message ? message : "");
}

static void take_entries(const PgRows *rows, StorePage *ret)
{
    for (size_t i = 0; i < pg_rows_count(rows); i++)
        vec_push(&ret->bodies, entry_json(rows, i));
}

int store_log_search(Pg *pg, const LogQuery *query, StorePage *ret, Diag *diag)
{
    _cleanup_search_ Search search;
    search_init(&search, diag);
    add_conditions(&search, query);
    _cleanup_rows_ PgRows *rows = NULL;
    *ret = (StorePage){};
    SearchPage page = {.columns = LOG_COLUMNS,
                       .table = "log",
                       .sorts = sorts,
                       .fallback = query->execution_id ? "timestamp" : "timestamp DESC",
                       .tie = "position"};
    int r = search_page(&search, pg, &page, &query->paging, &rows, &ret->total);
    if (r == 0)
        take_entries(rows, ret);
    return r;
}

typedef struct LogWriting {
    const StoreSink *sink;
    char between;
    bool begun;
    void (*append)(Buffer *text, const PgRows *rows, size_t i);
} LogWriting;

static int write_entry(void *userdata, const PgRows *row)
{
    LogWriting *writing = userdata;
    if (writing->begun)
        buffer_append_char(writing->sink->text, writing->between);
    writing->begun = true;
    writing->append(writing->sink->text, row, 0);
    return store_sink_check(writing->sink);
}

static int write_entries(Pg *pg, const LogQuery *query, LogWriting *writing)
{
    _cleanup_search_ Search search;
    search_init(&search, NULL);
    add_conditions(&search, query);
    _cleanup_buffer_ Buffer sql = {};
    buffer_printf(&sql, "SELECT " LOG_COLUMNS " FROM log%s ORDER BY timestamp, position", buffer_text(&search.where));
    return fold(search_stream(&search, pg, buffer_text(&sql), write_entry, writing));
}

int store_log_write_list(Pg *pg, const LogQuery *query, const StoreSink *sink)
{
    LogWriting writing = {.sink = sink, .between = ',', .append = append_entry};
    buffer_append_char(sink->text, '[');
    int r = write_entries(pg, query, &writing);
    buffer_append_char(sink->text, ']');
    return r;
}

int store_log_write_lines(Pg *pg, const LogQuery *query, const StoreSink *sink)
{
    LogWriting writing = {.sink = sink, .between = '\n', .append = append_line};
    return write_entries(pg, query, &writing);
}

/* The snapshot of the statement itself is the next cursor: one row more that always comes, marked by a NULL level. */
int store_log_after(Pg *pg, const LogQuery *query, const char *cursor, StorePage *ret, char **ret_cursor)
{
    _cleanup_search_ Search search;
    search_init(&search, NULL);
    add_conditions(&search, query);
    if (cursor && *cursor) {
        /* The first condition is the index range, the second is exact. */
        search_text(&search, "transaction >= pg_snapshot_xmin(?::pg_snapshot)", cursor);
        search_text(&search, "NOT pg_visible_in_snapshot(transaction, ?::pg_snapshot)", cursor);
    }
    _cleanup_buffer_ Buffer sql = {};
    buffer_printf(&sql,
                  "SELECT " LOG_COLUMNS
                  ", position, NULL::text FROM log%s UNION ALL SELECT '', '', '', '', '', NULL, '',"
                  " NULL, NULL, '', '', NULL, pg_current_snapshot()::text ORDER BY timestamp, position",
                  buffer_text(&search.where));
    _cleanup_rows_ PgRows *rows = NULL;
    int r = fold(search_run(&search, pg, buffer_text(&sql), &rows));
    if (r < 0)
        return r;
    *ret = (StorePage){};
    for (size_t i = 0; i < pg_rows_count(rows); i++) {
        const char *snapshot = pg_value(rows, i, 12);
        if (snapshot)
            *ret_cursor = xstrdup(snapshot);
        else
            vec_push(&ret->bodies, entry_json(rows, i));
    }
    return 0;
}

int store_log_delete(Pg *pg, const LogQuery *query, uint64_t *ret_count)
{
    if (!query->execution_id && !(query->namespace && query->flow_id) && !query->end_date)
        return outage(-EINVAL);
    _cleanup_search_ Search search;
    search_init(&search, NULL);
    add_conditions(&search, query);
    _cleanup_buffer_ Buffer sql = {};
    if (query->paging.size > 0)
        buffer_printf(&sql, "DELETE FROM log WHERE (tableoid, ctid) IN (SELECT tableoid, ctid FROM log%s LIMIT %u)",
                      buffer_text(&search.where), query->paging.size);
    else
        buffer_printf(&sql, "DELETE FROM log%s", buffer_text(&search.where));
    _cleanup_rows_ PgRows *rows = NULL;
    int r = fold(search_run(&search, pg, buffer_text(&sql), &rows));
    if (r == 0 && ret_count)
        *ret_count = pg_rows_affected(rows);
    return r;
}

int store_log_counts(Pg *pg, const LogQuery *query, const char *bucket, LogCounts *ret, Diag *diag)
{
    _cleanup_search_ Search search;
    search_init(&search, diag);
    add_conditions(&search, query);
    pg_add_text(search.parameters, bucket);
    _cleanup_buffer_ Buffer sql = {};
    buffer_printf(&sql, "SELECT date_trunc($%u, timestamp), level, count(*) FROM log%s GROUP BY 1, 2 ORDER BY 1, 2",
                  pg_parameters_count(search.parameters), buffer_text(&search.where));
    _cleanup_rows_ PgRows *rows = NULL;
    *ret = (LogCounts){};
    int r = search_run(&search, pg, buffer_text(&sql), &rows);
    for (size_t i = 0; i < pg_rows_count(rows); i++)
        vec_push(ret, (LogCount){.date = pg_value_instant(rows, i, 0),
                                 .level = (int)pg_value_integer(rows, i, 1),
                                 .count = pg_value_integer(rows, i, 2)});
    return r;
}
