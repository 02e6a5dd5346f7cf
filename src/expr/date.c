/* SPDX-License-Identifier: Apache-2.0 */
/* Dates as Kestra's filters take and give them (io.kestra.core.runners.pebble.AbstractDate). */
#include "expr/date.h"

#include <ctype.h>

#define YEAR_MAX INT64_C(999999999)

DateFields date_fields(const Date *date)
{
    DateFields f = {.instant = date->seconds, .nanos = date->nanos, .zone = date->zone};
    f.offset = zone_offset(date->zone, date->seconds);
    int64_t local = date->seconds + f.offset;
    f.days = (local >= 0 ? local : local - 86399) / 86400;
    unsigned rest = (unsigned)(local - f.days * 86400);
    f.hour = rest / 3600;
    f.minute = rest / 60 % 60;
    f.second = rest % 60;
    calendar_date(f.days, &f.year, &f.month, &f.day);
    return f;
}

/* ll or ll_CC, as LocaleUtils.toLocale demands; empty is the root locale. */
static bool locale_is_valid(const char *text)
{
    size_t letters = 0;
    while (islower((unsigned char)text[letters]))
        letters++;
    if (!text[0] || ((letters == 2 || letters == 3) && !text[letters]))
        return true;
    const char *country = text + letters + 1;
    if ((letters != 2 && letters != 3) || (text[letters] != '_' && text[letters] != '-'))
        return false;
    return (isupper((unsigned char)country[0]) && isupper((unsigned char)country[1]) && !country[2]) ||
           (strspn(country, "0123456789") == 3 && !country[3]);
}

/* The languages that Kestra's Java runtime carries; Traditional Chinese is not among them. */
static bool locale_has_names(const char *locale)
{
    static const char *const languages[] = {"en", "de", "es", "fr", "hi", "it", "ja", "ko", "pt", "ru", "zh"};
    if (streq(locale, "zh_TW") || streq(locale, "zh_HK"))
        return false;
    for (size_t i = 0; i < ELEMENTS(languages); i++)
        if (starts_with(locale, languages[i]) && !isalpha((unsigned char)locale[strlen(languages[i])]))
            return true;
    return false;
}

int date_style(Eval *eval, const Value *zone, const Value *locale, DateStyle *ret)
{
    *ret = (DateStyle){.zone = zone_utc(), .locale = "en_US", .has_names = true};
    if ((zone->kind != VALUE_NULL && zone->kind != VALUE_TEXT) ||
        (locale->kind != VALUE_NULL && locale->kind != VALUE_TEXT))
        return eval_fail_plain(eval, "A time zone and a locale must be texts");
    if (zone->kind == VALUE_TEXT) {
        const char *name = arena_strndup(eval->arena, zone->text, zone->length);
        ret->zone = zone_find(streq(name, "UT") ? "UTC" : name);
        if (!ret->zone)
            return eval_fail_plain(eval, "Unknown time-zone ID: %s", name);
    }
    if (locale->kind == VALUE_TEXT) {
        ret->locale = arena_strndup(eval->arena, locale->text, locale->length);
        if (!locale_is_valid(ret->locale))
            return eval_fail_plain(eval, "Invalid locale format: %s", ret->locale);
        ret->has_names = locale_has_names(ret->locale);
    }
    return 0;
}

static int read_text(Eval *eval, const Value *text, const Value *existing_format, const DateStyle *style, Date *ret)
{
    bool good;
    if (existing_format->kind == VALUE_NULL) {
        good = date_parse_iso(text, style->zone, ret);
    } else {
        const char *named = date_named_pattern(eval, existing_format, style);
        Value pattern = named ? value_text(named, strlen(named)) : *existing_format;
        eval->error = 0;
        good = date_pattern_read(eval, text, &pattern, style, ret);
        if (!good && eval->error)
            return EVAL_E_ERROR;
    }
    if (!good)
        return eval_fail_plain(eval, "Text '%.*s' could not be parsed", (int)MIN(text->length, 200u), text->text);
    return 0;
}

static void read_date(const Date *date, const DateStyle *style, Date *ret)
{
    *ret = *date;
    if (date->kind == DATE_LOCAL_DATE_TIME || date->kind == DATE_LOCAL_DATE)
        ret->seconds = zone_local_to_instant(style->zone, date->seconds + (date->kind == DATE_LOCAL_DATE ? 43200 : 0));
    ret->kind = DATE_ZONED;
    ret->zone = style->zone;
}

static bool year_is_valid(const Date *date)
{
    int64_t year = date->seconds / 31556952 + 1970; /* keeps the arithmetic of the calendar within 64 bits */
    if (year <= YEAR_MAX + 2 && year >= -YEAR_MAX - 2)
        year = date_fields(date).year;
    return year <= YEAR_MAX && year >= -YEAR_MAX;
}

