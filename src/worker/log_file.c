/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file is found by the names of task run and attempt and is only ever appended to, so that a worker which took over
 * the task of another process of this host goes on in it.
 */
#include "worker/log_file.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "model/log_entry.h"
#include "plugin/script_files.h"
#include "plugin/task_file.h"
#include "worker/directory.h"

char *log_file_name(const Job *job)
{
    return xasprintf(DIRECTORY_LOG_PREFIX "%s-%d", job->claim.task_run_id, job->claim.attempt);
}

static int open_file(Job *job)
{
    const char *parent = job->worker->settings.temporary_directory;
    if (job->log_fd >= 0 || job->log_broken)
        return job->log_fd;
    _cleanup_free_ char *name = log_file_name(job);
    job->log_fd = task_file_open_below(parent, name, O_RDWR | O_APPEND | O_CREAT, 0600);
    if (job->log_fd == -ENOENT && directory_prepare(parent) == 0)
        job->log_fd = task_file_open_below(parent, name, O_RDWR | O_APPEND | O_CREAT, 0600);
    job->log_fd = MAX(job->log_fd, -1); /* errno says why */
    return job->log_fd;
}

static bool write_all(int fd, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t n = write(fd, bytes, length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        bytes += n;
        length -= (size_t)n;
    }
    return true;
}

bool log_file_line(Job *job, int level, const char *message)
{
    char now[INSTANT_BYTES];
    if (job->log_broken)
        return false;
    instant_format(clock_realtime(), now);
    _cleanup_free_ char *line = xasprintf("%s %s %s\n", now, log_level_to_string(level), message);
    if (open_file(job) >= 0 && write_all(job->log_fd, line, strlen(line)))
        return true;
    log_error("Log file of task run %s cannot be written, its lines go to the database: %m", job->claim.task_run_id);
    job->log_broken = true;
    return false;
}

char *log_file_uri(const Job *job)
{
    _cleanup_free_ char *prefix = script_files_prefix(&job->context.run);
    return xasprintf("%s/attempt-%d.log", prefix, job->claim.attempt);
}

void log_file_drop(Job *job)
{
    if (job->log_fd < 0)
        return;
    _cleanup_free_ char *name = log_file_name(job);
    _cleanup_free_ char *path = xasprintf("%s/%s", job->worker->settings.temporary_directory, name);
    (void)unlink(path); /* the sweep of a later start gets what stays */
    job->log_fd = close_fd(job->log_fd);
}
