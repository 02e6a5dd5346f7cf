/* SPDX-License-Identifier: Apache-2.0 */
/* Cron, durations, zones. The recorded cases of the Java library are run by tests/conformance/cron. */
#include <check.h>

#include "base/clock.h"
#include "when/cron.h"
#include "when/duration.h"
#include "when/zone.h"

static usec_t instant(const char *text)
{
    usec_t result;
    ck_assert_msg(instant_parse(text, &result) == 0, "%s", text);
    return result;
}

static const struct {
    const char *cron, *zone, *from, *next, *previous;
} dates[] = {
    {"* * * * *", NULL, "2024-01-01T00:00:00Z", "2024-01-01T00:01:00Z", "2023-12-31T23:59:00Z"},
    {"30 2 * * *", "Europe/Berlin", "2024-03-30T12:00:00Z", "2024-04-01T02:30:00+02:00", "2024-03-30T02:30:00+01:00"},
    {"15 2 * * *", "Europe/Berlin", "2024-10-26T12:00:00Z", "2024-10-27T02:15:00+02:00", "2024-10-26T02:15:00+02:00"},
    {"0 0 29 2 *", NULL, "2024-03-01T00:00:00Z", "2028-02-29T00:00:00Z", "2024-02-29T00:00:00Z"},
    {"0 0 1 * MON", NULL, "2024-01-30T00:00:00Z", "2024-02-01T00:00:00Z", "2024-01-29T00:00:00Z"},
    {"@daily", "America/New_York", "2024-06-15T12:00:00Z", "2024-06-16T00:00:00-04:00", "2024-06-15T00:00:00-04:00"},
};

START_TEST(test_cron_dates)
{
    for (size_t i = 0; i < ELEMENTS(dates); i++) {
        _cleanup_(cron_freep) Cron *cron = NULL;
        usec_t found;
        ck_assert_int_eq(cron_parse(dates[i].cron, false, dates[i].zone, &cron, NULL), 0);
        ck_assert_int_eq(cron_next(cron, instant(dates[i].from), &found), 0);
        _cleanup_free_ char *next = zoned_format(found, dates[i].zone);
        ck_assert_str_eq(next, dates[i].next);
        ck_assert_int_eq(cron_previous(cron, instant(dates[i].from), &found), 0);
        _cleanup_free_ char *previous = zoned_format(found, dates[i].zone);
        ck_assert_str_eq(previous, dates[i].previous);
    }
}
END_TEST

START_TEST(test_cron_that_never_comes)
{
    _cleanup_(cron_freep) Cron *cron = NULL;
    usec_t found;
    ck_assert_int_eq(cron_parse("0 0 30 2 *", false, NULL, &cron, NULL), 0);
    ck_assert_int_eq(cron_next(cron, instant("2024-01-01T00:00:00Z"), &found), CRON_E_NONE);
    ck_assert_int_eq(cron_previous(cron, instant("2024-01-01T00:00:00Z"), &found), CRON_E_NONE);
}
END_TEST

static const struct {
    const char *cron, *message;
} refused[] = {
    {"", "Empty expression!"},
    {"* * * *", "Cron expression contains 4 parts but we expect one of [5]"},
    {"61 * * * *", "Failed to parse cron expression. Value 61 not in range [0, 59]"},
    {"* * L * *", "Failed to parse cron expression. Invalid chars in expression! Expression: L Invalid chars: L"},
    {"9-3 * * * *", "Failed to parse cron expression. Invalid range! [9,3]"},
    {"*/0 * * * *", "Failed to parse cron expression. Period 0 not in range [0, 59]"},
    {"@reboot", "Nickname @reboot not supported!"},
};

START_TEST(test_cron_errors)
{
    for (size_t i = 0; i < ELEMENTS(refused); i++) {
        _cleanup_diag_ Diag diag = DIAG_INIT;
        Cron *cron;
        ck_assert_int_eq(cron_parse(refused[i].cron, false, NULL, &cron, &diag), CRON_E_INVALID);
        ck_assert_str_eq(diag_first(&diag), refused[i].message);
    }
    Cron *cron;
    ck_assert_int_eq(cron_parse("* * * * *", false, "Mars/Base", &cron, NULL), CRON_E_INVALID);
}
END_TEST

static const struct {
    const char *text;
    int outcome;
    usec_t usec;
} durations[] = {
    {"PT1S", 0, 1000000},
    {"P1DT2H3M4.5S", 0, UINT64_C(93784500000)},
    {"pt0.000001s", 0, 1},
    {"90", 0, 90000000},
    {"PT1M-30S", 0, 30000000},
    {"-PT1S", 2, 0},
    {"PT-1S", 2, 0},
    {"P", 1, 0},
    {"PT", 1, 0},
    {"P1M", 1, 0},
    {"1h", 1, 0},
    {"PT1.5H", 1, 0},
    {"", 1, 0},
    {"PT1S ", 1, 0},
    {"P1D2H", 1, 0},
};

START_TEST(test_durations)
{
    for (size_t i = 0; i < ELEMENTS(durations); i++) {
        usec_t usec = 0;
        ck_assert_msg(duration_parse(durations[i].text, &usec) == durations[i].outcome, "%s", durations[i].text);
        ck_assert_msg(usec == durations[i].usec, "%s: %" PRIu64, durations[i].text, usec);
    }
}
END_TEST

START_TEST(test_zones)
{
    ck_assert(zone_is_known("Europe/Berlin") && zone_is_known("UTC") && zone_is_known("+05:30") &&
              zone_is_known("GMT-3"));
    ck_assert(!zone_is_known("europe/berlin") && !zone_is_known("../passwd") && !zone_is_known("") &&
              !zone_is_known("+19:00"));
    const Zone *zone = zone_find("Europe/Berlin");
    ck_assert_int_eq(zone_offset(zone, 1711846799), 3600);
    ck_assert_int_eq(zone_offset(zone, 1711846800), 7200);
    ck_assert_int_eq(zone_offset(zone, INT64_C(95617584000) + 200 * 86400), 7200); /* July 5000 by the closing rule */
    ck_assert(zone_local_to_instant(zone, 1711852200) == 1711848600);              /* 02:30 in the gap is 03:30 */
}
END_TEST

START_TEST(test_calendar)
{
    for (int64_t days = -1000000; days < 1000000; days += 997) {
        int64_t year;
        unsigned month, day;
        calendar_date(days, &year, &month, &day);
        ck_assert(calendar_days(year, month, day) == days);
    }
    ck_assert_uint_eq(calendar_weekday(0), 4);
    ck_assert_uint_eq(calendar_month_length(1900, 2), 28);
    ck_assert_uint_eq(calendar_month_length(2000, 2), 29);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("when");
    TCase *tests = tcase_create("dates");
    tcase_add_test(tests, test_cron_dates);
    tcase_add_test(tests, test_cron_that_never_comes);
    tcase_add_test(tests, test_cron_errors);
    tcase_add_test(tests, test_durations);
    tcase_add_test(tests, test_zones);
    tcase_add_test(tests, test_calendar);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
