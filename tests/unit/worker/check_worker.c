/* SPDX-License-Identifier: Apache-2.0 */
/* The worker with the queue in memory: tasks that run inline, wait, or run in children; slots and draining;
 * evaluations. */
#include <stdio.h>
#include <unistd.h>

#include "doc/json.h"
#include "worker_fixture.h"

/* --- inline --- */

START_TEST(test_log)
{
    run_one("  - {id: t, type: io.kestra.plugin.core.log.Log, message: [one, two]}\n");
    ck_assert_str_eq(state_of("run1"), "SUCCESS");
    ck_assert_str_eq(queue_store_log(store, 0), "one");
    ck_assert_str_eq(queue_store_log(store, 1), "two");
    ck_assert_uint_eq(running_events, 0);
    ck_assert_ptr_nonnull(json_get_text(json_object_get(ended, "run1"), "startDate", NULL));
    ck_assert_ptr_nonnull(json_get_text(json_object_get(ended, "run1"), "endDate", NULL));
}
END_TEST

START_TEST(test_return_and_metrics)
{
    run_one("  - {id: t, type: io.kestra.plugin.core.debug.Return, format: text}\n");
    const json_t *outputs = json_object_get(json_object_get(ended, "run1"), "outputs");
    ck_assert_str_eq(json_get_text(outputs, "value", ""), "text");
    ck_assert_uint_eq(queue_store_counts(store).metrics, 2);
}
END_TEST

START_TEST(test_log_level)
{
    run_one("  - {id: t, type: io.kestra.plugin.core.debug.Return, format: quiet, logLevel: INFO}\n");
    ck_assert_str_eq(state_of("run1"), "SUCCESS");
    ck_assert_uint_eq(queue_store_counts(store).logs, 0);
}
END_TEST

static bool has_poison(void)
{
    return queue_store_counts(store).poison == 1;
}

/* Whatever it is that ends them: it does not go on for ever. */
START_TEST(test_a_job_that_ends_its_workers_is_set_aside)
{
    parse_flow(SHELL("['true']"));
    send_job("t", "run1");
    for (int i = 0; i < 3; i++) {
        _cleanup_(queue_freep) Queue *dying = queue_mem_new(store); /* the next one comes with its socket */
        _cleanup_(queue_batch_done) QueueBatch batch = {};
        ck_assert_int_eq(queue_join(dying, "worker", "/nonexistent/worker.sock"), 0);
        ck_assert_int_eq(queue_commit(dying, NULL, &(QueueFetch){.jobs_max = 1}, &batch), 0);
        ck_assert_uint_eq(batch.jobs.count, 1);
    }
    start_worker(&(WorkerSettings){});
    run_until(has_poison);
    ck_assert_str_eq(state_of("run1"), "none");
    ck_assert(has_log("3 workers that had it in hand have died"));
    ck_assert_uint_eq(queue_store_counts(store).jobs, 0);
}
END_TEST

START_TEST(test_fail)
{
    run_one("  - {id: t, type: io.kestra.plugin.core.execution.Fail, errorMessage: broken}\n");
    ck_assert_str_eq(state_of("run1"), "FAILED");
    ck_assert_str_eq(queue_store_log(store, 0), "broken");
}
END_TEST

START_TEST(test_unknown_type_and_task)
{
    parse_flow("  - {id: t, type: io.example.NoSuch}\n");
    start_worker(&(WorkerSettings){});
    send_job("t", "run1");
    send_job("u", "run2");
    run_until(all_ended);
    ck_assert_str_eq(state_of("run1"), "FAILED");
    ck_assert_str_eq(state_of("run2"), "FAILED");
    ck_assert(has_log("io.example.NoSuch"));
    ck_assert(has_log("no task 'u'"));
}
END_TEST

/* --- kestra-run children --- */

START_TEST(test_child)
{
    run_one("  - {id: t, type: io.kestra.plugin.core.kv.Get, key: k, namespace: 'a b', logLevel: INFO}\n");
    ck_assert_str_eq(state_of("run1"), "FAILED");
    ck_assert(has_log("Internal storage is not available here"));
    ck_assert_uint_eq(directories_left(), 0);
}
END_TEST

static char *silent_request(int port, const char *more)
{
    return xasprintf("  - {id: t, type: io.kestra.plugin.core.http.Request, uri: 'http://127.0.0.1:%d/'%s}\n", port,
                     more);
}

