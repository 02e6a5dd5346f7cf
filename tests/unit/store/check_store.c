/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>

#include "database.h"
#include "queue/queue_pg.h"
#include "store/execution_store.h"
#include "store/flow_cache.h"
#include "store/flow_file_store.h"
#include "store/instance_store.h"
#include "store/log_store.h"
#include "store/migrate.h"
#include "store/setting_store.h"
#include "store/topology_store.h"
#include "store/trigger_store.h"

#define NOW UINT64_C(1750000000000000)

static const Field no_fields[] = {{}};
static const Type log_type = {.name = "io.kestra.plugin.core.log.Log", .kind = TYPE_TASK, .fields = no_fields};
static const Type subflow_type = {
    .name = "io.kestra.plugin.core.flow.Subflow", .kind = TYPE_TASK, .starts_flow = true, .fields = no_fields};
static const Type flow_type = {
    .name = "io.kestra.plugin.core.trigger.Flow", .kind = TYPE_TRIGGER, .follows_flow = true, .fields = no_fields};
static const Type *const types[] = {&log_type, &subflow_type, &flow_type};
static const TypeRegistry registry = {types, ELEMENTS(types)};

static Pg *pg;
static Queue *queue;
static Unit *unit;

static void setup(void)
{
    pg = database_fresh();
    ck_assert_int_eq(queue_pg_new(pg, NULL, &(QueueSettings){}, &queue), 0);
    unit = unit_new();
}

static void teardown(void)
{
    unit = unit_free(unit);
    queue = queue_free(queue);
    pg = pg_free(pg);
}

/* --- schema --- */

START_TEST(the_schema_is_checked)
{
    _cleanup_free_ char *older = NULL, *newer = NULL, *changed = NULL;
    ck_assert_int_eq(store_schema_check(pg, NULL), 0);
    unsigned applied;
    ck_assert_int_eq(store_schema_migrate(pg, &applied, NULL), 0);
    ck_assert_uint_eq(applied, 0);
    cluster_sql(pg, "INSERT INTO schema_migration VALUES (9999, 'future', 'x')");
    ck_assert_int_eq(store_schema_check(pg, &newer), SCHEMA_E_NEWER);
    ck_assert(strstr(newer, "9999") != NULL);
    ck_assert_int_eq(store_schema_migrate(pg, &applied, NULL), SCHEMA_E_NEWER);
    cluster_sql(pg, "DELETE FROM schema_migration WHERE number = 9999; UPDATE schema_migration SET checksum = 'y' "
                    "WHERE number = 1");
    ck_assert_int_eq(store_schema_check(pg, &changed), SCHEMA_E_CHANGED);
    cluster_sql(pg, "DROP TABLE schema_migration");
    ck_assert_int_eq(store_schema_check(pg, &older), SCHEMA_E_OLDER);
    ck_assert(strstr(older, "kestra-migrate") != NULL);
}
END_TEST

/* --- flows --- */

static Flow *parse(const char *source)
{
    Flow *flow = NULL;
    _cleanup_diag_ Diag diag = DIAG_INIT;
    FlowParse options = {.registry = &registry, .lenient = true, .skip_expressions = true};
    int r = flow_parse(source, strlen(source), &options, &flow, &diag);
    ck_assert_msg(r == 0, "%s", diag_first(&diag));
    return flow;
}

static int save_as(const char *source, FlowSaveMode mode, const char *file, bool write_back, FlowSaved *ret)
{
    Flow *flow = parse(source);
    int r =
        store_flow_save(pg, &(FlowSave){.flow = flow, .mode = mode, .file_path = file, .write_back = write_back}, ret);
    flow_unref(flow);
    return r;
}

#define FLOW(id, rest)                                                                                                 \
    "id: " id "\nnamespace: team.a\n" rest "tasks:\n  - id: t\n    type: io.kestra.plugin.core.log.Log\n"

START_TEST(revisions_follow_the_rule)
{
    FlowSaved saved;
    int revision;
    FlowRecord record;
    ck_assert_int_eq(save_as(FLOW("f", ""), FLOW_SAVE_UPDATE, NULL, false, &saved), STORE_E_NONE);
    ck_assert_int_eq(save_as(FLOW("f", ""), FLOW_SAVE_CREATE, NULL, false, &saved), 0);
    ck_assert(saved.revision == 1 && saved.changed && saved.created);
    ck_assert_int_eq(save_as(FLOW("f", ""), FLOW_SAVE_CREATE, NULL, false, &saved), STORE_E_CONFLICT);
    ck_assert_int_eq(save_as(FLOW("f", ""), FLOW_SAVE_UPDATE, NULL, false, &saved), 0);
    ck_assert(saved.revision == 1 && !saved.changed);
    ck_assert_int_eq(save_as("revision: 7\n" FLOW("f", ""), FLOW_SAVE_UPDATE, NULL, false, &saved), 0);
    ck_assert(saved.revision == 1 && !saved.changed);
    ck_assert_int_eq(save_as(FLOW("f", "description: new\n"), FLOW_SAVE_PUT, NULL, false, &saved), 0);
    ck_assert(saved.revision == 2 && saved.changed && !saved.created);
    ck_assert_int_eq(store_flow_delete(pg, "team.a", "f", NULL, false, &revision), 0);
    ck_assert_int_eq(revision, 3);
    ck_assert_int_eq(store_flow_delete(pg, "team.a", "f", NULL, false, &revision), STORE_E_NONE);
    ck_assert_int_eq(store_flow_get(pg, "team.a", "f", 0, false, &record), STORE_E_NONE);
    ck_assert_int_eq(store_flow_get(pg, "team.a", "f", 0, true, &record), 0);
    ck_assert(record.deleted && record.revision == 3);
    flow_record_done(&record);
    ck_assert_int_eq(save_as(FLOW("f", ""), FLOW_SAVE_CREATE, NULL, false, &saved), 0);
    ck_assert_int_eq(saved.revision, 4);
    ck_assert_int_eq(store_flow_get(pg, "team.a", "f", 2, false, &record), 0);
    ck_assert_str_eq(record.source, FLOW("f", "description: new\n"));
    flow_record_done(&record);
    _cleanup_flow_records_ FlowRecords revisions = {};
    ck_assert_int_eq(store_flow_revisions(pg, "team.a", "f", &revisions), 0);
    ck_assert_uint_eq(revisions.count, 4);
    ck_assert(revisions.items[2].deleted);
}
END_TEST

