/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The journal. One sentence, no trailing period, the object first, %m last. Never a secret, a rendered variable or
 * a whole document. Whoever handles an error logs it, once; rooms below rank 7 do not log above debug.
 *
 * Ids are pushed once per unit of work and travel as journal fields:
 *     _cleanup_(log_popp) LogField field = log_push("KESTRA_EXECUTION_ID", id);
 * To a terminal (standard error not connected to the journal) lines go as text: `level role: message`.
 */
#include <syslog.h>

#include "base/base.h"
#include "base/log_events.h"

typedef struct LogField {
    unsigned depth;
} LogField;

/* role: "executor"…; level: lowest syslog priority written (LOG_INFO). Called once by main. */
void log_open(const char *role, int level);
void log_set_level(int level);
/* The priority of "error", "warning", "notice", "info" or "debug"; -1: none of them. */
int log_level_parse(const char *name);
/* value is copied. NULL value pushes nothing visible. */
LogField log_push(const char *name, const char *value);
void log_popp(LogField *field);
/* An event of log_events.h, with its priority and MESSAGE_ID. */
#define log_event(name, ...) log_write_event(LOG_EVENT_##name, __FILE__, __LINE__, __VA_ARGS__)
void log_write_event(LogEvent event, const char *file, int line, const char *format, ...) _printf_(4, 5);
void log_write(int priority, const char *file, int line, const char *format, ...) _printf_(4, 5);
/*
 * A fault that lasts is said at once, and then again after one minute, two, four … at most an hour, however often it is
 * met. One that comes back soon counts as the same. Zero-initialized; `now` is monotonic.
 */
typedef struct LogFault {
    usec_t due, interval, met;
} LogFault;
bool log_fault_is_due(LogFault *fault, usec_t now);
/* A line of a task, as structured journal entry under the pushed fields; message may hold anything. */
void log_task_line(int priority, const char *message);

#define log_debug(...)   log_write(LOG_DEBUG, __FILE__, __LINE__, __VA_ARGS__)
#define log_info(...)    log_write(LOG_INFO, __FILE__, __LINE__, __VA_ARGS__)
#define log_notice(...)  log_write(LOG_NOTICE, __FILE__, __LINE__, __VA_ARGS__)
#define log_warning(...) log_write(LOG_WARNING, __FILE__, __LINE__, __VA_ARGS__)
#define log_error(...)   log_write(LOG_ERR, __FILE__, __LINE__, __VA_ARGS__)
