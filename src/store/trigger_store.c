/* SPDX-License-Identifier: Apache-2.0 */
#include "store/trigger_store.h"

#include "base/id.h"
#include "store/search.h"

#define RECORD_COLUMNS                                                                                                 \
    "namespace, flow_id, trigger_id, body, next_date, declaration, execution_id IS NOT NULL AND NOT EXISTS"            \
    " (SELECT FROM execution WHERE id = trigger.execution_id AND end_date IS NULL)"
/* Indexes trigger_shard, primary key of execution. */
static const PgStatement sql_load = {"trigger_load",
                                     "SELECT " RECORD_COLUMNS " FROM trigger WHERE shard = ANY ($1::smallint[])"};
/* Primary key. */
static const PgStatement sql_get = {
    "trigger_get", "SELECT " RECORD_COLUMNS " FROM trigger WHERE namespace = $1 AND flow_id = $2 AND trigger_id = $3"};
/* The table is empty nearly always. */
static const PgStatement sql_commands = {
    "trigger_commands", "SELECT sequence, namespace, flow_id, trigger_id, kind, arguments FROM trigger_command"
                        " WHERE shard = ANY ($1::smallint[]) ORDER BY sequence"};
/* Index trigger_command_trigger. */
static const PgStatement sql_command_waits = {
    "trigger_command_waits", "SELECT EXISTS (SELECT FROM trigger_command WHERE namespace = $1 AND flow_id = $2"
                             " AND trigger_id = $3)"};

void trigger_record_done(TriggerRecord *record)
{
    free(record->namespace);
    free(record->flow_id);
    free(record->trigger_id);
    json_decref(record->body);
    *record = (TriggerRecord){};
}

void trigger_records_done(TriggerRecords *records)
{
    for (size_t i = 0; i < records->count; i++)
        trigger_record_done(&records->items[i]);
    vec_free(records);
}

char *trigger_key(const char *namespace, const char *flow_id, const char *trigger_id)
{
    return xasprintf("%s_%s_%s", namespace, flow_id, trigger_id);
}

static int read_record(const PgRows *rows, size_t i, TriggerRecord *ret)
{
    const char *body = pg_value(rows, i, 3);
    json_t *document;
    if (json_parse(body, strlen(body), 0, &document, NULL) != 0)
        return outage(-EBADMSG);
    *ret = (TriggerRecord){.namespace = xstrdup(pg_value(rows, i, 0)),
                           .flow_id = xstrdup(pg_value(rows, i, 1)),
                           .trigger_id = xstrdup(pg_value(rows, i, 2)),
                           .body = document,
                           .next_date = pg_value_instant(rows, i, 4),
                           .is_declared = pg_value(rows, i, 5) != NULL,
                           .declaration = (uint64_t)pg_value_integer(rows, i, 5),
                           .orphaned = pg_value_boolean(rows, i, 6)};
    return 0;
}

static void add_shards(PgParameters *parameters, uint64_t shards)
{
    PgArray *array = pg_add_array(parameters, PG_SMALLINT);
    for (unsigned shard = 0; shard < SHARD_COUNT; shard++)
        if (shards >> shard & 1)
            pg_array_integer(array, shard);
}

int store_trigger_load(Pg *pg, uint64_t shards, TriggerRecords *ret)
{
    _cleanup_(pg_parameters_freep) PgParameters *parameters = pg_parameters_new();
    add_shards(parameters, shards);
    _cleanup_rows_ PgRows *rows = NULL;
    int r = fold(pg_run(pg, &sql_load, parameters, &rows));
    TriggerRecords records = {};
    for (size_t i = 0; r == 0 && i < pg_rows_count(rows); i++) {
        TriggerRecord record;
        r = read_record(rows, i, &record);
        if (r == 0)
            vec_push(&records, record);
    }
    if (r == 0)
        *ret = records;
    else
        trigger_records_done(&records);
    return r;
}

