/* SPDX-License-Identifier: Apache-2.0 */
/* Handler threads and the hub of waiting requests, with a refresh of our own in place of the database. */
#include "web/follow.h"

#include <check.h>
#include <sched.h>

#include "base/clock.h"

static Loop *loop;
static Pool *pool;
static FollowHub *hub;

typedef struct Request {
    int looks, texts, ends;
    int end_after; /* looks */
    char last[64];
} Request;

static WebSession *open_session(void *userdata)
{
    return xnew(WebSession);
}

static void close_session(void *userdata, WebSession *session)
{
    free(session);
}

static Request *current;
static int ends_left; /* until the loop stops */

static void on_text(void *userdata, void *parked, const FollowText *told)
{
    Request *request = parked;
    request->texts++;
    request->ends += told->end;
    snprintf(request->last, sizeof(request->last), "%.*s", (int)told->length, told->text);
    if (told->end && --ends_left == 0)
        loop_stop(loop, 0);
}

static void on_answer(void *userdata, void *parked, HttpResponse *answer)
{
    Request *request = parked;
    request->ends++;
    snprintf(request->last, sizeof(request->last), "%d %s", answer->status, buffer_text(&answer->body));
    http_response_done(answer);
    if (--ends_left == 0)
        loop_stop(loop, 0);
}

static bool is_ready = true;
static bool on_ready(void *userdata)
{
    return is_ready;
}

static void on_idle(void *userdata)
{
}

static int refresh(Follow *follow, WebSession *session, Buffer *text, bool *ret_end)
{
    int look = __atomic_add_fetch(&current->looks, 1, __ATOMIC_SEQ_CST);
    buffer_printf(text, "look %d", look);
    *ret_end = look >= current->end_after;
    return 0;
}

static int give_up(void *userdata)
{
    loop_stop(loop, -ETIME);
    return 0;
}

static void setup(void)
{
    static const PoolOps pool_ops = {.open = open_session, .close = close_session};
    static const FollowHubOps hub_ops = {.text = on_text, .answer = on_answer, .ready = on_ready, .idle = on_idle};
    LoopSource *timer;
    ends_left = 1;
    ck_assert_int_eq(loop_new(&loop), 0);
    ck_assert_int_eq(pool_new(loop, 3, &pool_ops, NULL, &pool), 0);
    ck_assert_int_eq(follow_hub_new(loop, pool, &hub_ops, NULL, &hub), 0);
    ck_assert_int_eq(loop_add_timer(loop, give_up, NULL, &timer), 0);
    loop_timer_in(timer, 20 * USEC_PER_SEC);
}

static void teardown(void)
{
    pool = pool_free(pool);
    hub = follow_hub_free(hub);
    loop = loop_free(loop);
}

START_TEST(a_stream_looks_at_once_and_is_polled)
{
    Request request = {.end_after = 2};
    current = &request;
    follow_hub_park(hub, follow_new("a", true, refresh), &request);
    ck_assert_int_eq(loop_run(loop), 0);
    ck_assert_int_eq(request.texts, 2);
    ck_assert_int_eq(request.ends, 1);
    ck_assert_str_eq(request.last, "look 2");
    ck_assert_uint_eq(follow_hub_count(hub), 0);
}
END_TEST

START_TEST(a_ring_before_parking_is_not_lost)
{
    Request request = {.end_after = 1};
    current = &request;
    follow_hub_expect(hub, "one");
    follow_hub_wake(hub, "other\none\n");
    follow_hub_park(hub, follow_new("one", false, refresh), &request);
    ck_assert_int_eq(loop_run(loop), 0);
    ck_assert_int_eq(request.ends, 1);
}
END_TEST

