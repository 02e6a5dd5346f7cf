/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An instant matches when its local date and time match. To find the next one, time is cut into stretches with the
 * same offset from UTC: within a stretch the search is plain calendar arithmetic, and its answer counts if it lies in
 * the stretch. So a time in a gap never comes, and one in an overlap comes twice, as with the Java library.
 *
 * Day rule (cron-utils): both day fields a bare star: every day; one of them: only the other counts; else their union.
 */
#include "when/cron.h"

#include <ctype.h>

#include "when/cron_field.h"
#include "when/zone.h"

#define SEARCH_DAYS 3660
#define DAY_SECONDS INT64_C(86400)

typedef enum CronPart { SECOND, MINUTE, HOUR, DAY, MONTH, WEEKDAY, _PART_MAX } CronPart;

struct Cron {
    CronField fields[_PART_MAX];
    const Zone *zone;
};

static const char *const month_names[] = {"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL",
                                          "AUG", "SEP", "OCT", "NOV", "DEC", NULL};
static const char *const day_names[] = {"MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN", NULL};

static const CronFieldKind kinds[_PART_MAX] = {
    [SECOND] = {0, 59},
    [MINUTE] = {0, 59},
    [HOUR] = {0, 23},
    [DAY] = {1, 31},
    [MONTH] = {1, 12, month_names, 1},
    [WEEKDAY] = {0, 7, day_names, 1},
};

static const struct {
    const char *name, *expression; /* NULL: known, but not supported */
} nicknames[] = {
    {"@yearly", "0 0 0 1 1 *"}, {"@annually", "0 0 0 1 1 *"}, {"@monthly", "0 0 0 1 * *"}, {"@weekly", "0 0 0 * * 0"},
    {"@daily", "0 0 0 * * *"},  {"@midnight", "0 0 0 * * *"}, {"@hourly", "0 0 * * * *"},  {"@reboot", NULL},
};

typedef struct Words {
    char *items[_PART_MAX];
    size_t count;
} Words;

static void words_cut(char *text, Words *ret)
{
    ret->count = 0;
    for (char *at = text; *at;) {
        at += strspn(at, " \t\n\v\f\r");
        size_t length = strcspn(at, " \t\n\v\f\r");
        if (!length)
            break;
        if (ret->count < _PART_MAX)
            ret->items[ret->count] = at;
        ret->count++;
        at += length;
        if (*at)
            *at++ = 0;
    }
}

static int cron_parse_fields(Cron *cron, char *text, bool with_seconds, Diag *diag)
{
    Words words;
    words_cut(text, &words);
    size_t expected = with_seconds ? 6 : 5;
    if (words.count != expected) {
        if (words.count == 0)
            diag_error(diag, NULL, 0, 0, "Empty expression!");
        else
            diag_error(diag, NULL, 0, 0, "Cron expression contains %zu parts but we expect one of [%zu]", words.count,
                       expected);
        return CRON_E_INVALID;
    }
    cron->fields[SECOND].set = 1;
    for (size_t i = 0; i < expected; i++) {
        CronPart part = (CronPart)(i + (with_seconds ? 0 : 1));
        for (char *c = words.items[i]; *c; c++)
            *c = (char)toupper((unsigned char)*c);
        int r = cron_field_parse(&kinds[part], words.items[i], &cron->fields[part], diag);
        if (r)
            return r;
    }
    if (cron->fields[WEEKDAY].set & 1)
        cron->fields[WEEKDAY].set |= 1 << 7;
    return 0;
}

int cron_parse(const char *expression, bool with_seconds, const char *zone, Cron **ret, Diag *diag)
{
    _cleanup_(cron_freep) Cron *cron = xnew(Cron);
    cron->zone = zone ? zone_find(zone) : zone_utc();
    if (!cron->zone) {
        diag_error(diag, NULL, 0, 0, "Unknown time-zone ID: %s", zone);
        return CRON_E_INVALID;
    }
    for (size_t i = 0; i < ELEMENTS(nicknames); i++)
        if (streq(nicknames[i].name, expression)) {
            if (!nicknames[i].expression) {
                diag_error(diag, NULL, 0, 0, "Nickname %s not supported!", expression);
                return CRON_E_INVALID;
            }
            expression = nicknames[i].expression;
            with_seconds = true;
        }
    _cleanup_free_ char *copy = xstrdup(expression);
    int r = cron_parse_fields(cron, copy, with_seconds, diag);
    if (r)
        return r;
    *ret = TAKE_PTR(cron);
    return 0;
}

