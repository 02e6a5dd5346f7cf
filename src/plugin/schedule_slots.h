/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The dates of a trigger that starts executions by itself: one row a kind (cron expression, list of dates, interval),
 * and the conditions about dates that choose among them. Pure. Used by schedule.h only.
 */
#include "model/context.h"

enum {
    SLOTS_E_INVALID = 1, /* cron, dates, time zone cannot be used; the Diag says why */
};

/* What expressions of triggers see besides their flow; all borrowed, and outlives what is made with it. */
typedef struct ScheduleWorld {
    const ExprServices *services; /* may be NULL */
    const json_t *globals, *envs; /* may be NULL */
} ScheduleWorld;

typedef struct ScheduleSlots ScheduleSlots;
/* Whether triggers of that type (may be NULL) have slots; only those have a row. */
bool schedule_slots_has(const Type *trigger_type);
/* flow and trigger are borrowed and live as long as the slots. The trigger must be of a kind that has slots. */
int schedule_slots_new(const Flow *flow, const Trigger *trigger, const ScheduleWorld *world, ScheduleSlots **ret,
                       Diag *diag) _must_check_;
ScheduleSlots *schedule_slots_free(ScheduleSlots *slots);
DEFINE_CLEANUP(ScheduleSlots *, schedule_slots_free);
/*
 * The first slot strictly after / the last one strictly before, for which the conditions about dates hold;
 * USEC_INFINITY / 0 when there is none within 10 years. A condition that cannot be evaluated counts as held: whoever
 * uses the slot finds the same failure and reports it. The search is bounded in work: next gives the slot where it
 * stopped (its conditions are asked when it comes, and the search goes on from there), previous gives 0.
 */
usec_t schedule_slots_next(ScheduleSlots *slots, usec_t after);
usec_t schedule_slots_previous(ScheduleSlots *slots, usec_t before);
/* The zone in which the trigger's dates are shown; NULL: UTC. Borrowed. */
const char *schedule_slots_zone(const ScheduleSlots *slots);
/* Whether executions carry their slot as `scheduleDate`. */
bool schedule_slots_dated(const ScheduleSlots *slots);
