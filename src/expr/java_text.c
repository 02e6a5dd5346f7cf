/* SPDX-License-Identifier: Apache-2.0 */
#include "expr/java_text.h"

#include <math.h>

#include "expr/expr.h"
#include "expr/utf16.h"

/* digits[0..count) with the decimal point after digits[0] and exponent, in Java's layout. */
static size_t layout(bool negative, const char *digits, size_t count, int exponent, char *ret)
{
    char *at = ret;
    if (negative)
        *at++ = '-';
    if (exponent >= -3 && exponent < 7) {
        int point = exponent + 1; /* digits before the point */
        if (point <= 0) {
            *at++ = '0';
            *at++ = '.';
            for (int i = point; i < 0; i++)
                *at++ = '0';
            memcpy(at, digits, count);
            at += count;
        } else {
            for (int i = 0; i < point; i++)
                *at++ = (size_t)i < count ? digits[i] : '0';
            *at++ = '.';
            if (count > (size_t)point) {
                memcpy(at, digits + point, count - (size_t)point);
                at += count - (size_t)point;
            } else {
                *at++ = '0';
            }
        }
    } else {
        *at++ = digits[0];
        *at++ = '.';
        if (count > 1) {
            memcpy(at, digits + 1, count - 1);
            at += count - 1;
        } else {
            *at++ = '0';
        }
        at += snprintf(at, 8, "E%d", exponent);
    }
    *at = 0;
    return (size_t)(at - ret);
}

typedef bool (*ReadsBack)(const char *text, double real);
static bool reads_back_double(const char *text, double real)
{
    return strtod(text, NULL) == real;
}
static bool reads_back_float(const char *text, double real)
{
    return strtof(text, NULL) == (float)real;
}

static size_t format(double real, int first_precision, int last_precision, ReadsBack reads_back, char *ret)
{
    if (isnan(real))
        return (size_t)snprintf(ret, JAVA_DOUBLE_BYTES, "NaN");
    if (isinf(real))
        return (size_t)snprintf(ret, JAVA_DOUBLE_BYTES, real < 0 ? "-Infinity" : "Infinity");
    if (real == 0)
        return (size_t)snprintf(ret, JAVA_DOUBLE_BYTES, signbit(real) ? "-0.0" : "0.0");
    char text[40];
    for (int precision = first_precision;; precision++) {
        (void)snprintf(text, sizeof(text), "%.*e", precision - 1, real); /* fits */
        if (precision >= last_precision || reads_back(text, real))
            break;
    }
    const char *mantissa = text + (text[0] == '-');
    char *mark = strchr(text, 'e');
    int exponent = 0;
    for (const char *c = mark + 2; *c; c++)
        exponent = exponent * 10 + (*c - '0');
    if (mark[1] == '-')
        exponent = -exponent;
    char digits[24];
    size_t count = 0;
    for (const char *c = mantissa; c < mark; c++)
        if (*c != '.')
            digits[count++] = *c;
    while (count > 1 && digits[count - 1] == '0')
        count--;
    return layout(real < 0, digits, count, exponent, ret);
}

size_t java_double_format(double real, char ret[static JAVA_DOUBLE_BYTES])
{
    /* Every decimal of 15 digits reads back; the shortest form is then what remains without trailing zeros. Only
     * denormal numbers have fewer significant digits. */
    if (fabs(real) < 1e7 && real == (double)(int64_t)real && real != 0)
        return (size_t)snprintf(ret, JAVA_DOUBLE_BYTES, "%" PRId64 ".0", (int64_t)real);
    return format(real, fabs(real) < 2.3e-308 ? 2 : 15, 17, reads_back_double, ret);
}

size_t java_float_format(float real, char ret[static JAVA_DOUBLE_BYTES])
{
    return format((double)real, fabsf(real) < 1.2e-38f ? 2 : 6, 9, reads_back_float, ret);
}

static void append_integer(Buffer *buffer, int64_t integer)
{
    char text[24], *at = text + sizeof(text);
    uint64_t magnitude = integer < 0 ? 0 - (uint64_t)integer : (uint64_t)integer;
    do
        *--at = (char)('0' + magnitude % 10);
    while (magnitude /= 10);
    if (integer < 0)
        *--at = '-';
    buffer_append_n(buffer, at, (size_t)(text + sizeof(text) - at));
}

static void append_real(Buffer *buffer, const Value *value)
{
    char text[JAVA_DOUBLE_BYTES];
    size_t length = value->kind == VALUE_FLOAT ? java_float_format((float)value->real, text)
                                               : java_double_format(value->real, text);
    buffer_append_n(buffer, text, length);
}

