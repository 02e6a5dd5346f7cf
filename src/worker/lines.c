/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/lines.h"

enum { LINE_BYTES_USUAL = 64 * 1024 };

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

/* How many of the bytes have room for what append() makes of them. */
static size_t fitting(const char *bytes, size_t length, size_t room)
{
    static const size_t nul_bytes = 3;
    size_t n = 0;
    if (!memchr(bytes, '\0', MIN(length, room)))
        return MIN(length, room);
    for (size_t needed; n < length && (needed = bytes[n] ? 1 : nul_bytes) <= room; n++)
        room -= needed;
    return n;
}

/* The memory of an unusually long line is not kept for those that follow. */
static void empty(Buffer *line)
{
    if (line->allocated > LINE_BYTES_USUAL)
        buffer_done(line);
    else
        buffer_clear(line);
}

static void give(Lines *lines, const LineTaker *taker)
{
    Buffer *line = &lines->rest;
    taker->take(taker->userdata, buffer_text(line), line->length, lines->is_cut ? LINE_LAST : LINE_WHOLE);
    lines->is_cut = false;
    empty(line);
}

/* Bytes of a UTF-8 character whose end is not there yet. */
static size_t half_character(const char *text, size_t length)
{
    size_t back = 0;
    while (back < 3 && back < length && ((unsigned char)text[length - 1 - back] & 0xC0) == 0x80)
        back++;
    unsigned char first = back < length ? (unsigned char)text[length - 1 - back] : 0;
    size_t whole = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : first >= 0xC0 ? 2 : 1;
    return whole > back + 1 ? back + 1 : 0;
}

/* The line is too long to go on: most of it is given, and its end begins the next. */
static void cut(Lines *lines, const LineTaker *taker)
{
    Buffer *line = &lines->rest;
    size_t kept = taker->keep ? taker->keep(taker->userdata, line->text, line->length) : 0;
    kept = MAX(MIN(kept, taker->bytes_max / 2), half_character(line->text, line->length));
    size_t given = line->length - kept;
    _cleanup_free_ char *end = xstrndup(line->text + given, kept);
    line->text[given] = '\0';
    taker->take(taker->userdata, line->text, given, lines->is_cut ? LINE_MIDDLE : LINE_FIRST);
    lines->is_cut = true;
    buffer_clear(line);
    buffer_append_n(line, end, kept);
}

static const char *find_break(const char *bytes, size_t length)
{
    const char *feed = memchr(bytes, '\n', length);
    const char *back = memchr(bytes, '\r', feed ? (size_t)(feed - bytes) : length);
    return back ? back : feed;
}

void lines_feed(Lines *lines, const char *bytes, size_t length, const LineTaker *taker)
{
    while (length > 0) {
        if (lines->after_return && *bytes == '\n') {
            lines->after_return = false;
            bytes++;
            length--;
            continue;
        }
        lines->after_return = false;
        const char *end = find_break(bytes, length);
        size_t n = end ? (size_t)(end - bytes) : length;
        size_t room = taker->bytes_max - MIN(lines->rest.length, taker->bytes_max), fit = fitting(bytes, n, room);
        if (fit < n) {
            append(&lines->rest, bytes, fit);
            cut(lines, taker);
            bytes += fit;
            length -= fit;
            continue;
        }
        append(&lines->rest, bytes, n);
        if (!end)
            return;
        give(lines, taker);
        lines->after_return = *end == '\r';
        bytes = end + 1;
        length -= n + 1;
    }
}

void lines_end(Lines *lines, const LineTaker *taker)
{
    if (lines->rest.length > 0 || lines->is_cut)
        give(lines, taker);
}

void lines_done(Lines *lines)
{
    buffer_done(&lines->rest);
}

const Buffer *lines_rest(const Lines *lines)
{
    return &lines->rest;
}

void lines_restore(Lines *lines, const char *bytes, size_t length, bool after_return, bool is_cut)
{
    buffer_append_n(&lines->rest, bytes, length);
    lines->after_return = after_return;
    lines->is_cut = is_cut;
}
