/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The simulator: two executors and two workers on one queue in virtual time, driven from a seed. Everything may happen
 * in any order; executors and workers die between any two commits; commits break before or after they happened; a
 * process sleeps through its lease and wakes; results come late and come again; people interfere. The Watch checks its
 * rules at each commit. At the end every execution must have come to what an undisturbed run comes to, and nothing may
 * be left over.
 *
 *   sim [--scene NAME] [--seed N]               plays one seed, with a trace
 *   sim [--scene NAME] [--from N] [--seeds N]   plays so many seeds (default: 400 from 1) and shows those that break a
 * rule
 *
 * A seed is played with the scene (tests/data/sim) whose turn it is, or with the named one. `--first` ends after the
 * first seed that breaks a rule.
 */
#include "sim/world.h"

#include "doc/json.h"

#include <glob.h>

enum { DISTURBANCES = 400, CALM_ROUNDS = 8000, SEEDS_DEFAULT = 400 };

uint64_t world_chance(World *world)
{
    uint64_t z = world->random += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static uint64_t chance_of(void *userdata)
{
    return world_chance(userdata);
}

static usec_t now_of(void *userdata)
{
    return ((World *)userdata)->now;
}

int world_load_flow(void *userdata, const char *namespace, const char *id, int revision, Flow **ret)
{
    Flow *flow = scene_flow(((World *)userdata)->scene, id);
    if (!flow)
        return 1;
    *ret = flow_ref(flow);
    return 0;
}

/* Every flow: those without a Flow trigger listen to nothing. */
static int listeners_of(void *userdata, Flow *const **ret, size_t *ret_count)
{
    const Scene *scene = ((World *)userdata)->scene;
    *ret = scene->flows.items;
    *ret_count = scene->flows.count;
    return 0;
}

void world_die(const char *what)
{
    fprintf(stderr, "sim: %s\n", what);
    abort();
}

void world_commit(World *world, Unit *unit)
{
    if (queue_commit(world->sender, unit, NULL, NULL) != 0)
        world_die("people could not commit");
}

/* --- executors --- */

static void executor_join(const SimExecutor *executor)
{
    if (owner_join(executor->owner, "") != 0)
        world_die("an executor could not join");
}

static void birth_of_executor(World *world, unsigned i)
{
    SimExecutor *executor = &world->executors[i];
    snprintf(executor->name, sizeof(executor->name), "executor %u", i);
    executor->queue = watch_queue(world->watch, executor->name);
    executor->owner = owner_new(executor->queue, &(OwnerSettings){.load_flow = world_load_flow,
                                                                  .listeners = listeners_of,
                                                                  .now = now_of,
                                                                  .random = chance_of,
                                                                  .userdata = world,
                                                                  .events_max = 7,
                                                                  .begun_max = 3,
                                                                  .unit_bytes_max = 3000,
                                                                  .lives_max = 2});
    executor_join(executor);
}

static void death_of_executor(World *world, unsigned i)
{
    watch_say(world->watch, world->executors[i].name, "dies");
    owner_free(world->executors[i].owner);
    queue_free(world->executors[i].queue);
    birth_of_executor(world, i);
}

/* As systemd stops and starts it. */
static void restart_of_executor(World *world, unsigned i)
{
    const SimExecutor *executor = &world->executors[i];
    watch_say(world->watch, executor->name, "leaves");
    if (owner_leave(executor->owner) != 0)
        world_die("an executor could not leave");
    executor_join(executor);
}

/* An outage is forgotten at once; after a fence the instance begins anew. */
static void executor_batch(World *world, unsigned i)
{
    const SimExecutor *executor = &world->executors[i];
    bool more = false;
    if (executor->asleep_until > world->now)
        return;
    int r = owner_batch(executor->owner, &more);
    if (r == OWNER_E_FENCED)
        executor_join(executor);
    else if (r == 0 && !more)
        watch_idle(executor->queue);
}

static void executor_heartbeat(World *world, unsigned i)
{
    const SimExecutor *executor = &world->executors[i];
    bool work = false;
    if (executor->asleep_until <= world->now && owner_heartbeat(executor->owner, &work) == OWNER_E_FENCED)
        executor_join(executor);
}

/* --- chance --- */

static void pass_time(World *world, usec_t by)
{
    queue_store_advance(world->store, by);
    world->now += by;
}

static bool only_timers_are_left(const World *world)
{
    QueueStoreCounts counts = queue_store_counts(world->store);
    return !counts.events && !counts.jobs && counts.timers;
}

static usec_t nap(World *world, const char *name)
{
    usec_t length = 5 * USEC_PER_SEC + world_chance(world) % (20 * USEC_PER_SEC);
    watch_say(world->watch, name, "sleeps for %.3f s", (double)length / (double)USEC_PER_SEC);
    return world->now + length;
}

static void trouble(World *world, Queue *queue)
{
    watch_trouble(queue, world_chance(world) % 2 ? TROUBLE_BEFORE : TROUBLE_AFTER);
}

/* What makes the calm world a disturbed one. */
static void disturbance(World *world, unsigned e, unsigned w)
{
    SimExecutor *executor = &world->executors[e];
    SimWorker *worker = &world->workers[w];
    switch (world_chance(world) % 9) {
    case 0:
        death_of_executor(world, e);
        break;
    case 1:
        workers_die(world, w);
        break;
    case 2:
        trouble(world, executor->queue);
        break;
    case 3:
        trouble(world, worker->queue);
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
    case 7:
        restart_of_executor(world, e);
        break;
    default:
        workers_echo(world);
        break;
    }
}

static void something(World *world, bool calm)
{
    unsigned e = world_chance(world) % WORLD_EXECUTORS, w = world_chance(world) % WORLD_WORKERS;
    unsigned what = world_chance(world) % (calm ? 9 : 11);
    if (what < 3)
        executor_batch(world, e);
    else if (what == 3)
        executor_heartbeat(world, e);
    else if (what < 7)
        workers_do(world, w);
    else if (what == 7)
        pass_time(world, world_chance(world) % (only_timers_are_left(world) ? 60 * USEC_PER_SEC
                                                : calm                      ? USEC_PER_SEC / 2
                                                                            : 3 * USEC_PER_SEC));
    else if (what == 8)
        people_do(world, calm);
    else
        disturbance(world, e, w);
}

/* --- a run --- */

/* A commit needs a living instance, and time passes in leaps. */
static void people_are_there(World *world)
{
    QueueMembership membership;
    bool work;
    if (queue_heartbeat(world->sender, &membership, &work) != 0 && queue_join(world->sender, "webserver", "") != 0)
        world_die("people could not join");
}

static void begin_world(World *world)
{
    world->store = queue_store_new(WORLD_LEASE);
    world->watch = watch_new(&(WatchSettings){.store = world->store,
                                              .now = &world->now,
                                              .resumed = scene_has_people(world->scene, "resume"),
                                              .loud = world->loud});
    for (size_t i = 0; i < world->scene->flows.count; i++) {
        const Flow *flow = world->scene->flows.items[i];
        if (flow->concurrency_limit)
            books_limit(watch_books(world->watch), flow->id, flow->concurrency_limit);
    }
    world->sender = watch_queue(world->watch, "people");
    if (queue_join(world->sender, "webserver", "") != 0)
        world_die("people could not join");
    for (unsigned i = 0; i < WORLD_EXECUTORS; i++)
        birth_of_executor(world, i);
    workers_begin(world);
    people_start(world);
}

static void end_world(World *world)
{
    for (unsigned i = 0; i < WORLD_EXECUTORS; i++) {
        owner_free(world->executors[i].owner);
        queue_free(world->executors[i].queue);
    }
    workers_end(world);
    queue_free(world->sender);
    watch_free(world->watch);
    queue_store_free(world->store);
    vec_free(&world->targets);
}

static State state_of(const World *world, const char *id)
{
    return state_from_string(json_string_value(json_at(queue_store_execution(world->store, id), "state.current")));
}

static bool all_ended(const World *world)
{
    QueueStoreCounts counts = queue_store_counts(world->store);
    if (counts.events || counts.jobs || counts.timers || !people_are_done(world))
        return false;
    for (size_t i = 0; i < world->targets.count; i++)
        if (!world->targets.items[i].deleted && !state_is_terminated(state_of(world, world->targets.items[i].id)))
            return false;
    return true;
}

static void run_disturbed(World *world)
{
    for (unsigned i = 0; i < DISTURBANCES && !watch_fault(world->watch); i++) {
        people_are_there(world);
        something(world, false);
    }
    for (unsigned i = 0; i < WORLD_EXECUTORS; i++) {
        world->executors[i].asleep_until = 0;
        watch_trouble(world->executors[i].queue, TROUBLE_NONE);
    }
    for (unsigned i = 0; i < WORLD_WORKERS; i++) {
        world->workers[i].asleep_until = 0;
        watch_trouble(world->workers[i].queue, TROUBLE_NONE);
    }
}

static void run_calm(World *world)
{
    for (unsigned i = 0; i < CALM_ROUNDS && !all_ended(world) && !watch_fault(world->watch); i++) {
        people_are_there(world);
        something(world, true);
    }
}

/* --- what came of it --- */

static int compare_lines(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

typedef VEC(char *) Lines;

static void join_lines(Lines *lines, Buffer *text)
{
    if (lines->count)
        qsort(lines->items, lines->count, sizeof(char *), compare_lines);
    for (size_t i = 0; i < lines->count; i++) {
        buffer_append(text, lines->items[i]);
        free(lines->items[i]);
    }
    vec_free(lines);
}

/* Without the ids of executions, which differ. */
static void append_outputs(Buffer *text, const json_t *outputs)
{
    _cleanup_json_ json_t *shown = json_object_size(outputs) ? json_copy((json_t *)(uintptr_t)outputs) : NULL;
    json_object_del(shown, "executionId");
    json_object_del(shown, "subflowOutputsBaseUri");
    if (json_object_size(shown))
        json_append(text, shown);
}

static void append_execution(World *world, const char *id, const char *indent, Buffer *text);

static char *line_of(World *world, const TaskRun *run, const char *indent)
{
    Buffer text = {};
    buffer_append(&text, indent);
    for (const TaskRun *parent = run->parent; parent; parent = parent->parent)
        buffer_printf(&text, "%s[%s]/", parent->task_id, parent->value ? parent->value : "");
    buffer_printf(&text, "%s[%s] %s (%zu)", run->task_id, run->value ? run->value : "",
                  state_to_string(state_current(&run->state)),
                  run->attempts.count - (size_t)json_get_integer(run->internal, "lost", 0));
    if (run->iteration >= 0)
        buffer_printf(&text, " #%d", run->iteration);
    append_outputs(&text, run->outputs);
    buffer_append_char(&text, '\n');
    const char *child = json_get_text(run->internal, "child", NULL);
    _cleanup_free_ char *deeper = xasprintf("%s    ", indent);
    if (child)
        append_execution(world, child, deeper, &text);
    return buffer_take(&text);
}

/* Names, attempts, outputs and final states of all task runs, sorted: what may not depend on order or faults. */
static void append_execution(World *world, const char *id, const char *indent, Buffer *text)
{
    Execution *execution = NULL;
    if (queue_load_execution(world->sender, id, &execution) != 0 || !execution) {
        buffer_printf(text, "%sgone\n", indent);
        return;
    }
    buffer_printf(text, "%s%s %s", indent, execution->flow_id, state_to_string(state_current(&execution->state)));
    append_outputs(text, execution->outputs);
    for (size_t i = 0; i < json_array_size(execution->labels); i++) {
        const json_t *label = json_array_get(execution->labels, i);
        if (!starts_with(json_get_text(label, "key", ""), "system."))
            buffer_printf(text, " %s=%s", json_get_text(label, "key", ""), json_get_text(label, "value", ""));
    }
    buffer_append_char(text, '\n');
    Lines lines = {};
    _cleanup_free_ char *deeper = xasprintf("%s  ", indent);
    for (size_t i = 0; i < execution->task_runs.count; i++)
        vec_push(&lines, line_of(world, execution->task_runs.items[i], deeper));
    join_lines(&lines, text);
    execution_free(execution);
}

/* Of all executions that people started, and how many there are of each flow in each state. */
static char *outcome_of(World *world)
{
    Lines lines = {};
    Buffer text = {};
    for (size_t i = 0; i < world->targets.count; i++) {
        Buffer one = {};
        append_execution(world, world->targets.items[i].id, "", &one);
        vec_push(&lines, buffer_take(&one));
    }
    join_lines(&lines, &text);
    for (size_t i = 0; i < world->scene->flows.count; i++)
        for (State state = 0; state < _STATE_MAX; state++) {
            unsigned count = books_executions(watch_books(world->watch), world->scene->flows.items[i]->id, state);
            if (count)
                buffer_printf(&text, "%u %s of %s\n", count, state_to_string(state), world->scene->flows.items[i]->id);
        }
    return buffer_take(&text);
}

static const char *check_ends(const World *world)
{
    const Scene *scene = world->scene;
    for (size_t i = 0; scene->ends.count && i < world->targets.count; i++) {
        bool found = world->targets.items[i].deleted;
        for (size_t k = 0; k < scene->ends.count; k++)
            found = found || scene->ends.items[k] == state_of(world, world->targets.items[i].id);
        if (!found)
            return "an execution came to a wrong end";
    }
    for (size_t i = 0; i < scene->counts.count; i++) {
        const SceneCount *count = &scene->counts.items[i];
        unsigned executions = books_executions(watch_books(world->watch), count->flow_id, -1);
        if (executions < count->minimum || executions > count->maximum)
            return "the number of executions is wrong";
    }
    return NULL;
}

/* The rule that was broken, or NULL. */
static const char *judge(const World *world)
{
    if (watch_fault(world->watch))
        return watch_fault(world->watch);
    if (queue_store_counts(world->store).poison)
        return "an event was set aside";
    return all_ended(world) ? check_ends(world) : "something waits for what will never come";
}

/* The outcome; NULL when a rule was broken (said on standard error). */
static char *run_world(uint64_t seed, const Scene *scene, bool disturbed, bool loud)
{
    World world = {.random = seed, .now = WORLD_BEGINNING, .scene = scene, .loud = loud};
    begin_world(&world);
    if (disturbed)
        run_disturbed(&world);
    run_calm(&world);
    char *outcome = outcome_of(&world);
    if (loud)
        fprintf(stderr, "%s\n", outcome);
    const char *fault = judge(&world);
    if (fault) {
        QueueStoreCounts counts = queue_store_counts(world.store);
        fprintf(stderr, "seed %" PRIu64 " of scene %s: %s; events %zu, jobs %zu, timers %zu\n%s", seed, scene->name,
                fault, counts.events, counts.jobs, counts.timers, outcome);
        free(outcome);
        outcome = NULL;
    }
    end_world(&world);
    return outcome;
}

/* --- the program --- */

typedef struct Played {
    Scene *scene;
    char *expected; /* of the undisturbed run; NULL: not yet played */
} Played;

static bool run_seed(uint64_t seed, Played *played, bool loud)
{
    const Scene *scene = played->scene;
    if (!played->expected)
        played->expected = run_world(0, scene, false, false);
    if (!played->expected)
        return false;
    _cleanup_free_ char *outcome = run_world(seed, scene, true, loud);
    if (!outcome || scene->ends.count || streq(outcome, played->expected))
        return outcome != NULL;
    fprintf(stderr, "seed %" PRIu64 " of scene %s: the final state depends on the order\n%sinstead of\n%s", seed,
            scene->name, outcome, played->expected);
    return false;
}

typedef struct Arguments {
    const char *scene; /* NULL: all */
    uint64_t first, count;
    bool loud, until_first;
} Arguments;

static Arguments read_arguments(int argc, char **argv)
{
    Arguments arguments = {.first = 1, .count = SEEDS_DEFAULT};
    for (int i = 1; i < argc; i++) {
        const char *name = argv[i], *value = i + 1 < argc ? argv[i + 1] : "";
        bool takes_value = !streq(name, "--first");
        if (streq(name, "--first"))
            arguments.until_first = true;
        else if (streq(name, "--scene"))
            arguments.scene = value;
        else if (streq(name, "--seed"))
            arguments = (Arguments){arguments.scene, strtoull(value, NULL, 10), 1, true, false};
        else if (streq(name, "--from"))
            arguments.first = strtoull(value, NULL, 10);
        else if (streq(name, "--seeds"))
            arguments.count = strtoull(value, NULL, 10);
        else
            world_die("usage: sim [--scene NAME] [--seed N | --from N --seeds N] [--first]");
        i += takes_value;
    }
    return arguments;
}

int main(int argc, char **argv)
{
    const Arguments arguments = read_arguments(argc, argv);
    _cleanup_free_ char *pattern = xasprintf(SIM_SCENES "/%s.scene", arguments.scene ? arguments.scene : "*");
    glob_t files;
    if (glob(pattern, 0, NULL, &files) != 0)
        world_die("there is no such scene");
    Played *played = xnew_n(Played, files.gl_pathc);
    for (size_t i = 0; i < files.gl_pathc; i++)
        played[i].scene = scene_load(files.gl_pathv[i]);
    unsigned failed = 0;
    uint64_t seed = arguments.first;
    for (; seed < arguments.first + arguments.count && !(arguments.until_first && failed); seed++)
        failed += !run_seed(seed, &played[seed % files.gl_pathc], arguments.loud);
    for (size_t i = 0; i < files.gl_pathc; i++) {
        scene_free(played[i].scene);
        free(played[i].expected);
    }
    free(played);
    globfree(&files);
    printf("%" PRIu64 " seeds, %u failed\n", seed - arguments.first, failed);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
