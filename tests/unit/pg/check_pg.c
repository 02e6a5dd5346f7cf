/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <poll.h>

#include "base/clock.h"
#include "cluster.h"

static Pg *pg;

static void setup(void)
{
    pg = cluster_connect("postgres", NULL);
}

static void teardown(void)
{
    pg = pg_free(pg);
}

static PgParameters *parameters(void)
{
    static PgParameters *own;
    if (!own)
        own = pg_parameters_new();
    pg_parameters_reset(own);
    return own;
}

START_TEST(scalars_come_back_as_they_went)
{
    static const PgStatement all = {"all", "SELECT $1, $2, $3, $4, $5, $6"};
    PgParameters *p = parameters();
    pg_add_text(p, "käse \xF0\x9F\xA7\x80");
    pg_add_integer(p, INT64_MIN);
    pg_add_boolean(p, true);
    pg_add_real(p, -1.25);
    pg_add_instant(p, UINT64_C(1714557600123456));
    pg_add_text(p, NULL);
    for (int i = 0; i < 2; i++) { /* prepared, then known */
        _cleanup_rows_ PgRows *rows = NULL;
        ck_assert_int_eq(pg_run(pg, &all, p, &rows), 0);
        ck_assert_uint_eq(pg_rows_count(rows), 1);
        ck_assert_str_eq(pg_value(rows, 0, 0), "käse \xF0\x9F\xA7\x80");
        ck_assert_int_eq(pg_value_integer(rows, 0, 1), INT64_MIN);
        ck_assert(pg_value_boolean(rows, 0, 2));
        ck_assert_double_eq(pg_value_real(rows, 0, 3), -1.25);
        ck_assert_uint_eq(pg_value_instant(rows, 0, 4), UINT64_C(1714557600123456));
        ck_assert_ptr_null(pg_value(rows, 0, 5));
    }
}
END_TEST

START_TEST(arrays_are_columns_of_rows)
{
    PgParameters *p = parameters();
    PgArray *texts = pg_add_array(p, PG_TEXT), *numbers = pg_add_array(p, PG_SMALLINT);
    PgArray *instants = pg_add_array(p, PG_INSTANT), *documents = pg_add_array(p, PG_JSONB);
    for (int i = 0; i < 3; i++) {
        pg_array_text(texts, i == 1 ? NULL : "a,\"{}\\");
        pg_array_integer(numbers, -i);
        pg_array_instant(instants, i == 2 ? 0 : 1714557600000000);
        pg_array_text(documents, "{\"a\": \"\\u0000\\\\u0000\"}");
    }
    _cleanup_rows_ PgRows *rows = NULL;
    const PgStatement sql = {NULL, "SELECT a, b, c, d->>'a' FROM unnest($1::text[], $2::smallint[], $3::timestamptz[], "
                                   "$4::jsonb[]) AS x (a, b, c, d)"};
    ck_assert_int_eq(pg_run(pg, &sql, p, &rows), 0);
    ck_assert_uint_eq(pg_rows_count(rows), 3);
    ck_assert_str_eq(pg_value(rows, 0, 0), "a,\"{}\\");
    ck_assert_ptr_null(pg_value(rows, 1, 0));
    ck_assert_int_eq(pg_value_integer(rows, 2, 1), -2);
    ck_assert_uint_eq(pg_value_instant(rows, 1, 2), 1714557600000000);
    ck_assert_ptr_null(pg_value(rows, 2, 2));
    ck_assert_str_eq(pg_value(rows, 0, 3), "\xEF\xBF\xBD\\u0000"); /* a NUL cannot be kept, an escaped text can */
}
END_TEST

START_TEST(an_empty_array_gives_no_rows)
{
    PgParameters *p = parameters();
    (void)pg_add_array(p, PG_BIGINT);
    _cleanup_rows_ PgRows *rows = NULL;
    ck_assert_int_eq(pg_run(pg, &(PgStatement){NULL, "SELECT 1 FROM unnest($1::bigint[])"}, p, &rows), 0);
    ck_assert_uint_eq(pg_rows_count(rows), 0);
}
END_TEST

START_TEST(invalid_text_is_made_valid)
{
    PgParameters *p = parameters();
    pg_add_text(p, "a\xC3(\xED\xA0\x80z");
    _cleanup_rows_ PgRows *rows = NULL;
    ck_assert_int_eq(pg_run(pg, &(PgStatement){NULL, "SELECT $1"}, p, &rows), 0);
    ck_assert(starts_with(pg_value(rows, 0, 0), "a\xEF\xBF\xBD("));
    ck_assert(ends_with(pg_value(rows, 0, 0), "z"));
}
END_TEST

