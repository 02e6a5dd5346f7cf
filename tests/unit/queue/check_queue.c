/* SPDX-License-Identifier: Apache-2.0 */
/* The contract of queue.h; every case runs on both backends (loop index 0: memory, 1: PostgreSQL). */
#include <check.h>

#include "cluster.h"
#include "queue_fixture.h"

#define LEASE (9 * USEC_PER_SEC)

static const Backend *const backends[] = {&backend_mem, &backend_pg};
static const Backend *backend;
static Queue *web, *executor, *worker;
static Unit *unit;

/* The roles that most cases need; web has not joined. */
static void begin(int which)
{
    backend = backends[which];
    backend->open(LEASE);
    web = backend->queue();
    executor = backend->queue();
    worker = backend->queue();
    fixture_join(executor, "executor", "/e");
    fixture_join(worker, "worker", "/w");
    unit = unit_new();
}

static void end(void)
{
    unit = unit_free(unit);
    backend->close();
}

static const QueueFetch fetch_events = {.events_max = 100};
static const QueueFetch fetch_jobs = {.jobs_max = 10, .worker_group = ""};

static void create(const char *id)
{
    _cleanup_(execution_freep) Execution *execution = fixture_execution(id);
    unit_create_execution(unit, execution, TEST_NOW);
    fixture_commit(web, unit, NULL, NULL);
}

static void dispatch(const char *task_run_id)
{
    unit_dispatch_job(unit, "", "execution", task_run_id, 0, fixture_body("{\"task\":\"t\"}"));
    fixture_commit(executor, unit, NULL, NULL);
}

START_TEST(an_execution_comes_with_its_event)
{
    begin(_i);
    create("one");
    ck_assert_uint_eq(backend->counts().executions, 1);
    bool work;
    fixture_heartbeat(executor, &work);
    ck_assert(work);
    _cleanup_(queue_batch_done) QueueBatch batch;
    fixture_commit(executor, NULL, &fetch_events, &batch);
    ck_assert_uint_eq(batch.events.count, 1);
    ck_assert_str_eq(batch.events.items[0].key, "one");
    ck_assert_str_eq(batch.events.items[0].kind, "created");
    ck_assert_uint_eq(batch.events.items[0].shard, shard_of("one"));
    const json_t *execution = json_object_get(batch.events.items[0].body, "execution");
    ck_assert_str_eq(json_get_text(execution, "id", ""), "one");
    unit_ack_event(unit, batch.events.items[0].sequence);
    fixture_commit(executor, unit, NULL, NULL);
    ck_assert_uint_eq(backend->counts().events, 0);
    fixture_heartbeat(executor, &work);
    ck_assert(!work);
    end();
}
END_TEST

START_TEST(a_fetch_is_bounded_by_bytes)
{
    enum { LARGE = UNIT_BYTES_MAX / 2 };
    begin(_i);
    _cleanup_free_ char *text = xmalloc(LARGE + 1);
    memset(text, 'x', LARGE);
    text[LARGE] = 0;
    for (int i = 0; i < 3; i++) {
        char id[] = {'j', (char)('0' + i), 0};
        unit_dispatch_job(unit, "", "execution", id, 0, json_pack("{s:s}", "text", text));
        unit_send_event(unit, "execution", "kill", json_pack("{s:s}", "text", text));
    }
    ck_assert_uint_ge(unit_bytes(unit), 6 * LARGE);
    fixture_commit(executor, unit, NULL, NULL);
    ck_assert_uint_lt(unit_bytes(unit), LARGE);
    bool work;
    fixture_heartbeat(executor, &work);
    _cleanup_(queue_batch_done) QueueBatch events, first, second;
    fixture_commit(executor, NULL, &fetch_events, &events);
    ck_assert_uint_eq(events.events.count, 2);
    ck_assert_uint_gt(events.events.items[0].bytes, LARGE);
    fixture_commit(worker, NULL, &fetch_jobs, &first);
    ck_assert_uint_eq(first.jobs.count, 2);
    ck_assert(first.cut);
    fixture_commit(worker, NULL, &fetch_jobs, &second);
    ck_assert_uint_eq(second.jobs.count, 1);
    ck_assert(!second.cut);
    end();
}
END_TEST

