/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The daemon around the owner of shards. It waits for a ring, a timer or the heartbeat, and then runs batches until one
 * brings nothing; between two batches the loop serves everything else (health, metrics, signals). An outage drops all
 * memory and is retried with growing delays: the role is DOWN, says why, and never exits for it. A heartbeat that works
 * does not say that batches do (on a full disk it may): each has its own component.
 */
#include "executor/executor.h"

#include "base/daemon.h"
#include "base/log.h"
#include "executor/listeners.h"
#include "executor/owner.h"
#include "model/context.h"
#include "model/expression_limits.h"
#include "plugin/registry.h"
#include "queue/queue_pg.h"
#include "store/flow_cache.h"

#define QUIET_USEC USEC_PER_SEC /* without work for so long, the session settles */
#define WORK       "queue"      /* the component that tells of batches */

typedef struct Executor {
    const Conf *conf; /* as at start */
    Conf *reloaded;   /* since the last reload; or NULL */
    Daemon *daemon;
    Pg *pg;
    Queue *queue;
    FlowCache *flows;
    Listeners *listeners;
    Owner *owner;
    json_t *envs;
    LoopSource *work, *heartbeat, *timer, *retry, *quiet;
    usec_t heartbeat_usec;
    bool joined, down, left;
} Executor;

static int load_flow(void *userdata, const char *namespace, const char *id, int revision, Flow **ret)
{
    Executor *executor = userdata;
    return flow_cache_get(executor->flows, executor->pg, namespace, id, revision, ret);
}

static int get_listeners(void *userdata, Flow *const **ret, size_t *ret_count)
{
    Executor *executor = userdata;
    return listeners_get(executor->listeners, executor->pg, executor->flows, ret, ret_count);
}

static usec_t now(void *userdata)
{
    return clock_realtime();
}

static uint64_t random_of_kernel(void *userdata)
{
    return random_bits();
}

/* --- outages --- */

static void back_off(Executor *executor, const char *component, int r)
{
    errno = r < 0 ? -r : EIO;
    executor->down = true;
    loop_timer_in(executor->retry, daemon_outage(executor->daemon, component, "%s (%m)", pg_error(executor->pg)));
}

static void answered(Executor *executor, const char *component)
{
    executor->down = false;
    daemon_health(executor->daemon, component, HEALTH_UP, "%s", "");
    daemon_progress(executor->daemon);
}

static void tell_status(Executor *executor)
{
    OwnerCounts counts = owner_counts(executor->owner);
    if (counts.lives)
        daemon_status(executor->daemon, "Running %zu executions", counts.lives);
    else
        daemon_status(executor->daemon, "Waiting for events");
}

static void arm_timer(Executor *executor)
{
    usec_t next = owner_next_timer(executor->owner), date = clock_realtime();
    if (next == USEC_INFINITY)
        loop_timer_set(executor->timer, USEC_INFINITY);
    else
        loop_timer_in(executor->timer, next > date ? next - date : 0);
}

/* --- work --- */

static void rejoin(Executor *executor);

static void heartbeat(Executor *executor)
{
    bool work = false;
    int r = owner_heartbeat(executor->owner, &work);
    if (r == OWNER_E_FENCED) {
        log_event(FENCED, "Executor was declared dead or lost shards: it begins anew");
        executor->joined = false;
        rejoin(executor);
        return;
    }
    if (r != 0) {
        back_off(executor, QUEUE_PG_COMPONENT, r);
        return;
    }
    answered(executor, QUEUE_PG_COMPONENT);
    daemon_ready(executor->daemon);
    tell_status(executor);
    arm_timer(executor);
    if (work || daemon_overall(executor->daemon) != HEALTH_UP)
        loop_defer(executor->work);
}

static void rejoin(Executor *executor)
{
    int r = owner_join(executor->owner, daemon_socket_path(executor->daemon));
    if (r != 0) {
        back_off(executor, QUEUE_PG_COMPONENT, r);
        return;
    }
    executor->joined = true;
    heartbeat(executor);
}

static int on_heartbeat(void *userdata)
{
    Executor *executor = userdata;
    loop_timer_in(executor->heartbeat, executor->heartbeat_usec);
    if (!executor->down && executor->joined && !executor->left)
        heartbeat(executor);
    return 0;
}

