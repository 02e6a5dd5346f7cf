/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An execution's JSON is put together from rows as text: the body, and into it taskRunList with the bodies of its task
 * runs by position. Nothing is parsed on the way to the client, so that the cost of reading is that of the bytes, and
 * rows are taken as they come, so that what is held of an execution with very many task runs is a piece.
 */
#include "store/execution_store.h"

#include "store/execution_search.h"

/* Primary keys. The execution comes first, then its task runs, all of one snapshot. */
static const PgStatement sql_get = {
    "execution_get",
    "SELECT position, body FROM (SELECT -1 AS position, body FROM execution WHERE id = $1"
    " UNION ALL SELECT position, body FROM task_run WHERE execution_id = $1) AS part ORDER BY position"};
/* Changes with every commit that touches a row of the execution: each gives its rows a higher xmin. */
static const PgStatement sql_version = {
    "execution_version", "SELECT state, concat_ws('/', xmin, (SELECT concat(count(*), '/', sum(xmin::text::bigint))"
                         " FROM task_run WHERE execution_id = $1)) FROM execution WHERE id = $1"};
static const PgStatement sql_state = {"execution_state", "SELECT state FROM execution WHERE id = $1"};
static const PgStatement sql_heads = {
    "execution_heads",
    "SELECT e.id, e.namespace, e.flow_id, e.flow_revision, e.state FROM unnest($1::text[])"
    " WITH ORDINALITY AS given (id, place) JOIN execution e ON e.id = given.id ORDER BY given.place"};

/* Index execution_flow; names have no slash. */
static const PgStatement sql_latest = {
    "execution_latest",
    "SELECT latest.id FROM unnest($1::text[]) WITH ORDINALITY AS given (flow, place), LATERAL (SELECT id FROM execution"
    " WHERE namespace = split_part(flow, '/', 1) AND flow_id = split_part(flow, '/', 2) AND end_date IS NOT NULL"
    " ORDER BY end_date DESC, id LIMIT 1) AS latest ORDER BY place"};

static const PgStatement sql_subflow_outputs = {
    "execution_subflow_outputs",
    "SELECT e.internal -> 'subflowOutputs', e.internal ->> 'successor' FROM unnest($1::text[])"
    " WITH ORDINALITY AS given (id, place) LEFT JOIN execution e ON e.id = given.id ORDER BY given.place"};

/* Executions on their way to a sink. The body is an object's text with at least one member; the list goes before its
 * last brace, which is held back until the last task run has come. */
typedef struct Writing {
    const StoreSink *sink;
    bool begun, listing;
} Writing;

static int write_body(Writing *writing, const char *body, size_t length)
{
    buffer_append_n(writing->sink->text, body, length - 1);
    writing->begun = true;
    writing->listing = false;
    return store_sink_check(writing->sink);
}

static int write_task_run(Writing *writing, const char *body, size_t length)
{
    buffer_append(writing->sink->text, writing->listing ? "," : ",\"taskRunList\":[");
    buffer_append_n(writing->sink->text, body, length);
    writing->listing = true;
    return store_sink_check(writing->sink);
}

static void write_end(const Writing *writing)
{
    buffer_append(writing->sink->text, writing->listing ? "]}" : "}");
}

static int run_by_id(Pg *pg, const PgStatement *statement, const char *id, PgRows **ret)
{
    _cleanup_(pg_parameters_freep) PgParameters *parameters = pg_parameters_new();
    pg_add_text(parameters, id);
    PgRows *rows = NULL;
    int r = fold(pg_run(pg, statement, parameters, &rows));
    if (r == 0 && pg_rows_count(rows) == 0) {
        pg_rows_free(rows);
        return STORE_E_NONE;
    }
    *ret = rows;
    return r;
}

static int write_part(void *userdata, const PgRows *row)
{
    Writing *writing = userdata;
    const char *body = pg_value(row, 0, 1);
    size_t length = pg_value_length(row, 0, 1);
    if (pg_value_integer(row, 0, 0) < 0)
        return write_body(writing, body, length);
    return writing->begun ? write_task_run(writing, body, length) : 0;
}