START_TEST(creating_twice_is_harmless)
{
    begin(_i);
    create("one");
    create("one");
    ck_assert_uint_eq(backend->counts().executions, 1);
    ck_assert_uint_eq(backend->counts().events, 1);
    end();
}
END_TEST

START_TEST(a_replay_is_loaded_with_its_task_runs)
{
    begin(_i);
    Execution *execution = fixture_execution("replayed");
    execution_add_task_run(execution, "r0", "first", NULL, NULL, NULL, TEST_NOW);
    execution_add_task_run(execution, "r1", "second", NULL, execution->task_runs.items[0], "v", TEST_NOW);
    execution->internal = fixture_body("{\"note\":1}");
    unit_create_execution(unit, execution, TEST_NOW);
    execution_free(execution);
    fixture_commit(web, unit, NULL, NULL);
    _cleanup_(queue_batch_done) QueueBatch batch;
    fixture_commit(executor, NULL, &fetch_events, &batch);
    ck_assert_uint_eq(json_object_size(batch.events.items[0].body), 0);
    _cleanup_(execution_freep) Execution *loaded = NULL;
    ck_assert_int_eq(queue_load_execution(executor, "replayed", &loaded), 0);
    ck_assert_uint_eq(loaded->task_runs.count, 2);
    ck_assert_str_eq(loaded->task_runs.items[1]->task_id, "second");
    ck_assert_uint_eq(loaded->task_runs.items[1]->position, 1);
    ck_assert_ptr_eq(loaded->task_runs.items[1]->parent, loaded->task_runs.items[0]);
    ck_assert_int_eq(json_get_integer(loaded->internal, "note", 0), 1);
    Execution *none = NULL;
    ck_assert_int_eq(queue_load_execution(executor, "absent", &none), 0);
    ck_assert_ptr_null(none);
    end();
}
END_TEST

START_TEST(events_of_one_key_keep_their_order)
{
    begin(_i);
    for (int i = 0; i < 20; i++) {
        unit_send_event(unit, "k", "number", json_pack("{s:i}", "i", i));
        if (i % 5 == 4)
            fixture_commit(web, unit, NULL, NULL);
    }
    _cleanup_(queue_batch_done) QueueBatch batch;
    fixture_commit(executor, NULL, &fetch_events, &batch);
    ck_assert_uint_eq(batch.events.count, 20);
    for (int i = 0; i < 20; i++)
        ck_assert_int_eq(json_get_integer(batch.events.items[i].body, "i", -1), i);
    end();
}
END_TEST

START_TEST(an_ack_and_a_fetch_in_one_commit)
{
    begin(_i);
    create("one");
    create("two");
    _cleanup_(queue_batch_done) QueueBatch first, second;
    fixture_commit(executor, NULL, &(QueueFetch){.events_max = 1}, &first);
    ck_assert_uint_eq(first.events.count, 1);
    unit_ack_event(unit, first.events.items[0].sequence);
    unit_send_event(unit, "one", "own", NULL);
    fixture_commit(executor, unit, &fetch_events, &second);
    ck_assert_uint_eq(second.events.count, 2); /* the other one, and what was just sent */
    ck_assert_str_eq(second.events.items[1].kind, "own");
    end();
}
END_TEST

START_TEST(state_is_replaced_and_removed)
{
    begin(_i);
    create("one");
    Execution *execution = fixture_execution("one");
    TaskRun *a = execution_add_task_run(execution, "a", "ta", NULL, NULL, NULL, TEST_NOW);
    TaskRun *b = execution_add_task_run(execution, "b", "tb", NULL, NULL, NULL, TEST_NOW);
    state_set(&execution->state, STATE_RUNNING, TEST_NOW + 1000);
    unit_save_execution(unit, execution, TEST_NOW);
    unit_save_task_run(unit, execution, a, TEST_NOW);
    unit_save_task_run(unit, execution, b, TEST_NOW);
    state_set(&a->state, STATE_SUCCESS, TEST_NOW + 2000);
    a->internal = fixture_body("{\"x\":[1]}");
    unit_save_task_run(unit, execution, a, TEST_NOW);
    unit_remove_task_run(unit, "one", "b");
    fixture_commit(executor, unit, NULL, NULL);
    _cleanup_(execution_freep) Execution *loaded = NULL;
    ck_assert_int_eq(queue_load_execution(executor, "one", &loaded), 0);
    ck_assert_int_eq(state_current(&loaded->state), STATE_RUNNING);
    ck_assert_uint_eq(loaded->task_runs.count, 1);
    ck_assert_int_eq(state_current(&loaded->task_runs.items[0]->state), STATE_SUCCESS);
    ck_assert_uint_eq(json_array_size(json_object_get(loaded->task_runs.items[0]->internal, "x")), 1);
    execution_free(execution);
    end();
}
END_TEST

