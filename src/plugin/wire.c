/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/wire.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SEND_WAIT_MSEC = 10000, READ_BYTES = 64 * 1024, KEPT_BYTES = 4 * READ_BYTES };

static int send_all(int fd, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t n = send(fd, bytes, length, MSG_NOSIGNAL);
        if (n >= 0) {
            bytes += n;
            length -= (size_t)n;
            continue;
        }
        struct pollfd poll_fd = {.fd = fd, .events = POLLOUT};
        if (errno != EINTR && (errno != EAGAIN || poll(&poll_fd, 1, SEND_WAIT_MSEC) <= 0))
            return WIRE_E_END;
    }
    return 0;
}

int wire_send(int fd, const json_t *message)
{
    _cleanup_buffer_ Buffer text = {};
    uint32_t length = 0;
    buffer_append_n(&text, (const char *)&length, sizeof length);
    json_append(&text, message);
    if (text.length - sizeof length > WIRE_BYTES_MAX)
        return WIRE_E_BROKEN;
    length = (uint32_t)(text.length - sizeof length);
    memcpy(text.text, &length, sizeof length);
    return send_all(fd, text.text, text.length);
}

void wire_done(Wire *wire)
{
    buffer_done(&wire->bytes);
}

int wire_read(Wire *wire, int fd)
{
    char chunk[READ_BYTES];
    ssize_t n = read(fd, chunk, sizeof chunk);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : WIRE_E_END;
    if (n == 0)
        return WIRE_E_END;
    if (wire->consumed == wire->bytes.length) {
        if (wire->bytes.allocated > KEPT_BYTES) /* of an unusually long message */
            buffer_done(&wire->bytes);
        buffer_clear(&wire->bytes);
        wire->consumed = 0;
    }
    buffer_append_n(&wire->bytes, chunk, (size_t)n);
    return 0;
}

int wire_take(Wire *wire, json_t **ret)
{
    uint32_t length;
    size_t available = wire->bytes.length - wire->consumed;
    if (available < sizeof length)
        return WIRE_E_PARTIAL;
    memcpy(&length, wire->bytes.text + wire->consumed, sizeof length);
    if (length > WIRE_BYTES_MAX)
        return WIRE_E_BROKEN;
    if (available - sizeof length < length)
        return WIRE_E_PARTIAL;
    const char *text = wire->bytes.text + wire->consumed + sizeof length;
    wire->consumed += sizeof length + length;
    if (json_parse(text, length, WIRE_BYTES_MAX, ret, NULL) != 0 || !json_is_object(*ret))
        return WIRE_E_BROKEN;
    return 0;
}

const char *wire_rest(const Wire *wire, size_t *ret_length)
{
    *ret_length = wire->bytes.length - wire->consumed;
    return buffer_text(&wire->bytes) + wire->consumed;
}

void wire_restore(Wire *wire, const char *bytes, size_t length)
{
    buffer_append_n(&wire->bytes, bytes, length);
}
