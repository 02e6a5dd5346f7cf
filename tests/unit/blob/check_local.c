/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "blob/blob.h"

static char directory[] = "/tmp/kestra-check-blob-XXXXXX";
static Blob *blob;

static void setup(void)
{
    memcpy(directory + sizeof directory - 7, "XXXXXX", 6);
    ck_assert_ptr_nonnull(mkdtemp(directory));
    ck_assert_int_eq(blob_local_new(directory, &blob), 0);
}

static void teardown(void)
{
    BlobEntries gone = {};
    blob_entries_done(&gone);
    blob = blob_free(blob);
    _cleanup_free_ char *command = xasprintf("%s/.upload", directory);
    (void)rmdir(command);
    (void)rmdir(directory);
}

static void put(const char *uri, const char *text)
{
    ck_assert_int_eq(blob_write(blob, uri, text, strlen(text)), 0);
}

static char *get(const char *uri)
{
    char *text;
    size_t length;
    ck_assert_int_eq(blob_read(blob, uri, 1000000, &text, &length), 0);
    ck_assert_uint_eq(strlen(text), length);
    return text;
}

static void delete_all(const char *uri, size_t expected)
{
    BlobEntries gone = {};
    ck_assert_int_eq(blob_delete_prefix(blob, uri, &gone), 0);
    ck_assert_uint_eq(gone.count, expected);
    blob_entries_done(&gone);
}

START_TEST(test_write_read_replace)
{
    put("kestra:///a/b/c.txt", "first");
    put("kestra:///a/b/c.txt", "second");
    _cleanup_free_ char *text = get("kestra:///a/b/c.txt");
    ck_assert_str_eq(text, "second");
    BlobEntry entry;
    ck_assert_int_eq(blob_stat(blob, "kestra:///a/b/c.txt", &entry), 0);
    ck_assert_int_eq(entry.size_bytes, 6);
    ck_assert_uint_gt(entry.modified, 0);
    blob_entry_done(&entry);
    char *bytes;
    size_t length;
    ck_assert_int_eq(blob_read(blob, "kestra:///a/b/c.txt", 5, &bytes, &length), BLOB_E_TOO_LARGE);
    ck_assert_int_eq(blob_read(blob, "kestra:///a/b/d.txt", 5, &bytes, &length), BLOB_E_ABSENT);
    delete_all("kestra:///a", 1);
}
END_TEST

static size_t count_below(const char *uri)
{
    BlobEntries entries = {};
    ck_assert_int_eq(blob_list(blob, uri, &entries), 0);
    size_t count = entries.count;
    blob_entries_done(&entries);
    return count;
}

/* The directory .upload is empty. */
static bool nothing_is_left(void)
{
    _cleanup_free_ char *path = xasprintf("%s/.upload", directory);
    bool is_empty = rmdir(path) == 0;
    return is_empty && mkdir(path, 0750) == 0;
}

/* A few, that are flushed one by one; many; more than one batch holds. */
static const size_t batches[] = {3, 40, 1005};

START_TEST(test_batch)
{
    Blob *batch = blob_batch_new(blob);
    size_t count = batches[_i], early = count > 1000 ? 1000 : 0;
    for (size_t i = 0; i < count; i++) {
        _cleanup_free_ char *uri = xasprintf("kestra:///a/%zu/%zu", i % 20, i);
        ck_assert_int_eq(blob_write(batch, uri, uri, strlen(uri)), 0);
    }
    char *part;
    int fd;
    ck_assert_int_eq(blob_upload_begin(batch, &part, &fd), 0);
    ck_assert_int_eq(write(fd, "last", 4), 4);
    close(fd);
    ck_assert_int_eq(blob_upload_commit(batch, part, "kestra:///a/last"), 0);
    free(part);
    ck_assert_uint_eq(count_below("kestra:///a"), early);
    ck_assert_int_eq(blob_batch_commit(batch), 0);
    ck_assert_uint_eq(count_below("kestra:///a"), count + 1);
    _cleanup_free_ char *text = get("kestra:///a/2/2"), *last = get("kestra:///a/last");
    ck_assert_str_eq(text, "kestra:///a/2/2");
    ck_assert_str_eq(last, "last");
    ck_assert_int_eq(blob_write(batch, "kestra:///a/given-up", "x", 1), 0);
    blob_free(batch);
    ck_assert_uint_eq(count_below("kestra:///a"), count + 1);
    ck_assert(nothing_is_left());
    delete_all("kestra:///a", count + 1);
}
END_TEST