START_TEST(test_child_timeout_and_next)
{
    int fd, port = listen_silently(&fd);
    _cleanup_free_ char *task = silent_request(port, ", timeout: PT0.3S");
    parse_flow(task);
    start_worker(&(WorkerSettings){.children_max = 1});
    send_job("t", "run1");
    send_job("t", "run2"); /* waits for the only slot, and gets a new child */
    run_until(all_ended);
    ck_assert_str_eq(state_of("run1"), "FAILED");
    ck_assert_str_eq(state_of("run2"), "FAILED");
    ck_assert(has_log("Timeout after 00:00:00.300"));
    close(fd);
}
END_TEST

START_TEST(test_child_kill)
{
    int fd, port = listen_silently(&fd);
    _cleanup_free_ char *task = silent_request(port, "");
    parse_flow(task);
    start_worker(&(WorkerSettings){});
    send_job("t", "run1");
    run_until(runs);
    kill_job("run1");
    run_until(all_ended);
    ck_assert_str_eq(state_of("run1"), "KILLED");
    close(fd);
}
END_TEST

START_TEST(test_child_crash)
{
    int fd, port = listen_silently(&fd);
    _cleanup_free_ char *task = silent_request(port, "");
    parse_flow(task);
    start_worker(&(WorkerSettings){});
    send_job("t", "run1");
    run_until(runs);
    ck_assert_uint_eq(crash_children(), 1);
    run_until(all_ended);
    ck_assert_str_eq(state_of("run1"), "FAILED");
    ck_assert(has_log("The process that ran the task ended unexpectedly: signal 9"));
    close(fd);
}
END_TEST

/* --- other kinds of jobs --- */

#define TEMPLATED(spec) "  - id: t\n    type: io.kestra.plugin.core.templating.TemplatedTask\n    spec: '" spec "'\n"
static const struct {
    const char *task, *state, *log;
} templated[] = {
    {TEMPLATED("{type: io.kestra.plugin.core.log.Log, message: n{{ 1 + 1 }}}"), "SUCCESS", "n2"},
    {TEMPLATED("{type: io.kestra.plugin.scripts.shell.Commands, commands: [echo n{{ 1 + 2 }}]}"), "SUCCESS", "n3"},
    {TEMPLATED("{type: io.kestra.plugin.core.flow.Sleep, duration: PT0.01S}"), "SUCCESS", "PT0.01S"},
    {TEMPLATED("{type: io.kestra.plugin.core.storage.Size, uri: no}"), "FAILED",
     "Internal storage is not available here"},
    {TEMPLATED("{type: io.kestra.plugin.core.flow.Sequential}"), "FAILED", "must be a runnable task"},
    {TEMPLATED("{type: io.kestra.plugin.core.templating.TemplatedTask, spec: x}"), "FAILED", "must be a runnable task"},
    {TEMPLATED("{type: none.Such}"), "FAILED", "Invalid type: none.Such"},
    {TEMPLATED("[}"), "FAILED", "The spec is not YAML"},
};

START_TEST(test_templated)
{
    run_one(templated[_i].task);
    ck_assert_msg(has_log(templated[_i].log), "%s", queue_store_log(store, 0));
    ck_assert_str_eq(state_of("run1"), templated[_i].state);
    ck_assert_uint_eq(directories_left(), 0);
}
END_TEST

START_TEST(test_sleep_timeout)
{
    run_one("  - {id: t, type: io.kestra.plugin.core.flow.Sleep, duration: PT100S, timeout: PT0.1S}\n");
    ck_assert_str_eq(state_of("run1"), "FAILED");
    ck_assert_str_eq(queue_store_log(store, 0), "Waiting for PT1M40S");
    ck_assert_str_eq(queue_store_log(store, 1), "Timeout after 00:00:00.100");
}
END_TEST

START_TEST(test_kill_sleep)
{
    parse_flow("  - {id: t, type: io.kestra.plugin.core.flow.Sleep, duration: PT100S}\n");
    start_worker(&(WorkerSettings){});
    send_job("t", "run1");
    run_until(runs);
    kill_job("run1");
    run_until(all_ended);
    ck_assert_str_eq(state_of("run1"), "KILLED");
}
END_TEST

START_TEST(test_slots)
{
    parse_flow(SHELL("['sleep 0.05']"));
    start_worker(&(WorkerSettings){.processes_max = 2});
    send_jobs("t", 0, 20);
    usec_t begin = clock_monotonic();
    run_until(all_ended);
    ck_assert_uint_ge(clock_monotonic() - begin, 500 * USEC_PER_MSEC); /* 20 by 2, 50 ms each */
}
END_TEST

