/* SPDX-License-Identifier: Apache-2.0 */
/*
 * usec_t cannot hold what an input may say (1800-01-01, -PT5S, nanoseconds), so inputs have their own small arithmetic
 * on the proleptic Gregorian calendar. Forms and texts are those of java.time.
 */
#include "model/temporal.h"

#define NANOSECONDS 1000000000
#define DAY_SECONDS 86400

/* Exactly `count` digits at *text, which moves behind them. */
static bool take_digits(const char **text, int count, int *ret)
{
    int value = 0;
    for (int i = 0; i < count; i++) {
        if ((*text)[i] < '0' || (*text)[i] > '9')
            return false;
        value = value * 10 + ((*text)[i] - '0');
    }
    *text += count;
    *ret = value;
    return true;
}

static bool take(const char **text, char c)
{
    if (**text != c)
        return false;
    (*text)++;
    return true;
}

/* Up to nine digits after a point (or, of durations, a comma), as nanoseconds; there may be none. */
static bool take_fraction(const char **text, bool comma, int32_t *ret)
{
    *ret = 0;
    if (!take(text, '.') && !(comma && take(text, ',')))
        return true;
    int digits = 0;
    int32_t value = 0;
    for (; digits < 9 && **text >= '0' && **text <= '9'; digits++, (*text)++)
        value = value * 10 + (**text - '0');
    for (int i = digits; i < 9; i++)
        value *= 10;
    *ret = value;
    return true; /* a point alone is allowed */
}

static int64_t days_of(int64_t year, int month, int day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t of_era = year - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static void date_of(int64_t days, int64_t *ret_year, int *ret_month, int *ret_day)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t of_era = days - era * 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * of_year + 2) / 153;
    *ret_day = (int)(of_year - (153 * month + 2) / 5 + 1);
    *ret_month = (int)(month < 10 ? month + 3 : month - 9);
    *ret_year = year + era * 400 + (*ret_month <= 2);
}

static bool take_date(const char **text, int64_t *ret_days)
{
    bool plus = **text == '+';
    bool negative = take(text, '-');
    if (plus)
        (*text)++;
    int digits = 0;
    while ((*text)[digits] >= '0' && (*text)[digits] <= '9')
        digits++;
    /* A sign and more than four digits belong together; -0000 is no year. */
    if (digits < 4 || digits > 9 || (digits > 4) != (plus || (negative && digits > 4)))
        return false;
    int year, month, day;
    if (!take_digits(text, digits, &year) || (negative && year == 0) || !take(text, '-') ||
        !take_digits(text, 2, &month) || !take(text, '-') || !take_digits(text, 2, &day))
        return false;
    int64_t signed_year = negative ? -(int64_t)year : year;
    if (month < 1 || month > 12 || day < 1)
        return false;
    int64_t first = days_of(signed_year, month, 1);
    int64_t next = month == 12 ? days_of(signed_year + 1, 1, 1) : days_of(signed_year, month + 1, 1);
    if (day > next - first)
        return false;
    *ret_days = first + day - 1;
    return true;
}

/* HH:MM[:SS[.fraction]]; the seconds are needed when `full`, which also allows 24:00:00 and second 60. */
static bool take_time(const char **text, bool full, Temporal *ret)
{
    int hour, minute, second = 0;
    ret->nanoseconds = 0;
    if (!take_digits(text, 2, &hour) || !take(text, ':') || !take_digits(text, 2, &minute))
        return false;
    bool has_seconds = take(text, ':');
    if (has_seconds && (!take_digits(text, 2, &second) || !take_fraction(text, false, &ret->nanoseconds)))
        return false;
    if (full && !has_seconds)
        return false;
    bool is_midnight = full && hour == 24 && minute == 0 && second == 0 && ret->nanoseconds == 0;
    bool is_leap = full && hour == 23 && minute == 59 && second == 60;
    if (is_leap)
        second = 59;
    if ((hour > 23 && !is_midnight) || minute > 59 || second > 59)
        return false;
    ret->seconds = hour * 3600 + minute * 60 + second;
    return true;
}

