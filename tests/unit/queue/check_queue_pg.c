/* SPDX-License-Identifier: Apache-2.0 */
/* What only the PostgreSQL backend has: outages, answers that are lost, rings, hosts. */
#include <check.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "database.h"
#include "queue/unit_private.h"
#include "queue_fixture.h"

static Pg *pg, *observer;
static Queue *queue;
static Unit *unit;

static void setup(void)
{
    observer = database_fresh();
    pg = database_session(QUEUE_PG_SESSION_SQL);
    ck_assert_int_eq(queue_pg_new(pg, NULL, &(QueueSettings){}, &queue), 0);
    unit = unit_new();
}

static void teardown(void)
{
    unit = unit_free(unit);
    queue = queue_free(queue);
    pg = pg_free(pg);
    observer = pg_free(observer);
}

START_TEST(an_outage_keeps_the_unit)
{
    fixture_join(queue, "executor", "");
    _cleanup_(execution_freep) Execution *execution = fixture_execution("one");
    unit_create_execution(unit, execution, TEST_NOW);
    unit_log(unit, &(LogEntry){.namespace = "n", .flow_id = "f", .timestamp = TEST_NOW, .message = "m"});
    cluster_halt();
    for (int i = 0; i < 3; i++)
        ck_assert_int_lt(queue_commit(queue, unit, NULL, NULL), 0);
    QueueMembership membership;
    bool work;
    ck_assert_int_lt(queue_heartbeat(queue, &membership, &work), 0);
    ck_assert_str_ne(queue_instance_id(queue), "");
    cluster_resume();
    QueueBatch batch;
    fixture_commit(queue, unit, &(QueueFetch){.events_max = 10}, &batch);
    ck_assert_uint_eq(batch.events.count, 1);
    queue_batch_done(&batch);
    ck_assert(unit_is_empty(unit));
    ck_assert_int_eq(cluster_number(observer, "SELECT count(*) FROM log"), 1);
}
END_TEST

/* As if the connection had broken after the server committed and before it answered: the number is known already. */
START_TEST(a_commit_whose_answer_was_lost_is_not_done_twice)
{
    fixture_join(queue, "worker", "");
    unit_log(unit, &(LogEntry){.namespace = "n", .flow_id = "f", .timestamp = TEST_NOW, .message = "m"});
    fixture_commit(queue, unit, NULL, NULL);
    int64_t number = cluster_number(observer, "SELECT max(commit_number) FROM instance");
    ck_assert_int_gt(number, 0);
    unit_log(unit, &(LogEntry){.namespace = "n", .flow_id = "f", .timestamp = TEST_NOW, .message = "m"});
    unit_dispatch_job(unit, "", "e", "r", 0, json_object());
    unit->number = number;
    unit->tried_changes = unit->changes;
    (void)snprintf(unit->tried_by, sizeof(unit->tried_by), "%s", queue_instance_id(queue));
    QueueBatch batch;
    fixture_commit(queue, unit, &(QueueFetch){.jobs_max = 10}, &batch);
    ck_assert_uint_eq(batch.jobs.count, 0);
    queue_batch_done(&batch);
    ck_assert_int_eq(cluster_number(observer, "SELECT count(*) FROM log"), 1);
    ck_assert_int_eq(cluster_number(observer, "SELECT count(*) FROM job"), 0);
    unit_log(unit, &(LogEntry){.namespace = "n", .flow_id = "f", .timestamp = TEST_NOW, .message = "m"});
    fixture_commit(queue, unit, NULL, NULL); /* the next one is new again */
    ck_assert_int_eq(cluster_number(observer, "SELECT count(*) FROM log"), 2);
}
END_TEST

