/* SPDX-License-Identifier: Apache-2.0 */
/* Values are replaced longest first, so that a secret which contains another is hidden as a whole. */
#include "plugin/mask.h"

#include "base/buffer.h"

enum { VALUE_BYTES_MIN = 2, LINE_BYTES_MIN = 4, BASE64_BYTES_MIN = 6, PIECE_BYTES_MIN = 8 };

/* --- the values of a secret --- */

static void add_one(Mask *mask, const char *value, size_t length)
{
    for (size_t i = 0; i < mask->values.count; i++)
        if (strlen(mask->values.items[i]) == length && strncmp(mask->values.items[i], value, length) == 0)
            return;
    vec_push(&mask->values, NULL);
    size_t at = mask->values.count - 1;
    for (; at > 0 && strlen(mask->values.items[at - 1]) < length; at--)
        mask->values.items[at] = mask->values.items[at - 1];
    mask->values.items[at] = xstrndup(value, length);
}

void mask_copy(Mask *mask, const char *value)
{
    add_one(mask, value, strlen(value));
}

static void add_lines(Mask *mask, const char *value)
{
    for (const char *line = value; *line;) {
        size_t n = strcspn(line, "\r\n"), indent = MIN(strspn(line, " \t"), n);
        if (n - indent >= LINE_BYTES_MIN)
            add_one(mask, line + indent, n - indent);
        line += n;
        line += strspn(line, "\r\n");
    }
}

static void add_json(Mask *mask, const char *value)
{
    _cleanup_buffer_ Buffer text = {};
    buffer_append_json(&text, value);
    add_one(mask, text.text + 1, text.length - 2);
}

static bool is_unreserved(unsigned char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || (c && strchr("-._~", c));
}

static void add_url(Mask *mask, const char *value, bool is_lower, const char *space)
{
    _cleanup_buffer_ Buffer text = {};
    for (const unsigned char *c = (const unsigned char *)value; *c; c++)
        if (*c == ' ')
            buffer_append(&text, space);
        else if (is_unreserved(*c))
            buffer_append_char(&text, (char)*c);
        else
            buffer_printf(&text, is_lower ? "%%%02x" : "%%%02X", *c);
    add_one(mask, text.text, text.length);
}

static unsigned bit_of(const char *value, size_t length, size_t skipped, size_t bit)
{
    size_t byte = bit / 8;
    bool is_outside = byte < skipped || byte - skipped >= length;
    return is_outside ? 0 : (unsigned)((unsigned char)value[byte - skipped] >> (7 - bit % 8) & 1);
}

/* As if `skipped` bytes stood before it. Without padding, which would tie it to the end of what was encoded. */
static void encode_base64(Buffer *text, size_t skipped, const char *value, const char *last_two)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    size_t length = strlen(value);
    for (size_t bit = 0; bit < 8 * (skipped + length); bit += 6) {
        unsigned digit = 0;
        for (size_t i = bit; i < bit + 6; i++)
            digit = digit << 1 | bit_of(value, length, skipped, i);
        buffer_append_char(text, digit < 62 ? digits[digit] : last_two[digit - 62]);
    }
}

/* As it was encoded alone, and as it stands in something longer: its place there decides about the digits, and the
 * digits at its ends are those of its neighbours too. "Basic dXNlcjpwYXNz" is the usual case. */
static void add_base64(Mask *mask, const char *value, const char *last_two)
{
    size_t length = strlen(value);
    for (size_t skipped = 0; skipped < 3; skipped++) {
        _cleanup_buffer_ Buffer text = {};
        encode_base64(&text, skipped, value, last_two);
        size_t begin = skipped ? skipped + 1 : 0, end = text.length - ((skipped + length) % 3 != 0);
        if (skipped == 0)
            add_one(mask, text.text, text.length);
        if (end >= begin + PIECE_BYTES_MIN)
            add_one(mask, text.text + begin, end - begin);
    }
}

void mask_add(Mask *mask, const char *value)
{
    size_t length = strlen(value);
    if (length < VALUE_BYTES_MIN)
        return;
    add_one(mask, value, length);
    add_lines(mask, value);
    add_json(mask, value);
    add_url(mask, value, false, "%20");
    add_url(mask, value, false, "+");
    add_url(mask, value, true, "%20");
    if (length < BASE64_BYTES_MIN)
        return;
    add_base64(mask, value, "+/");
    add_base64(mask, value, "-_");
}

void mask_done(Mask *mask)
{
    for (size_t i = 0; i < mask->values.count; i++) {
        explicit_bzero(mask->values.items[i], strlen(mask->values.items[i]));
        free(mask->values.items[i]);
    }
    vec_free(&mask->values);
}

/* --- in a text --- */

