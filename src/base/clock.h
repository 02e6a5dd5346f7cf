/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The two clocks, and instants as text. Pure rooms get the time passed in and never call clock_*. */
#include "base/base.h"

/* Since the epoch; for dates that people and other machines see. */
usec_t clock_realtime(void);
/* Since boot; for timers and durations. */
usec_t clock_monotonic(void);

#define INSTANT_BYTES 88
/* "2024-05-01T10:00:00.123Z": UTC, milliseconds, as the API writes instants that come from the database. */
void instant_format(usec_t instant, char ret_text[static INSTANT_BYTES]);
/* The same with six digits, for `timestamptz` parameters. */
void instant_format_usec(usec_t instant, char ret_text[static INSTANT_BYTES]);
/* ISO-8601 date-time with Z or offset, seconds and fraction optional. Positive: not an instant. */
int instant_parse(const char *text, usec_t *ret_instant) _must_check_;
#define DURATION_BYTES 40
/* "PT1.234S", "PT2M3S", "PT26H": java.time.Duration.toString, never days, milliseconds kept. */
void duration_format(usec_t duration, char ret_text[static DURATION_BYTES]);
