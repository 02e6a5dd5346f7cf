/* SPDX-License-Identifier: Apache-2.0 */
/* Child processes and their trees, with and without a cgroup. */
#include <check.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/spawn.h"

static Spawner *spawner;

/* _i: 0 by /proc, 1 by cgroup when there is one. */
static void set_up(int variant)
{
    ck_assert_int_eq(spawner_new(variant ? NULL : "", &spawner), 0);
}

static SpawnOptions shell(const char *const *arguments)
{
    return (SpawnOptions){.arguments = arguments, .input = SPAWN_NULL, .output = SPAWN_PIPE, .error = SPAWN_NULL};
}

static char *read_all(int fd)
{
    Buffer text = {};
    char bytes[4096];
    for (;;) {
        struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
        ck_assert_int_eq(poll(&poll_fd, 1, 10000), 1);
        ssize_t n = read(fd, bytes, sizeof(bytes));
        if (n <= 0)
            break;
        buffer_append_n(&text, bytes, (size_t)n);
    }
    close_fd(fd);
    return buffer_take(&text);
}

static int status_of(Spawned *child)
{
    siginfo_t info = {};
    struct pollfd poll_fd = {.fd = spawn_pidfd(child), .events = POLLIN};
    ck_assert_int_eq(poll(&poll_fd, 1, 10000), 1);
    ck_assert(spawn_ended(child, &info));
    return info.si_code == CLD_EXITED ? info.si_status : 1000 + info.si_status;
}

START_TEST(test_streams)
{
    set_up(_i);
    Spawned *child;
    SpawnOptions options =
        shell((const char *[]){"sh", "-c", "read x; echo \"$x $A $PWD\"; echo bad >&2; exit 3", NULL});
    options.environment = (const char *[]){"A=b", "PATH=/nowhere:/bin", NULL};
    options.directory = "/";
    options.input = options.error = SPAWN_PIPE;
    ck_assert_int_eq(spawn_start(spawner, &options, &child), 0);
    int input = spawn_stdin(child);
    ck_assert_int_eq(write(input, "line\n", 5), 5);
    close_fd(input);
    char *output = read_all(spawn_stdout(child)), *error = read_all(spawn_stderr(child));
    ck_assert_str_eq(output, "line b /\n");
    ck_assert_str_eq(error, "bad\n");
    ck_assert_int_eq(status_of(child), 3);
    ck_assert_uint_eq(spawn_signal_tree(child, 0), 0);
    free(output);
    free(error);
    spawn_free(child);
    spawner_free(spawner);
}
END_TEST

START_TEST(test_own_session_and_clean_descriptors)
{
    set_up(0);
    Spawned *child;
    int leaked = open("/dev/null", O_RDONLY); /* deliberately without O_CLOEXEC */
    SpawnOptions options =
        shell((const char *[]){"sh", "-c", "ls /proc/self/fd | wc -l; ps -o sid= -p $$; echo $$", NULL});
    ck_assert_int_eq(spawn_start(spawner, &options, &child), 0);
    char *output = read_all(spawn_stdout(child));
    int count = 0, session = 0, pid = 0;
    ck_assert_int_eq(sscanf(output, "%d %d %d", &count, &session, &pid), 3);
    ck_assert_int_eq(count, 4); /* 0, 1, 2 and the directory that ls reads */
    ck_assert_int_eq(session, pid);
    ck_assert_int_eq(pid, spawn_pid(child));
    ck_assert_int_eq(status_of(child), 0);
    free(output);
    close_fd(leaked);
    spawn_free(child);
    spawner_free(spawner);
}
END_TEST

/* As another user: no group of ours, no capability, no way to any; and the program may lie where that user does not
 * get. */
START_TEST(test_other_user)
{
    set_up(_i);
    Spawned *child;
    char closed[] = "/tmp/kestra-spawn-XXXXXX";
    if (geteuid() != 0) {
        spawner_free(spawner);
        return;
    }
    ck_assert_ptr_nonnull(mkdtemp(closed));
    _cleanup_free_ char *program = xasprintf("%s/shell", closed), *copy = xasprintf("cp /bin/sh %s", program);
    SpawnOptions options = shell((const char *[]){"sh", "-c", copy, NULL});
    ck_assert_int_eq(spawn_start(spawner, &options, &child), 0);
    ck_assert_int_eq(status_of(child), 0);
    spawn_free(child);
    _cleanup_(close_fdp) int fd = open(program, O_PATH | O_CLOEXEC);
    options = shell((const char *[]){"sh", "-c",
                                     "id -u; id -G; grep -E '^(Cap(Inh|Prm|Eff|Amb)|NoNewPrivs)' /proc/self/status |"
                                     " tr -d '\t\n' | tr -s 0; ls /proc/self/fd | wc -l",
                                     NULL});
    options.change_user = true;
    options.user = options.group = 65534;
    options.groups = (const gid_t[]){65533};
    options.group_count = 1;
    options.program_fd = fd;
    ck_assert_int_eq(spawn_start(spawner, &options, &child), 0);
    char *output = read_all(spawn_stdout(child));
    ck_assert_str_eq(output, "65534\n65534 65533\nCapInh:0CapPrm:0CapEff:0CapAmb:0NoNewPrivs:14\n");
    ck_assert_int_eq(status_of(child), 0);
    free(output);
    spawn_free(child);
    options.program_fd = 0;
    options.arguments = (const char *[]){program, "-c", "true", NULL};
    ck_assert_int_eq(spawn_start(spawner, &options, &child), SPAWN_E_REFUSED);
    (void)unlink(program);
    (void)rmdir(closed);
    spawner_free(spawner);
}
END_TEST

