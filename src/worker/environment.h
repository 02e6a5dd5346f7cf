/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What a task's process finds in its environment: nothing of the worker's. */
#include "doc/json.h"

/* PATH, HOME and LANG, and what the setting worker.environment (a map, may be NULL) adds or changes. New. */
json_t *environment_base(const json_t *of_settings);
/* "NAME=value" texts of both, ends with NULL; free with environment_free. A task's own win; it may have none (NULL).
 * Values that are no texts are written as JSON. */
char **environment_make(const json_t *base, const json_t *of_task);
/* What kestra-run finds in its: how to reach others, where credentials lie. Secrets are sent to it. Free likewise. */
char **environment_of_runner(void);
/* The secrets that came in our own environment, by name; new. */
json_t *environment_secrets(void);
char **environment_free(char **environment);
DEFINE_CLEANUP(char **, environment_free);
