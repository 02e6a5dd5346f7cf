/* SPDX-License-Identifier: Apache-2.0 */
#include "expr/ion.h"

#include <ctype.h>
#include <math.h>

#include "expr/date.h"
#include "expr/decimal.h"
#include "expr/utf16.h"

#define DEPTH_MAX 200

/* ---- writing ---- */
static void write_quoted(Buffer *buffer, char quote, const char *text, size_t length)
{
    static const char codes[] = "\0\a\b\t\n\f\r\v", letters[] = "0abtnfrv";
    buffer_append_char(buffer, quote);
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        const char *code = memchr(codes, c, sizeof(letters) - 1);
        if (c == (unsigned char)quote || c == '\\')
            buffer_append_n(buffer, (char[]){'\\', (char)c}, 2);
        else if (code)
            buffer_append_n(buffer, (char[]){'\\', letters[code - codes]}, 2);
        else if (c < 0x20 || c == 0x7F)
            buffer_printf(buffer, "\\x%02x", c);
        else
            buffer_append_char(buffer, (char)c);
    }
    buffer_append_char(buffer, quote);
}

static bool is_name_start(char c)
{
    return isalpha((unsigned char)c) || c == '_' || c == '$';
}

static bool is_identifier(const char *text, size_t length)
{
    static const char *const keywords[] = {"null", "true", "false", "nan"};
    for (size_t i = 0; i < ELEMENTS(keywords); i++)
        if (strlen(keywords[i]) == length && memcmp(keywords[i], text, length) == 0)
            return false;
    for (size_t i = 0; i < length; i++)
        if (!is_name_start(text[i]) && (i == 0 || !isdigit((unsigned char)text[i])))
            return false;
    return length > 0;
}

static void write_name(Buffer *buffer, const Value *key)
{
    _cleanup_buffer_ Buffer name = {};
    java_append(&name, key);
    if (is_identifier(buffer_text(&name), name.length))
        buffer_append_n(buffer, name.text, name.length);
    else
        write_quoted(buffer, '\'', buffer_text(&name), name.length);
}

static void write_real(Buffer *buffer, double real)
{
    char text[JAVA_DOUBLE_BYTES];
    if (real == 0) {
        buffer_append(buffer, signbit(real) ? "-0e0" : "0e0");
        return;
    }
    if (!isfinite(real)) {
        buffer_append(buffer, isnan(real) ? "nan" : real > 0 ? "+inf" : "-inf");
        return;
    }
    size_t length = java_double_format(real, text);
    bool exponent = strchr(text, 'E') != NULL;
    if (!exponent && ends_with(text, ".0"))
        length -= 2;
    buffer_append_n(buffer, text, length);
    if (!exponent)
        buffer_append(buffer, "e0");
}

static void write_date(Buffer *buffer, const Date *date)
{
    if (date->kind == DATE_LOCAL_DATE) {
        date_append(buffer, date);
        return;
    }
    DateFields f = date_fields(
        &(Date){.seconds = date->seconds, .nanos = date->nanos, .zone = date->zone ? date->zone : zone_utc()});
    buffer_printf(buffer, "%04" PRId64 "-%02u-%02uT%02u:%02u:%02u.%03u", f.year, f.month, f.day, f.hour, f.minute,
                  f.second, f.nanos / 1000000);
    unsigned magnitude = (unsigned)abs(f.offset);
    if (f.offset)
        buffer_printf(buffer, "%c%02u:%02u", f.offset < 0 ? '-' : '+', magnitude / 3600, magnitude / 60 % 60);
    else
        buffer_append_char(buffer, 'Z');
}

static void write_struct(Buffer *buffer, const Value *value)
{
    MapWalk walk = {.map = *value};
    const char *separator = "";
    buffer_append_char(buffer, '{');
    for (Value key, item; map_walk(&walk, &key, &item) && !text_is_full(buffer); separator = ",") {
        buffer_append(buffer, separator);
        write_name(buffer, &key);
        buffer_append_char(buffer, ':');
        ion_write(buffer, &item);
    }
    buffer_append_char(buffer, '}');
}

