/* SPDX-License-Identifier: Apache-2.0 */
/* What the actions share: requests whose failures are told, and lines for the worker. */
#include <unistd.h>

#include "container/stream.h"
#include "container/task.h"

enum { LINE_BYTES_MAX = 1024 * 1024 };

int container_fail(const ContainerTask *task, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    _cleanup_free_ char *text = xvasprintf(format, arguments);
    va_end(arguments);
    _cleanup_free_ char *line = xasprintf("%s\n", text);
    (void)stream_write(STDERR_FILENO, task->cancel_fd, line, strlen(line)); /* then nobody listens */
    return CONTAINER_STATUS_FAILED;
}

void container_say(const ContainerTask *task, const json_t *message)
{
    _cleanup_free_ char *text = json_text(message), *line = xasprintf("::%s::\n", text);
    (void)stream_write(STDOUT_FILENO, task->cancel_fd, line, strlen(line)); /* likewise */
}

void container_log(const ContainerTask *task, const char *level, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    _cleanup_free_ char *text = xvasprintf(format, arguments);
    va_end(arguments);
    _cleanup_json_ json_t *message = json_pack("{s:[{s:s, s:s}]}", "logs", "level", level, "message", text);
    if (message) /* NULL: no UTF-8 */
        container_say(task, message);
}

int container_call(ContainerTask *task, const EngineRequest *request, const char *what, EngineAnswer *ret)
{
    _cleanup_answer_ EngineAnswer answer = {};
    _cleanup_diag_ Diag diag = DIAG_INIT;
    int r = engine_call(task->engine, request, &answer, &diag);
    if (r == ENGINE_E_CANCELLED)
        return CONTAINER_STATUS_CANCELLED;
    if (r != 0)
        return container_fail(task, "%s: %s", what, r < 0 ? "out of descriptors or memory" : diag_first(&diag));
    if (answer.code >= 400)
        return container_fail(task, "%s: %s", what, answer.message);
    if (ret) {
        *ret = answer;
        answer = (EngineAnswer){};
    }
    return 0;
}

/* --- streams of JSON lines --- */

typedef struct Progress {
    const ContainerTask *task;
    Buffer line;
    char *error, *image;
    bool tells; /* lines of a build are the task's output */
} Progress;

static void take_error(Progress *progress, const json_t *line)
{
    const json_t *value = json_object_get(line, "error");
    if (!json_is_string(value) || !*json_string_value(value))
        return;
    free(progress->error);
    progress->error = xstrdup(json_string_value(value));
}

static void take_line(Progress *progress)
{
    _cleanup_json_ json_t *line = NULL;
    if (json_parse(buffer_text(&progress->line), progress->line.length, 0, &line, NULL) != 0 || !json_is_object(line))
        return;
    take_error(progress, line);
    const char *text = json_get_text(line, "stream", NULL);
    const char *image = json_get_text(json_object_get(line, "aux"), "ID", NULL);
    if (image) {
        free(progress->image);
        progress->image = xstrdup(image);
    }
    if (text && progress->tells)
        (void)stream_write(STDOUT_FILENO, progress->task->cancel_fd, text, strlen(text)); /* seen at the next write */
}

static bool take_progress(void *userdata, const char *bytes, size_t length)
{
    Progress *progress = userdata;
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] != '\n') {
            buffer_append_char(&progress->line, bytes[i]);
            continue;
        }
        take_line(progress);
        buffer_clear(&progress->line);
    }
    return progress->line.length <= LINE_BYTES_MAX;
}

static void progress_done(Progress *progress)
{
    buffer_done(&progress->line);
    free(progress->error);
    free(progress->image);
}

int container_progress(ContainerTask *task, EngineRequest *request, const char *what, char **ret_image, char **ret_why)
{
    _cleanup_(progress_done) Progress progress = {.task = task, .tells = ret_image != NULL};
    _cleanup_answer_ EngineAnswer answer = {};
    _cleanup_diag_ Diag diag = DIAG_INIT;
    EngineRequest followed = *request;
    followed.userdata = &progress;
    followed.take = take_progress;
    int r = engine_call(task->engine, &followed, &answer, &diag);
    if (r == ENGINE_E_CANCELLED)
        return CONTAINER_STATUS_CANCELLED;
    take_line(&progress);
    const char *why = r > 0 ? diag_first(&diag) : r < 0 ? "out of descriptors or memory" : NULL;
    why = why ? why : answer.code >= 400 ? answer.message : progress.error;
    if (why && ret_why) {
        *ret_why = xstrdup(why);
        return CONTAINER_STATUS_FAILED;
    }
    if (why)
        return container_fail(task, "%s: %s", what, why);
    if (ret_image)
        *ret_image = TAKE_PTR(progress.image);
    return 0;
}
