/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The simulator: two executors and two workers on one queue in virtual time, driven from a seed. Everything may happen in any
 * order; executors and workers die between any two commits, or right after one without having heard of it. At the end every
 * execution must have come to what an undisturbed run comes to, and nothing may be left over.
 *
 *   sim [--seed N] [--seeds COUNT]     one seed, loud; or so many seeds from 1 (default 300)
 */
#include "executor/owner.h"

#include "doc/json.h"
#include "plugin/registry.h"
#include "queue/queue_mem.h"

#define BEGINNING (UINT64_C(1700000000) * USEC_PER_SEC)
#define LEASE     (9 * USEC_PER_SEC)

enum { EXECUTORS = 2, WORKERS = 2, EXECUTIONS = 3, DISTURBANCES = 400, CALM_ROUNDS = 4000 };

/* Tasks named fail-… fail in their first attempt, bad-… always. */
static const char *const flows[] = {
    "id: f\nnamespace: t\ntasks:\n"
    "  - {id: a, type: io.kestra.plugin.core.log.Log, message: x}\n"
    "  - id: each\n    type: io.kestra.plugin.core.flow.ForEach\n    concurrencyLimit: 2\n    values: [\"x\", \"y\", \"z\"]\n    tasks:\n"
    "      - {id: b, type: io.kestra.plugin.core.log.Log, message: x}\n"
    "      - {id: c, type: io.kestra.plugin.core.log.Log, message: x}\n"
    "  - {id: d, type: io.kestra.plugin.core.log.Log, message: x}\n",
    "id: f\nnamespace: t\ntasks:\n"
    "  - id: p\n    type: io.kestra.plugin.core.flow.Parallel\n    concurrent: 2\n    tasks:\n"
    "      - {id: fail-a, type: io.kestra.plugin.core.log.Log, message: x, retry: {type: constant, interval: PT2S, maxAttempt: 3}}\n"
    "      - {id: fail-b, type: io.kestra.plugin.core.log.Log, message: x, retry: {type: constant, interval: PT1S, maxAttempt: 3}}\n"
    "      - {id: c, type: io.kestra.plugin.core.log.Log, message: x}\n"
    "      - {id: d, type: io.kestra.plugin.core.flow.Pause, delay: PT3S}\n"
    "  - {id: e, type: io.kestra.plugin.core.log.Log, message: x}\n",
    "id: f\nnamespace: t\ntasks:\n"
    "  - id: dag\n    type: io.kestra.plugin.core.flow.Dag\n    tasks:\n"
    "      - task: {id: a, type: io.kestra.plugin.core.log.Log, message: x}\n"
    "      - task: {id: b, type: io.kestra.plugin.core.log.Log, message: x}\n        dependsOn: [a]\n"
    "      - task: {id: c, type: io.kestra.plugin.core.flow.Subflow, namespace: t, flowId: child}\n        dependsOn: [a]\n"
    "      - task: {id: d, type: io.kestra.plugin.core.log.Log, message: x}\n        dependsOn: [b, c]\n",
    "id: f\nnamespace: t\nconcurrency: {limit: 1, behavior: QUEUE}\ntasks:\n"
    "  - id: s\n    type: io.kestra.plugin.core.flow.Sequential\n    tasks:\n"
    "      - {id: a, type: io.kestra.plugin.core.log.Log, message: x}\n"
    "      - {id: bad-b, type: io.kestra.plugin.core.log.Log, message: x}\n"
    "    errors:\n      - {id: handler, type: io.kestra.plugin.core.log.Log, message: x}\n"
    "    finally:\n      - {id: clean, type: io.kestra.plugin.core.log.Log, message: x}\n"
    "errors:\n  - {id: top, type: io.kestra.plugin.core.log.Log, message: x}\n",
};
static const char child_flow[] = "id: child\nnamespace: t\ntasks:\n"
                                 "  - {id: work, type: io.kestra.plugin.core.log.Log, message: x}\n";

typedef struct Worker {
    Queue *queue;
    VEC(QueueJob) jobs;
} Worker;

