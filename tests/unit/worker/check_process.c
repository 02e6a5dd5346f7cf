/* SPDX-License-Identifier: Apache-2.0 */
/* Scripts as process trees. */
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "doc/json.h"
#include "worker/directory.h"
#include "worker_fixture.h"

static const struct {
    const char *task, *state, *log, *outputs;
} scripts[] = {
    {SHELL("['true']"), "SUCCESS", NULL, "{\"vars\":{},\"exitCode\":0,\"outputFiles\":{}}"},
    {SHELL("[echo out, 'exit 3']"), "FAILED", "Command failed with exit code 3",
     "{\"vars\":{},\"exitCode\":3,\"outputFiles\":{}}"},
    {SHELL("['false', echo not here]"), "FAILED", "exit code 1", NULL},
    {SHELL("['false', echo goes on]\n    failFast: false"), "SUCCESS", "goes on", NULL},
    {SHELL("[echo oops 1>&2]"), "WARNING", "oops", NULL},
    {SHELL("[echo oops 1>&2]\n    warningOnStdErr: false"), "SUCCESS", "oops", NULL},
    {SHELL("[\"echo '::{\\\"outputs\\\":{\\\"n\\\":3}}::'\"]"), "SUCCESS", NULL,
     "{\"vars\":{\"n\":3},\"exitCode\":0,\"outputFiles\":{}}"},
    {SHELL("['kill -9 $$']"), "FAILED", "exit code 137", NULL},
    {SHELL("['echo \"[$ANSWER]\"']\n    env: {ANSWER: 42}"), "SUCCESS", "[42]", NULL},
    {SHELL("['echo \"[$KESTRA_CHECK_SECRET]\"']"), "SUCCESS", "[]", NULL}, /* not the worker's environment */
    {SHELL("['test \"$PWD\" = \"$WORKING_DIR\"']"), "SUCCESS", NULL, NULL},
    {SHELL("['cat a/b.txt']\n    inputFiles: {a/b.txt: content}"), "SUCCESS", "content", NULL},
    {SHELL("['true']\n    inputFiles: {../b.txt: content}"), "FAILED", "../b.txt", NULL},
    {SHELL("['x']\n    interpreter: [/nonexistent/program]"), "FAILED", "Cannot run '/nonexistent/program'", NULL},
    {"  - id: t\n    type: io.kestra.plugin.scripts.python.Script\n    script: |\n      import os\n      print('sum', "
     "1 + 2)\n",
     "SUCCESS", "sum 3", NULL},
    {SHELL("['cat; echo end of input']"), "SUCCESS", "end of input", NULL},
    {SHELL("['ls /proc/self/fd | wc -l | tr -d \" \"']"), "SUCCESS", "4", NULL}, /* nothing inherited */
    {SHELL("['env -u WORKING_DIR -u PWD -u SPAWN_TREE -u HOME -u _ -u SHLVL -u OLDPWD | tr \"\\n\" \"|\"']"), "SUCCESS",
     "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin|LANG=C.UTF-8|", NULL}, /* and nothing else */
    {SHELL("['echo $LANG $TZ']\n    env: {LANG: de_DE.UTF-8, TZ: Asia/Tokyo}"), "SUCCESS", "de_DE.UTF-8 Asia/Tokyo",
     NULL},
    {SHELL("['test -d \"$HOME\"']"), "SUCCESS", NULL, NULL},
    {SHELL("['echo $(cat /proc/self/oom_score_adj) files $(ulimit -Sn) cores $(ulimit -Sc)']"), "SUCCESS",
     "100 files 1024 cores 0", NULL},
    {SHELL("['grep -E \"^Sig(Blk|Ign)\" /proc/self/status | tr \"\\n\\t\" \"  \"']"), "SUCCESS",
     "SigBlk: 0000000000000000 SigIgn: 0000000000000000", NULL}, /* signals as for a login, whatever the worker does */
    {SHELL("['true']\n    limits: {memory: 64MiB}"), "FAILED",
     "limits.memory cannot be enforced here: no control group", NULL},
    {SHELL("['true']\n    taskRunner: {type: io.kestra.plugin.core.runner.Process, limits: {pids: '{{ 3 + 4 }}'}}"),
     "FAILED", "limits.pids cannot be enforced here", NULL},
    {SHELL("['readlink /proc/self/fd/0']"), "SUCCESS", "/dev/null", NULL},
};