#define SUBFLOW(id, target)                                                                                            \
    "  - id: " id "\n    type: io.kestra.plugin.core.flow.Subflow\n    namespace: team.b\n    flowId: " target "\n"

START_TEST(a_flow_keeps_what_it_says_of_others)
{
    FlowSaved saved;
    FlowReferences references;
    static const char source[] = "id: f\nnamespace: team.a\ntasks:\n" SUBFLOW("one", "child") SUBFLOW("two", "child")
        SUBFLOW("three",
                "'{{ inputs.which }}'") "triggers:\n  - id: after\n    type: io.kestra.plugin.core.trigger.Flow\n    "
                                        "preconditions: {id: window}\n";
    ck_assert_int_eq(save_as(source, FLOW_SAVE_CREATE, NULL, false, &saved), 0);
    ck_assert_int_eq(store_topology_read(pg, "team.a", "f", &references), 0);
    ck_assert_uint_eq(references.count, 2);
    ck_assert(streq(references.items[0].target_namespace, "team.b") && streq(references.items[0].target_id, "child"));
    ck_assert(!references.items[1].target_id && json_object_get(references.items[1].conditions, "preconditions"));
    flow_references_done(&references);
    ck_assert_int_eq(store_topology_read(pg, "team.b", NULL, &references), 0);
    ck_assert_uint_eq(references.count, 2);
    flow_references_done(&references);
    ck_assert_int_eq(save_as(FLOW("f", ""), FLOW_SAVE_UPDATE, NULL, false, &saved), 0);
    ck_assert_int_eq(store_topology_read(pg, "team.a", "f", &references), 0);
    ck_assert_uint_eq(references.count, 0);
    ck_assert_int_eq(save_as(source, FLOW_SAVE_UPDATE, NULL, false, &saved), 0);
    _cleanup_flow_keys_ FlowKeys keys = {};
    ck_assert_int_eq(store_topology_flows(pg, &keys), 0);
    ck_assert(keys.count == 1 && streq(keys.items[0].id, "f"));
    ck_assert_int_eq(store_flow_delete(pg, "team.a", "f", NULL, false, NULL), 0);
    ck_assert_int_eq(store_topology_read(pg, "team.b", "child", &references), 0);
    ck_assert_uint_eq(references.count, 0);
}
END_TEST

START_TEST(a_flow_from_a_file_is_read_only)
{
    FlowSaved saved;
    int revision;
    ck_assert_int_eq(save_as(FLOW("f", ""), FLOW_SAVE_PUT, "a.yaml", false, &saved), 0);
    ck_assert_int_eq(save_as(FLOW("f", "description: x\n"), FLOW_SAVE_UPDATE, NULL, false, &saved), STORE_E_FROM_FILE);
    ck_assert_int_eq(store_flow_delete(pg, "team.a", "f", NULL, false, &revision), STORE_E_FROM_FILE);
    ck_assert_int_eq(save_as(FLOW("f", "description: x\n"), FLOW_SAVE_UPDATE, NULL, true, &saved), 0);
    ck_assert_int_eq(save_as(FLOW("f", "description: x\n"), FLOW_SAVE_PUT, "renamed.yaml", false, &saved), 0);
    ck_assert(!saved.changed);
    _cleanup_flow_record_ FlowRecord record = {};
    ck_assert_int_eq(store_flow_get(pg, "team.a", "f", 0, false, &record), 0);
    ck_assert_str_eq(record.file_path, "renamed.yaml");
    ck_assert_int_eq(store_flow_delete(pg, "team.a", "f", "renamed.yaml", false, &revision), 0);
}
END_TEST

START_TEST(flows_are_searched)
{
    FlowSaved saved;
    ck_assert_int_eq(save_as(FLOW("daily-report", "labels:\n  env: dev\n"), FLOW_SAVE_PUT, NULL, false, &saved), 0);
    ck_assert_int_eq(save_as(FLOW("other", "labels:\n  env: prod\n"), FLOW_SAVE_PUT, NULL, false, &saved), 0);
    _cleanup_page_ StorePage page = {}, past = {}, labelled = {};
    ck_assert_int_eq(store_flow_search(pg, &(FlowQuery){.q = "rep TEAM"}, &page, NULL), 0);
    ck_assert_int_eq(page.total, 1);
    ck_assert(strstr(page.bodies.items[0], "\"daily-report\"") != NULL);
    const char *const sorts[] = {"id:desc"};
    FlowQuery query = {.namespace = "team", .paging = {.page = 9, .size = 1, .sorts = sorts, .sort_count = 1}};
    ck_assert_int_eq(store_flow_search(pg, &query, &past, NULL), 0);
    ck_assert_uint_eq(past.bodies.count, 0);
    ck_assert_int_eq(past.total, 2);
    const StoreLabel label = {"env", "prod"};
    ck_assert_int_eq(store_flow_search(pg, &(FlowQuery){.labels = &label, .label_count = 1}, &labelled, NULL), 0);
    ck_assert_int_eq(labelled.total, 1);
    _cleanup_texts_ Texts namespaces = {};
    ck_assert_int_eq(store_flow_namespaces(pg, "te", false, &namespaces), 0);
    ck_assert_uint_eq(namespaces.count, 1);
    _cleanup_flow_records_ FlowRecords list = {};
    ck_assert_int_eq(store_flow_list(pg, "team.a", false, &list), 0);
    ck_assert_uint_eq(list.count, 2);
}
END_TEST

