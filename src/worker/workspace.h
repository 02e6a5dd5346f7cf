/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The directory that a job runs in: one of its own, or the one that all tasks of a WorkingDirectory share. Workers of one
 * host share theirs; a WorkingDirectory must not be spread over several hosts.
 */
#include "worker/worker_private.h"

/* Makes it (or takes the shared one, filled with inputFiles and namespaceFiles when it is new), sets it in the context.
 * RUN_E_FAILED (logged) or an outage. */
int workspace_open(Job *job) _must_check_;
/* The directory that a predecessor opened is set in the context again. */
void workspace_restore(Job *job);
/* True for the child of a WorkingDirectory. */
bool workspace_is_shared(const Job *job);
/* The job has ended with `state`: after the last task of a shared directory its outputFiles are kept, and it goes.
 * *ret_outputs: outputs of the WorkingDirectory, new, or NULL. RUN_E_FAILED (logged). */
int workspace_end(Job *job, State state, json_t **ret_outputs) _must_check_;
/* Removes the job's own directory; a shared one stays. */
void workspace_close(Job *job);
