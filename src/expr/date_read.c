/* SPDX-License-Identifier: Apache-2.0 */
/* Texts to dates by a pattern. Optional parts in brackets are taken when they fit. */
#include <ctype.h>
#include <strings.h>

#include "expr/date.h"

typedef struct Reading {
    Eval *eval;
    const DateStyle *style;
    const char *at, *end;
    bool adjacent; /* the next element is a number too: take exactly the width */
    int64_t year, instant;
    unsigned month, day, day_of_year, hour, half_hour, minute, second, nanos, half, week, weekday;
    bool has_year, has_month, has_day, has_day_of_year, has_hour, has_half_hour, has_week, has_weekday, has_offset,
        has_instant, has_time;
    bool is_strict; /* a format of ISO: no day beyond the month's end, no 24:00 */
    int offset;
    const Zone *zone;
} Reading;

/* min to max digits, with a sign if `is_signed`. */
static bool take_number(Reading *r, unsigned min, unsigned max, bool is_signed, int64_t *ret)
{
    bool negative = is_signed && r->at < r->end && *r->at == '-';
    const char *at = r->at + (negative || (is_signed && r->at < r->end && *r->at == '+'));
    unsigned digits = 0;
    int64_t value = 0;
    for (; at < r->end && isdigit((unsigned char)*at) && digits < max; at++, digits++)
        value = value * 10 + (*at - '0');
    if (digits < min)
        return false;
    *ret = negative ? -value : value;
    r->at = at;
    return true;
}

static bool take_in(Reading *r, unsigned count, unsigned max_digits, unsigned low, unsigned high, unsigned *ret)
{
    int64_t value;
    unsigned max = count > 1 ? count : r->adjacent ? 1 : max_digits;
    if (!take_number(r, count > 1 ? count : 1, max, false, &value) || value < low || value > high)
        return false;
    *ret = (unsigned)value;
    return true;
}

static bool take_char(Reading *r, char c)
{
    if (r->at >= r->end || toupper((unsigned char)*r->at) != toupper((unsigned char)c))
        return false;
    r->at++;
    return true;
}

static bool take_name(Reading *r, const DateStyle *style, NameKind kind, unsigned width, unsigned count, unsigned *ret)
{
    size_t longest = 0;
    for (unsigned i = 1; i <= count; i++) {
        const char *name = date_name(r->eval, style, kind, width, false, i);
        size_t length = strlen(name);
        if (length > longest && (size_t)(r->end - r->at) >= length && memcmp(r->at, name, length) == 0) {
            longest = length;
            *ret = i;
        }
    }
    r->at += longest;
    return longest > 0;
}

/* +hh[:]mm[[:]ss], minutes optional when allowed; Z when allowed. */
static bool take_offset(Reading *r, bool zulu, bool hour_only)
{
    r->has_offset = true;
    r->offset = 0;
    if (zulu && take_char(r, 'Z'))
        return true;
    int sign = r->at < r->end && *r->at == '-' ? -1 : 1;
    if (r->at >= r->end || (*r->at != '+' && *r->at != '-'))
        return false;
    r->at++;
    unsigned parts[3] = {0};
    for (unsigned i = 0; i < 3; i++) {
        const char *back = r->at;
        int64_t value;
        if (i && r->at < r->end && *r->at == ':')
            r->at++;
        if (!take_number(r, 2, 2, false, &value)) {
            r->at = back;
            if (i == 0 || (i == 1 && !hour_only))
                return false;
            break;
        }
        parts[i] = (unsigned)value;
    }
    r->offset = sign * (int)(parts[0] * 3600 + parts[1] * 60 + parts[2]);
    return parts[0] <= 18 && parts[1] < 60 && parts[2] < 60;
}