START_TEST(the_cache_sees_new_revisions)
{
    FlowSaved saved;
    Flow *first, *second, *old;
    ck_assert_int_eq(save_as(FLOW("f", ""), FLOW_SAVE_PUT, NULL, false, &saved), 0);
    _cleanup_(flow_cache_freep) FlowCache *cache =
        flow_cache_new(&(FlowCacheSettings){.registry = &registry, .flows_max = 2});
    ck_assert_int_eq(flow_cache_get(cache, pg, "team.a", "f", 0, &first), 0);
    ck_assert_int_eq(flow_cache_get(cache, pg, "team.a", "f", 0, &second), 0);
    ck_assert_ptr_eq(first, second);
    flow_unref(second);
    ck_assert_int_eq(save_as(FLOW("f", "description: x\n"), FLOW_SAVE_PUT, NULL, false, &saved), 0);
    ck_assert_int_eq(flow_cache_get(cache, pg, "team.a", "f", 0, &second), 0);
    ck_assert_int_eq(second->revision, 2);
    ck_assert_int_eq(flow_cache_get(cache, pg, "team.a", "f", 1, &old), 0);
    ck_assert_ptr_eq(old, first);
    flow_unref(first);
    flow_unref(second);
    flow_unref(old);
    ck_assert_int_eq(flow_cache_get(cache, pg, "team.a", "absent", 0, &old), STORE_E_NONE);
}
END_TEST

/* Only the latest are kept that fit together; a single one that is larger is kept nevertheless. */
START_TEST(the_cache_holds_so_many_bytes)
{
    FlowSaved saved;
    Flow *flows[3], *again;
    ck_assert_int_eq(save_as(FLOW("f", ""), FLOW_SAVE_PUT, NULL, false, &saved), 0);
    ck_assert_int_eq(save_as(FLOW("g", ""), FLOW_SAVE_PUT, NULL, false, &saved), 0);
    ck_assert_int_eq(save_as(FLOW("h", ""), FLOW_SAVE_PUT, NULL, false, &saved), 0);
    static const char *const ids[] = {"f", "g", "h"};
    for (size_t fit = 0; fit < 3; fit++) {
        size_t bytes = fit * strlen(FLOW("f", "")) + 1;
        _cleanup_(flow_cache_freep) FlowCache *cache =
            flow_cache_new(&(FlowCacheSettings){.registry = &registry, .bytes_max = bytes});
        for (size_t i = 0; i < 3; i++)
            ck_assert_int_eq(flow_cache_get(cache, pg, "team.a", ids[i], 1, &flows[i]), 0);
        for (size_t i = 3; i-- > 0;) { /* the references keep each at its address */
            ck_assert_int_eq(flow_cache_get(cache, pg, "team.a", ids[i], 1, &again), 0);
            bool kept = 2 - i < MAX(fit, (size_t)1);
            ck_assert_int_eq(again == flows[i], kept);
            flow_unref(again);
            if (!kept)
                break; /* it has pushed out another */
        }
        for (size_t i = 0; i < 3; i++)
            flow_unref(flows[i]);
    }
}
END_TEST

/* --- executions --- */

static void make_execution(const char *id, const char *namespace, const char *flow, usec_t start, State state)
{
    Execution *execution = execution_new(id, namespace, flow, 1, start);
    json_decref(execution->labels);
    execution->labels = json_pack("[{s:s, s:s}]", "key", "k'ey", "value", id);
    if (state != STATE_CREATED)
        state_set(&execution->state, state, start + USEC_PER_SEC);
    if (streq(flow, "child"))
        execution->trigger = json_pack("{s:s, s:{s:s}}", "id", "parent", "variables", "executionId", "e1");
    execution_add_task_run(execution, "r1", "one", NULL, NULL, NULL, start);
    execution_add_task_run(execution, "r2", "two", NULL, NULL, NULL, start);
    unit_create_execution(unit, execution, start);
    execution_free(execution);
}

static void make_executions(void)
{
    make_execution("e1", "team.a", "main", NOW, STATE_SUCCESS);
    make_execution("e2", "team.a.b", "child", NOW + 10 * USEC_PER_SEC, STATE_FAILED);
    make_execution("e3", "team.ab", "main", NOW + 20 * USEC_PER_SEC, STATE_CREATED);
    make_execution("e4", "system", "main", NOW + 30 * USEC_PER_SEC, STATE_SUCCESS);
    ck_assert_int_eq(queue_commit(queue, unit, NULL, NULL), 0);
}

START_TEST(an_execution_is_assembled_from_its_rows)
{
    make_executions();
    _cleanup_free_ char *text = NULL;
    ck_assert_int_eq(store_execution_get(pg, "e1", &text), 0);
    _cleanup_json_ json_t *body = NULL;
    ck_assert_int_eq(json_parse(text, strlen(text), 0, &body, NULL), 0);
    ck_assert_str_eq(json_get_text(json_at(body, "taskRunList[1]"), "taskId", ""), "two");
    ck_assert_str_eq(json_get_text(json_at(body, "state"), "current", ""), "SUCCESS");
    char *none;
    ck_assert_int_eq(store_execution_get(pg, "absent", &none), STORE_E_NONE);
    _cleanup_(execution_freep) Execution *execution = NULL;
    ck_assert_int_eq(store_execution_load(pg, "e1", &execution), 0);
    ck_assert_uint_eq(execution->task_runs.count, 2);
    State state;
    ck_assert_int_eq(store_execution_state(pg, "e2", &state), 0);
    ck_assert_int_eq(state, STATE_FAILED);
    const char *const ids[] = {"e2", "absent", "e1"};
    _cleanup_execution_heads_ ExecutionHeads heads = {};
    ck_assert_int_eq(store_execution_heads(pg, ids, 3, &heads), 0);
    ck_assert_uint_eq(heads.count, 2);
    ck_assert_str_eq(heads.items[1].id, "e1");
}
END_TEST