void ion_write(Buffer *buffer, const Value *value)
{
    switch ((ValueKind)value->kind) {
    case VALUE_LIST:
        buffer_append_char(buffer, '[');
        for (size_t i = 0; i < value_count(value) && !text_is_full(buffer); i++) {
            Value item = value_item(value, i);
            if (i)
                buffer_append_char(buffer, ',');
            ion_write(buffer, &item);
        }
        buffer_append_char(buffer, ']');
        break;
    case VALUE_MAP:
        write_struct(buffer, value);
        break;
    case VALUE_FLOAT:
    case VALUE_DOUBLE:
        write_real(buffer, value->real);
        break;
    case VALUE_TEXT:
        write_quoted(buffer, '"', value->text, value->length);
        break;
    case VALUE_DATE:
        write_date(buffer, value->date);
        break;
    case VALUE_NULL:
    case VALUE_BOOLEAN:
    case VALUE_INTEGER:
    case VALUE_LONG:
    case VALUE_BIG:
    case VALUE_DECIMAL:
        java_append(buffer, value);
        break;
    case VALUE_ENTRY:
    case VALUE_LOOP:
    case VALUE_BYTES:
    case VALUE_LOCALE: {
        _cleanup_buffer_ Buffer text = {};
        java_append(&text, value);
        write_quoted(buffer, '"', buffer_text(&text), text.length);
        break;
    }
    }
}

/* ---- reading ---- */
typedef struct Reader {
    Arena *arena;
    const char *at, *end;
    unsigned depth;
} Reader;

static bool read_value(Reader *reader, Value *ret);

static bool skip(Reader *reader)
{
    while (reader->at < reader->end) {
        if (strchr(" \t\r\n\v\f", *reader->at)) {
            reader->at++;
        } else if (reader->end - reader->at >= 2 && memcmp(reader->at, "//", 2) == 0) {
            while (reader->at < reader->end && *reader->at != '\n')
                reader->at++;
        } else if (reader->end - reader->at >= 2 && memcmp(reader->at, "/*", 2) == 0) {
            const char *close = memmem(reader->at, (size_t)(reader->end - reader->at), "*/", 2);
            reader->at = close ? close + 2 : reader->end;
        } else {
            return true;
        }
    }
    return false;
}

static bool read_hex(Reader *reader, unsigned digits, uint32_t *ret)
{
    *ret = 0;
    for (unsigned i = 0; i < digits; i++, reader->at++) {
        if (reader->at >= reader->end || !isxdigit((unsigned char)*reader->at))
            return false;
        char c = *reader->at;
        *ret = *ret * 16 + (uint32_t)(isdigit((unsigned char)c) ? c - '0' : (c | 32) - 'a' + 10);
    }
    return true;
}

static bool read_escape(Reader *reader, char **to)
{
    static const char letters[] = "0abtnfrv\"'?\\/", codes[] = "\0\a\b\t\n\f\r\v\"'?\\/";
    char c = reader->at < reader->end ? *reader->at++ : 0;
    uint32_t code;
    if (c == '\n')
        return true;
    if (c == 'x' || c == 'u' || c == 'U') {
        if (!read_hex(reader, c == 'x' ? 2 : c == 'u' ? 4 : 8, &code) || code > 0x10FFFF)
            return false;
        *to += utf8_put(code, *to);
        return true;
    }
    const char *place = c ? strchr(letters, c) : NULL;
    if (place)
        *(*to)++ = codes[place - letters];
    return place != NULL;
}

/* "text", 'symbol' or '''long text'''. */
static bool read_quoted(Reader *reader, const char *quote, Value *ret)
{
    size_t length = strlen(quote);
    reader->at += length;
    char *text = arena_alloc(reader->arena, (size_t)(reader->end - reader->at) * 2 + 8), *to = text;
    while (reader->at < reader->end) {
        if ((size_t)(reader->end - reader->at) >= length && memcmp(reader->at, quote, length) == 0) {
            reader->at += length;
            *ret = value_text(text, (size_t)(to - text));
            return true;
        }
        if (*reader->at == '\\') {
            reader->at++;
            if (!read_escape(reader, &to))
                return false;
        } else {
            *to++ = *reader->at++;
        }
    }
    return false;
}

