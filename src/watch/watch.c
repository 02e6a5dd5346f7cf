/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inotify only says that something happened; what to do is found by comparing (flow_directory.c). Changes are gathered
 * for SETTLE_USEC after the last one, but not longer than SETTLE_MAX_USEC after the first, so that a `git checkout` of
 * many files is one sync and a file written all the time still shows within half a second.
 */
#include "watch/watch.h"

#include "base/clock.h"
#include "base/inotify.h"
#include "base/log.h"
#include "plugin/registry.h"
#include "watch/flow_directory.h"

#define SETTLE_USEC     (100 * USEC_PER_MSEC)
#define SETTLE_MAX_USEC (500 * USEC_PER_MSEC)
#define PORTION_USEC    (50 * USEC_PER_MSEC)
#define PAUSE_USEC      (2 * USEC_PER_MSEC) /* what is deferred in the loop has its turn */
#define TELL_EVERY_USEC USEC_PER_SEC
#define RETRY_USEC      (5 * USEC_PER_SEC) /* the directory is not there, or PostgreSQL did not answer */

struct Watch {
    Loop *loop;
    Pg *pg;
    FlowDirectory *directory;
    json_t *plugin_defaults; /* of kestra.yaml; the directory borrows it */
    Inotify *inotify;        /* NULL while there is no directory */
    LoopSource *timer;
    char *path;
    usec_t first_change; /* monotonic; 0: nothing is waiting */
    usec_t told;         /* monotonic: flows_changed was called */
    bool changed;        /* since then */
    bool syncing;        /* the rest of a sync is to come, at the timer */
    bool missing_said;
    LogFault fault;
    void (*flows_changed)(void *userdata);
    void *userdata;
};

static int on_change(void *userdata, InotifyChange change, const char *path)
{
    Watch *watch = userdata;
    if (change == INOTIFY_GONE)
        watch->inotify = inotify_free(watch->inotify);
    (void)path; /* the comparison finds it */
    usec_t now = clock_monotonic();
    if (!watch->first_change)
        watch->first_change = now;
    if (watch->syncing && watch->inotify)
        return 0; /* the next sync is for it */
    loop_timer_set(watch->timer, MIN(now + SETTLE_USEC, watch->first_change + SETTLE_MAX_USEC));
    return 0;
}

static void open_directory(Watch *watch)
{
    if (watch->inotify)
        return;
    int r = inotify_new(watch->loop, watch->path, on_change, watch, &watch->inotify);
    if (r == 0) {
        watch->missing_said = false;
        watch->syncing = false;
        flow_directory_forget(watch->directory);
        return;
    }
    if (!watch->missing_said) {
        errno = -r;
        log_warning("Flow directory %s cannot be watched, tried again every %u s: %m", watch->path,
                    (unsigned)(RETRY_USEC / USEC_PER_SEC));
    }
    watch->missing_said = true;
}

/* Whoever is told reads all flows: at the end of a sync, and now and then in one that takes long. */
static void tell(Watch *watch)
{
    usec_t now = clock_monotonic();
    if (!watch->changed || (watch->syncing && now - watch->told < TELL_EVERY_USEC))
        return;
    watch->changed = false;
    watch->told = now;
    watch->flows_changed(watch->userdata);
}

/* A portion of a sync; the others follow when the loop has turned, so that schedules are not held up. */
static int sync_now(Watch *watch)
{
    bool changed = false, more = false;
    open_directory(watch);
    if (!watch->syncing)
        watch->first_change = 0;
    int r = watch->inotify ? flow_directory_sync(watch->directory, watch->pg, PORTION_USEC, &changed, &more) : 0;
    watch->syncing = more;
    watch->changed |= changed;
    if (r < 0 || !watch->inotify)
        loop_timer_in(watch->timer, RETRY_USEC);
    else if (more)
        loop_timer_in(watch->timer, PAUSE_USEC);
    else if (watch->first_change)
        loop_timer_in(watch->timer, SETTLE_USEC); /* something changed behind us */
    tell(watch);
    return r;
}

static int on_timer(void *userdata)
{
    Watch *watch = userdata;
    if (sync_now(watch) < 0 && log_fault_is_due(&watch->fault, clock_monotonic()))
        log_warning("Flow directory %s was not compared, tried again soon: %s", watch->path, pg_error(watch->pg));
    return 0;
}

int watch_new(Loop *loop, const Conf *conf, Pg *pg, void (*flows_changed)(void *userdata), void *userdata, Watch **ret)
{
    *ret = NULL;
    if (!conf_boolean(conf, "flows.watch"))
        return 0;
    _cleanup_(watch_freep) Watch *watch = xnew(Watch);
    watch->loop = loop;
    watch->pg = pg;
    watch->flows_changed = flows_changed;
    watch->userdata = userdata;
    watch->path = xstrdup(conf_text(conf, "flows.directory"));
    watch->plugin_defaults = flow_global_defaults(conf);
    watch->directory = flow_directory_new(&(FlowDirectorySettings){
        .path = watch->path,
        .registry = &plugin_registry,
        .plugin_defaults = watch->plugin_defaults,
        .source_bytes_max = (size_t)conf_integer(conf, "limits.flow-source"),
    });
    int r = loop_add_timer(loop, on_timer, watch, &watch->timer);
    if (r != 0)
        return fold(r);
    *ret = TAKE_PTR(watch);
    return 0;
}

Watch *watch_free(Watch *watch)
{
    if (!watch)
        return NULL;
    inotify_free(watch->inotify);
    loop_source_free(watch->timer);
    flow_directory_free(watch->directory);
    json_decref(watch->plugin_defaults);
    free(watch->path);
    free(watch);
    return NULL;
}

int watch_connected(Watch *watch)
{
    if (!watch)
        return 0;
    flow_directory_forget(watch->directory);
    watch->syncing = false;
    return sync_now(watch);
}
