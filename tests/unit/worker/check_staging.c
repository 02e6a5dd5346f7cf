/* SPDX-License-Identifier: Apache-2.0 */
/* What takes storage is done by children: before and after tasks, and in their stead. */
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/private_env.h"
#include "blob/blob.h"
#include "blob/storage.h"
#include "doc/json.h"
#include "worker_fixture.h"

static int silent = -1; /* the socket of a storage that never answers */

static bool storage_is_asked(void)
{
    struct pollfd poll_fd = {.fd = silent, .events = POLLIN};
    return poll(&poll_fd, 1, 0) == 1;
}

/* The worker and its children have this storage; settings is stolen. */
static Blob *start_with_storage(json_t *settings, unsigned children_max)
{
    static json_t *kept; /* borrowed by the worker */
    Blob *storage;
    char *error = NULL;
    json_decref(kept);
    kept = settings;
    ck_assert_int_eq(storage_open(settings, &storage, &error), 0);
    start_worker(&(WorkerSettings){.storage = settings,
                                   .job.storage = storage,
                                   .children_max = children_max,
                                   .drain_grace_usec = 10 * USEC_PER_SEC});
    return storage;
}

static Blob *start_with_silent_storage(unsigned children_max)
{
    int port = listen_silently(&silent);
    return start_with_storage(json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:b}", "storage.type", "s3",
                                        "storage.local.base-path", directory, "storage.s3.bucket", "b",
                                        "storage.s3.region", "r", "storage.s3.access-key", "k", "storage.s3.secret-key",
                                        "s", "storage.s3.endpoint", json_sprintf("http://127.0.0.1:%d", port),
                                        "storage.s3.force-path-style", 1),
                              children_max);
}

static Blob *start_with_local_storage(unsigned children_max)
{
    Blob *storage = start_with_storage(json_pack("{s:s, s:o}", "storage.type", "local", "storage.local.base-path",
                                                 json_sprintf("%s/storage", directory)),
                                       children_max);
    ck_assert_int_eq(blob_write(storage, "kestra:///x/a", "content", 7), 0);
    return storage;
}

static void stop_with_storage(Blob *storage)
{
    worker = worker_free(worker);
    blob_free(storage);
    silent = close_fd(silent);
}

#define COMMANDS "type: io.kestra.plugin.scripts.shell.Commands"
static const struct {
    const char *task;
} staged[] = {
    {"  - {id: t, " COMMANDS ", commands: [cat a], inputFiles: {a: 'kestra:///x/a'}"},
    {"  - {id: t, " COMMANDS ", commands: ['cat kestra:///x/a']"},
    {"  - {id: t, " COMMANDS ", commands: [ls], namespaceFiles: {enabled: true}"},
    {"  - {id: t, " COMMANDS ", commands: [\"echo {{ kv('k') }}\"]"},
    {"  - {id: t, " COMMANDS ", commands: [echo 1 > a], outputFiles: [a]"},
    {"  - {id: t, type: io.kestra.plugin.core.flow.WorkingDirectory, inputFiles: {a: 'kestra:///x/a'}, tasks: [{id: "
     "w, " COMMANDS ", commands: [cat a]}]"},
    {"  - {id: t, type: io.kestra.plugin.core.flow.WorkingDirectory, outputFiles: [a], tasks: [{id: w, " COMMANDS
     ", commands: [echo 1 > a]}]"},
    {"  - {id: t, type: io.kestra.plugin.core.flow.WorkingDirectory, cache: {patterns: [a]}, tasks: [{id: w, "
     "type: io.kestra.plugin.core.log.Log, message: hi}]"},
    {"  - {id: t, type: io.kestra.plugin.core.log.Log, message: hi, logToFile: true"},
    {"  - {id: t, type: io.kestra.plugin.core.log.Log, message: \"{{ read('a') }}\""},
    {"  - {id: t, type: io.kestra.plugin.core.debug.Return, format: \"{{ kv('k') }}\""},
    {"  - {id: t, type: io.kestra.plugin.core.debug.Return, format: \"{{ read('a') | length }}\""},
    {"  - {id: t, type: io.kestra.plugin.core.flow.Sleep, duration: \"{{ kv('k') }}\""},
    {"  - {id: t, type: io.kestra.plugin.core.templating.TemplatedTask, spec: \"{{ kv('k') }}\""},
    {"  - {id: t, " COMMANDS ", commands: [ls], timeout: \"{{ kv('k') }}\""},
    {"  - {id: t, type: io.kestra.plugin.core.kv.Get, key: k, timeout: \"{{ kv('k') }}\""},
    {"  - {id: t, type: io.kestra.plugin.core.flow.WorkingDirectory, tasks: [{id: w, type: "
     "io.kestra.plugin.core.log.Log, "
     "message: \"{{ kv('k') }}\"}]"},
};

