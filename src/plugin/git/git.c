/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The git program does the work. It inherits nothing of our environment but PATH and proxies, asks nobody for a
 * password, and is told by variables what it needs to log in, so that no secret is in a list of processes. Transports
 * that run commands (ext::) are off: an address may come from outside.
 */
#include "plugin/git/git.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/id.h"
#include "base/identity.h"
#include "base/spawn.h"
#include "doc/json.h"
#include "model/log_entry.h"
#include "plugin/script_files.h"

#define PROTOCOLS "http:https:ssh:git:file"
/* Variables of credential helpers are not in its command line. */
#define HELPER "!f() { echo \"username=$KESTRA_GIT_USER\"; echo \"password=$KESTRA_GIT_PASSWORD\"; }; f"

enum { OUTPUT_BYTES_MAX = 16 * 1024 * 1024, KILLED_POLL_MSEC = 500 };

/* --- environment --- */

static void add_setting(Git *git, const char *name, const char *value)
{
    int64_t count = 0;
    const char *text = json_get_text(git->environment, "GIT_CONFIG_COUNT", "0");
    count = strtoimax(text, NULL, 10);
    _cleanup_free_ char *key = xasprintf("GIT_CONFIG_KEY_%" PRId64, count);
    _cleanup_free_ char *entry = xasprintf("GIT_CONFIG_VALUE_%" PRId64, count);
    _cleanup_free_ char *next = xasprintf("%" PRId64, count + 1);
    json_set_text(git->environment, key, name);
    json_set_text(git->environment, entry, value);
    json_set_text(git->environment, "GIT_CONFIG_COUNT", next);
}

static void add_usual(Git *git)
{
    static const char *const inherited[] = {"PATH",        "LANG",      "http_proxy", "https_proxy", "all_proxy",
                                            "HTTPS_PROXY", "ALL_PROXY", "no_proxy",   "NO_PROXY",    "SSL_CERT_FILE"};
    git->environment = json_object();
    for (size_t i = 0; i < ELEMENTS(inherited); i++)
        json_set_text(git->environment, inherited[i], getenv(inherited[i]));
    json_set_text(git->environment, "HOME", git->run->working_directory);
    json_set_text(git->environment, "GIT_CONFIG_NOSYSTEM", "1");
    json_set_text(git->environment, "GIT_TERMINAL_PROMPT", "0");
    json_set_text(git->environment, "GIT_ALLOW_PROTOCOL", PROTOCOLS);
    add_setting(git, "safe.directory", "*");
    add_setting(git, "advice.detachedHead", "false");
    add_setting(git, "init.defaultBranch", "main");
}

static int write_private(Git *git, const char *name, const char *content, mode_t mode, char **ret)
{
    if (!git->private_files) {
        char id[ID_BYTES];
        id_new(id);
        git->private_files = xasprintf(".git-%s", id);
    }
    _cleanup_free_ char *path = xasprintf("%s/%s", git->private_files, name);
    _cleanup_(close_fdp) int fd = -1;
    int r = script_files_create(git->run, path, &fd);
    if (r != 0)
        return r;
    size_t length = strlen(content);
    _as_(IDENTITY_TASK);
    if (fchmod(fd, mode) < 0 || write(fd, content, length) != (ssize_t)length)
        return run_fail(git->run, "The working directory cannot be written: %m");
    *ret = xasprintf("%s/%s", git->run->working_directory, path);
    return 0;
}

static int take_key(Git *git)
{
    _cleanup_free_ char *key = NULL, *passphrase = NULL, *path = NULL, *program = NULL, *whole = NULL;
    int r = run_text(git->run, "privateKey", &key);
    if (r == 0)
        r = run_text(git->run, "passphrase", &passphrase);
    if (r != 0 || !key)
        return r;
    whole = xasprintf("%s%s", key, ends_with(key, "\n") ? "" : "\n"); /* ssh refuses a key without its last newline */
    r = write_private(git, "key", whole, 0600, &path);
    if (r == 0 && passphrase)
        r = write_private(git, "passphrase", "#!/bin/sh\nprintf '%s\\n' \"$KESTRA_GIT_PASSPHRASE\"\n", 0700, &program);
    if (r != 0)
        return r;
    _cleanup_free_ char *command = xasprintf("ssh -i '%s' -o IdentitiesOnly=yes -o StrictHostKeyChecking=no "
                                             "-o UserKnownHostsFile=/dev/null -o LogLevel=ERROR",
                                             path);
    json_set_text(git->environment, "GIT_SSH_COMMAND", command);
    json_set_text(git->environment, "KESTRA_GIT_PASSPHRASE", passphrase);
    json_set_text(git->environment, "SSH_ASKPASS", program);
    json_set_text(git->environment, "SSH_ASKPASS_REQUIRE", program ? "force" : NULL);
    return 0;
}