int store_execution_write(Pg *pg, const char *id, const StoreSink *sink)
{
    Writing writing = {.sink = sink};
    _cleanup_(pg_parameters_freep) PgParameters *parameters = pg_parameters_new();
    pg_add_text(parameters, id);
    int r = fold(pg_stream(pg, &sql_get, parameters, write_part, &writing));
    if (r < 0)
        return r;
    if (!writing.begun)
        return STORE_E_NONE;
    write_end(&writing);
    return 0;
}

int store_execution_get(Pg *pg, const char *id, char **ret_json)
{
    _cleanup_buffer_ Buffer text = {};
    int r = store_execution_write(pg, id, &(StoreSink){.text = &text});
    if (r == 0)
        *ret_json = buffer_take(&text);
    return r;
}

int store_execution_version(Pg *pg, const char *id, State *ret_state, char **ret_version)
{
    _cleanup_rows_ PgRows *rows = NULL;
    int r = run_by_id(pg, &sql_version, id, &rows);
    if (r != 0)
        return r;
    *ret_state = state_from_string(pg_value(rows, 0, 0));
    *ret_version = xstrdup(pg_value(rows, 0, 1));
    return 0;
}

int store_execution_state(Pg *pg, const char *id, State *ret)
{
    _cleanup_rows_ PgRows *rows = NULL;
    int r = run_by_id(pg, &sql_state, id, &rows);
    if (r == 0)
        *ret = state_from_string(pg_value(rows, 0, 0));
    return r;
}

int store_execution_load(Pg *pg, const char *id, Execution **ret)
{
    _cleanup_free_ char *text = NULL;
    int r = store_execution_get(pg, id, &text);
    if (r != 0)
        return r;
    _cleanup_json_ json_t *document = NULL;
    _cleanup_(execution_freep) Execution *execution = NULL;
    r = json_parse(text, strlen(text), SIZE_MAX, &document, NULL);
    if (r == 0)
        r = execution_decode(document, &execution, NULL);
    size_t i;
    json_t *body;
    json_array_foreach (json_object_get(document, "taskRunList"), i, body) {
        TaskRun *task_run;
        if (r == 0)
            r = task_run_decode(execution, body, NULL, &task_run, NULL);
        if (r == 0)
            task_run->position = (unsigned)i;
    }
    if (r == 0)
        *ret = TAKE_PTR(execution);
    return fold(r);
}

/* --- search --- */

#define EXECUTION_WORDS "kestra_words(namespace || ' ' || flow_id || ' ' || id)"
static const SearchField filter_fields[] = {
    {"q", SEARCH_WORDS, EXECUTION_WORDS},
    {"namespace", SEARCH_TEXT, "namespace"},
    {"flowId", SEARCH_TEXT, "flow_id"},
    {"id", SEARCH_TEXT, "id"},
    {"state", SEARCH_STATE, "state"},
    {"labels", SEARCH_LABELS, "labels"},
    {"startDate", SEARCH_INSTANT, "start_date"},
    {"endDate", SEARCH_INSTANT, "end_date"},
    {"timeRange", SEARCH_RANGE, "start_date"},
    {"scope", SEARCH_SCOPE, "namespace"},
    {"triggerExecutionId", SEARCH_TEXT, "parent_execution_id"},
    {"childFilter", SEARCH_CHILD, "parent_execution_id"},
    {},
};
static const SearchSort sorts[] = {
    {"id", "id"},
    {"state.startDate", "start_date"},
    {"state.endDate", "end_date"},
    {"state.duration", "duration_usec"},
    {"namespace", "namespace"},
    {"flowId", "flow_id"},
    {"state.current", "state"},
    {},
};
/* Newest first; the tie-breaker makes pages disjoint. */
#define FALLBACK "start_date DESC"
#define TIE      "id"