static const char *send_staged(int i, const char *run)
{
    bool is_shared = strstr(staged[i].task, "WorkingDirectory");
    parent_of_jobs = is_shared ? "outer" : NULL;
    send_job(is_shared ? "w" : "t", run);
    return run;
}

static bool others_ended(void)
{
    return json_object_get(ended, "run4") && streq(state_of("run2"), "SUCCESS") && streq(state_of("run3"), "SUCCESS") &&
           streq(state_of("run4"), "SUCCESS");
}

START_TEST(test_silent_storage)
{
    _cleanup_free_ char *tasks = xasprintf("%s}\n  - {id: u, " COMMANDS ", commands: [echo hello]}\n", staged[_i].task);
    parse_flow(tasks);
    Blob *storage = start_with_silent_storage(0);
    usec_t begin = clock_monotonic();
    send_staged(_i, "run1");
    run_until(storage_is_asked);
    parent_of_jobs = NULL;
    send_jobs("u", 2, 3);
    run_until(others_ended);
    ck_assert_uint_eq(worker_job_count(worker), 1);
    kill_job("run1");
    run_until(all_ended);
    ck_assert_str_eq(state_of("run1"), "KILLED");
    ck_assert_uint_lt(clock_monotonic() - begin, 30 * USEC_PER_SEC); /* the storage is waited for 60 s */
    stop_with_storage(storage);
}
END_TEST

/* More tasks wait for the storage than there are slots, children, and jobs that a worker takes in advance. */
START_TEST(test_silent_storage_leaves_slots)
{
    parse_flow("  - {id: t, " COMMANDS ", commands: [cat a], inputFiles: {a: 'kestra:///x/a'}}\n"
               "  - {id: u, " COMMANDS ", commands: [echo hello]}\n");
    Blob *storage = start_with_silent_storage(1);
    send_jobs("t", 5, 40);
    run_until(storage_is_asked);
    send_jobs("u", 2, 3);
    run_until(others_ended);
    ck_assert_uint_ge(worker_job_count(worker), 9);
    stop_with_storage(storage);
}
END_TEST

/* The result of a try that asked storage counts for nothing: what a child says is said once. */
static const struct {
    const char *task, *log, *value;
    size_t metrics;
} reads[] = {
    {"  - {id: t, type: io.kestra.plugin.core.debug.Return, format: \"{{ read('a') }}\"}\n", "content", "content", 2},
    {"  - {id: t, type: io.kestra.plugin.core.log.Log, message: ['first', \"{{ read('a') | length }}\"]}\n", "7", NULL,
     0},
    {"  - {id: t, type: io.kestra.plugin.core.flow.Sleep, duration: \"PT0.0{{ read('a') | length }}S\"}\n",
     "Waiting for PT0.07S", NULL, 0},
    {"  - {id: t, type: io.kestra.plugin.core.templating.TemplatedTask, spec: \"{type: "
     "io.kestra.plugin.core.debug.Return, "
     "format: '{{ read('a') }}'}\"}\n",
     "content", "content", 2},
    {"  - {id: t, " COMMANDS ", commands: ['sleep 1000'], timeout: \"PT0.{{ read('a') | length }}S\"}\n",
     "Timeout after 00:00:00.700", NULL, 0},
    {"  - {id: t, type: io.kestra.plugin.core.debug.Return, format: \"{{ secret('TOKEN') }} {{ read('a') }}\"}\n",
     "****** content", "hush-hush-hush content", 2},
};

