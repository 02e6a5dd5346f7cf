/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon shell, its control server and the bell, all in one process: the test plays systemd and the client. */
#include <check.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bell.h"
#include "base/control.h"
#include "base/daemon.h"
#include "base/log.h"

typedef struct World {
    char directory[64], socket[128], notify_path[128];
    int notify;
    Daemon *daemon;
    Buffer wakes; /* bodies, each followed by "." */
    unsigned drains, reloads;
} World;

static World world;

static int listen_datagram(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static void turn(void)
{
    while (sd_event_run(loop_event(daemon_loop(world.daemon)), 0) > 0)
        ;
}

/* What was notified since the last call, messages separated by "|". */
static char *notified(void)
{
    static char text[8192];
    size_t used = 0;
    text[0] = 0;
    for (;;) {
        ssize_t n = recv(world.notify, text + used, sizeof(text) - used - 2, 0);
        if (n < 0)
            return text;
        used += (size_t)n;
        text[used++] = '|';
        text[used] = 0;
    }
}

static char *ask(int fd, const char *request)
{
    static char answer[16384];
    ck_assert_int_eq(send(fd, request, strlen(request), MSG_NOSIGNAL), (ssize_t)strlen(request));
    turn();
    ssize_t n = recv(fd, answer, sizeof(answer) - 1, MSG_DONTWAIT);
    answer[MAX(n, (ssize_t)0)] = 0;
    return answer;
}

static int on_wake(void *userdata, const char *body)
{
    buffer_printf(&world.wakes, "%s.", body);
    return 0;
}

static int on_reload(void *userdata)
{
    world.reloads++;
    return 0;
}

static int on_drain(void *userdata)
{
    world.drains++;
    return 0;
}

static void on_metrics(void *userdata, Buffer *text)
{
    buffer_append(text, "kestra_things_total 7\n");
}

static const DaemonOps ops = {
    .role = "tester", .wake = on_wake, .reload = on_reload, .drain = on_drain, .metrics = on_metrics};

static void set_up(void)
{
    world = (World){.directory = "/tmp/kestra-check-XXXXXX"};
    ck_assert_ptr_nonnull(mkdtemp(world.directory));
    (void)snprintf(world.socket, sizeof(world.socket), "%s/role.sock", world.directory);
    (void)snprintf(world.notify_path, sizeof(world.notify_path), "%s/notify", world.directory);
    world.notify = listen_datagram(world.notify_path);
    setenv("NOTIFY_SOCKET", world.notify_path, 1);
    log_open("tester", LOG_ERR);
}

static void tear_down(void)
{
    world.daemon = daemon_free(world.daemon);
    ck_assert_int_ne(access(world.socket, F_OK), 0);
    close_fd(world.notify);
    unlink(world.notify_path);
    rmdir(world.directory);
    buffer_done(&world.wakes);
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
}

static void start(void)
{
    ck_assert_int_eq(daemon_new(&ops, &world, world.socket, &world.daemon), 0);
}

START_TEST(test_notify_life)
{
    start();
    ck_assert_str_eq(notified(), "");
    daemon_status(world.daemon, "waiting for %s", "work");
    daemon_ready(world.daemon);
    daemon_ready(world.daemon);
    ck_assert_str_eq(notified(), "STATUS=waiting for work|READY=1|");
    daemon_status(world.daemon, "waiting for %s", "work");
    ck_assert_str_eq(notified(), "");
    raise(SIGHUP);
    turn();
    const char *text = notified();
    ck_assert_msg(starts_with(text, "RELOADING=1\nMONOTONIC_USEC=") && ends_with(text, "|READY=1|"), "%s", text);
    ck_assert_uint_eq(world.reloads, 1);
}
END_TEST

START_TEST(test_sigterm_drains_once)
{
    start();
    raise(SIGTERM);
    turn();
    raise(SIGTERM);
    turn();
    ck_assert_uint_eq(world.drains, 1);
    ck_assert(daemon_is_draining(world.daemon));
    ck_assert_str_eq(notified(), "STOPPING=1|EXTEND_TIMEOUT_USEC=30000000|");
    daemon_drained(world.daemon);
    ck_assert_int_eq(daemon_run(world.daemon), 0);
}
END_TEST

START_TEST(test_second_interrupt_ends_at_once)
{
    start();
    raise(SIGINT);
    turn();
    raise(SIGINT);
    ck_assert_int_eq(daemon_run(world.daemon), 0);
    ck_assert_uint_eq(world.drains, 1);
}
END_TEST

START_TEST(test_watchdog_only_by_progress)
{
    setenv("WATCHDOG_USEC", "400000", 1);
    unsetenv("WATCHDOG_PID");
    start();
    ck_assert_uint_eq(daemon_watchdog(world.daemon), 400000);
    int fd = connect_to(world.socket);
    for (int i = 0; i < 5; i++)
        ask(fd, "POST /wake HTTP/1.1\r\nContent-Length: 0\r\n\r\n");
    ck_assert_str_eq(notified(), "");
    daemon_progress(world.daemon);
    daemon_progress(world.daemon);
    ck_assert_str_eq(notified(), "WATCHDOG=1|");
    close_fd(fd);
}
END_TEST

START_TEST(test_health)
{
    start();
    int fd = connect_to(world.socket);
    const char *answer = ask(fd, "GET /health HTTP/1.1\r\nHost: x\r\n\r\n");
    ck_assert_msg(starts_with(answer, "HTTP/1.1 200 OK\r\n"), "%s", answer);
    ck_assert(ends_with(answer, "\r\n\r\n{\"status\":\"UP\",\"components\":{}}"));
    daemon_status(world.daemon, "3 jobs");
    daemon_health(world.daemon, "postgresql", HEALTH_DOWN, "no \"server\"\nthere");
    ck_assert_int_eq(daemon_overall(world.daemon), HEALTH_DOWN);
    ck_assert_str_eq(notified(), "STATUS=3 jobs|STATUS=DOWN: postgresql: no \"server\" there; 3 jobs|");
    answer = ask(fd, "GET /health?x=1 HTTP/1.1\r\nHost: x\r\n\r\n");
    ck_assert_msg(starts_with(answer, "HTTP/1.1 503 "), "%s", answer);
    ck_assert(ends_with(answer, "{\"status\":\"DOWN\",\"components\":{\"postgresql\":{\"status\":\"DOWN\","
                                "\"description\":\"no \\\"server\\\"\\nthere\"}}}"));
    daemon_health(world.daemon, "postgresql", HEALTH_UP, "%s", "");
    ck_assert_int_eq(daemon_overall(world.daemon), HEALTH_UP);
    ck_assert_str_eq(notified(), "STATUS=3 jobs|");
    close_fd(fd);
}
END_TEST

START_TEST(test_an_outage_is_tried_again_later_each_time)
{
    start();
    usec_t first = daemon_outage(world.daemon, "postgresql", "%s", "gone");
    ck_assert(first >= 37 * USEC_PER_MSEC && first <= 50 * USEC_PER_MSEC);
    usec_t last = 0;
    for (int i = 0; i < 12; i++)
        last = daemon_outage(world.daemon, "postgresql", "%s", "gone");
    ck_assert(last > 3 * USEC_PER_SEC && last <= 5 * USEC_PER_SEC);
    ck_assert_int_eq(daemon_overall(world.daemon), HEALTH_DOWN);
    daemon_health(world.daemon, "postgresql", HEALTH_UP, "%s", "");
    ck_assert_uint_le(daemon_outage(world.daemon, "postgresql", "%s", "gone"), 50 * USEC_PER_MSEC);
}
END_TEST

/* In the middle of something: health is answered, a ring is heard when the loop turns again, and once. */
START_TEST(test_the_socket_is_served_while_the_role_waits)
{
    start();
    int fd = connect_to(world.socket);
    static const char ring[] = "POST /wake HTTP/1.1\r\nContent-Length: 1\r\n\r\na";
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(send(fd, ring, sizeof(ring) - 1, 0), (ssize_t)sizeof(ring) - 1);
    static const char health[] = "GET /health HTTP/1.1\r\n\r\n";
    ck_assert_int_eq(send(fd, health, sizeof(health) - 1, 0), (ssize_t)sizeof(health) - 1);
    struct pollfd ready = {.fd = daemon_serve_fd(world.daemon), .events = POLLIN};
    ck_assert_int_eq(poll(&ready, 1, 5000), 1);
    daemon_serve(world.daemon);
    char answer[1024] = "";
    ck_assert_int_gt(recv(fd, answer, sizeof(answer) - 1, 0), 0);
    ck_assert(strstr(answer, "204 No Content") && strstr(answer, "\"status\":\"UP\""));
    ck_assert_str_eq(buffer_text(&world.wakes), "");
    turn();
    ck_assert_str_eq(buffer_text(&world.wakes), "a.");
    close_fd(fd);
}
END_TEST

START_TEST(test_metrics)
{
    start();
    int fd = connect_to(world.socket);
    const char *answer = ask(fd, "GET /metrics HTTP/1.0\r\n\r\n");
    ck_assert(strstr(answer, "\nup{role=\"tester\"} 1\n") != NULL);
    ck_assert(strstr(answer, "\nprocess_resident_memory_bytes ") != NULL);
    ck_assert(ends_with(answer, "\nkestra_things_total 7\n"));
    char byte;
    ck_assert_int_eq(recv(fd, &byte, 1, MSG_DONTWAIT), 0); /* HTTP/1.0: closed */
    close_fd(fd);
}
END_TEST

START_TEST(test_wake_and_keep_alive)
{
    start();
    int fd = connect_to(world.socket);
    const char *answer = ask(fd, "POST /wake HTTP/1.1\r\nContent-Length: 3\r\n\r\na\nb"
                                 "POST /wake HTTP/1.1\r\ncontent-length:0\r\n\r\nPOST /wake HT");
    ck_assert_str_eq(answer, "HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n");
    ck_assert_str_eq(buffer_text(&world.wakes), "a\nb..");
    answer = ask(fd, "TP/1.1\r\nContent-Length: 1\r\n\r\nc");
    ck_assert_str_eq(answer, "HTTP/1.1 204 No Content\r\n\r\n");
    ck_assert_str_eq(buffer_text(&world.wakes), "a\nb..c.");
    answer = ask(fd, "POST /reload HTTP/1.1\r\nContent-Length: 0\r\n\r\n");
    ck_assert_str_eq(answer, "HTTP/1.1 204 No Content\r\n\r\n");
    ck_assert_uint_eq(world.reloads, 1);
    close_fd(fd);
}
END_TEST

static const struct {
    const char *request, *status;
} refused[] = {
    {"GET /nowhere HTTP/1.1\r\n\r\n", "404"},
    {"DELETE /health HTTP/1.1\r\n\r\n", "405"},
    {"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", "501"},
    {"POST /wake HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n", "413"},
    {"POST /wake HTTP/1.1\r\nContent-Length: 3x\r\n\r\n", "400"},
    {"nonsense\r\n\r\n", "400"},
    {"GET /health SMTP/1.1\r\n\r\n", "400"},
};

START_TEST(test_refused)
{
    start();
    int fd = connect_to(world.socket);
    const char *answer = ask(fd, refused[_i].request);
    ck_assert_msg(starts_with(answer, "HTTP/1.1 ") && strncmp(answer + 9, refused[_i].status, 3) == 0, "%s: %s",
                  refused[_i].request, answer);
    close_fd(fd);
}
END_TEST

START_TEST(test_endless_head)
{
    start();
    int fd = connect_to(world.socket);
    char text[10000];
    memset(text, 'x', sizeof(text));
    text[sizeof(text) - 1] = 0;
    ck_assert(starts_with(ask(fd, text), "HTTP/1.1 431 "));
    close_fd(fd);
}
END_TEST

/* sd_listen_fds wants them at 3 and 4, so this runs in a process of its own. */
static bool takes_passed_descriptors(int listening, int other, const char *path)
{
    char pid[16];
    int notify = fcntl(world.notify, F_DUPFD_CLOEXEC, 20);
    listening = fcntl(listening, F_DUPFD_CLOEXEC, 20);
    other = fcntl(other, F_DUPFD_CLOEXEC, 20);
    if (dup2(listening, 3) != 3 || dup2(other, 4) != 4)
        return false;
    world.notify = notify;
    (void)snprintf(pid, sizeof(pid), "%d", (int)getpid());
    setenv("LISTEN_PID", pid, 1);
    setenv("LISTEN_FDS", "2", 1);
    setenv("LISTEN_FDNAMES", "tester:http", 1);
    if (daemon_new(&ops, &world, world.socket, &world.daemon) != 0)
        return false;
    bool taken = streq(daemon_socket_path(world.daemon), path) && daemon_listen_fd(world.daemon, "http") == 4 &&
                 daemon_listen_fd(world.daemon, "http") == -1 && daemon_listen_fd(world.daemon, "tester") == -1 &&
                 !getenv("LISTEN_FDS");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, path, strlen(path) + 1);
    int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return taken && connect(client, (struct sockaddr *)&address, sizeof(address)) == 0 &&
           starts_with(ask(client, "GET /health HTTP/1.1\r\n\r\n"), "HTTP/1.1 200");
}