static bool read_text(Reader *reader, Value *ret)
{
    bool is_long = reader->end - reader->at >= 3 && memcmp(reader->at, "'''", 3) == 0;
    return read_quoted(reader, is_long ? "'''" : *reader->at == '"' ? "\"" : "'", ret);
}

/* Items up to `close`; commas between them are optional in (…). */
static bool read_items(Reader *reader, char close, Value *ret)
{
    List *list = list_new(reader->arena, 0);
    *ret = value_list(list);
    reader->at++;
    for (;;) {
        Value item;
        if (!skip(reader))
            return false;
        if (*reader->at == close) {
            reader->at++;
            return true;
        }
        if (!read_value(reader, &item))
            return false;
        list_push(reader->arena, list, item);
        if (!skip(reader))
            return false;
        if (*reader->at == ',' && close == ']')
            reader->at++;
        else if (*reader->at != close && close == ']')
            return false;
    }
}

static size_t name_length(const Reader *reader)
{
    const char *at = reader->at;
    while (at < reader->end && (is_name_start(*at) || (at > reader->at && isdigit((unsigned char)*at))))
        at++;
    return (size_t)(at - reader->at);
}

static bool read_field_name(Reader *reader, Value *ret)
{
    if (*reader->at == '"' || *reader->at == '\'')
        return read_text(reader, ret);
    size_t length = name_length(reader);
    *ret = value_text(reader->at, length);
    reader->at += length;
    return length > 0;
}

static bool read_struct(Reader *reader, Value *ret)
{
    ValueMap *map = map2_new(reader->arena);
    *ret = value_map(map);
    reader->at++;
    for (;;) {
        Value key, value;
        if (!skip(reader))
            return false;
        if (*reader->at == '}') {
            reader->at++;
            return true;
        }
        if (!read_field_name(reader, &key) || !skip(reader) || *reader->at != ':')
            return false;
        reader->at++;
        if (!skip(reader) || !read_value(reader, &value) || !skip(reader))
            return false;
        map2_put(reader->arena, map, key, value);
        if (*reader->at == ',')
            reader->at++;
        else if (*reader->at != '}')
            return false;
    }
}

/* {{ base64 }} or {{ "clob" }}: kept as text. */
static bool read_lob(Reader *reader, Value *ret)
{
    reader->at += 2;
    if (!skip(reader))
        return false;
    if (*reader->at == '"' || *reader->at == '\'') {
        if (!read_text(reader, ret))
            return false;
    } else {
        const char *start = reader->at;
        while (reader->at < reader->end && *reader->at != '}')
            reader->at++;
        *ret = java_text(reader->arena,
                         &(Value){.kind = VALUE_TEXT, .length = (uint32_t)(reader->at - start), .text = start});
    }
    if (!skip(reader) || reader->end - reader->at < 2 || memcmp(reader->at, "}}", 2) != 0)
        return false;
    reader->at += 2;
    return true;
}

static bool read_timestamp(Reader *reader, const char *text, size_t length, Value *ret)
{
    Date *date = arena_new_n(reader->arena, Date, 1);
    char *full = arena_strndup(reader->arena, text, length);
    bool is_date = length <= 11 && (full[length - 1] == 'T' || length == 10);
    if (full[length - 1] == 'T')
        full[--length] = 0;
    if (length == 4 || length == 7)
        full = arena_printf(reader->arena, length == 4 ? "%s-01-01" : "%s-01", full);
    Value value = value_text(full, strlen(full));
    if (!date_parse_iso(&value, zone_utc(), date))
        return false;
    date->kind = is_date ? DATE_LOCAL_DATE : DATE_INSTANT;
    *ret = (Value){.kind = VALUE_DATE, .date = date};
    return true;
}

static bool based_integer(Reader *reader, const char *digits, bool negative, unsigned base, Value *ret)
{
    uint64_t magnitude = 0;
    for (; *digits; digits++) {
        unsigned digit =
            isdigit((unsigned char)*digits) ? (unsigned)(*digits - '0') : (unsigned)((*digits | 32) - 'a' + 10);
        if (digit >= base || __builtin_mul_overflow(magnitude, (uint64_t)base, &magnitude) ||
            __builtin_add_overflow(magnitude, (uint64_t)digit, &magnitude) || magnitude > (uint64_t)INT64_MAX)
            return false;
    }
    int64_t integer = negative ? -(int64_t)magnitude : (int64_t)magnitude;
    *ret = integer == (int32_t)integer ? value_integer(integer) : value_long(integer);
    return true;
}

