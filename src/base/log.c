/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entries go to the journal with sd_journal_sendv when systemd started us (JOURNAL_STREAM is set), else as text to
 * standard error, so that a test or kestra-standalone reads them at a terminal. The stack of fields is per thread:
 * the webserver's handler threads each have their own unit of work.
 */
#define SD_JOURNAL_SUPPRESS_LOCATION
#include "base/log.h"

#include <stdarg.h>
#include <sys/uio.h>
#include <systemd/sd-journal.h>

#include "base/buffer.h"

#define FIELDS_MAX     24
#define FAULT_FIRST    (60 * USEC_PER_SEC)
#define FAULT_INTERVAL (3600 * USEC_PER_SEC)

static const char *log_role = "kestra";
static int log_level = LOG_INFO;
static bool log_to_journal;

static _Thread_local struct {
    char *texts[FIELDS_MAX]; /* "NAME=value" */
    unsigned depth;
} stack;

void log_open(const char *role, int level)
{
    log_role = role;
    log_level = level;
    log_to_journal = getenv("JOURNAL_STREAM") != NULL;
}

void log_set_level(int level)
{
    log_level = level;
}

int log_level_parse(const char *name)
{
    static const char *const names[] = {
        [LOG_ERR] = "error", [LOG_WARNING] = "warning", [LOG_NOTICE] = "notice",
        [LOG_INFO] = "info", [LOG_DEBUG] = "debug",
    };
    for (int i = 0; i < (int)ELEMENTS(names); i++)
        if (names[i] && streq(names[i], name))
            return i;
    return -1;
}

LogField log_push(const char *name, const char *value)
{
    if (stack.depth < FIELDS_MAX)
        stack.texts[stack.depth] = value ? xasprintf("%s=%s", name, value) : NULL;
    return (LogField){.depth = ++stack.depth};
}

void log_popp(LogField *field)
{
    while (stack.depth >= field->depth && stack.depth > 0) {
        stack.depth--;
        if (stack.depth < FIELDS_MAX)
            free(stack.texts[stack.depth]);
    }
}

/* file, message_id: may be NULL. */
static void send_to_journal(int priority, const char *message_id, const char *file, int line, const char *message)
{
    struct iovec fields[FIELDS_MAX + 7];
    char *owned[7];
    int count = 0, n_owned = 0;
    owned[n_owned++] = xasprintf("MESSAGE=%s", message);
    owned[n_owned++] = xasprintf("PRIORITY=%d", priority);
    owned[n_owned++] = xasprintf("KESTRA_ROLE=%s", log_role);
    owned[n_owned++] = xasprintf("SYSLOG_IDENTIFIER=kestra-%s", log_role);
    if (message_id)
        owned[n_owned++] = xasprintf("MESSAGE_ID=%s", message_id);
    if (file) {
        owned[n_owned++] = xasprintf("CODE_FILE=%s", file);
        owned[n_owned++] = xasprintf("CODE_LINE=%d", line);
    }
    for (int i = 0; i < n_owned; i++)
        fields[count++] = (struct iovec){.iov_base = owned[i], .iov_len = strlen(owned[i])};
    for (unsigned i = 0; i < MIN(stack.depth, (unsigned)FIELDS_MAX); i++)
        if (stack.texts[i])
            fields[count++] = (struct iovec){.iov_base = stack.texts[i], .iov_len = strlen(stack.texts[i])};
    (void)sd_journal_sendv(fields, count); /* a journal that is gone must not stop a daemon */
    for (int i = 0; i < n_owned; i++)
        free(owned[i]);
}

static void send_to_terminal(int priority, const char *message)
{
    static const char *const names[] = {"emerg", "alert", "crit", "error", "warning", "notice", "info", "debug"};
    _cleanup_buffer_ Buffer line = {};
    buffer_printf(&line, "%s kestra-%s: %s", names[priority & 7], log_role, message);
    for (unsigned i = 0; i < MIN(stack.depth, (unsigned)FIELDS_MAX); i++)
        if (stack.texts[i])
            buffer_printf(&line, " %s", stack.texts[i]);
    (void)fprintf(stderr, "%s\n", line.text);
}

static _printf_(5, 0) void write_entry(int priority, const char *message_id, const char *file, int line,
                                       const char *format, va_list arguments)
{
    if (priority > log_level)
        return;
    int saved = errno;
    Arena *arena = arena_new();
    const char *message = arena_vprintf(arena, format, arguments);
    if (log_to_journal)
        send_to_journal(priority, message_id, file, line, message);
    else
        send_to_terminal(priority, message);
    arena_free(arena);
    errno = saved;
}

void log_write(int priority, const char *file, int line, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    write_entry(priority, NULL, file, line, format, arguments);
    va_end(arguments);
}

void log_write_event(LogEvent event, const char *file, int line, const char *format, ...)
{
    static const struct {
        const char *id;
        int priority;
    } events[] = {
#define LOG_EVENT_ROW(name, id, priority, ...) {id, priority},
        LOG_EVENTS(LOG_EVENT_ROW)
#undef LOG_EVENT_ROW
    };
    va_list arguments;
    va_start(arguments, format);
    write_entry(events[event].priority, events[event].id, file, line, format, arguments);
    va_end(arguments);
}

bool log_fault_is_due(LogFault *fault, usec_t now)
{
    if (now - fault->met > MAX(fault->interval, FAULT_FIRST))
        *fault = (LogFault){}; /* it was over */
    fault->met = now;
    if (now < fault->due)
        return false;
    fault->interval = fault->interval ? MIN(2 * fault->interval, FAULT_INTERVAL) : FAULT_FIRST;
    fault->due = now + fault->interval;
    return true;
}

void log_task_line(int priority, const char *message)
{
    if (log_to_journal)
        send_to_journal(priority, NULL, NULL, 0, message);
    else if (log_level >= LOG_DEBUG)
        send_to_terminal(priority, message);
}
