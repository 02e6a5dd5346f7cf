/* SPDX-License-Identifier: Apache-2.0 */
/* Filters on numbers. */
#include <float.h>
#include <math.h>
#include <strings.h>

#include "expr/calls.h"
#include "expr/decimal.h"
#include "expr/number_format.h"

static int filter_abs(Call *call, Value *ret)
{
    *ret = call->input;
    switch ((ValueKind)call->input.kind) {
    case VALUE_NULL:
        return call_fail(call, "Can not pass null value to \"abs\" filter.");
    case VALUE_INTEGER: /* the smallest has no positive: it wraps, as in Java */
        ret->integer = ret->integer < 0 ? (int32_t)(0 - (uint32_t)ret->integer) : ret->integer;
        return 0;
    case VALUE_LONG:
        ret->integer = ret->integer < 0 ? (int64_t)(0 - (uint64_t)ret->integer) : ret->integer;
        return 0;
    case VALUE_FLOAT:
    case VALUE_DOUBLE:
        ret->real = fabs(ret->real);
        return 0;
    case VALUE_BIG:
    case VALUE_DECIMAL:
        if (*ret->text == '-') {
            ret->text++;
            ret->length--;
        }
        return 0;
    case VALUE_BOOLEAN:
    case VALUE_TEXT:
    case VALUE_LIST:
    case VALUE_MAP:
    case VALUE_ENTRY:
    case VALUE_LOOP:
    case VALUE_DATE:
    case VALUE_BYTES:
    case VALUE_LOCALE:
        break;
    }
    return call_fail(call, "The 'abs' filter does require as input a number.");
}

/* ---- number: commons-lang NumberUtils.createNumber and the constructors of Java's classes ---- */
static bool digits_only(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (text[i] < '0' || text[i] > '9')
            return false;
    return length > 0;
}

/* A whole number in a base: Integer if it fits, else Long, else BigInteger (base 10 only). False: none. */
static bool whole_number(Arena *arena, const char *text, size_t length, bool negative, unsigned base, Value *ret)
{
    uint64_t magnitude = 0;
    bool fits = true;
    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        unsigned digit = c >= '0' && c <= '9'                 ? (unsigned)(c - '0')
                         : (c | 32) >= 'a' && (c | 32) <= 'f' ? (unsigned)((c | 32) - 'a' + 10)
                                                              : 99;
        if (digit >= base)
            return false;
        fits = fits && !__builtin_mul_overflow(magnitude, (uint64_t)base, &magnitude) &&
               !__builtin_add_overflow(magnitude, (uint64_t)digit, &magnitude);
    }
    if (!length)
        return false;
    if (fits && magnitude <= (uint64_t)INT64_MAX + negative) {
        int64_t integer = (int64_t)(negative ? 0 - magnitude : magnitude);
        *ret = integer == (int32_t)integer ? value_integer(integer) : value_long(integer);
        return true;
    }
    if (base != 10)
        return false;
    while (length > 1 && *text == '0') {
        text++;
        length--;
    }
    const char *big = arena_printf(arena, "%s%.*s", negative ? "-" : "", (int)length, text);
    *ret = (Value){.kind = VALUE_BIG, .length = (uint32_t)strlen(big), .text = big};
    return true;
}

/* Steps over the mark of a base. */
static unsigned whole_base(const char **text)
{
    const char *at = *text;
    if (at[0] == '0' && (at[1] | 32) == 'x') {
        *text += 2;
        return 16;
    }
    if (at[0] == '#' || (at[0] == '0' && at[1])) {
        *text += 1;
        return at[0] == '#' ? 16 : 8;
    }
    return 10;
}

static size_t fraction_digits(const char *text)
{
    const char *point = strchr(text, '.');
    return point ? strspn(point + 1, "0123456789") : 0;
}

static bool real_text(const char *text, char **ret_end, double *ret)
{
    if (!text[strspn(text, "+-.eE")] || strpbrk(text, "xXnNiIpP"))
        return false;
    *ret = strtod(text, ret_end);
    return *ret_end != text;
}

/* Smallest class that keeps the value: Float up to 7 decimals, Double up to 16, else BigDecimal. */
static bool real_number(Arena *arena, const char *text, Value *ret)
{
    char *end;
    double real;
    size_t decimals = fraction_digits(text), length = strlen(text);
    if (!real_text(text, &end, &real) || *end)
        return false;
    bool zero =
        strspn(text, "+-.0") == length || text[strspn(text, "+-.0")] == 'e' || text[strspn(text, "+-.0")] == 'E';
    float narrow = strtof(text, NULL);
    char as_float[JAVA_DOUBLE_BYTES], as_double[JAVA_DOUBLE_BYTES];
    if (decimals <= 7 && isfinite(narrow) && (narrow != 0 || zero)) {
        java_float_format(narrow, as_float);
        java_double_format(real, as_double);
        if (strtod(as_float, NULL) == real || decimals) {
            *ret = (Value){.kind = VALUE_FLOAT, .real = (double)narrow};
            return true;
        }
    }
    if (decimals <= 16 && isfinite(real) && (real != 0 || zero)) {
        *ret = value_double(real);
        return true;
    }
    return decimal_parse(arena, text, length, ret) || ((*ret = value_double(real)), isfinite(real));
}

/* "5L", "1.5f", "2d" */
static bool suffixed_number(Arena *arena, const char *text, Value *ret)
{
    size_t length = strlen(text);
    char suffix = (char)(text[length - 1] | 32);
    if (length < 2 || !strchr("lfd", suffix))
        return false;
    char *body = arena_strndup(arena, text, length - 1), *end;
    double real;
    if (suffix == 'l') {
        bool negative = *body == '-';
        if (!digits_only(body + negative, length - 1 - negative) ||
            !whole_number(arena, body + negative, length - 1 - negative, negative, 10, ret))
            return false;
        if (ret->kind == VALUE_INTEGER)
            ret->kind = VALUE_LONG;
        return true;
    }
    if (!real_text(body, &end, &real) || *end)
        return false;
    *ret = suffix == 'f' ? (Value){.kind = VALUE_FLOAT, .real = (double)strtof(body, NULL)} : value_double(real);
    return true;
}