START_TEST(jobs_of_a_lost_claim_are_found_again)
{
    fixture_join(queue, "worker", "");
    unit_dispatch_job(unit, "", "e", "r", 0, json_object());
    fixture_commit(queue, unit, NULL, NULL);
    cluster_halt();
    ck_assert_int_lt(queue_commit(queue, NULL, &(QueueFetch){.jobs_max = 10}, NULL), 0);
    cluster_resume();
    /* The claim had come through. */
    cluster_sql(observer, "UPDATE job SET instance = (SELECT id FROM instance)");
    QueueBatch batch;
    fixture_commit(queue, NULL, &(QueueFetch){.jobs_max = 10}, &batch);
    ck_assert_uint_eq(batch.jobs.count, 1);
    queue_batch_done(&batch);
}
END_TEST

START_TEST(labels_may_hold_anything)
{
    _cleanup_(execution_freep) Execution *execution = fixture_execution("one");
    json_decref(execution->labels);
    json_t *value = json_stringn("a\0b", 3);
    execution->labels = json_pack("[{s:s, s:o}]", "key", "k", "value", value);
    unit_create_execution(unit, execution, TEST_NOW);
    fixture_commit(queue, unit, NULL, NULL);
    ck_assert_int_eq(cluster_number(observer, "SELECT count(*) FROM execution"), 1);
}
END_TEST

/* A commit that always fails would stop the process for ever, so no text of a user may be too long for an index. */
START_TEST(long_names_do_not_stop_a_commit)
{
    enum { LENGTH = 20000 };
    static char name[LENGTH + 1];
    for (size_t i = 0; i < LENGTH; i++) /* not to be compressed */
        name[i] = (char)('a' + random_bits() % 26);
    unit_metric(unit,
                &(MetricEntry){.namespace = "n", .flow_id = "f", .name = name, .value = 1, .timestamp = TEST_NOW});
    unit_log(
        unit,
        &(LogEntry){
            .namespace = "n", .flow_id = "f", .task_id = name, .thread = name, .timestamp = TEST_NOW, .message = name});
    unit_dispatch_job(unit, name, "e", "r", 0, json_object());
    _cleanup_(execution_freep) Execution *execution = fixture_execution("one");
    json_decref(execution->labels);
    execution->labels = json_pack("[{s:s, s:s}]", "key", name, "value", name);
    unit_create_execution(unit, execution, TEST_NOW);
    fixture_commit(queue, unit, NULL, NULL);
    ck_assert_int_eq(cluster_number(observer, "SELECT length(name) FROM metric"), LENGTH);
}
END_TEST

/* --- rings --- */

static char directory[64];

static int listen_at(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", directory, name);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    ck_assert_int_eq(listen(fd, 8), 0);
    return fd;
}

/* What the next ring says; "" when there is none. */
static char *take_ring(int listener, int patience_msec)
{
    struct pollfd ready = {.fd = listener, .events = POLLIN};
    if (poll(&ready, 1, patience_msec) != 1)
        return xstrdup("");
    int fd = accept(listener, NULL, NULL);
    char text[1024] = "";
    ready.fd = fd;
    ck_assert_int_eq(poll(&ready, 1, 5000), 1);
    ck_assert_int_gt(read(fd, text, sizeof(text) - 1), 0);
    close(fd);
    return xstrdup(text);
}

