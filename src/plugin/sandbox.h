/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What a task's process is confined to: the property `sandbox` of script tasks and of the Process runner, and the
 * settings worker.sandbox, which hold for every task and which a flow can only tighten. kestra-sandbox (src/sandbox)
 * does it.
 */
#include "doc/conf.h"
#include "plugin/run.h"

/* The properties below `sandbox`. */
extern const Field fields_sandbox[];

/* The administrator's settings as an object of the properties' form. New. */
json_t *sandbox_policy(const Conf *conf);

/* What holds for one process: `asked` (rendered, may be NULL) within the policy (may be NULL); *ret is new, NULL when
 * there is nothing to confine. hidden: absolute paths that no sandboxed task sees, and which only the policy's own
 * lists show; may be NULL. RUN_E_FAILED (logged): cannot be read, or loosens what the policy says. */
int sandbox_decide(RunContext *run, const json_t *policy, const json_t *hidden, const json_t *asked,
                   json_t **ret) _must_check_;

/* The command line: program, options, "--", argv. hidden: as above. Texts are in the arena or belong to the arguments.
 */
const char *const *sandbox_command(const json_t *sandbox, const char *program, const json_t *hidden, char **argv,
                                   Arena *arena);
