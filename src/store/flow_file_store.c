/* SPDX-License-Identifier: Apache-2.0 */
#include "store/flow_file_store.h"

#define COLUMNS "path, document, hash, modified, namespace, id, revision, error, line, column_, updated"
static const PgStatement sql_list = {"flow_file_list", "SELECT " COLUMNS " FROM flow_file ORDER BY path, document"};
static const PgStatement sql_errors = {
    "flow_file_errors", "SELECT " COLUMNS " FROM flow_file WHERE error IS NOT NULL ORDER BY path, document"};
static const PgStatement sql_remove = {"flow_file_remove",
                                       "DELETE FROM flow_file WHERE md5(path) = md5($1) AND path = $1"};
static const PgStatement sql_insert = {
    "flow_file_insert",
    "INSERT INTO flow_file (path, document, hash, modified, namespace, id, revision, error, line, column_)"
    " VALUES ($1, $2::integer, $3, $4, $5, $6, $7::integer, $8, $9::integer, $10::integer)"};

void flow_file_record_done(FlowFileRecord *record)
{
    free(record->path);
    free(record->hash);
    free(record->namespace);
    free(record->id);
    free(record->error);
    *record = (FlowFileRecord){};
}

void flow_file_records_done(FlowFileRecords *records)
{
    for (size_t i = 0; i < records->count; i++)
        flow_file_record_done(&records->items[i]);
    vec_free(records);
}

int store_flow_file_list(Pg *pg, bool errors_only, FlowFileRecords *ret)
{
    _cleanup_rows_ PgRows *rows = NULL;
    int r = fold(pg_run(pg, errors_only ? &sql_errors : &sql_list, NULL, &rows));
    *ret = (FlowFileRecords){};
    for (size_t i = 0; i < pg_rows_count(rows); i++)
        vec_push(ret, (FlowFileRecord){.path = xstrdup(pg_value(rows, i, 0)),
                                       .document = (unsigned)pg_value_integer(rows, i, 1),
                                       .hash = xstrdup(pg_value(rows, i, 2)),
                                       .modified = pg_value_instant(rows, i, 3),
                                       .namespace = xstrdup_null(pg_value(rows, i, 4)),
                                       .id = xstrdup_null(pg_value(rows, i, 5)),
                                       .revision = (int)pg_value_integer(rows, i, 6),
                                       .error = xstrdup_null(pg_value(rows, i, 7)),
                                       .line = (unsigned)pg_value_integer(rows, i, 8),
                                       .column = (unsigned)pg_value_integer(rows, i, 9),
                                       .updated = pg_value_instant(rows, i, 10)});
    return r;
}

/* A pipeline is one transaction: readers see the old records or the new. */
int store_flow_file_replace(Pg *pg, const char *path, const FlowFileRecord *records, size_t count)
{
    _cleanup_(pg_pipeline_freep) PgPipeline *pipeline = pg_pipeline_new(pg);
    pg_add_text(pg_pipeline_parameters(pipeline), path);
    pg_pipeline_add(pipeline, &sql_remove);
    for (size_t i = 0; i < count; i++) {
        PgParameters *parameters = pg_pipeline_parameters(pipeline);
        pg_add_text(parameters, path);
        pg_add_integer(parameters, records[i].document);
        pg_add_text(parameters, records[i].hash ? records[i].hash : "");
        pg_add_instant(parameters, records[i].modified);
        pg_add_text(parameters, records[i].namespace);
        pg_add_text(parameters, records[i].id);
        pg_add_integer(parameters, records[i].revision);
        pg_add_text(parameters, records[i].error);
        pg_add_integer(parameters, records[i].line);
        pg_add_integer(parameters, records[i].column);
        pg_pipeline_add(pipeline, &sql_insert);
    }
    return fold(pg_pipeline_run(pipeline));
}