START_TEST(test_inline_reads)
{
    private_env_set("SECRET_TOKEN", "aHVzaC1odXNoLWh1c2g="); /* as a worker has it that was started with it */
    parse_flow(reads[_i].task);
    Blob *storage = start_with_local_storage(0);
    ck_assert_int_eq(blob_write(storage, "kestra:///check/worker/_files/a", "content", 7), 0);
    send_job("t", "run1");
    run_until(all_ended);
    ck_assert_msg(has_log(reads[_i].log), "%s: %s", reads[_i].task, queue_store_log(store, 0));
    ck_assert(!has_log("cannot be read"));
    const json_t *outputs = json_object_get(json_object_get(ended, "run1"), "outputs");
    const char *value = json_get_text(outputs, "value", NULL);
    ck_assert_msg(reads[_i].value ? value && streq(value, reads[_i].value) : !value, "%s", value ? value : "none");
    ck_assert_uint_eq(queue_store_counts(store).metrics, reads[_i].metrics);
    stop_with_storage(storage);
}
END_TEST

/* --- requests of other roles --- */

static int asked[2]; /* our ends of the connections */

static int ask(const char *request)
{
    int fds[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    worker_storage_request(worker, request, fds[1]);
    return fds[0];
}

static bool is_answered(int fd)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    return poll(&poll_fd, 1, 0) == 1;
}

static bool first_is_answered(void)
{
    return is_answered(asked[0]);
}

static bool second_is_answered(void)
{
    return is_answered(asked[1]);
}

/* All that came; the connection is closed. */
static const char *answer_of(int fd)
{
    static char text[4096];
    size_t length = 0;
    for (ssize_t n; (n = read(fd, text + length, sizeof text - 1 - length)) > 0;)
        length += (size_t)n;
    text[length] = '\0';
    close(fd);
    return text;
}

START_TEST(test_storage_request_waits_alone)
{
    parse_flow("  - {id: t, " COMMANDS ", commands: [echo hello]}\n");
    Blob *storage = start_with_local_storage(0);
    _cleanup_free_ char *pipe_path = xasprintf("%s/storage/x/pipe", directory);
    ck_assert_int_eq(mkfifo(pipe_path, 0600), 0); /* to open it takes until somebody writes */
    asked[0] = ask("{\"op\":\"open\",\"uri\":\"kestra:///x/pipe\"}");
    asked[1] = ask("{\"op\":\"stat\",\"uri\":\"kestra:///x/a\"}");
    send_job("t", "run1");
    run_until(second_is_answered);
    run_until(all_ended);
    ck_assert_ptr_nonnull(strstr(answer_of(asked[1]), "\"size\":7"));
    ck_assert(!first_is_answered());
    int writer = open(pipe_path, O_WRONLY | O_CLOEXEC);
    ck_assert_int_ge(writer, 0);
    run_until(first_is_answered);
    ck_assert_ptr_nonnull(strstr(answer_of(asked[0]), "{\"outcome\":2}")); /* it is no file */
    close(writer);
    stop_with_storage(storage);
}
END_TEST

START_TEST(test_storage_request_of_lost_child)
{
    Blob *storage = start_with_silent_storage(0);
    asked[0] = ask("{\"op\":\"stat\",\"uri\":\"kestra:///x/a\"}");
    run_until(storage_is_asked);
    ck_assert_uint_eq(crash_children(), 1);
    run_until(first_is_answered);
    ck_assert_str_eq(answer_of(asked[0]), "");
    asked[1] = ask("{\"op\":\"none\"}"); /* of another child */
    run_until(second_is_answered);
    ck_assert_ptr_nonnull(strstr(answer_of(asked[1]), "{\"outcome\":2}"));
    stop_with_storage(storage);
}
END_TEST

/* Beyond what the child does at once and its socket holds, requests are refused and not collected here. */
START_TEST(test_storage_requests_are_bounded)
{
    enum { MANY = 2000 };
    static int fds[MANY];
    static char request[8192];
    (void)snprintf(request, sizeof request, "{\"op\":\"stat\",\"uri\":\"kestra:///x/%04000d\"}", 0);
    Blob *storage = start_with_silent_storage(0);
    int count = 0;
    do
        fds[count] = ask(request);
    while (++count < MANY && !is_answered(fds[count - 1]));
    ck_assert_int_lt(count, MANY);
    ck_assert_ptr_nonnull(strstr(answer_of(fds[--count]), " 503 "));
    while (count > 0)
        close(fds[--count]);
    stop_with_storage(storage);
}
END_TEST

