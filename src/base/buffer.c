/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buffer.h"

#include <ctype.h>
#include <stdarg.h>

static void reserve(Buffer *buffer, size_t more)
{
    size_t needed = buffer->length + more + 1;
    if (needed <= buffer->allocated)
        return;
    size_t doubled = MAX((size_t)64, buffer->allocated * 2);
    buffer->allocated = MAX(needed, doubled);
    buffer->text = xrealloc(buffer->text, buffer->allocated, 1);
}

void buffer_done(Buffer *buffer)
{
    free(buffer->text);
    *buffer = (Buffer){};
}

void buffer_append_n(Buffer *buffer, const char *bytes, size_t length)
{
    reserve(buffer, length);
    memcpy(buffer->text + buffer->length, bytes, length);
    buffer->length += length;
    buffer->text[buffer->length] = 0;
}

void buffer_append(Buffer *buffer, const char *text)
{
    buffer_append_n(buffer, text, strlen(text));
}

void buffer_append_char(Buffer *buffer, char c)
{
    buffer_append_n(buffer, &c, 1);
}

void buffer_printf(Buffer *buffer, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    reserve(buffer, (size_t)length);
    va_start(arguments, format);
    (void)vsnprintf(buffer->text + buffer->length, (size_t)length + 1, format, arguments); /* sized above */
    va_end(arguments);
    buffer->length += (size_t)length;
}

void buffer_append_slug(Buffer *buffer, const char *text, size_t length)
{
    bool dash = false; /* one is due before the next letter */
    size_t begin = buffer->length;
    buffer_append(buffer, "");
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        if (isalnum(c) && c < 0x80) {
            if (dash && buffer->length > begin)
                buffer_append_char(buffer, '-');
            buffer_append_char(buffer, (char)tolower(c));
            dash = false;
        } else if (c == '-' || c == '_' || isspace(c)) {
            dash = true;
        }
    }
}

/* Length of the well-formed UTF-8 sequence at s (RFC 3629), 0 if it is none. */
static size_t utf8_length(const unsigned char *s)
{
    if (s[0] < 0x80)
        return 1;
    if (s[0] >= 0xC2 && s[0] <= 0xDF)
        return (s[1] & 0xC0) == 0x80 ? 2 : 0;
    if ((s[0] & 0xF0) == 0xE0) {
        if ((s[1] & 0xC0) != 0x80 || (s[2] & 0xC0) != 0x80)
            return 0;
        if ((s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xED && s[1] > 0x9F))
            return 0;
        return 3;
    }
    if (s[0] >= 0xF0 && s[0] <= 0xF4) {
        if ((s[1] & 0xC0) != 0x80 || (s[2] & 0xC0) != 0x80 || (s[3] & 0xC0) != 0x80)
            return 0;
        if ((s[0] == 0xF0 && s[1] < 0x90) || (s[0] == 0xF4 && s[1] > 0x8F))
            return 0;
        return 4;
    }
    return 0;
}

static void append_json_char(Buffer *buffer, unsigned char c)
{
    static const char shorts[] = "\bb\ff\nn\rr\tt\"\"\\\\"; /* a character, then its letter */
    for (const char *s = shorts; *s; s += 2)
        if ((unsigned char)*s == c) {
            buffer_append_n(buffer, (char[]){'\\', s[1]}, 2);
            return;
        }
    buffer_printf(buffer, "\\u%04x", c);
}

void buffer_append_size(Buffer *buffer, uint64_t bytes)
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
    if (bytes < 1024) {
        buffer_printf(buffer, "%" PRIu64 " bytes", bytes);
        return;
    }
    unsigned i = 0;
    uint64_t factor = 1024;
    for (; i + 1 < ELEMENTS(units) && bytes / factor >= 1024; i++)
        factor *= 1024;
    uint64_t tenths = bytes / factor * 10 + bytes % factor * 10 / factor;
    if (tenths % 10)
        buffer_printf(buffer, "%" PRIu64 ".%" PRIu64 " %s", tenths / 10, tenths % 10, units[i]);
    else
        buffer_printf(buffer, "%" PRIu64 " %s", tenths / 10, units[i]);
}

void buffer_append_json(Buffer *buffer, const char *text)
{
    buffer_append_char(buffer, '"');
    const unsigned char *s = (const unsigned char *)text, *plain = s;
    while (*s) {
        size_t length = utf8_length(s);
        if (length && *s >= 0x20 && *s != '"' && *s != '\\') {
            s += length;
            continue;
        }
        buffer_append_n(buffer, (const char *)plain, (size_t)(s - plain));
        if (length)
            append_json_char(buffer, *s);
        else
            buffer_append(buffer, "\xEF\xBF\xBD");
        plain = ++s;
    }
    buffer_append_n(buffer, (const char *)plain, (size_t)(s - plain));
    buffer_append_char(buffer, '"');
}

void buffer_append_utf8(Buffer *buffer, const char *text)
{
    const unsigned char *s = (const unsigned char *)text, *plain = s;
    while (*s) {
        size_t length = *s < 0x80 ? 1 : utf8_length(s);
        if (length) {
            s += length;
            continue;
        }
        buffer_append_n(buffer, (const char *)plain, (size_t)(s - plain));
        buffer_append(buffer, "\xEF\xBF\xBD");
        plain = ++s;
    }
    buffer_append_n(buffer, (const char *)plain, (size_t)(s - plain));
}

void buffer_clear(Buffer *buffer)
{
    buffer->length = 0;
    if (buffer->text)
        buffer->text[0] = 0;
}

const char *buffer_text(const Buffer *buffer)
{
    return buffer->text ? buffer->text : "";
}

char *buffer_take(Buffer *buffer)
{
    char *text = buffer->text ? buffer->text : xstrdup("");
    *buffer = (Buffer){};
    return text;
}
