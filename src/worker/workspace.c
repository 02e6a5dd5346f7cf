/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/workspace.h"

#include "doc/json.h"
#include "plugin/staging.h"
#include "worker/directory.h"

bool workspace_is_shared(const Job *job)
{
    return staging_outer_run_id(&job->context) != NULL;
}

static char *shared_path(const Job *job)
{
    return xasprintf("%s/shared-%s", job->worker->settings.temporary_directory, staging_outer_run_id(&job->context));
}

int workspace_make(Job *job)
{
    _cleanup_free_ char *path = NULL;
    const char *parent = job->worker->settings.temporary_directory;
    int r;
    if (workspace_is_shared(job)) {
        staging_set_outer_variables(&job->context);
        path = shared_path(job);
        r = directory_share(parent, path, &job->fresh);
    } else {
        r = directory_make(parent, &path);
        job->fresh = true;
    }
    if (r < 0)
        return trace(r);
    job->directory = TAKE_PTR(path);
    job_context_set_directory(&job->context, job->directory);
    return 0;
}

int workspace_fill(Job *job, json_t **ret)
{
    return staging_open(&job->context, job->fresh, job->worker->settings.temporary_directory);
}

void workspace_spoiled(Job *job)
{
    if (job->directory && job->fresh)
        directory_remove(job->directory);
}

void workspace_restore(Job *job)
{
    if (!job->directory)
        return;
    if (workspace_is_shared(job))
        staging_set_outer_variables(&job->context);
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

bool workspace_ends(const Job *job, State state)
{
    if (!job->task || !job->directory || !workspace_is_shared(job))
        return false;
    bool failed = state == STATE_FAILED && !job->task->allow_failure;
    if (failed || state == STATE_KILLED)
        return !job->task->retry && !job->flow->retry;
    return is_last(job->task);
}

int workspace_keep(Job *job, json_t **ret)
{
    return staging_keep(&job->context, job->worker->settings.temporary_directory, ret);
}

void workspace_close(Job *job)
{
    if (job->directory && !workspace_is_shared(job))
        directory_remove(job->directory);
    free(job->directory);
    job->directory = NULL;
}