static void append_stars(Buffer *result, const char *value, size_t length)
{
    static const char word[] = "**masked*";
    size_t characters = 0;
    for (size_t i = 0; i < length; i++)
        characters += ((unsigned char)value[i] & 0xC0) != 0x80;
    size_t written = 0;
    if (characters >= sizeof word - 1) {
        buffer_append(result, word);
        written = sizeof word - 1;
    }
    for (; written < characters; written++)
        buffer_append_char(result, '*');
}

static char *replace_value(const char *text, const char *value)
{
    const char *found = strstr(text, value);
    if (!found)
        return NULL;
    Buffer result = {};
    size_t length = strlen(value);
    for (; found; text = found + length, found = strstr(text, value)) {
        buffer_append_n(&result, text, (size_t)(found - text));
        append_stars(&result, value, length);
    }
    buffer_append(&result, text);
    return buffer_take(&result);
}

/* The longest end of text that begins value and is not all of it. */
static size_t tail_of(const char *text, size_t length, const char *value, size_t value_length, size_t least)
{
    const char *end = text + length;
    for (const char *at = end - MIN(length, value_length - 1); at < end; at++) {
        at = memchr(at, *value, (size_t)(end - at));
        if (!at || (size_t)(end - at) < least)
            return 0;
        if (memcmp(at, value, (size_t)(end - at)) == 0)
            return (size_t)(end - at);
    }
    return 0;
}

/* The longest beginning of text that ends value and is not all of it. */
static size_t head_of(const char *text, size_t length, const char *value, size_t value_length)
{
    const char *end = value + value_length;
    size_t most = MIN(length, value_length - 1);
    if (most < PIECE_BYTES_MIN)
        return 0;
    for (const char *at = end - most; at + PIECE_BYTES_MIN <= end; at++) {
        at = memchr(at, *text, (size_t)(end - at));
        if (!at || at + PIECE_BYTES_MIN > end)
            return 0;
        if (memcmp(at, text, (size_t)(end - at)) == 0)
            return (size_t)(end - at);
    }
    return 0;
}

static char *replace_pieces(const char *text, const char *value)
{
    size_t length = strlen(text), value_length = strlen(value);
    if (length < PIECE_BYTES_MIN || value_length <= PIECE_BYTES_MIN)
        return NULL;
    size_t head = head_of(text, length, value, value_length);
    if (head == 0 && length < value_length && strstr(value, text))
        head = length;
    size_t tail = tail_of(text + head, length - head, value, value_length, PIECE_BYTES_MIN);
    if (head + tail == 0)
        return NULL;
    Buffer result = {};
    append_stars(&result, text, head);
    buffer_append_n(&result, text + head, length - head - tail);
    append_stars(&result, text + length - tail, tail);
    return buffer_take(&result);
}

char *mask_apply(const Mask *mask, const char *text)
{
    static char *(*const replacers[])(const char *text, const char *value) = {replace_value, replace_pieces};
    char *result = NULL;
    for (size_t k = 0; k < ELEMENTS(replacers); k++)
        for (size_t i = 0; i < mask->values.count; i++) {
            char *next = replacers[k](result ? result : text, mask->values.items[i]);
            if (next) {
                free(result);
                result = next;
            }
        }
    return result;
}

static json_t *masked(const Mask *mask, const json_t *value, bool *ret_any)
{
    size_t i;
    json_t *member;
    const char *name;
    if (json_is_string(value)) {
        _cleanup_free_ char *text = mask_apply(mask, json_string_value(value));
        *ret_any = *ret_any || text;
        return json_string(text ? text : json_string_value(value));
    }
    if (json_is_array(value)) {
        json_t *array = json_array();
        json_array_foreach (value, i, member)
            json_array_append_new(array, masked(mask, member, ret_any));
        return array;
    }
    if (!json_is_object(value))
        return json_incref((json_t *)(uintptr_t)value);
    json_t *object = json_object();
    json_object_foreach ((json_t *)(uintptr_t)value, name, member) {
        _cleanup_free_ char *text = mask_apply(mask, name);
        *ret_any = *ret_any || text;
        json_object_set_new(object, text ? text : name, masked(mask, member, ret_any));
    }
    return object;
}

json_t *mask_apply_json(const Mask *mask, const json_t *value)
{
    bool any = false;
    if (!value || mask->values.count == 0)
        return NULL;
    json_t *copy = masked(mask, value, &any);
    if (any)
        return copy;
    json_decref(copy);
    return NULL;
}

size_t mask_tail(const Mask *mask, const char *text, size_t length)
{
    size_t tail = 0;
    for (size_t i = 0; i < mask->values.count && length > 0; i++) {
        const char *value = mask->values.items[i];
        tail = MAX(tail, tail_of(text, length, value, strlen(value), 1));
    }
    return tail;
}
