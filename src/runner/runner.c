/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loop of kestra-run. It knows nothing but what the worker sends (plugin/wire.h): settings once, then one task run
 * at a time. Whatever goes wrong here costs one task run: the worker sees the socket close and says so in its log.
 */
#include "runner/runner.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/identity.h"
#include "base/log.h"
#include "base/private_env.h"
#include "blob/storage.h"
#include "model/expression_limits.h"
#include "model/log_entry.h"
#include "plugin/job_context.h"
#include "plugin/registry.h"
#include "plugin/script_files.h"
#include "plugin/script_secrets.h"
#include "plugin/staging.h"
#include "plugin/task_file.h"
#include "plugin/wire.h"
#include "runner/http_curl.h"
#include "runner/mail_curl.h"
#include "runner/sql_drivers.h"

typedef struct Runner {
    int fd;
    Wire wire;
    json_t *settings_json; /* holds what `settings` borrows */
    JobSettings settings;
    Blob *storage;
    bool lost; /* the worker does not listen any more */
} Runner;

static void say(Runner *runner, const char *kind, json_t *content)
{
    _cleanup_json_ json_t *message = json_object();
    json_object_set_new(message, kind, content);
    runner->lost = runner->lost || wire_send(runner->fd, message) != 0;
}

static void say_log(void *userdata, int level, const char *text)
{
    json_t *content = json_object();
    json_object_set_new(content, "level", json_integer(level));
    json_set_text(content, "message", text);
    if (!json_object_get(content, "message")) /* not UTF-8 */
        json_set_text(content, "message", "(a line that is not text)");
    say(userdata, "log", content);
}

static void say_metric(void *userdata, const char *name, bool is_timer, double value, const json_t *tags)
{
    json_t *content = json_object();
    json_set_text(content, "name", name);
    json_object_set_new(content, "timer", json_boolean(is_timer));
    json_object_set_new(content, "value", json_real(value));
    if (tags)
        json_object_set(content, "tags", (json_t *)tags);
    say(userdata, "metric", content);
}

static bool is_lost(void *userdata)
{
    return ((Runner *)userdata)->lost;
}

/* The worker sends nothing but the answer while a task runs. */
static int ask(void *userdata, const json_t *question, json_t **ret)
{
    Runner *runner = userdata;
    say(runner, "ask", json_incref((json_t *)question));
    while (!runner->lost) {
        _cleanup_json_ json_t *message = NULL;
        int r = wire_take(&runner->wire, &message);
        if (r == 0) {
            *ret = json_incref(json_object_get(message, "answer"));
            return *ret ? 0 : outage(-EPROTO);
        }
        runner->lost = r == WIRE_E_BROKEN || wire_read(&runner->wire, runner->fd) != 0;
    }
    return outage(-ECONNRESET);
}

static const RunOps run_ops = {.log = say_log, .metric = say_metric, .is_killed = is_lost, .ask = ask};

/* errorLogs() of the job that runs. */
static int error_logs(void *userdata, const json_t *job, json_t **ret, Diag *diag)
{
    _cleanup_json_ json_t *question = json_pack("{s:s}", "what", WIRE_ERROR_LOGS), *answer = NULL;
    if (ask(userdata, question, &answer) == 0)
        *ret = json_incref(json_object_get(answer, "lines"));
    if (*ret)
        return 0;
    diag_error(diag, NULL, 0, 0, "the logs of the execution cannot be read");
    return EXPR_E_RENDER;
}

/* run: NULL when there was none. */
static void say_end(Runner *runner, int outcome, const RunContext *run)
{
    json_t *content = json_object();
    json_object_set_new(content, "outcome", json_integer(outcome));
    json_set_text(content, "state", state_to_string(run ? run->final_state : STATE_FAILED));
    if (run) {
        json_object_set(content, "outputs", run->outputs);
        json_object_set_new(content, "fires", json_boolean(run->fires));
        json_set_present(content, "notes", json_incref(run->notes));
    }
    say(runner, "end", content);
}