START_TEST(a_ring_wakes_all_that_follow_the_execution)
{
    Request requests[3] = {{.end_after = 1}, {.end_after = 1}, {.end_after = 1}};
    current = &requests[0];
    for (size_t i = 0; i < ELEMENTS(requests); i++)
        follow_hub_park(hub, follow_new(i == 1 ? "x" : "y", false, refresh), &requests[i]);
    ck_assert_uint_eq(follow_hub_count(hub), 3);
    ends_left = 2;
    follow_hub_wake(hub, "y");
    ck_assert_int_eq(loop_run(loop), 0);
    ck_assert_int_eq(requests[0].ends, 1);
    ck_assert_int_eq(requests[2].ends, 1);
    ck_assert_int_eq(requests[1].ends, 0);
    ck_assert_uint_eq(follow_hub_count(hub), 1);
    ck_assert(follow_hub_forget(hub, &requests[1]));
    ck_assert(!follow_hub_forget(hub, &requests[1]));
    ck_assert_uint_eq(follow_hub_count(hub), 0);
}
END_TEST

/* Looks are long, and each is rung into a hundred times. */
static int refresh_long(Follow *follow, WebSession *session, Buffer *text, bool *ret_end)
{
    usec_t end = clock_monotonic() + 40 * USEC_PER_MSEC;
    while (clock_monotonic() < end)
        ;
    return refresh(follow, session, text, ret_end);
}

static LoopSource *ringer;
static unsigned rings;
static int ring_again(void *userdata)
{
    rings++;
    follow_hub_wake(hub, "a");
    loop_timer_in(ringer, USEC_PER_MSEC);
    return 0;
}

START_TEST(rings_into_long_looks_become_few)
{
    Request request = {.end_after = 5};
    usec_t begin = clock_monotonic();
    current = &request;
    ck_assert_int_eq(loop_add_timer(loop, ring_again, NULL, &ringer), 0);
    loop_timer_in(ringer, 0);
    follow_hub_park(hub, follow_new("a", true, refresh_long), &request);
    ck_assert_int_eq(loop_run(loop), 0);
    ck_assert_int_eq(request.ends, 1);
    /* four rests of three times what a look takes */
    ck_assert_uint_ge(clock_monotonic() - begin, (5 + 4 * 3) * 40 * USEC_PER_MSEC);
}
END_TEST

static int take_backlog(void *userdata)
{
    is_ready = true;
    return 0;
}

START_TEST(a_stream_with_a_backlog_is_not_looked_at)
{
    Request request = {.end_after = 1};
    LoopSource *timer;
    current = &request;
    is_ready = false;
    follow_hub_park(hub, follow_new("a", true, refresh), &request);
    follow_hub_wake(hub, "a");
    ck_assert_uint_eq(pool_active(pool), 0);
    ck_assert_int_eq(loop_add_timer(loop, take_backlog, NULL, &timer), 0);
    loop_timer_in(timer, 0);
    ck_assert_int_eq(loop_run(loop), 0); /* by the poll */
    ck_assert_int_eq(request.looks, 1);
}
END_TEST

static Follow *moment(int (*look)(Follow *, WebSession *, Buffer *, bool *), usec_t usec)
{
    Follow *follow = follow_moment("m", look);
    follow->moment_usec = usec;
    http_text(&follow->answer, 202, "text/plain", "as it was");
    return follow;
}

START_TEST(a_moment_ends_when_it_is_reached)
{
    Request request = {.end_after = 4};
    current = &request;
    follow_hub_park(hub, moment(refresh, 10 * USEC_PER_SEC), &request);
    ck_assert_int_eq(loop_run(loop), 0); /* by itself, without a ring */
    ck_assert_str_eq(request.last, "202 look 1look 2look 3look 4");
    ck_assert_uint_eq(follow_hub_count(hub), 0);
}
END_TEST

static int refresh_in_vain(Follow *follow, WebSession *session, Buffer *text, bool *ret_end)
{
    __atomic_add_fetch(&current->looks, 1, __ATOMIC_SEQ_CST);
    return 0;
}