typedef struct World {
    uint64_t random;
    usec_t now;
    bool loud;
    QueueStore *store;
    Flow *flow, *child;
    Queue *executor_queues[EXECUTORS];
    Owner *owners[EXECUTORS];
    Worker workers[WORKERS];
    Queue *sender;
    char ids[EXECUTIONS][ID_BYTES];
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
    world->executor_queues[i] = queue_mem_new(world->store);
    world->owners[i] = owner_new(world->executor_queues[i], &(OwnerSettings){.load_flow = load_flow,
                                                                             .now = now_of,
                                                                             .random = chance_of,
                                                                             .userdata = world,
                                                                             .events_max = 7,
                                                                             .lives_max = 2});
    if (owner_join(world->owners[i], "") != 0)
        die("an executor could not join");
}

static void death_of_executor(World *world, unsigned i)
{
    owner_free(world->owners[i]);
    queue_free(world->executor_queues[i]);
    birth_of_executor(world, i);
}

static void birth_of_worker(World *world, unsigned i)
{
    world->workers[i].queue = queue_mem_new(world->store);
    if (queue_join(world->workers[i].queue, "worker", "") != 0)
        die("a worker could not join");
}

static void drop_jobs(Worker *worker)
{
    for (size_t i = 0; i < worker->jobs.count; i++)
        queue_job_done(&worker->jobs.items[i]);
    worker->jobs.count = 0;
}

static void death_of_worker(World *world, unsigned i)
{
    drop_jobs(&world->workers[i]);
    queue_free(world->workers[i].queue);
    birth_of_worker(world, i);
}

/* --- what they do --- */

static void executor_batch(World *world, unsigned i)
{
    bool more = false;
    int r = owner_batch(world->owners[i], &more);
    if (r == OWNER_E_FENCED && owner_join(world->owners[i], "") != 0)
        die("an executor could not join");
}

static void executor_heartbeat(World *world, unsigned i)
{
    bool work;
    int r = owner_heartbeat(world->owners[i], &work);
    if (r == OWNER_E_FENCED && owner_join(world->owners[i], "") != 0)
        die("an executor could not join");
}

/* Commits; a worker that was declared dead forgets its jobs and joins again. */
static void worker_commit(World *world, unsigned i, Unit *unit, unsigned jobs_max)
{
    Worker *worker = &world->workers[i];
    QueueBatch batch = {};
    const QueueFetch fetch = {.jobs_max = jobs_max, .worker_group = ""};
    int r = queue_commit(worker->queue, unit, jobs_max ? &fetch : NULL, &batch);
    if (r != 0) {
        drop_jobs(worker);
        if (queue_join(worker->queue, "worker", "") != 0)
            die("a worker could not join");
        return;
    }
    for (size_t j = 0; j < batch.jobs.count; j++)
        vec_push(&worker->jobs, batch.jobs.items[j]);
    batch.jobs.count = 0;
    queue_batch_done(&batch);
}

static json_t *result_of(const World *world, const QueueJob *job, State state)
{
    char date[INSTANT_BYTES];
    instant_format_usec(world->now, date);
    return json_pack("{s:s,s:i,s:s,s:s,s:s}", "taskRunId", job->task_run_id, "attempt", job->attempt, "state",
                     state_to_string(state), "startDate", date, "endDate", date);
}

static void worker_answer(World *world, unsigned i)
{
    Worker *worker = &world->workers[i];
    if (!worker->jobs.count)
        return;
    size_t which = chance(world) % worker->jobs.count;
    QueueJob *job = &worker->jobs.items[which];
    _cleanup_(unit_freep) Unit *unit = unit_new();
    if (chance(world) % 3 == 0) { /* it says that it runs, perhaps more than once */
        unit_send_event(unit, job->execution_id, "task_run", result_of(world, job, STATE_RUNNING));
        worker_commit(world, i, unit, 0);
        return;
    }
    const char *task = json_get_text(job->body, "taskId", "");
    bool fails = starts_with(task, "bad-") || (starts_with(task, "fail-") && job->attempt == 0);
    State state = fails ? STATE_FAILED : STATE_SUCCESS;
    unit_finish_job(unit, job->sequence, job->execution_id, "task_run", result_of(world, job, state));
    if (chance(world) % 5 == 0) /* a duplicate past the queue's own fence */
        unit_send_event(unit, job->execution_id, "task_run", result_of(world, job, state));
    queue_job_done(job);
    *job = worker->jobs.items[--worker->jobs.count];
    worker_commit(world, i, unit, 0);
}

