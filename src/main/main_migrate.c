/* SPDX-License-Identifier: Apache-2.0 */
/* kestra-migrate: brings the schema of the database up to this version and ends (kestra-migrate.service, oneshot). */
#include "base/log.h"
#include "main/role.h"
#include "store/migrate.h"

static int migrate(const Conf *conf, const char *socket_path _unused_)
{
    const PgSettings settings = {.conninfo = conf_text(conf, "postgresql.dsn"),
                                 .application_name = "kestra-migrate",
                                 .patience_usec = USEC_INFINITY}; /* a large table takes its time */
    _cleanup_(pg_freep) Pg *pg = NULL;
    _cleanup_free_ char *message = NULL;
    int r = pg_new(&settings, &pg, &message);
    if (r < 0) {
        log_error("Setting postgresql.dsn cannot be used: %s", message ? message : "");
        return r;
    }
    r = pg_connect(pg);
    if (r < 0) {
        log_error("PostgreSQL cannot be reached: %s", pg_error(pg));
        return r;
    }
    unsigned applied = 0;
    r = store_schema_migrate(pg, &applied, &message);
    if (r != 0) {
        log_error("%s", message ? message : pg_error(pg));
        return fold(r);
    }
    if (applied)
        log_info("The schema was migrated: %u new", applied);
    else
        log_info("The schema is up to date");
    return 0;
}

int main(int argc, char **argv)
{
    static const Role role = {.name = "migrate", .run = migrate};
    return role_main(argc, argv, &role);
}
