/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Watches the flow directory by inotify and keeps the store in line with it (design: flow files). */
#include "base/loop.h"
#include "doc/conf.h"
#include "pg/pg.h"

typedef struct Watch Watch;

/*
 * pg is borrowed and used only in callbacks of the loop. flows_changed is called after flows were stored or deleted.
 * *ret is NULL when the setting flows.watch is off.
 */
int watch_new(Loop *loop, const Conf *conf, Pg *pg, void (*flows_changed)(void *userdata), void *userdata,
              Watch **ret) _must_check_;
Watch *watch_free(Watch *watch);
DEFINE_CLEANUP(Watch *, watch_free);
/* PostgreSQL answers: compare everything once. watch may be NULL. Outages are the caller's to handle. */
int watch_connected(Watch *watch) _must_check_;
