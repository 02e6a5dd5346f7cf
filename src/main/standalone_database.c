/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The private PostgreSQL. It listens on a unix socket below DATA only, in a directory that nobody else may enter, so
 * that "trust" means: who started us. PostgreSQL refuses to run as root; then it runs as the owner of DATA, as
 * postgres, or as nobody, the first of them that is not root.
 */
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "main/standalone.h"
#include "pg/pg.h"

#define START_TIMEOUT (60 * USEC_PER_SEC)

/* Everything that differs from PostgreSQL's defaults; %s: directory of the socket. */
static const char settings[] = "\n# --- kestra-standalone ---\n"
                               "listen_addresses = ''\n"
                               "unix_socket_directories = '%s'\n"
                               "max_connections = 100\n"
                               "shared_buffers = 128MB\n"
                               "dynamic_shared_memory_type = mmap\n" /* leaves nothing in /dev/shm after a crash */
                               "max_wal_size = 2GB\n"
                               "wal_compression = on\n"
                               "jit = off\n"
                               "log_min_messages = warning\n"
                               "log_checkpoints = off\n"
                               "autovacuum_naptime = 30s\n"
                               "timezone = 'UTC'\n";

static const char create_sql[] =
    "VACUUM (ANALYZE);\n\nCREATE ROLE kestra LOGIN;\n\nCREATE DATABASE kestra OWNER kestra;\n\n";

int standalone_run(const Standalone *standalone, const char *const *arguments, const char *input, bool as_database_user)
{
    _cleanup_free_ char *log_path = xasprintf("%s/log/setup.log", standalone->data);
    _cleanup_(close_fdp) int log = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    _cleanup_(spawn_freep) Spawned *child = NULL;
    SpawnOptions options = {
        .arguments = arguments,
        .input = input ? SPAWN_PIPE : SPAWN_NULL,
        .output = log,
        .error = log,
        .directory = "/",
        .death_signal = SIGKILL,
        .change_user = as_database_user && standalone->is_root,
        .user = standalone->database_user,
        .group = standalone->database_group,
    };
    int r = log < 0 ? outage(-errno) : spawn_start(standalone->spawner, &options, &child);
    if (r != 0) {
        log_error("%s cannot be started: %m", arguments[0]);
        return fold(r);
    }
    int fd = spawn_stdin(child);
    if (input && write(fd, input, strlen(input)) < 0) /* shorter than a pipe's buffer */
        r = outage(-errno);
    close_fd(fd);
    siginfo_t info = {};
    struct pollfd ended = {.fd = spawn_pidfd(child), .events = POLLIN};
    while (!spawn_ended(child, &info))
        (void)poll(&ended, 1, -1); /* an interrupted one is repeated */
    if (r >= 0)
        r = info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
    if (r > 0)
        log_error("%s failed with status %d; see %s", arguments[0], r, log_path);
    return r;
}

static int own_directory(const Standalone *standalone, const char *path)
{
    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return outage(-errno);
    if (standalone->is_root && chown(path, standalone->database_user, standalone->database_group) < 0)
        return outage(-errno);
    return 0;
}

static int initialise(Standalone *standalone, const char *directory, const char *socket_directory)
{
    log_info("Initialising PostgreSQL in %s", directory);
    _cleanup_free_ char *initdb = xasprintf("%s/initdb", standalone->postgresql);
    _cleanup_free_ char *postgres = xasprintf("%s/postgres", standalone->postgresql);
    int r = standalone_run(standalone,
                           (const char *[]){initdb, "-D", directory, "-U", "postgres", "--auth=trust", "-E", "UTF8",
                                            "--locale=C.UTF-8", "--no-instructions", "--no-sync", NULL},
                           NULL, true);
    if (r != 0)
        return r < 0 ? r : -EIO;
    _cleanup_free_ char *path = xasprintf("%s/postgresql.conf", directory);
    FILE *file = fopen(path, "ae");
    if (!file || fprintf(file, settings, socket_directory) < 0 || fclose(file) == EOF)
        return outage(-errno);
    /* In template1, so that autovacuum finds nothing to do there: a new server that is idle is quiet from the start. */
    r = standalone_run(standalone, (const char *[]){postgres, "--single", "-j", "-D", directory, "template1", NULL},
                       create_sql, true);
    return r > 0 ? -EIO : r;
}

/* PostgreSQL writes its state into the eighth line of postmaster.pid. */
static bool takes_connections(const char *directory, pid_t pid)
{
    char text[1024] = "", expected[16];
    _cleanup_free_ char *path = xasprintf("%s/postmaster.pid", directory);
    _cleanup_(close_fdp) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
        return false;
    (void)snprintf(expected, sizeof(expected), "%d\n", (int)pid);
    return starts_with(text, expected) && strstr(text, "\nready") != NULL;
}