/* One of them cannot have its name: the rest of the batch is given up. */
START_TEST(test_batch_fails)
{
    Blob *batch = blob_batch_new(blob);
    put("kestra:///a/file", "x");
    ck_assert_int_eq(blob_write(batch, "kestra:///a/one", "1", 1), 0);
    ck_assert_int_eq(blob_write(batch, "kestra:///a/file/below", "2", 1), 0);
    ck_assert_int_eq(blob_write(batch, "kestra:///a/three", "3", 1), 0);
    ck_assert_int_ne(blob_batch_commit(batch), 0);
    blob_free(batch);
    ck_assert_uint_eq(count_below("kestra:///a"), 2);
    ck_assert(nothing_is_left());
    delete_all("kestra:///a", 2);
}
END_TEST

START_TEST(test_pipe)
{
    int fds[2];
    ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
    ck_assert_int_eq(write(fds[1], "through a pipe", 14), 14);
    close(fds[1]);
    ck_assert_int_eq(blob_write_from(blob, "kestra:///p", fds[0]), 0);
    close(fds[0]);
    _cleanup_free_ char *text = get("kestra:///p");
    ck_assert_str_eq(text, "through a pipe");
    bool existed;
    ck_assert_int_eq(blob_delete(blob, "kestra:///p", &existed), 0);
    ck_assert(existed);
    ck_assert_int_eq(blob_delete(blob, "kestra:///p", &existed), 0);
    ck_assert(!existed);
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
    ck_assert_int_eq(blob_write(blob, "kestra:///t/range", "0123456789", 10), 0);
    int fd;
    int64_t size, wanted = ranges[_i].range.length;
    ck_assert_int_eq(blob_open_range(blob, "kestra:///t/range", ranges[_i].range, &fd, &size), 0);
    ck_assert_int_eq(size, 10);
    char text[100];
    ssize_t length = read(fd, text, wanted >= 0 ? (size_t)MIN(wanted, (int64_t)sizeof text) : sizeof text);
    ck_assert_int_eq(length, (ssize_t)strlen(ranges[_i].text));
    ck_assert_mem_eq(text, ranges[_i].text, (size_t)length);
    close(fd);
    ck_assert_int_eq(blob_open_range(blob, "kestra:///t/range", (BlobRange){.offset = -1}, &fd, &size), BLOB_E_INVALID);
    delete_all("kestra:///t", 1);
}
END_TEST

static const char *const wrong_uris[] = {
    "kestra:///../etc/passwd",
    "kestra:///a/../../b",
    "/etc/passwd",
    "http://host/x",
    "kestra://host/x",
    "kestra:///",
    "kestra:///.upload/x",
    "kestra:///./.upload/x",
    "kestra:////.upload/x",
    "kestra:///././/./.upload",
    "kestra:///.",
    "kestra:///./",
    "kestra:///.//.",
};

START_TEST(test_wrong_uri)
{
    int fd;
    ck_assert_int_eq(blob_open(blob, wrong_uris[_i], &fd, NULL), BLOB_E_INVALID);
    ck_assert_int_eq(blob_write(blob, wrong_uris[_i], "x", 1), BLOB_E_INVALID);
}
END_TEST

START_TEST(test_directories_and_links_are_not_objects)
{
    put("kestra:///d/file", "x");
    int fd;
    ck_assert_int_eq(blob_open(blob, "kestra:///d", &fd, NULL), BLOB_E_INVALID);
    ck_assert_int_eq(blob_write(blob, "kestra:///d", "y", 1), BLOB_E_INVALID);
    _cleanup_free_ char *link = xasprintf("%s/link", directory);
    ck_assert_int_eq(symlink("/etc/passwd", link), 0);
    ck_assert_int_ne(blob_open(blob, "kestra:///link", &fd, NULL), 0);
    ck_assert_int_eq(unlink(link), 0);
    delete_all("kestra:///d", 1);
}
END_TEST