void runner_take_secrets(const json_t *secrets)
{
    const char *name;
    json_t *value;
    json_object_foreach ((json_t *)secrets, name, value)
        private_env_set(name, json_string_value(value));
}

static void take_settings(Runner *runner, json_t *settings)
{
    _as_(IDENTITY_OWN);
    json_decref(runner->settings_json);
    runner->settings_json = json_incref(settings);
    expression_limits_decode(json_object_get(settings, "expressionLimits"));
    runner_take_secrets(json_object_get(settings, "secrets"));
    json_t *storage = json_object_get(settings, "storage");
    _cleanup_free_ char *error = NULL;
    if (storage && !runner->storage && storage_open(storage, &runner->storage, &error) != 0)
        log_event(STORAGE_UNUSABLE, "Internal storage cannot be opened: %s", error);
    runner->settings = (JobSettings){
        .globals = json_object_get(settings, "globals"),
        .envs = json_object_get(settings, "envs"),
        .encryption_key = json_get_text(settings, "encryptionKey", NULL),
        .storage = runner->storage,
        .http = &http_curl_client,
        .mail = &mail_curl_client,
        .sql = sql_drivers,
        .open_store = storage_open,
        .recursive_rendering = json_get_boolean(settings, "recursiveRendering", false),
        .error_logs = error_logs,
        .userdata = runner,
    };
}

/* --- steps --- */

static int step_open(JobContext *context, const json_t *run, json_t **ret)
{
    return staging_open(context, json_get_boolean(run, "fresh", false), json_get_text(run, "scratch", "/tmp"));
}

static int step_task(JobContext *context, const json_t *run, json_t **ret)
{
    int r = context->run.working_directory ? step_open(context, run, ret) : 0;
    return r == 0 ? context->run.task->type->run(&context->run) : r;
}

/* The task alone: its directory is as it should be. */
static int step_run(JobContext *context, const json_t *run, json_t **ret)
{
    return context->run.task->type->run(&context->run);
}

static int step_become(JobContext *context, const json_t *run, json_t **ret)
{
    return staging_become(context, ret);
}

static int step_times(JobContext *context, const json_t *run, json_t **ret)
{
    return staging_times(context, ret);
}

static int step_prepare(JobContext *context, const json_t *run, json_t **ret)
{
    ScriptContext script = {};
    int r = step_open(context, run, ret);
    if (r == 0)
        r = context->run.task->type->prepare(&context->run, &script);
    if (r == 0)
        script_secrets_hide(context, &script);
    if (r == 0)
        *ret = staging_write_script(&script);
    script_context_done(&script);
    return r;
}

static int step_collect(JobContext *context, const json_t *run, json_t **ret)
{
    return script_files_collect(&context->run, context->run.working_directory, json_object_get(run, "globs"), ret);
}

static int step_keep(JobContext *context, const json_t *run, json_t **ret)
{
    return staging_keep(context, json_get_text(run, "scratch", "/tmp"), ret);
}

/* The log itself is the file: what goes wrong is told beside it. */
static int step_log(JobContext *context, const json_t *run, json_t **ret)
{
    _as_(IDENTITY_OWN); /* the worker wrote it */
    _cleanup_(close_fdp) int fd =
        task_file_open_below(json_get_text(run, "scratch", "/tmp"), json_get_text(run, "name", ""), O_RDONLY, 0);
    int r = fd < 0 ? fd : context->run.storage ? 0 : -ENOTCONN;
    _cleanup_free_ char *error = NULL;
    if (r == 0) {
        r = blob_write_from(context->run.storage, json_get_text(run, "uri", ""), fd);
        error = r != 0 ? blob_explain(r) : NULL;
    } else {
        errno = -r;
        error = xasprintf("%m");
    }
    if (r == 0)
        return 0;
    *ret = json_pack("{s:s}", "error", error);
    return RUN_E_FAILED;
}