static int take_identity(Git *git)
{
    _cleanup_free_ char *user = NULL, *password = NULL, *authorities = NULL;
    bool no_proxy = false;
    int64_t silence = 0;
    int r = run_text(git->run, "username", &user);
    if (r == 0)
        r = run_text(git->run, "password", &password);
    if (r == 0)
        r = run_text(git->run, "trustedCaPemPath", &authorities);
    if (r == 0)
        r = run_boolean(git->run, "noProxy", false, &no_proxy);
    if (r == 0)
        r = run_integer(git->run, "readTimeout", 60000, &silence);
    if (r != 0)
        return r;
    json_set_text(git->environment, "KESTRA_GIT_USER", user ? user : "");
    json_set_text(git->environment, "KESTRA_GIT_PASSWORD", password ? password : "");
    json_set_text(git->environment, "GIT_SSL_CAINFO", authorities);
    if (no_proxy)
        json_set_text(git->environment, "NO_PROXY", "*");
    if (user || password)
        add_setting(git, "credential.helper", HELPER);
    _cleanup_free_ char *seconds = xasprintf("%" PRId64, MAX(silence / 1000, (int64_t)1));
    add_setting(git, "http.lowSpeedLimit", "1");
    add_setting(git, "http.lowSpeedTime", seconds);
    return take_key(git);
}

int git_init(RunContext *run, Git *ret)
{
    *ret = (Git){.run = run};
    add_usual(ret);
    int r = run_text(run, "url", &ret->url);
    if (r == 0)
        r = take_identity(ret);
    if (r == 0)
        r = spawner_new("", &ret->spawner);
    return r;
}

void git_done(Git *git)
{
    _as_(IDENTITY_TASK);
    static const char *const names[] = {"key", "passphrase", ""};
    for (size_t i = 0; git->private_files && i < ELEMENTS(names); i++) {
        _cleanup_free_ char *path = xasprintf("%s/%s/%s", git->run->working_directory, git->private_files, names[i]);
        (void)remove(path); /* or it was never made */
    }
    spawner_free(git->spawner);
    json_decref(git->environment);
    free(git->private_files);
    free(git->url);
    *git = (Git){};
}

/* --- the program --- */

typedef struct Running {
    Spawned *child;
    int output, error;
    Buffer said, complained;
} Running;

static void running_done(Running *running)
{
    close_fdp(&running->output);
    close_fdp(&running->error);
    spawn_free(running->child);
    buffer_done(&running->said);
    buffer_done(&running->complained);
}

/* Closes it at its end: -1. */
static void take_bytes(int *fd, Buffer *buffer)
{
    char chunk[4096];
    ssize_t n = read(*fd, chunk, sizeof chunk);
    if (n > 0 && buffer->length < OUTPUT_BYTES_MAX)
        buffer_append_n(buffer, chunk, (size_t)n);
    if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
        return;
    *fd = close_fd(*fd);
}

/* Until both streams have ended, or the task is killed. */
static int listen_to(Git *git, Running *running)
{
    while (running->output >= 0 || running->error >= 0) {
        struct pollfd fds[] = {{.fd = running->output, .events = POLLIN}, {.fd = running->error, .events = POLLIN}};
        if (poll(fds, ELEMENTS(fds), KILLED_POLL_MSEC) < 0 && errno != EINTR)
            return outage(-errno);
        if (run_is_killed(git->run)) {
            spawn_kill_tree(running->child, 0);
            return RUN_E_FAILED;
        }
        if (fds[0].revents)
            take_bytes(&running->output, &running->said);
        if (fds[1].revents)
            take_bytes(&running->error, &running->complained);
    }
    return 0;
}

static int wait_for(const Running *running)
{
    siginfo_t info;
    struct pollfd fd = {.fd = spawn_pidfd(running->child), .events = POLLIN};
    while (!spawn_ended(running->child, &info))
        if (poll(&fd, 1, -1) < 0 && errno != EINTR)
            return 1;
    return info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
}

static void log_lines(Git *git, int level, const Buffer *text)
{
    for (const char *line = text->length ? text->text : ""; *line;) {
        size_t length = strcspn(line, "\r\n");
        if (length > 0)
            run_log(git->run, level, "%.*s", (int)length, line);
        line += length + (line[length] != '\0');
    }
}