static bool take_offset(const char **text, int64_t *ret)
{
    *ret = 0;
    if (take(text, 'Z') || take(text, 'z'))
        return true;
    int sign = **text == '-' ? -1 : 1, hours, minutes;
    if (!take(text, '+') && !take(text, '-'))
        return false;
    if (!take_digits(text, 2, &hours) || !take(text, ':') || !take_digits(text, 2, &minutes))
        return false;
    int seconds = 0;
    if (take(text, ':') && !take_digits(text, 2, &seconds))
        return false;
    int64_t offset = hours * 3600 + minutes * 60 + seconds;
    *ret = sign * offset;
    return offset <= 18 * 3600 && minutes <= 59 && seconds <= 59;
}

bool temporal_parse_date(const char *text, Temporal *ret)
{
    int64_t days;
    if (!take_date(&text, &days) || *text)
        return false;
    *ret = (Temporal){days * DAY_SECONDS, 0};
    return true;
}

bool temporal_parse_time(const char *text, Temporal *ret)
{
    return take_time(&text, false, ret) && !*text;
}

bool temporal_parse_declared_date(const char *text, Temporal *ret)
{
    const char *at = text + strspn(text, " \t\r\n");
    int64_t days;
    if (!take_date(&at, &days))
        return false;
    Temporal time;
    if (take(&at, 'T') && (!take_time(&at, false, &time) || (*at == 'Z' && at[1])))
        return false;
    (void)take(&at, 'Z'); /* is left out, as Jackson does */
    *ret = (Temporal){days * DAY_SECONDS, 0};
    return at[strspn(at, " \t\r\n")] == '\0';
}

bool temporal_parse_declared_time(const char *text, Temporal *ret)
{
    const char *at = text + strspn(text, " \t\r\n");
    const char *begin = at;
    int64_t days;
    if (take_date(&at, &days)) {
        if (!take(&at, 'T'))
            return false;
    } else {
        at = begin;
    }
    return take_time(&at, false, ret) && at[strspn(at, " \t\r\n")] == '\0';
}

bool temporal_parse_date_time(const char *text, Temporal *ret)
{
    int64_t days, offset;
    Temporal time;
    if (!take_date(&text, &days) || (!take(&text, 'T') && !take(&text, 't')) || !take_time(&text, true, &time) ||
        !take_offset(&text, &offset) || *text)
        return false;
    *ret = (Temporal){days * DAY_SECONDS + time.seconds - offset, time.nanoseconds};
    return true;
}

/* [sign]digits and a unit letter; false without moving when another unit or nothing follows. */
static bool take_amount(const char **text, char unit, int64_t *ret, int32_t *ret_fraction)
{
    const char *at = *text;
    bool negative = *at == '-';
    if (*at == '-' || *at == '+')
        at++;
    int64_t value = 0;
    const char *digits = at;
    for (; *at >= '0' && *at <= '9'; at++)
        if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, *at - '0', &value))
            return false;
    if (at == digits)
        return false;
    int32_t fraction = 0;
    if (ret_fraction && !take_fraction(&at, true, &fraction))
        return false;
    if (*at != unit && *at != unit + ('a' - 'A'))
        return false;
    *text = at + 1;
    *ret = negative ? -value : value;
    if (ret_fraction)
        *ret_fraction = negative ? -fraction : fraction;
    return true;
}

/* *total += amount × unit; false on overflow. */
static bool add_amount(int64_t *total, int64_t amount, int64_t unit)
{
    int64_t product;
    return !__builtin_mul_overflow(amount, unit, &product) && !__builtin_add_overflow(*total, product, total);
}

bool temporal_parse_duration(const char *text, Temporal *ret)
{
    bool negative = *text == '-';
    text += *text == '-' || *text == '+';
    if (!take(&text, 'P') && !take(&text, 'p'))
        return false;
    static const struct {
        char letter;
        int64_t seconds;
    } units[] = {{'H', 3600}, {'M', 60}};
    int64_t amount, total = 0;
    int32_t fraction = 0;
    bool any = take_amount(&text, 'D', &amount, NULL);
    if (any && !add_amount(&total, amount, DAY_SECONDS))
        return false;
    if (take(&text, 'T') || take(&text, 't')) {
        any = false;
        for (size_t i = 0; i < ELEMENTS(units); i++) {
            if (!take_amount(&text, units[i].letter, &amount, NULL))
                continue;
            any = true;
            if (!add_amount(&total, amount, units[i].seconds))
                return false;
        }
        if (take_amount(&text, 'S', &amount, &fraction)) {
            any = true;
            if (!add_amount(&total, amount, 1))
                return false;
        }
    }
    if (!any || *text || total == INT64_MIN)
        return false;
    if (negative) {
        total = -total;
        fraction = -fraction;
    }
    *ret = fraction < 0 ? (Temporal){total - 1, fraction + NANOSECONDS} : (Temporal){total, fraction};
    return true;
}