/* +hh:mm[:ss]; leniently, the minutes may be missing; what stands without colons is left. */
static bool take_iso_offset(Reading *r, bool lenient)
{
    const char *start = r->at, *colon = start + 3;
    if (r->end - start >= 3 && *start != 'Z' && *start != 'z' && (colon == r->end || *colon != ':')) {
        const char *end = r->end;
        r->end = colon; /* hours only */
        bool good = lenient && take_offset(r, false, true);
        r->end = end;
        return good;
    }
    return take_offset(r, true, false);
}

static bool take_zone(Reading *r)
{
    const char *start = r->at;
    while (r->at < r->end && (isalnum((unsigned char)*r->at) || strchr("/_+-:", *r->at)))
        r->at++;
    char name[80];
    if (r->at == start || (size_t)(r->at - start) >= sizeof(name))
        return false;
    memcpy(name, start, (size_t)(r->at - start));
    name[r->at - start] = 0;
    r->zone = zone_find(name);
    return r->zone != NULL;
}

static bool take_fraction(Reading *r, unsigned min, unsigned max)
{
    const char *start = r->at;
    int64_t value;
    if (!take_number(r, min, max, false, &value))
        return false;
    for (size_t digits = (size_t)(r->at - start); digits < 9; digits++)
        value *= 10;
    r->nanos = (unsigned)value;
    return true;
}

static bool take_year(Reading *r, const PatternItem *item)
{
    r->has_year = true;
    if (item->count == 2) {
        if (!take_number(r, 2, 2, false, &r->year))
            return false;
        r->year += 2000;
        return true;
    }
    unsigned min = item->count, max = item->count >= 4 ? (r->adjacent ? item->count : 10) : 10;
    bool plus = r->at < r->end && *r->at == '+';
    return take_number(r, min, plus ? 10 : max, true, &r->year);
}

static bool take_clock(Reading *r, bool seconds_needed)
{
    r->has_hour = r->has_time = true;
    if (!take_in(r, 2, 2, 0, 23, &r->hour) || !take_char(r, ':') || !take_in(r, 2, 2, 0, 59, &r->minute))
        return false;
    const char *back = r->at;
    if (take_char(r, ':') && take_in(r, 2, 2, 0, 59, &r->second)) {
        if (r->at < r->end && *r->at == '.') {
            r->at++;
            return take_fraction(r, 0, 9);
        }
        return true;
    }
    r->at = back;
    return !seconds_needed;
}

static bool take_iso_date(Reading *r)
{
    r->has_month = r->has_day = true;
    return take_year(r, &(PatternItem){.count = 4}) && take_char(r, '-') && take_in(r, 2, 2, 1, 12, &r->month) &&
           take_char(r, '-') && take_in(r, 2, 2, 1, 31, &r->day);
}

static bool take_text_field(Reading *r, const PatternItem *item)
{
    unsigned ignored, width = item->count < 3 ? 3 : item->count;
    switch (item->letter) {
    case 'M':
    case 'L':
        r->has_month = true;
        return item->count < 3 ? take_in(r, item->count, 2, 1, 12, &r->month)
                               : take_name(r, r->style, NAME_MONTH, width, 12, &r->month);
    case 'E':
        return take_name(r, r->style, NAME_WEEKDAY, width, 7, &ignored);
    case 'a':
        return take_name(r, r->style, NAME_HALF_DAY, 3, 2, &r->half);
    case 'G':
        return take_name(r, r->style, NAME_ERA, width, 2, &ignored);
    case '\016':
        return take_name(r, &(DateStyle){.locale = "en_US", .has_names = true}, NAME_WEEKDAY, 3, 7, &ignored);
    case '\017':
        r->has_month = true;
        return take_name(r, &(DateStyle){.locale = "en_US", .has_names = true}, NAME_MONTH, 3, 12, &r->month);
    default:
        return false;
    }
}

