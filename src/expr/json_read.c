/* SPDX-License-Identifier: Apache-2.0 */
#include "expr/json_read.h"

#include "expr/utf16.h"

#define DEPTH_MAX 1000 /* Jackson's StreamReadConstraints */

typedef struct Reader {
    Arena *arena;
    const char *at, *end;
    unsigned depth;
    JsonError *error;
} Reader;

static bool fail(Reader *reader, const char *format, int c)
{
    reader->error->message = arena_printf(reader->arena, format, c, c);
    return false;
}

static bool unexpected(Reader *reader)
{
    if (reader->at >= reader->end)
        return fail(reader, "Unexpected end-of-input", 0);
    return fail(reader,
                "Unexpected character ('%c' (code %d)): expected a valid value (JSON String, Number, Array, Object or "
                "token 'null', 'true' or 'false')",
                (unsigned char)*reader->at);
}

static void skip_blanks(Reader *reader)
{
    while (reader->at < reader->end && strchr(" \t\r\n", *reader->at) && *reader->at)
        reader->at++;
}

/* What stands where a comma or a colon should. */
static bool misplaced(Reader *reader, const char *expected)
{
    if (reader->at >= reader->end)
        return unexpected(reader);
    const char *comment =
        "maybe a (non-standard) comment? (not recognized as one since Feature 'ALLOW_COMMENTS' not enabled for "
        "parser)";
    unsigned char c = (unsigned char)*reader->at;
    reader->error->message =
        arena_printf(reader->arena, "Unexpected character ('%c' (code %d)): %s", c, c, c == '/' ? comment : expected);
    return false;
}

static bool read_value(Reader *reader, Value *ret);

static bool hex4(Reader *reader, uint32_t *ret)
{
    if (reader->end - reader->at < 4)
        return false;
    *ret = 0;
    for (int i = 0; i < 4; i++) {
        char c = *reader->at++;
        unsigned digit = c >= '0' && c <= '9'                 ? (unsigned)(c - '0')
                         : (c | 32) >= 'a' && (c | 32) <= 'f' ? (unsigned)((c | 32) - 'a' + 10)
                                                              : 16;
        if (digit == 16)
            return false;
        *ret = *ret * 16 + digit;
    }
    return true;
}

static bool read_escape(Reader *reader, char **to)
{
    static const char from[] = "\"\\/bfnrt", into[] = "\"\\/\b\f\n\r\t";
    char c = reader->at < reader->end ? *reader->at++ : 0;
    const char *place = c ? strchr(from, c) : NULL;
    if (place) {
        *(*to)++ = into[place - from];
        return true;
    }
    uint32_t unit, low;
    if (c != 'u' || !hex4(reader, &unit))
        return fail(reader, "Unrecognized character escape '%c' (code %d)", c);
    if (unit >= 0xD800 && unit < 0xDC00 && reader->end - reader->at >= 6 && reader->at[0] == '\\' &&
        reader->at[1] == 'u') {
        const char *back = reader->at;
        reader->at += 2;
        if (hex4(reader, &low) && low >= 0xDC00 && low < 0xE000)
            unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
        else
            reader->at = back;
    }
    *to += utf8_put(unit >= 0xD800 && unit < 0xE000 ? 0xFFFD : unit, *to);
    return true;
}

static bool read_text(Reader *reader, Value *ret)
{
    const char *close = ++reader->at;
    bool escaped = false;
    for (; close < reader->end && *close != '"'; close++) {
        if ((unsigned char)*close < 0x20)
            return fail(
                reader,
                "Illegal unquoted character ((CTRL-CHAR, code %d)): has to be escaped using backslash to be included "
                "in string value",
                (unsigned char)*close);
        if (*close == '\\') {
            escaped = true;
            close++;
        }
    }
    if (close >= reader->end)
        return fail(reader, "Unexpected end-of-input: was expecting closing quote for a string value", 0);
    if (!escaped) {
        *ret = value_text(reader->at, (size_t)(close - reader->at));
        reader->at = close + 1;
        return true;
    }
    char *text = arena_alloc(reader->arena, (size_t)(close - reader->at) * 3 + 1), *to = text;
    while (reader->at < close) {
        if (*reader->at != '\\') {
            *to++ = *reader->at++;
            continue;
        }
        reader->at++;
        if (!read_escape(reader, &to))
            return false;
    }
    reader->at = close + 1;
    *ret = value_text(text, (size_t)(to - text));
    return true;
}

