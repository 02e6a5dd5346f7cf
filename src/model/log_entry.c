/* SPDX-License-Identifier: Apache-2.0 */
/* Log levels as Kestra names them, and their syslog priorities. */
#include "model/log_entry.h"

#include <syslog.h>

/* by LOG_LEVEL_* */
static const struct {
    const char *name;
    int priority;
} levels[] = {
    [LOG_LEVEL_TRACE] = {"TRACE", LOG_DEBUG}, [LOG_LEVEL_DEBUG] = {"DEBUG", LOG_DEBUG},
    [LOG_LEVEL_INFO] = {"INFO", LOG_INFO},    [LOG_LEVEL_WARN] = {"WARN", LOG_WARNING},
    [LOG_LEVEL_ERROR] = {"ERROR", LOG_ERR},
};

static bool level_is_valid(int level)
{
    return level >= 0 && (size_t)level < ELEMENTS(levels);
}

const char *log_level_to_string(int level)
{
    return level_is_valid(level) ? levels[level].name : "INFO";
}

int log_level_from_string(const char *text)
{
    if (!text)
        return -1;
    for (size_t i = 0; i < ELEMENTS(levels); i++)
        if (streq(levels[i].name, text))
            return (int)i;
    return -1;
}

int log_level_priority(int level)
{
    return level_is_valid(level) ? levels[level].priority : LOG_INFO;
}
