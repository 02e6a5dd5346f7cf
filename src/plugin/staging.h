/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What is done with a task run's directory before and after its task: files come from internal storage and go there.
 * Plain and blocking; the worker has it done by kestra-run as soon as storage is needed.
 *
 * A task of a WorkingDirectory shares its directory: `context->run.task->parent` is that task then.
 */
#include "plugin/job_context.h"

/* The task run of the WorkingDirectory around; NULL: the directory is the task's own. */
const char *staging_outer_run_id(const JobContext *context);
/* What the tasks of a WorkingDirectory see of its task run. */
void staging_set_outer_variables(JobContext *context);
/* Puts in what belongs into the directory: namespaceFiles of the task, or of a WorkingDirectory, when `is_new`, its
 * cache, namespaceFiles and inputFiles. scratch: for temporary files. RUN_E_FAILED (logged). */
int staging_open(JobContext *context, bool is_new, const char *scratch) _must_check_;
/* The texts that say how long a task waits and may take, in microseconds: {timeout, wait}, 0 for none; new. */
int staging_times(JobContext *context, json_t **ret) _must_check_;
/* The task that a templated one becomes, as job_task_write has it; new. */
int staging_become(JobContext *context, json_t **ret) _must_check_;
/* After the last task of a WorkingDirectory: *ret: its outputs, new, or NULL. RUN_E_FAILED (logged). */
int staging_keep(JobContext *context, const char *scratch, json_t **ret) _must_check_;
/* What Type.prepare gave, on its way from kestra-run to the worker. */
json_t *staging_write_script(const ScriptContext *script);
void staging_read_script(const json_t *saved, ScriptContext *ret);