/* Trying is progress: the watchdog is for a role that hangs. */
static int on_retry(void *userdata)
{
    Executor *executor = userdata;
    daemon_progress(executor->daemon);
    if (executor->left)
        return 0;
    if (executor->joined)
        heartbeat(executor);
    else
        rejoin(executor);
    return 0;
}

/* A flow that was saved before an execution ended counts for it. */
static void fetched(void *userdata, int64_t flow_stamp)
{
    Executor *executor = userdata;
    if (flow_stamp)
        flow_cache_told(executor->flows, flow_stamp);
    else
        flow_cache_expire(executor->flows);
}

static int on_work(void *userdata)
{
    Executor *executor = userdata;
    if (executor->down || !executor->joined || executor->left)
        return 0;
    bool more = false;
    int r = owner_batch(executor->owner, &more);
    if (r == OWNER_E_FENCED) {
        executor->joined = false;
        log_event(FENCED, "Executor was declared dead or lost shards: it begins anew");
        rejoin(executor);
    } else if (r != 0) {
        back_off(executor, WORK, r);
    } else {
        answered(executor, WORK);
        arm_timer(executor);
        loop_timer_in(executor->quiet, QUIET_USEC);
        if (more)
            loop_defer(executor->work);
    }
    return 0;
}

static int on_quiet(void *userdata)
{
    Executor *executor = userdata;
    mem_trim();
    if (!executor->down && !executor->left)
        queue_settle(executor->queue);
    return 0;
}

static int on_timer(void *userdata)
{
    loop_defer(((Executor *)userdata)->work);
    return 0;
}

/* --- the daemon's side --- */

static int on_wake(void *userdata, const char *body)
{
    Executor *executor = userdata;
    if (streq(body, QUEUE_RING_SHARDS))
        loop_timer_in(executor->heartbeat, 0);
    else
        loop_defer(executor->work);
    return 0;
}

/* What was fetched but not committed stays in the queue for the others. */
static int on_drain(void *userdata)
{
    Executor *executor = userdata;
    executor->left = true;
    int r = executor->joined && !executor->down ? owner_leave(executor->owner) : 0;
    if (r != 0)
        log_warning("Executor could not give its shards back; they are free when its lease ends: %s",
                    pg_error(executor->pg));
    daemon_drained(executor->daemon);
    return 0;
}

static void append_counter(Buffer *text, const char *name, const char *help, double value)
{
    buffer_printf(text, "# HELP %s %s\n# TYPE %s counter\n%s %.17g\n", name, help, name, name, value);
}

static void append_gauge(Buffer *text, const char *name, const char *help, double value)
{
    buffer_printf(text, "# HELP %s %s\n# TYPE %s gauge\n%s %.17g\n", name, help, name, name, value);
}

static void on_metrics(void *userdata, Buffer *text)
{
    OwnerCounts counts = owner_counts(((Executor *)userdata)->owner);
    append_counter(text, "kestra_executor_batches_total", "Committed batches", (double)counts.batches);
    append_counter(text, "kestra_executor_events_total", "Events taken", (double)counts.events);
    append_counter(text, "kestra_executor_events_stale_total", "Events that came too late", (double)counts.stale);
    append_counter(text, "kestra_executor_events_set_aside_total", "Events set aside as poison",
                   (double)counts.set_aside);
    append_counter(text, "kestra_executor_timers_total", "Timers fired", (double)counts.timers);
    append_counter(text, "kestra_executor_loads_total", "Executions read from their rows", (double)counts.loads);
    append_counter(text, "kestra_executor_executions_begun_total", "Executions begun", (double)counts.executions_begun);
    append_counter(text, "kestra_executor_executions_ended_total", "Executions ended", (double)counts.executions_ended);
    append_counter(text, "kestra_executor_step_seconds_total", "Time spent stepping",
                   (double)counts.step_usec / (double)USEC_PER_SEC);
    append_gauge(text, "kestra_executor_executions_in_memory", "Executions in memory", (double)counts.lives);
    append_gauge(text, "kestra_executor_keys_locked", "Keys whose rows a session of somebody else holds",
                 (double)counts.locked);
    append_gauge(text, "kestra_executor_timers_waiting", "Timers of the held shards", (double)counts.heap);
}

