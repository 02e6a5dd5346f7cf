/* SPDX-License-Identifier: Apache-2.0 */
/*
 * YAML 1.1 plain scalars as Jackson's YAML parser gives them to Kestra: yes/no/on/off are booleans, 010 is octal, 0x1f
 * hexadecimal, 0b11 binary, 1_000 a number. Base-60 numbers (12:30:45) and timestamps stay text. Infinity and
 * not-a-number stay text too, because JSON has no such values.
 */
#include "doc/scalar.h"

#include <math.h>

static const struct {
    const char *text;
    bool is_null, value;
} words[] = {
    {"~", true, false},    {"null", true, false},   {"Null", true, false},   {"NULL", true, false},
    {"true", false, true}, {"True", false, true},   {"TRUE", false, true},   {"yes", false, true},
    {"Yes", false, true},  {"YES", false, true},    {"on", false, true},     {"On", false, true},
    {"ON", false, true},   {"false", false, false}, {"False", false, false}, {"FALSE", false, false},
    {"no", false, false},  {"No", false, false},    {"NO", false, false},    {"off", false, false},
    {"Off", false, false}, {"OFF", false, false},
};

static json_t *decode_word(const char *text, size_t length)
{
    for (size_t i = 0; i < ELEMENTS(words); i++)
        if (strlen(words[i].text) == length && memcmp(words[i].text, text, length) == 0)
            return words[i].is_null ? json_null() : json_boolean(words[i].value);
    return NULL;
}

static int digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return 99;
}

/* Digits of one base with underscores; NULL when it is none or too large for 64 bits. */
static json_t *decode_digits(const char *text, size_t length, int base, bool negative)
{
    uint64_t value = 0;
    bool any = false;
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '_')
            continue;
        int digit = digit_value(text[i]);
        if (digit >= base)
            return NULL;
        if (__builtin_mul_overflow(value, (uint64_t)base, &value) ||
            __builtin_add_overflow(value, (uint64_t)digit, &value))
            return NULL;
        any = true;
    }
    uint64_t limit = (uint64_t)INT64_MAX + negative;
    if (!any || value > limit)
        return NULL;
    return json_integer((json_int_t)(negative ? 0 - value : value));
}

static json_t *decode_integer(const char *text, size_t length)
{
    size_t at = text[0] == '-' || text[0] == '+';
    bool negative = text[0] == '-';
    if (at == length || text[at] < '0' || text[at] > '9')
        return NULL;
    if (text[at] != '0' || length == at + 1)
        return decode_digits(text + at, length - at, 10, negative);
    char kind = text[at + 1];
    if (kind == 'x')
        return decode_digits(text + at + 2, length - at - 2, 16, negative);
    if (kind == 'b')
        return decode_digits(text + at + 2, length - at - 2, 2, negative);
    return decode_digits(text + at + 1, length - at - 1, 8, negative);
}

static size_t skip_digits(const char *text, size_t length, size_t at)
{
    while (at < length && ((text[at] >= '0' && text[at] <= '9') || text[at] == '_'))
        at++;
    return at;
}

/* [-+]?digits[.digits][e±digits], or .digits; whole numbers only when they are too large for decode_integer. */
static bool is_real(const char *text, size_t length)
{
    size_t begin = text[0] == '-' || text[0] == '+';
    size_t at = begin;
    bool digit_first = at < length && text[at] >= '0' && text[at] <= '9';
    if (digit_first)
        at = skip_digits(text, length, at);
    bool point = at < length && text[at] == '.';
    if (!digit_first && (!point || begin || at + 1 >= length || text[at + 1] < '0' || text[at + 1] > '9'))
        return false;
    if (point)
        at = skip_digits(text, length, at + 1);
    bool exponent = at < length && (text[at] == 'e' || text[at] == 'E');
    if (exponent) {
        at++;
        if (at < length && (text[at] == '-' || text[at] == '+'))
            at++;
        size_t digits = at;
        while (at < length && text[at] >= '0' && text[at] <= '9')
            at++;
        if (at == digits)
            return false;
    }
    return at == length && (point || exponent || text[begin] != '0');
}