START_TEST(test_drain_waits)
{
    parse_flow(SHELL("['sleep 0.3; echo done']"));
    start_worker(&(WorkerSettings){.processes_max = 1, .drain_grace_usec = 10 * USEC_PER_SEC});
    send_job("t", "run1");
    run_until(runs);
    send_job("t", "run2");
    worker_drain(worker, on_drained, NULL);
    send_job("t", "run3");
    run_until(is_drained);
    read_events();
    ck_assert_str_eq(state_of("run1"), "SUCCESS");
    ck_assert_str_eq(state_of("run2"), "none");
    ck_assert_str_eq(state_of("run3"), "none");
    ck_assert_uint_ge(queue_store_counts(store).jobs, 2); /* for others */
}
END_TEST

START_TEST(test_drain_gives_back)
{
    _cleanup_free_ char *one = pid_path(1);
    _cleanup_free_ char *task =
        xasprintf("  - id: t\n    type: io.kestra.plugin.scripts.shell.Script\n    script: |\n      "
                  "echo $$ > %s; sleep 1000\n",
                  one);
    parse_flow(task);
    start_worker(&(WorkerSettings){.drain_grace_usec = 100 * USEC_PER_MSEC});
    send_job("t", "run1");
    run_until(runs);
    worker_drain(worker, on_drained, NULL);
    run_until(is_drained);
    ck_assert_str_eq(state_of("run1"), "RUNNING"); /* no result */
    ck_assert_uint_eq(queue_store_counts(store).jobs, 1);
    ck_assert_int_gt(read_pid(1), 0);
    ck_assert(!is_alive(read_pid(1)));
    ck_assert_uint_eq(directories_left(), 0);
}
END_TEST

START_TEST(test_shared_directory)
{
    parse_flow("  - id: wd\n    type: io.kestra.plugin.core.flow.WorkingDirectory\n"
               "    inputFiles: {in.txt: one}\n    tasks:\n"
               "      - {id: a, type: io.kestra.plugin.scripts.shell.Commands, commands: ['cat in.txt > made.txt']}\n"
               "      - {id: b, type: io.kestra.plugin.scripts.shell.Commands, commands: ['cat made.txt']}\n");
    start_worker(&(WorkerSettings){});
    parent_of_jobs = "outer1";
    send_job("a", "run1");
    run_until(all_ended);
    ck_assert_str_eq(state_of("run1"), "SUCCESS");
    ck_assert_uint_eq(directories_left(), 1);
    send_job("b", "run2");
    run_until(all_ended);
    ck_assert_str_eq(state_of("run2"), "SUCCESS");
    ck_assert(has_log("one"));
    ck_assert_uint_eq(directories_left(), 0); /* after the last task */
}
END_TEST

/* --- evaluations of triggers --- */

static char *silent_trigger(int port, const char *more)
{
    return xasprintf("  - {id: t, type: io.kestra.plugin.core.log.Log, message: x}\ntriggers:\n"
                     "  - {id: watch, type: io.kestra.plugin.core.http.Trigger, uri: 'http://127.0.0.1:%d/'%s}\n",
                     port, more);
}

static void send_evaluation(const char *trigger_id)
{
    Unit *unit = unit_new();
    QueueBatch batch = {};
    json_t *body = json_pack("{s:{s:s,s:s,s:i},s:s,s:s,s:s,s:{}}", "flow", "namespace", "check.worker", "id", "test",
                             "revision", 1, "executionId", "execution1", "triggerId", trigger_id, "evaluateRunningDate",
                             "2026-11-24T10:30:00Z", "variables");
    unit_dispatch_job(unit, "", "execution1", "check.worker_test_watch", 0, body);
    ck_assert_int_eq(queue_commit(executor_queue, unit, NULL, &batch), 0);
    queue_batch_done(&batch);
    unit_free(unit);
    worker_wake(worker);
}

static bool no_job_is_left(void)
{
    return queue_store_counts(store).jobs == 0;
}

static bool evaluation_runs(void)
{
    return has_log("Type io.kestra.plugin.core.http.Trigger started");
}

