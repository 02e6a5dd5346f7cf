/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a commit fetches: the events of the shards that are held, and jobs for this worker. Both are bounded by count
 * and by the bytes of their bodies, so that what comes is no more than can go out again.
 */
#include "model/event_kind.h"
#include "queue/queue_pg_private.h"

/* Of rows in this order the first, and those that come before so many bytes are full. */
#define BYTES_BEFORE(order)                                                                                            \
    "sum(octet_length(body)) OVER (ORDER BY " order " ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS "           \
    "bytes_before"
/* Walks the primary key from its beginning: the table holds only what is not done yet. Kills that go down a tree come
 * first (index event_kill_tree), and leave a tenth of the room to all others at least. */
#define EVENT_COLUMNS "sequence, shard, key, kind, body"
static const PgStatement sql_fetch_events = {
    "queue_fetch_events",
    "WITH kills AS MATERIALIZED (SELECT " EVENT_COLUMNS " FROM event WHERE kind = '" EVENT_KILL_TREE_KIND "'"
    "   AND ($1::bigint >> shard) & 1 = 1 AND key <> ALL ($4) ORDER BY sequence LIMIT $2::bigint),"
    " others AS MATERIALIZED (SELECT " EVENT_COLUMNS " FROM event WHERE ($1::bigint >> shard) & 1 = 1"
    "   AND kind <> '" EVENT_KILL_TREE_KIND "' AND key <> ALL ($4) ORDER BY sequence"
    "   LIMIT greatest($2::bigint - (SELECT count(*) FROM kills), $2::bigint / 10))"
    " SELECT " EVENT_COLUMNS ", (SELECT value FROM flow_stamp)"
    " FROM (SELECT *, " BYTES_BEFORE("place, sequence") " FROM (SELECT 0 AS place, * FROM kills UNION ALL SELECT 1, * "
                                                        "FROM others) AS first) AS measured"
                                                        " WHERE bytes_before IS NULL OR bytes_before < $3"};
/* Index job_open. What is too much was locked for nothing, which is why others are rung (ring). */
static const PgStatement sql_claim = {
    "queue_claim",
    "UPDATE job SET instance = $1 WHERE sequence = ANY (ARRAY(SELECT sequence FROM (SELECT sequence, " BYTES_BEFORE(
        "turn, sequence") " FROM (SELECT turn, sequence, body FROM job WHERE worker_group = $2 AND instance IS NULL"
                          " ORDER BY turn, sequence LIMIT $3"
                          " FOR UPDATE SKIP LOCKED) AS open) AS measured WHERE bytes_before IS NULL OR bytes_before < "
                          "$4))"
                          " RETURNING sequence, execution_id, task_run_id, attempt, killed, body, turn, lost"};
/* After a claim whose answer was lost: what is ours and unknown here is open again. */
static const PgStatement sql_disclaim = {"queue_disclaim",
                                         "UPDATE job SET instance = NULL WHERE instance = $1 AND sequence <> ALL ($2)"};

static void add_disclaim(QueuePg *queue)
{
    PgParameters *parameters = pg_pipeline_parameters(queue->pipeline);
    pg_add_text(parameters, queue->base.id);
    PgArray *known = pg_add_array(parameters, PG_BIGINT);
    for (size_t i = 0; i < queue->jobs.count; i++)
        pg_array_integer(known, queue->jobs.items[i]);
    pg_pipeline_add(queue->pipeline, &sql_disclaim);
}