START_TEST(test_silent_storage_timeout)
{
    const int i = (int[]){0, 4, 10}[_i]; /* before and after the process, and of an inline task */
    _cleanup_free_ char *tasks = xasprintf("%s, timeout: PT1S}\n", staged[i].task);
    parse_flow(tasks);
    Blob *storage = start_with_silent_storage(1);
    send_staged(i, "run1");
    send_staged(i, "run2"); /* one of the two waits for the only child */
    run_until(all_ended);
    ck_assert_str_eq(state_of("run1"), "FAILED");
    ck_assert_str_eq(state_of("run2"), "FAILED");
    ck_assert(has_log("Timeout after 00:00:01.000"));
    ck_assert_ptr_null(json_object_get(json_object_get(ended, "run1"), "outputs"));
    stop_with_storage(storage);
}
END_TEST

START_TEST(test_silent_storage_crash)
{
    const int i = _i == 0 ? 0 : 4;
    _cleanup_free_ char *tasks = xasprintf("%s}\n", staged[i].task);
    parse_flow(tasks);
    Blob *storage = start_with_silent_storage(0);
    send_staged(i, "run1");
    run_until(storage_is_asked);
    ck_assert_uint_eq(crash_children(), 1);
    run_until(all_ended);
    ck_assert_str_eq(state_of("run1"), "FAILED");
    ck_assert(has_log("The process that ran the task ended unexpectedly: signal 9"));
    stop_with_storage(storage);
}
END_TEST

START_TEST(test_staged_files)
{
    private_env_set("SECRET_TOKEN", "aHVzaC1odXNoLWh1c2g="); /* as a worker has it that was started with it */
    parse_flow("  - id: t\n    " COMMANDS
               "\n    logToFile: false\n    inputFiles: {a: 'kestra:///x/a'}\n    outputFiles: ['*.txt']\n"
               "    env: {S: \"{{ secret('TOKEN') }}\"}\n    commands:\n      - echo got $(cat a) $S\n      - cp "
               "kestra:///x/a b.txt\n"
               "      - echo '::{\"outputs\":{\"v\":1}}::'\n");
    Blob *storage = start_with_local_storage(0);
    send_job("t", "run1");
    run_until(all_ended);
    ck_assert_str_eq(state_of("run1"), "SUCCESS");
    ck_assert(has_log("got content"));
    ck_assert(!has_log("hush-hush"));
    const json_t *outputs = json_object_get(json_object_get(ended, "run1"), "outputs");
    _cleanup_free_ char *bytes = NULL;
    size_t length;
    ck_assert_uint_eq(json_object_size(json_object_get(outputs, "outputFiles")), 1);
    ck_assert_int_eq(
        blob_read(storage, json_get_text(json_object_get(outputs, "outputFiles"), "b.txt", ""), 100, &bytes, &length),
        0);
    ck_assert_str_eq(bytes, "content");
    ck_assert_int_eq(json_get_integer(json_object_get(outputs, "vars"), "v", 0), 1);
    stop_with_storage(storage);
}
END_TEST

static const struct {
    const char *task, *log;
} unstaged[] = {
    {"  - {id: t, " COMMANDS ", commands: [cat a], inputFiles: {a: 'kestra:///x/none'}}\n",
     "File not found in internal storage: kestra:///x/none"},
    {"  - {id: t, " COMMANDS ", commands: [cat a], inputFiles: {'../a': 'kestra:///x/a'}}\n",
     "'../a' is not a path inside the working directory"},
    {"  - {id: t, " COMMANDS ", commands: [\"{{ kv('none', 'check.worker', true) }}\"]}\n",
     "The key 'none' does not exist in the namespace 'check.worker'"},
};

START_TEST(test_staging_fails)
{
    parse_flow(unstaged[_i].task);
    Blob *storage = start_with_local_storage(0);
    send_job("t", "run1");
    run_until(all_ended);
    ck_assert_str_eq(state_of("run1"), "FAILED");
    ck_assert(has_log(unstaged[_i].log));
    ck_assert(!has_log("storage failed")); /* of the try */
    stop_with_storage(storage);
}
END_TEST

START_TEST(test_staged_error_logs)
{
    parse_flow("  - {id: t, " COMMANDS
               ", commands: [\"cat kestra:///x/a; echo said {{ errorLogs()[0].message }}\"]}\n");
    Blob *storage = start_with_local_storage(0);
    send_job("t", "run1");
    run_until(all_ended);
    ck_assert_str_eq(state_of("run1"), "SUCCESS");
    ck_assert(has_log("said execution1"));
    stop_with_storage(storage);
}
END_TEST