static const struct {
    const char *sql;
    int outcome;
} failures[] = {
    {"DO $$ BEGIN RAISE unique_violation; END $$", PG_E_UNIQUE},
    {"DO $$ BEGIN RAISE deadlock_detected; END $$", PG_E_RETRY},
    {"DO $$ BEGIN RAISE EXCEPTION 'ours' USING ERRCODE = 'KE123'; END $$", PG_E_RAISED},
    {"SELECT 1/0", PG_E_DATA},
    {"SELECT * FROM no_such_table", PG_E_MISSING},
    {"SELECT no_such_function()", PG_E_MISSING},
};

START_TEST(sqlstates_become_outcomes)
{
    ck_assert_int_eq(pg_run(pg, &(PgStatement){NULL, failures[_i].sql}, NULL, NULL), failures[_i].outcome);
    ck_assert_int_eq(pg_run(pg, &(PgStatement){"again", "SELECT 1"}, NULL, NULL), 0); /* the session is fine */
}
END_TEST

START_TEST(other_failures_are_outages_with_words)
{
    ck_assert_int_lt(pg_run(pg, &(PgStatement){NULL, "SELEC 1"}, NULL, NULL), 0);
    ck_assert_str_eq(pg_sqlstate(pg), "42601");
    ck_assert(strstr(pg_error(pg), "syntax error") != NULL);
}
END_TEST

START_TEST(a_pipeline_is_all_or_nothing)
{
    cluster_sql(pg, "DROP TABLE IF EXISTS pipeline; CREATE TABLE pipeline (id bigint PRIMARY KEY)");
    static const PgStatement insert = {"insert", "INSERT INTO pipeline VALUES ($1)"};
    static const PgStatement count = {"count", "SELECT count(*) FROM pipeline"};
    _cleanup_(pg_pipeline_freep) PgPipeline *pipeline = pg_pipeline_new(pg);
    for (int64_t i = 0; i < 3; i++) {
        pg_add_integer(pg_pipeline_parameters(pipeline), i == 2 ? 0 : i); /* the third collides */
        (void)pg_pipeline_add(pipeline, &insert);
    }
    ck_assert_int_eq(pg_pipeline_run(pipeline), PG_E_UNIQUE);
    ck_assert_int_eq(cluster_number(pg, "SELECT count(*) FROM pipeline"), 0);
    pg_pipeline_reset(pipeline);
    for (int64_t i = 0; i < 3; i++) {
        pg_add_integer(pg_pipeline_parameters(pipeline), i);
        (void)pg_pipeline_add(pipeline, &insert);
    }
    (void)pg_pipeline_parameters(pipeline);
    unsigned last = pg_pipeline_add(pipeline, &count);
    ck_assert_int_eq(pg_pipeline_run(pipeline), 0);
    ck_assert_int_eq(pg_value_integer(pg_pipeline_rows(pipeline, last), 0, 0), 3);
    ck_assert_uint_eq(pg_rows_affected(pg_pipeline_rows(pipeline, 0)), 1);
}
END_TEST

START_TEST(a_large_pipeline_does_not_deadlock)
{
    static const PgStatement echo = {"echo", "SELECT repeat($1, 100)"};
    _cleanup_(pg_pipeline_freep) PgPipeline *pipeline = pg_pipeline_new(pg);
    char text[1001];
    memset(text, 'x', sizeof(text));
    text[1000] = 0;
    for (int i = 0; i < 300; i++) { /* 300 kB there, 30 MB back */
        pg_add_text(pg_pipeline_parameters(pipeline), text);
        (void)pg_pipeline_add(pipeline, &echo);
    }
    ck_assert_int_eq(pg_pipeline_run(pipeline), 0);
    ck_assert_uint_eq(pg_value_length(pg_pipeline_rows(pipeline, 299), 0, 0), 100000);
}
END_TEST

/* From /proc/self/status, in kB. */
static long memory_of(const char *name)
{
    char line[256];
    long value = -1;
    FILE *file = fopen("/proc/self/status", "re");
    ck_assert_ptr_nonnull(file);
    while (fgets(line, sizeof line, file))
        if (starts_with(line, name))
            ck_assert_int_eq(sscanf(line + strlen(name), ": %ld", &value), 1);
    (void)fclose(file);
    return value;
}

static void count_progress(void *userdata, usec_t waited)
{
    *(unsigned *)userdata += waited == 0;
}