static size_t digits(Reader *reader)
{
    const char *start = reader->at;
    while (reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9')
        reader->at++;
    return (size_t)(reader->at - start);
}

static Value integer_value(Arena *arena, const char *text, size_t length)
{
    int64_t integer = 0;
    bool negative = *text == '-';
    for (size_t i = negative; i < length; i++)
        if (__builtin_mul_overflow(integer, 10, &integer) ||
            (negative ? __builtin_sub_overflow(integer, text[i] - '0', &integer)
                      : __builtin_add_overflow(integer, text[i] - '0', &integer)))
            return (Value){.kind = VALUE_BIG, .length = (uint32_t)length, .text = arena_strndup(arena, text, length)};
    return integer == (int32_t)integer ? value_integer(integer) : value_long(integer);
}

static bool read_number(Reader *reader, Value *ret)
{
    const char *start = reader->at;
    reader->at += *reader->at == '-';
    const char *first = reader->at;
    size_t whole = digits(reader);
    if (!whole)
        return unexpected(reader);
    if (whole > 1 && *first == '0')
        return fail(reader, "Invalid numeric value: Leading zeroes not allowed", 0);
    bool real = false;
    if (reader->at < reader->end && *reader->at == '.') {
        reader->at++;
        real = true;
        if (!digits(reader))
            return fail(reader, "Decimal point not followed by a digit", 0);
    }
    if (reader->at < reader->end && (*reader->at | 32) == 'e') {
        reader->at++;
        real = true;
        if (reader->at < reader->end && (*reader->at == '+' || *reader->at == '-'))
            reader->at++;
        if (!digits(reader))
            return fail(reader, "Exponent indicator not followed by a digit", 0);
    }
    if (reader->at < reader->end && ((*reader->at | 32) >= 'a' && (*reader->at | 32) <= 'z'))
        return unexpected(reader);
    size_t length = (size_t)(reader->at - start);
    if (length > 1000)
        return fail(reader, "Number value length exceeds the maximum allowed (1000)", 0);
    *ret = real ? value_double(strtod(arena_strndup(reader->arena, start, length), NULL))
                : integer_value(reader->arena, start, length);
    return true;
}

static bool read_list(Reader *reader, Value *ret)
{
    List *list = list_new(reader->arena, 0);
    *ret = value_list(list);
    reader->at++;
    skip_blanks(reader);
    if (reader->at < reader->end && *reader->at == ']') {
        reader->at++;
        return true;
    }
    for (;;) {
        Value item;
        if (!read_value(reader, &item))
            return false;
        list_push(reader->arena, list, item);
        skip_blanks(reader);
        if (reader->at < reader->end && *reader->at == ',') {
            reader->at++;
            continue;
        }
        if (reader->at < reader->end && *reader->at == ']') {
            reader->at++;
            return true;
        }
        return misplaced(reader, "was expecting comma to separate Array entries");
    }
}

static bool read_member(Reader *reader, ValueMap *map)
{
    Value key, value;
    skip_blanks(reader);
    if (reader->at >= reader->end)
        return unexpected(reader);
    if (*reader->at != '"')
        return fail(reader, "Unexpected character ('%c' (code %d)): was expecting double-quote to start field name",
                    (unsigned char)*reader->at);
    if (!read_text(reader, &key))
        return false;
    skip_blanks(reader);
    if (reader->at >= reader->end || *reader->at != ':')
        return misplaced(reader, "was expecting a colon to separate field name and value");
    reader->at++;
    if (!read_value(reader, &value))
        return false;
    map2_put(reader->arena, map, key, value);
    return true;
}

static bool read_map(Reader *reader, Value *ret)
{
    ValueMap *map = map2_new(reader->arena);
    *ret = value_map(map);
    reader->at++;
    skip_blanks(reader);
    if (reader->at < reader->end && *reader->at == '}') {
        reader->at++;
        return true;
    }
    for (;;) {
        if (!read_member(reader, map))
            return false;
        skip_blanks(reader);
        if (reader->at < reader->end && *reader->at == ',') {
            reader->at++;
            continue;
        }
        if (reader->at < reader->end && *reader->at == '}') {
            reader->at++;
            return true;
        }
        return misplaced(reader, "was expecting comma to separate Object entries");
    }
}

static bool read_word(Reader *reader, Value *ret)
{
    static const struct {
        const char *word;
        Value value;
    } words[] = {{"null", {}}, {"true", {.kind = VALUE_BOOLEAN, .boolean = true}}, {"false", {.kind = VALUE_BOOLEAN}}};
    const char *start = reader->at;
    while (reader->at < reader->end && ((*reader->at | 32) >= 'a' && (*reader->at | 32) <= 'z'))
        reader->at++;
    size_t length = (size_t)(reader->at - start);
    for (size_t i = 0; i < ELEMENTS(words); i++)
        if (strlen(words[i].word) == length && memcmp(words[i].word, start, length) == 0) {
            *ret = words[i].value;
            return true;
        }
    if (length == 0)
        return unexpected(reader);
    reader->error->message = arena_printf(reader->arena,
                                          "Unrecognized token '%.*s': was expecting (JSON String, Number, Array, "
                                          "Object or token 'null', 'true' or 'false')",
                                          (int)MIN(length, (size_t)256), start);
    return false;
}

static bool read_value(Reader *reader, Value *ret)
{
    skip_blanks(reader);
    if (reader->at >= reader->end)
        return unexpected(reader);
    if (++reader->depth > DEPTH_MAX)
        return fail(reader, "Document nesting depth (1001) exceeds the maximum allowed (1000)", 0);
    char c = *reader->at;
    bool good = c == '{'                             ? read_map(reader, ret)
                : c == '['                           ? read_list(reader, ret)
                : c == '"'                           ? read_text(reader, ret)
                : c == '-' || (c >= '0' && c <= '9') ? read_number(reader, ret)
                                                     : read_word(reader, ret);
    reader->depth--;
    return good;
}

bool json_read(Arena *arena, const char *text, size_t length, Value *ret, JsonError *error)
{
    Reader reader = {.arena = arena, .at = text, .end = text + length, .error = error};
    *ret = VALUE_NULL_INIT;
    skip_blanks(&reader);
    if (reader.at == reader.end)
        return true;
    bool is_number = *reader.at == '-' || (*reader.at >= '0' && *reader.at <= '9');
    if (!read_value(&reader, ret))
        return false;
    /* Whatever else follows the first value is ignored, but a number must end at a blank: "2024-01-15" is none. */
    bool ends = reader.at == reader.end || *reader.at == '\0' || strchr(" \t\r\n", *reader.at);
    return !is_number || ends ||
           fail(&reader, "Unexpected character ('%c' (code %d)): Expected space separating root-level values",
                (unsigned char)*reader.at);
}
