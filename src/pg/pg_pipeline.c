/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statements are sent together and closed by one Sync, so that the server runs them as one implicit transaction: it
 * commits at the Sync, and rolls all back when one fails. Only the answer to the Sync tells that the commit happened,
 * therefore nothing is reported before it. Within pg_begin the Sync commits nothing.
 *
 * A statement that this session has not prepared yet is prepared in the same round trip.
 *
 * Streams take libpq's single-row mode: what is held of a long answer is what the socket's buffer holds. They go by a
 * pipeline too, because outside of one libpq 15 leaves the mode on for the pipeline that follows.
 */
#include "pg/pg_private.h"

enum { QUEUED_BYTES_MAX = 256 * 1024 }; /* about what the socket takes at once */

typedef struct Item {
    const PgStatement *statement;
    PgParameters *parameters;
    PgRows *rows;
    bool preparing; /* an answer to Parse comes before the answer to it */
} Item;

struct PgPipeline {
    Pg *pg;
    VEC(Item) items;
    VEC(PgParameters *) pool; /* pool.items[i] belongs to statement i; kept over resets */
    PgRowFunction *each;      /* gets the rows of the last statement; NULL: they are kept */
    void *userdata;
};

PgPipeline *pg_pipeline_new(Pg *pg)
{
    PgPipeline *pipeline = xnew(PgPipeline);
    pipeline->pg = pg;
    return pipeline;
}

static void drop_rows(PgPipeline *pipeline)
{
    for (size_t i = 0; i < pipeline->items.count; i++)
        pipeline->items.items[i].rows = pg_rows_free(pipeline->items.items[i].rows);
}

void pg_pipeline_reset(PgPipeline *pipeline)
{
    drop_rows(pipeline);
    pipeline->items.count = 0;
    for (size_t i = 0; i < pipeline->pool.count; i++)
        pg_parameters_shrink(pipeline->pool.items[i]);
}

PgPipeline *pg_pipeline_free(PgPipeline *pipeline)
{
    if (!pipeline)
        return NULL;
    drop_rows(pipeline);
    for (size_t i = 0; i < pipeline->pool.count; i++)
        pg_parameters_free(pipeline->pool.items[i]);
    vec_free(&pipeline->pool);
    vec_free(&pipeline->items);
    free(pipeline);
    return NULL;
}

PgParameters *pg_pipeline_parameters(PgPipeline *pipeline)
{
    if (pipeline->pool.count == pipeline->items.count)
        vec_push(&pipeline->pool, pg_parameters_new());
    PgParameters *parameters = pipeline->pool.items[pipeline->items.count];
    pg_parameters_reset(parameters);
    return parameters;
}

static unsigned add_item(PgPipeline *pipeline, const PgStatement *statement, PgParameters *parameters)
{
    vec_push(&pipeline->items, (Item){.statement = statement, .parameters = parameters});
    return (unsigned)pipeline->items.count - 1;
}

unsigned pg_pipeline_add(PgPipeline *pipeline, const PgStatement *statement)
{
    return add_item(pipeline, statement, pipeline->pool.items[pipeline->items.count]);
}

const PgRows *pg_pipeline_rows(const PgPipeline *pipeline, unsigned index)
{
    return pipeline->items.items[index].rows;
}

static bool send_item(Pg *pg, Item *item, size_t index, const Item *earlier)
{
    const PgStatement *statement = item->statement;
    PgBound bound = pg_parameters_bind(item->parameters);
    item->preparing = false;
    if (!statement->name)
        return PQsendQueryParams(pg->connection, statement->sql, bound.count, bound.types, bound.values, bound.lengths,
                                 bound.formats, 0);
    bool known = map_get(pg->prepared, statement->name) != NULL;
    for (size_t i = 0; i < index && !known; i++)
        known = earlier[i].preparing && streq(earlier[i].statement->name, statement->name);
    if (!known) {
        item->preparing = true;
        if (!PQsendPrepare(pg->connection, statement->name, statement->sql, bound.count, bound.types))
            return false;
    }
    return PQsendQueryPrepared(pg->connection, statement->name, bound.count, bound.values, bound.lengths, bound.formats,
                               0);
}

/* An outage ends the session. libpq moves all that it could not send at once to the front of its buffer, each time that
 * a part goes out: much in one buffer costs its square. So what is queued goes out before it is much. */
static int send_all(PgPipeline *pipeline)
{
    Pg *pg = pipeline->pg;
    size_t queued = 0;
    if (!PQenterPipelineMode(pg->connection))
        return pg_failed(pg, NULL);
    for (size_t i = 0; i < pipeline->items.count; i++) {
        Item *item = &pipeline->items.items[i];
        size_t bytes = pg_parameters_bytes(item->parameters);
        if (queued > 0 && queued + bytes > QUEUED_BYTES_MAX) {
            int r = pg_wait_sent(pg);
            if (r != 0)
                return r;
            queued = 0;
        }
        queued += bytes;
        if (!send_item(pg, item, i, pipeline->items.items))
            return pg_failed(pg, NULL);
    }
    return PQpipelineSync(pg->connection) ? 0 : pg_failed(pg, NULL);
}

/* The next answer; NULL result ends the answer of one statement. Outages end the session. */
static int next_result(Pg *pg, PGresult **ret)
{
    int r = pg_wait_result(pg);
    if (r == 0)
        *ret = PQgetResult(pg->connection);
    return r;
}