START_TEST(what_is_sent_is_not_gathered_first)
{
    enum { STATEMENTS = 30, BYTES = 2 * 1024 * 1024 };
    static const PgStatement length = {"length", "SELECT length($1)"};
    unsigned progress = 0;
    _cleanup_free_ char *dsn = cluster_dsn("postgres"), *text = xmalloc(BYTES + 1);
    const PgSettings settings = {.conninfo = dsn, .waiting = {-1, count_progress, &progress}};
    _cleanup_(pg_freep) Pg *other = NULL;
    ck_assert_int_eq(pg_new(&settings, &other, NULL), 0);
    ck_assert_int_eq(pg_connect(other), 0);
    _cleanup_(pg_pipeline_freep) PgPipeline *pipeline = pg_pipeline_new(other);
    memset(text, 'x', BYTES);
    text[BYTES] = 0;
    for (int i = 0; i < STATEMENTS; i++) {
        pg_add_text(pg_pipeline_parameters(pipeline), text);
        (void)pg_pipeline_add(pipeline, &length);
    }
    long before = memory_of("VmHWM");
    ck_assert_int_eq(pg_pipeline_run(pipeline), 0);
    ck_assert_int_lt(memory_of("VmHWM") - before, STATEMENTS * BYTES / 1024 / 2);
    ck_assert_uint_ge(progress, 1); /* bytes that move are told, at most once a second */
    ck_assert_int_eq(pg_value_integer(pg_pipeline_rows(pipeline, STATEMENTS - 1), 0, 0), BYTES);
}
END_TEST

typedef struct Taken {
    size_t rows, limit;
    int64_t last;
    bool in_order;
} Taken;

static int take_row(void *userdata, const PgRows *row)
{
    Taken *taken = userdata;
    ck_assert_uint_eq(pg_rows_count(row), 1);
    int64_t number = pg_value_integer(row, 0, 0);
    taken->in_order = (taken->rows == 0 || taken->in_order) && number == taken->last + 1;
    taken->last = number;
    return ++taken->rows == taken->limit ? -ENOSPC : 0;
}

START_TEST(rows_are_streamed)
{
    static const PgStatement numbers = {"numbers", "SELECT g, repeat('x', 1000) FROM generate_series(1, $1) AS g"};
    static const PgStatement one = {"one", "SELECT 1"};
    PgParameters *p = parameters();
    pg_add_integer(p, 20000);
    for (int i = 0; i < 4; i++) { /* beside other calls, prepared and not */
        Taken taken = {};
        ck_assert_int_eq(pg_run(pg, &one, NULL, NULL), 0);
        ck_assert_int_eq(pg_stream(pg, i % 2 ? &numbers : &(PgStatement){.sql = numbers.sql}, p, take_row, &taken), 0);
        ck_assert_uint_eq(taken.rows, 20000);
        ck_assert(taken.in_order);
    }
}
END_TEST

START_TEST(a_stream_may_fail_at_any_row)
{
    static const PgStatement division = {"division", "SELECT 1 + 0 / (g - 3) FROM generate_series(1, 5) AS g"};
    static const PgStatement numbers = {"some", "SELECT g FROM generate_series(1, 100000) AS g"};
    Taken taken = {}, stopped = {.limit = 7}, all = {};
    ck_assert_int_eq(pg_stream(pg, &(PgStatement){.sql = "SELECT nothing"}, NULL, take_row, &taken), -EREMOTEIO);
    ck_assert_int_eq(pg_stream(pg, &division, NULL, take_row, &taken), PG_E_DATA);
    ck_assert_uint_eq(taken.rows, 2);
    ck_assert_str_eq(pg_sqlstate(pg), "22012");
    ck_assert_int_eq(pg_stream(pg, &numbers, NULL, take_row, &stopped), -ENOSPC);
    ck_assert_uint_eq(stopped.rows, 7);
    ck_assert_int_eq(pg_stream(pg, &numbers, NULL, take_row, &all), 0);
    ck_assert_uint_eq(all.rows, 100000);
}
END_TEST

START_TEST(a_transaction_ends_as_told)
{
    cluster_sql(pg, "DROP TABLE IF EXISTS kept; CREATE TABLE kept (id bigint PRIMARY KEY)");
    ck_assert_int_eq(pg_begin(pg), 0);
    ck_assert_int_eq(pg_run(pg, &(PgStatement){NULL, "INSERT INTO kept VALUES (1)"}, NULL, NULL), 0);
    pg_rollback(pg);
    ck_assert_int_eq(cluster_number(pg, "SELECT count(*) FROM kept"), 0);
    ck_assert_int_eq(pg_begin(pg), 0);
    ck_assert_int_eq(pg_run(pg, &(PgStatement){NULL, "INSERT INTO kept VALUES (1)"}, NULL, NULL), 0);
    ck_assert_int_eq(pg_run(pg, &(PgStatement){NULL, "INSERT INTO kept VALUES (1)"}, NULL, NULL), PG_E_UNIQUE);
    ck_assert_int_lt(pg_commit(pg), 0); /* it failed: nobody may believe that it was stored */
    ck_assert_int_eq(cluster_number(pg, "SELECT count(*) FROM kept"), 0);
}
END_TEST

