/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Secrets in the command of a script. */
#include "plugin/job_context.h"
#include "plugin/script.h"

/* Everybody on the host sees the arguments of a process, its user alone its environment: when the text that a shell is
 * to run holds a secret of this job, the shell finds it in its environment (and unsets it there before anything runs).
 * Where a secret stays in the arguments, for another interpreter, that is logged as a warning. */
void script_secrets_hide(JobContext *context, ScriptContext *script);