int date_read(Eval *eval, const Value *input, const Value *existing_format, const DateStyle *style, Date *ret)
{
    if (existing_format->kind != VALUE_NULL && existing_format->kind != VALUE_TEXT)
        return eval_fail_plain(eval, "existingFormat must be a text");
    if (input->kind == VALUE_LONG) {
        *ret = (Date){.kind = DATE_ZONED, .seconds = input->integer, .zone = style->zone};
        if (!year_is_valid(ret))
            return eval_fail_plain(eval, "Instant exceeds minimum or maximum instant");
        return 0;
    }
    if (input->kind == VALUE_DATE) {
        read_date(input->date, style, ret);
        return 0;
    }
    if (input->kind != VALUE_TEXT)
        return eval_fail_plain(eval, "class %s cannot be cast to class java.lang.String", value_class_name(input));
    return read_text(eval, input, existing_format, style, ret);
}

int date_print(Eval *eval, const Date *date, const Value *format, const DateStyle *style, Value *ret)
{
    Value iso = value_literal("iso"), pattern = format->kind == VALUE_NULL ? iso : *format;
    if (pattern.kind != VALUE_TEXT)
        return eval_fail_plain(eval, "class %s cannot be cast to class java.lang.String", value_class_name(format));
    const char *named = date_named_pattern(eval, &pattern, style);
    if (named)
        pattern = value_text(named, strlen(named));
    _cleanup_buffer_ Buffer buffer = {};
    Date shown = *date;
    shown.zone = style->zone;
    DateFields fields = date_fields(&shown);
    int r = date_pattern_print(eval, &fields, &pattern, style, &buffer);
    return r ? r : eval_buffer_value(eval, &buffer, ret);
}

/* Months keep the day if the month has it; the time of day stays on the wall clock. */
static bool add_months(Date *date, int64_t amount, int64_t factor)
{
    DateFields f = date_fields(date);
    int64_t months;
    if (__builtin_mul_overflow(amount, factor, &months) || months > YEAR_MAX * 12 || months < -YEAR_MAX * 12)
        return false;
    months += f.year * 12 + f.month - 1;
    int64_t year = months >= 0 ? months / 12 : (months - 11) / 12;
    unsigned month = (unsigned)(months - year * 12) + 1;
    if (year > YEAR_MAX || year < -YEAR_MAX)
        return false;
    unsigned length = calendar_month_length(year, month);
    int64_t days = calendar_days(year, month, MIN(f.day, length));
    date->seconds = zone_local_to_instant(date->zone, days * 86400 + f.hour * 3600 + f.minute * 60 + f.second);
    return true;
}

static bool add_days(Date *date, int64_t amount, int64_t factor)
{
    int64_t days, local = date->seconds + zone_offset(date->zone, date->seconds);
    if (__builtin_mul_overflow(amount, factor, &days) || days > YEAR_MAX * 366 || days < -YEAR_MAX * 366)
        return false;
    date->seconds = zone_local_to_instant(date->zone, local + days * 86400);
    return true;
}

static bool add_nanos(Date *date, int64_t amount, int64_t factor)
{
    __int128 total = (__int128)amount * factor + date->nanos;
    __int128 seconds = total / 1000000000, nanos = total % 1000000000;
    if (nanos < 0) {
        nanos += 1000000000;
        seconds--;
    }
    seconds += date->seconds;
    if (seconds > YEAR_MAX * 31556952 || seconds < -YEAR_MAX * 31556952)
        return false;
    date->seconds = (int64_t)seconds;
    date->nanos = (uint32_t)nanos;
    return true;
}

/* Java's arithmetic takes 256 half days for one day, and counts what is left over right; flows see it. */
static bool add_half_days(Date *date, int64_t amount, int64_t factor)
{
    return add_nanos(date, amount / 256 * 2 + amount % 256, factor);
}

int date_add(Eval *eval, Date *date, int64_t amount, const Value *unit)
{
    static const struct {
        const char *name;
        bool (*add)(Date *date, int64_t amount, int64_t factor);
        int64_t factor;
    } units[] = {
        {"NANOS", add_nanos, 1},
        {"MICROS", add_nanos, 1000},
        {"MILLIS", add_nanos, 1000000},
        {"SECONDS", add_nanos, 1000000000},
        {"MINUTES", add_nanos, INT64_C(60000000000)},
        {"HOURS", add_nanos, INT64_C(3600000000000)},
        {"HALF_DAYS", add_half_days, INT64_C(43200000000000)},
        {"DAYS", add_days, 1},
        {"WEEKS", add_days, 7},
        {"MONTHS", add_months, 1},
        {"YEARS", add_months, 12},
        {"DECADES", add_months, 120},
        {"CENTURIES", add_months, 1200},
        {"MILLENNIA", add_months, 12000},
    };
    for (size_t i = 0; i < ELEMENTS(units); i++)
        if (text_is(unit, units[i].name))
            return units[i].add(date, amount, units[i].factor)
                       ? 0
                       : eval_fail_plain(eval, "Invalid value for Year (valid values -999999999 - 999999999)");
    Value text = java_text(eval->arena, unit);
    return eval_fail_plain(eval, "No enum constant java.time.temporal.ChronoUnit.%.*s", (int)text.length, text.text);
}