START_TEST(test_script)
{
    setenv("KESTRA_CHECK_SECRET", "leak", 1);
    run_one(scripts[_i].task);
    ck_assert_msg(streq(state_of("run1"), scripts[_i].state), "%s: %s", scripts[_i].task, state_of("run1"));
    ck_assert_msg(!scripts[_i].log || has_log(scripts[_i].log), "%s: %s", scripts[_i].task, queue_store_log(store, 0));
    if (scripts[_i].outputs) {
        _cleanup_free_ char *text = json_text(json_object_get(json_object_get(ended, "run1"), "outputs"));
        ck_assert_str_eq(text, scripts[_i].outputs);
    }
    ck_assert_uint_eq(directories_left(), 0);
}
END_TEST

static const struct {
    const char *task, *state, *log;
} sandboxes[] = {
    {SHELL("['touch here && echo made; touch /etc/x 2>/dev/null || echo kept']\n    sandbox: {readOnlyRoot: true}"),
     "SUCCESS", "kept"},
    {SHELL("['ls -A /tmp /var/tmp | grep -v kestra-check; touch /tmp/a && echo own']\n    sandbox: {privateTmp: true}"),
     "SUCCESS", "own"},
    {SHELL("['tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d \" \\n\"']\n    sandbox: {privateNetwork: true}"),
     "SUCCESS", "lo"},
    {SHELL("['kill -0 $PPID 2>/dev/null; kill -0 1 && echo first is ours; exit 3']\n    sandbox: {privatePids: true}"),
     "FAILED", "exit code 3"},
    {SHELL("['grep NoNewPrivs /proc/self/status | cut -f2 | sed s/1/yes/']\n    sandbox: {noNewPrivileges: true}"),
     "SUCCESS", "yes"},
    {SHELL("['id -un']\n    sandbox: {user: daemon}"), "SUCCESS", "daemon"},
    {SHELL("['ls -A /usr/bin | wc -l; ls -A /etc | wc -l; echo > /etc/x || echo closed']\n    sandbox: {hiddenPaths: "
           "[/etc]}"),
     "WARNING", "closed"},
    {SHELL("['cat /etc/hostname >/dev/null && ls /etc | wc -l']\n    sandbox: {hiddenPaths: [/etc], readOnlyPaths: "
           "[/etc/hostname]}"),
     "SUCCESS", "1"},
    {SHELL("['ls /proc/self/fd | wc -l | tr -d \" \"']\n    sandbox: {readOnlyRoot: true, privatePids: true}"),
     "SUCCESS", "4"},
    {SHELL("['sleep 0.2; echo late']\n    beforeCommands: ['(sleep 0.5; echo background) &']\n    sandbox: "
           "{privatePids: true}"),
     "SUCCESS", "background"},
    {SHELL("['true']\n    sandbox: {readWritePaths: [/bin/../etc]}"), "FAILED",
     "sandbox.readWritePaths: a path is absolute"},
    {SHELL("['true']\n    sandbox: {hiddenPaths: [/proc/self/root]}"), "FAILED", "hiddenPaths: /proc/self/root"},
    {SHELL("['true']\n    sandbox: {readOnlyPaths: [/nonexistent]}"), "FAILED",
     "The sandbox cannot be set up: readOnlyPaths: /nonexistent: No such file or directory"},
    {SHELL("['true']\n    taskRunner: {type: io.kestra.plugin.core.runner.Process, sandbox: {user: nosuchuser}}"),
     "FAILED", "user 'nosuchuser'"},
};