typedef int Step(JobContext *context, const json_t *run, json_t **ret);
static const struct {
    const char *name;
    Step *step;
} steps[] = {
    {"run", step_run},         {"become", step_become},   {"times", step_times}, {"open", step_open},
    {"prepare", step_prepare}, {"collect", step_collect}, {"keep", step_keep},   {"log", step_log},
};

/* NULL: there is none of that name, or the type has no such thing. */
static Step *find_step(const char *name, const Type *type)
{
    Step *step = name ? NULL : step_task;
    for (size_t i = 0; name && i < ELEMENTS(steps); i++)
        if (streq(steps[i].name, name))
            step = steps[i].step;
    bool lacks = ((step == step_task || step == step_run) && !type->run) || (step == step_prepare && !type->prepare) ||
                 (step == step_become && !type->become);
    return lacks ? NULL : step;
}

static void say_step_end(Runner *runner, int outcome, const JobContext *context, json_t *result)
{
    json_t *content = json_object(), *secrets = json_array();
    for (size_t i = 0; i < context->mask.values.count; i++)
        json_array_append_new(secrets, json_string(context->mask.values.items[i]));
    json_object_set_new(content, "outcome", json_integer(outcome));
    json_object_set_new(content, "secrets", secrets);
    json_object_set(content, "result", result); /* nothing when NULL */
    say(runner, "end", content);
}

static void run_step(Runner *runner, Step *step, const Task *task, const json_t *run)
{
    JobContext context;
    _cleanup_json_ json_t *result = NULL;
    job_context_init(&context, &runner->settings, task, json_object_get(run, "job"), json_object_get(run, "inputs"),
                     &run_ops, runner);
    const char *directory = json_get_text(run, "directory", NULL);
    if (task->parent)
        staging_set_outer_variables(&context);
    if (directory)
        job_context_set_directory(&context, directory);
    int r = step(&context, run, &result);
    if (r < 0) {
        errno = -r;
        r = run_fail(&context.run, "The task could not be run: %m");
    }
    if (step == step_task || step == step_run)
        say_end(runner, r, &context.run);
    else
        say_step_end(runner, r, &context, result);
    job_context_done(&context);
}

static void take_run(Runner *runner, const json_t *run)
{
    const json_t *outer = json_object_get(run, "around");
    _cleanup_(job_task_freep) Task *task = job_task_read(&plugin_registry, json_object_get(run, "task"));
    _cleanup_(job_task_freep) Task *around = outer ? job_task_read(&plugin_registry, outer) : NULL;
    Step *step = task ? find_step(json_get_text(run, "step", NULL), task->type) : NULL;
    if (step) {
        task->parent = around;
        run_step(runner, step, task, run);
        return;
    }
    say_log(runner, LOG_LEVEL_ERROR, "This program does not know the type of the task: is it of another version?");
    say_end(runner, RUN_E_FAILED, NULL);
}

static void take_message(Runner *runner, const json_t *message)
{
    json_t *settings = json_object_get(message, "settings");
    const json_t *run = json_object_get(message, "run");
    if (settings)
        take_settings(runner, settings);
    if (run)
        take_run(runner, run);
}

static int serve(Runner *runner)
{
    while (!runner->lost) {
        _cleanup_json_ json_t *message = NULL;
        int r = wire_take(&runner->wire, &message);
        if (r == 0)
            take_message(runner, message);
        else if (r == WIRE_E_BROKEN)
            return outage(-EPROTO);
        else if (wire_read(&runner->wire, runner->fd) != 0)
            break; /* the worker is done with us */
    }
    return 0;
}

int runner_serve(int fd)
{
    Runner runner = {.fd = fd};
    _as_(IDENTITY_TASK); /* but for storage and secrets, where those are read */
    int r = serve(&runner);
    wire_done(&runner.wire);
    json_decref(runner.settings_json);
    blob_free(runner.storage);
    return r;
}
