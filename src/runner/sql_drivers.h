/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The databases that kestra-run speaks to for tasks. */
#include "plugin/sql/sql.h"

extern const SqlDriver sql_postgresql_driver; /* libpq */
extern const SqlDriver sql_sqlite_driver;
extern const SqlDriver sql_duckdb_driver; /* the program duckdb */
/* By SqlEngine. */
extern const SqlDriver *const sql_drivers[_SQL_ENGINE_MAX];
