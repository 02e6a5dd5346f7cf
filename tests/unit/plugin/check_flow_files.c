/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every file under tests/data/flow: valid ones must parse; invalid ones must give each line of NAME.expected, which is
 * `LINE:COLUMN fragment` or a fragment alone. NAME.parts makes a text too large to keep: each line is a count and a
 * JSON text that is repeated so often. A new case is a new file.
 */
#include "base/base.h"
#include "doc/json.h"
#include "model/flow.h"
#include "plugin/registry.h"

#include <check.h>
#include <dirent.h>

static char *read_file(const char *path, size_t *ret_length)
{
    FILE *file = fopen(path, "re");
    ck_assert_msg(file != NULL, "%s: %m", path);
    Buffer buffer = {};
    char block[65536];
    size_t count;
    while ((count = fread(block, 1, sizeof(block), file)) > 0)
        buffer_append_n(&buffer, block, count);
    fclose(file);
    *ret_length = buffer.length;
    return buffer_take(&buffer);
}

/* The text that a .parts file describes. */
static char *assemble(const char *path, size_t *ret_length)
{
    size_t length;
    _cleanup_free_ char *parts = read_file(path, &length);
    Buffer text = {};
    char *position = NULL;
    for (char *line = strtok_r(parts, "\n", &position); line; line = strtok_r(NULL, "\n", &position)) {
        char *json = NULL;
        uintmax_t count = strtoumax(line, &json, 10);
        _cleanup_json_ json_t *part = NULL;
        ck_assert_int_eq(json_parse(json, strlen(json), 0, &part, NULL), 0);
        for (uintmax_t i = 0; i < count; i++)
            buffer_append(&text, json_string_value(part));
    }
    *ret_length = text.length;
    return buffer_take(&text);
}

static bool has_entry(const Diag *diag, const char *expected)
{
    unsigned line = 0, column = 0;
    int used = 0;
    bool placed = sscanf(expected, "%u:%u %n", &line, &column, &used) == 2;
    for (size_t i = 0; i < diag->entries.count; i++) {
        const DiagEntry *entry = &diag->entries.items[i];
        _cleanup_free_ char *text = xasprintf("%s: %s", entry->path ? entry->path : "", entry->message);
        bool here = !placed || (entry->line == line && entry->column == column);
        if (entry->level == DIAG_ERROR && here && strstr(text, placed ? expected + used : expected))
            return true;
    }
    return false;
}

static void check_invalid(const char *path, const char *stem, const char *source, size_t length)
{
    const FlowParse options = {.registry = &plugin_registry};
    _cleanup_diag_ Diag diag = DIAG_INIT;
    Flow *flow = NULL;
    ck_assert_msg(flow_parse(source, length, &options, &flow, &diag) == FLOW_E_INVALID, "%s is accepted", path);
    _cleanup_free_ char *expected_path = xasprintf("%s.expected", stem);
    size_t expected_length;
    _cleanup_free_ char *expected = read_file(expected_path, &expected_length);
    _cleanup_free_ char *found = diag_format(&diag, path);
    char *position = NULL;
    unsigned count = 0;
    for (char *line = strtok_r(expected, "\n", &position); line; line = strtok_r(NULL, "\n", &position), count++)
        ck_assert_msg(has_entry(&diag, line), "expected: %s\nfound: %s", line, found);
    ck_assert_uint_gt(count, 0);
    /* Stored flows are read leniently: only what is no YAML is refused then, and nothing may break. */
    const FlowParse lenient = {.registry = &plugin_registry, .lenient = true};
    if (flow_parse(source, length, &lenient, &flow, NULL) == 0) {
        json_decref(flow_encode(flow, true));
        flow_unref(flow);
    }
}

static void check_valid(const char *path, const char *source, size_t length)
{
    const FlowParse options = {.registry = &plugin_registry, .revision = 1};
    _cleanup_diag_ Diag diag = DIAG_INIT;
    _cleanup_(flow_unrefp) Flow *flow = NULL;
    int r = flow_parse(source, length, &options, &flow, &diag);
    _cleanup_free_ char *found = diag_format(&diag, path);
    ck_assert_msg(r == 0, "%s", found);
    ck_assert_uint_eq(strlen(flow->source), length);
    ck_assert_uint_gt(flow->tasks.count, 0);
    /* What is written is again a flow, and the same one. */
    _cleanup_json_ json_t *encoded = flow_encode(flow, false);
    _cleanup_free_ char *text = json_text(encoded);
    _cleanup_(flow_unrefp) Flow *again = NULL;
    ck_assert_int_eq(flow_parse(text, strlen(text), &options, &again, &diag), 0);
    ck_assert(json_equal(flow->definition, again->definition));
}

static unsigned walk(const char *folder, bool valid)
{
    _cleanup_free_ char *path = xasprintf("%s/data/flow/%s", TESTS_DIR, folder);
    DIR *directory = opendir(path);
    ck_assert_msg(directory != NULL, "%s: %m", path);
    unsigned count = 0;
    const struct dirent *entry;
    while ((entry = readdir(directory))) {
        bool is_parts = ends_with(entry->d_name, ".parts");
        if (!is_parts && !ends_with(entry->d_name, ".yaml"))
            continue;
        _cleanup_free_ char *file = xasprintf("%s/%s", path, entry->d_name);
        size_t length;
        _cleanup_free_ char *source = is_parts ? assemble(file, &length) : read_file(file, &length);
        _cleanup_free_ char *stem = xstrndup(file, (size_t)(strrchr(file, '.') - file));
        if (valid)
            check_valid(file, source, length);
        else
            check_invalid(file, stem, source, length);
        count++;
    }
    closedir(directory);
    return count;
}

START_TEST(test_invalid)
{
    ck_assert_uint_ge(walk("invalid", false), 50);
}
END_TEST

START_TEST(test_valid)
{
    ck_assert_uint_ge(walk("valid", true), 10);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("flow_files");
    TCase *tests = tcase_create("flow_files");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, test_invalid);
    tcase_add_test(tests, test_valid);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
