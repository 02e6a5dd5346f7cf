/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a container: image, create, files, start, output, status, files, gone. Wherever it ends before, by a
 * failure or because we are to end, the container is removed; only one that flows want to keep stays.
 */
#include "container/task.h"

#include <unistd.h>

#include "container/archive.h"
#include "container/stream.h"
#include "container/usage.h"

#define CLEAR_TIMEOUT (60 * USEC_PER_SEC)

static const char *text_of(const ContainerTask *task, const char *member)
{
    return json_get_text(task->spec, member, "");
}

static bool flag_of(const ContainerTask *task, const char *member, bool fallback)
{
    return json_get_boolean(task->spec, member, fallback);
}

/* --- image --- */

/* The image as the engine has it, NULL when it has none: new. */
static int inspect_image(ContainerTask *task, json_t **ret)
{
    _cleanup_free_ char *name = engine_encode(text_of(task, "image")), *path = xasprintf("/images/%s/json", name);
    _cleanup_answer_ EngineAnswer answer = {};
    _cleanup_diag_ Diag diag = DIAG_INIT;
    int r = engine_call(task->engine, &(EngineRequest){.method = "GET", .path = path}, &answer, &diag);
    if (r == ENGINE_E_CANCELLED)
        return CONTAINER_STATUS_CANCELLED;
    if (r != 0)
        return container_fail(task, "%s", r < 0 ? "Out of descriptors or memory" : diag_first(&diag));
    *ret = answer.code == 200 ? json_incref(answer.body) : NULL;
    return 0;
}

/* "a/b" → "a/b:latest": without a tag some engines fetch all of them. */
static char *with_tag(const char *image)
{
    const char *slash = strrchr(image, '/'), *last = slash ? slash : image;
    return strchr(last, ':') || strchr(image, '@') ? xstrdup(image) : xasprintf("%s:latest", image);
}

static int fetch(ContainerTask *task, bool is_there)
{
    const char *image = text_of(task, "image"), *auth = text_of(task, "auth");
    bool may_fail = is_there && *text_of(task, "pull") == '\0';
    _cleanup_free_ char *tagged = with_tag(image), *name = engine_encode(tagged);
    _cleanup_free_ char *path = xasprintf("/images/create?fromImage=%s", name);
    _cleanup_free_ char *what = xasprintf("The image %s cannot be pulled", image), *why = NULL;
    EngineRequest request = {.method = "POST", .path = path, .registry_auth = *auth ? auth : NULL};
    int r = container_progress(task, &request, what, NULL, may_fail ? &why : NULL);
    if (!why)
        return r;
    container_log(task, "WARN", "%s, the one that is there is used: %s", what, why);
    return 0;
}

int container_pull(ContainerTask *task)
{
    _cleanup_json_ json_t *there = NULL;
    const char *policy = text_of(task, "pull");
    int r = inspect_image(task, &there);
    if (r != 0 || (there && (streq(policy, "IF_NOT_PRESENT") || streq(policy, "NEVER"))))
        return r;
    if (streq(policy, "NEVER"))
        return container_fail(task, "The image %s is not there, and pullPolicy is NEVER", text_of(task, "image"));
    return fetch(task, there != NULL);
}

/* --- files --- */

/* Whether the container's user is root, as the task or the image says. */
static int find_user(ContainerTask *task, bool *ret_is_root)
{
    _cleanup_json_ json_t *image = NULL;
    const char *user = json_get_text(json_object_get(task->spec, "create"), "User", "");
    int r = *user ? 0 : inspect_image(task, &image);
    if (r != 0)
        return r;
    if (!*user)
        user = json_get_text(json_object_get(image, "Config"), "User", "");
    size_t length = strcspn(user, ":");
    *ret_is_root = length == 0 || (length == 1 && *user == '0') || (length == 4 && starts_with(user, "root"));
    return 0;
}

