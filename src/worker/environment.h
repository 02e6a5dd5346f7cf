/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What a task's process finds in its environment: nothing of the worker's. */
#include "doc/json.h"

/* PATH, HOME and LANG, and what the setting worker.environment (a map, may be NULL) adds or changes. New. */
json_t *environment_base(const json_t *of_settings);
/* "NAME=value" texts of both, ends with NULL; free with environment_free. A task's own win; it may have none (NULL).
 * Values that are no texts are written as JSON. */
char **environment_make(const json_t *base, const json_t *of_task);
char **environment_free(char **environment);
DEFINE_CLEANUP(char **, environment_free);
