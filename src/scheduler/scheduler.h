/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The scheduler's shell: leases, the heap of schedules, commits. */
#include "base/loop.h"
#include "doc/conf.h"
#include "pg/pg.h"

/*
 * What else lives in the scheduler's process: the watcher of the flow directory stands beside this room, so main puts
 * it in. start gets the session (borrowed, used only inside its own callbacks) and calls flows_changed(userdata) after
 * it stored or removed flows.
 */
typedef struct SchedulerCompanion {
    int (*start)(Loop *loop, const Conf *conf, Pg *pg, void (*flows_changed)(void *userdata), void *userdata,
                 void **ret);
    /* PostgreSQL answers again (also the first time): look at everything once. */
    int (*connected)(void *companion);
    void (*stop)(void *companion);
} SchedulerCompanion;

/* Runs the role until it is told to stop. companion may be NULL. */
int scheduler_run(const Conf *conf, const char *socket_path, const SchedulerCompanion *companion) _must_check_;