START_TEST(test_hangup_can_be_ignored)
{
    set_up(0);
    SpawnOptions options = shell((const char *[]){"sh", "-c", "kill -HUP $$; echo goes on", NULL});
    for (int ignored = 0; ignored < 2; ignored++) {
        Spawned *child;
        options.ignore_hangup = ignored;
        ck_assert_int_eq(spawn_start(spawner, &options, &child), 0);
        char *output = read_all(spawn_stdout(child));
        ck_assert_str_eq(output, ignored ? "goes on\n" : "");
        ck_assert_int_eq(status_of(child), ignored ? 0 : 1000 + SIGHUP);
        free(output);
        spawn_free(child);
    }
    spawner_free(spawner);
}
END_TEST

START_TEST(test_not_found_and_refused)
{
    set_up(_i);
    Spawned *child = NULL;
    SpawnOptions options = shell((const char *[]){"/nowhere/at/all", NULL});
    ck_assert_int_eq(spawn_start(spawner, &options, &child), SPAWN_E_NOT_FOUND);
    options.arguments = (const char *[]){"no-such-program-here", NULL};
    ck_assert_int_eq(spawn_start(spawner, &options, &child), SPAWN_E_NOT_FOUND);
    options.arguments = (const char *[]){"/etc/passwd", NULL};
    ck_assert_int_eq(spawn_start(spawner, &options, &child), SPAWN_E_REFUSED);
    ck_assert_int_eq(errno, EACCES);
    options.arguments = (const char *[]){"true", NULL};
    options.directory = "/nowhere";
    ck_assert_int_eq(spawn_start(spawner, &options, &child), SPAWN_E_NOT_FOUND);
    ck_assert_ptr_null(child);
    ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1); /* no zombie is left */
    spawner_free(spawner);
}
END_TEST

START_TEST(test_listen_descriptors)
{
    set_up(0);
    Spawned *child;
    int a[2], b[2];
    ck_assert_int_eq(pipe(a), 0);
    ck_assert_int_eq(pipe(b), 0);
    SpawnOptions options = shell((const char *[]){
        "sh", "-c", "echo $LISTEN_FDS $LISTEN_FDNAMES; [ $LISTEN_PID = $$ ] && echo me; echo one >&3; echo two >&4",
        NULL});
    options.listen_fds = (const int[]){b[1], a[1]}; /* crossing: neither may overwrite the other */
    options.listen_names = (const char *[]){"first", "second"};
    options.listen_count = 2;
    ck_assert_int_eq(spawn_start(spawner, &options, &child), 0);
    char *output = read_all(spawn_stdout(child));
    ck_assert_str_eq(output, "2 first:second\nme\n");
    ck_assert_int_eq(status_of(child), 0);
    char bytes[8] = "";
    ck_assert_int_eq(read(b[0], bytes, sizeof(bytes)), 4);
    ck_assert(starts_with(bytes, "one\n"));
    ck_assert_int_eq(read(a[0], bytes, sizeof(bytes)), 4);
    ck_assert(starts_with(bytes, "two\n"));
    free(output);
    spawn_free(child);
    spawner_free(spawner);
}
END_TEST

/* Starts a shell that leaves a double-forked sleep in a session and with an environment of its own, and one beside it.
 * Returns when all run. */
static Spawned *start_escape(const char *extra)
{
    static char script[512];
    (void)snprintf(script, sizeof(script),
                   "%s (setsid env -i sh -c 'trap \"\" TERM; (trap \"\" TERM; sleep 1000) & echo up; wait' &) ; sleep "
                   "1000 & echo up; %s",
                   extra, starts_with(extra, "exit") ? "" : "wait");
    static const char *arguments[] = {"sh", "-c", script, NULL};
    SpawnOptions options = shell(arguments);
    Spawned *child;
    ck_assert_int_eq(spawn_start(spawner, &options, &child), 0);
    int fd = spawn_stdout(child);
    char bytes[16];
    for (ssize_t seen = 0; seen < 6;) {
        struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
        ck_assert_int_eq(poll(&poll_fd, 1, 10000), 1);
        ssize_t n = read(fd, bytes, sizeof(bytes));
        ck_assert_int_gt(n, 0);
        seen += n;
    }
    close_fd(fd);
    return child;
}