int temporal_compare(Temporal a, Temporal b)
{
    if (a.seconds != b.seconds)
        return a.seconds < b.seconds ? -1 : 1;
    return (a.nanoseconds > b.nanoseconds) - (a.nanoseconds < b.nanoseconds);
}

/* "" or ".123", ".123456", ".123456789". */
static void format_fraction(int32_t nanoseconds, char ret_text[static 16])
{
    ret_text[0] = '\0';
    if (nanoseconds == 0)
        return;
    if (nanoseconds % 1000000 == 0)
        (void)snprintf(ret_text, 16, ".%03d", nanoseconds / 1000000);
    else if (nanoseconds % 1000 == 0)
        (void)snprintf(ret_text, 16, ".%06d", nanoseconds / 1000);
    else
        (void)snprintf(ret_text, 16, ".%09d", nanoseconds);
}

void temporal_format_time(Temporal time, char ret_text[static TEMPORAL_BYTES])
{
    char fraction[16] = "";
    if (time.nanoseconds)
        (void)snprintf(fraction, sizeof(fraction), ".%09d", time.nanoseconds);
    for (size_t length = strlen(fraction); length > 0 && fraction[length - 1] == '0';)
        fraction[--length] = '\0';
    int seconds = (int)time.seconds;
    (void)snprintf(ret_text, TEMPORAL_BYTES, "%02d:%02d:%02d%s", seconds / 3600, seconds / 60 % 60, seconds % 60,
                   fraction);
}

static void format_date_time(Temporal instant, const char *fraction, char ret_text[static TEMPORAL_BYTES])
{
    int64_t days = instant.seconds / DAY_SECONDS;
    int64_t seconds = instant.seconds % DAY_SECONDS;
    if (seconds < 0) {
        seconds += DAY_SECONDS;
        days--;
    }
    int64_t year;
    int month, day;
    date_of(days, &year, &month, &day);
    (void)snprintf(ret_text, TEMPORAL_BYTES, "%s%04" PRId64 "-%02d-%02dT%02d:%02d:%02d%sZ",
                   year < 0      ? "-"
                   : year > 9999 ? "+"
                                 : "",
                   year < 0 ? -year : year, month, day, (int)(seconds / 3600), (int)(seconds / 60 % 60),
                   (int)(seconds % 60), fraction);
}

void temporal_format_stored(Temporal instant, char ret_text[static TEMPORAL_BYTES])
{
    char fraction[16];
    (void)snprintf(fraction, sizeof(fraction), ".%03d", instant.nanoseconds / 1000000);
    format_date_time(instant, fraction, ret_text);
}

void temporal_format_instant(Temporal instant, char ret_text[static TEMPORAL_BYTES])
{
    char fraction[16];
    format_fraction(instant.nanoseconds, fraction);
    format_date_time(instant, fraction, ret_text);
}

void temporal_format_duration(Temporal duration, char ret_text[static TEMPORAL_BYTES])
{
    bool borrowed = duration.seconds < 0 && duration.nanoseconds > 0;
    int64_t total = duration.seconds + borrowed;
    int64_t hours = total / 3600, minutes = total / 60 % 60, seconds = total % 60;
    char hour_text[32] = "", minute_text[16] = "", second_text[40] = "";
    if (hours)
        (void)snprintf(hour_text, sizeof(hour_text), "%" PRId64 "H", hours);
    if (minutes)
        (void)snprintf(minute_text, sizeof(minute_text), "%" PRId64 "M", minutes);
    int32_t nanoseconds = borrowed ? NANOSECONDS - duration.nanoseconds : duration.nanoseconds;
    char fraction[16] = "";
    if (nanoseconds)
        (void)snprintf(fraction, sizeof(fraction), ".%09d", nanoseconds);
    for (size_t length = strlen(fraction); length > 0 && fraction[length - 1] == '0';)
        fraction[--length] = '\0';
    if (seconds || nanoseconds || (!hours && !minutes))
        (void)snprintf(second_text, sizeof(second_text), "%s%" PRId64 "%sS", borrowed && seconds == 0 ? "-" : "",
                       seconds, fraction);
    (void)snprintf(ret_text, TEMPORAL_BYTES, "PT%s%s%s", hour_text, minute_text, second_text);
}
