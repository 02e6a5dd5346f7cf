/* SPDX-License-Identifier: Apache-2.0 */
/* The schema is made once, in a template; a fresh database is a copy of it. */
#include "database.h"

#include "store/migrate.h"

static char name[32];
static unsigned made;

static void make_template(Pg *admin)
{
    cluster_sql(admin, "CREATE DATABASE prototype");
    _cleanup_(pg_freep) Pg *pg = cluster_connect("prototype", NULL);
    unsigned applied;
    _cleanup_free_ char *message = NULL;
    if (store_schema_migrate(pg, &applied, &message) != 0 || applied == 0) {
        (void)fprintf(stderr, "%s\n", message ? message : pg_error(pg));
        abort();
    }
}

Pg *database_fresh(void)
{
    _cleanup_(pg_freep) Pg *admin = cluster_connect("postgres", NULL);
    if (made++ == 0)
        make_template(admin);
    (void)snprintf(name, sizeof(name), "test%u", made);
    _cleanup_free_ char *sql = xasprintf("CREATE DATABASE %s TEMPLATE prototype", name);
    cluster_sql(admin, sql);
    return database_session(NULL);
}

Pg *database_session(const char *session_sql)
{
    return cluster_connect(name, session_sql);
}
