/* SPDX-License-Identifier: Apache-2.0 */
/* The asking side against the worker's side, over a real socket and another process. */
#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/control.h"
#include "blob/blob_private.h"

static char directory[] = "/tmp/kestra-check-gateway-XXXXXX";
static pid_t server;
static Blob *gateway;

static bool take(void *userdata, const char *body, int connection)
{
    blob_gateway_serve(userdata, body, connection);
    return true;
}

static const ControlRoute routes[] = {{"POST", "/storage", .take = take}, {}};

static void serve(int fd)
{
    Loop *loop;
    Blob *storage;
    Control *control;
    _cleanup_free_ char *path = xasprintf("%s/storage", directory);
    if (blob_local_new(path, &storage) == 0 && loop_new(&loop) == 0 &&
        control_new(loop, fd, routes, storage, &control) == 0)
        _exit(loop_run(loop));
    _exit(1);
}

static void setup(void)
{
    memcpy(directory + sizeof directory - 7, "XXXXXX", 6);
    ck_assert_ptr_nonnull(mkdtemp(directory));
    _cleanup_free_ char *path = xasprintf("%s/worker.sock", directory);
    int fd;
    ck_assert_int_eq(control_listen(path, &fd), 0);
    server = fork();
    if (server == 0)
        serve(fd);
    close(fd);
    ck_assert_int_gt(server, 0);
    ck_assert_int_eq(blob_gateway_new(path, &gateway), 0);
}

static void teardown(void)
{
    BlobEntries gone = {};
    ck_assert_int_eq(blob_delete_prefix(gateway, "kestra:///t", &gone), 0);
    blob_entries_done(&gone);
    gateway = blob_free(gateway);
    (void)kill(server, SIGKILL);
    (void)waitpid(server, NULL, 0);
    const char *const left[] = {"%s/worker.sock", "%s/storage/.upload", "%s/storage", "%s"};
    for (size_t i = 0; i < ELEMENTS(left); i++) {
        _cleanup_free_ char *path = xasprintf(left[i], directory);
        (void)remove(path);
    }
}

START_TEST(test_write_read)
{
    ck_assert_int_eq(blob_write(gateway, "kestra:///t/a.txt", "through", 7), 0);
    char *text;
    size_t length;
    ck_assert_int_eq(blob_read(gateway, "kestra:///t/a.txt", 100, &text, &length), 0);
    ck_assert_str_eq(text, "through");
    free(text);
    BlobEntry entry;
    ck_assert_int_eq(blob_stat(gateway, "kestra:///t/a.txt", &entry), 0);
    ck_assert_int_eq(entry.size_bytes, 7);
    ck_assert_str_eq(entry.uri, "kestra:///t/a.txt");
    blob_entry_done(&entry);
    ck_assert_int_eq(blob_stat(gateway, "kestra:///t/none", &entry), BLOB_E_ABSENT);
    int fd;
    ck_assert_int_eq(blob_open(gateway, "kestra:///t/../../x", &fd, NULL), BLOB_E_INVALID);
}
END_TEST

START_TEST(test_large)
{
    char template[] = "/tmp/kestra-check-large-XXXXXX";
    int fd = mkstemp(template);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(unlink(template), 0);
    ck_assert_int_eq(ftruncate(fd, 32 * 1024 * 1024), 0);
    ck_assert_int_eq(blob_write_from(gateway, "kestra:///t/large", fd), 0);
    close(fd);
    BlobEntry entry;
    ck_assert_int_eq(blob_stat(gateway, "kestra:///t/large", &entry), 0);
    ck_assert_int_eq(entry.size_bytes, 32 * 1024 * 1024);
    blob_entry_done(&entry);
}
END_TEST

START_TEST(test_upload)
{
    char *part;
    int fd;
    BlobEntry entry;
    ck_assert_int_eq(blob_upload_begin(gateway, &part, &fd), 0);
    ck_assert_int_eq(write(fd, "abc", 3), 3);
    ck_assert_int_eq(blob_stat(gateway, "kestra:///t/u", &entry), BLOB_E_ABSENT);
    ck_assert_int_eq(blob_upload_commit(gateway, part, "kestra:///t/u"), 0);
    ck_assert_int_eq(blob_stat(gateway, "kestra:///t/u", &entry), 0);
    blob_entry_done(&entry);
    close(fd);
    ck_assert_int_ne(blob_upload_commit(gateway, part, "kestra:///t/v"), 0); /* only once */
    ck_assert_int_eq(blob_upload_commit(gateway, "../storage/t/u", "kestra:///t/v"), BLOB_E_INVALID);
    free(part);
    ck_assert_int_eq(blob_upload_begin(gateway, &part, &fd), 0);
    blob_upload_abort(gateway, part);
    ck_assert_int_ne(blob_upload_commit(gateway, part, "kestra:///t/v"), 0);
    close(fd);
    free(part);
}
END_TEST

