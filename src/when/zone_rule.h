/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The rule at the end of a TZif file: a POSIX TZ text such as "CET-1CEST,M3.5.0,M10.5.0/3". */
#include "base/base.h"

typedef struct ZoneRuleDate {
    char kind; /* 'M' month.week.day, 'J' day 1–365 without leap day, 'D' day 0–365 */
    unsigned month, week, day;
    int seconds; /* wall clock time of the change, may be negative or beyond a day */
} ZoneRuleDate;

typedef struct ZoneRule {
    bool has_daylight;
    int standard_offset, daylight_offset; /* seconds east of UTC */
    char standard_name[16], daylight_name[16];
    ZoneRuleDate daylight_start, daylight_end;
} ZoneRule;

/* False when text is no such rule. */
bool zone_rule_parse(const char *text, size_t length, ZoneRule *ret);
/* The instant of a year at which daylight time begins (or ends). */
int64_t zone_rule_change(const ZoneRule *rule, int64_t year, bool to_daylight);
