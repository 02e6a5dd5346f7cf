/* SPDX-License-Identifier: Apache-2.0 */
#include "when/duration.h"

#include <ctype.h>

#include "when/zone.h"

enum {
    DURATION_INVALID = 1,
    DURATION_NEGATIVE = 2,
};

/* [+-]digits as a count of `unit` microseconds; false on overflow or when there are no digits. */
static bool take_count(const char **at, int64_t *ret, int *ret_sign)
{
    *ret_sign = 1;
    if (**at == '+' || **at == '-')
        *ret_sign = *(*at)++ == '-' ? -1 : 1;
    if (!isdigit((unsigned char)**at))
        return false;
    *ret = 0;
    for (; isdigit((unsigned char)**at); (*at)++)
        if (__builtin_mul_overflow(*ret, 10, ret) || __builtin_add_overflow(*ret, **at - '0', ret))
            return false;
    *ret *= *ret_sign;
    return true;
}

/* Up to nine digits after the separator; those beyond microseconds are dropped. */
static bool take_fraction(const char **at, int64_t *ret_usec)
{
    int64_t usec = 0;
    unsigned digits = 0;
    for (; isdigit((unsigned char)**at); (*at)++, digits++)
        if (digits < 6)
            usec = usec * 10 + (**at - '0');
    for (unsigned i = digits; i < 6; i++)
        usec *= 10;
    *ret_usec = usec;
    return digits <= 9;
}

static bool add(int64_t *total, int64_t count, int64_t unit)
{
    int64_t product;
    return !__builtin_mul_overflow(count, unit, &product) && !__builtin_add_overflow(*total, product, total);
}

static int finish(int64_t total, int sign, usec_t *ret)
{
    total *= sign;
    if (total < 0)
        return DURATION_NEGATIVE;
    *ret = (usec_t)total;
    return 0;
}

/* Seconds may carry a fraction; it takes the sign of the seconds, even of -0. */
static bool add_seconds(const char **at, int64_t count, int sign, int64_t *total)
{
    int64_t fraction = 0;
    if (**at == '.' || **at == ',') {
        (*at)++;
        if (!take_fraction(at, &fraction))
            return false;
    }
    return add(total, count, (int64_t)USEC_PER_SEC) && add(total, sign, fraction);
}

static int plain_seconds_parse(const char *text, usec_t *ret)
{
    int64_t count, total = 0;
    int sign;
    if (!take_count(&text, &count, &sign) || !add_seconds(&text, count, sign, &total) || *text)
        return DURATION_INVALID;
    return finish(total, 1, ret);
}

int duration_parse(const char *text, usec_t *ret)
{
    static const struct {
        char letter;
        int64_t unit;
    } units[] = {{'D', INT64_C(86400000000)}, {'H', INT64_C(3600000000)}, {'M', INT64_C(60000000)}, {'S', 0}};
    const char *at = text;
    int sign = 1;
    if (*at == '+' || *at == '-')
        sign = *at++ == '-' ? -1 : 1;
    if (toupper((unsigned char)*at) != 'P')
        return plain_seconds_parse(text, ret);
    at++;
    int64_t total = 0;
    bool in_time = false;
    size_t next = 0;
    while (*at) {
        if (!in_time && toupper((unsigned char)*at) == 'T') {
            in_time = true;
            next = MAX(next, (size_t)1);
            at++;
        }
        int64_t count, part = 0;
        int part_sign;
        if (!take_count(&at, &count, &part_sign) || !add_seconds(&at, 0, part_sign, &part))
            return DURATION_INVALID;
        while (next < ELEMENTS(units) && units[next].letter != toupper((unsigned char)*at))
            next++;
        if (next == ELEMENTS(units) || in_time != (next > 0) ||
            (units[next].unit && at[-1] && !isdigit((unsigned char)at[-1])))
            return DURATION_INVALID;
        if (units[next].unit ? part != 0 || !add(&total, count, units[next].unit)
                             : !add(&total, count, (int64_t)USEC_PER_SEC) || !add(&total, part, 1))
            return DURATION_INVALID;
        next++;
        at++;
    }
    if (next == 0 || !isalpha((unsigned char)at[-1]) || toupper((unsigned char)at[-1]) == 'T')
        return DURATION_INVALID;
    return finish(total, sign, ret);
}

bool zone_is_known(const char *zone)
{
    return zone_find(zone) != NULL;
}

char *zoned_format(usec_t instant, const char *zone_text)
{
    const Zone *zone = zone_text ? zone_find(zone_text) : zone_utc();
    if (!zone)
        return NULL;
    int64_t seconds = (int64_t)(instant / USEC_PER_SEC), year;
    int offset = zone_offset(zone, seconds);
    int64_t local = seconds + offset;
    int64_t days = local >= 0 ? local / 86400 : (local - 86399) / 86400;
    unsigned month, day, rest = (unsigned)(local - days * 86400), usec = (unsigned)(instant % USEC_PER_SEC);
    calendar_date(days, &year, &month, &day);
    char fraction[16] = "", tail[16] = "Z";
    if (usec) {
        (void)snprintf(fraction, sizeof(fraction), ".%06u", usec); /* fits */
        while (ends_with(fraction, "0"))
            fraction[strlen(fraction) - 1] = 0;
    }
    unsigned magnitude = (unsigned)abs(offset);
    if (offset)
        (void)snprintf(tail, sizeof(tail), magnitude % 60 ? "%c%02u:%02u:%02u" : "%c%02u:%02u", offset < 0 ? '-' : '+',
                       magnitude / 3600 % 100, magnitude / 60 % 60, magnitude % 60); /* fits */
    return xasprintf("%04" PRId64 "-%02u-%02uT%02u:%02u:%02u%s%s", year, month, day, rest / 3600, rest / 60 % 60,
                     rest % 60, fraction, tail);
}