START_TEST(readers_are_rung)
{
    (void)snprintf(directory, sizeof(directory), "/tmp/kestra-ring-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    int known = listen_at("known"), standard = listen_at("executor.sock"), web = listen_at("webserver.sock");
    _cleanup_free_ char *own = xasprintf("%s/worker.sock", directory);
    _cleanup_free_ char *known_path = xasprintf("%s/known", directory);
    Bell *bell = bell_new();
    queue_free(queue);
    ck_assert_int_eq(queue_pg_new(pg, bell, &(QueueSettings){.socket_path = own}, &queue), 0);

    unit_send_event(unit, "k", "x", NULL); /* nobody is known: systemd's socket */
    fixture_commit(queue, unit, NULL, NULL);
    _cleanup_free_ char *first = take_ring(standard, 5000);
    ck_assert(starts_with(first, "POST /wake"));

    Pg *session = database_session(QUEUE_PG_SESSION_SQL);
    Queue *executor;
    ck_assert_int_eq(queue_pg_new(session, NULL, &(QueueSettings){}, &executor), 0);
    fixture_join(executor, "executor", known_path);
    fixture_join(queue, "worker", own);
    unit_send_event(unit, "k", "x", NULL); /* now it is known */
    unit_tell_followers(unit, "followed");
    fixture_commit(queue, unit, NULL, NULL);
    _cleanup_free_ char *second = take_ring(known, 5000), *third = take_ring(web, 5000),
                        *none = take_ring(standard, 50);
    ck_assert(starts_with(second, "POST /wake"));
    ck_assert(strstr(third, "followed") != NULL);
    ck_assert_str_eq(none, "");
    queue_free(executor);
    pg_free(session);
    bell_free(bell);
    close(known);
    close(standard);
    close(web);
    static const char *const names[] = {"known", "executor.sock", "webserver.sock"};
    for (size_t i = 0; i < ELEMENTS(names); i++) {
        _cleanup_free_ char *path = xasprintf("%s/%s", directory, names[i]);
        ck_assert_int_eq(unlink(path), 0);
    }
    ck_assert_int_eq(rmdir(directory), 0);
}
END_TEST

/* A pair of instances of a role whose second one is rung at the socket `known`. */
START_TEST(shards_are_handed_over_by_ring)
{
    static const char *const roles[] = {"executor", "scheduler"};
    (void)snprintf(directory, sizeof(directory), "/tmp/kestra-ring-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    int known = listen_at("known");
    _cleanup_free_ char *own = xasprintf("%s/own", directory), *known_path = xasprintf("%s/known", directory);
    Bell *bell = bell_new();
    queue_free(queue);
    ck_assert_int_eq(queue_pg_new(pg, bell, &(QueueSettings){.socket_path = own}, &queue), 0);
    Pg *session = database_session(QUEUE_PG_SESSION_SQL);
    Queue *other;
    ck_assert_int_eq(queue_pg_new(session, NULL, &(QueueSettings){}, &other), 0);

    ck_assert_uint_eq(fixture_join(other, roles[_i], known_path).shards, UINT64_MAX);
    ck_assert_uint_eq(fixture_join(queue, roles[_i], own).shards, 0);
    _cleanup_free_ char *wanted = take_ring(known, 5000);
    ck_assert_ptr_nonnull(strstr(wanted, "\r\n\r\n" QUEUE_RING_SHARDS));
    ck_assert_int_eq(__builtin_popcountll(fixture_heartbeat(other, NULL).lost), 32);
    ck_assert_int_eq(__builtin_popcountll(fixture_heartbeat(queue, NULL).gained), 32);
    ck_assert_int_eq(queue_leave(other), 0);
    ck_assert_uint_eq(fixture_heartbeat(queue, NULL).shards, UINT64_MAX);
    fixture_join(other, roles[_i], known_path);
    ck_assert_int_eq(__builtin_popcountll(fixture_heartbeat(queue, NULL).lost), 32);
    _cleanup_free_ char *given = take_ring(known, 5000);
    ck_assert_ptr_nonnull(strstr(given, "\r\n\r\n" QUEUE_RING_SHARDS));

    queue_free(other);
    pg_free(session);
    bell_free(bell);
    close(known);
    ck_assert_int_eq(unlink(known_path), 0);
    ck_assert_int_eq(rmdir(directory), 0);
}
END_TEST

static void hear_ring(void *userdata, const char *body)
{
    buffer_printf(userdata, "<%s>", body);
}

/* What the queue hears, once something comes. */
static void hear(Queue *from, Buffer *ret)
{
    struct pollfd ready = {.fd = queue_wakeup_fd(from), .events = POLLIN};
    ck_assert_int_eq(poll(&ready, 1, 5000), 1);
    queue_dispatch(from, hear_ring, ret);
    ready.revents = 0;
    ck_assert_int_eq(poll(&ready, 1, 0), 0);
}

START_TEST(an_instance_on_another_host_is_rung_once_a_commit)
{
    Pg *session = database_session(QUEUE_PG_SESSION_SQL);
    Queue *elsewhere;
    _cleanup_buffer_ Buffer heard = {};
    ck_assert_int_eq(queue_pg_new(session, NULL, &(QueueSettings){.host = "elsewhere"}, &elsewhere), 0);
    fixture_join(queue, "worker", "/w");
    fixture_join(elsewhere, "executor", "/e");
    fixture_heartbeat(elsewhere, NULL); /* sees the other host, and listens from then on */
    fixture_heartbeat(queue, NULL);
    for (int i = 0; i < 5; i++)
        unit_send_event(unit, "k", "x", NULL);
    fixture_commit(queue, unit, NULL, NULL);
    hear(elsewhere, &heard);
    ck_assert_str_eq(buffer_text(&heard), "<>");
    /* a session that broke is opened again, under the same descriptor, and all is looked at */
    ck_assert_int_eq(cluster_number(observer, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                                              " WHERE query LIKE '%LISTEN%' AND pid <> pg_backend_pid()"),
                     2);
    buffer_clear(&heard);
    while (heard.length == 0) /* its last words come first, then its end */
        hear(elsewhere, &heard);
    ck_assert_str_eq(buffer_text(&heard), "<>");
    unit_send_event(unit, "k", "x", NULL);
    fixture_commit(queue, unit, NULL, NULL);
    buffer_clear(&heard);
    hear(elsewhere, &heard);
    ck_assert_str_eq(buffer_text(&heard), "<>");
    queue_free(elsewhere);
    pg_free(session);
}
END_TEST

/* On one host nobody listens and nothing is sent. */
START_TEST(a_host_alone_has_no_session_for_rings)
{
    Pg *session = database_session(QUEUE_PG_SESSION_SQL);
    Queue *other;
    ck_assert_int_eq(queue_pg_new(session, NULL, &(QueueSettings){}, &other), 0);
    fixture_join(other, "executor", "/e");
    fixture_join(queue, "worker", "/w");
    fixture_heartbeat(other, NULL);
    fixture_heartbeat(queue, NULL);
    unit_send_event(unit, "k", "x", NULL);
    uint64_t before = pg_counters(pg).round_trips;
    fixture_commit(queue, unit, NULL, NULL);
    ck_assert_uint_eq(pg_counters(pg).round_trips - before, 1);
    ck_assert_int_eq(cluster_number(observer, "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%LISTEN%'"
                                              " AND pid <> pg_backend_pid()"),
                     0);
    queue_free(other);
    pg_free(session);
}
END_TEST

static void bury(Queue *dead)
{
    _cleanup_free_ char *sql = xasprintf("SELECT queue_bury(ARRAY['%s'])", queue_instance_id(dead));
    cluster_sql(observer, sql);
}

START_TEST(jobs_that_nobody_took_are_taken_back_after_a_fence)
{
    QueueBatch batch;
    QueueSequences kept;
    Pg *session = database_session(QUEUE_PG_SESSION_SQL);
    Queue *other;
    ck_assert_int_eq(queue_pg_new(session, NULL, &(QueueSettings){}, &other), 0);
    fixture_join(queue, "worker", "/w");
    fixture_join(other, "worker", "/o");
    for (int i = 0; i < 2; i++)
        unit_dispatch_job(unit, "", "e", i ? "second" : "first", 0, json_object());
    fixture_commit(queue, unit, &(QueueFetch){.jobs_max = 2}, &batch);
    ck_assert_uint_eq(batch.jobs.count, 2);
    const int64_t held[] = {batch.jobs.items[0].sequence, batch.jobs.items[1].sequence};
    queue_batch_done(&batch);
    bury(queue);
    fixture_commit(other, NULL, &(QueueFetch){.jobs_max = 1}, &batch); /* the first */
    queue_batch_done(&batch);
    unit_finish_job(unit, held[0], "e", "x", json_object());
    unit_finish_job(unit, held[1], "e", "x", json_object());
    ck_assert_int_eq(queue_commit(queue, unit, NULL, NULL), QUEUE_E_FENCED);
    fixture_join(queue, "worker", "/w");
    ck_assert_int_eq(queue_reclaim(queue, held, 2, &kept), 0);
    ck_assert_uint_eq(kept.count, 1);
    ck_assert_int_eq(kept.items[0], held[1]);
    vec_free(&kept);
    fixture_commit(queue, unit, NULL, &batch);
    ck_assert_uint_eq(batch.refused, 1);
    queue_batch_done(&batch);
    queue_free(other);
    pg_free(session);
}
END_TEST

/* Each row of an execution that somebody may hold, and how. */
static const char *const locks[] = {
    "SELECT FROM execution WHERE id = 'one' FOR UPDATE",
    "SELECT FROM timer WHERE key = 'one' FOR UPDATE",
    "SELECT FROM event WHERE key = 'one' FOR UPDATE",
};

START_TEST(a_locked_row_is_told_from_the_others)
{
    QueueBatch batch;
    fixture_join(queue, "executor", "");
    fixture_heartbeat(queue, NULL);
    _cleanup_(execution_freep) Execution *one = fixture_execution("one"), *two = fixture_execution("two");
    unit_create_execution(unit, one, TEST_NOW);
    unit_create_execution(unit, two, TEST_NOW);
    unit_set_timer(unit, "one", "t", TEST_NOW, NULL);
    fixture_commit(queue, unit, &(QueueFetch){.events_max = 10}, &batch);
    ck_assert_uint_eq(batch.events.count, 2);
    _cleanup_(pg_freep) Pg *stranger = database_session(NULL);
    ck_assert_int_eq(pg_begin(stranger), 0);
    cluster_sql(stranger, locks[_i]);
    for (size_t i = 0; i < 2; i++)
        unit_ack_event(unit, batch.events.items[i].sequence);
    queue_batch_done(&batch);
    unit_save_execution(unit, one, TEST_NOW);
    unit_save_execution(unit, two, TEST_NOW);
    unit_clear_timer(unit, "one", "t");
    ck_assert_int_eq(queue_commit(queue, unit, NULL, NULL), QUEUE_E_LOCKED);
    size_t count;
    const char *const *keys = queue_locked(queue, &count);
    ck_assert_uint_eq(count, 1);
    ck_assert_str_eq(keys[0], "one");
    fixture_commit(queue, NULL,
                   &(QueueFetch){.events_max = 10, .keys_left = (const char *const[]){"one"}, .keys_left_count = 1},
                   &batch);
    ck_assert_uint_eq(batch.events.count, 1);
    ck_assert_str_eq(batch.events.items[0].key, "two");
    queue_batch_done(&batch);
    bool still[2];
    const char *const asked[] = {"one", "two"};
    ck_assert_int_eq(queue_are_locked(queue, asked, 2, still), 0);
    ck_assert(still[0] && !still[1]);
    pg_rollback(stranger);
    ck_assert_int_eq(queue_are_locked(queue, asked, 2, still), 0);
    ck_assert(!still[0] && !still[1]);
    fixture_commit(queue, unit, NULL, NULL);
}
END_TEST

/* A server that stands still: an outage after the time limit and not for ever, and meanwhile the thread is of use. */
static void count_idle(void *userdata, usec_t waited)
{
    (*(unsigned *)userdata)++;
}

START_TEST(a_server_that_says_nothing_is_an_outage)
{
    _cleanup_free_ char *dsn = cluster_dsn("postgres");
    unsigned idle = 0;
    _cleanup_(pg_freep) Pg *patient = NULL;
    ck_assert_int_eq(pg_new(&(PgSettings){.conninfo = dsn,
                                          .patience_usec = USEC_PER_SEC,
                                          .waiting = {.fd = -1, .idle = count_idle, .userdata = &idle}},
                            &patient, NULL),
                     0);
    int64_t pid = cluster_number(patient, "SELECT pg_backend_pid()");
    ck_assert_int_eq(kill((pid_t)pid, SIGSTOP), 0);
    ck_assert_int_eq(pg_run(patient, &(PgStatement){NULL, "SELECT 1"}, NULL, NULL), -ETIMEDOUT);
    ck_assert_int_eq(kill((pid_t)pid, SIGCONT), 0);
    ck_assert(pg_is_unavailable(patient));
    ck_assert(strstr(pg_error(patient), "no answer") != NULL);
    ck_assert_uint_ge(idle, 5);
    ck_assert_int_eq(cluster_number(patient, "SELECT 7"), 7);
    /* and what takes long in the server ends there */
    ck_assert_int_lt(pg_run(patient, &(PgStatement){NULL, "SELECT pg_sleep(60)"}, NULL, NULL), 0);
    ck_assert_str_eq(pg_sqlstate(patient), "57014");
    ck_assert(pg_is_unavailable(patient));
}
END_TEST

/* What a full disk says when asked, without one. */
START_TEST(a_full_disk_is_an_outage_of_the_heartbeat)
{
    QueueMembership membership;
    bool work;
    fixture_join(queue, "scheduler", "");
    fixture_heartbeat(queue, NULL);
    cluster_sql(observer, "CREATE OR REPLACE FUNCTION queue_probe() RETURNS text LANGUAGE sql AS"
                          " $$ SELECT 'could not write: No space left on device' $$");
    ck_assert_int_lt(queue_heartbeat(queue, &membership, &work), 0);
    ck_assert(pg_is_unavailable(pg));
    ck_assert_str_eq(pg_error(pg), "could not write: No space left on device");
    ck_assert_uint_eq(
        cluster_number(observer, "SELECT count(*) FROM instance WHERE heartbeat > now() - interval '1 s'"), 1);
}
END_TEST

START_TEST(an_idle_role_costs_one_transaction_a_heartbeat)
{
    fixture_join(queue, "scheduler", "");
    uint64_t before = pg_counters(pg).round_trips;
    for (int i = 0; i < 10; i++)
        fixture_heartbeat(queue, NULL);
    ck_assert_uint_eq(pg_counters(pg).round_trips - before, 10);
}
END_TEST

int main(void)
{
    cluster_start();
    TCase *test = tcase_create("queue on PostgreSQL");
    tcase_set_timeout(test, 60);
    tcase_add_checked_fixture(test, setup, teardown);
    tcase_add_test(test, an_outage_keeps_the_unit);
    tcase_add_test(test, a_commit_whose_answer_was_lost_is_not_done_twice);
    tcase_add_test(test, jobs_of_a_lost_claim_are_found_again);
    tcase_add_test(test, labels_may_hold_anything);
    tcase_add_test(test, long_names_do_not_stop_a_commit);
    tcase_add_test(test, readers_are_rung);
    tcase_add_loop_test(test, shards_are_handed_over_by_ring, 0, 2);
    tcase_add_test(test, an_instance_on_another_host_is_rung_once_a_commit);
    tcase_add_test(test, a_host_alone_has_no_session_for_rings);
    tcase_add_test(test, jobs_that_nobody_took_are_taken_back_after_a_fence);
    tcase_add_loop_test(test, a_locked_row_is_told_from_the_others, 0, (int)ELEMENTS(locks));
    tcase_add_test(test, a_server_that_says_nothing_is_an_outage);
    tcase_add_test(test, a_full_disk_is_an_outage_of_the_heartbeat);
    tcase_add_test(test, an_idle_role_costs_one_transaction_a_heartbeat);
    Suite *suite = suite_create("queue on PostgreSQL");
    suite_add_tcase(suite, test);
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK); /* the server is this process's child */
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    cluster_stop();
    return failed != 0;
}
