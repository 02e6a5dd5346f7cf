/* SPDX-License-Identifier: Apache-2.0 */
/*
 * No hot statement reads a table from end to end: on tables with many rows, one round of everything that roles do is
 * run, and PostgreSQL's own counters are asked how it read. Statistics are as bad as they get (never analyzed, so that
 * the planner believes in small tables) or as good; both must do.
 */
#include <check.h>

#include "database.h"
#include "queue_fixture.h"

#define ROWS      20000
#define READS_MAX 3000 /* rows that a round may read in all tables together; one full scan is ROWS */

static const char fill[] =
    "INSERT INTO execution SELECT 'x' || i, i % 64, 'n', 'f', 1, 'RUNNING', now() - i * interval '1 s', NULL, 0, NULL,"
    " '{}', '{}' FROM generate_series(1, 20000) AS i;"
    "INSERT INTO task_run SELECT 'x' || i, 'r' || i, 0, '{}' FROM generate_series(1, 20000) AS i;"
    "INSERT INTO event (shard, key, kind, body) SELECT i % 64, 'x' || i, 'k', '{}' FROM generate_series(1, 20000) AS i;"
    "INSERT INTO job (worker_group, attempt, execution_id, task_run_id, body)"
    " SELECT '', 0, 'x' || i, 'r' || i, '{}' FROM generate_series(1, 20000) AS i;"
    "INSERT INTO timer SELECT 'x' || i, 't', i % 64, now(), NULL FROM generate_series(1, 20000) AS i;"
    "INSERT INTO log (timestamp, level, namespace, flow_id, execution_id, message)"
    " SELECT now(), 2, 'n', 'f', 'x' || i, 'm' FROM generate_series(1, 20000) AS i;";

/* Read so far: whole tables and their rows, and rows by index. */
typedef struct Reads {
    int64_t scans, rows;
} Reads;

static Reads reads(Pg *pg)
{
    static const char of_tables[] =
        " FROM pg_stat_user_tables WHERE relname IN ('execution', 'task_run', 'event', 'job', 'timer')";
    _cleanup_free_ char *scans = xasprintf("SELECT sum(seq_scan)%s", of_tables);
    _cleanup_free_ char *rows = xasprintf("SELECT sum(seq_tup_read + idx_tup_fetch)%s", of_tables);
    return (Reads){cluster_number(pg, scans), cluster_number(pg, rows)};
}

static Queue *open_queue(Pg *pg, const char *role)
{
    Queue *queue;
    ck_assert_int_eq(queue_pg_new(pg, NULL, &(QueueSettings){}, &queue), 0);
    fixture_join(queue, role, role);
    return queue;
}

static void executor_round(Queue *executor, Unit *unit)
{
    QueueBatch batch, after;
    fixture_commit(executor, NULL, &(QueueFetch){.events_max = 50}, &batch);
    ck_assert_uint_eq(batch.events.count, 50);
    for (size_t i = 0; i < batch.events.count; i++) {
        const char *id = batch.events.items[i].key;
        _cleanup_(execution_freep) Execution *execution = fixture_execution(id);
        TaskRun *run = execution_add_task_run(execution, "new", "t", NULL, NULL, NULL, TEST_NOW);
        char aside[ID_BYTES];
        id_new(aside);
        if (i == 0)
            unit_set_aside(unit, aside, batch.events.items[i].sequence, "test");
        else
            unit_ack_event(unit, batch.events.items[i].sequence);
        unit_save_execution(unit, execution, TEST_NOW);
        unit_save_task_run(unit, execution, run, TEST_NOW);
        unit_remove_task_run(unit, id, "r0");
        unit_set_timer(unit, id, "t", TEST_NOW, NULL);
        unit_clear_timer(unit, id, "u");
        unit_send_event(unit, id, "k", NULL);
        unit_dispatch_job(unit, "", id, "new", 0, json_object());
        unit_create_execution(unit, execution, TEST_NOW);
        unit_cancel_job(unit, "r7");
        unit_kill_job(unit, "r8");
    }
    fixture_commit(executor, unit, &(QueueFetch){.events_max = 50}, &after);
    queue_batch_done(&batch);
    queue_batch_done(&after);
    Execution *loaded;
    ck_assert_int_eq(queue_load_execution(executor, "absent", &loaded), 0);
}

static void worker_round(Queue *worker, Unit *unit)
{
    QueueBatch batch;
    fixture_commit(worker, NULL, &(QueueFetch){.jobs_max = 50, .worker_group = ""}, &batch);
    ck_assert_uint_eq(batch.jobs.count, 50);
    QueueSequences sequences;
    ck_assert_int_eq(queue_jobs_to_kill(worker, &sequences), 0);
    vec_free(&sequences);
    for (size_t i = 0; i < batch.jobs.count; i++)
        unit_finish_job(unit, batch.jobs.items[i].sequence, batch.jobs.items[i].execution_id, "task_run",
                        json_object());
    fixture_commit(worker, unit, NULL, NULL);
    fixture_heartbeat(worker, NULL);
    queue_batch_done(&batch);
}

static void plan_round(bool analyzed)
{
    Pg *observer = database_fresh();
    Pg *executor_session = database_session(QUEUE_PG_SESSION_SQL),
       *worker_session = database_session(QUEUE_PG_SESSION_SQL);
    Queue *executor = open_queue(executor_session, "executor"), *worker = open_queue(worker_session, "worker");
    Unit *unit = unit_new();
    cluster_sql(observer, fill);
    if (analyzed)
        cluster_sql(observer, "ANALYZE");
    cluster_sql(observer, "SELECT pg_stat_force_next_flush()");
    Reads before = reads(observer);
    executor_round(executor, unit);
    worker_round(worker, unit);
    fixture_heartbeat(executor, NULL);
    queue_free(executor);
    queue_free(worker);
    pg_free(executor_session); /* counters are written when a session ends */
    pg_free(worker_session);
    Reads after = before;
    for (int i = 0; i < 500 && after.rows == before.rows; i++)
        after = reads(observer);
    ck_assert_int_eq(after.scans, before.scans);
    ck_assert_int_gt(after.rows, before.rows);
    ck_assert_int_lt(after.rows - before.rows, READS_MAX);
    unit_free(unit);
    pg_free(observer);
}

START_TEST(with_bad_statistics)
{
    plan_round(false);
}
END_TEST

START_TEST(with_good_statistics)
{
    plan_round(true);
}
END_TEST

int main(void)
{
    cluster_start();
    TCase *test = tcase_create("plans");
    tcase_set_timeout(test, 60);
    tcase_add_test(test, with_bad_statistics);
    tcase_add_test(test, with_good_statistics);
    Suite *suite = suite_create("queue plans");
    suite_add_tcase(suite, test);
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK); /* the server is this process's child */
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    cluster_stop();
    return failed != 0;
}