/* Nothing lives, no zombie. Who has got SIGKILL is in no tree any more while the kernel takes it down: it has a moment.
 */
static void check_nothing_is_left(void)
{
    usec_t limit = clock_monotonic() + 10 * USEC_PER_SEC;
    while (waitpid(-1, NULL, WNOHANG) != -1) {
        ck_assert_uint_lt(clock_monotonic(), limit);
        (void)poll(NULL, 0, 1);
        spawner_reap(spawner);
    }
}

START_TEST(test_tree_does_not_escape)
{
    set_up(_i);
    Spawned *child = start_escape("");
    ck_assert_uint_ge(spawn_signal_tree(child, 0), 4);
    spawn_kill_tree(child, 50 * USEC_PER_MSEC);
    ck_assert_uint_eq(spawn_signal_tree(child, 0), 0);
    check_nothing_is_left();
    spawn_free(child);
    spawner_free(spawner);
}
END_TEST

/* The child itself is gone and reaped: what it left behind is still its tree, and not its neighbour's. */
START_TEST(test_orphans_belong_to_their_tree)
{
    set_up(_i);
    Spawned *neighbour = start_escape("");
    unsigned neighbours = spawn_signal_tree(neighbour, 0);
    Spawned *child = start_escape("trap '' TERM;");
    ck_assert_int_eq(kill(spawn_pid(child), SIGKILL), 0);
    ck_assert_int_eq(status_of(child), 1009);
    ck_assert_uint_ge(spawn_signal_tree(child, 0), 3);
    spawn_kill_tree(child, 0);
    ck_assert_uint_eq(spawn_signal_tree(child, 0), 0);
    ck_assert_uint_eq(spawn_signal_tree(neighbour, 0), neighbours);
    spawn_kill_tree(neighbour, 10 * USEC_PER_MSEC);
    spawn_free(neighbour);
    spawn_free(child);
    spawner_free(spawner);
}
END_TEST

START_TEST(test_kind_end)
{
    set_up(_i);
    Spawned *child;
    SpawnOptions options = shell((const char *[]){"sleep", "1000", NULL});
    ck_assert_int_eq(spawn_start(spawner, &options, &child), 0);
    usec_t before = clock_monotonic();
    spawn_kill_tree(child, 20 * USEC_PER_SEC); /* TERM is enough: the grace is not waited for */
    ck_assert_uint_lt(clock_monotonic() - before, 10 * USEC_PER_SEC);
    spawn_free(child);
    spawner_free(spawner);
}
END_TEST

/* A token has up to 22 characters, whatever stands above it in the mark. */
START_TEST(test_adopted_by_its_mark)
{
    static const struct {
        const char *mark;
        bool good;
    } cases[] = {
        {"SPAWN_TREE=4IvYt4i5ntOH9ivAAAAAAA", true},
        {"SPAWN_TREE=7N42dgm5tFLK9N8MT7fHC:shorter", true},
        {"SPAWN_TREE=", false},
        {"SPAWN_TREE=above:", false},
        {"SPAWN_TREE=of-more-than-22-characters", false},
        {"PATH=/bin", false},
    };
    set_up(0);
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        const SpawnState state = {.pid = 1000000000, .pidfd = -1, .reaped = true, .mark = cases[i].mark};
        Spawned *child = spawn_adopt(spawner, &state);
        ck_assert_msg((child != NULL) == cases[i].good, "%s", cases[i].mark);
        if (child)
            ck_assert_str_eq(spawn_state(child).mark, cases[i].mark);
        spawn_free(child);
    }
    spawner_free(spawner);
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("spawn");
    TCase *test_case = tcase_create("spawn");
    tcase_set_timeout(test_case, 30);
    tcase_add_loop_test(test_case, test_streams, 0, 2);
    tcase_add_test(test_case, test_own_session_and_clean_descriptors);
    tcase_add_test(test_case, test_hangup_can_be_ignored);
    tcase_add_loop_test(test_case, test_other_user, 0, 2);
    tcase_add_loop_test(test_case, test_not_found_and_refused, 0, 2);
    tcase_add_test(test_case, test_listen_descriptors);
    tcase_add_loop_test(test_case, test_tree_does_not_escape, 0, 2);
    tcase_add_loop_test(test_case, test_orphans_belong_to_their_tree, 0, 2);
    tcase_add_loop_test(test_case, test_kind_end, 0, 2);
    tcase_add_test(test_case, test_adopted_by_its_mark);
    suite_add_tcase(suite, test_case);
    return suite;
}

int main(void)
{
    log_open("check", LOG_ERR);
    SRunner *runner = srunner_create(suite());
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