START_TEST(test_sandbox)
{
    run_one(sandboxes[_i].task);
    if (has_log("The sandbox cannot be set up: namespaces")) {
        printf("skipped: %s\n", queue_store_log(store, 0)); /* the kernel forbids, as on some build hosts */
        return;
    }
    ck_assert_msg(streq(state_of("run1"), sandboxes[_i].state), "%s: %s", sandboxes[_i].task, state_of("run1"));
    ck_assert_msg(has_log(sandboxes[_i].log), "%s: %s", sandboxes[_i].task, queue_store_log(store, 0));
    ck_assert_uint_eq(directories_left(), 0);
}
END_TEST

START_TEST(test_timeout)
{
    usec_t begin = clock_monotonic();
    run_one(SHELL("[sleep 100]\n    timeout: PT0.2S"));
    ck_assert_str_eq(state_of("run1"), "FAILED");
    ck_assert(has_log("Timeout after 00:00:00.200"));
    ck_assert_uint_ge(clock_monotonic() - begin, 200 * USEC_PER_MSEC);
    ck_assert_uint_eq(running_events, 1);
}
END_TEST

static bool descendants_started(void)
{
    return read_pid(1) && read_pid(2) && runs();
}

/* A child, and one forked twice into a session of its own with no pipe to us and SIGTERM ignored. */
#define DESCENDANTS                                                                                                    \
    "sleep 1000 & echo $! > %s; "                                                                                      \
    "(setsid sh -c 'trap \"\" TERM; echo $$ > %s; while :; do sleep 1000; done' </dev/null >/dev/null 2>&1 &); "

START_TEST(test_kill_tree)
{
    _cleanup_free_ char *one = pid_path(1), *two = pid_path(2);
    _cleanup_free_ char *task = xasprintf(
        "  - id: t\n    type: io.kestra.plugin.scripts.shell.Script\n    script: |\n      " DESCENDANTS "sleep 1000\n",
        one, two);
    parse_flow(task);
    start_worker(&(WorkerSettings){.kill_grace_usec = 200 * USEC_PER_MSEC});
    send_job("t", "run1");
    run_until(descendants_started);
    pid_t child = read_pid(1), daemonized = read_pid(2);
    ck_assert(is_alive(child) && is_alive(daemonized));
    kill_job("run1");
    run_until(all_ended);
    ck_assert_str_eq(state_of("run1"), "KILLED");
    ck_assert(!is_alive(child));
    ck_assert(!is_alive(daemonized));
}
END_TEST

START_TEST(test_nothing_outlives_its_task_run)
{
    _cleanup_free_ char *one = pid_path(1);
    _cleanup_free_ char *task =
        xasprintf("  - id: t\n    type: io.kestra.plugin.scripts.shell.Script\n    script: |\n      "
                  "sleep 1000 >/dev/null 2>&1 & echo $! > %s\n",
                  one);
    run_one(task);
    ck_assert_str_eq(state_of("run1"), "SUCCESS");
    ck_assert_int_gt(read_pid(1), 0);
    ck_assert(!is_alive(read_pid(1)));
}
END_TEST

START_TEST(test_much_output)
{
    run_one(SHELL("['yes 0123456789012345678901234567890123456789 | head -n 50000']"));
    ck_assert_str_eq(state_of("run1"), "SUCCESS");
    ck_assert_uint_eq(queue_store_counts(store).logs, 50000);
}
END_TEST

/* Outputs on a line of 70 kB; the limit that cuts it, and the usual one. */
static const size_t line_limits[] = {64 * 1024, 0};