static const struct {
    BlobRange range;
    const char *text;
} ranges[] = {
    {{0, -1}, "0123456789"}, {{3, 4}, "3456"}, {{8, 100}, "89"}, {{10, 5}, ""}, {{11, -1}, ""}, {{0, 0}, ""},
};

START_TEST(test_ranges)
{
    ck_assert_int_eq(blob_write(gateway, "kestra:///t/range", "0123456789", 10), 0);
    int fd;
    int64_t size, wanted = ranges[_i].range.length;
    ck_assert_int_eq(blob_open_range(gateway, "kestra:///t/range", ranges[_i].range, &fd, &size), 0);
    ck_assert_int_eq(size, 10);
    char text[100];
    ssize_t length = read(fd, text, wanted >= 0 ? (size_t)MIN(wanted, (int64_t)sizeof text) : sizeof text);
    ck_assert_int_eq(length, (ssize_t)strlen(ranges[_i].text));
    ck_assert_mem_eq(text, ranges[_i].text, (size_t)length);
    close(fd);
    ck_assert_int_eq(blob_open_range(gateway, "kestra:///t/range", (BlobRange){.offset = -1}, &fd, &size),
                     BLOB_E_INVALID);
}
END_TEST

START_TEST(test_list_and_delete)
{
    ck_assert_int_eq(blob_write(gateway, "kestra:///t/l/1", "1", 1), 0);
    ck_assert_int_eq(blob_write(gateway, "kestra:///t/l/2", "22", 2), 0);
    BlobEntries entries;
    ck_assert_int_eq(blob_list(gateway, "kestra:///t/l", &entries), 0);
    ck_assert_uint_eq(entries.count, 2);
    ck_assert_str_eq(entries.items[1].uri, "kestra:///t/l/2");
    blob_entries_done(&entries);
    bool existed;
    ck_assert_int_eq(blob_delete(gateway, "kestra:///t/l/1", &existed), 0);
    ck_assert(existed);
    ck_assert_int_eq(blob_delete(gateway, "kestra:///t/l/1", &existed), 0);
    ck_assert(!existed);
}
END_TEST

START_TEST(test_nobody_there)
{
    Blob *nowhere;
    int fd;
    ck_assert_int_eq(blob_gateway_new("/nonexistent/worker.sock", &nowhere), 0);
    ck_assert_int_lt(blob_open(nowhere, "kestra:///t/x", &fd, NULL), 0);
    blob_free(nowhere);
}
END_TEST

static int fail_stat(const Blob *blob, const char *path, BlobEntry *ret)
{
    blob_set_reason("the bucket of %s is on fire", path);
    return -EIO;
}

/* The driver's reason goes with the outcome, and not with the next one. */
START_TEST(test_reason)
{
    static const BlobOps ops = {.stat = fail_stat};
    const Blob broken = {.ops = &ops};
    _cleanup_free_ char *text = NULL;
    _cleanup_json_ json_t *answer = NULL;
    BlobEntry entry;
    blob_gateway_answer(&broken, "{\"op\": \"stat\", \"uri\": \"kestra:///t/x\"}", &text, NULL);
    ck_assert_int_eq(json_parse(text, strlen(text), 0, &answer, NULL), 0);
    ck_assert_int_eq(blob_stat(gateway, "kestra:///t/none", &entry), BLOB_E_ABSENT);
    ck_assert_ptr_null(blob_reason());
    ck_assert_int_eq(blob_answer_outcome(answer), -EIO);
    ck_assert_str_eq(blob_reason(), "the bucket of t/x is on fire");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway");
    TCase *tests = tcase_create("gateway");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, test_write_read);
    tcase_add_test(tests, test_large);
    tcase_add_test(tests, test_upload);
    tcase_add_loop_test(tests, test_ranges, 0, ELEMENTS(ranges));
    tcase_add_test(tests, test_list_and_delete);
    tcase_add_test(tests, test_nobody_there);
    tcase_add_test(tests, test_reason);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
