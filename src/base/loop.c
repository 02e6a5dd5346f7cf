/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thin layer over sd-event. Each LoopSource knows its callback; the trampolines turn a negative return into the end
 * of the loop, because a role that meets an outage outside its unit of work exits and systemd restarts it. A source may
 * be freed inside its own callback: the trampolines touch only the loop afterwards.
 *
 * Deferred sources have a lower priority than descriptors and timers, so that they run when everything that was ready
 * in this turn has been handled.
 */
#include "base/loop.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "base/clock.h"

#define PRIORITY_DEFER (SD_EVENT_PRIORITY_NORMAL + 10)
#define TIMER_ACCURACY (1 * USEC_PER_MSEC)

struct LoopSource {
    Loop *loop;
    LoopSource *next, *previous;
    sd_event_source *source;
    union {
        int (*io)(void *userdata, uint32_t events);
        int (*plain)(void *userdata);
        int (*child)(void *userdata, const siginfo_t *info);
    } callback;
    void *userdata;
};

struct Loop {
    sd_event *event;
    LoopSource *sources;
};

int loop_new(Loop **ret)
{
    /* sd-event insists on a blocked SIGCHLD before it watches children */
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    if (sigprocmask(SIG_BLOCK, &child, NULL) < 0)
        return outage(-errno);
    sd_event *event;
    int r = sd_event_new(&event);
    if (r < 0)
        return outage(r);
    Loop *loop = xnew(Loop);
    loop->event = event;
    *ret = loop;
    return 0;
}

Loop *loop_free(Loop *loop)
{
    if (!loop)
        return NULL;
    while (loop->sources)
        loop_source_free(loop->sources);
    sd_event_unref(loop->event);
    free(loop);
    return NULL;
}

sd_event *loop_event(Loop *loop)
{
    return loop->event;
}

int loop_run(Loop *loop)
{
    return sd_event_loop(loop->event);
}

void loop_stop(Loop *loop, int code)
{
    (void)sd_event_exit(loop->event, code); /* fails only when the loop has already ended */
}

int loop_fd(const Loop *loop)
{
    return sd_event_get_fd(loop->event);
}

int loop_turn(Loop *loop)
{
    int r, code;
    do
        r = sd_event_run(loop->event, 0);
    while (r > 0);
    return sd_event_get_exit_code(loop->event, &code) >= 0 ? code : r;
}

static int ended(Loop *loop, int r)
{
    if (r < 0)
        loop_stop(loop, r);
    return 0;
}

static LoopSource *source_new(Loop *loop, void *userdata)
{
    LoopSource *source = xnew(LoopSource);
    source->loop = loop;
    source->userdata = userdata;
    return source;
}

static void link_source(LoopSource *source, LoopSource **ret)
{
    Loop *loop = source->loop;
    source->next = loop->sources;
    if (loop->sources)
        loop->sources->previous = source;
    loop->sources = source;
    if (ret)
        *ret = source;
}

LoopSource *loop_source_free(LoopSource *source)
{
    if (!source)
        return NULL;
    if (source->previous)
        source->previous->next = source->next;
    else
        source->loop->sources = source->next;
    if (source->next)
        source->next->previous = source->previous;
    sd_event_source_disable_unref(source->source);
    free(source);
    return NULL;
}

static int on_io(sd_event_source *event_source, int fd, uint32_t events, void *userdata)
{
    LoopSource *source = userdata;
    Loop *loop = source->loop;
    return ended(loop, source->callback.io(source->userdata, events));
}

int loop_add_io(Loop *loop, int fd, uint32_t events, int (*callback)(void *userdata, uint32_t events), void *userdata,
                LoopSource **ret)
{
    LoopSource *source = source_new(loop, userdata);
    source->callback.io = callback;
    int r = sd_event_add_io(loop->event, &source->source, fd, events, on_io, source);
    if (r < 0) {
        free(source);
        return outage(r);
    }
    link_source(source, ret);
    return 0;
}

void loop_io_events(LoopSource *io, uint32_t events)
{
    /* with no events asked for, epoll would still report a hang-up, again and again */
    int r = events ? sd_event_source_set_io_events(io->source, events) : 0;
    if (r >= 0)
        r = sd_event_source_set_enabled(io->source, events ? SD_EVENT_ON : SD_EVENT_OFF);
    ended(io->loop, r);
}

static int on_plain(LoopSource *source)
{
    Loop *loop = source->loop;
    return ended(loop, source->callback.plain(source->userdata));
}

static int on_timer(sd_event_source *event_source, uint64_t usec, void *userdata)
{
    return on_plain(userdata);
}

int loop_add_timer(Loop *loop, int (*callback)(void *userdata), void *userdata, LoopSource **ret)
{
    LoopSource *source = source_new(loop, userdata);
    source->callback.plain = callback;
    int r = sd_event_add_time(loop->event, &source->source, CLOCK_MONOTONIC, USEC_INFINITY, TIMER_ACCURACY, on_timer,
                              source);
    if (r >= 0)
        r = sd_event_source_set_enabled(source->source, SD_EVENT_OFF);
    if (r < 0) {
        sd_event_source_unref(source->source);
        free(source);
        return outage(r);
    }
    link_source(source, ret);
    return 0;
}

void loop_timer_set(LoopSource *timer, usec_t monotonic)
{
    int r = 0;
    if (monotonic != USEC_INFINITY)
        r = sd_event_source_set_time(timer->source, monotonic);
    if (r >= 0)
        r = sd_event_source_set_enabled(timer->source, monotonic == USEC_INFINITY ? SD_EVENT_OFF : SD_EVENT_ONESHOT);
    ended(timer->loop, r);
}

void loop_timer_in(LoopSource *timer, usec_t delay)
{
    usec_t at;
    if (__builtin_add_overflow(clock_monotonic(), delay, &at))
        at = USEC_INFINITY;
    loop_timer_set(timer, at);
}

static int on_defer(sd_event_source *event_source, void *userdata)
{
    return on_plain(userdata);
}

int loop_add_defer(Loop *loop, int (*callback)(void *userdata), void *userdata, LoopSource **ret)
{
    LoopSource *source = source_new(loop, userdata);
    source->callback.plain = callback;
    int r = sd_event_add_defer(loop->event, &source->source, on_defer, source);
    if (r >= 0)
        r = sd_event_source_set_enabled(source->source, SD_EVENT_OFF);
    if (r >= 0)
        r = sd_event_source_set_priority(source->source, PRIORITY_DEFER);
    if (r < 0) {
        sd_event_source_unref(source->source);
        free(source);
        return outage(r);
    }
    link_source(source, ret);
    return 0;
}

void loop_defer(LoopSource *defer)
{
    ended(defer->loop, sd_event_source_set_enabled(defer->source, SD_EVENT_ONESHOT));
}

static int on_child(sd_event_source *event_source, const siginfo_t *info, void *userdata)
{
    LoopSource *source = userdata;
    Loop *loop = source->loop;
    return ended(loop, source->callback.child(source->userdata, info));
}

int loop_add_child(Loop *loop, pid_t pid, int (*callback)(void *userdata, const siginfo_t *info), void *userdata,
                   LoopSource **ret)
{
    LoopSource *source = source_new(loop, userdata);
    source->callback.child = callback;
    int r = sd_event_add_child(loop->event, &source->source, pid, WEXITED, on_child, source);
    if (r < 0) {
        free(source);
        return outage(r);
    }
    link_source(source, ret);
    return 0;
}
