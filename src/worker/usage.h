/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What a task's process tree has used: metrics of the attempt, a line in the journal, and the reason of an end by the
 * kernel. */
#include "worker/worker_private.h"

/* To be called when the tree has ended and before its group is removed. limits: those that were set. */
void usage_report(Job *job, const Spawned *spawned, const Limits *limits, const siginfo_t *info);
