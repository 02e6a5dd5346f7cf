/* SPDX-License-Identifier: Apache-2.0 */
/* Names of months, days, zones in many languages, and the localized styles: from ICU, whose CLDR is the one of Java 21.
 */
#include <unicode/udat.h>
#include <unicode/ures.h>
#include <unicode/ustring.h>

#include "expr/date.h"

static const char *const english_months[] = {"January", "February", "March",     "April",   "May",      "June",
                                             "July",    "August",   "September", "October", "November", "December"};
static const char *const english_days[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                           "Friday", "Saturday", "Sunday"};
static const char *const english_quarters[] = {"1st quarter", "2nd quarter", "3rd quarter", "4th quarter"};
static const char *const short_quarters[] = {"Q1", "Q2", "Q3", "Q4"};
static const char *const narrow_quarters[] = {"1", "2", "3", "4"};
static const char *const half_days[] = {"AM", "PM"};
static const char *const short_eras[] = {"BC", "AD"};
static const char *const long_eras[] = {"Before Christ", "Anno Domini"};
static const char *const narrow_eras[] = {"B", "A"};

static const char *english_name(Eval *eval, NameKind kind, unsigned width, unsigned index)
{
    switch (kind) {
    case NAME_MONTH:
    case NAME_WEEKDAY: {
        const char *name = (kind == NAME_MONTH ? english_months : english_days)[index - 1];
        return width == 4 ? name : arena_strndup(eval->arena, name, width == 5 ? 1 : 3);
    }
    case NAME_QUARTER:
        return (width == 4 ? english_quarters : width == 5 ? narrow_quarters : short_quarters)[index - 1];
    case NAME_HALF_DAY:
        return half_days[index - 1];
    case NAME_ERA:
        return (width == 4 ? long_eras : width == 5 ? narrow_eras : short_eras)[index - 1];
    }
    return "";
}

static const char *to_utf8(Eval *eval, const UChar *wide, int32_t length)
{
    UErrorCode status = U_ZERO_ERROR;
    int32_t bytes = 0;
    char *text = arena_alloc(eval->arena, (size_t)length * 3 + 1);
    u_strToUTF8(text, length * 3 + 1, &bytes, wide, length, &status);
    return text;
}

/* Indexed by kind, then short, full, narrow; format and standalone. */
static UDateFormatSymbolType symbol_type(NameKind kind, unsigned width, bool standalone)
{
    static const UDateFormatSymbolType types[][2][3] = {
        [NAME_MONTH] = {{UDAT_SHORT_MONTHS, UDAT_MONTHS, UDAT_NARROW_MONTHS},
                        {UDAT_STANDALONE_SHORT_MONTHS, UDAT_STANDALONE_MONTHS, UDAT_STANDALONE_NARROW_MONTHS}},
        [NAME_WEEKDAY] = {{UDAT_SHORT_WEEKDAYS, UDAT_WEEKDAYS, UDAT_NARROW_WEEKDAYS},
                          {UDAT_STANDALONE_SHORT_WEEKDAYS, UDAT_STANDALONE_WEEKDAYS, UDAT_STANDALONE_NARROW_WEEKDAYS}},
        [NAME_HALF_DAY] = {{UDAT_AM_PMS, UDAT_AM_PMS, UDAT_AM_PMS}, {UDAT_AM_PMS, UDAT_AM_PMS, UDAT_AM_PMS}},
        [NAME_QUARTER] = {{UDAT_SHORT_QUARTERS, UDAT_QUARTERS, UDAT_SHORT_QUARTERS},
                          {UDAT_STANDALONE_SHORT_QUARTERS, UDAT_STANDALONE_QUARTERS, UDAT_STANDALONE_SHORT_QUARTERS}},
        [NAME_ERA] = {{UDAT_ERAS, UDAT_ERA_NAMES, UDAT_ERAS}, {UDAT_ERAS, UDAT_ERA_NAMES, UDAT_ERAS}},
    };
    return types[kind][standalone][width == 4 ? 1 : width == 5 ? 2 : 0];
}

const char *date_name(Eval *eval, const DateStyle *style, NameKind kind, unsigned width, bool standalone,
                      unsigned index)
{
    if (!style->has_names)
        return english_name(eval, kind, kind == NAME_QUARTER || width == 5 ? width : 3, index);
    if (streq(style->locale, "en_US") || streq(style->locale, "en"))
        return english_name(eval, kind, width, index);
    UErrorCode status = U_ZERO_ERROR;
    UDateFormat *format = udat_open(UDAT_NONE, UDAT_SHORT, style->locale, NULL, 0, NULL, 0, &status);
    int32_t place = (int32_t)(kind == NAME_WEEKDAY ? index % 7 + 1 : index - 1);
    UChar wide[128];
    int32_t length =
        udat_getSymbols(format, symbol_type(kind, width, standalone), place, wide, ELEMENTS(wide), &status);
    if (format)
        udat_close(format);
    return U_SUCCESS(status) ? to_utf8(eval, wide, length) : english_name(eval, kind, width, index);
}

