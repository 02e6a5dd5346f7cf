/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Revisions: the sources of the stored and the new flow are compared (without a first line `revision: N`); equal
 * sources are equal flows, so that nothing has to be parsed to find out. The advisory lock on the flow's key makes the
 * read and the write of the rule one step; it is released by the end of the transaction.
 */
#include "store/flow_store.h"

#include "store/search.h"
#include "store/topology_store.h"

/* Waits for other writers of the same flow only. */
static const PgStatement sql_lock = {"flow_lock",
                                     "SELECT pg_advisory_xact_lock(hashtextextended($1 || '/' || $2, 7301))"};
#define RECORD_COLUMNS "namespace, id, revision, deleted, disabled, source, body, file_path, updated"
/* Index flow_current. */
static const PgStatement sql_current = {"flow_current", "SELECT " RECORD_COLUMNS
                                                        " FROM flow WHERE namespace = $1 AND id = $2 AND is_current"};
/* Primary key. */
static const PgStatement sql_revision = {
    "flow_revision", "SELECT " RECORD_COLUMNS " FROM flow WHERE namespace = $1 AND id = $2 AND revision = $3::integer"};
static const PgStatement sql_revisions = {
    "flow_revisions", "SELECT " RECORD_COLUMNS " FROM flow WHERE namespace = $1 AND id = $2 ORDER BY revision"};
static const PgStatement sql_retire = {
    "flow_retire", "UPDATE flow SET is_current = false WHERE namespace = $1 AND id = $2 AND is_current"};
static const PgStatement sql_insert = {
    "flow_insert",
    "INSERT INTO flow (namespace, id, revision, is_current, deleted, disabled, file_path, source, body, labels)"
    " VALUES ($1, $2, $3::integer, true, $4, $5, $6, $7, $8, $9)"};
static const PgStatement sql_move = {"flow_move",
                                     "UPDATE flow SET file_path = $3 WHERE namespace = $1 AND id = $2 AND is_current"};
static const PgStatement sql_stamp_up = {"flow_stamp_up", "UPDATE flow_stamp SET value = value + 1"};
static const PgStatement sql_stamp = {"flow_stamp", "SELECT value FROM flow_stamp"};
/* Trigger states whose trigger is not declared any more. */
static const PgStatement sql_prune_triggers = {
    "flow_prune_triggers", "DELETE FROM trigger WHERE namespace = $1 AND flow_id = $2 AND trigger_id <> ALL ($3)"};

void flow_record_done(FlowRecord *record)
{
    free(record->namespace);
    free(record->id);
    free(record->source);
    free(record->body);
    free(record->file_path);
    *record = (FlowRecord){};
}

void flow_records_done(FlowRecords *records)
{
    for (size_t i = 0; i < records->count; i++)
        flow_record_done(&records->items[i]);
    vec_free(records);
}

static FlowRecord read_record(const PgRows *rows, size_t i)
{
    return (FlowRecord){.namespace = xstrdup(pg_value(rows, i, 0)),
                        .id = xstrdup(pg_value(rows, i, 1)),
                        .revision = (int)pg_value_integer(rows, i, 2),
                        .deleted = pg_value_boolean(rows, i, 3),
                        .disabled = pg_value_boolean(rows, i, 4),
                        .source = xstrdup(pg_value(rows, i, 5)),
                        .body = xstrdup(pg_value(rows, i, 6)),
                        .file_path = xstrdup_null(pg_value(rows, i, 7)),
                        .updated = pg_value_instant(rows, i, 8)};
}

static void read_records(const PgRows *rows, FlowRecords *ret)
{
    for (size_t i = 0; i < pg_rows_count(rows); i++)
        vec_push(ret, read_record(rows, i));
}

static PgParameters *key_parameters(const char *namespace, const char *id)
{
    PgParameters *parameters = pg_parameters_new();
    pg_add_text(parameters, namespace);
    pg_add_text(parameters, id);
    return parameters;
}

static int run_by_key(Pg *pg, const PgStatement *statement, const char *namespace, const char *id, PgRows **ret)
{
    _cleanup_(pg_parameters_freep) PgParameters *parameters = key_parameters(namespace, id);
    return fold(pg_run(pg, statement, parameters, ret));
}

/* --- writing --- */

/* What the revision rule compares: the source without a first line that gives the revision. */
static const char *comparable(const char *source)
{
    if (!starts_with(source, "revision:"))
        return source;
    const char *end = strchr(source, '\n');
    return end ? end + 1 : "";
}

