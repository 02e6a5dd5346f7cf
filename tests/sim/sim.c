/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The simulator: two executors and two workers on one queue in virtual time, driven from a seed. Everything may happen in any
 * order; executors and workers die between any two commits; commits break before or after they happened; a process sleeps
 * through its lease and wakes; results come late and come again. The Watch checks its rules at each commit. At the end every
 * execution must have come to what an undisturbed run comes to, and nothing may be left over.
 *
 *   sim [--seed N] [--seeds COUNT]     one seed, with a trace; or so many seeds from 1 (default 300)
 */
#include "executor/owner.h"

#include "doc/json.h"
#include "plugin/registry.h"
#include "sim/watch.h"

#define BEGINNING (UINT64_C(1700000000) * USEC_PER_SEC)
#define LEASE     (9 * USEC_PER_SEC)

enum { EXECUTORS = 2, WORKERS = 2, EXECUTIONS = 4, DISTURBANCES = 400, CALM_ROUNDS = 6000, ECHOES = 12 };

typedef enum People { PEOPLE_NONE, PEOPLE_RESUME, PEOPLE_KILL } People;
typedef struct Scenario {
    unsigned limit;  /* of the flow's concurrency; 0: none */
    People people;   /* what they do: resume every pause; kill executions, after which the outcome is open */
    const char *flow;
} Scenario;

#define LOG_TASK(name) "{id: " name ", type: io.kestra.plugin.core.log.Log, message: x}\n"
#define RETRIED_TASK(name, interval)                                                                 \
    "{id: " name ", type: io.kestra.plugin.core.log.Log, message: x, retry: {type: constant, interval: " interval \
    ", maxAttempt: 3}}\n"

/* Tasks named fail-… fail in their first attempt, bad-… always. */
static const Scenario scenarios[] = {
    {.flow = "id: f\nnamespace: t\ntasks:\n"
             "  - " LOG_TASK("a")
             "  - id: each\n    type: io.kestra.plugin.core.flow.ForEach\n    concurrencyLimit: 2\n"
             "    values: [\"x\", \"y\", \"z\"]\n    tasks:\n"
             "      - " LOG_TASK("b")
             "      - " LOG_TASK("c")
             "  - " LOG_TASK("d")},
    {.flow = "id: f\nnamespace: t\ntasks:\n"
             "  - id: p\n    type: io.kestra.plugin.core.flow.Parallel\n    concurrent: 2\n    tasks:\n"
             "      - " RETRIED_TASK("fail-a", "PT2S")
             "      - " RETRIED_TASK("fail-b", "PT1S")
             "      - " LOG_TASK("c")
             "      - {id: d, type: io.kestra.plugin.core.flow.Pause, delay: PT3S}\n"
             "  - " LOG_TASK("e")},
    {.flow = "id: f\nnamespace: t\ntasks:\n"
             "  - id: dag\n    type: io.kestra.plugin.core.flow.Dag\n    tasks:\n"
             "      - task: " LOG_TASK("a")
             "      - task: " LOG_TASK("b") "        dependsOn: [a]\n"
             "      - task: {id: c, type: io.kestra.plugin.core.flow.Subflow, namespace: t, flowId: child}\n"
             "        dependsOn: [a]\n"
             "      - task: " LOG_TASK("d") "        dependsOn: [b, c]\n"},
    {.limit = 1,
     .flow = "id: f\nnamespace: t\nconcurrency: {limit: 1, behavior: QUEUE}\ntasks:\n"
             "  - id: s\n    type: io.kestra.plugin.core.flow.Sequential\n    tasks:\n"
             "      - " LOG_TASK("a")
             "      - " LOG_TASK("bad-b")
             "    errors:\n      - " LOG_TASK("handler")
             "    finally:\n      - " LOG_TASK("clean")
             "errors:\n  - " LOG_TASK("top")},
    {.limit = 2,
     .flow = "id: f\nnamespace: t\nconcurrency: {limit: 2, behavior: QUEUE}\ntasks:\n"
             "  - " RETRIED_TASK("fail-a", "PT4S")
             "  - {id: c, type: io.kestra.plugin.core.flow.Subflow, namespace: t, flowId: child}\n"},
    {.people = PEOPLE_RESUME,
     .flow = "id: f\nnamespace: t\ntasks:\n"
             "  - {id: first, type: io.kestra.plugin.core.flow.Pause}\n"
             "  - {id: second, type: io.kestra.plugin.core.flow.Pause}\n"
             "  - " LOG_TASK("a")
             "  - {id: third, type: io.kestra.plugin.core.flow.Pause}\n"},
    {.limit = 2,
     .people = PEOPLE_KILL,
     .flow = "id: f\nnamespace: t\nconcurrency: {limit: 2, behavior: QUEUE}\ntasks:\n"
             "  - id: p\n    type: io.kestra.plugin.core.flow.Parallel\n    tasks:\n"
             "      - " RETRIED_TASK("fail-a", "PT4S")
             "      - " LOG_TASK("b")
             "      - {id: c, type: io.kestra.plugin.core.flow.Subflow, namespace: t, flowId: child}\n"
             "      - {id: d, type: io.kestra.plugin.core.flow.Pause, delay: PT3S}\n"
             "  - " LOG_TASK("e")},
};
static const char child_flow[] = "id: child\nnamespace: t\ntasks:\n"
                                 "  - " RETRIED_TASK("fail-work", "PT2S");

