/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Charsets by iconv. It stops at what it cannot convert; we note a mark, step over one byte and go on, because half of
 * an answer is worth more than none.
 */
#include "plugin/charset.h"

#include <iconv.h>

#include "base/buffer.h"

enum { CHUNK_BYTES = 4096 };

static void convert(iconv_t converter, const char *bytes, size_t length, const char *mark, Buffer *text)
{
    char *in = (char *)bytes;
    for (;;) {
        char chunk[CHUNK_BYTES], *out = chunk;
        size_t room = sizeof chunk;
        size_t r = iconv(converter, length > 0 ? &in : NULL, &length, &out, &room);
        int problem = r == (size_t)-1 ? errno : 0;
        buffer_append_n(text, chunk, sizeof chunk - room);
        if (problem == E2BIG)
            continue;
        if (problem == 0 && length == 0)
            return;
        buffer_append(text, mark);
        do { /* of UTF-8 a whole character */
            in++;
            length--;
        } while (problem == EILSEQ && *mark == '?' && length > 0 && ((unsigned char)*in & 0xC0) == 0x80);
    }
}

static void append_without_nul(Buffer *text, const char *bytes, size_t length)
{
    for (const char *end = bytes + length; bytes < end;) {
        size_t n = strnlen(bytes, (size_t)(end - bytes));
        _cleanup_free_ char *piece = xstrndup(bytes, n);
        buffer_append_utf8(text, piece);
        bytes += n;
        if (bytes < end) {
            buffer_append(text, "\xEF\xBF\xBD");
            bytes++;
        }
    }
}

int charset_decode(const char *charset, const char *bytes, size_t length, char **ret)
{
    _cleanup_buffer_ Buffer converted = {}, text = {};
    if (strcasecmp(charset, "UTF-8") != 0 && strcasecmp(charset, "UTF8") != 0) {
        iconv_t converter = iconv_open("UTF-8", charset);
        if (converter == (iconv_t)-1)
            return CHARSET_E_UNKNOWN;
        convert(converter, bytes, length, "\xEF\xBF\xBD", &converted);
        iconv_close(converter);
        bytes = buffer_text(&converted);
        length = converted.length;
    }
    append_without_nul(&text, bytes, length);
    *ret = buffer_take(&text);
    return 0;
}

int charset_encode(const char *charset, const char *text, char **ret, size_t *ret_length)
{
    _cleanup_buffer_ Buffer bytes = {};
    iconv_t converter = iconv_open(charset, "UTF-8");
    if (converter == (iconv_t)-1)
        return CHARSET_E_UNKNOWN;
    convert(converter, text, strlen(text), "?", &bytes);
    iconv_close(converter);
    *ret_length = bytes.length;
    *ret = buffer_take(&bytes);
    return 0;
}

char *charset_of(const char *content_type)
{
    for (const char *part = content_type; part && (part = strchr(part, ';'));) {
        part++;
        part += strspn(part, " \t");
        if (strncasecmp(part, "charset=", strlen("charset=")) != 0)
            continue;
        part += strlen("charset=");
        part += *part == '"' || *part == '\'';
        size_t length = strcspn(part, "\"'; \t");
        return length > 0 ? xstrndup(part, length) : NULL;
    }
    return NULL;
}
