/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Storage may be far away and slow, the loop must not be: the heartbeat would stop, and all jobs would go to others.
 * Whether a job needs storage is often not known before its properties are rendered. So its work is tried here, with a
 * storage that does nothing but notice that it is asked, the only one that jobs see in this process; when it was,
 * nothing of the try counts, and a kestra-run child does the work. Most jobs need none, and no child.
 */
#include "base/identity.h"
#include "blob/blob.h"
#include "doc/json.h"
#include "worker/worker_private.h"

static const Stage *const stages[] = {&stage_run,     &stage_become,  &stage_times, &stage_open,
                                      &stage_prepare, &stage_collect, &stage_keep,  &stage_log};

const Stage *stage_by_name(const char *name)
{
    for (size_t i = 0; name && i < ELEMENTS(stages); i++)
        if (streq(stages[i]->name, name))
            return stages[i];
    return NULL;
}

/* What was logged during the try. */
static void release_lines(Job *job, const json_t *held)
{
    size_t i;
    const json_t *line;
    json_array_foreach (held, i, line)
        job->context.sink->log(job, (int)json_integer_value(json_array_get(line, 0)),
                               json_string_value(json_array_get(line, 1)));
}

bool stage_try(Job *job, StageWork *work, json_t **ret, int *ret_r)
{
    _as_(IDENTITY_TASK); /* in a directory of the task, if any */
    *ret = NULL;
    if (!job->context.run.storage) {
        *ret_r = work(job, ret);
        return true;
    }
    job->held = json_array();
    *ret_r = work(job, ret);
    _cleanup_json_ json_t *held = TAKE_PTR(job->held);
    if (!blob_probe_take(job->worker->probe)) {
        release_lines(job, held);
        return true;
    }
    json_decref(*ret);
    *ret = NULL;
    return false;
}

bool stage_is_stopped(const Job *job)
{
    return job->killed || job->timed_out;
}