/* With one child for three jobs: what has begun ends, also what waits for the child. */
START_TEST(test_staged_drain)
{
    parse_flow("  - {id: t, " COMMANDS
               ", commands: [cat a; sleep 0.3; cp a b], inputFiles: {a: 'kestra:///x/a'}, outputFiles: [b], "
               "logToFile: true}\n");
    Blob *storage = start_with_local_storage(1);
    send_jobs("t", 1, 3);
    run_until(runs);
    worker_drain(worker, on_drained, NULL);
    run_until(is_drained);
    run_until(all_ended);
    for (unsigned i = 1; i <= 3; i++) {
        _cleanup_free_ char *run = xasprintf("run%u", i);
        const json_t *body = json_object_get(ended, run);
        ck_assert_str_eq(state_of(run), "SUCCESS");
        ck_assert_ptr_nonnull(
            json_get_text(json_object_get(json_object_get(body, "outputs"), "outputFiles"), "b", NULL));
        ck_assert_ptr_nonnull(json_object_get(body, "logFile"));
    }
    stop_with_storage(storage);
}
END_TEST

START_TEST(test_log_to_file)
{
    parse_flow("  - {id: t, " COMMANDS ", commands: [echo hello], logToFile: true}\n");
    Blob *storage = start_with_local_storage(0);
    send_job("t", "run1");
    run_until(all_ended);
    _cleanup_free_ char *bytes = NULL;
    size_t length;
    ck_assert_int_eq(
        blob_read(storage, json_get_text(json_object_get(ended, "run1"), "logFile", ""), 1000, &bytes, &length), 0);
    ck_assert_ptr_nonnull(strstr(bytes, "INFO hello"));
    stop_with_storage(storage);
}
END_TEST

START_TEST(test_working_directory_keeps)
{
    parse_flow("  - {id: t, type: io.kestra.plugin.core.flow.WorkingDirectory, inputFiles: {a: 'kestra:///x/a'}, "
               "outputFiles: [b], "
               "cache: {patterns: [b]}, tasks: [{id: w, " COMMANDS
               ", commands: [cp a b]}, {id: l, type: io.kestra.plugin.core.log.Log, "
               "message: hi}]}\n");
    Blob *storage = start_with_local_storage(0);
    parent_of_jobs = "outer";
    send_job("w", "run1");
    run_until(all_ended);
    send_job("l", "run2");
    run_until(all_ended);
    BlobEntry entry = {};
    const json_t *outputs = json_object_get(json_object_get(ended, "run2"), "parentOutputs");
    ck_assert_str_eq(state_of("run2"), "SUCCESS");
    ck_assert_ptr_nonnull(json_get_text(json_object_get(outputs, "outputFiles"), "b", NULL));
    ck_assert_int_eq(blob_stat(storage, "kestra:///check/worker/test/t/cache/cache.zip", &entry), 0);
    blob_entry_done(&entry);
    stop_with_storage(storage);
}
END_TEST

static void add(TCase *tests)
{
    tcase_add_loop_test(tests, test_silent_storage, 0, ELEMENTS(staged));
    tcase_add_test(tests, test_silent_storage_leaves_slots);
    tcase_add_test(tests, test_storage_request_waits_alone);
    tcase_add_test(tests, test_storage_request_of_lost_child);
    tcase_add_test(tests, test_storage_requests_are_bounded);
    tcase_add_loop_test(tests, test_inline_reads, 0, ELEMENTS(reads));
    tcase_add_loop_test(tests, test_silent_storage_timeout, 0, 3);
    tcase_add_loop_test(tests, test_silent_storage_crash, 0, 2);
    tcase_add_test(tests, test_staged_files);
    tcase_add_loop_test(tests, test_staging_fails, 0, ELEMENTS(unstaged));
    tcase_add_test(tests, test_staged_error_logs);
    tcase_add_test(tests, test_staged_drain);
    tcase_add_test(tests, test_log_to_file);
    tcase_add_test(tests, test_working_directory_keeps);
}

int main(void)
{
    return fixture_run("staging", add);
}
