/* SPDX-License-Identifier: Apache-2.0 */
#include "store/instance_store.h"

static const PgStatement sql_list = {
    "instance_list",
    "SELECT i.id, i.role, i.host, i.socket, i.state, i.started, i.heartbeat,"
    " (SELECT count(*) FROM shard_lease l WHERE l.owner = i.id), (SELECT count(*) FROM job j WHERE j.instance = i.id)"
    " FROM instance i ORDER BY i.role, i.started, i.id"};

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