START_TEST(test_passed_descriptors)
{
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/passed.sock", world.directory);
    int fd, status, other = open("/dev/null", O_RDONLY | O_CLOEXEC);
    ck_assert_int_eq(control_listen(path, &fd), 0);
    pid_t child = fork();
    if (child == 0)
        _exit(takes_passed_descriptors(fd, other, path) ? 0 : 1);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    close_fd(fd);
    close_fd(other);
    unlink(path);
}
END_TEST

START_TEST(test_bell_leaves_out_unanswered)
{
    start();
    Bell *bell = bell_new();
    for (int i = 0; i < 10; i++)
        bell_ring(bell, world.socket, "");
    bell_ring(bell, world.socket, "x");
    bell_ring(bell, world.socket, "x");
    turn();
    ck_assert_str_eq(buffer_text(&world.wakes), ".x.");
    bell_ring(bell, world.socket, "");
    bell_ring(bell, world.socket, "x");
    turn();
    ck_assert_str_eq(buffer_text(&world.wakes), ".x..x.");
    bell_free(bell);
}
END_TEST

START_TEST(test_bell_finds_a_restarted_peer)
{
    start();
    Bell *bell = bell_new();
    bell_ring(bell, world.socket, "1");
    turn();
    world.daemon = daemon_free(world.daemon);
    bell_ring(bell, world.socket, "lost"); /* must neither block nor fail */
    start();
    bell_ring(bell, world.socket, "2");
    turn();
    ck_assert_str_eq(buffer_text(&world.wakes), "1.2.");
    bell_free(bell);
}
END_TEST