typedef struct NewRevision {
    const char *namespace, *id, *source, *file_path;
    int revision;
    bool deleted, disabled;
    char *body, *labels;
} NewRevision;

static int insert_revision(Pg *pg, const NewRevision *new)
{
    _cleanup_(pg_parameters_freep) PgParameters *parameters = key_parameters(new->namespace, new->id);
    pg_add_integer(parameters, new->revision);
    pg_add_boolean(parameters, new->deleted);
    pg_add_boolean(parameters, new->disabled);
    pg_add_text(parameters, new->file_path);
    pg_add_text(parameters, new->source);
    pg_add_typed_text(parameters, PG_JSON, new->body);
    pg_add_typed_text(parameters, PG_JSONB, new->labels);
    int r = run_by_key(pg, &sql_retire, new->namespace, new->id, NULL);
    if (r == 0)
        r = fold(pg_run(pg, &sql_insert, parameters, NULL));
    return r == 0 ? fold(pg_run(pg, &sql_stamp_up, NULL, NULL)) : r;
}

static int prune_triggers(Pg *pg, const char *namespace, const char *id, const Flow *flow)
{
    _cleanup_(pg_parameters_freep) PgParameters *parameters = key_parameters(namespace, id);
    PgArray *kept = pg_add_array(parameters, PG_TEXT);
    for (size_t i = 0; flow && i < flow->trigger_count; i++)
        pg_array_text(kept, flow->triggers[i].id);
    return fold(pg_run(pg, &sql_prune_triggers, parameters, NULL));
}

/* {key: value} of [{key, value}]. */
static char *labels_text(const json_t *labels)
{
    _cleanup_json_ json_t *object = json_object();
    size_t i;
    json_t *label;
    json_array_foreach (labels, i, label)
        json_set_text(object, json_get_text(label, "key", ""), json_get_text(label, "value", ""));
    return json_text(object);
}

static char *body_text(const Flow *flow, int revision)
{
    _cleanup_json_ json_t *body = flow_encode(flow, false);
    json_object_set_new(body, "revision", json_integer(revision));
    return json_text(body);
}

static int begin_locked(Pg *pg, const char *namespace, const char *id, bool *ret_found, FlowRecord *ret)
{
    int r = fold(pg_begin(pg));
    if (r == 0)
        r = run_by_key(pg, &sql_lock, namespace, id, NULL);
    _cleanup_rows_ PgRows *rows = NULL;
    if (r == 0)
        r = run_by_key(pg, &sql_current, namespace, id, &rows);
    if (r < 0)
        return r;
    *ret_found = pg_rows_count(rows) > 0;
    if (*ret_found)
        *ret = read_record(rows, 0);
    return 0;
}

/* A flow that came from a file belongs to the directory; any file of it may take it over (a file that was renamed). */
static bool is_read_only(const FlowRecord *current, const char *file_path, bool write_back)
{
    return current->file_path && !file_path && !write_back;
}

static int save_locked(Pg *pg, const FlowSave *save, bool found, const FlowRecord *current, FlowSaved *ret)
{
    const Flow *flow = save->flow;
    bool exists = found && !current->deleted;
    if (save->mode == FLOW_SAVE_CREATE && exists)
        return STORE_E_CONFLICT;
    if (save->mode == FLOW_SAVE_UPDATE && !exists)
        return STORE_E_NONE;
    if (exists && is_read_only(current, save->file_path, save->write_back))
        return STORE_E_FROM_FILE;
    const char *file_path = save->file_path ? save->file_path : exists ? current->file_path : NULL;
    *ret = (FlowSaved){.revision = current->revision, .created = !exists};
    if (exists && streq(comparable(flow->source), comparable(current->source))) {
        if (streq_null(file_path, current->file_path))
            return 0;
        _cleanup_(pg_parameters_freep) PgParameters *parameters = key_parameters(flow->namespace, flow->id);
        pg_add_text(parameters, file_path);
        return fold(pg_run(pg, &sql_move, parameters, NULL));
    }
    ret->revision++;
    ret->changed = true;
    NewRevision new = {.namespace = flow->namespace,
                       .id = flow->id,
                       .source = flow->source,
                       .file_path = file_path,
                       .revision = ret->revision,
                       .disabled = flow->disabled,
                       .body = body_text(flow, ret->revision),
                       .labels = labels_text(json_object_get(flow->definition, "labels"))};
    int r = insert_revision(pg, &new);
    free(new.body);
    free(new.labels);
    if (r == 0)
        r = prune_triggers(pg, flow->namespace, flow->id, flow);
    return r == 0 ? store_topology_replace(pg, flow->namespace, flow->id, flow) : r;
}