static void worker_heartbeat(World *world, unsigned i)
{
    QueueMembership membership;
    bool work;
    if (queue_heartbeat(world->workers[i].queue, &membership, &work) != 0) {
        drop_jobs(&world->workers[i]);
        if (queue_join(world->workers[i].queue, "worker", "") != 0)
            die("a worker could not join");
    }
}

static void pass_time(World *world, usec_t by)
{
    queue_store_advance(world->store, by);
    world->now += by;
}

static void something(World *world, bool calm)
{
    unsigned e = chance(world) % EXECUTORS, w = chance(world) % WORKERS;
    _cleanup_(unit_freep) Unit *unit = unit_new();
    switch (chance(world) % (calm ? 8 : 12)) {
    case 0:
    case 1:
    case 2:
        executor_batch(world, e);
        break;
    case 3:
        worker_commit(world, w, unit, 1 + chance(world) % 3);
        break;
    case 4:
        worker_answer(world, w);
        break;
    case 5:
        executor_heartbeat(world, e);
        break;
    case 6:
        worker_heartbeat(world, w);
        break;
    case 7:
        pass_time(world, chance(world) % (calm ? USEC_PER_SEC / 2 : 3 * USEC_PER_SEC));
        break;
    case 8:
        death_of_executor(world, e);
        break;
    case 9:
        death_of_worker(world, w);
        break;
    case 10: /* its commit went through, but it does not know */
        executor_batch(world, e);
        owner_forget(world->owners[e]);
        break;
    default:
        owner_forget(world->owners[e]);
        break;
    }
}

/* --- a run --- */

static void start_all(World *world)
{
    for (unsigned i = 0; i < EXECUTIONS; i++) {
        uint64_t high = chance(world);
        id_from_bits(high, chance(world), world->ids[i]);
        Execution *execution = execution_new(world->ids[i], "t", "f", 1, world->now);
        _cleanup_(unit_freep) Unit *unit = unit_new();
        QueueBatch batch = {};
        unit_create_execution(unit, execution, world->now);
        if (queue_commit(world->sender, unit, NULL, &batch) != 0)
            die("an execution could not be created");
        queue_batch_done(&batch);
        execution_free(execution);
    }
}

static bool all_ended(const World *world)
{
    for (unsigned i = 0; i < EXECUTIONS; i++) {
        const json_t *body = queue_store_execution(world->store, world->ids[i]);
        const json_t *state = json_at(body, "state.current");
        if (!state_is_terminated(state_from_string(json_string_value(state))))
            return false;
    }
    QueueStoreCounts counts = queue_store_counts(world->store);
    return !counts.events && !counts.jobs && !counts.timers;
}

/* Terminated only once, except for what is retried. */
static const char *check_history(const StateTrail *trail)
{
    for (size_t i = 0; i + 1 < trail->histories.count; i++) {
        State from = trail->histories.items[i].state, to = trail->histories.items[i + 1].state;
        if (state_is_terminated(from) && to != STATE_RETRYING)
            return "something ended twice";
        if (trail->histories.items[i].date > trail->histories.items[i + 1].date)
            return "time went back";
    }
    return NULL;
}

static void append_line(Buffer *text, const char *name, const char *value, const StateTrail *trail)
{
    buffer_printf(text, "%s[%s] %s\n", name, value ? value : "", state_to_string(state_current(trail)));
}

