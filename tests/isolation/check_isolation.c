/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two sessions at once. Where an order matters, one session is stopped inside its transaction (plain SQL with the same
 * functions that commits use) while the other runs in a thread; pg_stat_activity tells when it waits for a lock.
 */
#include <check.h>
#include <pthread.h>

#include "database.h"
#include "queue_fixture.h"

#define THREADS 4
#define LEASE   (9 * USEC_PER_SEC)

static Pg *observer;

typedef struct Process {
    Pg *pg;
    Queue *queue;
    Unit *unit;
} Process;

static Process process_open(const char *role, const char *socket)
{
    Process process = {.pg = database_session(QUEUE_PG_SESSION_SQL), .unit = unit_new()};
    ck_assert_int_eq(queue_pg_new(process.pg, NULL, &(QueueSettings){.lease_usec = LEASE}, &process.queue), 0);
    if (role)
        fixture_join(process.queue, role, socket);
    return process;
}

static void process_close(Process *process)
{
    unit_free(process->unit);
    queue_free(process->queue);
    pg_free(process->pg);
}

static void setup(void)
{
    observer = database_fresh();
}

static void teardown(void)
{
    observer = pg_free(observer);
}

static void make_jobs(unsigned count)
{
    Process maker = process_open(NULL, NULL);
    for (unsigned i = 0; i < count; i++) {
        char task_run[32];
        (void)snprintf(task_run, sizeof(task_run), "r%u", i);
        unit_dispatch_job(maker.unit, "", "e", task_run, 0, json_object());
    }
    fixture_commit(maker.queue, maker.unit, NULL, NULL);
    process_close(&maker);
}

