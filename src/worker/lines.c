/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/lines.h"

static void append(Buffer *line, const char *bytes, size_t length)
{
    for (const char *nul; (nul = memchr(bytes, '\0', length));) {
        buffer_append_n(line, bytes, (size_t)(nul - bytes));
        buffer_append(line, "\xEF\xBF\xBD");
        length -= (size_t)(nul - bytes) + 1;
        bytes = nul + 1;
    }
    buffer_append_n(line, bytes, length);
}

static void give(Lines *lines, LineTaker take, void *userdata)
{
    Buffer *line = &lines->rest;
    if (line->length > 0 && line->text[line->length - 1] == '\r')
        line->text[--line->length] = '\0';
    take(userdata, buffer_text(line), line->length);
    buffer_clear(line);
}

void lines_feed(Lines *lines, const char *bytes, size_t length, LineTaker take, void *userdata)
{
    while (length > 0) {
        const char *end = memchr(bytes, '\n', length);
        size_t n = end ? (size_t)(end - bytes) : length;
        size_t room = LINE_BYTES_MAX - MIN(lines->rest.length, (size_t)LINE_BYTES_MAX);
        if (n > room) {
            append(&lines->rest, bytes, room);
            give(lines, take, userdata);
            bytes += room;
            length -= room;
            continue;
        }
        append(&lines->rest, bytes, n);
        if (!end)
            return;
        give(lines, take, userdata);
        bytes = end + 1;
        length -= n + 1;
    }
}

void lines_end(Lines *lines, LineTaker take, void *userdata)
{
    if (lines->rest.length > 0)
        give(lines, take, userdata);
}

void lines_done(Lines *lines)
{
    buffer_done(&lines->rest);
}
