/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The directory that a job runs in: one of its own, or the one that all tasks of a WorkingDirectory share. Workers of
 * one host share theirs; a WorkingDirectory must not be spread over several hosts. What is in it: plugin/staging.h.
 */
#include "worker/worker_private.h"

/* Makes it, or takes the shared one, and sets it in the context. job->fresh: it has none of its files yet. An outage.
 */
int workspace_make(Job *job) _must_check_;
/* Puts its files in. For stage_try. */
int workspace_fill(Job *job, json_t **ret) _must_check_;
/* The files could not be put in: the next attempt begins again. */
void workspace_spoiled(Job *job);
/* The directory that a predecessor opened is set in the context again. */
void workspace_restore(Job *job);
/* True for the child of a WorkingDirectory. */
bool workspace_is_shared(const Job *job);
/* Whether a shared directory ends with this job, which has ended with `state`. */
bool workspace_ends(const Job *job, State state);
/* What is kept of it then. For stage_try. */
int workspace_keep(Job *job, json_t **ret) _must_check_;
/* Removes the job's own directory; a shared one stays. */
void workspace_close(Job *job);
