/* SPDX-License-Identifier: Apache-2.0 */
/* Which tables are served where. */
#include "web/routes/routes.h"

#define ROUTE_TABLE_ADDRESS(name) &routes_##name,

const RouteTable *const route_tables_api[] = {ROUTE_TABLE_LIST(ROUTE_TABLE_ADDRESS) & routes_ui};
const size_t route_tables_api_count = ELEMENTS(route_tables_api);

const RouteTable *const route_tables_management[] = {&routes_management};
const size_t route_tables_management_count = ELEMENTS(route_tables_management);

const RouteTable *const route_tables_local[] = {ROUTE_TABLE_LIST(ROUTE_TABLE_ADDRESS) & routes_ui, &routes_control};
const size_t route_tables_local_count = ELEMENTS(route_tables_local);
