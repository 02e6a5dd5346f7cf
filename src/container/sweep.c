/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A helper that was killed could not remove its container. Whose a container is, and whether that process still is the
 * same, is known by the host (also its process namespace), its number and when it started: so a sweep can run at any
 * time, beside helpers that are at work and beside those that a reloaded worker has taken over.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "container/task.h"

#define SWEEP_TIMEOUT (60 * USEC_PER_SEC)
enum { START_TIME_FIELD = 22 };

static bool read_small(const char *path, char *bytes, size_t size)
{
    _cleanup_(close_fdp) int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, bytes, size - 1);
    bytes[n > 0 ? n : 0] = '\0';
    return n > 0;
}

char *container_host_id(void)
{
    char id[64] = "";
    struct stat space = {};
    (void)read_small("/etc/machine-id", id, sizeof id); /* then the namespace alone tells hosts apart */
    id[strcspn(id, "\n")] = '\0';
    (void)stat("/proc/self/ns/pid", &space);
    return xasprintf("%s-%" PRIu64, id, (uint64_t)space.st_ino);
}

/* "PID.START", or NULL when there is no such process. */
static char *describe(intmax_t pid)
{
    char stat_text[1024];
    _cleanup_free_ char *path = xasprintf("/proc/%" PRIdMAX "/stat", pid);
    if (!read_small(path, stat_text, sizeof stat_text))
        return NULL;
    const char *at = strrchr(stat_text, ')'); /* the name before it may hold anything */
    for (int field = 2; at && field < START_TIME_FIELD; field++)
        at = strchr(at + 1, ' ');
    return at ? xasprintf("%" PRIdMAX ".%.*s", pid, (int)strcspn(at + 1, " "), at + 1) : NULL;
}

char *container_keeper(void)
{
    char *text = describe(getpid());
    return text ? text : xstrdup("0");
}

static bool is_kept(const json_t *labels)
{
    const char *keeper = json_get_text(labels, "kestra.io/keeper", "0");
    _cleanup_free_ char *now = describe(strtoimax(keeper, NULL, 10));
    return now && streq(now, keeper);
}

static void remove_one(ContainerTask *task, const json_t *container)
{
    const char *id = json_get_text(container, "Id", "");
    bool stays = json_object_get(json_object_get(container, "Labels"), "kestra.io/keep");
    bool is_running = streq(json_get_text(container, "State", ""), "running");
    if (stays && !is_running)
        return;
    _cleanup_free_ char *path =
        stays ? xasprintf("/containers/%s/kill", id) : xasprintf("/containers/%s?force=1&v=1", id);
    const EngineRequest request = {.method = stays ? "POST" : "DELETE", .path = path, .timeout_usec = SWEEP_TIMEOUT};
    if (container_call(task, &request, "A container that was left behind cannot be removed", NULL) == 0)
        (void)container_fail(task, "Removed container %.12s, left behind by a task whose process is gone", id);
}

int container_sweep(ContainerTask *task)
{
    _cleanup_free_ char *host = container_host_id();
    _cleanup_json_ json_t *filters = json_pack("{s:[o]}", "label", json_sprintf("kestra.io/host=%s", host));
    _cleanup_free_ char *text = json_text(filters), *encoded = engine_encode(text);
    _cleanup_free_ char *path = xasprintf("/containers/json?all=1&filters=%s", encoded);
    _cleanup_answer_ EngineAnswer answer = {};
    const EngineRequest request = {.method = "GET", .path = path, .timeout_usec = SWEEP_TIMEOUT};
    int r = container_call(task, &request, "Containers that were left behind cannot be looked for", &answer);
    size_t i;
    const json_t *container;
    if (r != 0)
        return r;
    json_array_foreach (answer.body, i, container)
        if (!is_kept(json_object_get(container, "Labels")))
            remove_one(task, container);
    return 0;
}
