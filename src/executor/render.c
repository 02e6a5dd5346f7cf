/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rendering in the executor: conditions, values, outputs. A job for a worker carries only what its task reads; which
 * paths those are is found once for each task of an execution.
 */
#include "executor/live.h"

#include "doc/json.h"

/* Tasks of `afterExecution` know how the execution ends, though it says so itself only after them. */
static State final_state(const Live *live)
{
    return live->root && live->root->phase == PHASE_AFTER ? scope_state(live->root) : STATE_CREATED;
}

/* Which value of its loop the run is for, from 1; 0: it is in no loop. */
static int loop_number(const Live *live, const TaskRun *run)
{
    const Scope *scope = run ? live_scope_of(live, run) : NULL;
    return scope && scope->values ? (int)(run->flowable->item / scope->task_count) + 1 : 0;
}

static ContextSource source_of(const Step *step, const Live *live, const TaskRun *run, const Task *task)
{
    return (ContextSource){
        .flow = live->execution->flow,
        .execution = live->execution,
        .task_run = run,
        .task = task,
        .outputs = live->outputs,
        .globals = step->globals,
        .envs = step->envs,
        .final_state = final_state(live),
        .loop_number = loop_number(live, run),
        .encryption_key = step->encryption_key,
    };
}

Render render_begin(const Step *step, const Live *live, const TaskRun *run, const Task *task)
{
    ContextSource source = source_of(step, live, run, task);
    json_t *variables = context_build(&source);
    return (Render){
        .variables = variables,
        .context = {.variables = variables, .services = step->services},
    };
}

void render_done(Render *render)
{
    json_decref(render->variables);
}

/* Every job needs these to name things, whatever its templates read. */
static const char *const always_read[] = {"flow", "execution", "task", "taskrun", "parent", "parents"};

/* Paths that the task's templates read, or JSON true when it cannot be known. Borrowed. */
static const json_t *reads_of(Live *live, const Task *task)
{
    json_t *reads = map_get(live->reads, task->id);
    if (reads)
        return reads;
    reads = json_array();
    for (size_t i = 0; i < ELEMENTS(always_read); i++)
        json_array_append_new(reads, json_string(always_read[i]));
    if (!task->templates || expr_tree_reads(task->templates, reads)) {
        json_decref(reads);
        reads = json_true();
    }
    map_put(live->reads, task->id, reads);
    return reads;
}

json_t *render_job_variables(const Step *step, Live *live, const TaskRun *run)
{
    ContextSource source = source_of(step, live, run, run->task);
    source.globals = source.envs = NULL; /* the worker adds its own */
    source.encryption_key = NULL;        /* and opens secrets itself: a job rests in the queue */
    const json_t *reads = reads_of(live, run->task);
    return context_select(&source, reads, json_is_true(reads));
}
