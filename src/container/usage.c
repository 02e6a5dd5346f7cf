/* SPDX-License-Identifier: Apache-2.0 */
#include "container/usage.h"

#include <unistd.h>

#include "container/stream.h"

enum { LINE_BYTES_MAX = 1024 * 1024, NSEC_PER_USEC = 1000 };

void container_usage_done(ContainerUsage *usage)
{
    buffer_done(&usage->line);
}

static uint64_t number_at(const json_t *sample, const char *path)
{
    const json_t *value = json_at(sample, path);
    return json_is_integer(value) && json_integer_value(value) > 0 ? (uint64_t)json_integer_value(value) : 0;
}

/* A sample of a container that has ended is all zeros: counters never fall. */
static void take_sample(ContainerUsage *usage, const json_t *sample)
{
    uint64_t memory = MAX(number_at(sample, "memory_stats.usage"), number_at(sample, "memory_stats.max_usage"));
    uint64_t user = number_at(sample, "cpu_stats.cpu_usage.usage_in_usermode") / NSEC_PER_USEC;
    uint64_t kernel = number_at(sample, "cpu_stats.cpu_usage.usage_in_kernelmode") / NSEC_PER_USEC;
    uint64_t total = number_at(sample, "cpu_stats.cpu_usage.total_usage") / NSEC_PER_USEC;
    if (user == 0 && total > kernel) /* some engines tell the sum only */
        user = total - kernel;
    usage->memory_peak_bytes = MAX(usage->memory_peak_bytes, memory);
    usage->user_usec = MAX(usage->user_usec, user);
    usage->system_usec = MAX(usage->system_usec, kernel);
    usage->known = usage->known || memory > 0 || user > 0;
}

bool container_usage_take(void *userdata, const char *bytes, size_t length)
{
    ContainerUsage *usage = userdata;
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] != '\n') {
            buffer_append_char(&usage->line, bytes[i]);
            continue;
        }
        _cleanup_json_ json_t *sample = NULL;
        if (json_parse(buffer_text(&usage->line), usage->line.length, 0, &sample, NULL) == 0)
            take_sample(usage, sample);
        buffer_clear(&usage->line);
    }
    return usage->line.length <= LINE_BYTES_MAX;
}

static void add(json_t *metrics, const char *name, const char *type, double value, const char *attempt)
{
    json_array_append_new(metrics, json_pack("{s:s, s:s, s:f, s:{s:s}}", "name", name, "type", type, "value", value,
                                             "tags", "attempt", attempt));
}

void container_usage_report(const ContainerUsage *usage, const char *attempt, bool in_line, int cancel_fd)
{
    if (!usage->known)
        return;
    _cleanup_json_ json_t *metrics = json_array();
    add(metrics, "process.cpu.user", "timer", (double)usage->user_usec / USEC_PER_SEC, attempt);
    add(metrics, "process.cpu.system", "timer", (double)usage->system_usec / USEC_PER_SEC, attempt);
    if (usage->memory_peak_bytes > 0)
        add(metrics, "process.memory.peak", "counter", (double)usage->memory_peak_bytes, attempt);
    _cleanup_json_ json_t *message = json_pack("{s:O}", "metrics", metrics);
    _cleanup_free_ char *text = json_text(message), *line = xasprintf("%s::%s::\n", in_line ? "\n" : "", text);
    (void)stream_write(STDOUT_FILENO, cancel_fd, line, strlen(line)); /* then nobody listens */
}