static const StoreLabel label_e1 = {"k'ey", "e1"}, label_injected = {"x' OR '1'='1", "%"};
static const StoreFilter filter_not_failed = {"state", "NOT_EQUALS", NULL, "FAILED"},
                         filter_in = {"flowId", "IN", NULL, "main,none"},
                         filter_label = {"labels", "EQUALS", NULL, "k'ey:e2"},
                         filter_key = {"labels", "NOT_EQUALS", "k'ey", "e2"},
                         filter_ns = {"namespace", "EQUALS", NULL, "team.a"},
                         filter_below = {"namespace", "PREFIX", NULL, "team.a"},
                         filter_states = {"state", "NOT_IN", NULL, "SUCCESS,CREATED"},
                         filter_labels_in = {"labels", "IN", NULL, "k'ey:e1,none:x,k'ey:e2"},
                         filter_key_in = {"labels", "IN", "k'ey", "e2,e1"},
                         filter_labels_not_in = {"labels", "NOT_IN", "k'ey", "e2,e1"},
                         filter_labels_part = {"labels", "CONTAINS", NULL, "'e"},
                         filter_key_part = {"labels", "CONTAINS", NULL, "k'ey:2"},
                         filter_any_part = {"labels", "CONTAINS", NULL, "e1"},
                         filter_scopes = {"scope", "NOT_IN", NULL, "USER,SYSTEM"},
                         filter_regex = {"namespace", "REGEX", NULL, "^team"},
                         filter_child = {"childFilter", "EQUALS", NULL, "CHILD"},
                         filter_range = {"timeRange", "EQUALS", NULL, "PT15S"}, filter_q = {"q", "EQUALS", NULL, "e3"},
                         filter_quote = {"flowId", "CONTAINS", NULL, "'; DROP TABLE execution; --"},
                         filter_date = {"startDate", "GREATER_THAN_OR_EQUAL_TO", NULL, "2025-06-15T15:06:50Z"};
static const struct {
    ExecutionQuery query;
    const char *ids; /* newest first */
} searches[] = {
    {{}, "e4 e3 e2 e1"},
    {{.q = "*"}, "e4 e3 e2 e1"},
    {{.q = "e1"}, "e1"},
    {{.q = "TEAM mai"}, "e3 e1"},
    {{.q = "--"}, ""},
    {{.namespace = "team.a"}, "e2 e1"},
    {{.namespace = "team.a", .flow_id = "main"}, "e1"},
    {{.scope = STORE_SCOPE_USER}, "e3 e2 e1"},
    {{.scope = STORE_SCOPE_SYSTEM}, "e4"},
    {{.states = 1u << STATE_SUCCESS | 1u << STATE_CREATED}, "e4 e3 e1"},
    {{.start_date = NOW + 20 * USEC_PER_SEC}, "e4 e3"},
    {{.end_date = NOW + 12 * USEC_PER_SEC}, "e2 e1"},
    {{.labels = &label_e1, .label_count = 1}, "e1"},
    {{.labels = &label_injected, .label_count = 1}, ""},
    {{.trigger_execution_id = "e1"}, "e2"},
    {{.child_filter = CHILD_FILTER_MAIN}, "e4 e3 e1"},
    {{.child_filter = CHILD_FILTER_CHILD}, "e2"},
    {{.filters = &filter_not_failed, .filter_count = 1}, "e4 e3 e1"},
    {{.filters = &filter_in, .filter_count = 1}, "e4 e3 e1"},
    {{.filters = &filter_label, .filter_count = 1}, "e2"},
    {{.filters = &filter_key, .filter_count = 1}, "e4 e3 e1"},
    {{.filters = &filter_ns, .filter_count = 1}, "e1"},
    {{.filters = &filter_below, .filter_count = 1}, "e2 e1"},
    {{.filters = &filter_states, .filter_count = 1}, "e2"},
    {{.filters = &filter_labels_in, .filter_count = 1}, "e2 e1"},
    {{.filters = &filter_key_in, .filter_count = 1}, "e2 e1"},
    {{.filters = &filter_labels_not_in, .filter_count = 1}, "e4 e3"},
    {{.filters = &filter_labels_part, .filter_count = 1}, "e4 e3 e2 e1"},
    {{.filters = &filter_key_part, .filter_count = 1}, "e2"},
    {{.filters = &filter_any_part, .filter_count = 1}, "e1"},
    {{.filters = &filter_scopes, .filter_count = 1}, ""},
    {{.filters = &filter_regex, .filter_count = 1}, "e3 e2 e1"},
    {{.filters = &filter_child, .filter_count = 1}, "e2"},
    {{.filters = &filter_range, .filter_count = 1, .now = NOW + 30 * USEC_PER_SEC}, "e4 e3"},
    {{.filters = &filter_q, .filter_count = 1}, "e3"},
    {{.filters = &filter_quote, .filter_count = 1}, ""},
    {{.filters = &filter_date, .filter_count = 1}, "e4 e3 e2"},
};

START_TEST(executions_are_searched)
{
    make_executions();
    _cleanup_texts_ Texts ids = {};
    _cleanup_diag_ Diag diag = DIAG_INIT;
    ck_assert_msg(store_execution_ids(pg, &searches[_i].query, &ids, &diag) == 0, "%s", diag_first(&diag));
    _cleanup_buffer_ Buffer found = {};
    for (size_t i = 0; i < ids.count; i++)
        buffer_printf(&found, "%s%s", i ? " " : "", ids.items[i]);
    ck_assert_str_eq(buffer_text(&found), searches[_i].ids);
    int64_t count;
    ck_assert_int_eq(store_execution_count(pg, &searches[_i].query, &count, NULL), 0);
    ck_assert_uint_eq((size_t)count, ids.count);
}
END_TEST

START_TEST(pages_have_exact_totals)
{
    make_executions();
    const char *const sorts[] = {"state.startDate:asc"};
    for (unsigned number = 1; number <= 3; number++) {
        static const size_t counts[] = {3, 1, 0};
        _cleanup_buffer_ Buffer text = {};
        _cleanup_json_ json_t *page = NULL;
        ExecutionQuery query = {.paging = {.page = number, .size = 3, .sorts = sorts, .sort_count = 1}};
        ck_assert_int_eq(store_execution_search(pg, &query, &(StoreSink){.text = &text}, NULL), 0);
        ck_assert_int_eq(json_parse(text.text, text.length, 0, &page, NULL), 0);
        ck_assert_int_eq(json_integer_value(json_object_get(page, "total")), 4);
        ck_assert_uint_eq(json_array_size(json_object_get(page, "results")), counts[number - 1]);
        for (size_t i = 0; i < counts[number - 1]; i++) {
            const json_t *found = json_array_get(json_object_get(page, "results"), i);
            _cleanup_free_ char *alone = NULL, *shown = json_text(found);
            ck_assert_int_eq(store_execution_get(pg, json_get_text(found, "id", ""), &alone), 0);
            ck_assert_str_eq(shown, alone);
        }
    }
}
END_TEST

