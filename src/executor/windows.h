/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Windows of flow triggers: what has come true so far over several executions. The windows of a trigger are a key of
 * their own ("window:<namespace>.<flow>.<trigger>") with one owner: an execution that changed state tells it by an
 * event, and the flow's execution is created in the owner's unit of work, once.
 *
 * A window is a row among the timers of its shard: named as the condition, due when the window ends, its body
 * {start, end, made: {name: true}}.
 */
#include "queue/queue.h"

#define WINDOWS_PREFIX "window:"

enum {
    WINDOWS_E_INVALID = 1, /* not an event for windows; the Diag says why */
};

typedef struct Windows Windows;
Windows *windows_new(void);
Windows *windows_free(Windows *windows);
DEFINE_CLEANUP(Windows *, windows_free);
bool windows_is_key(const char *key);
/* "window:<namespace>.<flow>.<trigger>"; caller frees. */
char *windows_key(const char *namespace, const char *flow_id, const char *trigger_id);
/* A row read when its shard was gained. */
void windows_load(Windows *windows, const char *key, const char *name, const json_t *body);
/* Forgets the keys of these shards. */
void windows_forget(Windows *windows, uint64_t shards);
/* Told about timers that rows set (date) and cleared (0). */
typedef void (*WindowTimer)(void *userdata, const char *key, const char *name, usec_t date);
/* Applies a TRIGGER_WINDOW event; rows and the new execution go into the unit. */
int windows_apply(Windows *windows, const QueueEvent *event, Unit *unit, WindowTimer timer, void *userdata,
                  Diag *diag) _must_check_;
/* The window's time is over. */
void windows_expire(Windows *windows, const char *key, const char *name, Unit *unit);
