/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/core/trigger/trigger.h"

#include "model/state.h"

const char *const trigger_recovers[] = {"ALL", "LAST", "NONE", NULL};

const char *const trigger_states[] = {
#define STATE_NAME(name, ...) #name,
    STATE_LIST(STATE_NAME)
#undef STATE_NAME
        NULL};

static const char *const window_types[] = {"DURATION_WINDOW", "SLIDING_WINDOW", "DAILY_TIME_WINDOW",
                                           "DAILY_TIME_DEADLINE", NULL};

const Field trigger_time_window[] = {
    {"type", FIELD_ENUM, .values = window_types, .fallback = "\"DURATION_WINDOW\"", .doc = "Kind of the window."},
    {"window", FIELD_DURATION, .doc = "Length of the window; a day when absent."},
    {"windowAdvance", FIELD_DURATION, .doc = "What the start of the window is moved by."},
    {"startTime", FIELD_STRING, .doc = "Time of day at which a daily window begins."},
    {"endTime", FIELD_STRING, .doc = "Time of day at which a daily window ends."},
    {"deadline", FIELD_STRING, .doc = "Time of day by which all must have come true."},
    {},
};