void queue_pg_add_fetch(QueuePg *queue, const QueueFetch *fetch, unsigned *ret_events, unsigned *ret_claims)
{
    if (fetch->events_max && queue->shards) {
        PgParameters *parameters = pg_pipeline_parameters(queue->pipeline);
        pg_add_integer(parameters, (int64_t)queue->shards);
        pg_add_integer(parameters, fetch->events_max);
        pg_add_integer(parameters, UNIT_BYTES_MAX);
        PgArray *left = pg_add_array(parameters, PG_TEXT);
        for (size_t i = 0; i < fetch->keys_left_count; i++)
            pg_array_text(left, fetch->keys_left[i]);
        *ret_events = pg_pipeline_add(queue->pipeline, &sql_fetch_events);
    }
    if (fetch->jobs_max && *queue->base.id) {
        const char *group = fetch->worker_group ? fetch->worker_group : "";
        if (queue->claims_unknown)
            add_disclaim(queue);
        PgParameters *parameters = pg_pipeline_parameters(queue->pipeline);
        pg_add_text(parameters, queue->base.id);
        pg_add_text(parameters, group);
        pg_add_integer(parameters, fetch->jobs_max);
        pg_add_integer(parameters, UNIT_BYTES_MAX);
        *ret_claims = pg_pipeline_add(queue->pipeline, &sql_claim);
        if (!queue->worker_group || !streq(queue->worker_group, group)) {
            free(queue->worker_group);
            queue->worker_group = xstrdup(group);
        }
    }
}

static int compare_events(const void *a, const void *b)
{
    const QueueEvent *x = a, *y = b;
    bool x_first = streq(x->kind, EVENT_KILL_TREE_KIND), y_first = streq(y->kind, EVENT_KILL_TREE_KIND);
    if (x_first != y_first)
        return x_first ? -1 : 1;
    return (x->sequence > y->sequence) - (x->sequence < y->sequence);
}

static int compare_jobs(const void *a, const void *b)
{
    const QueueJob *x = a, *y = b;
    if (x->turn != y->turn)
        return (x->turn > y->turn) - (x->turn < y->turn);
    return (x->sequence > y->sequence) - (x->sequence < y->sequence);
}

void queue_pg_take_events(QueuePg *queue, unsigned index, QueueBatch *batch)
{
    const PgRows *rows = pg_pipeline_rows(queue->pipeline, index);
    for (size_t i = 0; i < pg_rows_count(rows); i++) {
        QueueEvent event = {.sequence = pg_value_integer(rows, i, 0),
                            .shard = (unsigned)pg_value_integer(rows, i, 1),
                            .key = xstrdup(pg_value(rows, i, 2)),
                            .kind = xstrdup(pg_value(rows, i, 3)),
                            .bytes = pg_value_length(rows, i, 4)};
        event.body = queue_body_read(pg_value(rows, i, 4), &event.reason);
        batch->flow_stamp = pg_value_integer(rows, i, 5);
        vec_push(&batch->events, event);
    }
    if (batch->events.count > 1)
        qsort(batch->events.items, batch->events.count, sizeof(*batch->events.items), compare_events);
}

void queue_pg_take_jobs(QueuePg *queue, unsigned index, QueueBatch *batch)
{
    const PgRows *rows = pg_pipeline_rows(queue->pipeline, index);
    size_t bytes = 0;
    for (size_t i = 0; i < pg_rows_count(rows); i++) {
        QueueJob job = {.sequence = pg_value_integer(rows, i, 0),
                        .execution_id = xstrdup(pg_value(rows, i, 1)),
                        .task_run_id = xstrdup(pg_value(rows, i, 2)),
                        .attempt = (int)(pg_value_integer(rows, i, 3) + pg_value_integer(rows, i, 7)),
                        .turn = pg_value_integer(rows, i, 6),
                        .lost = (int)pg_value_integer(rows, i, 7),
                        .killed = pg_value_boolean(rows, i, 4),
                        .bytes = pg_value_length(rows, i, 5)};
        const char *body = pg_value(rows, i, 5);
        job.body = queue_body_read(body, &job.reason);
        bytes += job.bytes;
        vec_push(&batch->jobs, job);
        vec_push(&queue->jobs, job.sequence);
    }
    batch->cut = bytes >= UNIT_BYTES_MAX;
    if (batch->jobs.count > 1)
        qsort(batch->jobs.items, batch->jobs.count, sizeof(*batch->jobs.items), compare_jobs);
}
