/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/staging.h"

#include "doc/json.h"
#include "plugin/cache.h"
#include "plugin/namespace_files.h"
#include "plugin/script_files.h"

const char *staging_outer_run_id(const JobContext *context)
{
    const Task *parent = context->run.task->parent;
    if (!parent || !parent->type || !parent->type->shares_directory)
        return NULL;
    return json_get_text(json_object_get(context->variables, "taskrun"), "parentId", NULL);
}

/* The job seen as one of the WorkingDirectory: its properties, its place in storage. */
typedef struct Outer {
    RunContext run;
    json_t *job;
    const char *value; /* of its ForEach; or NULL */
} Outer;

static const char *outer_value(const JobContext *context)
{
    const json_t *parent = json_object_get(context->variables, "parent");
    return json_get_text(json_object_get(parent, "taskrun"), "value", NULL);
}

static Outer outer_of(const JobContext *context)
{
    Outer outer = {.run = context->run, .job = json_copy((json_t *)context->run.job), .value = outer_value(context)};
    json_set_text(outer.job, "taskRunId", staging_outer_run_id(context));
    outer.run.task = context->run.task->parent;
    outer.run.job = outer.job;
    return outer;
}

void staging_set_outer_variables(JobContext *context)
{
    json_t *taskrun = json_object_get(context->variables, "taskrun");
    const char *value = outer_value(context);
    if (!value || json_object_get(taskrun, "value"))
        return;
    json_t *copy = json_copy(taskrun);
    json_set_text(copy, "value", value);
    json_object_set_new(context->variables, "taskrun", copy);
}

static int fill(const JobContext *context, const char *scratch)
{
    Outer outer = outer_of(context);
    int r = cache_restore(&outer.run, scratch, outer.value);
    if (r == 0)
        r = namespace_files_write(&outer.run);
    if (r == 0)
        r = script_files_write(&outer.run);
    json_decref(outer.job);
    return r;
}

int staging_open(JobContext *context, bool is_new, const char *scratch)
{
    if (staging_outer_run_id(context))
        return is_new ? fill(context, scratch) : 0;
    return namespace_files_write(&context->run);
}

int staging_times(JobContext *context, json_t **ret)
{
    RunContext *run = &context->run;
    usec_t wait = 0, timeout = 0;
    int r = run->task->type->wait ? run->task->type->wait(run, &wait) : 0;
    if (r == 0)
        r = run_duration(run, "timeout", 0, &timeout);
    if (r == 0)
        *ret = json_pack("{s:I, s:I}", "timeout", (json_int_t)MIN(timeout, (usec_t)INT64_MAX), "wait",
                         (json_int_t)MIN(wait, (usec_t)INT64_MAX));
    return r;
}

int staging_become(JobContext *context, json_t **ret)
{
    _cleanup_(job_task_freep) Task *other = NULL;
    int r = context->run.task->type->become(&context->run, &other);
    if (r == 0)
        *ret = job_task_write(other);
    return r;
}

int staging_keep(JobContext *context, const char *scratch, json_t **ret)
{
    _cleanup_json_ json_t *globs = NULL, *files = NULL;
    Outer outer = outer_of(context);
    *ret = NULL;
    int r = run_texts(&outer.run, "outputFiles", &globs);
    if (r == 0 && globs)
        r = script_files_collect(&outer.run, context->run.working_directory, globs, &files);
    if (r == 0)
        r = cache_keep(&outer.run, scratch, outer.value);
    if (r == 0 && files)
        *ret = json_pack("{s:O}", "outputFiles", files);
    json_decref(outer.job);
    return r;
}

json_t *staging_write_script(const ScriptContext *script)
{
    json_t *object = json_object(), *argv = json_array();
    for (char **word = script->argv; *word; word++)
        json_array_append_new(argv, json_string(*word));
    json_object_set_new(object, "argv", argv);
    json_object_set(object, "environment", script->environment);
    json_object_set_new(object, "warningOnStdErr", json_boolean(script->warning_on_stderr));
    json_object_set(object, "outputFiles", script->output_files); /* nothing when NULL, as the next */
    json_object_set(object, "limits", script->limits);
    json_object_set(object, "sandbox", script->sandbox);
    json_object_set(object, "container", script->container);
    return object;
}

void staging_read_script(const json_t *saved, ScriptContext *ret)
{
    const json_t *argv = json_object_get(saved, "argv");
    *ret = (ScriptContext){
        .argv = xnew_n(char *, json_array_size(argv) + 1),
        .environment = json_incref(json_object_get(saved, "environment")),
        .warning_on_stderr = json_get_boolean(saved, "warningOnStdErr", true),
        .output_files = json_incref(json_object_get(saved, "outputFiles")),
        .limits = json_incref(json_object_get(saved, "limits")),
        .sandbox = json_incref(json_object_get(saved, "sandbox")),
        .container = json_incref(json_object_get(saved, "container")),
    };
    for (size_t i = 0; i < json_array_size(argv); i++)
        ret->argv[i] = xstrdup(json_string_value(json_array_get(argv, i)));
}