static bool copies_files(const ContainerTask *task)
{
    return *text_of(task, "directory") && !streq(text_of(task, "files"), "MOUNT");
}

static int upload(ContainerTask *task, const char *id)
{
    _cleanup_(archive_freep) Archive *archive = NULL;
    _cleanup_free_ char *path = xasprintf("/containers/%s/archive?path=%%2F", id);
    bool is_root;
    if (!copies_files(task))
        return 0;
    int r = find_user(task, &is_root);
    if (r != 0)
        return r;
    const char *directory = text_of(task, "directory");
    if (archive_pack(task->spawner, directory, directory + 1, !is_root, task->cancel_fd, &archive) < 0)
        return container_fail(task, "The program tar cannot be started: %m");
    r = container_call(task, &(EngineRequest){.method = "PUT", .path = path, .give = archive_give, .userdata = archive},
                       "The working directory cannot be copied into the container", NULL);
    if (r == 0 && !archive_end(archive))
        r = container_fail(task, "The working directory cannot be read in full");
    return r;
}

static int download(ContainerTask *task, const char *id)
{
    _cleanup_(archive_freep) Archive *archive = NULL;
    const char *directory = text_of(task, "directory");
    if (!copies_files(task) || !flag_of(task, "collect", false))
        return 0;
    _cleanup_free_ char *encoded = engine_encode(directory);
    _cleanup_free_ char *path = xasprintf("/containers/%s/archive?path=%s", id, encoded);
    if (archive_unpack(task->spawner, directory, task->cancel_fd, &archive) < 0)
        return container_fail(task, "The program tar cannot be started: %m");
    int r =
        container_call(task, &(EngineRequest){.method = "GET", .path = path, .take = archive_take, .userdata = archive},
                       "The working directory cannot be copied out of the container", NULL);
    if (r == 0 && !archive_end(archive))
        r = container_fail(task, "The working directory cannot be written in full");
    return r;
}

/* --- container --- */

static int create(ContainerTask *task, char **ret_id)
{
    _cleanup_json_ json_t *body = json_deep_copy(json_object_get(task->spec, "create"));
    _cleanup_answer_ EngineAnswer answer = {};
    if (flag_of(task, "wait", true)) { /* otherwise it is nobody's */
        _cleanup_free_ char *host = container_host_id(), *keeper = container_keeper();
        json_t *labels = json_object_get(body, "Labels");
        json_set_text(labels, "kestra.io/host", host);
        json_set_text(labels, "kestra.io/keeper", keeper);
        json_set_text(labels, "kestra.io/keep", flag_of(task, "delete", true) ? NULL : "true");
    }
    int r = container_call(task, &(EngineRequest){.method = "POST", .path = "/containers/create", .body = body},
                           "The container cannot be made", &answer);
    const char *id = json_get_text(answer.body, "Id", NULL);
    if (r != 0)
        return r;
    if (!id)
        return container_fail(task, "The container cannot be made: the engine gives no id");
    *ret_id = xstrdup(id);
    return 0;
}

static int start(ContainerTask *task, const char *id)
{
    _cleanup_free_ char *path = xasprintf("/containers/%s/start", id);
    return container_call(task, &(EngineRequest){.method = "POST", .path = path}, "The container cannot be started",
                          NULL);
}

/* Its output, until it has ended. */
static int follow(ContainerTask *task, const char *id)
{
    _cleanup_free_ char *logs = xasprintf("/containers/%s/logs?follow=1&stdout=1&stderr=1", id);
    _cleanup_free_ char *stats = xasprintf("/containers/%s/stats?stream=1", id);
    const char *attempt = json_get_text(task->spec, "attempt", NULL);
    _cleanup_(container_usage_done) ContainerUsage usage = {};
    Stream stream = {.cancel_fd = task->cancel_fd};
    const EngineRequest beside = {.method = "GET", .path = stats, .take = container_usage_take, .userdata = &usage};
    const EngineRequest request = {
        .method = "GET", .path = logs, .take = stream_take, .userdata = &stream, .beside = attempt ? &beside : NULL};
    int r = container_call(task, &request, "The output of the container cannot be read", NULL);
    if (r == 0 && attempt)
        container_usage_report(&usage, attempt, stream.in_line, task->cancel_fd);
    return r;
}