START_TEST(a_deleted_execution_stays_deleted)
{
    begin(_i);
    create("one");
    Execution *execution = fixture_execution("one");
    TaskRun *run = execution_add_task_run(execution, "a", "ta", NULL, NULL, NULL, TEST_NOW);
    unit_save_task_run(unit, execution, run, TEST_NOW);
    unit_dispatch_job(unit, "", "one", "a", 0, json_object());
    unit_set_timer(unit, "one", "timeout", TEST_NOW, NULL);
    unit_log(unit, &(LogEntry){
                       .namespace = "n", .flow_id = "f", .execution_id = "one", .timestamp = TEST_NOW, .message = "m"});
    fixture_commit(executor, unit, NULL, NULL);
    unit_delete_execution(unit, "one", true, true);
    fixture_commit(executor, unit, NULL, NULL);
    unit_save_execution(unit, execution, TEST_NOW);
    fixture_commit(executor, unit, NULL, NULL);
    QueueStoreCounts counts = backend->counts();
    ck_assert_uint_eq(counts.executions + counts.task_runs + counts.jobs + counts.timers + counts.events, 0);
    execution_free(execution);
    end();
}
END_TEST

START_TEST(a_job_is_claimed_once)
{
    begin(_i);
    Queue *other = backend->queue();
    fixture_join(other, "worker", "/w2");
    for (int i = 0; i < 7; i++)
        dispatch("r");
    _cleanup_(queue_batch_done) QueueBatch first, second, wrong;
    fixture_commit(worker, NULL, &(QueueFetch){.jobs_max = 5, .worker_group = ""}, &first);
    fixture_commit(other, NULL, &fetch_jobs, &second);
    fixture_commit(other, NULL, &(QueueFetch){.jobs_max = 5, .worker_group = "gpu"}, &wrong);
    ck_assert_uint_eq(first.jobs.count, 5);
    ck_assert_uint_eq(second.jobs.count, 2);
    ck_assert_uint_eq(wrong.jobs.count, 0);
    ck_assert_int_gt(second.jobs.items[0].sequence, first.jobs.items[4].sequence);
    ck_assert_str_eq(json_get_text(first.jobs.items[0].body, "task", ""), "t");
    end();
}
END_TEST

static void dispatch_line(const char *execution_id, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        _cleanup_free_ char *run = xasprintf("%s%u", execution_id, i);
        unit_dispatch_job(unit, "", execution_id, run, 0, json_object());
        unit_job_stands_behind(unit, i);
    }
    fixture_commit(executor, unit, NULL, NULL);
}

static void check_claims(unsigned max, const char *expected)
{
    _cleanup_buffer_ Buffer text = {};
    _cleanup_(queue_batch_done) QueueBatch batch;
    fixture_commit(worker, NULL, &(QueueFetch){.jobs_max = max, .worker_group = ""}, &batch);
    for (size_t i = 0; i < batch.jobs.count; i++)
        buffer_printf(&text, "%s ", batch.jobs.items[i].task_run_id);
    ck_assert_str_eq(buffer_text(&text), expected);
}

START_TEST(each_execution_gets_its_turn)
{
    begin(_i);
    dispatch_line("a", 6);
    dispatch_line("b", 1);
    dispatch_line("c", 2);
    check_claims(4, "a0 b0 c0 a1 ");
    dispatch_line("d", 2); /* comes in the round that is going on, not in an earlier one */
    check_claims(3, "c1 d0 a2 ");
    check_claims(10, "d1 a3 a4 a5 ");
    dispatch_line("e", 2); /* nothing is in line: it begins anew */
    dispatch_line("f", 1);
    check_claims(10, "e0 f0 e1 ");
    end();
}
END_TEST