static int wait_until_ready(const Service *database, const char *directory)
{
    usec_t deadline = clock_monotonic() + START_TIMEOUT;
    struct pollfd ended = {.fd = spawn_pidfd(database->child), .events = POLLIN};
    while (!takes_connections(directory, spawn_pid(database->child))) {
        if (poll(&ended, 1, 5) > 0 || clock_monotonic() > deadline) {
            log_error("PostgreSQL does not start; see %s/log/postgresql.log", database->standalone->data);
            return -EIO;
        }
    }
    return 0;
}

static int choose_user(Standalone *standalone)
{
    standalone->is_root = geteuid() == 0;
    if (!standalone->is_root)
        return 0;
    struct stat info;
    if (stat(standalone->data, &info) < 0)
        return outage(-errno);
    const struct passwd *user = info.st_uid ? getpwuid(info.st_uid) : getpwnam("postgres");
    if (!user)
        user = getpwnam("nobody");
    if (!user)
        return outage(-ENOENT);
    standalone->database_user = user->pw_uid;
    standalone->database_group = user->pw_gid;
    return 0;
}

/* The database's user must be able to walk to DATA. */
static void check_way(const Standalone *standalone)
{
    _cleanup_free_ char *path = realpath(standalone->data, NULL);
    struct stat info;
    if (!standalone->is_root || !path)
        return;
    for (char *slash = path + strlen(path); slash > path; slash = strrchr(path, '/')) {
        *slash = 0;
        if (*path && stat(path, &info) == 0 && !(info.st_mode & S_IXOTH) && info.st_uid != standalone->database_user)
            log_warning("%s cannot be entered by the user of PostgreSQL (uid %u)", path,
                        (unsigned)standalone->database_user);
    }
}

int standalone_start_database(Standalone *standalone)
{
    _cleanup_free_ char *directory = xasprintf("%s/postgresql", standalone->data);
    const char *socket_directory = standalone->socket_directory;
    _cleanup_free_ char *version = xasprintf("%s/PG_VERSION", directory);
    int r = choose_user(standalone);
    if (r >= 0)
        r = own_directory(standalone, directory);
    if (r >= 0)
        r = own_directory(standalone, socket_directory);
    if (r >= 0 && access(version, F_OK) != 0) {
        check_way(standalone);
        r = initialise(standalone, directory, socket_directory);
    }
    if (r < 0)
        return trace(r);
    _cleanup_free_ char *postgres = xasprintf("%s/postgres", standalone->postgresql);
    Service *database = standalone->database = service_new(standalone, "postgresql", postgres);
    vec_push(&database->arguments, xstrdup("-D"));
    vec_push(&database->arguments, xstrdup(directory));
    /* the directory may have been moved since it was initialised */
    vec_push(&database->arguments, xstrdup("-k"));
    vec_push(&database->arguments, xstrdup(socket_directory));
    database->change_user = standalone->is_root;
    database->stop_signal = SIGINT; /* fast shutdown */
    database->death_signal = SIGINT;
    database->stop_timeout = 60 * USEC_PER_SEC;
    r = service_start(database);
    if (r >= 0)
        r = wait_until_ready(database, directory);
    return trace(r);
}

/* One for each role, so that it can do in the database what its work needs and no more (store/rights.sql). Also in a
 * database that an older version has made. */
static int make_users(const Standalone *standalone)
{
    static const char sql[] =
        "DO $$ DECLARE role text; BEGIN"
        " FOREACH role IN ARRAY '{webserver,scheduler,executor,worker,indexer}'::text[] LOOP"
        " IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'kestra-' || role) THEN"
        " EXECUTE format('CREATE ROLE %I LOGIN', 'kestra-' || role); END IF; END LOOP; END $$;"
        "REVOKE ALL ON DATABASE kestra FROM PUBLIC;"
        "GRANT CONNECT ON DATABASE kestra TO \"kestra-webserver\", \"kestra-scheduler\", \"kestra-executor\","
        " \"kestra-worker\", \"kestra-indexer\"";
    _cleanup_free_ char *conninfo = xasprintf("host=%s dbname=kestra user=postgres", standalone->socket_directory);
    const PgSettings superuser = {.conninfo = conninfo, .application_name = "kestra-standalone"};
    _cleanup_(pg_freep) Pg *pg = NULL;
    int r = pg_new(&superuser, &pg, NULL);
    if (r >= 0)
        r = fold(pg_connect(pg));
    if (r >= 0)
        r = fold(pg_script(pg, sql));
    if (r < 0 && pg)
        log_error("The roles' users cannot be made in PostgreSQL: %s", pg_error(pg));
    return trace(r);
}

int standalone_migrate(Standalone *standalone)
{
    _cleanup_free_ char *program = xasprintf("%s/kestra-migrate", standalone->programs);
    int r = make_users(standalone);
    if (r >= 0)
        r = standalone_run(standalone, (const char *[]){program, "--config", standalone->conf_file, NULL}, NULL, false);
    return r > 0 ? -EIO : r;
}
