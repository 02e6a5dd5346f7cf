/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Wires the worker to its settings, its database session and the daemon shell. The database is used by this process
 * only; kestra-run children and task processes never see it.
 */
#include "worker/role.h"

#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "blob/storage.h"
#include "model/context.h"
#include "model/expression_limits.h"
#include "plugin/registry.h"
#include "plugin/sandbox.h"
#include "queue/queue_pg.h"
#include "store/flow_cache.h"
#include "store/log_store.h"
#include "worker/records.h"
#include "worker/reload.h"
#include "worker/task_user.h"

enum { ERROR_LOGS_MAX = 25 };

typedef struct WorkerRole {
    const Conf *conf;
    json_t *left; /* by the program that we took over from; or NULL */
    Daemon *daemon;
    Pg *pg;
    json_t *storage_settings; /* holds secrets */
    FlowCache *flows;
    Worker *worker;
    Reload *reload;
    char *run_program, *sandbox_program, *container_program, *database_socket_directory;
    json_t *sandbox;
} WorkerRole;

/* --- what stands behind the queue --- */

static int load_flow(void *userdata, const char *namespace, const char *id, int revision, Flow **ret)
{
    WorkerRole *role = userdata;
    int r = flow_cache_get(role->flows, role->pg, namespace, id, revision, ret);
    if (r == STORE_E_NONE || r == FLOW_CACHE_E_BROKEN)
        return WORKER_E_NO_FLOW;
    return fold(r);
}

static int error_logs(void *userdata, const char *execution_id, json_t **ret)
{
    WorkerRole *role = userdata;
    const char *const oldest_first[] = {"timestamp:asc"};
    const LogQuery query = {
        .execution_id = execution_id,
        .attempt = LOG_ANY_ATTEMPT,
        .level_min = LOG_LEVEL_ERROR,
        .paging = {.size = ERROR_LOGS_MAX, .sorts = oldest_first, .sort_count = 1},
    };
    _cleanup_page_ StorePage page = {};
    int r = store_log_search(role->pg, &query, &page, NULL);
    if (r != 0)
        return fold(r);
    *ret = json_array();
    for (size_t i = 0; i < page.bodies.count; i++) {
        json_t *entry;
        if (json_parse(page.bodies.items[i], strlen(page.bodies.items[i]), 0, &entry, NULL) == 0)
            json_array_append_new(*ret, entry);
    }
    return 0;
}

static int answer(void *userdata, Unit *unit, const json_t *question, json_t **ret)
{
    WorkerRole *role = userdata;
    const Records records = {
        .pg = role->pg,
        .unit = unit,
        .flows = role->flows,
        .encryption_key = conf_text(role->conf, "encryption.secret-key"),
        .server_url = conf_text(role->conf, "server.url"),
    };
    return records_answer(&records, question, ret);
}

static const char *reason(void *userdata)
{
    return pg_error(((WorkerRole *)userdata)->pg);
}

static const WorkerBackend backend = {
    .load_flow = load_flow,
    .error_logs = error_logs,
    .answer = answer,
    .reason = reason,
};

/* --- the daemon's side --- */

static int on_wake(void *userdata, const char *body)
{
    worker_wake(((WorkerRole *)userdata)->worker);
    return 0;
}

static void on_drained(void *userdata)
{
    daemon_drained(((WorkerRole *)userdata)->daemon);
}

static int on_drain(void *userdata)
{
    worker_drain(((WorkerRole *)userdata)->worker, on_drained, userdata);
    return 0;
}

static void on_metrics(void *userdata, Buffer *text)
{
    worker_metrics(((WorkerRole *)userdata)->worker, text);
}

static FlowCache *make_flow_cache(const Conf *conf)
{
    _cleanup_json_ json_t *defaults = flow_global_defaults(conf);
    return flow_cache_new(&(FlowCacheSettings){
        .registry = &plugin_registry,
        .plugin_defaults = defaults,
    });
}

static int on_reload(void *userdata)
{
    return reload_begin(((WorkerRole *)userdata)->reload);
}

static void on_hurry(void *userdata)
{
    worker_hurry(((WorkerRole *)userdata)->worker);
}

static void on_storage(void *userdata, const char *body, int connection)
{
    static const char refused[] = "HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    if (!task_user_admits(connection)) {
        log_warning("Request for storage of who is no role was refused");
        (void)send(connection, refused, sizeof refused - 1, MSG_NOSIGNAL | MSG_DONTWAIT); /* it closes either way */
        close_fd(connection);
        return;
    }
    worker_storage_request(((WorkerRole *)userdata)->worker, body, connection);
}

static const DaemonOps operations = {
    .role = "worker",
    .wake = on_wake,
    .reload = on_reload,
    .drain = on_drain,
    .hurry = on_hurry,
    .metrics = on_metrics,
    .storage = on_storage,
};

/* --- wiring --- */

/* A helper beside our own program (in a build tree), otherwise where it is installed. */
static char *find_program(const char *name)
{
    char self[4096];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    self[MAX(n, (ssize_t)0)] = '\0';
    char *slash = strrchr(self, '/');
    if (slash) {
        *slash = '\0';
        char *beside = xasprintf("%s/%s", self, name);
        if (access(beside, X_OK) == 0)
            return beside;
        free(beside);
    }
    return xasprintf(PKGLIBEXECDIR "/%s", name);
}