void execution_search_conditions(Search *search, const ExecutionQuery *query)
{
    if (query->system_namespace)
        search->system_namespace = query->system_namespace;
    search->now = query->now;
    search_words(search, EXECUTION_WORDS, query->q);
    search_scope(search, query->scope);
    search_namespace(search, query->namespace, query->namespace_exact || query->flow_id);
    search_text(search, "flow_id = ?", query->flow_id);
    if (query->flow_count)
        search_texts(search, "namespace || '/' || flow_id = ANY (?)", query->flows, query->flow_count);
    search_instant(search, "start_date >= ?", query->start_date);
    search_instant(search, "end_date <= ?", query->end_date);
    if (query->states) {
        const char *states[_STATE_MAX];
        size_t count = 0;
        for (unsigned state = 0; state < _STATE_MAX; state++)
            if (query->states >> state & 1)
                states[count++] = state_to_string((State)state);
        search_texts(search, "state = ANY (?)", states, count);
    }
    search_labels(search, query->labels, query->label_count);
    search_text(search, "parent_execution_id = ?", query->trigger_execution_id);
    if (query->child_filter != CHILD_FILTER_ANY)
        search_raw(search, query->child_filter == CHILD_FILTER_CHILD ? "parent_execution_id IS NOT NULL"
                                                                     : "parent_execution_id IS NULL");
    search_filters(search, filter_fields, query->filters, query->filter_count);
}

/* Task runs of a page, ids in its order; one statement. OFFSET 0 keeps the inner query as it is, one look into the
 * primary key for each id: as a plain join it is a scan of all task runs once executions with very many make the
 * average high. */
static const PgStatement sql_task_runs = {
    "execution_task_runs", "SELECT e.place, t.body FROM unnest($1::text[]) WITH ORDINALITY AS e (id, place)"
                           " CROSS JOIN LATERAL (SELECT position, body FROM task_run WHERE execution_id = e.id OFFSET "
                           "0) AS t ORDER BY e.place, t.position"};

/* A page on its way: the executions before `next` are written, the last of them but for its end. */
typedef struct PageWriting {
    Writing writing;
    const PgRows *executions;
    size_t next;
} PageWriting;

/* Ends what is open and begins executions until `count` have begun. */
static int begin_until(PageWriting *page, size_t count)
{
    int r = 0;
    while (r == 0 && page->next < count) {
        if (page->writing.begun) {
            write_end(&page->writing);
            buffer_append_char(page->writing.sink->text, ',');
        }
        r = write_body(&page->writing, pg_value(page->executions, page->next, 0),
                       pg_value_length(page->executions, page->next, 0));
        page->next++;
    }
    return r;
}

static int write_page_task_run(void *userdata, const PgRows *row)
{
    PageWriting *page = userdata;
    int r = begin_until(page, (size_t)pg_value_integer(row, 0, 0));
    return r < 0 ? r : write_task_run(&page->writing, pg_value(row, 0, 1), pg_value_length(row, 0, 1));
}

static int write_page(Pg *pg, const PgRows *rows, const StoreSink *sink)
{
    PageWriting page = {.writing.sink = sink, .executions = rows};
    _cleanup_(pg_parameters_freep) PgParameters *parameters = pg_parameters_new();
    PgArray *ids = pg_add_array(parameters, PG_TEXT);
    for (size_t i = 0; i < pg_rows_count(rows); i++)
        pg_array_text(ids, pg_value(rows, i, 1));
    int r = pg_rows_count(rows) ? fold(pg_stream(pg, &sql_task_runs, parameters, write_page_task_run, &page)) : 0;
    if (r == 0)
        r = begin_until(&page, pg_rows_count(rows));
    if (r == 0 && page.writing.begun)
        write_end(&page.writing);
    return trace(r);
}

int store_execution_search(Pg *pg, const ExecutionQuery *query, const StoreSink *sink, Diag *diag)
{
    _cleanup_search_ Search search;
    search_init(&search, diag);
    execution_search_conditions(&search, query);
    _cleanup_rows_ PgRows *rows = NULL;
    int64_t total;
    SearchPage page = {.columns = "body, id", .table = "execution", .sorts = sorts, .fallback = FALLBACK, .tie = TIE};
    int r = search_page(&search, pg, &page, &query->paging, &rows, &total);
    if (r != 0)
        return r;
    buffer_append(sink->text, "{\"results\":[");
    r = write_page(pg, rows, sink);
    buffer_printf(sink->text, "],\"total\":%" PRId64 "}", total);
    return r;
}

