/* SPDX-License-Identifier: Apache-2.0 */
/* The table of journal events: ids are ids, each is there once, and everybody gets told what to do. */
#include <check.h>
#include <ctype.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/log.h"
#include "base/map.h"

static const struct {
    const char *name, *id;
    int priority;
    const char *subject, *text;
} events[] = {
#define LOG_EVENT_ROW(name, id, priority, subject, text) {#name, id, priority, subject, text},
    LOG_EVENTS(LOG_EVENT_ROW)
#undef LOG_EVENT_ROW
};

START_TEST(test_event)
{
    const char *id = events[_i].id;
    ck_assert_msg(strlen(id) == 32, "%s", events[_i].name);
    for (; *id; id++)
        ck_assert_msg(isdigit((unsigned char)*id) || (*id >= 'a' && *id <= 'f'), "%s: %s", events[_i].name,
                      events[_i].id);
    ck_assert_msg(events[_i].priority >= LOG_ERR && events[_i].priority <= LOG_INFO, "%s", events[_i].name);
    ck_assert_msg(!strchr(events[_i].subject, '\n') && strlen(events[_i].subject) < 80, "%s: one line",
                  events[_i].name);
    ck_assert_msg(*events[_i].text && !strstr(events[_i].text, "\n-- "), "%s", events[_i].name);
}
END_TEST

START_TEST(test_ids_are_unique)
{
    Map *seen = map_new();
    for (size_t i = 0; i < ELEMENTS(events); i++)
        ck_assert_msg(map_put(seen, events[i].id, (void *)events[i].name) == NULL, "%s", events[i].name);
    map_destroy(seen, NULL);
}
END_TEST

/* What an event writes where there is no journal is its line, with its priority. */
START_TEST(test_terminal)
{
    char line[256] = "";
    FILE *file = tmpfile();
    int saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(dup2(fileno(file), STDERR_FILENO), 0);
    unsetenv("JOURNAL_STREAM");
    log_open("check", LOG_WARNING);
    log_event(LOGIN_REFUSED, "Login from %s was refused", "nobody");
    log_event(NO_PASSWORD, "below the level"); /* a notice */
    ck_assert_int_ge(dup2(saved, STDERR_FILENO), 0);
    rewind(file);
    ck_assert_uint_gt(fread(line, 1, sizeof line - 1, file), 0);
    ck_assert_str_eq(line, "warning kestra-check: Login from nobody was refused\n");
    fclose(file);
    close(saved);
}
END_TEST

START_TEST(test_a_fault_that_lasts_is_said_less_and_less)
{
    LogFault fault = {};
    unsigned said = 0;
    for (usec_t second = 1; second <= 24 * 3600; second++)
        said += log_fault_is_due(&fault, second * USEC_PER_SEC);
    /* at once, then after 1, 2, 4, 8, 16 and 32 minutes, then every hour */
    ck_assert_uint_eq(said, 1 + 6 + 22);
    /* one that is away for a moment is the same; one that was away for long is a new one */
    ck_assert(!log_fault_is_due(&fault, (24 * 3600 + 50) * USEC_PER_SEC));
    ck_assert(log_fault_is_due(&fault, (24 * 3600 + 3700) * USEC_PER_SEC));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("log");
    TCase *tests = tcase_create("log");
    tcase_add_loop_test(tests, test_event, 0, (int)ELEMENTS(events));
    tcase_add_test(tests, test_ids_are_unique);
    tcase_add_test(tests, test_terminal);
    tcase_add_test(tests, test_a_fault_that_lasts_is_said_less_and_less);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