/* A peer that never answers must not block the ringer, whatever it rings. */
START_TEST(test_bell_never_blocks)
{
    start();
    Bell *bell = bell_new();
    for (int i = 0; i < 100000; i++) {
        char body[32];
        (void)snprintf(body, sizeof(body), "%d", i);
        bell_ring(bell, world.socket, body);
    }
    turn();
    ck_assert(starts_with(buffer_text(&world.wakes), "0.1.2.3."));
    bell_free(bell);
}
END_TEST

static unsigned calls;
static LoopSource *timer, *defer;

static int on_defer(void *userdata)
{
    calls += 100;
    return 0;
}

static int on_timer(void *userdata)
{
    calls++;
    timer = loop_source_free(timer); /* a source may go in its own callback */
    loop_defer(defer);
    loop_defer(defer);
    return 0;
}

static int on_end(void *userdata)
{
    return calls == 101 ? -EDOM : -EPROTO;
}

START_TEST(test_loop_ends_with_error)
{
    Loop *loop;
    LoopSource *end;
    calls = 0;
    ck_assert_int_eq(loop_new(&loop), 0);
    ck_assert_int_eq(loop_add_timer(loop, on_timer, NULL, &timer), 0);
    ck_assert_int_eq(loop_add_timer(loop, on_end, NULL, &end), 0);
    ck_assert_int_eq(loop_add_defer(loop, on_defer, NULL, &defer), 0);
    loop_timer_in(timer, 1000);
    loop_timer_in(end, 20 * USEC_PER_MSEC);
    ck_assert_int_eq(loop_run(loop), -EDOM);
    loop_free(loop);
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("daemon");
    TCase *test_case = tcase_create("daemon");
    tcase_add_checked_fixture(test_case, set_up, tear_down);
    tcase_add_test(test_case, test_notify_life);
    tcase_add_test(test_case, test_sigterm_drains_once);
    tcase_add_test(test_case, test_second_interrupt_ends_at_once);
    tcase_add_test(test_case, test_watchdog_only_by_progress);
    tcase_add_test(test_case, test_health);
    tcase_add_test(test_case, test_metrics);
    tcase_add_test(test_case, test_an_outage_is_tried_again_later_each_time);
    tcase_add_test(test_case, test_the_socket_is_served_while_the_role_waits);
    tcase_add_test(test_case, test_wake_and_keep_alive);
    tcase_add_loop_test(test_case, test_refused, 0, (int)ELEMENTS(refused));
    tcase_add_test(test_case, test_endless_head);
    tcase_add_test(test_case, test_passed_descriptors);
    tcase_add_test(test_case, test_bell_leaves_out_unanswered);
    tcase_add_test(test_case, test_bell_finds_a_restarted_peer);
    tcase_add_test(test_case, test_bell_never_blocks);
    suite_add_tcase(suite, test_case);
    TCase *loop_case = tcase_create("loop");
    tcase_add_test(loop_case, test_loop_ends_with_error);
    suite_add_tcase(suite, loop_case);
    return suite;
}

int main(void)
{
    SRunner *runner = srunner_create(suite());
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