Cron *cron_free(Cron *cron)
{
    free(cron);
    return NULL;
}

static bool has(const Cron *cron, CronPart part, unsigned value)
{
    return cron->fields[part].set >> value & 1;
}

static bool day_matches(const Cron *cron, int64_t days)
{
    int64_t year;
    unsigned month, day;
    calendar_date(days, &year, &month, &day);
    if (!has(cron, MONTH, month))
        return false;
    bool any_day = cron->fields[DAY].is_any, any_weekday = cron->fields[WEEKDAY].is_any;
    bool day_fits = has(cron, DAY, day), weekday_fits = has(cron, WEEKDAY, calendar_weekday(days));
    if (any_day)
        return any_weekday || weekday_fits;
    return any_weekday ? day_fits : day_fits || weekday_fits;
}

/* The nearest value of a field from `value` in a direction (inclusive), or -1. */
static int nearest(const Cron *cron, CronPart part, int value, int direction)
{
    for (; value >= 0 && value <= (int)kinds[part].last; value += direction)
        if (has(cron, part, (unsigned)value))
            return value;
    return -1;
}

/* The nearest matching second of a day from `second` in a direction (inclusive), or -1. */
static int64_t second_of_day(const Cron *cron, int64_t second, int direction)
{
    int64_t rest_minutes = direction > 0 ? 0 : 59;
    int hour = (int)(second / 3600), minute = (int)(second / 60 % 60), tick = (int)(second % 60);
    for (int h = nearest(cron, HOUR, hour, direction); h >= 0; h = nearest(cron, HOUR, h + direction, direction)) {
        int from = h == hour ? minute : (int)rest_minutes;
        for (int m = nearest(cron, MINUTE, from, direction); m >= 0;
             m = nearest(cron, MINUTE, m + direction, direction)) {
            int s = nearest(cron, SECOND, h == hour && m == minute ? tick : (int)rest_minutes, direction);
            if (s >= 0)
                return h * 3600 + m * 60 + s;
        }
    }
    return -1;
}

static int64_t floor_days(int64_t seconds)
{
    return (seconds >= 0 ? seconds : seconds - (DAY_SECONDS - 1)) / DAY_SECONDS;
}

/* The nearest matching local time from `local` in a direction (inclusive) within `days_left` days; false if none. */
static bool local_search(const Cron *cron, int64_t local, int direction, int64_t limit, int64_t *ret)
{
    int64_t day = floor_days(local), second = local - day * DAY_SECONDS;
    for (; direction > 0 ? day * DAY_SECONDS <= limit : (day + 1) * DAY_SECONDS > limit; day += direction) {
        if (day_matches(cron, day)) {
            int64_t found = second_of_day(cron, second, direction);
            if (found >= 0) {
                *ret = day * DAY_SECONDS + found;
                return true;
            }
        }
        second = direction > 0 ? 0 : DAY_SECONDS - 1;
    }
    return false;
}

/*
 * The Java library steps through wall clock times, and around a change of the offset it leaves out some dates that
 * match. Recorded are three cases; T is the date found, A the one the search started after.
 */
typedef struct Found {
    int64_t after, instant; /* A and T */
    int64_t change;         /* the change of offset at or before T */
    int old_offset, new_offset;
} Found;

static int64_t hour_start(int64_t local)
{
    return local - ((local % 3600) + 3600) % 3600;
}

