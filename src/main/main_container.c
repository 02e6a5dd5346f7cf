/* SPDX-License-Identifier: Apache-2.0 */
/* kestra-container [USER GROUP]: started by the worker only, with what to do on standard input. USER and GROUP: of
 * tasks, as numbers. */
#include <jansson.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/identity.h"
#include "base/log.h"
#include "container/task.h"

enum { SPEC_BYTES_MAX = 64 * 1024 * 1024, USAGE_STATUS = 64 };

/* Readable when we are to end. */
static int cancel_descriptor(void)
{
    sigset_t signals;
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGTERM);
    (void)sigaddset(&signals, SIGINT);
    (void)sigprocmask(SIG_BLOCK, &signals, NULL);
    return signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

static json_t *read_spec(void)
{
    _cleanup_buffer_ Buffer text = {};
    char chunk[65536];
    ssize_t n;
    json_t *spec = NULL;
    while (text.length < SPEC_BYTES_MAX && (n = read(STDIN_FILENO, chunk, sizeof chunk)) > 0)
        buffer_append_n(&text, chunk, (size_t)n);
    if (json_parse(buffer_text(&text), text.length, 0, &spec, NULL) != 0)
        return NULL;
    return spec;
}

static bool take_identity(char **argv)
{
    char *end[2];
    uintmax_t user = strtoumax(argv[1], &end[0], 10), group = strtoumax(argv[2], &end[1], 10);
    return *end[0] == '\0' && *end[1] == '\0' && identity_adopt((uid_t)user, (gid_t)group) == 0;
}

int main(int argc, char **argv)
{
    _cleanup_(engine_freep) Engine *engine = NULL;
    _cleanup_(spawner_freep) Spawner *spawner = NULL;
    _cleanup_diag_ Diag diag = DIAG_INIT;
    mem_use_for_jansson(json_set_alloc_funcs);
    log_open("container", LOG_INFO);
    (void)prctl(PR_SET_DUMPABLE, 0); /* passwords of registries are here */
    int cancel_fd = cancel_descriptor();
    _cleanup_json_ json_t *spec = argc == 1 || argc == 3 ? read_spec() : NULL;
    if (!spec || (argc == 3 && !take_identity(argv))) {
        fputs("kestra-container is started by kestra-worker\n", stderr);
        return USAGE_STATUS;
    }
    ContainerTask task = {.spec = spec, .cancel_fd = cancel_fd};
    if (engine_new(json_get_text(spec, "host", ""), json_get_text(spec, "certificates", NULL), cancel_fd, &engine,
                   &diag) != 0)
        return container_fail(&task, "%s", diag_first(&diag));
    if (spawner_new("", &spawner) < 0)
        return container_fail(&task, "No processes can be started: %m");
    task.engine = engine;
    task.spawner = spawner;
    return container_task_run(&task);
}
