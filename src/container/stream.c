/* SPDX-License-Identifier: Apache-2.0 */
/* A task that writes faster than the worker reads waits for us, we for the pipe: memory stays flat. */
#include "container/stream.h"

#include <poll.h>
#include <unistd.h>

/* False: cancelled. */
static bool wait_for(int fd, int cancel_fd, short events)
{
    struct pollfd files[] = {{.fd = fd, .events = events}, {.fd = cancel_fd, .events = POLLIN}};
    while (poll(files, ELEMENTS(files), -1) < 0)
        if (errno != EINTR)
            return false;
    return !files[1].revents;
}

bool stream_write(int fd, int cancel_fd, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t n = write(fd, bytes, length);
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return false;
        if (n < 0 && !wait_for(fd, cancel_fd, POLLOUT))
            return false;
        bytes += n > 0 ? n : 0;
        length -= n > 0 ? (size_t)n : 0;
    }
    return true;
}

ssize_t stream_read(int fd, int cancel_fd, char *bytes, size_t size)
{
    for (;;) {
        ssize_t n = read(fd, bytes, size);
        if (n >= 0 || (errno != EAGAIN && errno != EINTR))
            return n;
        if (!wait_for(fd, cancel_fd, POLLIN))
            return -1;
    }
}

static uint32_t length_of(const unsigned char *head)
{
    return (uint32_t)head[4] << 24 | (uint32_t)head[5] << 16 | (uint32_t)head[6] << 8 | head[7];
}

bool stream_take(void *userdata, const char *bytes, size_t length)
{
    Stream *stream = userdata;
    while (length > 0) {
        size_t n;
        if (stream->left == 0) {
            n = MIN(sizeof stream->head - stream->head_length, length);
            memcpy(stream->head + stream->head_length, bytes, n);
            stream->head_length += n;
            if (stream->head_length == sizeof stream->head) {
                stream->left = length_of(stream->head);
                stream->head_length = 0;
            }
        } else {
            n = MIN((size_t)stream->left, length);
            int fd = stream->head[0] == 2 ? STDERR_FILENO : STDOUT_FILENO;
            if (!stream_write(fd, stream->cancel_fd, bytes, n))
                return false;
            stream->left -= (uint32_t)n;
            if (fd == STDOUT_FILENO)
                stream->in_line = bytes[n - 1] != '\n';
        }
        bytes += n;
        length -= n;
    }
    return true;
}
