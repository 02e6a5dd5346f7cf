/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Dates: Kestra's named formats and java.time.format.DateTimeFormatter patterns, both ways. */
#include "expr/engine.h"

typedef struct DateStyle {
    const Zone *zone;   /* of the result, and of texts without one */
    const char *locale; /* "fr_FR"; "" for the root locale */
    bool has_names;     /* false: this locale has no names of its own, Java shows short English ones */
} DateStyle;

/* The style from two arguments (null: UTC, en_US). */
int date_style(Eval *eval, const Value *zone, const Value *locale, DateStyle *ret);
/* Long: epoch seconds; dates; texts in ISO form, or in existing_format when it is not null. */
int date_read(Eval *eval, const Value *input, const Value *existing_format, const DateStyle *style, Date *ret);
/* format null: "iso". */
int date_print(Eval *eval, const Date *date, const Value *format, const DateStyle *style, Value *ret);
/* Adds amount ChronoUnits ("DAYS", "HOURS", …). */
int date_add(Eval *eval, Date *date, int64_t amount, const Value *unit);
/* ISO-8601: zoned or offset date-time, local date-time, local date; false when text is none of them. */
bool date_parse_iso(const Value *text, const Zone *zone, Date *ret);

/* ---- shared by date_pattern.c and date.c ---- */
typedef struct DateFields {
    int64_t year, days;
    unsigned month, day, hour, minute, second, nanos;
    int offset;
    int64_t instant; /* seconds */
    const Zone *zone;
} DateFields;
DateFields date_fields(const Date *date);
/* One element of a pattern. letter 0: literal text. */
typedef struct PatternItem {
    char letter;
    unsigned count, pad;
    Value literal;
} PatternItem;
typedef struct PatternItems {
    PatternItem *items;
    size_t count, allocated;
} PatternItems;
/* False: the error is set, in Java's words. */
bool date_pattern_items(Eval *eval, const Value *pattern, PatternItems *ret);
int date_pattern_print(Eval *eval, const DateFields *fields, const Value *pattern, const DateStyle *style, Buffer *out);
/* Reads a text by a pattern; false when it does not fit. `zone` is what the text leaves open. */
bool date_pattern_read(Eval *eval, const Value *text, const Value *pattern, const DateStyle *style, Date *ret);
/* The pattern behind a name ("iso_sec", "full"), NULL when it is none; "" when the pattern itself is meant. */
const char *date_named_pattern(Eval *eval, const Value *name, const DateStyle *style);
/* Name of a month (1–12), weekday (Monday 1–7), am/pm (1, 2), quarter, era (1, 2). */
typedef enum NameKind { NAME_MONTH, NAME_WEEKDAY, NAME_HALF_DAY, NAME_QUARTER, NAME_ERA } NameKind;
const char *date_name(Eval *eval, const DateStyle *style, NameKind kind, unsigned width, bool standalone,
                      unsigned index);
/* Formats by ICU: zone names and day periods. */
const char *date_icu(Eval *eval, const DateStyle *style, const DateFields *fields, const char *pattern);
