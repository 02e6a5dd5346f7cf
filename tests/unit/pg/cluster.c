/* SPDX-License-Identifier: Apache-2.0 */
/* PostgreSQL refuses to run as root, so as root it runs as nobody; setpriv lets it end with this program. */
#include "cluster.h"

#include <ftw.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

#define ARGUMENTS_MAX 40
#define TRIES_MAX     200

static char directory[64];
static pid_t server = -1;

static void give_up(const char *what)
{
    (void)fprintf(stderr, "cluster: %s failed\n", what);
    abort();
}

static const char *bindir(void)
{
    const char *given = getenv("KESTRA_TEST_PG_BIN");
    return given ? given : "/usr/lib/postgresql/15/bin";
}

static pid_t start_program(const char *name, const char *const *arguments)
{
    _cleanup_free_ char *path = xasprintf("%s/%s", bindir(), name);
    const char *all[ARGUMENTS_MAX] = {"setpriv", "--pdeathsig", "INT"};
    size_t count = 3;
    if (geteuid() == 0) {
        all[count++] = "--reuid=nobody";
        all[count++] = "--regid=nogroup";
        all[count++] = "--clear-groups";
    }
    all[count++] = path;
    while (*arguments && count < ARGUMENTS_MAX - 1)
        all[count++] = *arguments++;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", 1, 0);
    if (!getenv("KESTRA_TEST_PG_LOG"))
        posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", 1, 0);
    pid_t pid;
    if (posix_spawnp(&pid, "setpriv", &actions, NULL, (char **)(uintptr_t)all, environ) != 0)
        give_up(name);
    posix_spawn_file_actions_destroy(&actions);
    return pid;
}

static void run_program(const char *name, const char *const *arguments)
{
    int status;
    if (waitpid(start_program(name, arguments), &status, 0) < 0 || status != 0)
        give_up(name);
}

char *cluster_dsn(const char *database)
{
    return xasprintf("host=%s user=kestra dbname=%s", directory, database);
}

Pg *cluster_connect(const char *database, const char *session_sql)
{
    _cleanup_free_ char *dsn = cluster_dsn(database);
    PgSettings settings = {.conninfo = dsn, .application_name = "test", .session_sql = session_sql};
    Pg *pg;
    if (pg_new(&settings, &pg, NULL) < 0)
        give_up(dsn);
    if (pg_connect(pg) != 0)
        give_up(pg_error(pg));
    return pg;
}

static void start_server(void)
{
    _cleanup_free_ char *data = xasprintf("%s/data", directory);
    const char *const arguments[] = {"-D", data,
                                     "-k", directory,
                                     "-c", "listen_addresses=",
                                     "-c", "fsync=off",
                                     "-c", "max_connections=40",
                                     "-c", "autovacuum_naptime=5",
                                     NULL};
    server = start_program("postgres", arguments);
    _cleanup_free_ char *dsn = cluster_dsn("postgres");
    PgSettings settings = {.conninfo = dsn};
    _cleanup_(pg_freep) Pg *pg = NULL;
    if (pg_new(&settings, &pg, NULL) < 0)
        give_up("settings");
    for (unsigned i = 0; i < TRIES_MAX; i++) {
        if (pg_connect(pg) == 0)
            return;
        (void)poll(NULL, 0, 25); /* the server needs its moment */
    }
    give_up("start of the server");
}

void cluster_start(void)
{
    (void)snprintf(directory, sizeof(directory), "/tmp/kestra-test-XXXXXX");
    if (!mkdtemp(directory))
        give_up("directory");
    const struct passwd *nobody = geteuid() == 0 ? getpwnam("nobody") : NULL;
    if (nobody && chown(directory, nobody->pw_uid, nobody->pw_gid) < 0)
        give_up("owner of the directory");
    _cleanup_free_ char *data = xasprintf("%s/data", directory);
    const char *const arguments[] = {"-D", data,   "-N", "-A", "trust", "-U", "kestra", "--locale=C.UTF-8",
                                     "-E", "UTF8", NULL};
    run_program("initdb", arguments);
    start_server();
}

void cluster_halt(void)
{
    if (server < 0)
        return;
    kill(server, SIGINT);
    int status;
    (void)waitpid(server, &status, 0); /* however it ended */
    server = -1;
}

void cluster_resume(void)
{
    start_server();
}

void cluster_restart(void)
{
    cluster_halt();
    start_server();
}

static int remove_one(const char *path, const struct stat *info _unused_, int type _unused_, struct FTW *ftw _unused_)
{
    return remove(path);
}

void cluster_stop(void)
{
    cluster_halt();
    (void)nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS); /* what stays is in /tmp */
}

void cluster_sql(Pg *pg, const char *sql)
{
    if (pg_script(pg, sql) != 0) {
        (void)fprintf(stderr, "%s\n", pg_error(pg));
        give_up(sql);
    }
}

int64_t cluster_number(Pg *pg, const char *sql)
{
    _cleanup_rows_ PgRows *rows = NULL;
    if (pg_run(pg, &(PgStatement){.sql = sql}, NULL, &rows) != 0 || pg_rows_count(rows) == 0) {
        (void)fprintf(stderr, "%s\n", pg_error(pg));
        give_up(sql);
    }
    return pg_value_integer(rows, 0, 0);
}
