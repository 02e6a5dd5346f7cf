/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Dates, times and durations of inputs: any year, nanoseconds. Private to this room. */
#include "base/base.h"

/* Seconds since the epoch (or of the day, or of the duration), and nanoseconds from 0 up. */
typedef struct Temporal {
    int64_t seconds;
    int32_t nanoseconds;
} Temporal;

/* Each gives false when the text has another form or names no such date. */
bool temporal_parse_date(const char *text, Temporal *ret);
bool temporal_parse_time(const char *text, Temporal *ret);
/* As bounds and defaults are declared: with blanks around, and of a date with a time only the part that is asked for.
 */
bool temporal_parse_declared_date(const char *text, Temporal *ret);
bool temporal_parse_declared_time(const char *text, Temporal *ret);
/* With Z or an offset; 24:00 is the next day's 00:00, a leap second its last second. */
bool temporal_parse_date_time(const char *text, Temporal *ret);
bool temporal_parse_duration(const char *text, Temporal *ret);
int temporal_compare(Temporal a, Temporal b);

#define TEMPORAL_BYTES 96
/* "10:30:00", "10:30:15.5": the digits of the fraction that it needs (ISO_LOCAL_TIME). */
void temporal_format_time(Temporal time, char ret_text[static TEMPORAL_BYTES]);
/* "2024-01-15T10:30:00.000Z", always milliseconds. */
void temporal_format_stored(Temporal instant, char ret_text[static TEMPORAL_BYTES]);
/* "2024-01-15T10:30:00Z": java.time.Instant.toString. */
void temporal_format_instant(Temporal instant, char ret_text[static TEMPORAL_BYTES]);
/* "PT26H": java.time.Duration.toString. */
void temporal_format_duration(Temporal duration, char ret_text[static TEMPORAL_BYTES]);