int store_execution_ids(Pg *pg, const ExecutionQuery *query, Texts *ret, Diag *diag)
{
    _cleanup_search_ Search search;
    search_init(&search, diag);
    execution_search_conditions(&search, query);
    _cleanup_rows_ PgRows *rows = NULL;
    *ret = (Texts){};
    SearchPage page = {.columns = "id", .table = "execution", .sorts = sorts, .fallback = FALLBACK, .tie = TIE};
    int r = search_page(&search, pg, &page, &query->paging, &rows, NULL);
    if (r == 0)
        search_take_texts(rows, ret);
    return r;
}

int store_execution_count(Pg *pg, const ExecutionQuery *query, int64_t *ret, Diag *diag)
{
    _cleanup_search_ Search search;
    search_init(&search, diag);
    execution_search_conditions(&search, query);
    _cleanup_buffer_ Buffer sql = {};
    buffer_printf(&sql, "SELECT count(*) FROM execution%s", buffer_text(&search.where));
    _cleanup_rows_ PgRows *rows = NULL;
    int r = search_run(&search, pg, buffer_text(&sql), &rows);
    if (r == 0)
        *ret = pg_value_integer(rows, 0, 0);
    return r;
}

void execution_heads_done(ExecutionHeads *heads)
{
    for (size_t i = 0; i < heads->count; i++) {
        free(heads->items[i].namespace);
        free(heads->items[i].flow_id);
    }
    vec_free(heads);
}

int store_execution_heads(Pg *pg, const char *const *ids, size_t count, ExecutionHeads *ret)
{
    _cleanup_(pg_parameters_freep) PgParameters *parameters = pg_parameters_new();
    PgArray *array = pg_add_array(parameters, PG_TEXT);
    for (size_t i = 0; i < count; i++)
        pg_array_text(array, ids[i]);
    _cleanup_rows_ PgRows *rows = NULL;
    int r = fold(pg_run(pg, &sql_heads, parameters, &rows));
    *ret = (ExecutionHeads){};
    for (size_t i = 0; i < pg_rows_count(rows); i++) {
        ExecutionHead head = {.namespace = xstrdup(pg_value(rows, i, 1)),
                              .flow_id = xstrdup(pg_value(rows, i, 2)),
                              .flow_revision = (int)pg_value_integer(rows, i, 3),
                              .state = state_from_string(pg_value(rows, i, 4))};
        (void)snprintf(head.id, sizeof(head.id), "%s", pg_value(rows, i, 0));
        vec_push(ret, head);
    }
    return r;
}

int store_execution_latest(Pg *pg, const char *const *flows, size_t count, Texts *ret)
{
    _cleanup_(pg_parameters_freep) PgParameters *parameters = pg_parameters_new();
    PgArray *array = pg_add_array(parameters, PG_TEXT);
    for (size_t i = 0; i < count; i++)
        pg_array_text(array, flows[i]);
    _cleanup_rows_ PgRows *rows = NULL;
    int r = fold(pg_run(pg, &sql_latest, parameters, &rows));
    *ret = (Texts){};
    if (r == 0)
        search_take_texts(rows, ret);
    return r;
}

int store_execution_subflow_outputs(Pg *pg, const char *const *ids, size_t count, Texts *ret_outputs,
                                    Texts *ret_successors)
{
    _cleanup_(pg_parameters_freep) PgParameters *parameters = pg_parameters_new();
    PgArray *array = pg_add_array(parameters, PG_TEXT);
    for (size_t i = 0; i < count; i++)
        pg_array_text(array, ids[i]);
    _cleanup_rows_ PgRows *rows = NULL;
    int r = fold(pg_run(pg, &sql_subflow_outputs, parameters, &rows));
    *ret_outputs = *ret_successors = (Texts){};
    for (size_t i = 0; i < pg_rows_count(rows); i++) {
        vec_push(ret_outputs, xstrdup_null(pg_value(rows, i, 0)));
        vec_push(ret_successors, xstrdup_null(pg_value(rows, i, 1)));
    }
    return r;
}
