/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <time.h>

static usec_t read_clock(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (usec_t)now.tv_sec * USEC_PER_SEC + (usec_t)now.tv_nsec / 1000;
}

usec_t clock_realtime(void)
{
    return read_clock(CLOCK_REALTIME);
}

usec_t clock_monotonic(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

static void format_instant(usec_t instant, unsigned digits, char *ret_text)
{
    time_t seconds = (time_t)(instant / USEC_PER_SEC);
    struct tm utc;
    gmtime_r(&seconds, &utc);
    unsigned fraction = (unsigned)(instant % USEC_PER_SEC);
    if (digits == 3)
        fraction /= 1000;
    (void)snprintf(ret_text, INSTANT_BYTES, "%04d-%02d-%02dT%02d:%02d:%02d.%0*uZ", utc.tm_year + 1900, utc.tm_mon + 1,
                   utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec, (int)digits, fraction);
}

void instant_format(usec_t instant, char ret_text[static INSTANT_BYTES])
{
    format_instant(instant, 3, ret_text);
}

void instant_format_usec(usec_t instant, char ret_text[static INSTANT_BYTES])
{
    format_instant(instant, 6, ret_text);
}

/* Reads exactly `digits` decimal digits and moves *p; -1 if there are fewer. */
static int take_number(const char **p, unsigned digits)
{
    int value = 0;
    for (unsigned i = 0; i < digits; i++) {
        if ((*p)[i] < '0' || (*p)[i] > '9')
            return -1;
        value = value * 10 + ((*p)[i] - '0');
    }
    *p += digits;
    return value;
}

static bool take_char(const char **p, char c)
{
    if (**p != c)
        return false;
    (*p)++;
    return true;
}

static usec_t take_fraction(const char **p)
{
    usec_t value = 0, unit = USEC_PER_SEC / 10;
    for (; **p >= '0' && **p <= '9'; (*p)++, unit /= 10)
        value += (usec_t)(**p - '0') * unit;
    return value;
}

static bool take_offset(const char **p, int64_t *ret_seconds)
{
    *ret_seconds = 0;
    if (take_char(p, 'Z') || take_char(p, 'z'))
        return true;
    int sign = **p == '-' ? -1 : **p == '+' ? 1 : 0;
    if (!sign)
        return false;
    (*p)++;
    int hours = take_number(p, 2);
    (void)take_char(p, ':'); /* both +0200 and +02:00 are ISO-8601 */
    int minutes = take_number(p, 2);
    if (hours < 0 || hours > 18)
        return false;
    *ret_seconds = sign * (hours * 3600 + MAX(minutes, 0) * 60);
    return true;
}

int instant_parse(const char *text, usec_t *ret_instant)
{
    const char *p = text;
    struct tm utc = {};
    int year = take_number(&p, 4);
    bool ok = year >= 1970 && take_char(&p, '-');
    int month = ok ? take_number(&p, 2) : -1;
    ok = ok && take_char(&p, '-');
    int day = ok ? take_number(&p, 2) : -1;
    ok = ok && (take_char(&p, 'T') || take_char(&p, ' '));
    int hour = ok ? take_number(&p, 2) : -1;
    ok = ok && take_char(&p, ':');
    int minute = ok ? take_number(&p, 2) : -1, second = 0;
    usec_t fraction = 0;
    if (ok && take_char(&p, ':')) {
        second = take_number(&p, 2);
        if (take_char(&p, '.'))
            fraction = take_fraction(&p);
    }
    int64_t offset = 0;
    if (!ok || month < 1 || month > 12 || day < 1 || day > 31 || hour < 0 || hour > 23 || minute < 0 || minute > 59 ||
        second < 0 || second > 60 || !take_offset(&p, &offset) || *p)
        return 1;
    utc = (struct tm){.tm_year = year - 1900,
                      .tm_mon = month - 1,
                      .tm_mday = day,
                      .tm_hour = hour,
                      .tm_min = minute,
                      .tm_sec = second};
    int64_t seconds = (int64_t)timegm(&utc) - offset;
    if (seconds < 0 || utc.tm_mday != day)
        return 1;
    *ret_instant = (usec_t)seconds * USEC_PER_SEC + fraction;
    return 0;
}

void duration_format(usec_t duration, char ret_text[static DURATION_BYTES])
{
    uint64_t milliseconds = duration / USEC_PER_MSEC, seconds = milliseconds / 1000;
    char fraction[8] = "";
    milliseconds %= 1000;
    if (milliseconds) {
        (void)snprintf(fraction, sizeof(fraction), ".%03u", (unsigned)milliseconds);
        for (size_t end = strlen(fraction); fraction[end - 1] == '0'; end--)
            fraction[end - 1] = 0;
    }
    size_t used = (size_t)snprintf(ret_text, DURATION_BYTES, "PT");
    if (seconds >= 3600)
        used += (size_t)snprintf(ret_text + used, DURATION_BYTES - used, "%" PRIu64 "H", seconds / 3600);
    if (seconds / 60 % 60)
        used += (size_t)snprintf(ret_text + used, DURATION_BYTES - used, "%uM", (unsigned)(seconds / 60 % 60));
    if (seconds % 60 || milliseconds || used == 2)
        (void)snprintf(ret_text + used, DURATION_BYTES - used, "%u%sS", (unsigned)(seconds % 60), fraction);
}