static const char *const wrong_sorts[] = {"start_date:asc", "id", "id:asc:desc", "(select 1):asc", ""};
START_TEST(unknown_sorts_are_refused)
{
    _cleanup_buffer_ Buffer text = {};
    ExecutionQuery query = {.paging = {.size = 1, .sorts = &wrong_sorts[_i], .sort_count = 1}};
    ck_assert_int_eq(store_execution_search(pg, &query, &(StoreSink){.text = &text}, NULL), STORE_E_QUERY);
}
END_TEST

static const StoreFilter wrong_filters[] = {
    {"nothing", "EQUALS", NULL, "x"},         {"flowId", "LIKE", NULL, "x"},      {"startDate", "EQUALS", NULL, "x"},
    {"labels", "EQUALS", NULL, "x"},          {"timeRange", "EQUALS", NULL, "x"}, {"namespace", "REGEX", NULL, "("},
    {"state", "NOT_EQUALS", NULL, "FAILD"},   {"state", "IN", NULL, "FAILED,"},   {"state", "CONTAINS", NULL, "FAIL"},
    {"scope", "EQUALS", NULL, "USERS"},       {"scope", "REGEX", NULL, "USER"},   {"childFilter", "IN", NULL, "CHILD"},
    {"timeRange", "LESS_THAN", NULL, "PT1S"}, {"q", "NOT_EQUALS", NULL, "a"},     {"labels", "IN", NULL, "a:b,c"},
    {"labels", "REGEX", NULL, "a:b"},         {"flowId", "EQUALS", "key", "x"},
};
START_TEST(wrong_filters_are_refused)
{
    Texts ids;
    _cleanup_diag_ Diag diag = DIAG_INIT;
    ExecutionQuery query = {.filters = &wrong_filters[_i], .filter_count = 1};
    ck_assert_int_eq(store_execution_ids(pg, &query, &ids, &diag), STORE_E_QUERY);
    ck_assert_str_ne(diag_first(&diag), "");
}
END_TEST

START_TEST(executions_are_counted)
{
    make_executions();
    _cleanup_execution_counts_ ExecutionCounts counts = {}, days = {};
    ck_assert_int_eq(store_execution_counts(pg, &(ExecutionQuery){}, COUNT_BY_FLOW, NULL, &counts, NULL), 0);
    ck_assert_uint_eq(counts.count, 4);
    ck_assert_str_eq(counts.items[0].namespace, "system");
    ck_assert_uint_eq(counts.items[0].duration_sum, USEC_PER_SEC);
    ck_assert_int_eq(store_execution_counts(pg, &(ExecutionQuery){}, 0, "day", &days, NULL), 0);
    ck_assert_uint_eq(days.count, 3);
    ck_assert_ptr_null(days.items[0].namespace);
}
END_TEST

/* --- logs and metrics --- */

static void make_log(const char *execution, const char *task, int level, usec_t at, const char *message)
{
    unit_log(unit, &(LogEntry){.namespace = "team.a",
                               .flow_id = "main",
                               .execution_id = execution,
                               .task_id = task,
                               .task_run_id = "r",
                               .attempt = task ? 0 : -1,
                               .timestamp = at,
                               .level = level,
                               .message = message});
}

START_TEST(logs_are_read)
{
    make_log("e1", "one", LOG_LEVEL_INFO, NOW + 1000, "second \"quoted\"");
    make_log("e1", NULL, LOG_LEVEL_ERROR, NOW, "first\xFF");
    make_log("e2", "one", LOG_LEVEL_DEBUG, NOW, "other");
    ck_assert_int_eq(queue_commit(queue, unit, NULL, NULL), 0);
    _cleanup_page_ StorePage all = {}, errors = {}, words = {};
    LogQuery query = {.execution_id = "e1", .attempt = LOG_ANY_ATTEMPT};
    ck_assert_int_eq(store_log_search(pg, &query, &all, NULL), 0);
    ck_assert_int_eq(all.total, 2);
    ck_assert_str_eq(all.bodies.items[0],
                     "{\"namespace\":\"team.a\",\"flowId\":\"main\",\"executionId\":\"e1\",\"taskRunId\":\"r\","
                     "\"attemptNumber\":null,\"timestamp\":\"2025-06-15T15:06:40.000Z\",\"level\":\"ERROR\","
                     "\"message\":\"first\xEF\xBF\xBD\",\"deleted\":false}");
    query.level_min = LOG_LEVEL_WARN;
    ck_assert_int_eq(store_log_search(pg, &query, &errors, NULL), 0);
    ck_assert_int_eq(errors.total, 1);
    ck_assert_int_eq(store_log_search(pg, &(LogQuery){.q = "quot", .attempt = LOG_ANY_ATTEMPT}, &words, NULL), 0);
    ck_assert_int_eq(words.total, 1);
    LogCounts counts;
    ck_assert_int_eq(store_log_counts(pg, &(LogQuery){.attempt = LOG_ANY_ATTEMPT}, "day", &counts, NULL), 0);
    ck_assert_uint_eq(counts.count, 3);
    vec_free(&counts);
    uint64_t deleted;
    ck_assert_int_eq(store_log_delete(pg, &(LogQuery){.execution_id = "e1", .attempt = LOG_ANY_ATTEMPT}, &deleted), 0);
    ck_assert_uint_eq(deleted, 2);
    ck_assert_int_lt(store_log_delete(pg, &(LogQuery){.attempt = LOG_ANY_ATTEMPT}, &deleted), 0);
}
END_TEST