START_TEST(test_evaluation_timeout)
{
    int fd, port = listen_silently(&fd);
    _cleanup_free_ char *flow_text = silent_trigger(port, ", timeout: PT9S"); /* of tasks; says nothing here */
    parse_flow(flow_text);
    start_worker(&(WorkerSettings){.evaluation_timeout_usec = 300 * USEC_PER_MSEC});
    send_evaluation("watch");
    run_until(no_job_is_left);
    ck_assert(has_log("Timeout after 00:00:00.300"));
    ck_assert(has_log("Type io.kestra.plugin.core.http.Trigger completed in 00:00:00."));
    ck_assert_uint_eq(json_object_size(ended), 0); /* no executor hears of it */
    ck_assert_uint_eq(directories_left(), 0);
    close(fd);
}
END_TEST

/* What a scheduler does that does not want the evaluation any more: the job's row goes. */
START_TEST(test_evaluation_taken_back)
{
    int fd, port = listen_silently(&fd);
    _cleanup_free_ char *flow_text = silent_trigger(port, "");
    parse_flow(flow_text);
    start_worker(&(WorkerSettings){});
    send_evaluation("watch");
    run_until(evaluation_runs);
    Unit *unit = unit_new();
    QueueBatch batch = {};
    unit_cancel_job(unit, "check.worker_test_watch");
    ck_assert_int_eq(queue_commit(executor_queue, unit, NULL, &batch), 0);
    queue_batch_done(&batch);
    unit_free(unit);
    worker_wake(worker);
    run_until(is_idle);
    ck_assert(!has_log("Timeout"));
    ck_assert_uint_eq(directories_left(), 0);
    close(fd);
}
END_TEST

START_TEST(test_evaluation_level)
{
    int fd, port = listen_silently(&fd);
    close(fd); /* nobody is there */
    _cleanup_free_ char *flow_text = silent_trigger(port, ", logLevel: ERROR");
    parse_flow(flow_text);
    start_worker(&(WorkerSettings){});
    send_evaluation("watch");
    run_until(no_job_is_left);
    ck_assert_ptr_nonnull(queue_store_log(store, 0));
    ck_assert(!has_log("started"));
}
END_TEST

static const char *const no_triggers[] = {"absent", "clock"};

START_TEST(test_evaluation_of_nothing)
{
    parse_flow("  - {id: t, type: io.kestra.plugin.core.log.Log, message: x}\ntriggers:\n"
               "  - {id: clock, type: io.kestra.plugin.core.trigger.Schedule, cron: '* * * * *'}\n");
    start_worker(&(WorkerSettings){});
    send_evaluation(no_triggers[_i]);
    run_until(no_job_is_left);
    _cleanup_free_ char *text = xasprintf("There is no polling trigger '%s'", no_triggers[_i]);
    ck_assert(has_log(text));
}
END_TEST

START_TEST(test_speed)
{
    enum { COUNT = 200 };
    parse_flow(SHELL("['true']"));
    start_worker(&(WorkerSettings){});
    usec_t begin = clock_monotonic();
    send_jobs("t", 0, COUNT);
    run_until(all_ended);
    double rate = COUNT * (double)USEC_PER_SEC / (double)(clock_monotonic() - begin);
    printf("%.0f process tasks a second\n", rate);
    ck_assert_double_gt(rate, 20); /* asked are 100; a machine that tests run on is busy */
}
END_TEST

static void add(TCase *tests)
{
    tcase_add_test(tests, test_log);
    tcase_add_test(tests, test_return_and_metrics);
    tcase_add_test(tests, test_log_level);
    tcase_add_test(tests, test_a_job_that_ends_its_workers_is_set_aside);
    tcase_add_test(tests, test_fail);
    tcase_add_test(tests, test_unknown_type_and_task);
    tcase_add_loop_test(tests, test_templated, 0, ELEMENTS(templated));
    tcase_add_test(tests, test_sleep_timeout);
    tcase_add_test(tests, test_kill_sleep);
    tcase_add_test(tests, test_slots);
    tcase_add_test(tests, test_drain_waits);
    tcase_add_test(tests, test_drain_gives_back);
    tcase_add_test(tests, test_shared_directory);
    tcase_add_test(tests, test_evaluation_timeout);
    tcase_add_test(tests, test_evaluation_taken_back);
    tcase_add_test(tests, test_evaluation_level);
    tcase_add_loop_test(tests, test_evaluation_of_nothing, 0, ELEMENTS(no_triggers));
    tcase_add_test(tests, test_speed);
    tcase_add_test(tests, test_child);
    tcase_add_test(tests, test_child_timeout_and_next);
    tcase_add_test(tests, test_child_kill);
    tcase_add_test(tests, test_child_crash);
}

int main(void)
{
    return fixture_run("worker", add);
}
