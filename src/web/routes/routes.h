/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* All route tables, one a file of this folder. */
#include "web/session.h"

#define ROUTE_TABLE_LIST(X)                                                                                            \
    X(flows)                                                                                                           \
    X(flows_bulk)                                                                                                      \
    X(flows_validate)                                                                                                  \
    X(flow_task)                                                                                                       \
    X(dependencies)                                                                                                    \
    X(graphs)                                                                                                          \
    X(executions)                                                                                                      \
    X(execution_create)                                                                                                \
    X(execution_operations)                                                                                            \
    X(execution_bulk)                                                                                                  \
    X(execution_files)                                                                                                 \
    X(webhooks)                                                                                                        \
    X(logs)                                                                                                            \
    X(triggers)                                                                                                        \
    X(trigger_changes)                                                                                                 \
    X(flow_files)                                                                                                      \
    X(cluster)                                                                                                         \
    X(poison)                                                                                                          \
    X(plugins)                                                                                                         \
    X(namespaces)                                                                                                      \
    X(kv)                                                                                                              \
    X(namespace_files)                                                                                                 \
    X(stats)                                                                                                           \
    X(misc)

#define ROUTE_TABLE_EXTERN(name) extern const RouteTable routes_##name;
ROUTE_TABLE_LIST(ROUTE_TABLE_EXTERN)
#undef ROUTE_TABLE_EXTERN
extern const RouteTable routes_management; /* TCP port for monitoring */
extern const RouteTable routes_control;    /* the role's unix socket */
extern const RouteTable routes_ui;

/* stats.c: DailyExecutionStatistics of all executions since then, by day. *ret is new. */
int stats_executions_by_day(WebSession *session, usec_t start, json_t **ret) _must_check_;
/* plugins.c: [{"manifest": {…}}] of all plugins. New. */
json_t *plugins_manifests(void);

extern const RouteTable *const route_tables_api[];
extern const size_t route_tables_api_count;
extern const RouteTable *const route_tables_management[];
extern const size_t route_tables_management_count;
extern const RouteTable *const route_tables_local[];
extern const size_t route_tables_local_count;