static int open_storage(WorkerRole *role, Blob **ret)
{
    _cleanup_free_ char *error = NULL;
    role->storage_settings = storage_settings(role->conf);
    int r = storage_open(role->storage_settings, ret, &error);
    if (r != 0)
        log_event(STORAGE_UNUSABLE, "Internal storage cannot be opened: %s", error);
    return r;
}

static WorkerSettings make_settings(const WorkerRole *role, const Blob *storage, const json_t *envs)
{
    const Conf *conf = role->conf;
    const ContainerPolicy containers = {
        .runner = conf_text(conf, "worker.scripts.runner"),
        .host = conf_text(conf, "worker.containers.host"),
        .certificates = conf_text(conf, "worker.containers.certificates"),
        .environment = conf_value(conf, "worker.environment"),
        .volumes = conf_boolean(conf, "worker.containers.volumes"),
        .privileged = conf_boolean(conf, "worker.containers.privileged"),
    };
    return (WorkerSettings){
        .worker_group = conf_text(conf, "worker.group"),
        .processes_max = (unsigned)conf_integer(conf, "worker.jobs-max"),
        .children_max = (unsigned)conf_integer(conf, "worker.threads"),
        .temporary_directory = conf_text(conf, "worker.tmp-directory"),
        .storage = role->storage_settings,
        .run_program = role->run_program,
        .cgroup = role->left ? json_get_text(role->left, "cgroup", "") : NULL,
        .takes_over = role->left != NULL,
        .environment = conf_value(conf, "worker.environment"),
        .limits = limits_policy(conf),
        .sandbox = role->sandbox,
        .sandbox_program = role->sandbox_program,
        .containers = containers,
        .container_program = role->container_program,
        .database_socket_directory = role->database_socket_directory,
        .process_metrics = conf_boolean(conf, "worker.process-metrics"),
        .oom_score_adjust = (int)conf_integer(conf, "worker.oom-score-adjust"),
        .drain_grace_usec = conf_usec(conf, "shutdown.grace"),
        .heartbeat_usec = conf_usec(conf, "heartbeat.interval"),
        .evaluation_timeout_usec = conf_usec(conf, "worker.trigger-timeout"),
        .message_bytes_max = (size_t)conf_integer(conf, "limits.message"),
        .line_bytes_max = (size_t)conf_integer(conf, "limits.line"),
        .job =
            {
                .globals = conf_value(conf, "variables.globals"),
                .envs = envs,
                .encryption_key = conf_text(conf, "encryption.secret-key"),
                .storage = storage,
                .recursive_rendering = conf_boolean(conf, "variables.recursive-rendering"),
            },
    };
}

static void role_done(WorkerRole *role)
{
    reload_free(role->reload);
    worker_free(role->worker);
    flow_cache_free(role->flows);
    pg_free(role->pg);
    json_decref(role->left);
    free(role->run_program);
    free(role->sandbox_program);
    free(role->container_program);
    free(role->database_socket_directory);
    json_decref(role->sandbox);
    json_decref(role->storage_settings);
}

/* Runs with everything that outlives the worker given. */
static int run(WorkerRole *role, Queue *queue, const Blob *storage)
{
    _cleanup_json_ json_t *envs = context_envs(conf_text(role->conf, "variables.env-vars-prefix"));
    const WorkerSettings settings = make_settings(role, storage, envs);
    int r = worker_new(daemon_loop(role->daemon), &settings, queue, daemon_socket_path(role->daemon), &backend, role,
                       &role->worker);
    if (r < 0)
        return trace(r);
    r = reload_new(role->worker, role->daemon, &role->reload);
    if (r < 0)
        return trace(r);
    worker_set_daemon(role->worker, role->daemon);
    daemon_health(role->daemon, "storage", HEALTH_UP, "%s", "");
    if (role->left)
        worker_take_over(role->worker, role->left);
    else
        worker_start(role->worker);
    json_decref(role->left); /* it holds secrets, and nobody asks again */
    role->left = NULL;
    r = daemon_run(role->daemon);
    role->reload = reload_free(role->reload);
    role->worker = worker_free(role->worker);
    return r;
}

int worker_run(const Conf *conf, const char *socket_path)
{
    _cleanup_(role_done) WorkerRole role = {
        .conf = conf,
        .run_program = find_program("kestra-run"),
        .sandbox_program = find_program("kestra-sandbox"),
        .container_program = find_program("kestra-container"),
        .sandbox = sandbox_policy(conf),
        .database_socket_directory = pg_socket_directory(conf_text(conf, "postgresql.dsn")),
        .flows = make_flow_cache(conf),
    };
    _cleanup_(daemon_freep) Daemon *daemon = NULL;
    _cleanup_(bell_freep) Bell *bell = bell_new();
    _cleanup_(blob_freep) Blob *storage = NULL;
    _cleanup_(queue_freep) Queue *queue = NULL;
    expression_limits_from_conf(conf);
    int r = task_user_set(conf);
    if (r == 0)
        r = reload_take(&role.left);
    if (r == 0)
        r = daemon_new(&operations, &role, socket_path, &daemon);
    role.daemon = daemon;
    if (r == 0)
        r = open_storage(&role, &storage);
    if (r == 0)
        r = queue_pg_open(conf, daemon, "kestra-worker", bell, &role.pg, &queue);
    if (r != 0)
        return fold(r);
    return run(&role, queue, storage);
}
