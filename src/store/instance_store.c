/* SPDX-License-Identifier: Apache-2.0 */
#include "store/instance_store.h"

static const PgStatement sql_list = {
    "instance_list",
    "SELECT i.id, i.role, i.host, i.socket, i.state, i.started, i.heartbeat,"
    " (SELECT count(*) FROM shard_lease l WHERE l.owner = i.id), (SELECT count(*) FROM job j WHERE j.instance = i.id)"
    " FROM instance i ORDER BY i.role, i.started, i.id"};

static const PgStatement sql_events = {"queue_depth",
                                       "SELECT count(*), min(created), (SELECT count(*) FROM poison) FROM event"};
static const PgStatement sql_groups = {
    "queue_depth_groups",
    "SELECT worker_group, count(*) FILTER (WHERE instance IS NULL), count(*) FILTER (WHERE instance IS NOT NULL),"
    " min(created) FILTER (WHERE instance IS NULL) FROM job GROUP BY worker_group ORDER BY worker_group"};

void instance_records_done(InstanceRecords *records)
{
    for (size_t i = 0; i < records->count; i++) {
        free(records->items[i].role);
        free(records->items[i].host);
        free(records->items[i].socket);
        free(records->items[i].state);
    }
    vec_free(records);
}

int store_instance_list(Pg *pg, InstanceRecords *ret)
{
    _cleanup_rows_ PgRows *rows = NULL;
    int r = fold(pg_run(pg, &sql_list, NULL, &rows));
    *ret = (InstanceRecords){};
    for (size_t i = 0; i < pg_rows_count(rows); i++) {
        InstanceRecord record = {.role = xstrdup(pg_value(rows, i, 1)),
                                 .host = xstrdup(pg_value(rows, i, 2)),
                                 .socket = xstrdup(pg_value(rows, i, 3)),
                                 .state = xstrdup(pg_value(rows, i, 4)),
                                 .started = pg_value_instant(rows, i, 5),
                                 .heartbeat = pg_value_instant(rows, i, 6),
                                 .shards = pg_value_integer(rows, i, 7),
                                 .jobs = pg_value_integer(rows, i, 8)};
        (void)snprintf(record.id, sizeof(record.id), "%s", pg_value(rows, i, 0));
        vec_push(ret, record);
    }
    return r;
}

void queue_depth_done(QueueDepth *depth)
{
    for (size_t i = 0; i < depth->groups.count; i++)
        free(depth->groups.items[i].name);
    vec_free(&depth->groups);
}

static usec_t instant_or_0(PgRows *rows, size_t row, size_t column)
{
    return pg_value(rows, row, column) ? pg_value_instant(rows, row, column) : 0;
}

int store_queue_depth(Pg *pg, QueueDepth *ret)
{
    _cleanup_rows_ PgRows *events = NULL, *groups = NULL;
    *ret = (QueueDepth){};
    int r = fold(pg_run(pg, &sql_events, NULL, &events));
    if (r == 0)
        r = fold(pg_run(pg, &sql_groups, NULL, &groups));
    if (r != 0)
        return r;
    ret->events = pg_value_integer(events, 0, 0);
    ret->oldest_event = instant_or_0(events, 0, 1);
    ret->poison = pg_value_integer(events, 0, 2);
    for (size_t i = 0; i < pg_rows_count(groups); i++) {
        QueueGroup group = {.name = xstrdup(pg_value(groups, i, 0)),
                            .waiting = pg_value_integer(groups, i, 1),
                            .running = pg_value_integer(groups, i, 2),
                            .oldest = instant_or_0(groups, i, 3)};
        vec_push(&ret->groups, group);
    }
    return 0;
}
