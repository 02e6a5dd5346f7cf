/* SPDX-License-Identifier: Apache-2.0 */
#include "expr/utf16.h"

bool utf8_is_valid(const char *text, size_t length)
{
    for (const char *at = text, *end = text + length; at < end;) {
        const char *start = at;
        uint32_t c = utf8_next(&at, end);
        size_t size = (size_t)(at - start);
        if ((c == 0xFFFD && size == 1) || (c >= 0xD800 && c < 0xE000) || c > 0x10FFFF || (size == 3 && c < 0x800) ||
            (size == 4 && c < 0x10000))
            return false;
    }
    return true;
}

uint32_t utf8_next(const char **at, const char *end)
{
    const unsigned char *s = (const unsigned char *)*at;
    size_t left = (size_t)(end - *at);
    uint32_t c = s[0];
    unsigned more = c < 0x80 ? 0 : c < 0xC2 ? 4 : c < 0xE0 ? 1 : c < 0xF0 ? 2 : c < 0xF5 ? 3 : 4;
    if (more == 4 || more >= left) {
        (*at)++;
        return more == 0 ? c : 0xFFFD;
    }
    if (more)
        c &= 0x3Fu >> more;
    for (unsigned i = 1; i <= more; i++) {
        if ((s[i] & 0xC0) != 0x80) {
            (*at)++;
            return 0xFFFD;
        }
        c = c << 6 | (s[i] & 0x3Fu);
    }
    *at += more + 1;
    return c;
}

size_t utf8_put(uint32_t c, char *ret)
{
    if (c < 0x80) {
        ret[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        ret[0] = (char)(0xC0 | c >> 6);
        ret[1] = (char)(0x80 | (c & 0x3F));
        return 2;
    }
    if (c < 0x10000) {
        ret[0] = (char)(0xE0 | c >> 12);
        ret[1] = (char)(0x80 | (c >> 6 & 0x3F));
        ret[2] = (char)(0x80 | (c & 0x3F));
        return 3;
    }
    ret[0] = (char)(0xF0 | c >> 18);
    ret[1] = (char)(0x80 | (c >> 12 & 0x3F));
    ret[2] = (char)(0x80 | (c >> 6 & 0x3F));
    ret[3] = (char)(0x80 | (c & 0x3F));
    return 4;
}

bool utf16_walk(Utf16Walk *walk, uint16_t *ret_unit)
{
    if (walk->pending) {
        *ret_unit = walk->pending;
        walk->pending = 0;
        return true;
    }
    if (walk->at >= walk->end)
        return false;
    uint32_t c = utf8_next(&walk->at, walk->end);
    if (c < 0x10000) {
        *ret_unit = (uint16_t)c;
        return true;
    }
    *ret_unit = (uint16_t)(0xD800 + ((c - 0x10000) >> 10));
    walk->pending = (uint16_t)(0xDC00 + ((c - 0x10000) & 0x3FF));
    return true;
}

size_t utf16_length(const char *text, size_t length)
{
    size_t units = 0;
    for (const char *at = text, *end = text + length; at < end; units++)
        if (utf8_next(&at, end) >= 0x10000)
            units++;
    return units;
}

size_t utf16_offset(const char *text, size_t length, size_t index)
{
    const char *at = text, *end = text + length;
    for (size_t units = 0; at < end && units < index;) {
        const char *next = at;
        units += utf8_next(&next, end) >= 0x10000 ? 2 : 1;
        if (units > index)
            break;
        at = next;
    }
    return (size_t)(at - text);
}