int store_trigger_get(Pg *pg, const char *namespace, const char *flow_id, const char *trigger_id, TriggerRecord *ret)
{
    _cleanup_(pg_parameters_freep) PgParameters *parameters = pg_parameters_new();
    pg_add_text(parameters, namespace);
    pg_add_text(parameters, flow_id);
    pg_add_text(parameters, trigger_id);
    _cleanup_rows_ PgRows *rows = NULL;
    int r = fold(pg_run(pg, &sql_get, parameters, &rows));
    if (r < 0)
        return r;
    return pg_rows_count(rows) ? read_record(rows, 0, ret) : STORE_E_NONE;
}

void trigger_commands_done(TriggerCommands *commands)
{
    for (size_t i = 0; i < commands->count; i++) {
        free(commands->items[i].key);
        free(commands->items[i].kind);
        json_decref(commands->items[i].arguments);
    }
    vec_free(commands);
}

int store_trigger_commands(Pg *pg, uint64_t shards, TriggerCommands *ret)
{
    _cleanup_(pg_parameters_freep) PgParameters *parameters = pg_parameters_new();
    add_shards(parameters, shards);
    _cleanup_rows_ PgRows *rows = NULL;
    TriggerCommands commands = {};
    int r = fold(pg_run(pg, &sql_commands, parameters, &rows));
    for (size_t i = 0; r == 0 && i < pg_rows_count(rows); i++) {
        const char *text = pg_value(rows, i, 5);
        json_t *arguments;
        if (json_parse(text, strlen(text), 0, &arguments, NULL) != 0) {
            r = outage(-EBADMSG);
            break;
        }
        vec_push(&commands,
                 (TriggerCommand){.sequence = pg_value_integer(rows, i, 0),
                                  .key = trigger_key(pg_value(rows, i, 1), pg_value(rows, i, 2), pg_value(rows, i, 3)),
                                  .kind = xstrdup(pg_value(rows, i, 4)),
                                  .arguments = arguments});
    }
    if (r == 0)
        *ret = commands;
    else
        trigger_commands_done(&commands);
    return r;
}

int store_trigger_command_waits(Pg *pg, const char *namespace, const char *flow_id, const char *trigger_id, bool *ret)
{
    _cleanup_(pg_parameters_freep) PgParameters *parameters = pg_parameters_new();
    pg_add_text(parameters, namespace);
    pg_add_text(parameters, flow_id);
    pg_add_text(parameters, trigger_id);
    _cleanup_rows_ PgRows *rows = NULL;
    int r = fold(pg_run(pg, &sql_command_waits, parameters, &rows));
    if (r == 0)
        *ret = pg_value_boolean(rows, 0, 0);
    return r;
}

#define TRIGGER_WORDS "kestra_words(concat_ws(' ', namespace, flow_id, trigger_id, execution_id))"
static const SearchField filter_fields[] = {
    {"q", SEARCH_WORDS, TRIGGER_WORDS},     {"namespace", SEARCH_TEXT, "namespace"},
    {"flowId", SEARCH_TEXT, "flow_id"},     {"triggerId", SEARCH_TEXT, "trigger_id"},
    {"workerId", SEARCH_TEXT, "worker_id"}, {},
};
static const SearchSort sorts[] = {
    {"flowId", "flow_id"},           {"triggerId", "trigger_id"},
    {"executionId", "execution_id"}, {"nextExecutionDate", "next_date"},
    {"namespace", "namespace"},      {},
};

int store_trigger_search(Pg *pg, const TriggerQuery *query, StorePage *ret, Diag *diag)
{
    _cleanup_search_ Search search;
    search_init(&search, diag);
    search_words(&search, TRIGGER_WORDS, query->q);
    search_namespace(&search, query->namespace, query->namespace_exact);
    search_text(&search, "flow_id = ?", query->flow_id);
    search_text(&search, "worker_id = ?", query->worker_id);
    search_filters(&search, filter_fields, query->filters, query->filter_count);
    _cleanup_rows_ PgRows *rows = NULL;
    *ret = (StorePage){};
    SearchPage page = {.columns = "body",
                       .table = "trigger",
                       .sorts = sorts,
                       .fallback = "namespace",
                       .tie = "namespace, flow_id, trigger_id"};
    int r = search_page(&search, pg, &page, &query->paging, &rows, &ret->total);
    if (r == 0)
        search_take_texts(rows, &ret->bodies);
    return r;
}