typedef struct Job {
    QueueJob job;
    bool lost; /* the worker was declared dead since it took this, and does not care */
} Job;

typedef struct Worker {
    Queue *queue;
    char name[16];
    VEC(Job) jobs;
    usec_t asleep_until;
} Worker;

typedef struct Executor {
    Queue *queue;
    Owner *owner;
    char name[16];
    usec_t asleep_until;
} Executor;

/* A result that was sent once and may come again. */
typedef struct Echo {
    char execution_id[ID_BYTES];
    json_t *body;
} Echo;

typedef struct World {
    uint64_t random;
    usec_t now;
    const Scenario *scenario;
    bool loud;
    QueueStore *store;
    Watch *watch;
    Flow *flow, *child;
    Executor executors[EXECUTORS];
    Worker workers[WORKERS];
    Queue *sender;
    char ids[EXECUTIONS][ID_BYTES];
    size_t asked[EXECUTIONS]; /* by people: entries of the history when they did */
    Echo echoes[ECHOES];
    unsigned echo_count;
} World;

static uint64_t chance(World *world)
{
    uint64_t z = world->random += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static uint64_t chance_of(void *userdata)
{
    return chance(userdata);
}

static usec_t now_of(void *userdata)
{
    return ((World *)userdata)->now;
}

static int load_flow(void *userdata, const char *namespace, const char *id, int revision, Flow **ret)
{
    World *world = userdata;
    Flow *flow = streq(id, "child") ? world->child : world->flow;
    *ret = flow_ref(flow);
    return 0;
}

_noreturn_ static void die(const char *what)
{
    fprintf(stderr, "sim: %s\n", what);
    abort();
}

static Flow *parse(const char *yaml)
{
    const FlowParse options = {.registry = &plugin_registry, .revision = 1};
    Flow *flow;
    _cleanup_diag_ Diag diag = DIAG_INIT;
    if (flow_parse(yaml, strlen(yaml), &options, &flow, &diag) != 0)
        die(diag_first(&diag));
    return flow;
}

/* --- births and deaths --- */

static void birth_of_executor(World *world, unsigned i)
{
    Executor *executor = &world->executors[i];
    snprintf(executor->name, sizeof(executor->name), "executor %u", i);
    executor->queue = watch_queue(world->watch, executor->name);
    executor->owner = owner_new(executor->queue, &(OwnerSettings){.load_flow = load_flow,
                                                                  .now = now_of,
                                                                  .random = chance_of,
                                                                  .userdata = world,
                                                                  .events_max = 7,
                                                                  .lives_max = 2});
    if (owner_join(executor->owner, "") != 0)
        die("an executor could not join");
}

static void death_of_executor(World *world, unsigned i)
{
    watch_say(world->watch, world->executors[i].name, "dies");
    owner_free(world->executors[i].owner);
    queue_free(world->executors[i].queue);
    birth_of_executor(world, i);
}

static void worker_join(Worker *worker)
{
    if (queue_join(worker->queue, "worker", "") != 0)
        die("a worker could not join");
}

static void birth_of_worker(World *world, unsigned i)
{
    Worker *worker = &world->workers[i];
    snprintf(worker->name, sizeof(worker->name), "worker %u", i);
    worker->queue = watch_queue(world->watch, worker->name);
    worker_join(worker);
}

static void drop_jobs(Worker *worker)
{
    for (size_t i = 0; i < worker->jobs.count; i++)
        queue_job_done(&worker->jobs.items[i].job);
    worker->jobs.count = 0;
}

static void death_of_worker(World *world, unsigned i)
{
    watch_say(world->watch, world->workers[i].name, "dies");
    drop_jobs(&world->workers[i]);
    queue_free(world->workers[i].queue);
    birth_of_worker(world, i);
}

/* --- what executors do --- */

/* An outage is forgotten at once; after a fence the instance begins anew. */
static void executor_goes_on(const Executor *executor, int r)
{
    if (r == OWNER_E_FENCED && owner_join(executor->owner, "") != 0)
        die("an executor could not join");
}

static void executor_batch(World *world, unsigned i)
{
    const Executor *executor = &world->executors[i];
    bool more = false;
    if (executor->asleep_until <= world->now)
        executor_goes_on(executor, owner_batch(executor->owner, &more));
}

static void executor_heartbeat(World *world, unsigned i)
{
    const Executor *executor = &world->executors[i];
    bool more = false;
    if (executor->asleep_until <= world->now)
        executor_goes_on(executor, owner_heartbeat(executor->owner, &more));
}

/* --- what workers do --- */

/* Declared dead, or without an answer: it joins again. Some workers keep what they have begun, wrongly. */
static void worker_begins_anew(World *world, Worker *worker)
{
    if (chance(world) % 2)
        drop_jobs(worker);
    for (size_t i = 0; i < worker->jobs.count; i++)
        worker->jobs.items[i].lost = true;
    worker_join(worker);
}

static void take_job(Worker *worker, QueueJob job)
{
    for (size_t i = worker->jobs.count; i-- > 0;)
        if (worker->jobs.items[i].job.sequence == job.sequence) {
            queue_job_done(&worker->jobs.items[i].job);
            worker->jobs.items[i] = worker->jobs.items[--worker->jobs.count];
        }
    vec_push(&worker->jobs, (Job){.job = job});
}

/* Results that were refused; -1: nobody knows. */
static int worker_commit(World *world, Worker *worker, Unit *unit, unsigned jobs_max)
{
    QueueBatch batch = {};
    const QueueFetch fetch = {.jobs_max = jobs_max, .worker_group = ""};
    if (queue_commit(worker->queue, unit, jobs_max ? &fetch : NULL, &batch) != 0) {
        worker_begins_anew(world, worker);
        return -1;
    }
    for (size_t j = 0; j < batch.jobs.count; j++)
        take_job(worker, batch.jobs.items[j]);
    batch.jobs.count = 0;
    unsigned refused = batch.refused;
    queue_batch_done(&batch);
    return (int)refused;
}

static json_t *result_of(const World *world, const QueueJob *job, State state)
{
    char date[INSTANT_BYTES];
    instant_format_usec(world->now, date);
    return json_pack("{s:s,s:i,s:s,s:s,s:s}", "taskRunId", job->task_run_id, "attempt", job->attempt, "state",
                     state_to_string(state), "startDate", date, "endDate", date);
}

static void remember_echo(World *world, const QueueJob *job, State state)
{
    unsigned i = world->echo_count < ECHOES ? world->echo_count++ : (unsigned)(chance(world) % ECHOES);
    json_decref(world->echoes[i].body);
    snprintf(world->echoes[i].execution_id, ID_BYTES, "%s", job->execution_id);
    world->echoes[i].body = result_of(world, job, state);
}

/* A duplicate past the queue's own fence, however late. */
static void echo(World *world)
{
    if (!world->echo_count)
        return;
    const Echo *old = &world->echoes[chance(world) % world->echo_count];
    _cleanup_(unit_freep) Unit *unit = unit_new();
    unit_send_event(unit, old->execution_id, "task_run", json_incref(old->body));
    watch_say(world->watch, "network", "repeats a result %s", json_get_text(old->body, "state", ""));
    if (queue_commit(world->sender, unit, NULL, NULL) != 0)
        die("the sender could not commit");
}

static void worker_finish(World *world, Worker *worker, Job *which, State state)
{
    Job job = *which;
    *which = worker->jobs.items[--worker->jobs.count];
    _cleanup_(unit_freep) Unit *unit = unit_new();
    unit_finish_job(unit, job.job.sequence, job.job.execution_id, "task_run", result_of(world, &job.job, state));
    if (!job.lost)
        remember_echo(world, &job.job, state);
    int refused = worker_commit(world, worker, unit, 0);
    if (job.lost && refused == 0)
        watch_accuse(world->watch, worker->name, "the result of a lost job was accepted");
    queue_job_done(&job.job);
}

static void worker_answer(World *world, Worker *worker)
{
    if (!worker->jobs.count)
        return;
    Job *which = &worker->jobs.items[chance(world) % worker->jobs.count];
    const QueueJob *job = &which->job;
    if (!which->lost && !job->killed && chance(world) % 3 == 0) { /* it says that it runs, perhaps more than once */
        _cleanup_(unit_freep) Unit *unit = unit_new();
        unit_send_event(unit, job->execution_id, "task_run", result_of(world, job, STATE_RUNNING));
        remember_echo(world, job, STATE_RUNNING);
        (void)worker_commit(world, worker, unit, 0);
        return;
    }
    const char *task = json_get_text(job->body, "taskId", "");
    bool fails = which->lost || starts_with(task, "bad-") || (starts_with(task, "fail-") && job->attempt == 0);
    worker_finish(world, worker, which, job->killed ? STATE_KILLED : fails ? STATE_FAILED : STATE_SUCCESS);
}

static void worker_kill(World *world, Worker *worker)
{
    QueueSequences sequences = {};
    if (queue_jobs_to_kill(worker->queue, &sequences) != 0)
        die("a worker could not ask whom to kill");
    for (size_t i = 0; i < sequences.count; i++)
        for (size_t j = worker->jobs.count; j-- > 0;)
            if (j < worker->jobs.count && worker->jobs.items[j].job.sequence == sequences.items[i] &&
                !worker->jobs.items[j].lost)
                worker_finish(world, worker, &worker->jobs.items[j], STATE_KILLED);
    vec_free(&sequences);
}

static void worker_heartbeat(World *world, Worker *worker)
{
    QueueMembership membership;
    bool work;
    if (queue_heartbeat(worker->queue, &membership, &work) != 0)
        worker_begins_anew(world, worker);
    else
        worker_kill(world, worker);
}

static void worker_does(World *world, Worker *worker, unsigned what)
{
    if (worker->asleep_until > world->now)
        return;
    _cleanup_(unit_freep) Unit *unit = unit_new();
    if (what == 0)
        (void)worker_commit(world, worker, unit, 1 + chance(world) % 3);
    else if (what == 1)
        worker_answer(world, worker);
    else
        worker_heartbeat(world, worker);
}

/* --- what people do --- */

static void send(World *world, const char *id, const char *kind, json_t *body)
{
    _cleanup_(unit_freep) Unit *unit = unit_new();
    unit_send_event(unit, id, kind, body);
    if (queue_commit(world->sender, unit, NULL, NULL) != 0)
        die("the sender could not commit");
}

static void people_do(World *world, bool calm)
{
    unsigned i = chance(world) % EXECUTIONS;
    const json_t *body = queue_store_execution(world->store, world->ids[i]);
    size_t entries = json_array_size(json_at(body, "state.histories"));
    const char *state = json_string_value(json_at(body, "state.current"));
    if (world->scenario->people == PEOPLE_RESUME && streq_null(state, "PAUSED") && world->asked[i] != entries) {
        world->asked[i] = entries;
        watch_resume(world->watch, world->ids[i]);
        send(world, world->ids[i], "resume", json_object());
    } else if (world->scenario->people == PEOPLE_KILL && !calm && !world->asked[i] && chance(world) % 20 == 0) {
        world->asked[i] = entries;
        send(world, world->ids[i], "kill", json_pack("{s:b}", "cascade", 1));
    }
}

/* --- chance --- */

static void pass_time(World *world, usec_t by)
{
    queue_store_advance(world->store, by);
    world->now += by;
}

static usec_t nap(World *world, const char *name)
{
    usec_t length = 5 * USEC_PER_SEC + chance(world) % (20 * USEC_PER_SEC);
    watch_say(world->watch, name, "sleeps for %.3f s", (double)length / (double)USEC_PER_SEC);
    return world->now + length;
}

static WatchTrouble trouble(World *world)
{
    return chance(world) % 2 ? TROUBLE_BEFORE : TROUBLE_AFTER;
}

/* What makes the calm world a disturbed one. */
static void disturbance(World *world, Executor *executor, Worker *worker)
{
    switch (chance(world) % 8) {
    case 0:
        death_of_executor(world, (unsigned)(executor - world->executors));
        break;
    case 1:
        death_of_worker(world, (unsigned)(worker - world->workers));
        break;
    case 2:
        watch_trouble(executor->queue, trouble(world));
        break;
    case 3:
        watch_trouble(worker->queue, trouble(world));
        break;
    case 4:
        executor->asleep_until = nap(world, executor->name);
        break;
    case 5:
        worker->asleep_until = nap(world, worker->name);
        break;
    case 6:
        watch_forget(executor->queue);
        owner_forget(executor->owner);
        break;
    default:
        echo(world);
        break;
    }
}

static void something(World *world, bool calm)
{
    unsigned e = chance(world) % EXECUTORS, w = chance(world) % WORKERS, what = chance(world) % (calm ? 9 : 11);
    if (what < 3)
        executor_batch(world, e);
    else if (what == 3)
        executor_heartbeat(world, e);
    else if (what < 7)
        worker_does(world, &world->workers[w], what - 4);
    else if (what == 7)
        pass_time(world, chance(world) % (calm ? USEC_PER_SEC / 2 : 3 * USEC_PER_SEC));
    else if (what == 8)
        people_do(world, calm);
    else
        disturbance(world, &world->executors[e], &world->workers[w]);
}

/* --- a run --- */

static void start_all(World *world)
{
    for (unsigned i = 0; i < EXECUTIONS; i++) {
        uint64_t high = chance(world);
        id_from_bits(high, chance(world), world->ids[i]);
        Execution *execution = execution_new(world->ids[i], "t", "f", 1, world->now);
        _cleanup_(unit_freep) Unit *unit = unit_new();
        unit_create_execution(unit, execution, world->now);
        if (queue_commit(world->sender, unit, NULL, NULL) != 0)
            die("an execution could not be created");
        execution_free(execution);
    }
}

static bool all_ended(const World *world)
{
    QueueStoreCounts counts = queue_store_counts(world->store);
    if (counts.events || counts.jobs || counts.timers)
        return false;
    for (unsigned i = 0; i < EXECUTIONS; i++) {
        const json_t *state = json_at(queue_store_execution(world->store, world->ids[i]), "state.current");
        if (!state_is_terminated(state_from_string(json_string_value(state))))
            return false;
    }
    return true;
}

static int compare_lines(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names, attempts and final states of all task runs, sorted: what may not depend on order or faults. */
static char *outcome_of(World *world, const char *id, const char **ret_fault)
{
    Execution *execution = NULL;
    if (queue_load_execution(world->sender, id, &execution) != 0 || !execution)
        die("an execution was lost");
    VEC(char *) lines = {};
    for (size_t i = 0; i < execution->task_runs.count; i++) {
        const TaskRun *run = execution->task_runs.items[i];
        vec_push(&lines, xasprintf("%s[%s] %s (%zu)\n", run->task_id, run->value ? run->value : "",
                                   state_to_string(state_current(&run->state)), run->attempts.count));
        if (run->attempts.count > 3)
            *ret_fault = "there are too many attempts";
    }
    if (lines.count)
        qsort(lines.items, lines.count, sizeof(char *), compare_lines);
    Buffer text = {};
    buffer_printf(&text, "%s %s\n", execution->flow_id, state_to_string(state_current(&execution->state)));
    for (size_t i = 0; i < lines.count; i++) {
        buffer_append(&text, lines.items[i]);
        free(lines.items[i]);
    }
    vec_free(&lines);
    execution_free(execution);
    return buffer_take(&text);
}

static void begin_world(World *world)
{
    const Scenario *scenario = world->scenario;
    world->store = queue_store_new(LEASE);
    world->watch = watch_new(&(WatchSettings){.store = world->store,
                                              .now = &world->now,
                                              .limit = scenario->limit,
                                              .resumed = scenario->people == PEOPLE_RESUME,
                                              .loud = world->loud});
    world->flow = parse(scenario->flow);
    world->child = parse(child_flow);
    world->sender = watch_queue(world->watch, "people");
    if (queue_join(world->sender, "webserver", "") != 0)
        die("the sender could not join");
    for (unsigned i = 0; i < EXECUTORS; i++)
        birth_of_executor(world, i);
    for (unsigned i = 0; i < WORKERS; i++)
        birth_of_worker(world, i);
    start_all(world);
}

/* A commit needs a living instance, and time passes in leaps. */
static void people_are_there(World *world)
{
    QueueMembership membership;
    bool work;
    if (queue_heartbeat(world->sender, &membership, &work) != 0 && queue_join(world->sender, "webserver", "") != 0)
        die("the sender could not join");
}

static void end_world(World *world)
{
    for (unsigned i = 0; i < EXECUTORS; i++) {
        owner_free(world->executors[i].owner);
        queue_free(world->executors[i].queue);
    }
    for (unsigned i = 0; i < WORKERS; i++) {
        drop_jobs(&world->workers[i]);
        vec_free(&world->workers[i].jobs);
        queue_free(world->workers[i].queue);
    }
    for (unsigned i = 0; i < world->echo_count; i++)
        json_decref(world->echoes[i].body);
    queue_free(world->sender);
    watch_free(world->watch);
    queue_store_free(world->store);
    flow_unref(world->flow);
    flow_unref(world->child);
}

static void run_disturbed(World *world)
{
    for (unsigned i = 0; i < DISTURBANCES && !watch_fault(world->watch); i++) {
        people_are_there(world);
        something(world, false);
    }
    for (unsigned i = 0; i < EXECUTORS; i++) {
        world->executors[i].asleep_until = 0;
        watch_trouble(world->executors[i].queue, TROUBLE_NONE);
    }
    for (unsigned i = 0; i < WORKERS; i++) {
        world->workers[i].asleep_until = 0;
        watch_trouble(world->workers[i].queue, TROUBLE_NONE);
    }
}

/* The rule that was broken, or NULL; *ret the outcome of the first execution. Every rule but the Watch's is checked here. */
static const char *judge(World *world, char **ret)
{
    const char *fault = all_ended(world) ? NULL : "something waits for what will never come";
    if (queue_store_counts(world->store).poison)
        fault = "an event was set aside";
    *ret = NULL;
    for (unsigned i = 0; i < EXECUTIONS; i++) {
        char *outcome = outcome_of(world, world->ids[i], &fault);
        if (*ret && world->scenario->people != PEOPLE_KILL && !streq(*ret, outcome) && !fault)
            fault = "two executions came to different ends";
        if (world->loud)
            fprintf(stderr, "%s\n", outcome);
        if (*ret)
            free(outcome);
        else
            *ret = outcome;
    }
    return watch_fault(world->watch) ? watch_fault(world->watch) : fault;
}

/* Of one execution; NULL when a rule was broken (said on standard error). */
static char *run_world(uint64_t seed, const Scenario *scenario, bool disturbed, bool loud)
{
    World world = {.random = seed, .now = BEGINNING, .scenario = scenario, .loud = loud};
    begin_world(&world);
    if (disturbed)
        run_disturbed(&world);
    for (unsigned i = 0; i < CALM_ROUNDS && !all_ended(&world) && !watch_fault(world.watch); i++) {
        people_are_there(&world);
        something(&world, true);
    }
    char *first;
    const char *fault = judge(&world, &first);
    if (fault) {
        QueueStoreCounts counts = queue_store_counts(world.store);
        fprintf(stderr, "seed %" PRIu64 ": %s; events %zu, jobs %zu, timers %zu\n%s", seed, fault, counts.events,
                counts.jobs, counts.timers, first);
        free(first);
        first = NULL;
    }
    end_world(&world);
    return first;
}

static bool run_seed(uint64_t seed, char *const *expected, bool loud)
{
    size_t which = seed % ELEMENTS(scenarios);
    _cleanup_free_ char *outcome = run_world(seed, &scenarios[which], true, loud);
    if (!outcome)
        return false;
    if (scenarios[which].people == PEOPLE_KILL || streq(outcome, expected[which]))
        return true;
    fprintf(stderr, "seed %" PRIu64 ": the final state depends on the order\n%sinstead of\n%s", seed, outcome,
            expected[which]);
    return false;
}

int main(int argc, char **argv)
{
    uint64_t first = 1, count = 300;
    bool loud = false;
    for (int i = 1; i + 1 < argc; i += 2) {
        uint64_t number = strtoull(argv[i + 1], NULL, 10);
        if (streq(argv[i], "--seed")) {
            first = number;
            count = 1;
            loud = true;
        } else if (streq(argv[i], "--seeds")) {
            count = number;
        }
    }
    char *expected[ELEMENTS(scenarios)];
    for (size_t i = 0; i < ELEMENTS(scenarios); i++) {
        expected[i] = run_world(0, &scenarios[i], false, false);
        if (!expected[i])
            die("the undisturbed run breaks a rule");
    }
    unsigned failed = 0;
    for (uint64_t seed = first; seed < first + count; seed++)
        failed += !run_seed(seed, expected, loud);
    for (size_t i = 0; i < ELEMENTS(scenarios); i++)
        free(expected[i]);
    printf("%" PRIu64 " seeds, %u failed\n", count, failed);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
