/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the trigger types share. */
#include "plugin/registry.h"

/* Of every polling trigger. */
#define TRIGGER_FIELD_INTERVAL                                                                                         \
    {                                                                                                                  \
        "interval", FIELD_DURATION, .fallback = "\"PT1M\"",                                                            \
                                    .doc = "Time from the end of an evaluation to the next one; at least a second."    \
    }
/* ALL, LAST, NONE; ends with NULL. */
extern const char *const trigger_recovers[];
/* Every state's name; ends with NULL. */
extern const char *const trigger_states[];
/* The window in which the conditions of several executions must come true together. */
extern const Field trigger_time_window[];
