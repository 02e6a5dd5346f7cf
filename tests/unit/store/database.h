/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Databases with our schema on the test cluster. */
#include "cluster.h"

/* A new database, migrated; a session on it. The earlier one stays until the cluster goes. */
Pg *database_fresh(void);
/* Another session on the newest. */
Pg *database_session(const char *session_sql);