static int compare_lines(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names and final states of all task runs, sorted: what may not depend on order or faults. */
static char *outcome_of(World *world, const char *id, const char **ret_fault)
{
    Execution *execution = NULL;
    if (queue_load_execution(world->sender, id, &execution) != 0 || !execution)
        die("an execution was lost");
    VEC(char *) lines = {};
    const char *fault = NULL;
    for (size_t i = 0; i < execution->task_runs.count; i++) {
        const TaskRun *run = execution->task_runs.items[i];
        Buffer line = {};
        append_line(&line, run->task_id, run->value, &run->state);
        vec_push(&lines, buffer_take(&line));
        fault = fault ? fault : check_history(&run->state);
        if (run->attempts.count > 3)
            fault = "there are too many attempts";
    }
    if (lines.count)
        qsort(lines.items, lines.count, sizeof(char *), compare_lines);
    Buffer text = {};
    append_line(&text, execution->flow_id, NULL, &execution->state);
    for (size_t i = 0; i < lines.count; i++) {
        buffer_append(&text, lines.items[i]);
        free(lines.items[i]);
    }
    vec_free(&lines);
    execution_free(execution);
    *ret_fault = *ret_fault ? *ret_fault : fault;
    return buffer_take(&text);
}

/* Of one execution; NULL when a rule was broken (said on standard error). */
static char *run_world(uint64_t seed, const char *yaml, bool disturbed, bool loud)
{
    World world = {.random = seed, .now = BEGINNING, .loud = loud, .store = queue_store_new(LEASE)};
    world.flow = parse(yaml);
    world.child = parse(child_flow);
    world.sender = queue_mem_new(world.store);
    if (queue_join(world.sender, "webserver", "") != 0)
        die("the sender could not join");
    for (unsigned i = 0; i < EXECUTORS; i++)
        birth_of_executor(&world, i);
    for (unsigned i = 0; i < WORKERS; i++)
        birth_of_worker(&world, i);
    start_all(&world);
    for (unsigned i = 0; disturbed && i < DISTURBANCES; i++)
        something(&world, false);
    for (unsigned i = 0; i < CALM_ROUNDS && !all_ended(&world); i++)
        something(&world, true);

    const char *fault = all_ended(&world) ? NULL : "something waits for what will never come";
    if (queue_store_counts(world.store).poison)
        fault = "an event was set aside";
    char *first = NULL;
    for (unsigned i = 0; i < EXECUTIONS; i++) {
        char *outcome = outcome_of(&world, world.ids[i], &fault);
        if (first && !streq(first, outcome))
            fault = "two executions came to different ends";
        if (loud)
            fprintf(stderr, "%s\n", outcome);
        if (first)
            free(outcome);
        else
            first = outcome;
    }
    QueueStoreCounts counts = queue_store_counts(world.store);
    if (fault)
        fprintf(stderr, "seed %" PRIu64 ": %s (events %zu, jobs %zu, timers %zu)\n%s", seed, fault, counts.events,
                counts.jobs, counts.timers, first);
    for (unsigned i = 0; i < EXECUTORS; i++) {
        owner_free(world.owners[i]);
        queue_free(world.executor_queues[i]);
    }
    for (unsigned i = 0; i < WORKERS; i++) {
        drop_jobs(&world.workers[i]);
        vec_free(&world.workers[i].jobs);
        queue_free(world.workers[i].queue);
    }
    queue_free(world.sender);
    queue_store_free(world.store);
    flow_unref(world.flow);
    flow_unref(world.child);
    if (fault) {
        free(first);
        return NULL;
    }
    return first;
}

static bool run_seed(uint64_t seed, char *const *expected, bool loud)
{
    size_t which = seed % ELEMENTS(flows);
    _cleanup_free_ char *outcome = run_world(seed, flows[which], true, loud);
    if (!outcome)
        return false;
    if (streq(outcome, expected[which]))
        return true;
    fprintf(stderr, "seed %" PRIu64 " came to\n%sinstead of\n%s", seed, outcome, expected[which]);
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
    char *expected[ELEMENTS(flows)];
    for (size_t i = 0; i < ELEMENTS(flows); i++) {
        expected[i] = run_world(0, flows[i], false, loud);
        if (!expected[i])
            die("the undisturbed run does not end");
    }
    unsigned failed = 0;
    for (uint64_t seed = first; seed < first + count; seed++)
        failed += !run_seed(seed, expected, loud);
    for (size_t i = 0; i < ELEMENTS(flows); i++)
        free(expected[i]);
    printf("%" PRIu64 " seeds, %u failed\n", count, failed);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
