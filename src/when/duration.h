/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Durations and zoned date-times as text; pure. */
#include "base/base.h"

/* ISO-8601 as java.time.Duration.parse reads it (P1DT2H3M4.5S; no months), or a plain number of seconds.
 * Positive: not a duration. Negative durations give positive outcome 2. */
int duration_parse(const char *text, usec_t *ret) _must_check_;
/* "2024-05-01T10:00:00.123+02:00" in an IANA zone (NULL = UTC, written Z); fraction dropped when zero.
 * Caller frees. NULL for an unknown zone. */
char *zoned_format(usec_t instant, const char *zone);
bool zone_is_known(const char *zone);