static bool make_big(Arena *arena, const char *text, Value *ret);

static bool create_number(Arena *arena, const char *text, Value *ret)
{
    const char *body = text + (*text == '-' || *text == '+');
    bool negative = *text == '-', has_base = body[0] == '#' || (body[0] == '0' && (body[1] | 32) == 'x');
    if (starts_with(text, "--") && digits_only(text + 2, strlen(text + 2)))
        return make_big(arena, text, ret);
    if (has_base || (body[0] == '0' && body[1] && !strpbrk(body, ".eE") && !strpbrk(body, "lLfFdD"))) {
        unsigned base = whole_base(&body);
        return whole_number(arena, body, strlen(body), negative, base, ret);
    }
    if (digits_only(body, strlen(body)))
        return whole_number(arena, body, strlen(body), negative, 10, ret);
    return suffixed_number(arena, text, ret) || real_number(arena, text, ret);
}

typedef bool (*MakeNumber)(Arena *arena, const char *text, Value *ret);

/* Long.decode: a sign, then 0x, 0X, # (base 16), 0 (base 8) or base 10. */
static bool make_long(Arena *arena, const char *text, Value *ret)
{
    bool negative = *text == '-';
    const char *body = text + (*text == '-' || *text == '+');
    unsigned base = whole_base(&body);
    if (!whole_number(arena, body, strlen(body), negative, base, ret) || ret->kind == VALUE_BIG)
        return false;
    ret->kind = VALUE_LONG;
    return true;
}
static bool make_int(Arena *arena, const char *text, Value *ret)
{
    if (!make_long(arena, text, ret) || ret->integer != (int32_t)ret->integer)
        return false;
    ret->kind = VALUE_INTEGER;
    return true;
}
static bool make_double(Arena *arena, const char *text, Value *ret)
{
    char *end, *trimmed = arena_strdup(arena, text + strspn(text, " \t\r\n"));
    double real;
    if (!real_text(trimmed, &end, &real))
        return false;
    end += (*end | 32) == 'd' || (*end | 32) == 'f';
    end += strspn(end, " \t\r\n");
    *ret = value_double(real);
    return !*end;
}
static bool make_float(Arena *arena, const char *text, Value *ret)
{
    if (!make_double(arena, text, ret))
        return false;
    *ret = (Value){.kind = VALUE_FLOAT, .real = (double)strtof(text, NULL)};
    return true;
}
static bool make_decimal(Arena *arena, const char *text, Value *ret)
{
    return decimal_parse(arena, text, strlen(text), ret);
}
/* NumberUtils.createBigInteger: the sign is taken off first, and what is left may have one again. */
static bool make_big(Arena *arena, const char *text, Value *ret)
{
    bool negative = *text == '-';
    const char *body = text + negative;
    unsigned base = whole_base(&body);
    if (*body == '-' || *body == '+')
        negative ^= *body++ == '-';
    if (!whole_number(arena, body, strlen(body), negative, base, ret))
        return false;
    if (ret->kind != VALUE_BIG) {
        const char *big = arena_printf(arena, "%" PRId64, ret->integer);
        *ret = (Value){.kind = VALUE_BIG, .length = (uint32_t)strlen(big), .text = big};
    }
    return true;
}

static int filter_number(Call *call, Value *ret)
{
    static const struct {
        const char *type;
        MakeNumber make;
    } types[] = {
        {"INT", make_int},       {"INTEGER", make_int},        {"FLOAT", make_float},    {"LONG", make_long},
        {"DOUBLE", make_double}, {"BIGDECIMAL", make_decimal}, {"BIGINTEGER", make_big},
    };
    *ret = VALUE_NULL_INIT;
    if (call->input.kind == VALUE_NULL)
        return 0;
    if (call->input.kind != VALUE_TEXT)
        return call_fail(call, "'number' filter can only be applied to String. Actual type was: %s",
                         value_class_name(&call->input));
    Arena *arena = call->eval->arena;
    Value type = call_argument(call, 0);
    const char *text = arena_strndup(arena, call->input.text, call->input.length);
    MakeNumber make = create_number;
    for (size_t i = 0; i < ELEMENTS(types); i++)
        if (text_is(&type, types[i].type))
            make = types[i].make;
    if (!text[strspn(text, " \t\r\n")])
        return eval_fail_plain(call->eval, "A blank string is not a valid number");
    return make(arena, text, ret) ? 0 : eval_fail_plain(call->eval, "For input string: \"%s\"", text);
}

static int filter_number_format(Call *call, Value *ret)
{
    *ret = VALUE_NULL_INIT;
    if (call->input.kind == VALUE_NULL)
        return 0;
    if (!value_is_number(&call->input))
        return call_fail(call, "The input for the 'NumberFormat' filter has to be a number.");
    Value format = call_argument(call, 0);
    int r = format.kind == VALUE_NULL ? 0 : call_need_text(call, &format);
    return r ? r : number_format(call->eval, &call->input, &format, ret);
}

static const char *const number_arguments[] = {"type", NULL};
static const char *const format_arguments[] = {"format", NULL};

const CallRow filters_number[] = {
    {"abs", filter_abs, NULL, 0, NULL},
    {"number", filter_number, number_arguments, 0, NULL},
    {"numberFormat", filter_number_format, format_arguments, 0, NULL},
    {},
};
