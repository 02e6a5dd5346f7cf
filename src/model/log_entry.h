/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A line of an execution's log, and a metric (spec/api.md 6.4, 6.5). */
#include <jansson.h>

#include "base/base.h"

enum {
    LOG_LEVEL_TRACE,
    LOG_LEVEL_DEBUG,
    LOG_LEVEL_INFO,
    LOG_LEVEL_WARN,
    LOG_LEVEL_ERROR,
};
const char *log_level_to_string(int level);
/* -1 for anything else. */
int log_level_from_string(const char *text);
/* syslog priority */
int log_level_priority(int level);

typedef struct LogEntry {
    const char *namespace, *flow_id;
    const char *task_id, *execution_id, *task_run_id, *trigger_id; /* each may be NULL */
    int attempt;                                                   /* -1: none */
    usec_t timestamp;
    int level;
    const char *thread; /* may be NULL */
    const char *message;
} LogEntry;

typedef struct MetricEntry {
    const char *namespace, *flow_id, *task_id, *execution_id, *task_run_id;
    bool is_timer; /* value is milliseconds */
    const char *name;
    double value;
    const json_t *tags; /* object or NULL */
    usec_t timestamp;
} MetricEntry;
