/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <unistd.h>

#include "base/clock.h"
#include "plugin/kv.h"

static char directory[] = "/tmp/kestra-check-kv-XXXXXX";
static Blob *blob;
static const usec_t now = 1700000000 * USEC_PER_SEC;

static void setup(void)
{
    memcpy(directory + sizeof directory - 7, "XXXXXX", 6);
    ck_assert_ptr_nonnull(mkdtemp(directory));
    ck_assert_int_eq(blob_local_new(directory, &blob), 0);
}

static void teardown(void)
{
    BlobEntries gone = {};
    bool existed;
    ck_assert_int_eq(blob_delete(blob, "kestra:///a/b/_kv/k.ion.metadata", &existed), 0);
    ck_assert_int_eq(blob_delete_prefix(blob, "kestra:///a", &gone), 0);
    blob_entries_done(&gone);
    blob = blob_free(blob);
    _cleanup_free_ char *upload = xasprintf("%s/.upload", directory);
    (void)rmdir(upload);
    (void)rmdir(directory);
}

static json_t *parse(const char *text)
{
    json_t *value;
    ck_assert_int_eq(json_parse(text, strlen(text), 0, &value, NULL), 0);
    return value;
}

static int put(const char *value, const char *type, bool overwrite, usec_t ttl)
{
    _cleanup_json_ json_t *json = parse(value);
    return kv_put(
        blob,
        &(KvPut){.namespace = "a.b", .key = "k", .value = json, .type = type, .overwrite = overwrite, .ttl_usec = ttl},
        now);
}

static const struct {
    const char *value, *type, *stored, *read; /* stored NULL: it does not fit */
} values[] = {
    {"\"text\"", NULL, "\"text\"", "\"text\""},
    {"2", NULL, "2", "2"},
    {"{\"a\":[1,null,\"x\"]}", NULL, "{\"a\":[1,null,\"x\"]}", "{\"a\":[1,null,\"x\"]}"},
    {"\"12\"", "NUMBER", "12", "12"},
    {"\"1.5\"", "NUMBER", "1.5", "1.5"},
    {"\"x\"", "NUMBER", NULL, NULL},
    {"\"TRUE\"", "BOOLEAN", "true", "true"},
    {"\"yes\"", "BOOLEAN", NULL, NULL},
    {"\"2020-02-29T01:02:03Z\"", "DATETIME", "2020-02-29T01:02:03Z", "\"2020-02-29T01:02:03Z\""},
    {"\"2020-02-29\"", "DATE", "2020-02-29", "\"2020-02-29\""},
    {"\"29.2.2020\"", "DATE", NULL, NULL},
    {"\"PT5M\"", "DURATION", "300.000000000", "\"300.000000000\""},
    {"\"[1,2]\"", "JSON", "[1,2]", "[1,2]"},
    {"\"[1,\"", "JSON", NULL, NULL},
    {"5", "STRING", "\"5\"", "\"5\""},
};

START_TEST(test_value)
{
    int r = put(values[_i].value, values[_i].type, true, 0);
    ck_assert_int_eq(r, values[_i].stored ? 0 : KV_E_VALUE);
    if (r != 0)
        return;
    _cleanup_free_ char *stored = NULL;
    size_t length;
    ck_assert_int_eq(blob_read(blob, "kestra:///a/b/_kv/k.ion", 1000, &stored, &length), 0);
    ck_assert_str_eq(stored, values[_i].stored);
    _cleanup_json_ json_t *value = NULL;
    ck_assert_int_eq(kv_get(blob, "a.b", "k", now, &value), 0);
    _cleanup_free_ char *text = json_text(value);
    ck_assert_str_eq(text, values[_i].read);
}
END_TEST

START_TEST(test_overwrite)
{
    ck_assert_int_eq(put("1", NULL, false, 0), 0);
    ck_assert_int_eq(put("2", NULL, false, 0), KV_E_EXISTS);
    ck_assert_int_eq(put("3", NULL, true, 0), 0);
    bool existed;
    ck_assert_int_eq(kv_delete(blob, "a.b", "k", &existed), 0);
    ck_assert(existed);
    ck_assert_int_eq(kv_delete(blob, "a.b", "k", &existed), 0);
    ck_assert(!existed);
}
END_TEST

START_TEST(test_expiry)
{
    json_t *value;
    KvEntries entries;
    ck_assert_int_eq(put("1", NULL, true, 10 * USEC_PER_SEC), 0);
    ck_assert_int_eq(kv_get(blob, "a.b", "k", now + 9 * USEC_PER_SEC, &value), 0);
    json_decref(value);
    ck_assert_int_eq(kv_list(blob, "a.b", NULL, now, &entries), 0);
    ck_assert_uint_eq(entries.count, 1);
    ck_assert_str_eq(entries.items[0].key, "k");
    ck_assert_uint_eq(entries.items[0].expires, now + 10 * USEC_PER_SEC);
    kv_entries_done(&entries);
    ck_assert_int_eq(kv_list(blob, "a.b", NULL, now + 11 * USEC_PER_SEC, &entries), 0);
    ck_assert_uint_eq(entries.count, 0);
    kv_entries_done(&entries);
    ck_assert_int_eq(kv_get(blob, "a.b", "k", now + 11 * USEC_PER_SEC, &value), KV_E_EXPIRED);
    ck_assert_int_eq(kv_get(blob, "a.b", "k", now + 11 * USEC_PER_SEC, &value), KV_E_NONE);
    ck_assert_int_eq(put("1", NULL, true, 10 * USEC_PER_SEC), 0);
    ck_assert_int_eq(put("1", NULL, true, 0), 0); /* now for ever */
    ck_assert_int_eq(kv_get(blob, "a.b", "k", now + 11 * USEC_PER_SEC, &value), 0);
    json_decref(value);
}
END_TEST

START_TEST(test_keys)
{
    const char *const wrong[] = {"", "../x", "a/b", "a..b", ".a", "a b", "\xC3\xA9"};
    json_t *value;
    for (size_t i = 0; i < ELEMENTS(wrong); i++)
        ck_assert_int_eq(kv_get(blob, "a.b", wrong[i], now, &value), KV_E_KEY);
    ck_assert(kv_key_is_valid("a-B_c.9"));
}
END_TEST

int main(void)
{
    mem_use_for_jansson(json_set_alloc_funcs);
    Suite *suite = suite_create("kv");
    TCase *tests = tcase_create("kv");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_loop_test(tests, test_value, 0, ELEMENTS(values));
    tcase_add_test(tests, test_overwrite);
    tcase_add_test(tests, test_expiry);
    tcase_add_test(tests, test_keys);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