START_TEST(test_longest_line)
{
    parse_flow(SHELL("[\"printf '::{\\\"outputs\\\":{\\\"a\\\":\\\"%070000d\\\"}}::' 0\"]"));
    start_worker(&(WorkerSettings){.line_bytes_max = line_limits[_i]});
    send_job("t", "run1");
    run_until(all_ended);
    const json_t *vars = json_object_get(json_object_get(json_object_get(ended, "run1"), "outputs"), "vars");
    ck_assert_str_eq(state_of("run1"), line_limits[_i] ? "FAILED" : "SUCCESS");
    ck_assert(has_log("has more than 65536 bytes (limits.line)") == (line_limits[_i] > 0));
    ck_assert_uint_eq(queue_store_counts(store).logs, line_limits[_i] > 0); /* its pieces are not shown */
    ck_assert_uint_eq(strlen(json_get_text(vars, "a", "")), line_limits[_i] ? 0 : 70000);
}
END_TEST

/* Many lines of 50 kB, each with an output: of a name of its own, or of the same. */
static const struct {
    const char *name, *state;
} output_names[] = {{"$i", "FAILED"}, {"a", "SUCCESS"}};

START_TEST(test_outputs_are_bounded)
{
    _cleanup_free_ char *task = xasprintf(
        SHELL("[\"for i in $(seq 60); do printf '::{\\\"outputs\\\":{\\\"%%s\\\":\\\"%%050000d\\\"}}::\\\\n' %s 0; "
              "done\"]"),
        output_names[_i].name);
    parse_flow(task);
    start_worker(&(WorkerSettings){.message_bytes_max = 1000 * 1000});
    send_job("t", "run1");
    run_until(all_ended);
    bool failed = streq(output_names[_i].state, "FAILED");
    ck_assert_str_eq(state_of("run1"), output_names[_i].state);
    ck_assert(has_log("the outputs have more than 1000000 bytes (limits.message)") == failed);
    ck_assert_uint_eq(queue_store_counts(store).logs, failed);
}
END_TEST

START_TEST(test_metrics_are_bounded)
{
    run_one(SHELL(
        "[\"for i in $(seq 200); do for k in $(seq 100); do echo \\\"::{\\\\\\\"metrics\\\\\\\":[{\\\\\\\"name\\\\\\\":"
        "\\\\\\\"m$i-$k\\\\\\\",\\\\\\\"type\\\\\\\":\\\\\\\"counter\\\\\\\",\\\\\\\"value\\\\\\\":1}]}::\\\"; done; "
        "done\"]"));
    ck_assert_str_eq(state_of("run1"), "SUCCESS");
    ck_assert(has_log("others are left out"));
    ck_assert_double_eq(queue_store_metric(store, "m1-1"), 1);
    ck_assert_uint_eq(queue_store_counts(store).logs, 1);
}
END_TEST

/* Names and tags are shown as log lines are. */
START_TEST(test_metrics_are_masked)
{
    setenv("SECRET_HIDDEN", "Y29ycmVjdCBob3JzZQ==", 1); /* correct horse */
    run_one(
        "  - id: t\n    type: io.kestra.plugin.scripts.shell.Commands\n    env: {HIDDEN: \"{{ secret('HIDDEN') }}\"}\n"
        "    commands:\n      - >-\n        echo \"::{\\\"metrics\\\":[{\\\"name\\\":\\\"n "
        "$HIDDEN\\\",\\\"type\\\":\\\"counter\\\","
        "\\\"value\\\":7,\\\"tags\\\":{\\\"$HIDDEN\\\":\\\"$HIDDEN\\\"}}]}::\"\n");
    ck_assert_msg(streq(state_of("run1"), "SUCCESS"), "%s", queue_store_log(store, 0));
    ck_assert_double_eq(queue_store_metric(store, "n **masked*****"), 7);
    ck_assert_double_eq(queue_store_metric(store, "n correct horse"), -1);
}
END_TEST

/* Where an input file is to be written the task before left something at which open() waits, or that leads away. */
static const char *const traps[] = {"mkfifo trap", "ln -s /etc/passwd trap", "mkdir -p trap",
                                    "python3 -c \"import socket; "
                                    "socket.socket(socket.AF_UNIX).bind('trap')\""};