static void append_scalar(Buffer *buffer, const Value *value)
{
    switch ((ValueKind)value->kind) {
    case VALUE_NULL:
        buffer_append_n(buffer, "null", 4);
        break;
    case VALUE_BOOLEAN:
        buffer_append(buffer, value->boolean ? "true" : "false");
        break;
    case VALUE_INTEGER:
    case VALUE_LONG:
        append_integer(buffer, value->integer);
        break;
    case VALUE_FLOAT:
    case VALUE_DOUBLE:
        append_real(buffer, value);
        break;
    case VALUE_BIG:
    case VALUE_DECIMAL:
    case VALUE_TEXT:
        buffer_append_n(buffer, value->text, value->length);
        break;
    case VALUE_DATE:
        date_append(buffer, value->date);
        break;
    case VALUE_LOOP:
        buffer_printf(buffer, "{last=%s, length=%" PRId64 ", index=%" PRId64 ", revindex=%" PRId64 ", first=%s}",
                      value->loop->index == value->loop->length - 1 ? "true" : "false", value->loop->length,
                      value->loop->index, value->loop->length - value->loop->index - 1,
                      value->loop->index == 0 ? "true" : "false");
        break;
    case VALUE_LOCALE:
        buffer_append(buffer, "en_US");
        break;
    case VALUE_BYTES:
        buffer_append_n(buffer, value->text, value->length);
        break;
    case VALUE_LIST:
    case VALUE_MAP:
    case VALUE_ENTRY:
        break;
    }
}

bool text_is_full(const Buffer *buffer)
{
    return buffer->length > expr_limits()->output_bytes_max;
}

void java_append(Buffer *buffer, const Value *value)
{
    if (value->kind == VALUE_LIST) {
        buffer_append_char(buffer, '[');
        for (size_t i = 0; i < value_count(value) && !text_is_full(buffer); i++) {
            Value item = value_item(value, i);
            if (i)
                buffer_append_n(buffer, ", ", 2);
            java_append(buffer, &item);
        }
        buffer_append_char(buffer, ']');
    } else if (value->kind == VALUE_MAP) {
        MapWalk walk = {.map = *value};
        const char *separator = "{";
        for (Value key, item; map_walk(&walk, &key, &item) && !text_is_full(buffer); separator = ", ") {
            buffer_append(buffer, separator);
            java_append(buffer, &key);
            buffer_append_char(buffer, '=');
            java_append(buffer, &item);
        }
        buffer_append(buffer, *separator == '{' ? "{}" : "}");
    } else if (value->kind == VALUE_ENTRY) {
        java_append(buffer, &value->entry->key);
        buffer_append_char(buffer, '=');
        java_append(buffer, &value->entry->value);
    } else {
        append_scalar(buffer, value);
    }
}

Value java_text(Arena *arena, const Value *value)
{
    if (value->kind == VALUE_TEXT)
        return *value;
    _cleanup_buffer_ Buffer buffer = {};
    java_append(&buffer, value);
    return value_text(arena_strndup(arena, buffer_text(&buffer), buffer.length), buffer.length);
}