static bool take_clock_field(Reading *r, const PatternItem *item)
{
    r->has_time = true;
    switch (item->letter) {
    case 'H':
        r->has_hour = true;
        return take_in(r, item->count, 2, 0, 24, &r->hour);
    case 'k':
        r->has_hour = true;
        if (!take_in(r, item->count, 2, 1, 24, &r->hour))
            return false;
        r->hour %= 24;
        return true;
    case 'h':
    case 'K':
        r->has_half_hour = true;
        if (!take_in(r, item->count, 2, 0, 12, &r->half_hour))
            return false;
        r->half_hour %= 12;
        return true;
    case 'm':
        return take_in(r, item->count, 2, 0, 59, &r->minute);
    case 's':
        return take_in(r, item->count, 2, 0, 59, &r->second);
    case 'S':
        return take_fraction(r, item->count, item->count);
    case 'n':
        return take_in(r, 1, 9, 0, 999999999, &r->nanos);
    default:
        return false;
    }
}

static bool take_zone_field(Reading *r, const PatternItem *item)
{
    switch (item->letter) {
    case 'V':
    case 'z':
    case 'v':
        return take_zone(r);
    case '\003':
        return r->at == r->end || take_iso_offset(r, false);
    case '\022':
        return take_iso_offset(r, true);
    case 'X':
        if (r->at < r->end && *r->at == 'z') /* small letters are for ISO formats */
            return false;
        return take_offset(r, true, item->count == 1);
    case 'x':
        return take_offset(r, false, item->count == 1);
    case 'Z':
        return take_offset(r, item->count == 5, false);
    case 'O':
        return take_char(r, 'G') && take_char(r, 'M') && take_char(r, 'T') && take_offset(r, false, true);
    case '\004':
        return r->at >= r->end || *r->at != '[' || (take_char(r, '[') && take_zone(r) && take_char(r, ']'));
    case '\020':
        if (r->end - r->at >= 3 && strncasecmp(r->at, "GMT", 3) == 0) {
            r->at += 3;
            r->has_offset = true;
            r->offset = 0;
            return true;
        }
        return take_offset(r, false, false);
    default:
        return false;
    }
}

static bool take_week_date(Reading *r)
{
    r->has_week = r->has_weekday = true;
    return take_year(r, &(PatternItem){.count = 4}) && take_char(r, '-') && take_char(r, 'W') &&
           take_in(r, 2, 2, 1, 53, &r->week) && take_char(r, '-') && take_in(r, 1, 1, 1, 7, &r->weekday);
}

static bool take_item(Reading *r, const PatternItem *item)
{
    switch (item->letter) {
    case 'y':
        return take_year(r, item) && r->year > 0;
    case 'u':
    case '\006':
    case '\023':
        return take_year(r, item->letter == '\006' || item->letter == '\023' ? &(PatternItem){.count = 4} : item);
    case 'd':
        r->has_day = true;
        return take_in(r, item->count, 2, 1, 31, &r->day);
    case 'D':
        r->has_day_of_year = true;
        return take_in(r, item->count, 3, 1, 366, &r->day_of_year);
    case '\001':
        return take_iso_date(r);
    case '\002':
        return take_clock(r, false);
    case '\021':
        return take_char(r, 'T');
    case '\005':
        return false; /* an instant has no date of its own: Java reads none with this format */
    case '\007':
        return take_week_date(r);
    default:
        return strchr("MLEaG\016\017", item->letter) ? take_text_field(r, item)
               : strchr("HkhKmsSn", item->letter)    ? take_clock_field(r, item)
                                                     : take_zone_field(r, item);
    }
}

static bool is_numeric(const PatternItem *item)
{
    return strchr("yudDHkhKmsSn", item->letter) || (strchr("ML", item->letter) && item->count < 3);
}

static bool take_literal(Reading *r, const Value *literal)
{
    if ((size_t)(r->end - r->at) < literal->length || memcmp(r->at, literal->text, literal->length) != 0)
        return false;
    r->at += literal->length;
    return true;
}

