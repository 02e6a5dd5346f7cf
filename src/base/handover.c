/* SPDX-License-Identifier: Apache-2.0 */
/*
 * execve keeps the process: its id, its children and their death signals, that it reaps what they leave behind, its
 * notification socket and its control group. So nobody notices but those who hold a connection.
 *
 * The number of the memory file goes through the environment and is removed from there before anything is started; it
 * is believed only if the file is sealed as ours are. Between here and the exec no other thread runs that could fork
 * with the descriptors open.
 */
#include "base/handover.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/private_env.h"

#define VARIABLE "HANDOVER_FD" /* not KESTRA_…: expressions see those */
#define DELETED  " (deleted)"
#define SEALS    (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

enum { ARGUMENT_BYTES_MAX = 128 * 1024 };

char *handover_program(void)
{
    char path[4096];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    path[MAX(n, (ssize_t)0)] = '\0';
    if (ends_with(path, DELETED))
        path[strlen(path) - strlen(DELETED)] = '\0';
    return xstrdup(path);
}

static int write_all(int fd, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t n = write(fd, bytes, length);
        if (n < 0 && errno != EINTR)
            return outage(-errno);
        bytes += MAX(n, (ssize_t)0);
        length -= (size_t)MAX(n, (ssize_t)0);
    }
    return 0;
}

static int seal(const char *text, size_t length, int *ret_fd)
{
    _cleanup_(close_fdp) int fd = memfd_create("kestra-handover", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return outage(-errno);
    int r = write_all(fd, text, length);
    if (r == 0 && fcntl(fd, F_ADD_SEALS, SEALS) < 0)
        r = outage(-errno);
    if (r == 0)
        *ret_fd = TAKE_FD(fd);
    return r;
}

char **handover_arguments(void)
{
    _cleanup_(close_fdp) int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    _cleanup_buffer_ Buffer text = {};
    char chunk[4096];
    for (ssize_t n; fd >= 0 && text.length < ARGUMENT_BYTES_MAX && (n = read(fd, chunk, sizeof chunk)) > 0;)
        buffer_append_n(&text, chunk, (size_t)n);
    size_t count = 0;
    for (size_t i = 0; i < text.length; i++)
        count += text.text[i] == '\0';
    size_t pointers = (count + 1) * sizeof(char *);
    char **arguments = xcalloc(1, pointers + text.length + 1), *next = (char *)arguments + pointers;
    memcpy(next, buffer_text(&text), text.length);
    for (size_t i = 0; i < count; i++, next += strlen(next) + 1)
        arguments[i] = next;
    return arguments;
}

static int set_kept(const int *kept, size_t count, int flags)
{
    for (size_t i = 0; i < count; i++)
        if (fcntl(kept[i], F_SETFD, flags) < 0)
            return outage(-errno);
    return 0;
}

static int execute(const char *program, int fd)
{
    char number[16];
    _cleanup_free_ char **arguments = handover_arguments();
    (void)snprintf(number, sizeof number, "%d", fd); /* always fits */
    if (!arguments[0] || setenv(VARIABLE, number, 1) < 0)
        return outage(-EINVAL);
    _cleanup_free_ char **environment = private_env_whole();
    (void)execve(program, arguments, environment); /* returns only when it failed */
    int r = outage(-errno);
    (void)unsetenv(VARIABLE); /* fails only for a bad name */
    return r;
}

int handover_exec(const char *program, const char *text, size_t length, const int *kept, size_t count)
{
    _cleanup_(close_fdp) int fd = -1;
    int r = seal(text, length, &fd);
    if (r == 0)
        r = set_kept(kept, count, 0);
    if (r == 0)
        r = set_kept(&fd, 1, 0);
    if (r == 0)
        r = execute(program, fd);
    int again = set_kept(kept, count, FD_CLOEXEC);
    return r < 0 ? r : again;
}

/* The descriptor that the environment names, if it is a memory file of handover_exec; -1. */
static int passed_memory(void)
{
    const char *value = getenv(VARIABLE);
    int fd = 0;
    for (const char *p = value; p && *p; p++) {
        if (*p < '0' || *p > '9' || fd > 100 * 1000 * 1000)
            return -1;
        fd = fd * 10 + (*p - '0');
    }
    if (value && unsetenv(VARIABLE) < 0)
        return -1;
    return value && fd > 2 && fcntl(fd, F_GET_SEALS) == SEALS ? fd : -1;
}

int handover_take(char **ret, size_t *ret_length)
{
    struct stat info;
    _cleanup_(close_fdp) int fd = passed_memory();
    *ret = NULL;
    *ret_length = 0;
    if (fd < 0)
        return 0;
    if (!handover_adopt(fd) || fstat(fd, &info) < 0)
        return outage(-errno);
    size_t length = (size_t)info.st_size, done = 0;
    _cleanup_free_ char *text = xmalloc(length + 1);
    while (done < length) {
        ssize_t n = pread(fd, text + done, length - done, (off_t)done);
        if (n <= 0)
            return outage(n < 0 ? -errno : -EIO);
        done += (size_t)n;
    }
    text[length] = '\0';
    *ret = TAKE_PTR(text);
    *ret_length = length;
    return 0;
}

bool handover_adopt(int fd)
{
    return fd > 2 && fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
}
