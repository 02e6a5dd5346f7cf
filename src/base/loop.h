/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The one event loop of a daemon: sd-event with short names. Callbacks do one unit of work and return. A callback that
 * returns a negative errno ends the loop with it.
 */
#include "base/base.h"

#include <sys/epoll.h>
#include <systemd/sd-event.h>

typedef struct Loop Loop;
typedef struct LoopSource LoopSource;

int loop_new(Loop **ret) _must_check_;
Loop *loop_free(Loop *loop);
DEFINE_CLEANUP(Loop *, loop_free);
sd_event *loop_event(Loop *loop);
/* Runs until loop_stop(); returns its code. */
int loop_run(Loop *loop) _must_check_;
void loop_stop(Loop *loop, int code);
/* A loop within a loop: its descriptor can be read when there is something to do, and loop_turn does all of it without
 * waiting. Returns a negative errno with which a callback ended it. */
int loop_fd(const Loop *loop);
int loop_turn(Loop *loop) _must_check_;

/* events: EPOLLIN, EPOLLOUT. fd stays the caller's. Sources are freed by loop_source_free or with the loop. */
int loop_add_io(Loop *loop, int fd, uint32_t events, int (*callback)(void *userdata, uint32_t events), void *userdata,
                LoopSource **ret) _must_check_;
/* One-shot, monotonic; armed by loop_timer_set (USEC_INFINITY disarms). */
int loop_add_timer(Loop *loop, int (*callback)(void *userdata), void *userdata, LoopSource **ret) _must_check_;
void loop_timer_set(LoopSource *timer, usec_t monotonic);
void loop_timer_in(LoopSource *timer, usec_t delay);
/* Runs once in this iteration when armed, after everything else: the place for "there is work" flags. */
int loop_add_defer(Loop *loop, int (*callback)(void *userdata), void *userdata, LoopSource **ret) _must_check_;
void loop_defer(LoopSource *defer);
void loop_io_events(LoopSource *io, uint32_t events);
int loop_add_child(Loop *loop, pid_t pid, int (*callback)(void *userdata, const siginfo_t *info), void *userdata,
                   LoopSource **ret) _must_check_;
LoopSource *loop_source_free(LoopSource *source);
DEFINE_CLEANUP(LoopSource *, loop_source_free);