/* Items up to `stop`; a bracketed part that does not fit is skipped. */
static bool take_items(Reading *r, const PatternItem *items, size_t from, size_t stop)
{
    for (size_t i = from; i < stop; i++) {
        if (items[i].letter == '[') {
            size_t close = i + 1;
            for (unsigned depth = 1; close < stop && depth; close++)
                depth += items[close].letter == '[' ? 1 : items[close].letter == ']' ? -1u : 0;
            Reading back = *r;
            if (!take_items(r, items, i + 1, close))
                *r = back;
            i = close - 1;
        } else if (items[i].letter != ']') {
            r->adjacent = items[i].letter && i + 1 < stop && items[i + 1].letter && is_numeric(&items[i]) &&
                          is_numeric(&items[i + 1]);
            if (items[i].letter ? !take_item(r, &items[i]) : !take_literal(r, &items[i].literal))
                return false;
        }
    }
    return true;
}

static bool resolve_days(const Reading *r, int64_t *ret)
{
    if (!r->has_year)
        return false;
    if (r->has_week) {
        int64_t fourth = calendar_days(r->year, 1, 4);
        *ret = fourth - calendar_weekday(fourth) + 1 + (int64_t)(r->week - 1) * 7 + r->weekday - 1;
        return true;
    }
    if (r->has_day_of_year) {
        *ret = calendar_days(r->year, 1, 1) + r->day_of_year - 1;
        return r->day_of_year <= 365u + calendar_is_leap(r->year);
    }
    if (!r->has_month || !r->has_day)
        return false;
    unsigned length = calendar_month_length(r->year, r->month);
    *ret = calendar_days(r->year, r->month, MIN(r->day, length));
    return r->day <= length || !r->is_strict;
}

static const Zone *offset_zone(int seconds)
{
    unsigned magnitude = (unsigned)(seconds < 0 ? -seconds : seconds);
    char name[16];
    (void)snprintf(name, sizeof(name), "%c%02u:%02u:%02u", seconds < 0 ? '-' : '+', magnitude / 3600,
                   magnitude / 60 % 60, magnitude % 60); /* at most 18 hours: fits */
    if (magnitude % 60 == 0)
        name[6] = 0;
    return zone_find(name);
}

static bool resolve(Reading *r, const Zone *default_zone, Date *ret)
{
    int64_t days;
    if (!resolve_days(r, &days))
        return false;
    unsigned hour = r->has_hour ? r->hour : r->half_hour + (r->half == 2 ? 12 : 0);
    if (hour == 24 && (r->minute || r->second || r->nanos))
        return false;
    int64_t local = days * 86400 + (int64_t)hour * 3600 + r->minute * 60 + r->second;
    const Zone *zone = r->zone ? r->zone : r->has_offset ? offset_zone(r->offset) : default_zone;
    *ret = (Date){.kind = DATE_ZONED, .nanos = r->nanos, .zone = zone};
    ret->seconds = r->has_offset ? local - r->offset : zone_local_to_instant(ret->zone, local);
    return true;
}

bool date_pattern_read(Eval *eval, const Value *text, const Value *pattern, const DateStyle *style, Date *ret)
{
    PatternItems items;
    Reading reading = {.eval = eval, .style = style, .at = text->text, .end = text->text + text->length};
    for (uint32_t i = 0; i < pattern->length; i++)
        reading.is_strict |= (unsigned char)pattern->text[i] < ' '; /* the letters of the ISO formats */
    return date_pattern_items(eval, pattern, &items) && take_items(&reading, items.items, 0, items.count) &&
           reading.at == reading.end && resolve(&reading, style->zone, ret);
}

bool date_parse_iso(const Value *text, const Zone *zone, Date *ret)
{
    Reading reading = {.at = text->text, .end = text->text + text->length, .is_strict = true};
    if (!take_iso_date(&reading))
        return false;
    if (take_char(&reading, 'T')) {
        if (!take_clock(&reading, false))
            return false;
        if (reading.at < reading.end && !take_iso_offset(&reading, true))
            return false;
        if (reading.at < reading.end &&
            (!take_char(&reading, '[') || !take_zone(&reading) || !take_char(&reading, ']')))
            return false;
    }
    return reading.at == reading.end && resolve(&reading, zone, ret);
}
