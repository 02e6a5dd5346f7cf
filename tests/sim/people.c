/* SPDX-License-Identifier: Apache-2.0 */
/*
 * People start executions and do to them what the API lets them do, at any moment. What they "need" is done once to
 * every execution to which it can be done, so that the outcome does not depend on whether it came to it.
 */
#include "sim/world.h"

#include "doc/json.h"
#include "model/operation.h"

#define IN(state) (UINT32_C(1) << STATE_##state)
#define AT_WORK   (IN(RUNNING) | IN(PAUSED) | IN(RETRYING) | IN(RESTARTED) | IN(QUEUED) | IN(CREATED) | IN(KILLING))
#define ENDED     (IN(SUCCESS) | IN(WARNING) | IN(FAILED) | IN(KILLED) | IN(CANCELLED) | IN(RETRIED) | IN(SKIPPED))

static void send(World *world, const char *id, const char *kind, json_t *body)
{
    _cleanup_(unit_freep) Unit *unit = unit_new();
    unit_send_event(unit, id, kind, body);
    world_commit(world, unit);
}

/* --- starting --- */

static SimTarget *add_target(World *world, const char *id)
{
    SimTarget target = {};
    snprintf(target.id, sizeof(target.id), "%s", id);
    vec_push(&world->targets, target);
    return &world->targets.items[world->targets.count - 1];
}

static void new_id(void *userdata, char ret_id[static ID_BYTES])
{
    uint64_t high = world_chance(userdata);
    id_from_bits(high, world_chance(userdata), ret_id);
}

void people_start(World *world)
{
    for (size_t i = 0; i < world->scene->start.count; i++) {
        const Flow *flow = scene_flow(world->scene, world->scene->start.items[i]);
        if (!flow)
            world_die("a scene starts a flow that it does not have");
        char id[ID_BYTES];
        new_id(world, id);
        Execution *execution = execution_new(id, flow->namespace, flow->id, flow->revision, world->now);
        if (scene_has_people(world->scene, "schedule"))
            execution->schedule_date = world->now + 20 * USEC_PER_SEC;
        _cleanup_(unit_freep) Unit *unit = unit_new();
        unit_create_execution(unit, execution, world->now);
        add_target(world, id);
        world_commit(world, unit);
        execution_free(execution);
    }
}

/* --- acts --- */

static void act_resume(World *world, SimTarget *target)
{
    books_resume(watch_books(world->watch), target->id);
    send(world, target->id, "resume", json_pack("{s:{s:s}}", "inputs", "why", "because"));
}

static void act_pause(World *world, SimTarget *target)
{
    send(world, target->id, "pause", json_object());
}

static void act_kill(World *world, SimTarget *target)
{
    send(world, target->id, "kill", json_pack("{s:b}", "cascade", 1));
}

/* All of them in one commit, as the bulk form does. */
static void act_kill_all(World *world, SimTarget *target)
{
    if (world->killed_all)
        return;
    world->killed_all = true;
    _cleanup_(unit_freep) Unit *unit = unit_new();
    for (size_t i = 0; i < world->targets.count; i++)
        unit_send_event(unit, world->targets.items[i].id, "kill", json_pack("{s:b}", "cascade", 1));
    world_commit(world, unit);
}

static void act_restart(World *world, SimTarget *target)
{
    books_reopen(watch_books(world->watch), target->id);
    send(world, target->id, "restart", json_object());
}

/* One of its children is restarted, whether it still waits for it or not. */
static void act_restart_child(World *world, SimTarget *target)
{
    const char *id = books_child(watch_books(world->watch), target->id, STATE_FAILED);
    if (!id)
        return;
    books_reopen(watch_books(world->watch), id);
    send(world, id, "restart", json_object());
}

static Execution *load(World *world, const char *id)
{
    Execution *execution = NULL;
    Flow *flow = NULL;
    if (queue_load_execution(world->sender, id, &execution) != 0 || !execution)
        world_die("an execution was lost");
    if (world_load_flow(world, execution->namespace, execution->flow_id, 1, &flow) == 0)
        execution_bind_flow(execution, flow);
    flow_unref(flow);
    return execution;
}

static void replay(World *world, SimTarget *target, bool from_somewhere)
{
    Execution *execution = load(world, target->id), *copy = NULL;
    const TaskRun *first = from_somewhere && execution->task_runs.count
                               ? execution->task_runs.items[world_chance(world) % execution->task_runs.count]
                               : NULL;
    const Operation operation = {.now = world->now, .new_id = new_id, .userdata = world};
    if (operation_replay(&operation, execution, execution->flow, first ? first->id : NULL, 0, &copy) != 0)
        world_die("an ended execution could not be replayed");
    _cleanup_(unit_freep) Unit *unit = unit_new();
    unit_create_execution(unit, copy, world->now);
    add_target(world, copy->id)->is_copy = true;
    world_commit(world, unit);
    execution_free(copy);
    execution_free(execution);
}

static void act_replay(World *world, SimTarget *target)
{
    replay(world, target, false);
}

static void act_replay_from(World *world, SimTarget *target)
{
    replay(world, target, true);
}

