/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does one thing with an internal storage, for tests/storage/run.py, which starts the servers and looks at what comes
 * of it:
 *
 *   storage-case [--skew SECONDS] SETTINGS.json CASE [ARGUMENT…]
 *
 * Exit status: 0 as expected, 1 with a reason on standard error. The largest resident size is printed at the end.
 */
#include <fcntl.h>
#include <getopt.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "blob/digest.h"
#include "blob/remote_blob.h"
#include "blob/storage.h"
#include "doc/json.h"

static int fail(const char *what, int r)
{
    _cleanup_free_ char *reason = r < 0 ? blob_explain(r) : xasprintf("outcome %d", r);
    (void)fprintf(stderr, "%s: %s\n", what, reason);
    return 1;
}

static int expect(bool holds, const char *what)
{
    if (!holds)
        (void)fprintf(stderr, "not so: %s\n", what);
    return !holds;
}
#define EXPECT(condition)                                                                                              \
    do {                                                                                                               \
        if (expect((condition), #condition) != 0)                                                                      \
            return 1;                                                                                                  \
    } while (0)

static bool has(const Blob *blob, const char *uri, const char *text)
{
    char *bytes;
    size_t length;
    if (blob_read(blob, uri, 1000000, &bytes, &length) != 0)
        return false;
    bool is_same = length == strlen(text) && memcmp(bytes, text, length) == 0;
    free(bytes);
    return is_same;
}

static bool is_absent(const Blob *blob, const char *uri)
{
    BlobEntry entry;
    int r = blob_stat(blob, uri, &entry);
    if (r == 0)
        blob_entry_done(&entry);
    return r == BLOB_E_ABSENT;
}

static bool put(const Blob *blob, const char *uri, const char *text)
{
    int r = blob_write(blob, uri, text, strlen(text));
    return r == 0 || (fail(uri, r), false);
}

/* --- cases --- */

static int case_basics(const Blob *blob, char **arguments)
{
    BlobEntry entry;
    bool existed;
    int fd;
    EXPECT(put(blob, "kestra:///t/basics/a.txt", "first"));
    EXPECT(put(blob, "kestra:///t/basics/a.txt", "second"));
    EXPECT(has(blob, "kestra:///t/basics/a.txt", "second"));
    EXPECT(put(blob, "kestra:///t/basics/empty", ""));
    EXPECT(has(blob, "kestra:///t/basics/empty", ""));
    EXPECT(blob_stat(blob, "kestra:///t/basics/a.txt", &entry) == 0);
    EXPECT(entry.size_bytes == 6 && streq(entry.uri, "kestra:///t/basics/a.txt"));
    EXPECT(entry.modified + 600 * USEC_PER_SEC > clock_realtime() &&
           entry.modified < clock_realtime() + 600 * USEC_PER_SEC);
    blob_entry_done(&entry);
    EXPECT(is_absent(blob, "kestra:///t/basics/none"));
    EXPECT(blob_open(blob, "kestra:///t/basics/none", &fd, NULL) == BLOB_E_ABSENT);
    EXPECT(blob_delete(blob, "kestra:///t/basics/a.txt", &existed) == 0 && existed);
    EXPECT(blob_delete(blob, "kestra:///t/basics/a.txt", &existed) == 0 && !existed);
    EXPECT(is_absent(blob, "kestra:///t/basics/a.txt"));
    return 0;
}

/* Names that have to be escaped somewhere on the way. */
static int case_names(const Blob *blob, char **arguments)
{
    static const char *const names[] = {"a b",  "a+b",   "a%20b", "ä/ö ü", "quote'\"", "x&y<z>", "q?a=b#c",
                                        "~-_.", "(a)*!", "a:b@c", "$;,=",  "日本語",   "-.dot"};
    for (size_t i = 0; i < ELEMENTS(names); i++) {
        _cleanup_free_ char *uri = xasprintf("kestra:///t/names/%s", names[i]);
        BlobEntry entry;
        EXPECT(put(blob, uri, names[i]));
        EXPECT(has(blob, uri, names[i]));
        EXPECT(blob_stat(blob, uri, &entry) == 0);
        blob_entry_done(&entry);
    }
    BlobEntries entries;
    EXPECT(blob_list(blob, "kestra:///t/names", &entries) == 0);
    EXPECT(entries.count == ELEMENTS(names));
    for (size_t i = 0; i < entries.count; i++) {
        const char *name = entries.items[i].uri + strlen("kestra:///t/names/");
        EXPECT(entries.items[i].size_bytes == (int64_t)strlen(name) && has(blob, entries.items[i].uri, name));
    }
    blob_entries_done(&entries);
    EXPECT(blob_delete_prefix(blob, "kestra:///t/names", &entries) == 0 && entries.count == ELEMENTS(names));
    blob_entries_done(&entries);
    return 0;
}

static int case_ranges(const Blob *blob, char **arguments)
{
    static const struct {
        BlobRange range;
        const char *text;
    } ranges[] = {{{0, -1}, "0123456789"}, {{3, 4}, "3456"}, {{8, 100}, "89"},      {{10, 5}, ""},
                  {{11, -1}, ""},          {{0, 0}, ""},     {{9, INT64_MAX}, "9"}, {{0, 10}, "0123456789"}};
    EXPECT(put(blob, "kestra:///t/range", "0123456789"));
    for (size_t i = 0; i < ELEMENTS(ranges); i++) {
        _cleanup_(close_fdp) int fd = -1;
        int64_t size;
        char text[32];
        EXPECT(blob_open_range(blob, "kestra:///t/range", ranges[i].range, &fd, &size) == 0);
        EXPECT(size == 10);
        size_t wanted =
            ranges[i].range.length < 0 ? sizeof text : (size_t)MIN(ranges[i].range.length, (int64_t)sizeof text);
        ssize_t length = wanted > 0 ? read(fd, text, wanted) : 0;
        EXPECT(length == (ssize_t)strlen(ranges[i].text) && memcmp(text, ranges[i].text, (size_t)length) == 0);
    }
    int fd;
    int64_t size;
    EXPECT(blob_open_range(blob, "kestra:///t/none", (BlobRange){0, 0}, &fd, &size) == BLOB_E_ABSENT);
    return 0;
}

/* Neighbours whose names only begin alike, place holders of directories, Kestra's sidecar files. */
static int case_prefix(const Blob *blob, char **arguments)
{
    BlobEntries entries;
    EXPECT(put(blob, "kestra:///t/p/a/1", "1") && put(blob, "kestra:///t/p/a/b/2", "2"));
    EXPECT(put(blob, "kestra:///t/p/ab", "3") && put(blob, "kestra:///t/p/a/k.ion.metadata", "4"));
    EXPECT(blob_list(blob, "kestra:///t/p/a", &entries) == 0 && entries.count == 2);
    EXPECT(streq(entries.items[0].uri, "kestra:///t/p/a/1") && streq(entries.items[1].uri, "kestra:///t/p/a/b/2"));
    blob_entries_done(&entries);
    EXPECT(blob_delete_prefix(blob, "kestra:///t/p/a", &entries) == 0 && entries.count == 2);
    blob_entries_done(&entries);
    EXPECT(is_absent(blob, "kestra:///t/p/a/k.ion.metadata")); /* gone too, though it is not listed */
    EXPECT(has(blob, "kestra:///t/p/ab", "3"));
    EXPECT(blob_list(blob, "kestra:///t/nothing", &entries) == 0 && entries.count == 0);
    EXPECT(blob_delete_prefix(blob, "kestra:///t/nothing", &entries) == 0 && entries.count == 0);
    return 0;
}

static int case_many(const Blob *blob, char **arguments)
{
    enum { COUNT = 1000 };
    BlobEntries entries;
    usec_t begin = clock_monotonic();
    for (unsigned i = 0; i < COUNT; i++) {
        _cleanup_free_ char *uri = xasprintf("kestra:///t/many/%u/%u", i % 7, i), *text = xasprintf("object %u", i);
        EXPECT(put(blob, uri, text));
    }
    usec_t written = clock_monotonic();
    for (unsigned i = 0; i < COUNT; i++) {
        _cleanup_free_ char *uri = xasprintf("kestra:///t/many/%u/%u", i % 7, i), *text = xasprintf("object %u", i);
        EXPECT(has(blob, uri, text));
    }
    usec_t read_back = clock_monotonic();
    /* more than one page of every store */
    for (unsigned i = 0; i < 100; i++) {
        _cleanup_free_ char *uri = xasprintf("kestra:///t/many/more/%u", i);
        EXPECT(put(blob, uri, ""));
    }
    EXPECT(blob_list(blob, "kestra:///t/many", &entries) == 0 && entries.count == COUNT + 100);
    blob_entries_done(&entries);
    usec_t listed = clock_monotonic();
    EXPECT(blob_delete_prefix(blob, "kestra:///t/many", &entries) == 0 && entries.count == COUNT + 100);
    usec_t deleted = clock_monotonic();
    blob_entries_done(&entries);
    EXPECT(blob_list(blob, "kestra:///t/many", &entries) == 0 && entries.count == 0);
    (void)printf("%u objects: written in %" PRIu64 " ms, read in %" PRIu64 " ms, %u deleted in %" PRIu64 " ms\n", COUNT,
                 (written - begin) / 1000, (read_back - written) / 1000, COUNT + 100, (deleted - listed) / 1000);
    return 0;
}

/* blob_upload_begin, as the gateway uses it. */
static int case_steps(const Blob *blob, char **arguments)
{
    char *part;
    int fd;
    bool existed;
    EXPECT(blob_delete(blob, "kestra:///t/steps", &existed) == 0);
    EXPECT(blob_upload_begin(blob, &part, &fd) == 0);
    EXPECT(write(fd, "in steps", 8) == 8);
    EXPECT(is_absent(blob, "kestra:///t/steps"));
    EXPECT(blob_upload_commit(blob, part, "kestra:///t/steps") == 0);
    EXPECT(has(blob, "kestra:///t/steps", "in steps"));
    EXPECT(blob_upload_commit(blob, part, "kestra:///t/steps2") != 0);
    EXPECT(blob_upload_commit(blob, "../t/steps", "kestra:///t/steps2") == BLOB_E_INVALID);
    close(fd);
    free(part);
    EXPECT(blob_upload_begin(blob, &part, &fd) == 0);
    blob_upload_abort(blob, part);
    EXPECT(blob_upload_commit(blob, part, "kestra:///t/steps2") != 0);
    EXPECT(is_absent(blob, "kestra:///t/steps2"));
    close(fd);
    free(part);
    return 0;
}

/* A source that breaks in the middle: the old object stays. */
static int case_broken_source(const Blob *blob, char **arguments)
{
    _cleanup_(close_fdp) int directory = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    EXPECT(put(blob, "kestra:///t/broken", "old"));
    EXPECT(blob_write_from(blob, "kestra:///t/broken", directory) < 0);
    EXPECT(has(blob, "kestra:///t/broken", "old"));
    return 0;
}

/* put URI FILE */
static int case_put(const Blob *blob, char **arguments)
{
    _cleanup_(close_fdp) int fd = open(arguments[1], O_RDONLY | O_CLOEXEC);
    EXPECT(fd >= 0);
    int r = blob_write_from(blob, arguments[0], fd);
    return r == 0 ? 0 : fail("put", r);
}

/* get URI FILE: also checks that the size that was promised has come */
static int case_get(const Blob *blob, char **arguments)
{
    _cleanup_(close_fdp) int from = -1, to = open(arguments[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    int64_t size, sum = 0;
    EXPECT(to >= 0);
    int r = blob_open(blob, arguments[0], &from, &size);
    if (r != 0)
        return fail("get", r);
    for (;;) {
        char chunk[262144];
        ssize_t n = read(from, chunk, sizeof chunk);
        if (n < 0) {
            _cleanup_free_ char *reason = blob_explain_read(from, errno);
            (void)fprintf(stderr, "get: %s\n", reason);
            return 1;
        }
        if (n == 0)
            break;
        EXPECT(write(to, chunk, (size_t)n) == n);
        sum += n;
    }
    EXPECT(sum == size);
    return 0;
}

static int case_stat(const Blob *blob, char **arguments)
{
    BlobEntry entry;
    int r = blob_stat(blob, arguments[0], &entry);
    if (r != 0)
        return fail("stat", r);
    (void)printf("%" PRId64 "\n", entry.size_bytes);
    blob_entry_done(&entry);
    return 0;
}

static int case_list(const Blob *blob, char **arguments)
{
    BlobEntries entries;
    int r = blob_list(blob, arguments[0], &entries);
    if (r != 0)
        return fail("list", r);
    for (size_t i = 0; i < entries.count; i++)
        (void)printf("%s\n", entries.items[i].uri);
    blob_entries_done(&entries);
    return 0;
}

static int case_delete(const Blob *blob, char **arguments)
{
    BlobEntries entries;
    int r = blob_delete_prefix(blob, arguments[0], &entries);
    if (r != 0)
        return fail("delete", r);
    blob_entries_done(&entries);
    return 0;
}

/* A reader that goes away early, many times: nothing is left behind. */
static int case_leave(const Blob *blob, char **arguments)
{
    for (unsigned i = 0; i < 20; i++) {
        _cleanup_(close_fdp) int fd = -1;
        char byte;
        EXPECT(blob_open(blob, arguments[0], &fd, NULL) == 0);
        EXPECT(read(fd, &byte, 1) == 1);
    }
    EXPECT(put(blob, "kestra:///t/left", "still works") && has(blob, "kestra:///t/left", "still works"));
    return 0;
}

static const struct {
    const char *name;
    int arguments;
    int (*run)(const Blob *blob, char **arguments);
} cases[] = {
    {"basics", 0, case_basics},
    {"names", 0, case_names},
    {"ranges", 0, case_ranges},
    {"prefix", 0, case_prefix},
    {"many", 0, case_many},
    {"steps", 0, case_steps},
    {"broken-source", 0, case_broken_source},
    {"put", 2, case_put},
    {"get", 2, case_get},
    {"stat", 1, case_stat},
    {"list", 1, case_list},
    {"leave", 1, case_leave},
    {"delete", 1, case_delete},
};

static int run_case(const Blob *blob, int argc, char **argv)
{
    for (size_t i = 0; i < ELEMENTS(cases); i++)
        if (streq(cases[i].name, argv[0]) && cases[i].arguments == argc - 1)
            return cases[i].run(blob, argv + 1);
    return expect(false, "a known case with its arguments");
}

static json_t *read_settings(const char *path)
{
    char text[65536];
    json_t *settings = NULL;
    _cleanup_(close_fdp) int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof text) : -1;
    return n > 0 && json_parse(text, (size_t)n, 0, &settings, NULL) == 0 ? settings : NULL;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"skew", required_argument, NULL, 's'}, {}};
    int64_t skew = 0;
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) >= 0;)
        skew = strtoimax(optarg ? optarg : "0", NULL, 10) * (int64_t)USEC_PER_SEC;
    if (argc - optind < 2)
        return expect(false, "storage-case [--skew SECONDS] SETTINGS.json CASE [ARGUMENT]");
    _cleanup_json_ json_t *settings = read_settings(argv[optind]);
    _cleanup_(blob_freep) Blob *blob = NULL;
    _cleanup_free_ char *error = NULL;
    if (!settings || storage_open(settings, &blob, &error) != 0) {
        (void)fprintf(stderr, "open: %s\n", error ? error : "no settings");
        return 1;
    }
    if (skew != 0)
        remote_blob_shift_clock(blob, skew);
    int r = run_case(blob, argc - optind - 1, argv + optind + 1);
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) == 0)
        (void)printf("rss %ld KiB\n", usage.ru_maxrss);
    return r;
}