const char *date_icu(Eval *eval, const DateStyle *style, const DateFields *fields, const char *pattern)
{
    UErrorCode status = U_ZERO_ERROR;
    UChar wide_pattern[64], wide_zone[80], wide[256];
    u_uastrcpy(wide_pattern, pattern);
    u_uastrncpy(wide_zone, zone_is_offset(fields->zone) ? "GMT" : zone_name(fields->zone), ELEMENTS(wide_zone) - 1);
    wide_zone[ELEMENTS(wide_zone) - 1] = 0;
    UDateFormat *format = udat_open(UDAT_PATTERN, UDAT_PATTERN, style->has_names ? style->locale : "en_US", wide_zone,
                                    -1, wide_pattern, -1, &status);
    double shift = zone_is_offset(fields->zone) ? fields->offset : 0;
    int32_t length = udat_format(format, ((double)fields->instant + shift) * 1000, wide, ELEMENTS(wide), NULL, &status);
    if (format)
        udat_close(format);
    return U_SUCCESS(status) ? to_utf8(eval, wide, length) : "";
}

/* Entry of calendar/gregorian/DateTimePatterns in the locale or the nearest parent that has it. */
static const char *style_pattern(Eval *eval, const char *locale, int32_t index)
{
    char name[32];
    (void)snprintf(name, sizeof(name), "%s", locale); /* checked locales are short */
    for (;;) {
        UErrorCode status = U_ZERO_ERROR;
        UResourceBundle *bundle = ures_openDirect(NULL, *name ? name : "root", &status);
        UResourceBundle *calendar = ures_getByKey(bundle, "calendar", NULL, &status);
        UResourceBundle *gregorian = ures_getByKey(calendar, "gregorian", NULL, &status);
        UResourceBundle *patterns = ures_getByKey(gregorian, "DateTimePatterns", NULL, &status);
        int32_t length = 0;
        const UChar *wide = ures_getStringByIndex(patterns, index, &length, &status);
        UErrorCode ignored = U_ZERO_ERROR;
        if (U_FAILURE(status) &&
            patterns) { /* an entry with its own digits is an array whose first item is the pattern */
            UResourceBundle *item = ures_getByIndex(patterns, index, NULL, &ignored);
            wide = ures_getStringByIndex(item, 0, &length, &ignored);
            status = ignored;
            ures_close(item);
        }
        const char *found = U_SUCCESS(status) && wide ? to_utf8(eval, wide, length) : NULL;
        ures_close(patterns);
        ures_close(gregorian);
        ures_close(calendar);
        ures_close(bundle);
        if (found || !*name)
            return found ? found : "";
        char *cut = strrchr(name, '_');
        *(cut ? cut : name) = 0;
    }
}

#define STYLES     4
#define DATE_FIRST 4
#define GLUE_FIRST 9

static const char *localized_pattern(Eval *eval, const DateStyle *style, int32_t index)
{
    const char *locale = style->has_names ? style->locale : "";
    const char *time = style_pattern(eval, locale, index), *date = style_pattern(eval, locale, DATE_FIRST + index);
    const char *glue = style_pattern(eval, locale, GLUE_FIRST + index);
    _cleanup_buffer_ Buffer buffer = {};
    for (const char *at = glue; *at;) {
        if (starts_with(at, "{0}") || starts_with(at, "{1}")) {
            buffer_append(&buffer, at[1] == '0' ? time : date);
            at += 3;
        } else {
            buffer_append_char(&buffer, *at++);
        }
    }
    return arena_strdup(eval->arena, buffer_text(&buffer));
}

/* Letters that no Java pattern has stand for the parts of the ISO formats: see date_pattern.c. */
static const struct {
    const char *name, *pattern;
} named[] = {
    {"iso", "yyyy-MM-dd'T'HH:mm:ss.SSSSSSXXX"},
    {"iso_sec", "yyyy-MM-dd'T'HH:mm:ssXXX"},
    {"sql", "yyyy-MM-dd HH:mm:ss.SSSSSS"},
    {"sql_seq", "yyyy-MM-dd HH:mm:ss"},
    {"iso_date_time", "\001\021\002\003\004"},
    {"iso_date", "\001\003"},
    {"iso_time", "\002\003"},
    {"iso_local_date", "\001"},
    {"iso_instant", "\005"},
    {"iso_local_date_time", "\001\021\002"},
    {"iso_local_time", "\002"},
    {"iso_offset_time", "\002\022"},
    {"iso_ordinal_date", "\006-DDD\003"},
    {"iso_week_date", "\007\003"},
    {"iso_zoned_date_time", "\001\021\002\022\004"},
    {"rfc_1123_date_time", "\016, d \017 \023 HH:mm:ss \020"},
};

const char *date_named_pattern(Eval *eval, const Value *name, const DateStyle *style)
{
    static const char *const styles[STYLES] = {"full", "long", "medium", "short"};
    for (size_t i = 0; i < ELEMENTS(named); i++)
        if (text_is(name, named[i].name))
            return named[i].pattern;
    for (int32_t i = 0; i < STYLES; i++)
        if (text_is(name, styles[i]))
            return localized_pattern(eval, style, i);
    return NULL;
}