START_TEST(kills_of_a_tree_come_first)
{
    begin(_i);
    for (int i = 0; i < 30; i++)
        unit_send_event(unit, "one", "labels", NULL);
    for (int i = 0; i < 25; i++)
        unit_send_event(unit, "one", "kill-tree", NULL);
    fixture_commit(web, unit, NULL, NULL);
    _cleanup_(queue_batch_done) QueueBatch batch;
    fixture_commit(executor, NULL, &(QueueFetch){.events_max = 20}, &batch);
    ck_assert_uint_eq(batch.events.count, 22); /* and the others keep a tenth */
    for (size_t i = 0; i < batch.events.count; i++)
        ck_assert_str_eq(batch.events.items[i].kind, i < 20 ? "kill-tree" : "labels");
    ck_assert_int_lt(batch.events.items[0].sequence, batch.events.items[1].sequence);
    ck_assert_int_lt(batch.events.items[20].sequence, batch.events.items[0].sequence);
    end();
}
END_TEST

START_TEST(a_result_becomes_an_event)
{
    begin(_i);
    dispatch("r");
    _cleanup_(queue_batch_done) QueueBatch jobs, refused, events;
    fixture_commit(worker, NULL, &fetch_jobs, &jobs);
    int64_t sequence = jobs.jobs.items[0].sequence;
    unit_finish_job(unit, sequence, "execution", "task_run", fixture_body("{\"state\":\"SUCCESS\"}"));
    fixture_commit(worker, unit, NULL, NULL);
    unit_finish_job(unit, sequence, "execution", "task_run", fixture_body("{\"state\":\"FAILED\"}"));
    fixture_commit(worker, unit, NULL, &refused);
    ck_assert_uint_eq(refused.refused, 1);
    fixture_commit(executor, NULL, &fetch_events, &events);
    ck_assert_uint_eq(events.events.count, 1);
    ck_assert_str_eq(json_get_text(events.events.items[0].body, "state", ""), "SUCCESS");
    ck_assert_uint_eq(backend->counts().jobs, 0);
    end();
}
END_TEST

START_TEST(the_late_result_of_a_dead_worker_is_refused)
{
    begin(_i);
    Queue *other = backend->queue();
    fixture_join(other, "worker", "/w2");
    dispatch("r");
    _cleanup_(queue_batch_done) QueueBatch first, second, events;
    fixture_commit(worker, NULL, &fetch_jobs, &first);
    int64_t sequence = first.jobs.items[0].sequence;
    for (int i = 0; i < 5; i++) { /* the others live on, the worker is silent */
        backend->pass(LEASE / 3);
        fixture_heartbeat(other, NULL);
        fixture_heartbeat(executor, NULL);
    }
    bool work;
    fixture_heartbeat(other, &work);
    ck_assert(work);
    fixture_commit(other, NULL, &fetch_jobs, &second);
    ck_assert_uint_eq(second.jobs.count, 1);
    ck_assert_int_eq(second.jobs.items[0].sequence, sequence);
    ck_assert_int_eq(first.jobs.items[0].lost, 0);
    ck_assert_int_eq(second.jobs.items[0].lost, 1);
    ck_assert_int_eq(second.jobs.items[0].attempt, first.jobs.items[0].attempt + 1);
    unit_finish_job(unit, sequence, "execution", "task_run", fixture_body("{\"from\":\"late\"}"));
    ck_assert_int_eq(queue_commit(worker, unit, NULL, NULL), QUEUE_E_FENCED);
    ck_assert_str_eq(queue_instance_id(worker), "");
    fixture_join(worker, "worker", "/w");
    _cleanup_(queue_batch_done) QueueBatch again;
    fixture_commit(worker, unit, NULL, &again); /* alive again, but the job is not its own any more */
    ck_assert_uint_eq(again.refused, 1);
    unit_finish_job(unit, sequence, "execution", "task_run", fixture_body("{\"from\":\"second\"}"));
    fixture_commit(other, unit, NULL, NULL);
    fixture_commit(executor, NULL, &fetch_events, &events);
    ck_assert_uint_eq(events.events.count, 1);
    ck_assert_str_eq(json_get_text(events.events.items[0].body, "from", ""), "second");
    end();
}
END_TEST