/* Waits until a session of this database waits for a lock. */
static void await_lock(void)
{
    for (int i = 0; i < 100000; i++)
        if (cluster_number(observer, "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                                     " AND datname = current_database()") > 0)
            return;
    ck_abort_msg("nobody waits for a lock");
}

/* --- a commit in a thread --- */

typedef struct Background {
    Process *process;
    const QueueFetch *fetch;
    QueueBatch batch;
    int result;
    pthread_t thread;
} Background;

static void *commit_thread(void *userdata)
{
    Background *background = userdata;
    background->result =
        queue_commit(background->process->queue, background->process->unit, background->fetch, &background->batch);
    return NULL;
}

static void start(Background *background)
{
    ck_assert_int_eq(pthread_create(&background->thread, NULL, commit_thread, background), 0);
}

static void join(Background *background)
{
    ck_assert_int_eq(pthread_join(background->thread, NULL), 0);
}

/* --- claims --- */

typedef struct Claimer {
    Process process;
    VEC(int64_t) claimed;
    pthread_t thread;
} Claimer;

static void *claim_all(void *userdata)
{
    Claimer *claimer = userdata;
    for (;;) {
        QueueBatch batch;
        if (queue_commit(claimer->process.queue, NULL, &(QueueFetch){.jobs_max = 7}, &batch) != 0 ||
            batch.jobs.count == 0)
            return NULL;
        for (size_t i = 0; i < batch.jobs.count; i++)
            vec_push(&claimer->claimed, batch.jobs.items[i].sequence);
        queue_batch_done(&batch);
    }
}

static int compare(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

START_TEST(no_job_is_claimed_twice)
{
    make_jobs(2000);
    Claimer claimers[THREADS] = {};
    VEC(int64_t) all = {};
    for (int i = 0; i < THREADS; i++) {
        claimers[i].process = process_open("worker", "");
        ck_assert_int_eq(pthread_create(&claimers[i].thread, NULL, claim_all, &claimers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_join(claimers[i].thread, NULL), 0);
        for (size_t j = 0; j < claimers[i].claimed.count; j++)
            vec_push(&all, claimers[i].claimed.items[j]);
        vec_free(&claimers[i].claimed);
        process_close(&claimers[i].process);
    }
    ck_assert_uint_eq(all.count, 2000);
    qsort(all.items, all.count, sizeof(*all.items), compare);
    for (size_t i = 1; i < all.count; i++)
        ck_assert_int_ne(all.items[i - 1], all.items[i]);
    vec_free(&all);
}
END_TEST

START_TEST(a_claim_passes_by_a_locked_job)
{
    make_jobs(3);
    Process worker = process_open("worker", "");
    ck_assert_int_eq(pg_begin(observer), 0);
    cluster_sql(observer, "SELECT FROM job WHERE sequence = 1 FOR UPDATE");
    QueueBatch batch;
    fixture_commit(worker.queue, NULL, &(QueueFetch){.jobs_max = 10}, &batch);
    ck_assert_uint_eq(batch.jobs.count, 2);
    ck_assert_int_eq(batch.jobs.items[0].sequence, 2);
    queue_batch_done(&batch);
    pg_rollback(observer);
    process_close(&worker);
}
END_TEST

/* --- death against commit --- */

START_TEST(death_first_then_the_commit_is_refused)
{
    Process executor = process_open("executor", "");
    unit_send_event(executor.unit, "k", "x", NULL);
    Pg *undertaker = database_session(NULL);
    ck_assert_int_eq(pg_begin(undertaker), 0);
    cluster_sql(undertaker, "SELECT queue_bury(ARRAY(SELECT id FROM instance FOR UPDATE))");
    Background commit = {.process = &executor};
    start(&commit);
    await_lock();
    ck_assert_int_eq(pg_commit(undertaker), 0);
    join(&commit);
    ck_assert_int_eq(commit.result, QUEUE_E_FENCED);
    ck_assert_int_eq(cluster_number(observer, "SELECT count(*) FROM event"), 0);
    pg_free(undertaker);
    process_close(&executor);
}
END_TEST

START_TEST(who_is_committing_is_not_buried)
{
    Process executor = process_open("executor", ""), other = process_open("executor", "");
    _cleanup_free_ char *stale =
        xasprintf("UPDATE instance SET heartbeat = heartbeat - interval '1 hour' WHERE id = '%s';"
                  "UPDATE instance SET steady = steady - interval '1 hour' WHERE id <> '%s'",
                  queue_instance_id(executor.queue), queue_instance_id(executor.queue));
    cluster_sql(observer, stale);
    Pg *slow = database_session(NULL);
    _cleanup_free_ char *fence = xasprintf("SELECT queue_fence('%s', 1000)", queue_instance_id(executor.queue));
    ck_assert_int_eq(pg_begin(slow), 0);
    cluster_sql(slow, fence);
    ck_assert_uint_eq(fixture_heartbeat(other.queue, NULL).gained, 0); /* neither waits nor takes */
    ck_assert_int_eq(pg_commit(slow), 0);
    ck_assert_uint_eq(fixture_heartbeat(other.queue, NULL).gained, 0); /* the commit was a sign of life */
    pg_free(slow);
    process_close(&executor);
    process_close(&other);
}
END_TEST

/* --- results against cancellation --- */

START_TEST(a_result_and_a_cancellation_exclude_each_other)
{
    make_jobs(1);
    Process worker = process_open("worker", ""), executor = process_open("executor", "");
    QueueBatch jobs;
    fixture_commit(worker.queue, NULL, &(QueueFetch){.jobs_max = 1}, &jobs);
    unit_finish_job(worker.unit, jobs.jobs.items[0].sequence, "e", "task_run", json_object());
    Pg *cancelling = database_session(NULL);
    ck_assert_int_eq(pg_begin(cancelling), 0);
    cluster_sql(cancelling, "DELETE FROM job");
    Background finish = {.process = &worker};
    start(&finish);
    await_lock();
    if (_i == 0)
        ck_assert_int_eq(pg_commit(cancelling), 0);
    else
        pg_rollback(cancelling);
    join(&finish);
    ck_assert_int_eq(finish.result, 0);
    ck_assert_uint_eq(finish.batch.refused, _i == 0);
    ck_assert_int_eq(cluster_number(observer, "SELECT count(*) FROM event"), _i);
    queue_batch_done(&jobs);
    pg_free(cancelling);
    process_close(&worker);
    process_close(&executor);
}
END_TEST

typedef struct Hammer {
    Process *process;
    const QueueBatch *jobs;
    bool forward;
    int result;
    pthread_t thread;
} Hammer;

/* Kills all jobs in the given order, again and again. */
static void *kill_all(void *userdata)
{
    Hammer *hammer = userdata;
    size_t count = hammer->jobs->jobs.count;
    for (int round = 0; round < 50 && hammer->result == 0; round++) {
        for (size_t i = 0; i < count; i++)
            unit_kill_job(hammer->process->unit,
                          hammer->jobs->jobs.items[hammer->forward ? i : count - 1 - i].task_run_id);
        hammer->result = queue_commit(hammer->process->queue, hammer->process->unit, NULL, NULL);
    }
    return NULL;
}

START_TEST(commits_over_the_same_jobs_do_not_fail)
{
    make_jobs(100);
    Process worker = process_open("worker", ""),
            killers[2] = {process_open("executor", ""), process_open("executor", "")};
    QueueBatch jobs;
    fixture_commit(worker.queue, NULL, &(QueueFetch){.jobs_max = 100}, &jobs);
    Hammer hammers[2];
    for (int i = 0; i < 2; i++) {
        hammers[i] = (Hammer){.process = &killers[i], .jobs = &jobs, .forward = i};
        ck_assert_int_eq(pthread_create(&hammers[i].thread, NULL, kill_all, &hammers[i]), 0);
    }
    for (size_t i = jobs.jobs.count; i-- > 0;) { /* backwards, in small commits */
        unit_finish_job(worker.unit, jobs.jobs.items[i].sequence, "e", "task_run", json_object());
        if (i % 10 == 0)
            fixture_commit(worker.queue, worker.unit, NULL, NULL);
    }
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(pthread_join(hammers[i].thread, NULL), 0);
        ck_assert_int_eq(hammers[i].result, 0);
        process_close(&killers[i]);
    }
    ck_assert_int_eq(cluster_number(observer, "SELECT count(*) FROM event"), 100);
    queue_batch_done(&jobs);
    process_close(&worker);
}
END_TEST

/* --- creation, leases --- */

START_TEST(one_execution_created_by_two_has_one_event)
{
    Process first = process_open(NULL, NULL), second = process_open(NULL, NULL);
    _cleanup_(execution_freep) Execution *execution = fixture_execution("same");
    unit_create_execution(second.unit, execution, TEST_NOW);
    ck_assert_int_eq(pg_begin(observer), 0);
    cluster_sql(observer,
                "INSERT INTO execution VALUES ('same', 0, 'n', 'f', 1, 'CREATED', now(), NULL, 0, NULL, '{}', '{}')");
    Background commit = {.process = &second};
    start(&commit);
    Pg *watcher = observer;
    observer = database_session(NULL);
    await_lock();
    ck_assert_int_eq(pg_commit(watcher), 0);
    join(&commit);
    ck_assert_int_eq(commit.result, 0);
    ck_assert_int_eq(cluster_number(observer, "SELECT count(*) FROM event"), 0); /* its event is the other's business */
    pg_free(watcher);
    process_close(&first);
    process_close(&second);
}
END_TEST

static void *beat_often(void *userdata)
{
    Process *process = userdata;
    for (int i = 0; i < 40; i++) {
        QueueMembership membership;
        bool work;
        if (queue_heartbeat(process->queue, &membership, &work) != 0)
            return process; /* a failure */
    }
    return NULL;
}

START_TEST(no_shard_has_two_owners)
{
    Process executors[THREADS];
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        executors[i] = process_open("executor", "");
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, beat_often, &executors[i]), 0);
    for (int i = 0; i < THREADS; i++) {
        void *failed;
        ck_assert_int_eq(pthread_join(threads[i], &failed), 0);
        ck_assert_ptr_null(failed);
    }
    uint64_t seen = 0;
    for (int i = 0; i < THREADS; i++) {
        uint64_t held = fixture_heartbeat(executors[i].queue, NULL).shards;
        ck_assert_int_eq(__builtin_popcountll(held), SHARD_COUNT / THREADS);
        ck_assert_uint_eq(held & seen, 0);
        seen |= held;
    }
    ck_assert_uint_eq(seen, UINT64_MAX);
    for (int i = 0; i < THREADS; i++)
        process_close(&executors[i]);
}
END_TEST

int main(void)
{
    cluster_start();
    TCase *test = tcase_create("isolation");
    tcase_set_timeout(test, 120);
    tcase_add_checked_fixture(test, setup, teardown);
    tcase_add_test(test, no_job_is_claimed_twice);
    tcase_add_test(test, a_claim_passes_by_a_locked_job);
    tcase_add_test(test, death_first_then_the_commit_is_refused);
    tcase_add_test(test, who_is_committing_is_not_buried);
    tcase_add_loop_test(test, a_result_and_a_cancellation_exclude_each_other, 0, 2);
    tcase_add_test(test, commits_over_the_same_jobs_do_not_fail);
    tcase_add_test(test, one_execution_created_by_two_has_one_event);
    tcase_add_test(test, no_shard_has_two_owners);
    Suite *suite = suite_create("isolation");
    suite_add_tcase(suite, test);
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK); /* the server is this process's child */
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    cluster_stop();
    return failed != 0;
}