/* The second pass of an hour: T shows the same clock time as A, and the next hour is not in the list. */
static bool is_same_clock_time(const Cron *cron, const Found *f)
{
    int64_t local = f->instant + f->new_offset;
    unsigned hour = (unsigned)((local - floor_days(local) * DAY_SECONDS) / 3600);
    return f->after < f->change && f->after + f->old_offset == local && !has(cron, HOUR, (hour + 1) % 24);
}

/* A gap cuts into the hour of T (02:45 to 03:45), and the search did not walk into it from the hour before. */
static bool is_in_cut_hour(const Cron *cron, const Found *f, int64_t change, int offset)
{
    int64_t from = change + offset, to = change + zone_offset(cron->zone, change);
    int64_t local = f->instant + zone_offset(cron->zone, f->instant);
    if (to <= from || hour_start(local) != hour_start(from))
        return false;
    unsigned hour = (unsigned)((hour_start(from) - floor_days(from) * DAY_SECONDS) / 3600);
    bool walks_in = hour == 0 || has(cron, HOUR, hour - 1);
    return !walks_in && hour_start(f->after + offset) != hour_start(from);
}

/* The clock goes back to the middle of an hour (03:45 to 02:45): a step by hours from before lands behind T, a step by
 * minutes passes it. */
static bool is_before_landing(const Cron *cron, const Found *f)
{
    int64_t old_local = f->change + f->old_offset;
    int64_t landing = hour_start(old_local - 1) + 3600 - f->old_offset;
    bool every_minute = cron->fields[MINUTE].set == (UINT64_C(1) << 60) - 1;
    return f->new_offset < f->old_offset && f->after < f->change && f->instant < landing && !every_minute;
}

static bool is_left_out(const Cron *cron, int64_t after, int64_t instant)
{
    int64_t change = zone_last_change(cron->zone, instant), next = zone_next_change(cron->zone, instant);
    Found found = {
        .after = after, .instant = instant, .change = change, .new_offset = zone_offset(cron->zone, instant)};
    if (next != INT64_MAX && next - instant < 7200 && is_in_cut_hour(cron, &found, next, found.new_offset))
        return true;
    if (change == INT64_MIN || instant - change >= 7200)
        return false;
    found.old_offset = zone_offset(cron->zone, change - 1);
    return is_same_clock_time(cron, &found) || is_before_landing(cron, &found) ||
           is_in_cut_hour(cron, &found, change, found.old_offset);
}

static int next_match(const Cron *cron, int64_t instant, int64_t limit, int64_t *ret);

int cron_next(const Cron *cron, usec_t after_usec, usec_t *ret)
{
    int64_t after = (int64_t)(after_usec / USEC_PER_SEC), limit = after + SEARCH_DAYS * DAY_SECONDS, found = after;
    do {
        int r = next_match(cron, found + 1, limit, &found);
        if (r)
            return r;
    } while (is_left_out(cron, after, found));
    *ret = (usec_t)found * USEC_PER_SEC;
    return 0;
}

static int next_match(const Cron *cron, int64_t instant, int64_t limit, int64_t *ret)
{
    while (instant <= limit) {
        int offset = zone_offset(cron->zone, instant);
        int64_t end = MIN(zone_next_change(cron->zone, instant), limit + 1), local;
        if (local_search(cron, instant + offset, 1, end + offset, &local) && local - offset < end) {
            *ret = local - offset;
            return 0;
        }
        instant = end;
    }
    return CRON_E_NONE;
}

int cron_previous(const Cron *cron, usec_t before, usec_t *ret)
{
    int64_t instant = (int64_t)((before + USEC_PER_SEC - 1) / USEC_PER_SEC) - 1;
    int64_t limit = MAX(instant - SEARCH_DAYS * DAY_SECONDS, INT64_C(0));
    while (instant >= limit) {
        int offset = zone_offset(cron->zone, instant);
        int64_t start = MAX(zone_last_change(cron->zone, instant), limit), local;
        if (local_search(cron, instant + offset, -1, start + offset, &local) && local - offset >= start) {
            *ret = (usec_t)(local - offset) * USEC_PER_SEC;
            return 0;
        }
        instant = start - 1;
    }
    return CRON_E_NONE;
}
