/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Flow triggers (io.kestra.plugin.core.trigger.Flow) looked at with an execution that has just changed state: pure.
 * What must come true over several executions is a window: here it is only said which of its conditions this execution
 * makes true; who keeps the window is executor/windows.h.
 */
#include "plugin/condition.h"

/* Whether an execution of this flow could ever make the trigger fire: what its conditions and preconditions say of
 * namespaces and flows; states, labels, outputs and expressions may come true. trigger: {conditions?, preconditions?}.
 */
bool flow_trigger_may_follow(const json_t *trigger, const char *namespace, const char *flow_id);
/* Names under which flows may declare one; ends with NULL. */
extern const char *const flow_trigger_types[];
/* Whether an enabled Flow trigger wants executions in this state: costs next to nothing. */
bool flow_trigger_wants(const Trigger *trigger, State state);
/* All conditions that look at this execution alone. One that cannot be evaluated counts as false; the Diag says why. */
bool flow_trigger_holds(const Trigger *trigger, const ConditionContext *context, Diag *diag);
/*
 * The windows of the trigger as a window that began now would be: list of {id, reset, start, end (µs), wanted: [names],
 * made: [names that this execution makes true]}. Empty: the trigger fires for each execution alone. New.
 */
json_t *flow_trigger_windows(const Trigger *trigger, const ConditionContext *context, usec_t now, Diag *diag);
