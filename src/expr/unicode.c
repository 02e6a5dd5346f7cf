/* SPDX-License-Identifier: Apache-2.0 */
#include "expr/unicode.h"

#include <ctype.h>
#include <unicode/ucasemap.h>
#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>

#include "expr/utf16.h"

typedef UBool (*IsKind)(UChar32 c);

static bool is_ascii(const Value *text)
{
    for (uint32_t i = 0; i < text->length; i++)
        if ((unsigned char)text->text[i] >= 0x80)
            return false;
    return true;
}

static int ascii_case(Eval *eval, const Value *text, bool upper, Value *ret)
{
    char *to = eval_text(eval, text->length);
    if (!to)
        return EVAL_E_ERROR;
    for (uint32_t i = 0; i < text->length; i++) {
        char c = text->text[i];
        bool flips = upper ? c >= 'a' && c <= 'z' : c >= 'A' && c <= 'Z';
        to[i] = flips ? (char)(c ^ 0x20) : c;
    }
    *ret = value_text(to, text->length);
    return 0;
}

/* Root locale: Java's toUpperCase(Locale.US) and ICU's full mapping with final sigma agree. */
static int map_case(Eval *eval, const Value *text, bool upper, Value *ret)
{
    if (is_ascii(text))
        return ascii_case(eval, text, upper, ret);
    UErrorCode status = U_ZERO_ERROR;
    UCaseMap *map = ucasemap_open("", 0, &status);
    int32_t room = (int32_t)MIN((size_t)text->length * 3 + 16, (size_t)INT32_MAX);
    char *to = U_SUCCESS(status) ? eval_text(eval, (size_t)room) : NULL;
    int32_t length = 0;
    if (to)
        length = (upper ? ucasemap_utf8ToUpper : ucasemap_utf8ToLower)(map, to, room, text->text, (int32_t)text->length,
                                                                       &status);
    ucasemap_close(map);
    if (!to)
        return EVAL_E_ERROR;
    if (U_FAILURE(status))
        return eval_fail_plain(eval, "The case of this text cannot be changed");
    *ret = value_text(to, (size_t)length);
    return 0;
}

int unicode_upper(Eval *eval, const Value *text, Value *ret)
{
    return map_case(eval, text, true, ret);
}

int unicode_lower(Eval *eval, const Value *text, Value *ret)
{
    return map_case(eval, text, false, ret);
}

Value java_trim(Value text)
{
    while (text.length && (unsigned char)text.text[0] <= ' ') {
        text.text++;
        text.length--;
    }
    while (text.length && (unsigned char)text.text[text.length - 1] <= ' ')
        text.length--;
    return text;
}

Value unicode_strip(Value text)
{
    const char *start = text.text, *end = start + text.length, *last = start;
    bool leading = true;
    for (const char *at = start; at < end;) {
        bool blank = u_isWhitespace((UChar32)utf8_next(&at, end));
        if (leading && blank)
            start = last = at;
        else
            leading = false;
        if (!blank)
            last = at;
    }
    return value_text(start, (size_t)(last - start));
}

int64_t java_compare_text(const Value *a, const Value *b)
{
    Utf16Walk x = {a->text, a->text + a->length}, y = {b->text, b->text + b->length};
    for (;;) {
        uint16_t p, q;
        bool more_a = utf16_walk(&x, &p), more_b = utf16_walk(&y, &q);
        if (!more_a || !more_b)
            break;
        if (p != q)
            return (int64_t)p - q;
    }
    return (int64_t)utf16_length(a->text, a->length) - (int64_t)utf16_length(b->text, b->length);
}

int text_replace_all(Eval *eval, const Value *text, const Value *part, const Value *by, Value *ret)
{
    _cleanup_buffer_ Buffer buffer = {};
    const char *at = text->text, *end = at + text->length;
    while (at <= end) {
        const char *found = part->length ? memmem(at, (size_t)(end - at), part->text, part->length) : at;
        if (!found)
            break;
        buffer_append_n(&buffer, at, (size_t)(found - at));
        buffer_append_n(&buffer, by->text, by->length);
        if (buffer.length > eval->limits->output_bytes_max)
            break;
        at = found + part->length;
        if (!part->length) { /* an empty text stands between all characters */
            const char *next = at;
            if (next < end)
                (void)utf8_next(&next, end); /* for its length */
            buffer_append_n(&buffer, at, (size_t)(next - at));
            at = next < end || at < end ? next : end + 1;
        }
    }
    if (at < end)
        buffer_append_n(&buffer, at, (size_t)(end - at));
    return eval_buffer_value(eval, &buffer, ret);
}

int unicode_title_first(Eval *eval, const Value *text, Value *ret)
{
    const char *at = text->text, *end = at + text->length;
    if (at == end) {
        *ret = *text;
        return 0;
    }
    uint32_t first = (uint32_t)u_totitle((UChar32)utf8_next(&at, end));
    char *to = eval_text(eval, text->length + 4);
    if (!to)
        return EVAL_E_ERROR;
    size_t length = utf8_put(first, to);
    memcpy(to + length, at, (size_t)(end - at));
    *ret = value_text(to, length + (size_t)(end - at));
    return 0;
}

/* ---- slugs: NFD, ASCII letters and digits in lower case, one dash for blanks, dashes and underscores ---- */
static UChar *decomposed(Eval *eval, const Value *text, int32_t *ret_length)
{
    UErrorCode status = U_ZERO_ERROR;
    int32_t room = (int32_t)text->length * 4 + 16, length = 0;
    UChar *wide = arena_new_n(eval->arena, UChar, (size_t)room),
          *result = arena_new_n(eval->arena, UChar, (size_t)room * 4);
    u_strFromUTF8WithSub(wide, room, &length, text->text, (int32_t)text->length, 0xFFFD, NULL, &status);
    const UNormalizer2 *normalizer = unorm2_getNFDInstance(&status);
    *ret_length = U_SUCCESS(status) ? unorm2_normalize(normalizer, wide, length, result, room * 4, &status) : 0;
    return U_SUCCESS(status) ? result : NULL;
}

static bool is_java_blank(UChar c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

int unicode_slug(Eval *eval, const Value *text, Value *ret)
{
    if (text->length > eval->limits->output_bytes_max / 32)
        return eval_fail_plain(eval, "The text is too long for slugify");
    int32_t length;
    const UChar *wide = decomposed(eval, text, &length);
    char *to = eval_text(eval, (size_t)length);
    if (!wide || !to)
        return EVAL_E_ERROR;
    size_t count = 0;
    for (int32_t i = 0; i < length; i++) {
        UChar c = wide[i];
        if (is_java_blank(c) || c == '-' || c == '_') {
            if (count && to[count - 1] != '-')
                to[count++] = '-';
        } else if (c < 0x80 && isalnum((int)c)) {
            to[count++] = (char)tolower((int)c);
        }
    }
    while (count && to[count - 1] == '-')
        count--;
    *ret = value_text(to, count);
    return 0;
}
