/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Workers run nothing: a job of a task named fail-… fails in its first attempt, bad-… always, warn-… ends as WARNING.
 * What a worker that was declared dead still says, wrongly, must not count.
 */
#include "sim/world.h"

#include "doc/json.h"

static void worker_join(SimWorker *worker)
{
    if (queue_join(worker->queue, "worker", "") != 0)
        world_die("a worker could not join");
}

static void birth_of_worker(World *world, unsigned i)
{
    SimWorker *worker = &world->workers[i];
    snprintf(worker->name, sizeof(worker->name), "worker %u", i);
    worker->queue = watch_queue(world->watch, worker->name);
    worker_join(worker);
}

static void drop_jobs(SimWorker *worker)
{
    for (size_t i = 0; i < worker->jobs.count; i++)
        queue_job_done(&worker->jobs.items[i].job);
    worker->jobs.count = 0;
}

void workers_die(World *world, unsigned which)
{
    watch_say(world->watch, world->workers[which].name, "dies");
    drop_jobs(&world->workers[which]);
    queue_free(world->workers[which].queue);
    birth_of_worker(world, which);
}

void workers_begin(World *world)
{
    for (unsigned i = 0; i < WORLD_WORKERS; i++)
        birth_of_worker(world, i);
}

void workers_end(World *world)
{
    for (unsigned i = 0; i < WORLD_WORKERS; i++) {
        drop_jobs(&world->workers[i]);
        vec_free(&world->workers[i].jobs);
        queue_free(world->workers[i].queue);
    }
    for (unsigned i = 0; i < world->echo_count; i++)
        json_decref(world->echoes[i].body);
}

/* --- what workers do --- */

/* Declared dead, or without an answer: it joins again. Some workers keep what they have begun, wrongly. */
static void worker_begins_anew(World *world, SimWorker *worker)
{
    if (world_chance(world) % 2)
        drop_jobs(worker);
    for (size_t i = 0; i < worker->jobs.count; i++)
        worker->jobs.items[i].lost = true;
    worker_join(worker);
}

static void take_job(SimWorker *worker, QueueJob job)
{
    for (size_t i = worker->jobs.count; i-- > 0;)
        if (worker->jobs.items[i].job.sequence == job.sequence) {
            queue_job_done(&worker->jobs.items[i].job);
            worker->jobs.items[i] = worker->jobs.items[--worker->jobs.count];
        }
    vec_push(&worker->jobs, (SimJob){.job = job});
}

/* Results that were refused; -1: nobody knows. */
static int worker_commit(World *world, SimWorker *worker, Unit *unit, unsigned jobs_max)
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
    if (json_get_boolean(job->body, "skipped", false)) /* as the worker does: job_start() */
        state = STATE_SKIPPED;
    instant_format_usec(world->now, date);
    json_t *body = json_pack("{s:s,s:i,s:i,s:s,s:s,s:s}", "taskRunId", job->task_run_id, "attempt", job->attempt,
                             "lost", job->lost, "state", state_to_string(state), "startDate", date, "endDate", date);
    if (state == STATE_SUCCESS || state == STATE_WARNING)
        json_object_set_new(body, "outputs",
                            json_pack("{s:s+}", "value", "of ", json_get_text(job->body, "taskId", "")));
    if (strstr(json_get_text(job->body, "taskId", ""), "_split")) /* of a ForEachItem: three pieces */
        json_object_set_new(
            body, "notes",
            json_pack("{s:{s:i,s:s,s:s}}", "splits", "count", 3, "prefix", "kestra:///t/", "suffix", ".csv"));
    return body;
}

static void remember_echo(World *world, const QueueJob *job, State state)
{
    unsigned i =
        world->echo_count < WORLD_ECHOES ? world->echo_count++ : (unsigned)(world_chance(world) % WORLD_ECHOES);
    json_decref(world->echoes[i].body);
    snprintf(world->echoes[i].execution_id, ID_BYTES, "%s", job->execution_id);
    world->echoes[i].body = result_of(world, job, state);
}

/* A duplicate past the queue's own fence, however late. */
void workers_echo(World *world)
{
    if (!world->echo_count)
        return;
    const SimEcho *old = &world->echoes[world_chance(world) % world->echo_count];
    _cleanup_(unit_freep) Unit *unit = unit_new();
    unit_send_event(unit, old->execution_id, "task_run", json_incref(old->body));
    watch_say(world->watch, "network", "repeats a result %s", json_get_text(old->body, "state", ""));
    world_commit(world, unit);
}

static void worker_finish(World *world, SimWorker *worker, SimJob *which, State state)
{
    SimJob job = *which;
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

static State state_of(const SimJob *which)
{
    const char *task = json_get_text(which->job.body, "taskId", "");
    if (which->lost || starts_with(task, "bad-") ||
        (starts_with(task, "fail-") && which->job.attempt == which->job.lost))
        return STATE_FAILED;
    return starts_with(task, "warn-") ? STATE_WARNING : STATE_SUCCESS;
}

static void worker_answer(World *world, SimWorker *worker)
{
    if (!worker->jobs.count)
        return;
    SimJob *which = &worker->jobs.items[world_chance(world) % worker->jobs.count];
    const QueueJob *job = &which->job;
    if (!which->lost && !job->killed &&
        world_chance(world) % 3 == 0) { /* it says that it runs, perhaps more than once */
        _cleanup_(unit_freep) Unit *unit = unit_new();
        unit_send_event(unit, job->execution_id, "task_run", result_of(world, job, STATE_RUNNING));
        remember_echo(world, job, STATE_RUNNING);
        (void)worker_commit(world, worker, unit, 0);
        return;
    }
    worker_finish(world, worker, which, job->killed ? STATE_KILLED : state_of(which));
}

static void worker_kill(World *world, SimWorker *worker)
{
    QueueSequences sequences = {};
    if (queue_jobs_to_kill(worker->queue, &sequences) != 0)
        world_die("a worker could not ask whom to kill");
    for (size_t i = 0; i < sequences.count; i++)
        for (size_t j = worker->jobs.count; j-- > 0;)
            if (j < worker->jobs.count && worker->jobs.items[j].job.sequence == sequences.items[i] &&
                !worker->jobs.items[j].lost)
                worker_finish(world, worker, &worker->jobs.items[j], STATE_KILLED);
    vec_free(&sequences);
}

static void worker_heartbeat(World *world, SimWorker *worker)
{
    QueueMembership membership;
    bool work;
    if (queue_heartbeat(worker->queue, &membership, &work) != 0)
        worker_begins_anew(world, worker);
    else
        worker_kill(world, worker);
}

void workers_do(World *world, unsigned which)
{
    SimWorker *worker = &world->workers[which];
    unsigned what = world_chance(world) % 3;
    if (worker->asleep_until > world->now)
        return;
    _cleanup_(unit_freep) Unit *unit = unit_new();
    if (what == 0)
        (void)worker_commit(world, worker, unit, 1 + world_chance(world) % 3);
    else if (what == 1)
        worker_answer(world, worker);
    else
        worker_heartbeat(world, worker);
}