static FlowCache *make_flow_cache(const Conf *conf)
{
    _cleanup_json_ json_t *defaults = flow_global_defaults(conf);
    return flow_cache_new(&(FlowCacheSettings){
        .registry = &plugin_registry, .plugin_defaults = defaults, .stamp_usec = USEC_INFINITY, /* on_work() */
    });
}

static int on_reload(void *userdata)
{
    Executor *executor = userdata;
    _cleanup_(conf_freep) Conf *conf = NULL;
    if (conf_reload(executor->conf, &conf) != 0)
        return 0; /* wrong settings do not end a role that runs */
    flow_cache_free(executor->flows);
    executor->flows = make_flow_cache(conf);
    listeners_forget(executor->listeners);
    owner_reload(executor->owner, conf_value(conf, "variables.globals"), conf_text(conf, "encryption.secret-key"));
    conf_free(executor->reloaded);
    executor->reloaded = TAKE_PTR(conf);
    return 0;
}

static const DaemonOps operations = {
    .role = "executor",
    .wake = on_wake,
    .reload = on_reload,
    .drain = on_drain,
    .metrics = on_metrics,
};

/* --- wiring --- */

static void make_owner(Executor *executor)
{
    const Conf *conf = executor->conf;
    executor->envs = context_envs(conf_text(conf, "variables.env-vars-prefix"));
    executor->heartbeat_usec = conf_usec(conf, "heartbeat.interval");
    executor->owner = owner_new(executor->queue, &(OwnerSettings){
                                                     .load_flow = load_flow,
                                                     .listeners = get_listeners,
                                                     .fetched = fetched,
                                                     .now = now,
                                                     .random = random_of_kernel,
                                                     .userdata = executor,
                                                     .globals = conf_value(conf, "variables.globals"),
                                                     .envs = executor->envs,
                                                     .encryption_key = conf_text(conf, "encryption.secret-key"),
                                                     .message_bytes_max = (size_t)conf_integer(conf, "limits.message"),
                                                     .depth_max = (unsigned)conf_integer(conf, "limits.subflow-depth"),
                                                 });
}

static int make_sources(Executor *executor)
{
    Loop *loop = daemon_loop(executor->daemon);
    int r = loop_add_defer(loop, on_work, executor, &executor->work);
    if (r == 0)
        r = loop_add_timer(loop, on_heartbeat, executor, &executor->heartbeat);
    if (r == 0)
        r = loop_add_timer(loop, on_timer, executor, &executor->timer);
    if (r == 0)
        r = loop_add_timer(loop, on_retry, executor, &executor->retry);
    if (r == 0)
        r = loop_add_timer(loop, on_quiet, executor, &executor->quiet);
    return r;
}

static void executor_done(Executor *executor)
{
    LoopSource *sources[] = {executor->work, executor->heartbeat, executor->timer, executor->retry, executor->quiet};
    for (size_t i = 0; i < ELEMENTS(sources); i++)
        loop_source_free(sources[i]);
    owner_free(executor->owner);
    listeners_free(executor->listeners);
    flow_cache_free(executor->flows);
    queue_free(executor->queue);
    pg_free(executor->pg);
    conf_free(executor->reloaded);
    json_decref(executor->envs);
    daemon_free(executor->daemon);
}

int executor_run(const Conf *conf, const char *socket_path)
{
    _cleanup_(bell_freep) Bell *bell = bell_new();
    _cleanup_(executor_done)
        Executor executor = {.conf = conf, .flows = make_flow_cache(conf), .listeners = listeners_new()};
    expression_limits_from_conf(conf);
    int r = daemon_new(&operations, &executor, socket_path, &executor.daemon);
    if (r == 0)
        r = queue_pg_open(conf, executor.daemon, "kestra-executor", bell, &executor.pg, &executor.queue);
    if (r == 0)
        r = make_sources(&executor);
    if (r != 0)
        return fold(r);
    make_owner(&executor);
    rejoin(&executor);
    loop_timer_in(executor.heartbeat, executor.heartbeat_usec);
    return daemon_run(executor.daemon);
}
