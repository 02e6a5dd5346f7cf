/* SPDX-License-Identifier: Apache-2.0 */
/* Archives: what we write we read, what others write too, and what is broken is refused and never believed. */
#include <check.h>
#include <fcntl.h>
#include <unistd.h>

#include "plugin/zip.h"

/* Python's zipfile: d/, d/ä.txt (deflated, "hello " 50 times), stored ("abc"). */
static const char foreign[] =
    "\x50\x4b\x03\x04\x14\x00\x00\x00\x00\x00\x00\x00\x21\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00"
    "\x00\x00\x64\x2f\x50\x4b\x03\x04\x14\x00\x00\x08\x08\x00\x00\x00\x21\x00\xc1\x48\x42\x59\x0c\x00\x00\x00\x2c\x01"
    "\x00\x00\x08\x00\x00\x00\x64\x2f\xc3\xa4\x2e\x74\x78\x74\xcb\x48\xcd\xc9\xc9\x57\xc8\x18\x25\x89\x20\x01\x50\x4b"
    "\x03\x04\x14\x00\x00\x00\x00\x00\x23\x01\x7d\x5d\xc2\x41\x24\x35\x03\x00\x00\x00\x03\x00\x00\x00\x06\x00\x00\x00"
    "\x73\x74\x6f\x72\x65\x64\x61\x62\x63\x50\x4b\x01\x02\x14\x03\x14\x00\x00\x00\x00\x00\x00\x00\x21\x00\x00\x00\x00"
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\x01\x00\x00\x00\x00\x64"
    "\x2f\x50\x4b\x01\x02\x14\x03\x14\x00\x00\x08\x08\x00\x00\x00\x21\x00\xc1\x48\x42\x59\x0c\x00\x00\x00\x2c\x01\x00"
    "\x00\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\x01\x20\x00\x00\x00\x64\x2f\xc3\xa4\x2e\x74\x78\x74\x50"
    "\x4b\x01\x02\x14\x03\x14\x00\x00\x00\x00\x00\x23\x01\x7d\x5d\xc2\x41\x24\x35\x03\x00\x00\x00\x03\x00\x00\x00\x06"
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\x01\x52\x00\x00\x00\x73\x74\x6f\x72\x65\x64\x50\x4b\x05\x06\x00"
    "\x00\x00\x00\x03\x00\x03\x00\x9a\x00\x00\x00\x79\x00\x00\x00\x00\x00";

static int scratch(const char *bytes, size_t length)
{
    int fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(pwrite(fd, bytes, length, 0), (ssize_t)length);
    return fd;
}

static char *content_of(int fd)
{
    static char text[1 << 20];
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    ck_assert_int_ge(n, 0);
    return xstrndup(text, (size_t)n);
}

static char *extracted(int archive, const ZipEntry *entry)
{
    _cleanup_(close_fdp) int fd = scratch("", 0);
    ck_assert_int_eq(zip_extract(archive, entry, fd), 0);
    return content_of(fd);
}

START_TEST(test_round_trip)
{
    _cleanup_(close_fdp) int archive = scratch("", 0), empty = scratch("", 0), large = -1;
    _cleanup_(zip_writer_done) ZipWriter zip = {.fd = archive};
    _cleanup_(zip_entries_done) ZipEntries entries = {};
    static char bytes[300000];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)('a' + i * i % 23);
    large = scratch(bytes, sizeof bytes);
    ck_assert_int_eq(zip_writer_add(&zip, "a/empty", empty, 0644), 0);
    ck_assert_int_eq(zip_writer_add(&zip, "\xC3\xA4", large, 0755), 0);
    ck_assert_int_eq(zip_writer_end(&zip), 0);
    ck_assert_int_eq(zip_list(archive, &entries), 0);
    ck_assert_uint_eq(entries.count, 2);
    ck_assert_str_eq(entries.items[0].name, "a/empty");
    ck_assert_uint_eq(entries.items[0].bytes, 0);
    ck_assert_str_eq(entries.items[1].name, "\xC3\xA4");
    ck_assert_uint_eq(entries.items[1].mode, 0755);
    ck_assert_uint_lt(entries.items[1].packed_bytes, sizeof bytes);
    uint32_t crc;
    uint64_t length;
    ck_assert_int_eq(zip_crc(large, &crc, &length), 0);
    ck_assert_uint_eq(crc, entries.items[1].crc);
    ck_assert_uint_eq(length, sizeof bytes);
    _cleanup_free_ char *a = extracted(archive, &entries.items[0]), *b = extracted(archive, &entries.items[1]);
    ck_assert_str_eq(a, "");
    ck_assert_uint_eq(strlen(b), sizeof bytes);
    ck_assert_int_eq(memcmp(b, bytes, sizeof bytes), 0);
}
END_TEST

START_TEST(test_foreign)
{
    _cleanup_(close_fdp) int archive = scratch(foreign, sizeof foreign - 1);
    _cleanup_(zip_entries_done) ZipEntries entries = {};
    ck_assert_int_eq(zip_list(archive, &entries), 0);
    ck_assert_uint_eq(entries.count, 3);
    ck_assert_str_eq(entries.items[0].name, "d/");
    ck_assert_str_eq(entries.items[1].name, "d/\xC3\xA4.txt");
    _cleanup_free_ char *a = extracted(archive, &entries.items[1]), *b = extracted(archive, &entries.items[2]);
    ck_assert_uint_eq(strlen(a), 300);
    ck_assert_int_eq(strncmp(a, "hello hello ", 12), 0);
    ck_assert_str_eq(b, "abc");
}
END_TEST

/* Any byte may be wrong, and the end may be missing: then it is refused, or the content is what the checksum says. */
START_TEST(test_broken)
{
    for (size_t i = 0; i < 2 * (sizeof foreign - 1); i++) {
        char bytes[sizeof foreign];
        memcpy(bytes, foreign, sizeof foreign);
        size_t length = i < sizeof foreign - 1 ? i : sizeof foreign - 1;
        if (i >= sizeof foreign - 1)
            bytes[i - (sizeof foreign - 1)] ^= (char)0xFF;
        _cleanup_(close_fdp) int archive = scratch(bytes, length);
        _cleanup_(zip_entries_done) ZipEntries entries = {};
        int r = zip_list(archive, &entries);
        ck_assert(r == 0 || r == ZIP_E_BROKEN);
        ck_assert(r != 0 || length == sizeof foreign - 1);
        for (size_t k = 0; r == 0 && k < entries.count; k++) {
            _cleanup_(close_fdp) int fd = scratch("", 0);
            int extraction = zip_extract(archive, &entries.items[k], fd);
            ck_assert(extraction == 0 || extraction == ZIP_E_BROKEN);
        }
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("zip");
    TCase *tests = tcase_create("zip");
    tcase_add_test(tests, test_round_trip);
    tcase_add_test(tests, test_foreign);
    tcase_add_test(tests, test_broken);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