START_TEST(a_follower_misses_nothing)
{
    LogQuery query = {.execution_id = "e1", .attempt = LOG_ANY_ATTEMPT};
    _cleanup_(pg_freep) Pg *slow = database_session(NULL);
    char *cursor = NULL, *next = NULL;
    StorePage page;
    static const char *const insert = "INSERT INTO log (timestamp, level, namespace, flow_id, execution_id, message)"
                                      " VALUES ('2025-06-15T15:06:40Z', 2, 'n', 'f', 'e1', 'slow')";
    ck_assert_int_eq(pg_begin(slow), 0); /* begins first, ends last */
    cluster_sql(slow, insert);
    size_t seen[4];
    for (int i = 0; i < 4; i++) {
        if (i == 1) {
            make_log("e1", "one", LOG_LEVEL_INFO, NOW + 1000, "fast");
            ck_assert_int_eq(queue_commit(queue, unit, NULL, NULL), 0);
        }
        if (i == 2)
            ck_assert_int_eq(pg_commit(slow), 0);
        ck_assert_int_eq(store_log_after(pg, &query, cursor, &page, &next), 0);
        seen[i] = page.bodies.count;
        store_page_done(&page);
        free(cursor);
        cursor = next;
    }
    free(cursor);
    ck_assert(seen[0] == 0 && seen[1] == 1 && seen[2] == 1 && seen[3] == 0);
}
END_TEST

START_TEST(metrics_are_read)
{
    for (int i = 1; i <= 3; i++)
        unit_metric(unit, &(MetricEntry){.namespace = "n",
                                         .flow_id = "f",
                                         .task_id = "t",
                                         .execution_id = "e1",
                                         .name = "rows",
                                         .value = i,
                                         .timestamp = NOW,
                                         .is_timer = i == 3});
    ck_assert_int_eq(queue_commit(queue, unit, NULL, NULL), 0);
    const char *const sorts[] = {"value:desc"};
    MetricQuery query = {.execution_id = "e1", .paging = {.size = 1, .sorts = sorts, .sort_count = 1}};
    _cleanup_page_ StorePage page = {};
    ck_assert_int_eq(store_metric_search(pg, &query, &page, NULL), 0);
    ck_assert_int_eq(page.total, 3);
    ck_assert(strstr(page.bodies.items[0], "\"type\":\"timer\",\"name\":\"rows\",\"value\":3.0") != NULL);
    _cleanup_texts_ Texts names = {}, tasks = {};
    ck_assert_int_eq(store_metric_names(pg, &(MetricQuery){.namespace = "n", .flow_id = "f"}, &names), 0);
    ck_assert_int_eq(store_metric_tasks(pg, &(MetricQuery){.namespace = "n", .flow_id = "f"}, &tasks), 0);
    ck_assert(names.count == 1 && tasks.count == 1);
    MetricBuckets buckets;
    ck_assert_int_eq(store_metric_aggregate(pg, &(MetricQuery){.name = "rows"}, "avg", "day", &buckets), 0);
    ck_assert(buckets.count == 1 && buckets.items[0].value == 2.0);
    vec_free(&buckets);
    ck_assert_int_eq(store_metric_aggregate(pg, &(MetricQuery){}, "median", "day", &buckets), STORE_E_QUERY);
}
END_TEST

START_TEST(partitions_come_and_go)
{
    cluster_sql(pg, "SELECT kestra_partitions_prepare()");
    ck_assert_int_ge(cluster_number(pg, "SELECT count(*) FROM pg_inherits WHERE inhparent = 'log'::regclass"), 6);
    make_log("e1", "one", LOG_LEVEL_INFO, NOW, "of a day without a partition");
    ck_assert_int_eq(queue_commit(queue, unit, NULL, NULL), 0);
    ck_assert_int_eq(cluster_number(pg, "SELECT count(*) FROM log_default"), 1);
    ck_assert_int_eq(cluster_number(pg, "SELECT kestra_partition('log', '2025-06-15')::integer"), 0);
    cluster_sql(pg, "SELECT kestra_partition('log', '2020-01-01')");
    cluster_sql(pg, "SELECT kestra_partition('log', '2020-01-02')");
    cluster_sql(
        pg,
        "INSERT INTO log (timestamp, level, namespace, flow_id, message) VALUES ('2020-01-02', 1, 'n', 'f', 'old')");
    ck_assert_int_eq(cluster_number(pg, "SELECT kestra_partitions_expire(0)"), 1); /* the empty one */
    ck_assert_int_eq(cluster_number(pg, "SELECT count(*) FROM log WHERE message = 'old'"), 1);
    ck_assert_int_eq(cluster_number(pg, "SELECT kestra_partitions_expire(3650 * 86400)"), 0);
    ck_assert_int_eq(cluster_number(pg, "SELECT kestra_partitions_expire(86400)"), 1);
    ck_assert_int_eq(cluster_number(pg, "SELECT count(*) FROM log WHERE message = 'old'"), 0);
    ck_assert_int_ge(cluster_number(pg, "SELECT count(*) FROM pg_inherits WHERE inhparent = 'log'::regclass"), 6);
}
END_TEST

/* --- the rest --- */

START_TEST(trigger_commands_wait_until_they_are_done)
{
    _cleanup_json_ json_t *body = json_pack("{s:s, s:s, s:s}", "namespace", "team.a", "flowId", "f", "triggerId", "t");
    unit_save_trigger(unit, &(TriggerState){"team.a", "f", "t", .body = body, .next_date = NOW, .declaration = 7});
    ck_assert_int_eq(queue_commit(queue, unit, NULL, NULL), 0);
    unit_send_trigger_command(unit, "team.a", "f", "t", "setDisabled", json_pack("{s:b}", "disabled", true));
    unit_send_trigger_command(unit, "team.a", "f", "absent", "restart", NULL);
    unit_send_trigger_command(unit, "team.a", "f", "t", "restart", NULL);
    ck_assert_int_eq(queue_commit(queue, unit, NULL, NULL), 0);
    _cleanup_free_ char *key = trigger_key("team.a", "f", "t");
    _cleanup_trigger_commands_ TriggerCommands mine = {}, others = {}, rest = {};
    ck_assert_int_eq(store_trigger_commands(pg, UINT64_C(1) << shard_of(key), &mine), 0);
    ck_assert_int_eq(store_trigger_commands(pg, ~(UINT64_C(1) << shard_of(key)), &others), 0);
    ck_assert(mine.count == 2 && others.count == 0);
    ck_assert_str_eq(mine.items[0].key, key);
    ck_assert_str_eq(mine.items[0].kind, "setDisabled");
    ck_assert(json_get_boolean(mine.items[0].arguments, "disabled", false));
    ck_assert_str_eq(mine.items[1].kind, "restart");
    bool waits = false;
    ck_assert_int_eq(store_trigger_command_waits(pg, "team.a", "f", "t", &waits), 0);
    ck_assert(waits);
    unit_finish_trigger_command(unit, mine.items[0].sequence);
    ck_assert_int_eq(queue_commit(queue, unit, NULL, NULL), 0);
    ck_assert_int_eq(store_trigger_commands(pg, UINT64_MAX, &rest), 0);
    ck_assert(rest.count == 1 && rest.items[0].sequence == mine.items[1].sequence);
}
END_TEST