START_TEST(after_an_outage_of_everybody_nobody_dies)
{
    begin(_i);
    dispatch("r");
    _cleanup_(queue_batch_done) QueueBatch jobs, events;
    fixture_commit(worker, NULL, &fetch_jobs, &jobs);
    backend->pass(20 * LEASE);
    QueueMembership membership = fixture_heartbeat(executor, NULL);
    ck_assert(!membership.jobs_released);
    ck_assert_uint_eq(membership.lost, 0);
    unit_finish_job(unit, jobs.jobs.items[0].sequence, "execution", "task_run", json_object());
    fixture_commit(worker, unit, NULL, NULL);
    fixture_commit(executor, NULL, &fetch_events, &events);
    ck_assert_uint_eq(events.events.count, 1);
    end();
}
END_TEST

START_TEST(shards_are_shared_taken_over_and_fenced)
{
    begin(_i);
    QueueMembership alone = fixture_heartbeat(executor, NULL);
    ck_assert_uint_eq(alone.shards, UINT64_MAX);
    Queue *other = backend->queue();
    QueueMembership first = fixture_join(other, "executor", "/e2");
    ck_assert_uint_eq(first.shards, 0); /* nothing is free yet */
    QueueMembership given = fixture_heartbeat(executor, NULL);
    ck_assert_int_eq(__builtin_popcountll(given.lost), 32);
    QueueMembership taken = fixture_heartbeat(other, NULL);
    ck_assert_uint_eq(taken.gained, given.lost);
    ck_assert_uint_eq(given.shards & taken.shards, 0);
    ck_assert_uint_eq(given.shards | taken.shards, UINT64_MAX);

    char mine[ID_BYTES], theirs[ID_BYTES];
    fixture_id_in_shard((unsigned)__builtin_ctzll(given.shards), mine);
    fixture_id_in_shard((unsigned)__builtin_ctzll(taken.shards), theirs);
    create(mine);
    create(theirs);
    _cleanup_(queue_batch_done) QueueBatch batch, all;
    fixture_commit(executor, NULL, &fetch_events, &batch);
    ck_assert_uint_eq(batch.events.count, 1);
    ck_assert_str_eq(batch.events.items[0].key, mine);
    unit_ack_event(unit, batch.events.items[0].sequence);

    for (int i = 0; i < 5; i++) { /* the first one stalls */
        backend->pass(LEASE / 3);
        fixture_heartbeat(other, NULL);
    }
    ck_assert_uint_eq(fixture_heartbeat(other, NULL).shards, UINT64_MAX);
    ck_assert_int_eq(queue_commit(executor, unit, NULL, NULL), QUEUE_E_FENCED); /* and wakes up too late */
    ck_assert_uint_eq(backend->counts().events, 2);
    fixture_commit(other, NULL, &fetch_events, &all);
    ck_assert_uint_eq(all.events.count, 2);
    end();
}
END_TEST

START_TEST(state_of_a_foreign_shard_is_not_written)
{
    begin(_i);
    Queue *other = backend->queue();
    fixture_join(other, "executor", "/e2");
    QueueMembership given = fixture_heartbeat(executor, NULL);
    char foreign[ID_BYTES];
    fixture_id_in_shard((unsigned)__builtin_ctzll(given.lost), foreign);
    create(foreign);
    _cleanup_(execution_freep) Execution *execution = fixture_execution(foreign);
    unit_save_execution(unit, execution, TEST_NOW);
    ck_assert_int_eq(queue_commit(executor, unit, NULL, NULL), QUEUE_E_FENCED);
    end();
}
END_TEST

START_TEST(a_restarted_process_replaces_its_former_self)
{
    begin(_i);
    dispatch("r");
    _cleanup_(queue_batch_done) QueueBatch jobs, again;
    fixture_commit(worker, NULL, &fetch_jobs, &jobs);
    Queue *restarted = backend->queue(), *restarted_worker = backend->queue();
    ck_assert_uint_eq(fixture_join(restarted, "executor", "/e").shards, UINT64_MAX);
    fixture_join(restarted_worker, "worker", "/w");
    fixture_commit(restarted_worker, NULL, &fetch_jobs, &again);
    ck_assert_uint_eq(again.jobs.count, 1);
    QueueMembership membership;
    bool work;
    ck_assert_int_eq(queue_heartbeat(executor, &membership, &work), QUEUE_E_FENCED);
    end();
}
END_TEST

/* An executor that dies in the step of `key`, or (NULL) of who knows what, and starts again; how often that was
 * counted. */
static unsigned die(const char *key)
{
    unsigned deaths = 0;
    if (key)
        ck_assert_int_eq(queue_try(executor, key, &deaths), 0);
    executor = backend->queue();
    ck_assert_uint_eq(fixture_join(executor, "executor", "/e").suspects, UINT64_MAX);
    return deaths;
}

