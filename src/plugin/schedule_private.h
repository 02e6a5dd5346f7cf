/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What schedule.c (the row, its changes) and schedule_fire.c (executions) share. */
#include "plugin/schedule.h"

struct Schedule {
    Flow *flow;
    const Trigger *trigger;
    ScheduleSlots *slots;
    ScheduleWorld world;
    usec_t late_maximum; /* 0: none */
    usec_t date;         /* last evaluation; 0: never */
    usec_t next;
    bool disabled;      /* by the API; the flow's own flag is in trigger */
    json_t *backfill;   /* object or NULL */
    char *execution_id; /* the execution that runs: the next slot waits for its end; NULL: none */
    usec_t evaluating;  /* since when a worker evaluates it (to the millisecond, which names the evaluation); 0: none
                           does */
    char *worker_id;    /* that worker, once it is known; or NULL */
    usec_t updated;     /* last change of a lock; 0: never */
};

/* The date of a row's member; 0: none. */
usec_t schedule_row_date(const json_t *row, const char *key);
/* Sets it; nothing for 0 and infinity. */
void schedule_row_set_date(json_t *row, const char *key, usec_t date, const char *zone);
/* The slot is consumed: on to `following`, or to what comes after the backfill. */
void schedule_move_on(Schedule *schedule, usec_t following, usec_t now);
