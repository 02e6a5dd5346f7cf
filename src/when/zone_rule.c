/* SPDX-License-Identifier: Apache-2.0 */
#include "when/zone_rule.h"

#include <ctype.h>

#include "when/zone.h"

typedef struct Reader {
    const char *at, *end;
} Reader;

static char peek(const Reader *r)
{
    return r->at < r->end ? *r->at : 0;
}

static bool take(Reader *r, char c)
{
    if (peek(r) != c)
        return false;
    r->at++;
    return true;
}

static bool take_number(Reader *r, unsigned *ret)
{
    if (!isdigit((unsigned char)peek(r)))
        return false;
    *ret = 0;
    while (isdigit((unsigned char)peek(r)) && *ret < 100000)
        *ret = *ret * 10 + (unsigned)(*r->at++ - '0');
    return true;
}

static bool take_name(Reader *r, char ret[static 16])
{
    bool quoted = take(r, '<');
    size_t length = 0;
    while (peek(r) && (quoted ? peek(r) != '>' : isalpha((unsigned char)peek(r)))) {
        if (length == 15)
            return false;
        ret[length++] = *r->at++;
    }
    ret[length] = 0;
    return length >= 3 && (!quoted || take(r, '>'));
}

/* [+-]h[h[h]][:mm[:ss]] */
static bool take_time(Reader *r, int *ret_seconds)
{
    int sign = take(r, '-') ? -1 : (take(r, '+'), 1);
    unsigned hours, minutes = 0, seconds = 0;
    if (!take_number(r, &hours) || (take(r, ':') && !take_number(r, &minutes)) ||
        (take(r, ':') && !take_number(r, &seconds)))
        return false;
    *ret_seconds = sign * (int)(hours * 3600 + minutes * 60 + seconds);
    return hours <= 167 && minutes < 60 && seconds < 60;
}

static bool take_date(Reader *r, ZoneRuleDate *ret)
{
    *ret = (ZoneRuleDate){.kind = 'D', .seconds = 7200};
    if (take(r, 'M')) {
        ret->kind = 'M';
        if (!take_number(r, &ret->month) || !take(r, '.') || !take_number(r, &ret->week) || !take(r, '.') ||
            !take_number(r, &ret->day) || ret->month < 1 || ret->month > 12 || ret->week < 1 || ret->week > 5 ||
            ret->day > 6)
            return false;
    } else {
        if (take(r, 'J'))
            ret->kind = 'J';
        if (!take_number(r, &ret->day) || ret->day > 365)
            return false;
    }
    return !take(r, '/') || take_time(r, &ret->seconds);
}

bool zone_rule_parse(const char *text, size_t length, ZoneRule *ret)
{
    Reader reader = {text, text + length};
    int west;
    *ret = (ZoneRule){};
    if (!take_name(&reader, ret->standard_name) || !take_time(&reader, &west))
        return false;
    ret->standard_offset = -west;
    if (peek(&reader) == '\n' || !peek(&reader))
        return true;
    if (!take_name(&reader, ret->daylight_name))
        return false;
    ret->daylight_offset = ret->standard_offset + 3600;
    if (peek(&reader) != ',') {
        if (!take_time(&reader, &west))
            return false;
        ret->daylight_offset = -west;
    }
    ret->has_daylight = true;
    return take(&reader, ',') && take_date(&reader, &ret->daylight_start) && take(&reader, ',') &&
           take_date(&reader, &ret->daylight_end);
}

static int64_t date_days(const ZoneRuleDate *date, int64_t year)
{
    int64_t first = calendar_days(year, 1, 1);
    if (date->kind == 'J')
        return first + date->day - 1 + (calendar_is_leap(year) && date->day >= 60);
    if (date->kind == 'D')
        return first + date->day;
    int64_t month_start = calendar_days(year, date->month, 1);
    unsigned weekday = calendar_weekday(month_start) % 7; /* Sunday = 0 */
    unsigned day = 1 + (date->day + 7 - weekday) % 7 + (date->week - 1) * 7;
    if (day > calendar_month_length(year, date->month))
        day -= 7;
    return month_start + day - 1;
}

int64_t zone_rule_change(const ZoneRule *rule, int64_t year, bool to_daylight)
{
    const ZoneRuleDate *date = to_daylight ? &rule->daylight_start : &rule->daylight_end;
    int offset_before = to_daylight ? rule->standard_offset : rule->daylight_offset;
    return date_days(date, year) * 86400 + date->seconds - offset_before;
}