START_TEST(deaths_over_a_key_are_counted)
{
    begin(_i);
    unsigned deaths = 7;
    ck_assert_uint_eq(fixture_heartbeat(executor, NULL).suspects, 0);
    ck_assert_uint_eq(die(NULL), 0);
    ck_assert_uint_eq(die("bad"), 0);
    ck_assert_int_eq(queue_try(executor, "good", &deaths), 0);
    ck_assert_uint_eq(deaths, 0);
    unit_send_event(unit, "k", "x", NULL);
    fixture_commit(executor, unit, NULL, NULL); /* what was tried is done */
    ck_assert_uint_eq(die(NULL), 0);
    ck_assert_int_eq(queue_try(executor, "good", &deaths), 0);
    ck_assert_uint_eq(deaths, 0);
    ck_assert_uint_eq(die("bad"), 1);
    ck_assert_int_eq(queue_try(executor, "bad", &deaths), 0);
    ck_assert_uint_eq(deaths, 2);
    ck_assert_int_eq(queue_trust(executor), 0);
    ck_assert_uint_eq(fixture_heartbeat(executor, NULL).suspects, 0);
    ck_assert_int_eq(queue_try(executor, "bad", &deaths), 0);
    ck_assert_uint_eq(deaths, 0);
    ck_assert_int_eq(queue_leave(executor), 0);
    ck_assert_uint_eq(fixture_join(executor, "executor", "/e").suspects, 0);
    end();
}
END_TEST

START_TEST(who_leaves_gives_back_at_once)
{
    begin(_i);
    dispatch("r");
    _cleanup_(queue_batch_done) QueueBatch jobs, again;
    fixture_commit(worker, NULL, &fetch_jobs, &jobs);
    Queue *other = backend->queue(), *other_worker = backend->queue();
    fixture_join(other, "executor", "/e2");
    fixture_join(other_worker, "worker", "/w2");
    ck_assert_int_eq(queue_leave(executor), 0);
    ck_assert_int_eq(queue_leave(worker), 0);
    ck_assert_uint_eq(fixture_heartbeat(other, NULL).shards, UINT64_MAX);
    fixture_commit(other_worker, NULL, &fetch_jobs, &again);
    ck_assert_uint_eq(again.jobs.count, 1);
    ck_assert_int_eq(queue_commit(executor, NULL, &fetch_events, NULL), QUEUE_E_FENCED);
    end();
}
END_TEST

/* Ids have up to 22 characters, and one in eight has fewer: among 64 there are shorter ones. */
START_TEST(a_program_that_takes_over_is_the_same_instance)
{
    begin(_i);
    Queue *after = backend->queue();
    for (unsigned i = 0; i < 64; i++) {
        fixture_join(worker, "worker", "/w");
        _cleanup_json_ json_t *state = queue_hand_over(worker);
        ck_assert_int_eq(queue_take_over(after, "worker", state), 0);
        ck_assert_str_eq(queue_instance_id(after), queue_instance_id(worker));
        fixture_heartbeat(after, NULL);
    }
    _cleanup_json_ json_t *wrong = json_pack("{s:s}", "id", "");
    ck_assert_int_eq(queue_take_over(after, "worker", wrong), QUEUE_E_INVALID);
    end();
}
END_TEST