static int start(Git *git, const char *const *arguments, Running *running)
{
    VEC(const char *) words = {}, environment = {};
    const char *name;
    json_t *value;
    vec_push(&words, "git");
    for (size_t i = 0; arguments[i]; i++)
        vec_push(&words, arguments[i]);
    vec_push(&words, NULL);
    json_object_foreach (git->environment, name, value)
        vec_push(&environment, xasprintf("%s=%s", name, json_string_value(value)));
    vec_push(&environment, NULL);
    const SpawnOptions options = {
        .arguments = words.items,
        .environment = environment.items,
        .directory = git->run->working_directory,
        .input = SPAWN_NULL,
        .output = SPAWN_PIPE,
        .error = SPAWN_PIPE,
        .death_signal = SIGKILL,
        .change_user = identity_is_set(), /* the files are the task's, and so is what a repository's hooks may do */
        .user = identity_task_user(),
        .group = identity_task_group(),
    };
    int r = spawn_start(git->spawner, &options, &running->child);
    for (size_t i = 0; i + 1 < environment.count; i++)
        free((char *)environment.items[i]);
    vec_free(&words);
    vec_free(&environment);
    if (r > 0)
        return run_fail(git->run, "git cannot be started on this worker (apt install git): %m");
    if (r < 0)
        return trace(r);
    running->output = spawn_stdout(running->child);
    running->error = spawn_stderr(running->child);
    return 0;
}

int git_run(Git *git, const char *const *arguments, char **output)
{
    _cleanup_(running_done) Running running = {.output = -1, .error = -1};
    int r = start(git, arguments, &running);
    if (r == 0)
        r = listen_to(git, &running);
    if (r != 0)
        return r;
    int code = wait_for(&running);
    log_lines(git, code == 0 ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR, &running.complained);
    if (code != 0) {
        log_lines(git, LOG_LEVEL_ERROR, &running.said);
        return run_fail(git->run, "git %s has failed with exit code %d", arguments[0], code);
    }
    if (output)
        *output = buffer_take(&running.said);
    else
        log_lines(git, LOG_LEVEL_DEBUG, &running.said);
    return 0;
}

int git_configure(Git *git, const char *directory)
{
    _cleanup_json_ json_t *settings = NULL;
    const char *name;
    json_t *value;
    int r = run_value(git->run, "gitConfig", &settings);
    json_object_foreach (settings, name, value) {
        if (r != 0)
            return r;
        _cleanup_json_ json_t *text = run_text_of(value);
        if (*name == '-' || !strchr(name, '.'))
            return run_fail(git->run, "Property 'gitConfig': '%s' is not the name of a setting", name);
        r = git_run(git, (const char *const[]){"-C", directory, "config", name, json_string_value(text), NULL}, NULL);
    }
    return r;
}

/* --- a copy to work on --- */

char *git_copy_name(void)
{
    char id[ID_BYTES];
    id_new(id);
    return xasprintf(".git-work-%s", id);
}

int git_copy_branch(Git *git, const char *directory, const char *branch, bool may_be_new)
{
    _cleanup_free_ char *heads = NULL, *wanted = xasprintf("refs/heads/%s", branch);
    if (!git->url || *git->url == '-')
        return run_fail(git->run, "Property 'url' is not the address of a repository");
    if (*branch == '-' || *branch == '\0')
        return run_fail(git->run, "Property 'branch' is not the name of a branch: '%s'", branch);
    int r = git_run(git, (const char *const[]){"ls-remote", "--", git->url, "HEAD", wanted, NULL}, &heads);
    if (r == 0)
        r = git_run(git, (const char *const[]){"init", "--quiet", "--initial-branch", branch, "--", directory, NULL},
                    NULL);
    if (r == 0)
        r = git_run(git, (const char *const[]){"-C", directory, "remote", "add", "origin", "--", git->url, NULL}, NULL);
    if (r == 0)
        r = git_configure(git, directory);
    if (r != 0)
        return r;
    bool has_branch = strstr(heads, wanted) != NULL;
    if (!has_branch && !may_be_new)
        return run_fail(git->run, "The repository has no branch '%s'", branch);
    if (!*heads)
        return 0; /* nothing was ever committed */
    r = git_run(git,
                (const char *const[]){"-C", directory, "fetch", "--quiet", "--depth=1", "origin",
                                      has_branch ? wanted : "HEAD", NULL},
                NULL);
    return r == 0 ? git_run(git,
                            (const char *const[]){"-C", directory, "checkout", "--quiet", "-B", branch, "FETCH_HEAD",
                                                  "--", NULL},
                            NULL)
                  : r;
}
