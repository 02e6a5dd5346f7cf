/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The executor's core: (flow, execution, event) → what changed, in a unit of work. No I/O, no clock, no randomness of
 * its own: time, random bits and flows are passed in. A step costs what it changes, whatever the size of the execution.
 */
#include "model/event_kind.h"
#include "plugin/flowable.h"
#include "queue/unit.h"

enum {
    STEP_E_STALE = 1,   /* came too late or fits no longer: forget it; the Diag says why */
    STEP_E_INVALID = 2, /* can never be applied: set it aside; the Diag says why */
};

/* A timer that was set (date) or cleared (date 0) by a step, for the owner's heap. */
typedef struct StepTimer {
    char *key, *name;
    usec_t date;
} StepTimer;

/* Everything that steps read and write beside the execution itself; one for a batch of them. */
typedef struct Step {
    usec_t now;
    uint64_t (*random)(void *userdata);
    void *random_userdata;
    const ExprServices *services; /* may be NULL */
    const json_t *globals, *envs; /* may be NULL */
    const char *encryption_key;   /* may be NULL */
    size_t message_bytes_max;     /* of inputs, outputs, jobs; 0: 10 MiB */
    /* A reference; revision 0: the latest. Positive: there is none. NULL: no flow can be found (tests). */
    int (*find_flow)(void *userdata, const char *namespace, const char *id, int revision, Flow **ret);
    /* The current flows that have a Flow trigger: borrowed until the next call. NULL: none can be found (tests). */
    int (*listeners)(void *userdata, Flow *const **ret, size_t *ret_count);
    /* Whether this execution is KILLING or KILLED, as far as is known here. NULL: nothing is known (tests). */
    bool (*is_killed)(void *userdata, const char *execution_id);
    void *flows_userdata; /* of the three */
    Unit *unit;
    unsigned depth_max;    /* of executions, each started by the one above; 0: 100 */
    unsigned begun_max;    /* task runs that an execution begins in a batch; the others follow in the next. 0: 500 */
    size_t unit_bytes_max; /* of a batch, likewise; 0: UNIT_BYTES_MAX */
    VEC(StepTimer) timers; /* filled */
    Diag *diag;            /* of the current event */
    int outage;            /* private: of find_flow or listeners, inside a step */
} Step;
/* Empties `timers`. */
void step_forget_timers(Step *step);
void step_done(Step *step);
/* Adds to `timers`; copies. */
void step_note_timer(Step *step, const char *key, const char *name, usec_t date);

/* An execution in its owner's memory: with its counters, lines and trees. */
typedef struct Live Live;
/* Takes the execution. `flow`: a reference is taken; NULL when it could not be loaded: the next step fails it, saying
 * `flow_problem` (copied; may be NULL). */
Live *live_new(Execution *execution, Flow *flow, const char *flow_problem);
Live *live_free(Live *live);
DEFINE_CLEANUP(Live *, live_free);
const Execution *live_execution(const Live *live);
/* Applies one event. A negative result is an outage of find_flow: nothing may be committed. */
int step_apply(Step *step, Live *live, EventKind kind, const json_t *body) _must_check_;
/* What EVENT_DELETE does to an execution of which only the flow is known: its slot is given back whether it holds one
 * or not. */
void step_delete_unread(Step *step, const Execution *execution, const json_t *body);
/* Saves what changed since the last time, each row once, and tells the followers. */
void step_save(Step *step, Live *live);
/* Nothing is expected any more: the owner may forget it. */
bool live_is_over(const Live *live);
bool live_is_deleted(const Live *live);