START_TEST(jobs_are_killed_and_cancelled)
{
    begin(_i);
    dispatch("killed");
    dispatch("cancelled");
    dispatch("kept");
    _cleanup_(queue_batch_done) QueueBatch jobs, late, waiting;
    fixture_commit(worker, NULL, &fetch_jobs, &jobs);
    ck_assert_uint_eq(jobs.jobs.count, 3);
    QueueSequences sequences;
    ck_assert_int_eq(queue_jobs_to_kill(worker, &sequences), 0);
    ck_assert_uint_eq(sequences.count, 0);
    unit_kill_job(unit, "killed");
    unit_cancel_job(unit, "cancelled");
    fixture_commit(executor, unit, NULL, NULL);
    bool work;
    fixture_heartbeat(worker, &work);
    ck_assert(work);
    ck_assert_int_eq(queue_jobs_to_kill(worker, &sequences), 0);
    ck_assert_uint_eq(sequences.count, 2);
    vec_free(&sequences);
    unit_finish_job(unit, jobs.jobs.items[1].sequence, "execution", "task_run", json_object());
    fixture_commit(worker, unit, NULL, &late);
    ck_assert_uint_eq(late.refused, 1);
    unit_finish_job(unit, jobs.jobs.items[0].sequence, "execution", "task_run", json_object());
    fixture_commit(worker, unit, NULL, NULL);
    ck_assert_int_eq(queue_jobs_to_kill(worker, &sequences), 0);
    ck_assert_uint_eq(sequences.count, 0);

    dispatch("killed before it was claimed");
    unit_kill_job(unit, "killed before it was claimed");
    unit_dispatch_job(unit, "", "execution", "within the unit", 1, json_object());
    unit_kill_job(unit, "within the unit");
    unit_dispatch_job(unit, "", "execution", "never", 1, json_object());
    unit_cancel_job(unit, "never");
    fixture_commit(executor, unit, NULL, NULL);
    fixture_commit(worker, NULL, &fetch_jobs, &waiting);
    ck_assert_uint_eq(waiting.jobs.count, 2);
    ck_assert(waiting.jobs.items[0].killed && waiting.jobs.items[1].killed);
    ck_assert_int_eq(waiting.jobs.items[1].attempt, 1);
    end();
}
END_TEST

START_TEST(poison_is_set_aside)
{
    begin(_i);
    unit_send_event(unit, "k", "bad", json_array());
    fixture_commit(web, unit, NULL, NULL);
    _cleanup_(queue_batch_done) QueueBatch batch;
    fixture_commit(executor, NULL, &fetch_events, &batch);
    ck_assert_ptr_null(batch.events.items[0].body);
    ck_assert_ptr_nonnull(batch.events.items[0].reason);
    unit_set_aside(unit, "poison1", batch.events.items[0].sequence, batch.events.items[0].reason);
    fixture_commit(executor, unit, NULL, NULL);
    ck_assert_uint_eq(backend->counts().events, 0);
    ck_assert_uint_eq(backend->counts().poison, 1);
    end();
}
END_TEST

START_TEST(jobs_and_timers_are_set_aside)
{
    begin(_i);
    unit_dispatch_job(unit, "", "e", "run1", 0, json_array());
    unit_dispatch_job(unit, "", "e", "run2", 0, json_array());
    unit_set_timer(unit, "k", "late", TEST_NOW, NULL);
    fixture_commit(executor, unit, NULL, NULL);
    _cleanup_(queue_batch_done) QueueBatch batch, again;
    fixture_commit(worker, NULL, &fetch_jobs, &batch);
    ck_assert_uint_eq(batch.jobs.count, 2);
    ck_assert(!batch.jobs.items[0].body && batch.jobs.items[0].reason);
    unit_set_aside_job(unit, "poison1", batch.jobs.items[0].sequence, "reason");
    unit_set_aside_job(unit, "poison2", batch.jobs.items[1].sequence, "reason");
    fixture_commit(worker, unit, NULL, NULL);
    unit_set_aside_timer(unit, "poison3", "k", "late", "reason");
    unit_set_aside_timer(unit, "poison4", "k", "absent", "reason");
    fixture_commit(executor, unit, NULL, NULL);
    ck_assert(backend->counts().jobs == 0 && backend->counts().timers == 0);
    ck_assert_uint_eq(backend->counts().poison, 3);
    unit_kill_job(unit, "run1");
    unit_cancel_job(unit, "run2");
    fixture_commit(executor, unit, NULL, NULL);
    ck_assert_uint_eq(backend->counts().poison, 1);
    fixture_commit(worker, NULL, &fetch_jobs, &again);
    ck_assert(again.jobs.count == 1 && again.jobs.items[0].killed && streq(again.jobs.items[0].task_run_id, "run1"));
    end();
}
END_TEST