int store_flow_save(Pg *pg, const FlowSave *save, FlowSaved *ret)
{
    _cleanup_flow_record_ FlowRecord current = {};
    bool found = false;
    int r = begin_locked(pg, save->flow->namespace, save->flow->id, &found, &current);
    if (r == 0)
        r = save_locked(pg, save, found, &current, ret);
    if (r == 0)
        return fold(pg_commit(pg));
    pg_rollback(pg);
    return r;
}

static char *deleted_body(const FlowRecord *current)
{
    _cleanup_json_ json_t *body = NULL;
    if (json_parse(current->body, strlen(current->body), 0, &body, NULL) != 0)
        return xstrdup(current->body);
    json_object_set_new(body, "revision", json_integer(current->revision + 1));
    json_object_set_new(body, "deleted", json_true());
    return json_text(body);
}

static int delete_locked(Pg *pg, const FlowRecord *current)
{
    NewRevision new = {.namespace = current->namespace,
                       .id = current->id,
                       .source = current->source,
                       .revision = current->revision + 1,
                       .deleted = true,
                       .disabled = current->disabled,
                       .body = deleted_body(current),
                       .labels = xstrdup("{}")};
    int r = insert_revision(pg, &new);
    free(new.body);
    free(new.labels);
    if (r == 0)
        r = prune_triggers(pg, current->namespace, current->id, NULL);
    return r == 0 ? store_topology_replace(pg, current->namespace, current->id, NULL) : r;
}

int store_flow_delete(Pg *pg, const char *namespace, const char *id, const char *file_path, bool write_back,
                      int *ret_revision)
{
    _cleanup_flow_record_ FlowRecord current = {};
    bool found = false;
    int r = begin_locked(pg, namespace, id, &found, &current);
    if (r == 0 && (!found || current.deleted))
        r = STORE_E_NONE;
    if (r == 0 && is_read_only(&current, file_path, write_back))
        r = STORE_E_FROM_FILE;
    if (r == 0)
        r = delete_locked(pg, &current);
    if (r != 0) {
        pg_rollback(pg);
        return r;
    }
    if (ret_revision)
        *ret_revision = current.revision + 1;
    return fold(pg_commit(pg));
}

/* --- reading --- */

int store_flow_get(Pg *pg, const char *namespace, const char *id, int revision, bool allow_deleted, FlowRecord *ret)
{
    _cleanup_(pg_parameters_freep) PgParameters *parameters = key_parameters(namespace, id);
    if (revision)
        pg_add_integer(parameters, revision);
    _cleanup_rows_ PgRows *rows = NULL;
    int r = fold(pg_run(pg, revision ? &sql_revision : &sql_current, parameters, &rows));
    if (r < 0)
        return r;
    if (pg_rows_count(rows) == 0 || (!revision && !allow_deleted && pg_value_boolean(rows, 0, 3)))
        return STORE_E_NONE;
    *ret = read_record(rows, 0);
    return 0;
}

int store_flow_revisions(Pg *pg, const char *namespace, const char *id, FlowRecords *ret)
{
    _cleanup_rows_ PgRows *rows = NULL;
    int r = run_by_key(pg, &sql_revisions, namespace, id, &rows);
    if (r < 0)
        return r;
    *ret = (FlowRecords){};
    read_records(rows, ret);
    return 0;
}

int store_flow_list(Pg *pg, const char *namespace, bool with_deleted, FlowRecords *ret)
{
    _cleanup_search_ Search search;
    search_init(&search, NULL);
    search_raw(&search, "is_current");
    if (!with_deleted)
        search_raw(&search, "NOT deleted");
    search_namespace(&search, namespace, true);
    _cleanup_buffer_ Buffer sql = {};
    buffer_printf(&sql, "SELECT " RECORD_COLUMNS " FROM flow%s ORDER BY namespace, id", buffer_text(&search.where));
    _cleanup_rows_ PgRows *rows = NULL;
    int r = fold(search_run(&search, pg, buffer_text(&sql), &rows));
    if (r < 0)
        return r;
    *ret = (FlowRecords){};
    read_records(rows, ret);
    return 0;
}