START_TEST(test_an_input_file_meets_no_file)
{
    _cleanup_free_ char *outer = xasprintf("%s/shared-outer", directory),
                        *command = xasprintf("cd %s && %s", outer, traps[_i]);
    parent_of_jobs = "outer";
    ck_assert_int_eq(mkdir(outer, 0700), 0);
    const char *const arguments[] = {"sh", "-c", command, NULL};
    pid_t pid;
    int status;
    ck_assert_int_eq(posix_spawnp(&pid, "sh", NULL, NULL, (char *const *)(uintptr_t)arguments, environ), 0);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
    parse_flow("  - id: around\n    type: io.kestra.plugin.core.flow.WorkingDirectory\n    tasks:\n      - id: t\n"
               "        type: io.kestra.plugin.scripts.shell.Commands\n        commands: ['true']\n"
               "        inputFiles: {trap: text}\n");
    start_worker(&(WorkerSettings){});
    send_job("t", "run1");
    run_until(all_ended);
    ck_assert_str_eq(state_of("run1"), "FAILED");
    ck_assert(has_log("File 'trap' cannot be written"));
}
END_TEST

/* Deeper than a path may be long, closed by the task, with a link out of it and names as ours. */
START_TEST(test_directories_of_any_shape_go)
{
    _cleanup_free_ char *path = xasprintf("%s/run-tree", directory), *outside = xasprintf("%s/outside", directory);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    ck_assert_int_eq(mkdir(outside, 0700), 0);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ck_assert_int_eq(symlinkat(outside, fd, "link"), 0);
    ck_assert_int_eq(mkdirat(fd, ".lifted-1", 0700), 0);
    for (int i = 0; i < 3000; i++) {
        static const char name[] = "a-directory-of-a-name-that-is-not-short";
        ck_assert_int_eq(mkdirat(fd, name, 0700), 0);
        ck_assert_int_eq(mknodat(fd, "fifo", S_IFIFO | 0600, 0), 0);
        int next = openat(fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        ck_assert_int_eq(fchmod(fd, 0), 0);
        close_fd(fd);
        fd = next;
    }
    close_fd(fd);
    directory_remove(path);
    ck_assert_int_lt(access(path, F_OK), 0);
    ck_assert_int_eq(access(outside, F_OK), 0);
}
END_TEST

/* Without a control group: what wait4 knows. */
START_TEST(test_usage_becomes_metrics)
{
    parse_flow(SHELL("['i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); done; kill -USR1 $$']"));
    start_worker(&(WorkerSettings){.process_metrics = true});
    send_job("t", "run1");
    run_until(all_ended);
    ck_assert_double_ge(queue_store_metric(store, "process.cpu.user"), 1); /* milliseconds */
    ck_assert_double_ge(queue_store_metric(store, "process.memory.peak"), 500000);
    ck_assert_double_eq(queue_store_metric(store, "process.signal"), SIGUSR1);
}
END_TEST

static void add(TCase *tests)
{
    tcase_add_loop_test(tests, test_script, 0, ELEMENTS(scripts));
    tcase_add_loop_test(tests, test_sandbox, 0, ELEMENTS(sandboxes));
    tcase_add_test(tests, test_timeout);
    tcase_add_test(tests, test_kill_tree);
    tcase_add_test(tests, test_nothing_outlives_its_task_run);
    tcase_add_test(tests, test_much_output);
    tcase_add_loop_test(tests, test_longest_line, 0, ELEMENTS(line_limits));
    tcase_add_loop_test(tests, test_outputs_are_bounded, 0, ELEMENTS(output_names));
    tcase_add_test(tests, test_metrics_are_bounded);
    tcase_add_test(tests, test_metrics_are_masked);
    tcase_add_loop_test(tests, test_an_input_file_meets_no_file, 0, ELEMENTS(traps));
    tcase_add_test(tests, test_directories_of_any_shape_go);
    tcase_add_test(tests, test_usage_becomes_metrics);
}

int main(void)
{
    return fixture_run("process", add);
}