START_TEST(test_list)
{
    put("kestra:///n/2", "22");
    put("kestra:///n/1", "1");
    put("kestra:///n/sub/3", "333");
    put("kestra:///n/k.ion.metadata", "hidden");
    BlobEntries entries;
    ck_assert_int_eq(blob_list(blob, "kestra:///n", &entries), 0);
    ck_assert_uint_eq(entries.count, 3);
    ck_assert_str_eq(entries.items[0].uri, "kestra:///n/1");
    ck_assert_str_eq(entries.items[2].uri, "kestra:///n/sub/3");
    ck_assert_int_eq(entries.items[2].size_bytes, 3);
    blob_entries_done(&entries);
    ck_assert_int_eq(blob_list(blob, "kestra:///nothing", &entries), 0);
    ck_assert_uint_eq(entries.count, 0);
    bool existed;
    ck_assert_int_eq(blob_delete(blob, "kestra:///n/k.ion.metadata", &existed), 0);
    delete_all("kestra:///n", 3);
    struct stat st;
    _cleanup_free_ char *path = xasprintf("%s/n", directory);
    ck_assert_int_eq(stat(path, &st), -1); /* empty directories go too */
}
END_TEST

START_TEST(test_failed_write_leaves_nothing)
{
    _cleanup_(close_fdp) int closed_for_reading = open("/dev/null", O_WRONLY | O_CLOEXEC);
    put("kestra:///w", "old");
    ck_assert_int_lt(blob_write_from(blob, "kestra:///w", closed_for_reading), 0);
    _cleanup_free_ char *text = get("kestra:///w");
    ck_assert_str_eq(text, "old");
    BlobEntries entries;
    ck_assert_int_eq(blob_list(blob, "kestra:///", &entries), 0);
    ck_assert_uint_eq(entries.count, 1);
    blob_entries_done(&entries);
    bool existed;
    ck_assert_int_eq(blob_delete(blob, "kestra:///w", &existed), 0);
}
END_TEST

static const struct {
    const char *text, *slug;
} slugs[] = {
    {"my_Flow.v1", "my-flowv1"}, {"a  b", "a-b"}, {"--x--", "x"}, {"UPPER", "upper"}, {"", ""}, {"a_-_b", "a-b"},
};

START_TEST(test_slug)
{
    _cleanup_free_ char *slug = blob_slug(slugs[_i].text);
    ck_assert_str_eq(slug, slugs[_i].slug);
}
END_TEST

START_TEST(test_uris)
{
    _cleanup_free_ char *trigger = blob_trigger_uri("company.team", "My_Flow", "exec1", "on_file");
    ck_assert_str_eq(trigger, "kestra:///company/team/my-flow/executions/exec1/trigger/on-file");
    _cleanup_free_ char *task = blob_task_uri("company.team", "My_Flow", "exec1", "t_1", "run1");
    ck_assert_str_eq(task, "kestra:///company/team/my-flow/executions/exec1/tasks/t-1/run1");
    _cleanup_free_ char *files = blob_namespace_files_uri("a.b");
    ck_assert_str_eq(files, "kestra:///a/b/_files");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("blob");
    TCase *tests = tcase_create("local");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 60); /* a busy disk flushes slowly */
    tcase_add_test(tests, test_write_read_replace);
    tcase_add_loop_test(tests, test_batch, 0, ELEMENTS(batches));
    tcase_add_test(tests, test_batch_fails);
    tcase_add_test(tests, test_pipe);
    tcase_add_loop_test(tests, test_ranges, 0, ELEMENTS(ranges));
    tcase_add_loop_test(tests, test_wrong_uri, 0, ELEMENTS(wrong_uris));
    tcase_add_test(tests, test_directories_and_links_are_not_objects);
    tcase_add_test(tests, test_list);
    tcase_add_test(tests, test_failed_write_leaves_nothing);
    suite_add_tcase(suite, tests);
    TCase *names = tcase_create("names");
    tcase_add_loop_test(names, test_slug, 0, ELEMENTS(slugs));
    tcase_add_test(names, test_uris);
    suite_add_tcase(suite, names);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
