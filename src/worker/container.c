/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The helper is started with our own user, because the engine's socket is open to that one, and with what it needs to
 * read and write the working directory as the user of tasks. It gets SIGTERM when we die: then it removes its
 * container.
 */
#include "worker/container.h"

#include <sys/mman.h>
#include <unistd.h>

#include "base/identity.h"
#include "base/log.h"
#include "doc/json.h"
#include "worker/workspace.h"

#define CLEAR_GRACE (30 * USEC_PER_SEC) /* an engine that is asked to remove a container */

int container_choose(Job *job, const ScriptContext *script, json_t **ret)
{
    const WorkerSettings *settings = &job->worker->settings;
    int r = container_decide(&job->context.run, &settings->containers, &settings->limits, script, ret);
    if (r != 0 || !*ret)
        return r;
    json_object_set_new(*ret, "collect", json_boolean(script->output_files || workspace_is_shared(job)));
    if (settings->process_metrics)
        json_object_set_new(*ret, "attempt", json_sprintf("%d", job->claim.attempt));
    return 0;
}

usec_t container_grace(const Worker *worker, const json_t *spec)
{
    return worker->settings.kill_grace_usec + CLEAR_GRACE +
           (usec_t)json_get_integer(spec, "graceSeconds", 0) * USEC_PER_SEC;
}

/* The text as a file that begins at its start; -1: errno. */
static int make_input(const json_t *spec)
{
    _cleanup_free_ char *text = json_text(spec);
    size_t length = strlen(text), done = 0;
    _cleanup_(close_fdp) int fd = memfd_create("kestra-container", MFD_CLOEXEC);
    while (fd >= 0 && done < length) {
        ssize_t n = write(fd, text + done, length - done);
        if (n < 0 && errno != EINTR)
            return -1;
        done += n > 0 ? (size_t)n : 0;
    }
    if (fd >= 0 && lseek(fd, 0, SEEK_SET) < 0)
        return -1;
    return TAKE_FD(fd);
}

static int start(Worker *worker, const json_t *spec, bool is_task, Spawned **ret)
{
    static const char *const environment[] = {"PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8", NULL};
    const char *program = worker->settings.container_program;
    _cleanup_free_ char *user = xasprintf("%u", (unsigned)identity_task_user());
    _cleanup_free_ char *group = xasprintf("%u", (unsigned)identity_task_group());
    _cleanup_(close_fdp) int input = make_input(spec);
    if (input < 0)
        return outage(-errno);
    const SpawnOptions options = {
        .arguments = identity_is_set() ? (const char *const[]){program, user, group, NULL}
                                       : (const char *const[]){program, NULL},
        .keep_capabilities = true, /* it gives them up itself (identity_adopt) */
        .environment = environment,
        .input = input,
        .output = is_task ? SPAWN_PIPE : STDERR_FILENO,
        .error = is_task ? SPAWN_PIPE : STDERR_FILENO,
        .login_limits = true,
        .death_signal = SIGTERM,
    };
    return spawn_start(worker->spawner, &options, ret);
}

int container_spawn(Job *job, const json_t *spec, Spawned **ret)
{
    return start(job->worker, spec, true, ret);
}

void container_sweep_start(Worker *worker)
{
    _cleanup_free_ char *host = container_host(&worker->settings.containers);
    _cleanup_(spawn_freep) Spawned *spawned = NULL;
    if (!host || !worker->settings.container_program)
        return;
    _cleanup_json_ json_t *spec = json_pack("{s:s, s:s}", "action", "sweep", "host", host);
    json_set_text(spec, "certificates", worker->settings.containers.certificates);
    int r = start(worker, spec, false, &spawned);
    if (r != 0)
        log_warning("Containers that were left behind cannot be looked for: %m");
}
