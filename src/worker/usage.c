/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counters of the tree become metrics of the task run, with the attempt as a tag, so that they are found where a
 * script's own metrics are. What is not known or did not happen gives no metric: a 0 would look measured.
 *
 * An end because of memory is told by the kernel's events, not guessed from signal 9.
 */
#include "worker/usage.h"

#include <signal.h>

#include "base/buffer.h"
#include "base/log.h"
#include "doc/json.h"
#include "model/log_entry.h"

typedef struct Report {
    CgroupUsage used;
    bool exact_memory;
    uint64_t signal;
} Report;

/* In the order in which people read them. All values are uint64_t. */
static const struct {
    const char *metric, *field;
    size_t offset;
    bool is_timer, with_zero;
} rows[] = {
    {"process.cpu.user", "KESTRA_CPU_USER_USEC", offsetof(Report, used.user_usec), true, true},
    {"process.cpu.system", "KESTRA_CPU_SYSTEM_USEC", offsetof(Report, used.system_usec), true, true},
    {"process.cpu.throttled", "KESTRA_CPU_THROTTLED_USEC", offsetof(Report, used.throttled_usec), true, false},
    {"process.memory.peak", "KESTRA_MEMORY_PEAK", offsetof(Report, used.memory_peak_bytes), false, false},
    {"process.memory.oom.kills", "KESTRA_OOM_KILLS", offsetof(Report, used.oom_kills), false, false},
    {"process.io.read", "KESTRA_IO_READ", offsetof(Report, used.read_bytes), false, false},
    {"process.io.written", "KESTRA_IO_WRITTEN", offsetof(Report, used.written_bytes), false, false},
    {"process.pids.peak", "KESTRA_PIDS_PEAK", offsetof(Report, used.pids_peak), false, false},
    {"process.pids.refused", "KESTRA_PIDS_REFUSED", offsetof(Report, used.pids_refused), false, false},
    {"process.signal", "KESTRA_EXIT_SIGNAL", offsetof(Report, signal), false, false},
};

static uint64_t value_of(const Report *report, size_t i)
{
    return *(const uint64_t *)((const char *)report + rows[i].offset);
}

static void send_metrics(Job *job, const Report *report)
{
    RunContext *run = &job->context.run;
    char attempt[16];
    (void)snprintf(attempt, sizeof attempt, "%d", job->claim.attempt); /* always fits */
    _cleanup_json_ json_t *tags = json_object(), *largest = NULL;
    json_set_text(tags, "attempt", attempt);
    largest = json_copy(tags);
    json_set_text(largest, "of", "largest process");
    for (size_t i = 0; i < ELEMENTS(rows); i++) {
        uint64_t value = value_of(report, i);
        bool is_inexact = !report->exact_memory && rows[i].offset == offsetof(Report, used.memory_peak_bytes);
        if (value == 0 && !rows[i].with_zero)
            continue;
        if (rows[i].is_timer)
            run_timer(run, rows[i].metric, value, tags);
        else
            run_counter(run, rows[i].metric, (double)value, is_inexact ? largest : tags);
    }
}

static void tell_journal(Job *job, const Report *report, const siginfo_t *info)
{
    _cleanup_buffer_ Buffer text = {};
    _cleanup_(log_popp) LogField first = log_push("KESTRA_EXIT_STATUS", NULL); /* pops all that follow */
    for (size_t i = 0; i < ELEMENTS(rows); i++) {
        char number[24];
        (void)snprintf(number, sizeof number, "%" PRIu64, value_of(report, i)); /* always fits */
        if (value_of(report, i) || rows[i].with_zero)
            (void)log_push(rows[i].field, number);
    }
    buffer_printf(&text, "Process of the task ended %s %d after %.3f s of CPU, at most ",
                  report->signal ? "by signal" : "with status", info->si_status,
                  (double)(report->used.user_usec + report->used.system_usec) / USEC_PER_SEC);
    buffer_append_size(&text, report->used.memory_peak_bytes);
    buffer_append(&text, " of memory");
    job_journal(job, LOG_INFO, buffer_text(&text));
}

static void append_peak(Buffer *text, const Report *report)
{
    if (report->exact_memory) {
        buffer_append(text, ", peak ");
        buffer_append_size(text, report->used.memory_peak_bytes);
    }
}

/* "killed: out of memory, limit 64 MiB, peak 64 MiB". */
static void tell_out_of_memory(Job *job, const Report *report, const Limits *limits)
{
    _cleanup_buffer_ Buffer text = {};
    if (report->used.oom_kills == 0)
        return;
    int64_t limit = limits->values[LIMIT_MEMORY];
    buffer_append(&text, "killed: out of memory, ");
    if (report->used.oom_here && limit != LIMIT_NONE) {
        buffer_append(&text, "limit ");
        buffer_append_size(&text, (uint64_t)limit);
    } else {
        buffer_append(&text, "not by a limit of this task but of the worker's service or the host");
    }
    append_peak(&text, report);
    run_log(&job->context.run, LOG_LEVEL_ERROR, "%s", buffer_text(&text));
}

static void tell_refused_processes(Job *job, const Report *report, const Limits *limits)
{
    if (report->used.pids_refused > 0 && limits->values[LIMIT_PIDS] != LIMIT_NONE)
        run_log(&job->context.run, LOG_LEVEL_WARN,
                "limits.pids: %" PRIu64 " times no further process could be started, limit %" PRIi64,
                report->used.pids_refused, limits->values[LIMIT_PIDS]);
}

void usage_report(Job *job, const Spawned *spawned, const Limits *limits, const siginfo_t *info)
{
    Report report = {.signal = info->si_code == CLD_EXITED ? 0 : (uint64_t)info->si_status};
    spawn_usage(spawned, &report.used, &report.exact_memory);
    tell_out_of_memory(job, &report, limits);
    tell_refused_processes(job, &report, limits);
    if (job->worker->settings.process_metrics)
        send_metrics(job, &report);
    tell_journal(job, &report, info);
}
