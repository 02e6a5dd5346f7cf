/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Time zones and the proleptic Gregorian calendar; pure but for reading /usr/share/zoneinfo once per zone. The C
 * library's own functions depend on the environment variable TZ and are not thread safe, ICU's carry older rules than
 * tzdata.
 */
#include "base/base.h"

typedef struct Zone Zone;

/* IANA name ("Europe/Berlin"), "Z", "UTC", "GMT", or an offset ("+02:00", "-0530", "+2", "UTC+1", "GMT-03:30"), as
 * java.time.ZoneId.of reads it. NULL when unknown. The result lives as long as the process. */
const Zone *zone_find(const char *name);
const Zone *zone_utc(void);
/* The name it was found by; a plain offset is normalised ("+02:00", "Z"). Borrowed. */
const char *zone_name(const Zone *zone);
/* True when the zone is a plain offset without a name. */
bool zone_is_offset(const Zone *zone);

/* Seconds east of UTC at an instant (seconds since the epoch, may be negative). */
int zone_offset(const Zone *zone, int64_t instant);
/* The abbreviation of tzdata at that instant ("CEST"). Borrowed. */
const char *zone_abbreviation(const Zone *zone, int64_t instant);
/* The first instant after `instant` (last one at or before it) where the offset changes; INT64_MAX (INT64_MIN) if none.
 */
int64_t zone_next_change(const Zone *zone, int64_t instant);
int64_t zone_last_change(const Zone *zone, int64_t instant);
/*
 * Local time (seconds since the epoch on the wall clock) to an instant as java.time.ZonedDateTime.ofLocal does it: in
 * an overlap the earlier instant, in a gap the local time is moved forward by the length of the gap.
 */
int64_t zone_local_to_instant(const Zone *zone, int64_t local);

/* Days since 1970-01-01 of a date of the proleptic Gregorian calendar; any year. */
int64_t calendar_days(int64_t year, unsigned month, unsigned day);
void calendar_date(int64_t days, int64_t *ret_year, unsigned *ret_month, unsigned *ret_day);
unsigned calendar_month_length(int64_t year, unsigned month);
bool calendar_is_leap(int64_t year);
/* Monday = 1 … Sunday = 7. */
unsigned calendar_weekday(int64_t days);