/* The result of an evaluation is taken from who holds its job, once, and of a trigger that is there. */
START_TEST(results_of_triggers_become_commands)
{
    _cleanup_json_ json_t *body = json_pack("{s:s, s:s, s:s}", "namespace", "team.a", "flowId", "f", "triggerId", "t");
    unit_save_trigger(unit, &(TriggerState){"team.a", "f", "t", .body = body, .next_date = NOW});
    unit_dispatch_job(unit, "", "e1", "team.a_f_t", 0, json_object());
    unit_dispatch_job(unit, "", "e2", "team.a_f_gone", 0, json_object());
    ck_assert_int_eq(queue_commit(queue, unit, NULL, NULL), 0);
    QueueBatch batch = {}, nothing = {};
    ck_assert_int_eq(queue_join(queue, "worker", "/run/worker.sock"), 0);
    ck_assert_int_eq(queue_commit(queue, NULL, &(QueueFetch){.jobs_max = 10, .worker_group = ""}, &batch), 0);
    ck_assert_uint_eq(batch.jobs.count, 2);
    ck_assert_str_eq(batch.jobs.items[0].task_run_id, "team.a_f_t");
    for (unsigned turn = 0; turn < 2; turn++) {
        unit_finish_trigger_job(unit, batch.jobs.items[0].sequence, "team.a", "f", "t", "evaluationEnded",
                                json_pack("{s:b}", "fires", true));
        unit_finish_trigger_job(unit, batch.jobs.items[1].sequence, "team.a", "f", "gone", "evaluationEnded",
                                json_object());
        ck_assert_int_eq(queue_commit(queue, unit, NULL, &nothing), 0);
        ck_assert_uint_eq(nothing.refused, turn == 0 ? 1 : 2);
    }
    ck_assert_int_eq(cluster_number(pg, "SELECT count(*) FROM job"), 0);
    _cleanup_trigger_commands_ TriggerCommands commands = {};
    ck_assert_int_eq(store_trigger_commands(pg, UINT64_MAX, &commands), 0);
    ck_assert_uint_eq(commands.count, 1);
    ck_assert_str_eq(commands.items[0].kind, "evaluationEnded");
    ck_assert(json_get_boolean(commands.items[0].arguments, "fires", false));
    queue_batch_done(&batch);
}
END_TEST

/* A lock whose execution is not there is seen when the trigger is loaded. */
START_TEST(orphaned_locks_are_seen)
{
    _cleanup_json_ json_t *body =
        json_pack("{s:s, s:s, s:s, s:s}", "namespace", "team.a", "flowId", "f", "triggerId", "t", "executionId", "e1");
    static const char *const statements[] = {
        NULL,
        "INSERT INTO execution (id, shard, namespace, flow_id, flow_revision, state, start_date, duration_usec, "
        "labels, body)"
        " VALUES ('e1', 0, 'team.a', 'f', 1, 'RUNNING', now(), 0, '{}', '{}')",
        "UPDATE execution SET state = 'SUCCESS', end_date = now()",
    };
    static const bool orphaned[] = {true, false, true};
    unit_save_trigger(unit, &(TriggerState){"team.a", "f", "t", .body = body, .next_date = NOW});
    ck_assert_int_eq(queue_commit(queue, unit, NULL, NULL), 0);
    for (size_t i = 0; i < ELEMENTS(statements); i++) {
        _cleanup_trigger_records_ TriggerRecords records = {};
        if (statements[i])
            cluster_sql(pg, statements[i]);
        ck_assert_int_eq(store_trigger_load(pg, UINT64_MAX, &records), 0);
        ck_assert_uint_eq(records.count, 1);
        ck_assert_msg(records.items[0].orphaned == orphaned[i], "%zu", i);
    }
}
END_TEST

START_TEST(triggers_are_read)
{
    _cleanup_json_ json_t *body = json_pack("{s:s, s:s, s:s}", "namespace", "team.a", "flowId", "f", "triggerId", "t");
    unit_save_trigger(unit, &(TriggerState){"team.a", "f", "t", .body = body, .next_date = NOW, .declaration = 7});
    ck_assert_int_eq(queue_commit(queue, unit, NULL, NULL), 0);
    _cleanup_free_ char *key = trigger_key("team.a", "f", "t");
    _cleanup_trigger_records_ TriggerRecords mine = {}, others = {};
    ck_assert_int_eq(store_trigger_load(pg, UINT64_C(1) << shard_of(key), &mine), 0);
    ck_assert_int_eq(store_trigger_load(pg, ~(UINT64_C(1) << shard_of(key)), &others), 0);
    ck_assert(mine.count == 1 && others.count == 0);
    ck_assert_uint_eq(mine.items[0].next_date, NOW);
    ck_assert(mine.items[0].is_declared && mine.items[0].declaration == 7 && !mine.items[0].orphaned);
    TriggerRecord record;
    ck_assert_int_eq(store_trigger_get(pg, "team.a", "f", "absent", &record), STORE_E_NONE);
    _cleanup_page_ StorePage page = {};
    ck_assert_int_eq(store_trigger_search(pg, &(TriggerQuery){.q = "team", .namespace = "team"}, &page, NULL), 0);
    ck_assert_int_eq(page.total, 1);
    FlowSaved saved;
    unit_send_trigger_command(unit, "team.a", "f", "t", "setDisabled", json_pack("{s:b}", "disabled", true));
    ck_assert_int_eq(queue_commit(queue, unit, NULL, NULL), 0);
    ck_assert_int_eq(save_as(FLOW("f", ""), FLOW_SAVE_PUT, NULL, false, &saved), 0); /* declares no trigger */
    bool waits = true;
    ck_assert_int_eq(store_trigger_command_waits(pg, "team.a", "f", "t", &waits), 0);
    ck_assert_msg(!waits, "a command goes with its trigger");
    ck_assert_int_eq(store_trigger_get(pg, "team.a", "f", "t", &record), STORE_E_NONE);
}
END_TEST