START_TEST(timers_belong_to_shards)
{
    begin(_i);
    unit_set_timer(unit, "k", "late", TEST_NOW, NULL);
    unit_set_timer(unit, "k", "late", TEST_NOW + 5, fixture_body("{\"n\":2}"));
    unit_set_timer(unit, "k", "gone", TEST_NOW, NULL);
    fixture_commit(executor, unit, NULL, NULL);
    unit_clear_timer(unit, "k", "gone");
    fixture_commit(executor, unit, NULL, NULL);
    QueueTimers timers;
    ck_assert_int_eq(queue_load_timers(executor, UINT64_C(1) << shard_of("k"), &timers), 0);
    ck_assert_uint_eq(timers.count, 1);
    ck_assert_str_eq(timers.items[0].name, "late");
    ck_assert_uint_eq(timers.items[0].date, TEST_NOW + 5);
    ck_assert_int_eq(json_get_integer(timers.items[0].body, "n", 0), 2);
    queue_timer_done(&timers.items[0]);
    vec_free(&timers);
    ck_assert_int_eq(queue_load_timers(executor, ~(UINT64_C(1) << shard_of("k")), &timers), 0);
    ck_assert_uint_eq(timers.count, 0);
    end();
}
END_TEST

START_TEST(logs_metrics_and_triggers_are_kept)
{
    begin(_i);
    unit_log(unit,
             &(LogEntry){.namespace = "n", .flow_id = "f", .timestamp = TEST_NOW, .attempt = -1, .message = "a\xFFz"});
    unit_metric(unit,
                &(MetricEntry){.namespace = "n", .flow_id = "f", .name = "m", .value = 1.5, .timestamp = TEST_NOW});
    _cleanup_json_ json_t *body = fixture_body("{\"namespace\":\"n\",\"executionId\":\"e\"}");
    unit_save_trigger(unit, &(TriggerState){"n", "f", "t", .body = body, .next_date = TEST_NOW, .declaration = 7});
    unit_save_trigger(unit, &(TriggerState){"n", "f", "gone", .body = body, .next_date = 0, .declaration = 7});
    fixture_commit(web, unit, NULL, NULL);
    unit_remove_trigger(unit, "n", "f", "gone");
    fixture_commit(web, unit, NULL, NULL);
    QueueStoreCounts counts = backend->counts();
    ck_assert_uint_eq(counts.logs, 1);
    ck_assert_uint_eq(counts.metrics, 1);
    ck_assert_uint_eq(counts.triggers, 1);
    end();
}
END_TEST

START_TEST(an_empty_unit_costs_nothing)
{
    begin(_i);
    ck_assert(unit_is_empty(unit));
    fixture_commit(web, unit, NULL, NULL);
    fixture_commit(executor, NULL, NULL, NULL);
    unit_tell_followers(unit, "x");
    ck_assert(!unit_is_empty(unit));
    end();
}
END_TEST

int main(void)
{
    cluster_start();
    TCase *test = tcase_create("queue");
    tcase_set_timeout(test, 60);
#define BOTH(name) tcase_add_loop_test(test, name, 0, (int)ELEMENTS(backends))
    BOTH(an_execution_comes_with_its_event);
    BOTH(a_fetch_is_bounded_by_bytes);
    BOTH(creating_twice_is_harmless);
    BOTH(a_replay_is_loaded_with_its_task_runs);
    BOTH(events_of_one_key_keep_their_order);
    BOTH(an_ack_and_a_fetch_in_one_commit);
    BOTH(state_is_replaced_and_removed);
    BOTH(a_deleted_execution_stays_deleted);
    BOTH(a_job_is_claimed_once);
    BOTH(each_execution_gets_its_turn);
    BOTH(kills_of_a_tree_come_first);
    BOTH(a_result_becomes_an_event);
    BOTH(deaths_over_a_key_are_counted);
    BOTH(the_late_result_of_a_dead_worker_is_refused);
    BOTH(after_an_outage_of_everybody_nobody_dies);
    BOTH(shards_are_shared_taken_over_and_fenced);
    BOTH(state_of_a_foreign_shard_is_not_written);
    BOTH(a_restarted_process_replaces_its_former_self);
    BOTH(who_leaves_gives_back_at_once);
    BOTH(a_program_that_takes_over_is_the_same_instance);
    BOTH(jobs_are_killed_and_cancelled);
    BOTH(poison_is_set_aside);
    BOTH(jobs_and_timers_are_set_aside);
    BOTH(timers_belong_to_shards);
    BOTH(logs_metrics_and_triggers_are_kept);
    BOTH(an_empty_unit_costs_nothing);
    Suite *suite = suite_create("queue");
    suite_add_tcase(suite, test);
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK); /* the server is this process's child */
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    cluster_stop();
    return failed != 0;
}