static json_t *decode_real(const char *text, size_t length)
{
    char digits[512];
    if (length >= sizeof(digits) || !is_real(text, length))
        return NULL;
    size_t count = 0;
    for (size_t i = 0; i < length; i++)
        if (text[i] != '_')
            digits[count++] = text[i];
    digits[count] = '\0';
    /* jansson reads numbers without regard to the locale. It wants JSON's form, so the sign and the point are mended.
     */
    char json[sizeof(digits) + 4];
    const char *from = digits[0] == '+' ? digits + 1 : digits;
    size_t out = 0;
    if (*from == '-')
        json[out++] = *from++;
    while (*from == '0' && from[1] >= '0' && from[1] <= '9')
        from++;
    if (*from == '.')
        json[out++] = '0';
    for (; *from; from++) {
        json[out++] = *from;
        if (*from == '.' && (from[1] < '0' || from[1] > '9'))
            json[out++] = '0';
    }
    json[out] = '\0';
    json_t *value = json_loads(json, JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL, NULL);
    return value;
}

json_t *scalar_decode(const char *text, size_t length)
{
    if (length == 0)
        return json_null();
    json_t *value = decode_word(text, length);
    bool may_be_number = strchr("+-.0123456789", text[0]) != NULL;
    if (!value && may_be_number)
        value = decode_integer(text, length);
    if (!value && may_be_number)
        value = decode_real(text, length);
    return value ? value : json_stringn_nocheck(text, length);
}

json_t *scalar_decode_tagged(const char *tag, const char *text, size_t length)
{
    static const char prefix[] = "tag:yaml.org,2002:";
    const char *kind = starts_with(tag, prefix) ? tag + strlen(prefix) : "";
    json_t *value = NULL;
    if (streq(kind, "null"))
        return json_null();
    if (streq(kind, "bool"))
        value = decode_word(text, length);
    else if (streq(kind, "int") && length > 0)
        value = decode_integer(text, length);
    else if (streq(kind, "float") && length > 0)
        value = decode_real(text, length);
    return value ? value : json_stringn_nocheck(text, length);
}

/* Length of the well-formed UTF-8 character at bytes, or 0. */
static size_t character_length(const unsigned char *bytes, size_t left)
{
    static const struct {
        unsigned char mask, lead;
        size_t length;
        uint32_t least;
    } forms[] = {{0x80, 0x00, 1, 0}, {0xE0, 0xC0, 2, 0x80}, {0xF0, 0xE0, 3, 0x800}, {0xF8, 0xF0, 4, 0x10000}};
    for (size_t i = 0; i < ELEMENTS(forms); i++) {
        if ((bytes[0] & forms[i].mask) != forms[i].lead)
            continue;
        if (forms[i].length > left)
            return 0;
        uint32_t code = bytes[0] & (unsigned char)~forms[i].mask;
        for (size_t k = 1; k < forms[i].length; k++) {
            if ((bytes[k] & 0xC0) != 0x80)
                return 0;
            code = code << 6 | (bytes[k] & 0x3F);
        }
        bool surrogate = code >= 0xD800 && code <= 0xDFFF;
        return code < forms[i].least || surrogate || code > 0x10FFFF ? 0 : forms[i].length;
    }
    return 0;
}

const char *text_problem(const char *text, size_t length, unsigned *ret_line, unsigned *ret_column)
{
    const unsigned char *bytes = (const unsigned char *)text;
    unsigned line = 1, column = 1;
    const char *problem = NULL;
    for (size_t at = 0; at < length;) {
        unsigned char c = bytes[at];
        size_t step = c < 0x80 ? 1 : character_length(bytes + at, length - at);
        if (step == 0)
            problem = "the text is not valid UTF-8 here";
        else if (c == 0)
            problem = "the NUL character is not allowed";
        else if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7F)
            problem = "special characters are not allowed: a control character stands here";
        if (problem)
            break;
        column++;
        if (c == '\n') {
            line++;
            column = 1;
        }
        at += step;
    }
    *ret_line = problem ? line : 0;
    *ret_column = problem ? column : 0;
    return problem;
}