static bool is_success(ExecStatusType status)
{
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

/* Takes the answer of one statement (or of its preparation). *first_failure keeps the first that is not a success. */
static int take_answer(Pg *pg, PgRows **ret_rows, int *first_failure)
{
    PGresult *result = NULL, *end = NULL;
    int r = next_result(pg, &result);
    if (r != 0)
        return r;
    ExecStatusType status = PQresultStatus(result);
    if (!is_success(status) && status != PGRES_PIPELINE_ABORTED && *first_failure == 0) {
        *first_failure = pg_failed(pg, result);
        if (!pg->connection) {
            PQclear(result);
            return *first_failure;
        }
    }
    if (ret_rows && is_success(status))
        *ret_rows = pg_rows_from(result);
    else
        PQclear(result);
    r = next_result(pg, &end);
    PQclear(end);
    if (r == 0 && !is_success(status) && *first_failure == 0)
        return outage(-EPROTO);
    return r;
}

/* The same row by row. What `each` refuses is an outage: the rows that are still to come are nobody's. */
static int take_stream(const PgPipeline *pipeline, int *first_failure)
{
    Pg *pg = pipeline->pg;
    if (!PQsetSingleRowMode(pg->connection) && *first_failure == 0)
        return outage(-EPROTO);
    for (;;) {
        PGresult *result = NULL;
        int r = next_result(pg, &result);
        if (r != 0 || !result)
            return r;
        ExecStatusType status = PQresultStatus(result);
        if (status == PGRES_SINGLE_TUPLE)
            r = trace(pipeline->each(pipeline->userdata, pg_rows_from(result)));
        else if (!is_success(status) && *first_failure == 0)
            *first_failure = pg_failed(pg, result);
        PQclear(result);
        if (r < 0 || !pg->connection)
            return r < 0 ? r : *first_failure;
    }
}

static int take_sync(Pg *pg, int *first_failure)
{
    for (;;) {
        PGresult *result = NULL;
        int r = next_result(pg, &result);
        if (r != 0)
            return r;
        ExecStatusType status = PQresultStatus(result);
        if (status != PGRES_PIPELINE_SYNC && result && *first_failure == 0)
            *first_failure = pg_failed(pg, result);
        bool done = status == PGRES_PIPELINE_SYNC;
        PQclear(result);
        if (done)
            return 0;
        if (!pg->connection)
            return *first_failure;
        if (PQpipelineStatus(pg->connection) == PQ_PIPELINE_OFF)
            return outage(-EPROTO);
    }
}

static int take_all(PgPipeline *pipeline, int *first_failure)
{
    Pg *pg = pipeline->pg;
    for (size_t i = 0; i < pipeline->items.count; i++) {
        Item *item = &pipeline->items.items[i];
        if (item->preparing) {
            int before = *first_failure;
            PgRows *prepared = NULL;
            int r = take_answer(pg, &prepared, first_failure);
            if (r != 0)
                return r;
            if (prepared && before == 0)
                (void)map_put(pg->prepared, item->statement->name, pg); /* any non-NULL value: the map is a set */
            pg_rows_free(prepared);
        }
        bool last = i + 1 == pipeline->items.count;
        int r =
            pipeline->each && last ? take_stream(pipeline, first_failure) : take_answer(pg, &item->rows, first_failure);
        if (r != 0)
            return r;
    }
    return take_sync(pg, first_failure);
}

/* One that got stuck half way cannot be used again: whatever is still to come would be taken for another's answer. */
static int broken(Pg *pg, int r)
{
    if (pg->connection)
        pg_disconnect(pg);
    return r < 0 ? r : outage(-EIO);
}

int pg_pipeline_run(PgPipeline *pipeline)
{
    Pg *pg = pipeline->pg;
    drop_rows(pipeline);
    int r = pg_prepare_session(pg);
    if (r < 0)
        return r;
    r = send_all(pipeline);
    if (r != 0)
        return broken(pg, r);
    int first_failure = 0;
    r = take_all(pipeline, &first_failure);
    pg->counters.round_trips++;
    if (r != 0)
        return broken(pg, r);
    if (!PQexitPipelineMode(pg->connection))
        return broken(pg, -EPROTO);
    return first_failure;
}

int pg_stream(Pg *pg, const PgStatement *statement, const PgParameters *parameters, PgRowFunction *each, void *userdata)
{
    /* However long it is, rows that come are progress; silence between them still has its limit. */
    static const PgStatement unlimited = {"pg_unlimited", "SELECT set_config('statement_timeout', '0', true)"};
    PgPipeline pipeline = {.pg = pg, .each = each, .userdata = userdata};
    add_item(&pipeline, &unlimited, NULL);
    add_item(&pipeline, statement, (PgParameters *)(uintptr_t)parameters);
    int r = pg_pipeline_run(&pipeline);
    drop_rows(&pipeline);
    vec_free(&pipeline.items);
    return r;
}

int pg_run(Pg *pg, const PgStatement *statement, const PgParameters *parameters, PgRows **ret)
{
    PgPipeline pipeline = {.pg = pg};
    /* Binding patches array headers only; the caller's values stay. */
    add_item(&pipeline, statement, (PgParameters *)(uintptr_t)parameters);
    int r = pg_pipeline_run(&pipeline);
    if (r == 0 && ret)
        *ret = TAKE_PTR(pipeline.items.items[0].rows);
    drop_rows(&pipeline);
    vec_free(&pipeline.items);
    return r;
}