START_TEST(a_restart_while_idle_costs_no_error)
{
    static const PgStatement one = {"one", "SELECT 1"};
    ck_assert_int_eq(pg_run(pg, &one, NULL, NULL), 0);
    cluster_restart();
    ck_assert_int_eq(pg_run(pg, &one, NULL, NULL), 0);
    ck_assert_uint_eq(pg_counters(pg).reconnects, 1);
}
END_TEST

START_TEST(a_lost_server_is_noticed_and_found_again)
{
    int fd = pg_fd(pg);
    cluster_halt();
    struct pollfd readable = {.fd = fd, .events = POLLIN};
    ck_assert_int_eq(poll(&readable, 1, 5000), 1);
    ck_assert_int_lt(pg_check(pg, NULL, NULL), 0);
    ck_assert(pg_is_unavailable(pg));
    ck_assert_int_eq(pg_fd(pg), -1);
    ck_assert_int_lt(pg_run(pg, &(PgStatement){NULL, "SELECT 1"}, NULL, NULL), 0);
    cluster_resume();
    ck_assert_int_eq(pg_run(pg, &(PgStatement){NULL, "SELECT 1"}, NULL, NULL), 0);
}
END_TEST

START_TEST(a_session_killed_in_a_statement_is_an_outage)
{
    ck_assert_int_lt(pg_run(pg, &(PgStatement){NULL, "SELECT pg_terminate_backend(pg_backend_pid())"}, NULL, NULL), 0);
    ck_assert_int_eq(cluster_number(pg, "SELECT 7"), 7);
}
END_TEST

static void take_payload(void *userdata, const char *payload)
{
    buffer_printf(userdata, "%s,", payload);
}

START_TEST(notifications_arrive)
{
    _cleanup_(pg_freep) Pg *other = cluster_connect("postgres", NULL);
    ck_assert_int_eq(pg_listen(pg, "news"), 0);
    cluster_sql(other, "NOTIFY news, 'one'");
    struct pollfd readable = {.fd = pg_fd(pg), .events = POLLIN};
    ck_assert_int_eq(poll(&readable, 1, 5000), 1);
    _cleanup_buffer_ Buffer heard = {};
    ck_assert_int_eq(pg_check(pg, take_payload, &heard), 0);
    ck_assert_int_eq(pg_check(pg, take_payload, &heard), 0);
    ck_assert_str_eq(buffer_text(&heard), "one,");
}
END_TEST

START_TEST(a_wrong_connection_string_is_told)
{
    Pg *none;
    _cleanup_free_ char *error = NULL;
    ck_assert_int_lt(pg_new(&(PgSettings){.conninfo = "hots=here"}, &none, &error), 0);
    ck_assert(strstr(error, "hots") != NULL);
}
END_TEST

int main(void)
{
    cluster_start();
    TCase *test = tcase_create("pg");
    tcase_set_timeout(test, 60);
    tcase_add_checked_fixture(test, setup, teardown);
    tcase_add_test(test, scalars_come_back_as_they_went);
    tcase_add_test(test, arrays_are_columns_of_rows);
    tcase_add_test(test, an_empty_array_gives_no_rows);
    tcase_add_test(test, invalid_text_is_made_valid);
    tcase_add_loop_test(test, sqlstates_become_outcomes, 0, (int)ELEMENTS(failures));
    tcase_add_test(test, other_failures_are_outages_with_words);
    tcase_add_test(test, a_pipeline_is_all_or_nothing);
    tcase_add_test(test, a_large_pipeline_does_not_deadlock);
    tcase_add_test(test, what_is_sent_is_not_gathered_first);
    tcase_add_test(test, rows_are_streamed);
    tcase_add_test(test, a_stream_may_fail_at_any_row);
    tcase_add_test(test, a_transaction_ends_as_told);
    tcase_add_test(test, a_restart_while_idle_costs_no_error);
    tcase_add_test(test, a_lost_server_is_noticed_and_found_again);
    tcase_add_test(test, a_session_killed_in_a_statement_is_an_outage);
    tcase_add_test(test, notifications_arrive);
    tcase_add_test(test, a_wrong_connection_string_is_told);
    Suite *suite = suite_create("pg");
    suite_add_tcase(suite, test);
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK); /* the server is this process's child */
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    cluster_stop();
    return failed != 0;
}