/* The first task run that FAILED itself counts as a success. */
static void act_mark(World *world, SimTarget *target)
{
    Execution *execution = load(world, target->id);
    const TaskRun *failed = NULL;
    for (size_t i = 0; !failed && i < execution->task_runs.count; i++)
        if (state_current(&execution->task_runs.items[i]->state) == STATE_FAILED &&
            !task_run_is_flowable(execution->task_runs.items[i]))
            failed = execution->task_runs.items[i];
    books_reopen(watch_books(world->watch), target->id);
    if (failed)
        send(world, target->id, "mark-as", json_pack("{s:s,s:s}", "taskRunId", failed->id, "state", "SUCCESS"));
    execution_free(execution);
}

static void act_change_status(World *world, SimTarget *target)
{
    books_reopen(watch_books(world->watch), target->id);
    send(world, target->id, "change-status", json_pack("{s:s}", "state", "WARNING"));
}

static void act_force(World *world, SimTarget *target)
{
    books_force(watch_books(world->watch), target->id);
    send(world, target->id, "force-run", json_object());
}

static void act_unqueue(World *world, SimTarget *target)
{
    books_force(watch_books(world->watch), target->id);
    send(world, target->id, "unqueue", json_object());
}

static void act_label(World *world, SimTarget *target)
{
    send(world, target->id, "labels", json_pack("{s:[{s:s,s:s}]}", "labels", "key", "by", "value", "people"));
}

static void act_follow(World *world, SimTarget *target)
{
    send(world, target->id, "follow", json_pack("{s:s}", "instance", "none"));
}

static void act_delete(World *world, SimTarget *target)
{
    target->deleted = true;
    send(world, target->id, "delete", json_pack("{s:b,s:b}", "logs", 1, "metrics", 1));
}

/* rare: one time in so many that it could be done, while there are disturbances. needed: to each, in the end. */
static const struct {
    const char *name;
    uint32_t states;
    void (*act)(World *world, SimTarget *target);
    unsigned rare;
    bool needed, again, often; /* again: whenever it can be done; often: always, where it finds something to do */
} acts[] = {
    {"resume", IN(PAUSED), act_resume, .needed = true, .again = true},
    {"pause", IN(RUNNING), act_pause, .rare = 4},
    {"kill", AT_WORK, act_kill, .rare = 20},
    {"kill-all", AT_WORK, act_kill_all, .rare = 60},
    {"restart", IN(FAILED), act_restart, .needed = true},
    {"restart-child", AT_WORK | ENDED, act_restart_child, .rare = 1, .often = true},
    {"replay", ENDED, act_replay, .needed = true},
    {"replay-from", ENDED, act_replay_from, .needed = true},
    {"mark", IN(FAILED), act_mark, .needed = true},
    {"change-status", ENDED, act_change_status, .needed = true},
    {"force", IN(QUEUED) | IN(CREATED), act_force, .rare = 4},
    {"unqueue", IN(QUEUED), act_unqueue, .rare = 4},
    {"label", AT_WORK | ENDED, act_label, .needed = true},
    {"follow", AT_WORK | ENDED, act_follow, .rare = 4},
    {"delete", AT_WORK | ENDED, act_delete, .rare = 20},
};

static const json_t *shown(const World *world, const SimTarget *target)
{
    return queue_store_execution(world->store, target->id);
}

/* Whether this can be done to it, and was not. */
static bool is_open(const World *world, const SimTarget *target, size_t act)
{
    const json_t *body = shown(world, target);
    State state = state_from_string(json_string_value(json_at(body, "state.current")));
    if (target->deleted || !body || state < 0 || !(acts[act].states & (UINT32_C(1) << state)))
        return false;
    if (acts[act].again) /* one of two pauses ended, and only the other holds it now */
        return target->entries != json_array_size(json_at(body, "state.histories")) ||
               !queue_store_is_expected(world->store, target->id);
    if (acts[act].often)
        return true;
    return !(target->done & (UINT32_C(1) << act)) && !(target->is_copy && starts_with(acts[act].name, "replay"));
}

/* The row of one of the scene's words; it has some. */
static size_t choose_act(World *world)
{
    const char *name = world->scene->people.items[world_chance(world) % world->scene->people.count];
    for (size_t act = 0; act < ELEMENTS(acts); act++)
        if (streq(acts[act].name, name))
            return act;
    return ELEMENTS(acts); /* "schedule": done at the start */
}

void people_do(World *world, bool calm)
{
    if (!world->scene->people.count)
        return;
    SimTarget *target = &world->targets.items[world_chance(world) % world->targets.count];
    size_t act = choose_act(world);
    if (act == ELEMENTS(acts) || !is_open(world, target, act))
        return;
    if (!acts[act].needed && ((calm && !acts[act].often) || world_chance(world) % acts[act].rare))
        return;
    target->done |= UINT32_C(1) << act;
    if (acts[act].again)
        target->entries = json_array_size(json_at(shown(world, target), "state.histories"));
    acts[act].act(world, target);
}

bool people_are_done(const World *world)
{
    for (size_t act = 0; act < ELEMENTS(acts); act++)
        for (size_t i = 0; i < world->targets.count; i++)
            if (acts[act].needed && scene_has_people(world->scene, acts[act].name) &&
                is_open(world, &world->targets.items[i], act))
                return false;
    return true;
}