START_TEST(settings_are_kept)
{
    json_t *value = NULL;
    ck_assert_int_eq(store_setting_get(pg, "k", &value), STORE_E_NONE);
    _cleanup_json_ json_t *one = json_pack("{s:i}", "a", 1), *two = json_integer(2);
    ck_assert_int_eq(store_setting_get_or_set(pg, "k", one, &value), 0);
    json_decref(value);
    ck_assert_int_eq(store_setting_get_or_set(pg, "k", two, &value), 0);
    ck_assert(json_equal(value, one));
    json_decref(value);
    ck_assert_int_eq(store_setting_set(pg, "k", two), 0);
    ck_assert_int_eq(store_setting_get(pg, "k", &value), 0);
    ck_assert(json_equal(value, two));
    json_decref(value);
    ck_assert_int_eq(store_setting_delete(pg, "k"), 0);
}
END_TEST

START_TEST(flow_files_are_kept)
{
    const FlowFileRecord records[] = {
        {.hash = (char *)(uintptr_t) "h",
         .namespace = (char *)(uintptr_t) "n",
         .id = (char *)(uintptr_t) "f",
         .revision = 2,
         .modified = NOW},
        {.document = 1, .hash = (char *)(uintptr_t) "h", .error = (char *)(uintptr_t) "wrong", .line = 3, .column = 4},
    };
    ck_assert_int_eq(store_flow_file_replace(pg, "a.yaml", records, 2), 0);
    _cleanup_flow_file_records_ FlowFileRecords all = {}, errors = {}, none = {};
    ck_assert_int_eq(store_flow_file_list(pg, false, &all), 0);
    ck_assert_int_eq(store_flow_file_list(pg, true, &errors), 0);
    ck_assert(all.count == 2 && errors.count == 1);
    ck_assert_uint_eq(errors.items[0].column, 4);
    ck_assert_uint_eq(all.items[0].modified, NOW);
    ck_assert_int_eq(store_flow_file_replace(pg, "a.yaml", NULL, 0), 0);
    ck_assert_int_eq(store_flow_file_list(pg, false, &none), 0);
    ck_assert_uint_eq(none.count, 0);
}
END_TEST

START_TEST(instances_are_listed)
{
    ck_assert_int_eq(queue_join(queue, "executor", "/run/x.sock"), 0);
    QueueMembership membership;
    bool work;
    ck_assert_int_eq(queue_heartbeat(queue, &membership, &work), 0);
    _cleanup_instance_records_ InstanceRecords list = {};
    ck_assert_int_eq(store_instance_list(pg, &list), 0);
    ck_assert_uint_eq(list.count, 1);
    ck_assert_str_eq(list.items[0].state, "ALIVE");
    ck_assert_int_eq(list.items[0].shards, 64);
    _cleanup_queue_depth_ QueueDepth depth = {};
    ck_assert_int_eq(store_queue_depth(pg, &depth), 0);
    ck_assert(depth.groups.count == 0 && depth.oldest_event == 0);
    cluster_sql(pg, "INSERT INTO job (worker_group, instance, attempt, execution_id, task_run_id, body) VALUES"
                    " ('gpu', NULL, 0, 'e', 't', ''), ('gpu', 'w', 0, 'e', 'u', '')");
    ck_assert_int_eq(store_queue_depth(pg, &depth), 0);
    ck_assert_uint_eq(depth.groups.count, 1);
    ck_assert_str_eq(depth.groups.items[0].name, "gpu");
    ck_assert(depth.groups.items[0].waiting == 1 && depth.groups.items[0].running == 1);
    ck_assert_uint_ne(depth.groups.items[0].oldest, 0);
}
END_TEST

int main(void)
{
    cluster_start();
    TCase *test = tcase_create("store");
    tcase_set_timeout(test, 60);
    tcase_add_checked_fixture(test, setup, teardown);
    tcase_add_test(test, the_schema_is_checked);
    tcase_add_test(test, revisions_follow_the_rule);
    tcase_add_test(test, a_flow_keeps_what_it_says_of_others);
    tcase_add_test(test, a_flow_from_a_file_is_read_only);
    tcase_add_test(test, flows_are_searched);
    tcase_add_test(test, the_cache_sees_new_revisions);
    tcase_add_test(test, the_cache_holds_so_many_bytes);
    tcase_add_test(test, an_execution_is_assembled_from_its_rows);
    tcase_add_loop_test(test, executions_are_searched, 0, (int)ELEMENTS(searches));
    tcase_add_test(test, pages_have_exact_totals);
    tcase_add_loop_test(test, unknown_sorts_are_refused, 0, (int)ELEMENTS(wrong_sorts));
    tcase_add_loop_test(test, wrong_filters_are_refused, 0, (int)ELEMENTS(wrong_filters));
    tcase_add_test(test, executions_are_counted);
    tcase_add_test(test, logs_are_read);
    tcase_add_test(test, a_follower_misses_nothing);
    tcase_add_test(test, metrics_are_read);
    tcase_add_test(test, partitions_come_and_go);
    tcase_add_test(test, trigger_commands_wait_until_they_are_done);
    tcase_add_test(test, triggers_are_read);
    tcase_add_test(test, results_of_triggers_become_commands);
    tcase_add_test(test, orphaned_locks_are_seen);
    tcase_add_test(test, settings_are_kept);
    tcase_add_test(test, flow_files_are_kept);
    tcase_add_test(test, instances_are_listed);
    Suite *suite = suite_create("store");
    suite_add_tcase(suite, test);
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK); /* the server is this process's child */
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    cluster_stop();
    return failed != 0;
}