static void tell_out_of_memory(ContainerTask *task, const char *id)
{
    _cleanup_free_ char *path = xasprintf("/containers/%s/json", id);
    _cleanup_answer_ EngineAnswer answer = {};
    _cleanup_diag_ Diag diag = DIAG_INIT;
    if (engine_call(task->engine, &(EngineRequest){.method = "GET", .path = path}, &answer, &diag) == 0 &&
        json_is_true(json_at(answer.body, "State.OOMKilled")))
        (void)container_fail(task, "killed: out of memory, the limit of the container");
}

/* Its exit status. */
static int wait_for_end(ContainerTask *task, const char *id, int *ret_status)
{
    _cleanup_free_ char *path = xasprintf("/containers/%s/wait", id);
    _cleanup_answer_ EngineAnswer answer = {};
    int r = container_call(task, &(EngineRequest){.method = "POST", .path = path},
                           "The end of the container cannot be awaited", &answer);
    if (r != 0)
        return r;
    *ret_status = (int)json_get_integer(answer.body, "StatusCode", CONTAINER_STATUS_FAILED) & 0xFF;
    if (*ret_status != 0)
        tell_out_of_memory(task, id);
    return 0;
}

static void clear(ContainerTask *task, const char *id, bool is_stopped)
{
    int64_t grace = json_get_integer(task->spec, "graceSeconds", 0);
    engine_never_cancel(task->engine);
    task->cancel_fd = -1;
    if (is_stopped && grace > 0) {
        _cleanup_free_ char *path = xasprintf("/containers/%s/stop?t=%" PRIi64, id, grace);
        (void)container_call(task,
                             &(EngineRequest){.method = "POST",
                                              .path = path,
                                              .timeout_usec = CLEAR_TIMEOUT + (usec_t)grace * USEC_PER_SEC},
                             "The container does not stop", NULL); /* it is told, and removed by force */
    }
    _cleanup_free_ char *path = xasprintf("/containers/%s?force=1&v=1", id);
    (void)container_call(task, &(EngineRequest){.method = "DELETE", .path = path, .timeout_usec = CLEAR_TIMEOUT},
                         "The container cannot be removed", NULL); /* it is told, and the next sweep removes it */
}

/* From its start to its end. */
static int live(ContainerTask *task, const char *id, int *ret_status)
{
    _cleanup_json_ json_t *message = json_pack("{s:{s:s}}", "taskRunner", "containerId", id);
    int r = upload(task, id);
    if (r == 0)
        r = start(task, id);
    if (r != 0)
        return r;
    container_say(task, message);
    if (!flag_of(task, "wait", true)) {
        *ret_status = 0;
        return 0;
    }
    r = follow(task, id);
    if (r == 0)
        r = wait_for_end(task, id, ret_status);
    if (r == 0)
        r = download(task, id);
    return r;
}

static int run(ContainerTask *task)
{
    _cleanup_free_ char *id = NULL;
    int status = CONTAINER_STATUS_FAILED;
    int r = container_pull(task);
    if (r == 0)
        r = create(task, &id);
    if (r == 0)
        r = live(task, id, &status);
    bool stays = r == 0 && (!flag_of(task, "delete", true) || !flag_of(task, "wait", true));
    if (id && !stays)
        clear(task, id, r == CONTAINER_STATUS_CANCELLED);
    return r == 0 ? status : r;
}

int container_task_run(ContainerTask *task)
{
    const char *action = text_of(task, "action");
    if (streq(action, "run"))
        return run(task);
    if (streq(action, "sweep"))
        return container_sweep(task);
    return container_action(task, action);
}