START_TEST(a_moment_ends_when_its_time_is_over)
{
    Request request = {};
    current = &request;
    follow_hub_park(hub, moment(refresh_in_vain, 300 * USEC_PER_MSEC), &request);
    ck_assert_int_eq(loop_run(loop), 0);
    ck_assert_str_eq(request.last, "202 as it was");
    ck_assert_int_le(request.looks, 12); /* it rests longer each time */
}
END_TEST

static volatile bool let_go;
static int refresh_stuck(Follow *follow, WebSession *session, Buffer *text, bool *ret_end)
{
    while (!let_go)
        sched_yield();
    return 0;
}

START_TEST(a_moment_ends_while_a_thread_is_stuck_with_it)
{
    Request request = {};
    let_go = false;
    follow_hub_park(hub, moment(refresh_stuck, 100 * USEC_PER_MSEC), &request);
    ck_assert_int_eq(loop_run(loop), 0);
    ck_assert_str_eq(request.last, "202 as it was");
    let_go = true;
}
END_TEST

START_TEST(an_empty_ring_wakes_all)
{
    Request request = {.end_after = 1};
    current = &request;
    follow_hub_park(hub, follow_new("y", false, refresh), &request);
    follow_hub_wake(hub, "");
    ck_assert_int_eq(loop_run(loop), 0);
    ck_assert_int_eq(request.looks, 1);
}
END_TEST

START_TEST(streams_end_when_the_role_stops)
{
    Request requests[2] = {{.end_after = 100}, {.end_after = 100}};
    current = &requests[0];
    follow_hub_park(hub, follow_new("a", false, refresh), &requests[0]);
    follow_hub_park(hub, follow_new("a", true, refresh), &requests[1]);
    follow_hub_end_streams(hub);
    ck_assert_int_eq(requests[0].ends, 0);
    ck_assert_int_eq(requests[1].ends, 1);
    ck_assert_uint_eq(follow_hub_count(hub), 1);
}
END_TEST

typedef struct Step {
    PoolTask task;
    int *done, wanted;
} Step;

static void run_step(PoolTask *task, WebSession *session)
{
    ck_assert_ptr_nonnull(session);
}

static void step_done(PoolTask *task)
{
    Step *step = (Step *)task;
    if (++*step->done == step->wanted)
        loop_stop(loop, 0);
}

START_TEST(every_task_comes_back)
{
    Step steps[200];
    int done = 0;
    for (size_t i = 0; i < ELEMENTS(steps); i++) {
        steps[i] = (Step){.task = {.run = run_step, .done = step_done}, .done = &done, .wanted = ELEMENTS(steps)};
        pool_submit(pool, &steps[i].task);
    }
    ck_assert_uint_eq(pool_active(pool), ELEMENTS(steps));
    ck_assert_uint_le(pool_threads(pool), 3);
    ck_assert_int_eq(loop_run(loop), 0);
    ck_assert_int_eq(done, ELEMENTS(steps));
    ck_assert_uint_eq(pool_active(pool), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("follow");
    TCase *all = tcase_create("all");
    suite_add_tcase(suite, all);
    tcase_set_timeout(all, 30);
    tcase_add_checked_fixture(all, setup, teardown);
    tcase_add_test(all, a_stream_looks_at_once_and_is_polled);
    tcase_add_test(all, a_ring_before_parking_is_not_lost);
    tcase_add_test(all, a_ring_wakes_all_that_follow_the_execution);
    tcase_add_test(all, rings_into_long_looks_become_few);
    tcase_add_test(all, a_stream_with_a_backlog_is_not_looked_at);
    tcase_add_test(all, streams_end_when_the_role_stops);
    tcase_add_test(all, a_moment_ends_when_it_is_reached);
    tcase_add_test(all, a_moment_ends_when_its_time_is_over);
    tcase_add_test(all, a_moment_ends_while_a_thread_is_stuck_with_it);
    tcase_add_test(all, an_empty_ring_wakes_all);
    tcase_add_test(all, every_task_comes_back);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