int store_flow_with_trigger(Pg *pg, const char *const *types, size_t count, FlowRecords *ret)
{
    _cleanup_search_ Search search;
    search_init(&search, NULL);
    search_raw(&search, "is_current AND NOT deleted AND NOT disabled AND json_typeof(body->'triggers') = 'array'");
    search_texts(&search, "EXISTS (SELECT FROM json_array_elements(body->'triggers') one WHERE one->>'type' = ANY (?))",
                 types, count);
    _cleanup_buffer_ Buffer sql = {};
    buffer_printf(&sql, "SELECT namespace, id, revision FROM flow%s ORDER BY namespace, id",
                  buffer_text(&search.where));
    _cleanup_rows_ PgRows *rows = NULL;
    int r = fold(search_run(&search, pg, buffer_text(&sql), &rows));
    if (r < 0)
        return r;
    *ret = (FlowRecords){};
    for (size_t i = 0; i < pg_rows_count(rows); i++)
        vec_push(ret, ((FlowRecord){.namespace = xstrdup(pg_value(rows, i, 0)),
                                    .id = xstrdup(pg_value(rows, i, 1)),
                                    .revision = (int)pg_value_integer(rows, i, 2)}));
    return 0;
}

#define FLOW_WORDS "kestra_words(namespace || ' ' || id)"
static const SearchField filter_fields[] = {
    {"q", SEARCH_WORDS, FLOW_WORDS},
    {"namespace", SEARCH_TEXT, "namespace"},
    {"flowId", SEARCH_TEXT, "id"},
    {"id", SEARCH_TEXT, "id"},
    {"labels", SEARCH_LABELS, "labels"},
    {"scope", SEARCH_SCOPE, "namespace"},
    {},
};
static const SearchSort sorts[] = {
    {"id", "id"}, {"namespace", "namespace"}, {"revision", "revision"}, {"updated", "updated"}, {},
};

/* column 0: for search the body, for select the record. */
static int search_flows(Pg *pg, const FlowQuery *query, const char *columns, PgRows **ret, int64_t *ret_total,
                        Diag *diag)
{
    _cleanup_search_ Search search;
    search_init(&search, diag);
    if (query->system_namespace)
        search.system_namespace = query->system_namespace;
    search_raw(&search, "is_current AND NOT deleted");
    search_words(&search, FLOW_WORDS, query->q);
    search_words(&search, "kestra_words(source)", query->source_q);
    search_namespace(&search, query->namespace, false);
    search_scope(&search, query->scope);
    search_labels(&search, query->labels, query->label_count);
    search_filters(&search, filter_fields, query->filters, query->filter_count);
    SearchPage page = {
        .columns = columns, .table = "flow", .sorts = sorts, .fallback = "namespace", .tie = "namespace, id"};
    return search_page(&search, pg, &page, &query->paging, ret, ret_total);
}

int store_flow_search(Pg *pg, const FlowQuery *query, StorePage *ret, Diag *diag)
{
    _cleanup_rows_ PgRows *rows = NULL;
    *ret = (StorePage){};
    int r = search_flows(pg, query, "body", &rows, &ret->total, diag);
    if (r == 0)
        search_take_texts(rows, &ret->bodies);
    return r;
}

int store_flow_select(Pg *pg, const FlowQuery *query, FlowRecords *ret, int64_t *ret_total, Diag *diag)
{
    _cleanup_rows_ PgRows *rows = NULL;
    *ret = (FlowRecords){};
    int r = search_flows(pg, query, RECORD_COLUMNS, &rows, ret_total, diag);
    if (r == 0)
        read_records(rows, ret);
    return r;
}

int store_flow_namespaces(Pg *pg, const char *prefix, bool with_deleted, Texts *ret)
{
    _cleanup_search_ Search search;
    search_init(&search, NULL);
    search_raw(&search, "is_current");
    if (!with_deleted)
        search_raw(&search, "NOT deleted");
    search_text(&search, "starts_with(namespace, ?)", prefix);
    _cleanup_buffer_ Buffer sql = {};
    buffer_printf(&sql, "SELECT DISTINCT namespace FROM flow%s ORDER BY namespace", buffer_text(&search.where));
    _cleanup_rows_ PgRows *rows = NULL;
    int r = fold(search_run(&search, pg, buffer_text(&sql), &rows));
    *ret = (Texts){};
    if (r == 0)
        search_take_texts(rows, ret);
    return r;
}

int store_flow_stamp(Pg *pg, int64_t *ret)
{
    _cleanup_rows_ PgRows *rows = NULL;
    int r = fold(pg_run(pg, &sql_stamp, NULL, &rows));
    if (r == 0)
        *ret = pg_value_integer(rows, 0, 0);
    return r;
}