void json_write_text(Buffer *buffer, const char *text, size_t length)
{
    static const char hex[] = "0123456789ABCDEF";
    static const char shorts[256] = {
        ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't', ['"'] = '"', ['\\'] = '\\'};
    buffer_append_char(buffer, '"');
    const char *plain = text, *end = text + length;
    for (const char *at = text; at < end; at++) {
        unsigned char c = (unsigned char)*at;
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        buffer_append_n(buffer, plain, (size_t)(at - plain));
        if (shorts[c])
            buffer_append_n(buffer, (char[]){'\\', shorts[c]}, 2);
        else
            buffer_append_n(buffer, (char[]){'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]}, 6);
        plain = at + 1;
    }
    buffer_append_n(buffer, plain, (size_t)(end - plain));
    buffer_append_char(buffer, '"');
}

static void json_write_member(Buffer *buffer, const Value *key, const Value *item, bool keep_nulls)
{
    if (key->kind == VALUE_TEXT) {
        json_write_text(buffer, key->text, key->length);
    } else {
        _cleanup_buffer_ Buffer name = {};
        java_append(&name, key);
        json_write_text(buffer, buffer_text(&name), name.length);
    }
    buffer_append_char(buffer, ':');
    json_write(buffer, item, keep_nulls);
}

static void json_write_map(Buffer *buffer, const Value *value, bool keep_nulls)
{
    MapWalk walk = {.map = *value};
    bool first = true;
    buffer_append_char(buffer, '{');
    for (Value key, item; map_walk(&walk, &key, &item) && !text_is_full(buffer);) {
        if (item.kind == VALUE_NULL && !keep_nulls)
            continue;
        if (!first)
            buffer_append_char(buffer, ',');
        first = false;
        json_write_member(buffer, &key, &item, keep_nulls);
    }
    buffer_append_char(buffer, '}');
}

void json_write(Buffer *buffer, const Value *value, bool keep_nulls)
{
    switch ((ValueKind)value->kind) {
    case VALUE_LIST:
        buffer_append_char(buffer, '[');
        for (size_t i = 0; i < value_count(value) && !text_is_full(buffer); i++) {
            Value item = value_item(value, i);
            if (i)
                buffer_append_char(buffer, ',');
            json_write(buffer, &item, keep_nulls);
        }
        buffer_append_char(buffer, ']');
        break;
    case VALUE_MAP:
        json_write_map(buffer, value, keep_nulls);
        break;
    case VALUE_ENTRY:
        buffer_append_char(buffer, '{');
        if (value->entry->value.kind != VALUE_NULL || keep_nulls)
            json_write_member(buffer, &value->entry->key, &value->entry->value, keep_nulls);
        buffer_append_char(buffer, '}');
        break;
    case VALUE_FLOAT:
    case VALUE_DOUBLE:
        if (isfinite(value->real)) {
            append_real(buffer, value);
            break;
        }
        buffer_append_char(buffer, '"');
        append_real(buffer, value);
        buffer_append_char(buffer, '"');
        break;
    case VALUE_TEXT:
        json_write_text(buffer, value->text, value->length);
        break;
    case VALUE_DATE:
    case VALUE_BYTES:
    case VALUE_LOOP:
    case VALUE_LOCALE: {
        _cleanup_buffer_ Buffer text = {};
        append_scalar(&text, value);
        json_write_text(buffer, buffer_text(&text), text.length);
        break;
    }
    case VALUE_NULL:
    case VALUE_BOOLEAN:
    case VALUE_INTEGER:
    case VALUE_LONG:
    case VALUE_BIG:
    case VALUE_DECIMAL:
        append_scalar(buffer, value);
        break;
    }
}

#define PLAIN_EXPONENT_MAX 2000

/* "1.5E+3" as "1500" (BigDecimal.toPlainString). */
static void append_plain_decimal(Buffer *buffer, const Value *value)
{
    const char *mark = memchr(value->text, 'E', value->length), *end = value->text + value->length,
               *digits = value->text;
    int exponent = 0, point = 0;
    for (const char *c = mark ? mark + 2 : end; c < end && exponent <= PLAIN_EXPONENT_MAX; c++)
        exponent = exponent * 10 + (*c - '0');
    if (!mark || exponent > PLAIN_EXPONENT_MAX) {
        append_scalar(buffer, value);
        return;
    }
    if (*digits == '-')
        buffer_append_char(buffer, *digits++);
    point = mark[1] == '-' ? -exponent + 1 : exponent + 1; /* one digit stands before the point */
    if (point <= 0)
        buffer_append(buffer, "0.");
    for (int i = point; i < 0; i++)
        buffer_append_char(buffer, '0');
    for (int written = 0; digits < mark || written < point; written++) {
        if (written == point && point > 0)
            buffer_append_char(buffer, '.');
        digits += digits < mark && *digits == '.';
        buffer_append_char(buffer, digits < mark ? *digits++ : '0');
    }
}

void print_append(Buffer *buffer, const Value *value)
{
    if (value->kind == VALUE_TEXT)
        buffer_append_n(buffer, value->text, value->length);
    else if (value->kind == VALUE_LIST || value->kind == VALUE_MAP)
        json_write(buffer, value, false);
    else if (value->kind == VALUE_ENTRY)
        java_append(buffer, value);
    else if (value->kind == VALUE_DECIMAL)
        append_plain_decimal(buffer, value);
    else if (value->kind != VALUE_NULL)
        append_scalar(buffer, value);
}

void date_append(Buffer *buffer, const Date *date)
{
    bool local = date->kind == DATE_LOCAL_DATE || date->kind == DATE_LOCAL_DATE_TIME;
    int offset = local || date->kind == DATE_INSTANT ? 0 : zone_offset(date->zone, date->seconds);
    int64_t seconds = date->seconds + offset, year;
    int64_t days = (seconds >= 0 ? seconds : seconds - 86399) / 86400;
    unsigned rest = (unsigned)(seconds - days * 86400), month, day;
    calendar_date(days, &year, &month, &day);
    buffer_printf(buffer,
                  year > 9999 ? "+%" PRId64 "-%02u-%02u"
                  : year < 0  ? "%05" PRId64 "-%02u-%02u"
                              : "%04" PRId64 "-%02u-%02u",
                  year, month, day);
    if (date->kind == DATE_LOCAL_DATE)
        return;
    buffer_printf(buffer, "T%02u:%02u", rest / 3600, rest / 60 % 60);
    if (rest % 60 || date->nanos || date->kind == DATE_INSTANT)
        buffer_printf(buffer, ":%02u", rest % 60);
    if (date->nanos % 1000)
        buffer_printf(buffer, ".%09u", date->nanos);
    else if (date->nanos % 1000000)
        buffer_printf(buffer, ".%06u", date->nanos / 1000);
    else if (date->nanos)
        buffer_printf(buffer, ".%03u", date->nanos / 1000000);
    if (local)
        return;
    unsigned magnitude = (unsigned)abs(offset);
    if (!offset)
        buffer_append_char(buffer, 'Z');
    else
        buffer_printf(buffer, magnitude % 60 ? "%c%02u:%02u:%02u" : "%c%02u:%02u", offset < 0 ? '-' : '+',
                      magnitude / 3600, magnitude / 60 % 60, magnitude % 60);
    if (date->kind == DATE_ZONED && !zone_is_offset(date->zone))
        buffer_printf(buffer, "[%s]", zone_name(date->zone));
}
