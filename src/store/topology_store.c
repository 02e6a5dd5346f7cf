/* SPDX-License-Identifier: Apache-2.0 */
#include "store/topology_store.h"

#include "base/map.h"
#include "doc/json.h"

/* Index flow_reference_flow. */
static const PgStatement sql_remove = {"topology_remove",
                                       "DELETE FROM flow_reference WHERE namespace = $1 AND flow_id = $2"};
static const PgStatement sql_insert = {
    "topology_insert",
    "INSERT INTO flow_reference (namespace, flow_id, relation, target_namespace, target_id, conditions)"
    " VALUES ($1, $2, $3, $4, $5, $6)"};
#define COLUMNS "namespace, flow_id, target_namespace, target_id, conditions"
/* One index for each part of the condition. */
static const PgStatement sql_of_flow = {
    "topology_of_flow",
    "SELECT " COLUMNS " FROM flow_reference WHERE (namespace = $1 AND flow_id = $2)"
    " OR (relation = 'FLOW_TASK' AND target_namespace = $1 AND target_id = $2) OR relation = 'FLOW_TRIGGER'"
    " ORDER BY namespace, flow_id, target_namespace, target_id"};
static const PgStatement sql_of_namespace = {
    "topology_of_namespace", "SELECT " COLUMNS " FROM flow_reference WHERE namespace = $1"
                             " OR (relation = 'FLOW_TASK' AND target_namespace = $1) OR relation = 'FLOW_TRIGGER'"
                             " ORDER BY namespace, flow_id, target_namespace, target_id"};
/* Index flow_current. */
static const PgStatement sql_flows = {
    "topology_flows", "SELECT namespace, id FROM flow WHERE is_current AND NOT deleted ORDER BY namespace, id"};

void flow_references_done(FlowReferences *references)
{
    for (size_t i = 0; i < references->count; i++) {
        FlowReference *reference = &references->items[i];
        free(reference->namespace);
        free(reference->flow_id);
        free(reference->target_namespace);
        free(reference->target_id);
        json_decref(reference->conditions);
    }
    vec_free(references);
}

void flow_keys_done(FlowKeys *keys)
{
    for (size_t i = 0; i < keys->count; i++) {
        free(keys->items[i].namespace);
        free(keys->items[i].id);
    }
    vec_free(keys);
}

/* --- writing --- */

static PgParameters *key_parameters(const char *namespace, const char *id)
{
    PgParameters *parameters = pg_parameters_new();
    pg_add_text(parameters, namespace);
    pg_add_text(parameters, id);
    return parameters;
}

static int insert_task(Pg *pg, const Flow *flow, const char *target_namespace, const char *target_id)
{
    _cleanup_(pg_parameters_freep) PgParameters *parameters = key_parameters(flow->namespace, flow->id);
    pg_add_text(parameters, "FLOW_TASK");
    pg_add_text(parameters, target_namespace);
    pg_add_text(parameters, target_id);
    pg_add_typed_text(parameters, PG_JSON, NULL);
    return fold(pg_run(pg, &sql_insert, parameters, NULL));
}

static int insert_trigger(Pg *pg, const Flow *flow, const Trigger *trigger)
{
    static const char *const names[] = {"conditions", "preconditions"};
    _cleanup_(pg_parameters_freep) PgParameters *parameters = key_parameters(flow->namespace, flow->id);
    _cleanup_json_ json_t *conditions = json_object();
    for (size_t i = 0; i < ELEMENTS(names); i++) {
        json_t *value = json_object_get(trigger->properties, names[i]);
        if (value)
            json_object_set(conditions, names[i], value);
    }
    _cleanup_free_ char *text = json_text(conditions);
    pg_add_text(parameters, "FLOW_TRIGGER");
    pg_add_text(parameters, NULL);
    pg_add_text(parameters, NULL);
    pg_add_typed_text(parameters, PG_JSON, text);
    return fold(pg_run(pg, &sql_insert, parameters, NULL));
}

/* A target that is an expression is known only when the task runs. */
static int insert_tasks(Pg *pg, const Flow *flow, Map *seen)
{
    size_t position = 0;
    const char *id;
    void *value;
    int r = 0;
    while (r == 0 && map_next(flow->tasks_by_id, &position, &id, &value)) {
        const Task *task = value;
        if (!task->type || !task->type->starts_flow)
            continue;
        const char *target_namespace = json_get_text(task->properties, "namespace", flow->namespace);
        const char *target_id = json_get_text(task->properties, "flowId", NULL);
        if (!target_id || strstr(target_namespace, "{{") || strstr(target_id, "{{"))
            continue;
        _cleanup_free_ char *key = xasprintf("%s %s", target_namespace, target_id);
        if (!map_put(seen, key, seen))
            r = insert_task(pg, flow, target_namespace, target_id);
    }
    return r;
}

int store_topology_replace(Pg *pg, const char *namespace, const char *id, const Flow *flow)
{
    _cleanup_(pg_parameters_freep) PgParameters *parameters = key_parameters(namespace, id);
    int r = fold(pg_run(pg, &sql_remove, parameters, NULL));
    if (r < 0 || !flow)
        return r;
    Map *seen = map_new();
    r = insert_tasks(pg, flow, seen);
    map_destroy(seen, NULL);
    for (size_t i = 0; r == 0 && i < flow->trigger_count; i++)
        if (flow->triggers[i].type && flow->triggers[i].type->follows_flow)
            r = insert_trigger(pg, flow, &flow->triggers[i]);
    return r;
}

/* --- reading --- */

int store_topology_read(Pg *pg, const char *namespace, const char *id, FlowReferences *ret)
{
    _cleanup_(pg_parameters_freep) PgParameters *parameters = pg_parameters_new();
    _cleanup_rows_ PgRows *rows = NULL;
    *ret = (FlowReferences){};
    pg_add_text(parameters, namespace);
    if (id)
        pg_add_text(parameters, id);
    int r = fold(pg_run(pg, id ? &sql_of_flow : &sql_of_namespace, parameters, &rows));
    for (size_t i = 0; r == 0 && i < pg_rows_count(rows); i++) {
        FlowReference reference = {.namespace = xstrdup(pg_value(rows, i, 0)),
                                   .flow_id = xstrdup(pg_value(rows, i, 1)),
                                   .target_namespace = xstrdup_null(pg_value(rows, i, 2)),
                                   .target_id = xstrdup_null(pg_value(rows, i, 3))};
        const char *conditions = pg_value(rows, i, 4);
        if (conditions && json_parse(conditions, strlen(conditions), 0, &reference.conditions, NULL) != 0)
            reference.conditions = json_object();
        vec_push(ret, reference);
    }
    return r;
}

int store_topology_flows(Pg *pg, FlowKeys *ret)
{
    _cleanup_rows_ PgRows *rows = NULL;
    *ret = (FlowKeys){};
    int r = fold(pg_run(pg, &sql_flows, NULL, &rows));
    for (size_t i = 0; r == 0 && i < pg_rows_count(rows); i++)
        vec_push(ret, ((FlowKey){.namespace = xstrdup(pg_value(rows, i, 0)), .id = xstrdup(pg_value(rows, i, 1))}));
    return r;
}
