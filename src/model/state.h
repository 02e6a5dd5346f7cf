/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* States of executions, task runs and attempts (io.kestra.core.models.flows.State). */
#include <jansson.h>

#include "base/clock.h"

/* name, created, running, terminated: the predicates of spec/semantics.md section 1.1 */
#define STATE_LIST(X)                                                                                                  \
    X(CREATED, 1, 0, 0)                                                                                                \
    X(RUNNING, 0, 1, 0)                                                                                                \
    X(PAUSED, 0, 0, 0)                                                                                                 \
    X(RESTARTED, 1, 0, 0)                                                                                              \
    X(KILLING, 0, 1, 0)                                                                                                \
    X(SUCCESS, 0, 0, 1)                                                                                                \
    X(WARNING, 0, 0, 1)                                                                                                \
    X(FAILED, 0, 0, 1)                                                                                                 \
    X(KILLED, 0, 0, 1)                                                                                                 \
    X(CANCELLED, 0, 0, 1)                                                                                              \
    X(QUEUED, 0, 0, 0)                                                                                                 \
    X(RETRYING, 0, 0, 0)                                                                                               \
    X(RETRIED, 0, 0, 1)                                                                                                \
    X(SKIPPED, 0, 0, 1)

#define STATE_ENUM(name, ...) STATE_##name,
typedef enum State { STATE_LIST(STATE_ENUM) _STATE_MAX, _STATE_INVALID = -EINVAL } State;
#undef STATE_ENUM

const char *state_to_string(State state);
/* _STATE_INVALID for anything else. */
State state_from_string(const char *text);
bool state_is_created(State state);
bool state_is_running(State state);
bool state_is_terminated(State state);

/* A state with its history. {} is not valid: begin with state_trail_init. */
typedef struct StateEntry {
    State state;
    usec_t date;
} StateEntry;
typedef struct StateTrail {
    VEC(StateEntry) histories;
} StateTrail;
void state_trail_init(StateTrail *trail, State state, usec_t now);
void state_trail_done(StateTrail *trail);
void state_trail_copy(StateTrail *to, const StateTrail *from);
State state_current(const StateTrail *trail);
/* Appends {state, now}; the same state again changes nothing. Dates never go back: an earlier now becomes the last
 * date. */
void state_set(StateTrail *trail, State state, usec_t now);
usec_t state_start_date(const StateTrail *trail);
/* 0 unless terminated or PAUSED. */
usec_t state_end_date(const StateTrail *trail);
bool state_has_been(const StateTrail *trail, State state);
/* {"current","histories","duration","startDate","endDate"?}, spec/api.md 6.2; duration of a single entry: now - first.
 */
json_t *state_encode(const StateTrail *trail, usec_t now);
/* Positive when it is not a state. Ignores duration, startDate, endDate. */
int state_decode(const json_t *value, StateTrail *ret) _must_check_;
