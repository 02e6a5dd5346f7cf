/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The variables that expressions see (spec/semantics.md section 8), built from a flow, an execution and a task run.
 * Cost is O(depth), not O(task runs): the merged `outputs` tree is kept up to date incrementally and shared by
 * reference.
 */
#include "model/execution.h"

/* The merged `outputs` and `tasks` maps of one execution, updated as task runs change. */
typedef struct OutputsTree OutputsTree;
OutputsTree *outputs_tree_new(const Execution *execution);
OutputsTree *outputs_tree_free(OutputsTree *tree);
DEFINE_CLEANUP(OutputsTree *, outputs_tree_free);
/* Call whenever outputs or state of a run changed. */
void outputs_tree_update(OutputsTree *tree, const TaskRun *task_run);
/* Call when a run was removed. */
void outputs_tree_remove(OutputsTree *tree, const TaskRun *task_run);

typedef struct ContextSource {
    const Flow *flow;
    const Execution *execution; /* may be NULL (triggers) */
    const TaskRun *task_run;    /* may be NULL */
    const Task *task;           /* may be NULL */
    const OutputsTree *outputs; /* may be NULL */
    const json_t *globals;      /* kestra.variables.globals; may be NULL */
    const json_t *envs;         /* KESTRA_* environment, prefix removed, lower case; may be NULL */
    const json_t *trigger;      /* overrides execution->trigger.variables; may be NULL */
    int loop_number;            /* which value of its loop the task run is for, from 1; 0: of none */
    State final_state;          /* of tasks of `afterExecution`: execution.state; STATE_CREATED: not known */
    const char *encryption_key; /* opens SECRET inputs; NULL: they stay sealed */
} ContextSource;

/* The whole object; new, with shared parts. */
json_t *context_build(const ContextSource *source);
/* Only what `paths` names (from expr_tree_reads); all of it when `all`. New. */
json_t *context_select(const ContextSource *source, const json_t *paths, bool all);
/* The envs map of this process's environment. New. */
json_t *context_envs(const char *prefix);