static bool read_number(Reader *reader, Value *ret)
{
    const char *start = reader->at;
    while (reader->at < reader->end && (isalnum((unsigned char)*reader->at) || strchr("+-._:", *reader->at)))
        reader->at++;
    size_t length = (size_t)(reader->at - start);
    char *text = arena_strndup(reader->arena, start, length), *to = text;
    if (length >= 5 && (text[4] == '-' || text[4] == 'T') && isdigit((unsigned char)text[0]))
        return read_timestamp(reader, text, length, ret);
    for (const char *from = text; *from; from++)
        if (*from != '_')
            *to++ = *from;
    *to = 0;
    bool negative = *text == '-';
    char *body = text + negative;
    if (body[0] == '0' && (body[1] | 32) == 'x')
        return based_integer(reader, body + 2, negative, 16, ret);
    if (body[0] == '0' && (body[1] | 32) == 'b')
        return based_integer(reader, body + 2, negative, 2, ret);
    if (strpbrk(body, "eE")) {
        char *end;
        *ret = value_double(strtod(text, &end));
        return !*end;
    }
    if (strpbrk(body, ".dD")) {
        for (char *c = body; *c; c++)
            if (*c == 'd' || *c == 'D')
                *c = 'E';
        return decimal_parse(reader->arena, text, strlen(text), ret);
    }
    if (!*body || body[strspn(body, "0123456789")])
        return false;
    if (based_integer(reader, body, negative, 10, ret))
        return true;
    *ret = (Value){.kind = VALUE_BIG, .length = (uint32_t)strlen(text), .text = text};
    return true;
}

static bool read_word(Reader *reader, Value *ret)
{
    size_t length = name_length(reader);
    *ret = value_text(reader->at, length);
    reader->at += length;
    if (text_is(ret, "true") || text_is(ret, "false")) {
        *ret = value_boolean(length == 4);
    } else if (text_is(ret, "nan")) {
        *ret = value_double(NAN);
    } else if (text_is(ret, "null")) {
        if (reader->at < reader->end && *reader->at == '.') {
            reader->at++;
            reader->at += name_length(reader);
        }
        *ret = VALUE_NULL_INIT;
    }
    return length > 0;
}

static bool read_plain(Reader *reader, Value *ret)
{
    char c = *reader->at;
    size_t left = (size_t)(reader->end - reader->at);
    if (c == '{')
        return left > 1 && reader->at[1] == '{' ? read_lob(reader, ret) : read_struct(reader, ret);
    if (c == '[' || c == '(')
        return read_items(reader, c == '[' ? ']' : ')', ret);
    if (c == '"' || c == '\'')
        return read_text(reader, ret);
    if (left >= 4 && (memcmp(reader->at, "+inf", 4) == 0 || memcmp(reader->at, "-inf", 4) == 0)) {
        *ret = value_double(c == '+' ? INFINITY : -INFINITY);
        reader->at += 4;
        return true;
    }
    return isdigit((unsigned char)c) || c == '-' ? read_number(reader, ret) : read_word(reader, ret);
}

/* An annotated value is shown as its text: Jackson keeps Ion's own object. */
static bool read_value(Reader *reader, Value *ret)
{
    const char *start = reader->at;
    if (++reader->depth > DEPTH_MAX || !read_plain(reader, ret))
        return false;
    if (reader->end - reader->at >= 2 && memcmp(reader->at, "::", 2) == 0) {
        Value inner;
        reader->at += 2;
        if (!skip(reader) || !read_value(reader, &inner))
            return false;
        *ret = value_text(start, (size_t)(reader->at - start));
    }
    reader->depth--;
    return true;
}

bool ion_read(Arena *arena, const char *text, size_t length, bool *ret_empty, Value *ret)
{
    Reader reader = {.arena = arena, .at = text, .end = text + length};
    *ret_empty = !skip(&reader);
    return *ret_empty || read_value(&reader, ret);
}
