/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Tasks in containers: the program kestra-container stands for the process of such a task (src/container). */
#include "worker/worker_private.h"

/* Decides whether the prepared task runs in a container: *ret is told to the helper (new), NULL: a process. As plugin
 * functions return. */
int container_choose(Job *job, const ScriptContext *script, json_t **ret) _must_check_;
/* Starts the helper, which gets the spec on its standard input. Outcomes as spawn_start. */
int container_spawn(Job *job, const json_t *spec, Spawned **ret) _must_check_;
/* How long its end may take after SIGTERM. */
usec_t container_grace(const Worker *worker, const json_t *spec);
/* Starts the removal of containers whose helpers are gone; what it finds is in the journal. Nothing without an engine.
 */
void container_sweep_start(Worker *worker);
