/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What lies in DATA:
 *     kestra.yaml     settings: what --config gave, or a sample for the administrator
 *     kestra.d/90-standalone.yaml   where things are; written at each start
 *     postgresql/ storage/ tasks/ flows/ log/
 *     run/            sockets, pid files; made anew at each start
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/control.h"
#include "base/log.h"
#include "doc/json.h"
#include "main/standalone.h"

#define POSTGRESQL_ROOT "/usr/lib/postgresql"
#define CONF_FILE_MAX   ((size_t)1024 * 1024)

int standalone_write_file(const Standalone *standalone, const char *name, const char *text, mode_t mode)
{
    _cleanup_free_ char *path = xasprintf("%s/%s", standalone->data, name), *next = xasprintf("%s.new", path);
    _cleanup_(close_fdp) int fd = open(next, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    if (fd < 0)
        return outage(-errno);
    size_t length = strlen(text);
    ssize_t n = write(fd, text, length);
    if (n != (ssize_t)length || fchmod(fd, mode) < 0 || rename(next, path) < 0)
        return outage(n >= 0 && n != (ssize_t)length ? -ENOSPC : -errno);
    return 0;
}

static int make_directories(const Standalone *standalone)
{
    static const struct {
        const char *name;
        mode_t mode;
    } rows[] = {
        {"", 0755},         {"/run", 0755},   {"/log", 0755},   {"/kestra.d", 0755},
        {"/storage", 0750}, {"/tasks", 0755}, {"/flows", 0755},
    };
    for (size_t i = 0; i < ELEMENTS(rows); i++) {
        _cleanup_free_ char *path = xasprintf("%s%s", standalone->data, rows[i].name);
        if (mkdir(path, rows[i].mode) < 0 && errno != EEXIST) {
            log_error("%s cannot be made: %m", path);
            return outage(-errno);
        }
    }
    /* a directory from mktemp -d: PostgreSQL runs as another user and has to get through */
    struct stat info;
    if (geteuid() == 0 && stat(standalone->data, &info) == 0 && !(info.st_mode & S_IXOTH) &&
        chmod(standalone->data, (info.st_mode & 07777) | S_IXOTH) < 0)
        return outage(-errno);
    return 0;
}

static int lock_data(Standalone *standalone)
{
    _cleanup_free_ char *path = xasprintf("%s/lock", standalone->data);
    standalone->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (standalone->lock < 0)
        return outage(-errno);
    if (flock(standalone->lock, LOCK_EX | LOCK_NB) < 0) {
        log_error("Another kestra-standalone runs in %s", standalone->data);
        standalone->lock = close_fd(standalone->lock); /* what is below run/ is not ours */
        return -EBUSY;
    }
    return 0;
}

static char *read_text(const char *path)
{
    _cleanup_(close_fdp) int fd = open(path, O_RDONLY | O_CLOEXEC);
    _cleanup_free_ char *text = xmalloc(CONF_FILE_MAX + 1);
    size_t length = 0;
    for (ssize_t n = 1; fd >= 0 && n > 0 && length < CONF_FILE_MAX; length += (size_t)MAX(n, (ssize_t)0))
        n = read(fd, text + length, CONF_FILE_MAX - length);
    text[length] = 0;
    return fd < 0 ? NULL : TAKE_PTR(text);
}

/* DATA/kestra.yaml: the file of --config; otherwise what is there stays, or a sample is written. */
static int write_main_settings(const Standalone *standalone)
{
    if (standalone->config) {
        _cleanup_free_ char *text = read_text(standalone->config);
        if (!text) {
            log_error("%s cannot be read: %m", standalone->config);
            return outage(-errno);
        }
        return standalone_write_file(standalone, "kestra.yaml", text, 0600);
    }
    if (access(standalone->conf_file, F_OK) == 0)
        return 0;
    _cleanup_buffer_ Buffer sample = {};
    conf_print_yaml(&sample);
    return standalone_write_file(standalone, "kestra.yaml", buffer_text(&sample), 0600);
}

/* Started by root, tasks run as somebody who owns nothing here. PostgreSQL's user is no such. */
static const char *find_task_user(void)
{
    static const char *const names[] = {"kestra-task", "nobody", "daemon"};
    const struct passwd *postgres = getpwnam("postgres");
    for (size_t i = 0; i < ELEMENTS(names); i++) {
        const struct passwd *user = getpwnam(names[i]);
        if (user && user->pw_uid != 0 && (postgres || streq(names[i], "kestra-task") || streq(names[i], "daemon")))
            return names[i];
    }
    return NULL;
}

static bool has_sandbox(const Standalone *standalone)
{
    _cleanup_free_ char *program = xasprintf("%s/kestra-sandbox", standalone->programs);
    if (access(program, X_OK) < 0) {
        free(program);
        program = xstrdup(PKGLIBEXECDIR "/kestra-sandbox");
    }
    const char *const arguments[] = {program, "--private-pids", "--", "/bin/true", NULL};
    return standalone_run(standalone, arguments, NULL, false) == 0;
}

/* Started by an ordinary user there is nobody else that tasks could be: they are kept from what is ours by a sandbox.
 */
static void confine_tasks(const Standalone *standalone, const Conf *conf, json_t *settings)
{
    json_set_text(settings, "worker.task-user", "");
    for (const ConfKey *key = conf_keys; key->name; key++)
        if (starts_with(key->name, "worker.sandbox.") && conf_is_set(conf, key->name))
            return; /* the administrator has decided */
    if (!has_sandbox(standalone)) {
        log_warning(
            "Tasks are not confined: this system does not let an ordinary user make namespaces. They can do all "
            "that you can, with kestra too; see %s/log/setup.log",
            standalone->data);
        return;
    }
    _cleanup_free_ char *data = realpath(standalone->data, NULL);
    json_object_set_new(settings, "worker.sandbox.private-pids", json_true());
    json_object_set_new(settings, "worker.sandbox.no-new-privileges", json_true());
    if (data)
        json_object_set_new(settings, "worker.sandbox.hidden-paths", json_pack("[s]", data));
}

static void set_path(json_t *settings, const char *name, const char *directory, const char *below)
{
    _cleanup_free_ char *path = xasprintf("%s%s", directory, below);
    json_set_text(settings, name, path);
}

static int write_own_settings(const Standalone *standalone, const Conf *conf)
{
    _cleanup_json_ json_t *settings = json_object();
    /* without a user: each role is one of its own (PGUSER), with the rights of that one alone */
    set_path(settings, "postgresql.dsn", "dbname=kestra host=", standalone->socket_directory);
    set_path(settings, "storage.local.base-path", standalone->data, "/storage");
    set_path(settings, "worker.tmp-directory", standalone->data, "/tasks");
    json_set_text(settings, "server.listen", standalone->http);
    json_set_text(settings, "server.management-listen", standalone->management);
    if (standalone->flows)
        json_set_text(settings, "flows.directory", standalone->flows);
    else if (!conf_is_set(conf, "flows.directory"))
        set_path(settings, "flows.directory", standalone->data, "/flows");
    if (standalone->ui)
        json_set_text(settings, "ui.directory", standalone->ui);
    if (standalone->no_auth)
        json_object_set_new(settings, "server.basic-auth.enabled", json_false());
    if (geteuid() != 0)
        confine_tasks(standalone, conf, settings);
    else if (!conf_is_set(conf, "worker.task-user"))
        json_set_text(settings, "worker.task-user", find_task_user());
    _cleanup_free_ char *text = json_text(settings);
    return standalone_write_file(standalone, "kestra.d/90-standalone.yaml", text, 0600);
}

/* Reads the settings as a role will, so that what is wrong is told before anything starts. -EINVAL: it is. */
static int check_settings(const Standalone *standalone, Conf **ret)
{
    _cleanup_diag_ Diag diag = DIAG_INIT;
    _cleanup_free_ char *directory = xasprintf("%s/kestra.d", standalone->data);
    int r = conf_load(standalone->conf_file, directory, ret, &diag);
    if (r == CONF_E_INVALID) {
        _cleanup_free_ char *text = diag_format(&diag, NULL);
        (void)fprintf(stderr, "%s\n", text);
        return -EINVAL;
    }
    return fold(r);
}

/* The newest installed version. */
static int find_postgresql(Standalone *standalone)
{
    unsigned best = 0;
    DIR *directory = opendir(POSTGRESQL_ROOT);
    for (struct dirent *entry; directory && (entry = readdir(directory));) {
        unsigned version = 0;
        for (const char *p = entry->d_name; *p >= '0' && *p <= '9'; p++)
            version = version * 10 + (unsigned)(*p - '0');
        _cleanup_free_ char *bin = xasprintf("%s/%s/bin", POSTGRESQL_ROOT, entry->d_name);
        _cleanup_free_ char *initdb = xasprintf("%s/initdb", bin);
        if (version <= best || access(initdb, X_OK) != 0)
            continue;
        best = version;
        free(standalone->postgresql);
        standalone->postgresql = TAKE_PTR(bin);
    }
    if (directory)
        closedir(directory);
    if (best)
        return 0;
    log_error("PostgreSQL is not installed: there is no %s/*/bin/initdb", POSTGRESQL_ROOT);
    return -ENOENT;
}

static int find_programs(Standalone *standalone)
{
    char path[4096];
    ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
    if (n <= 0)
        return outage(-errno);
    path[n] = 0;
    *strrchr(path, '/') = 0;
    standalone->programs = xstrdup(path);
    return 0;
}

int standalone_prepare(Standalone *standalone)
{
    _cleanup_(conf_freep) Conf *conf = NULL;
    int r = make_directories(standalone);
    if (r >= 0)
        r = lock_data(standalone);
    if (r >= 0)
        r = find_postgresql(standalone);
    if (r >= 0)
        r = find_programs(standalone);
    if (r < 0)
        return trace(r);
    /* of the last start: the first must not count as set by the administrator, the second not as said by us */
    _cleanup_free_ char *settings = xasprintf("%s/kestra.d/90-standalone.yaml", standalone->data);
    _cleanup_free_ char *ready = xasprintf("%s/run/ready", standalone->data);
    if ((unlink(settings) < 0 && errno != ENOENT) || (unlink(ready) < 0 && errno != ENOENT))
        return outage(-errno);
    standalone->conf_file = xasprintf("%s/kestra.yaml", standalone->data);
    standalone->socket_directory = xasprintf("%s/run/postgresql", standalone->data);
    standalone->dsn = xasprintf("host=%s dbname=kestra user=kestra", standalone->socket_directory);
    r = write_main_settings(standalone);
    if (r >= 0)
        r = check_settings(standalone, &conf);
    if (r < 0)
        return trace(r);
    if (!standalone->http)
        standalone->http = xstrdup(conf_text(conf, "server.listen"));
    if (!standalone->management)
        standalone->management = xstrdup(conf_text(conf, "server.management-listen"));
    return write_own_settings(standalone, conf);
}

/* --- sockets --- */

/* "ADDRESS:PORT", "[ADDRESS]:PORT", ":PORT" or "PORT". */
static int resolve(const char *address, struct addrinfo **ret)
{
    const char *colon = strrchr(address, ':');
    _cleanup_free_ char *host = colon ? xstrndup(address, (size_t)(colon - address)) : xstrdup("127.0.0.1");
    char *name = host;
    size_t length = strlen(host);
    if (length > 1 && host[0] == '[' && host[length - 1] == ']') {
        host[length - 1] = 0;
        name++;
    }
    struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
    int r = getaddrinfo(*name ? name : NULL, colon ? colon + 1 : address, &hints, ret);
    if (r == 0)
        return 0;
    log_error("%s is not an address to listen at: %s", address, gai_strerror(r));
    return -EINVAL;
}

/* Listens; *ret_url is where it can be reached, with the port that was given for port 0. */
static int listen_tcp(const char *address, int *ret_fd, char **ret_url)
{
    struct addrinfo *found;
    int r = resolve(address, &found), yes = 1;
    if (r < 0)
        return trace(r);
    _cleanup_(close_fdp) int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct sockaddr_storage bound = {};
    socklen_t length = sizeof(bound);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) < 0 ||
        bind(fd, found->ai_addr, found->ai_addrlen) < 0 || listen(fd, 1024) < 0 ||
        getsockname(fd, (struct sockaddr *)&bound, &length) < 0)
        r = -errno;
    freeaddrinfo(found);
    if (r < 0) {
        errno = -r;
        log_error("%s: cannot listen: %m", address);
        return outage(r);
    }
    char host[NI_MAXHOST], port[NI_MAXSERV];
    if (getnameinfo((struct sockaddr *)&bound, length, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return outage(-EINVAL);
    if (streq(host, "0.0.0.0") || streq(host, "::"))
        (void)snprintf(host, sizeof(host), "localhost"); /* fits */
    *ret_url = xasprintf(strchr(host, ':') ? "http://[%s]:%s" : "http://%s:%s", host, port);
    *ret_fd = TAKE_FD(fd);
    return 0;
}

static void add_fd(Service *service, int fd, const char *name)
{
    service->fds[service->fd_count] = fd;
    service->fd_names[service->fd_count++] = name;
}

static int make_role(Standalone *standalone, const char *role, unsigned number)
{
    _cleanup_free_ char *instance = number > 1 ? xasprintf("%s-%u", role, number) : xstrdup(role);
    _cleanup_free_ char *program = xasprintf("%s/kestra-%s", standalone->programs, role);
    _cleanup_free_ char *path = xasprintf("%s/run/%s.sock", standalone->data, instance);
    Service *service = service_new(standalone, instance, program);
    service->role = role;
    vec_push(&standalone->roles, service);
    vec_push(&service->arguments, xstrdup("--config"));
    vec_push(&service->arguments, xstrdup(standalone->conf_file));
    vec_push(&service->arguments, xstrdup("--socket")); /* it is passed as a descriptor; this tells where others are */
    vec_push(&service->arguments, xstrdup(path));
    service->notifies = true;
    int fd = -1, r = control_listen(path, &fd);
    if (r < 0) {
        errno = -r;
        log_error("%s: cannot listen: %m", path);
        return trace(r);
    }
    add_fd(service, fd, role);
    return 0;
}

static int add_web_sockets(Standalone *standalone, Service *web)
{
    web->talks = !standalone->no_auth;
    int fd = -1, r = listen_tcp(standalone->http, &fd, &standalone->url);
    if (r < 0)
        return trace(r);
    add_fd(web, fd, "http");
    r = listen_tcp(standalone->management, &fd, &standalone->management_url);
    if (r < 0)
        return trace(r);
    add_fd(web, fd, "management");
    return 0;
}

static int open_notify(Standalone *standalone)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int yes = 1;
    standalone->notify_path = xasprintf("%s/run/notify", standalone->data);
    if (strlen(standalone->notify_path) >= sizeof(address.sun_path)) {
        log_error("%s is too long for a socket", standalone->notify_path);
        return outage(-ENAMETOOLONG);
    }
    memcpy(address.sun_path, standalone->notify_path, strlen(standalone->notify_path) + 1);
    (void)unlink(address.sun_path); /* of the last life; bind says if it stayed */
    standalone->notify = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (standalone->notify < 0 || bind(standalone->notify, (struct sockaddr *)&address, sizeof(address)) < 0 ||
        setsockopt(standalone->notify, SOL_SOCKET, SO_PASSCRED, &yes, sizeof(yes)) < 0)
        return outage(-errno);
    return loop_add_io(standalone->loop, standalone->notify, EPOLLIN, service_on_notify, standalone, NULL);
}

int standalone_make_roles(Standalone *standalone)
{
    /* in the order in which they are stopped: who takes work in goes first, who finishes it last */
    const struct {
        const char *role;
        unsigned count;
    } rows[] = {
        {"webserver", 1}, {"scheduler", 1}, {"worker", standalone->workers}, {"executor", standalone->executors},
        {"indexer", 1},
    };
    int r = open_notify(standalone);
    for (size_t i = 0; i < ELEMENTS(rows); i++)
        for (unsigned number = 1; r >= 0 && number <= rows[i].count; number++)
            r = make_role(standalone, rows[i].role, number);
    return r < 0 ? trace(r) : add_web_sockets(standalone, standalone->roles.items[0]);
}
