/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/workspace.h"

#include <sys/stat.h>

#include "doc/json.h"
#include "plugin/namespace_files.h"
#include "plugin/script_files.h"
#include "worker/cache.h"
#include "worker/directory.h"

static const char *parent_run_id(const Job *job)
{
    return json_get_text(json_object_get(job->context.variables, "taskrun"), "parentId", NULL);
}

bool workspace_is_shared(const Job *job)
{
    const Task *parent = job->task->parent;
    return parent && parent->type && parent->type->shares_directory && parent_run_id(job);
}

/* The job seen as one of the WorkingDirectory: its properties, its place in storage. */
typedef struct Outer {
    RunContext run;
    json_t *job;
} Outer;

static Outer outer_of(Job *job)
{
    Outer outer = {.run = job->context.run, .job = json_copy(job->claim.body)};
    json_set_text(outer.job, "taskRunId", parent_run_id(job));
    outer.run.task = job->task->parent;
    outer.run.job = outer.job;
    return outer;
}

static const char *outer_value(const Job *job)
{
    const json_t *parent = json_object_get(job->context.variables, "parent");
    return json_get_text(json_object_get(parent, "taskrun"), "value", NULL);
}

static int fill(Job *job)
{
    Outer outer = outer_of(job);
    int r = cache_restore(&outer.run, job->worker->settings.temporary_directory, outer_value(job));
    if (r == 0)
        r = namespace_files_write(&outer.run);
    if (r == 0)
        r = script_files_write(&outer.run);
    json_decref(outer.job);
    return r;
}

/* What the children of a WorkingDirectory see of its task run. */
static void set_outer_variables(Job *job)
{
    json_t *taskrun = json_object_get(job->context.variables, "taskrun");
    const char *value = outer_value(job);
    if (!value || json_object_get(taskrun, "value"))
        return;
    json_t *copy = json_copy(taskrun);
    json_set_text(copy, "value", value);
    json_object_set_new(job->context.variables, "taskrun", copy);
}

static char *shared_path(const Job *job)
{
    return xasprintf("%s/shared-%s", job->worker->settings.temporary_directory, parent_run_id(job));
}

static int open_shared(Job *job)
{
    bool is_new;
    _cleanup_free_ char *path = shared_path(job);
    int r = directory_share(job->worker->settings.temporary_directory, path, &is_new);
    if (r < 0)
        return trace(r);
    job->directory = TAKE_PTR(path);
    job_context_set_directory(&job->context, job->directory);
    return is_new ? fill(job) : 0;
}

int workspace_open(Job *job)
{
    if (workspace_is_shared(job)) {
        set_outer_variables(job);
        return open_shared(job);
    }
    int r = directory_make(job->worker->settings.temporary_directory, &job->directory);
    if (r < 0)
        return trace(r);
    job_context_set_directory(&job->context, job->directory);
    return namespace_files_write(&job->context.run);
}

void workspace_restore(Job *job)
{
    if (!job->directory)
        return;
    if (workspace_is_shared(job))
        set_outer_variables(job);
    job_context_set_directory(&job->context, job->directory);
}

static bool is_last(const Task *task)
{
    const TaskList *tasks = &task->parent->tasks;
    for (size_t i = tasks->count; i > 0; i--)
        if (!tasks->items[i - 1]->disabled)
            return streq(tasks->items[i - 1]->id, task->id);
    return false;
}

static bool ends_the_directory(const Job *job, State state)
{
    bool failed = state == STATE_FAILED && !job->task->allow_failure;
    if (failed || state == STATE_KILLED)
        return !job->task->retry && !job->flow->retry;
    return is_last(job->task);
}

static int collect(Job *job, json_t **ret_outputs)
{
    _cleanup_json_ json_t *globs = NULL;
    json_t *files = NULL;
    Outer outer = outer_of(job);
    int r = run_texts(&outer.run, "outputFiles", &globs);
    if (r == 0 && globs)
        r = script_files_collect(&outer.run, job->directory, globs, &files);
    if (r == 0)
        r = cache_keep(&outer.run, job->worker->settings.temporary_directory, outer_value(job));
    if (r == 0 && files)
        *ret_outputs = json_pack("{s:o}", "outputFiles", files);
    else
        json_decref(files);
    json_decref(outer.job);
    return r;
}

int workspace_end(Job *job, State state, json_t **ret_outputs)
{
    *ret_outputs = NULL;
    if (!job->task || !job->directory || !workspace_is_shared(job) || !ends_the_directory(job, state))
        return 0;
    bool is_good = state == STATE_SUCCESS || state == STATE_WARNING || state == STATE_SKIPPED;
    int r = is_good ? collect(job, ret_outputs) : 0;
    directory_remove(job->directory);
    return r;
}

void workspace_close(Job *job)
{
    if (job->directory && !workspace_is_shared(job))
        directory_remove(job->directory);
    free(job->directory);
    job->directory = NULL;
}
