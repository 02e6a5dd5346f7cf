/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A decimal is a 128-bit integer and a scale. Operands come from doubles and have at most 17 digits, so products fit;
 * sums of very different magnitudes that would not fit are made in double.
 */
#include "expr/decimal.h"

#include <math.h>

#include "expr/java_text.h"

#define DIGITS_MAX 34 /* MathContext.DECIMAL128 */

typedef __int128 Wide;
typedef struct Decimal {
    Wide unscaled;
    int scale;
} Decimal;

/* digits[.digits][e[+-]digits] with sign; false when it is no number or has more than 38 digits. */
static bool decimal_read(const char *text, size_t length, Decimal *ret)
{
    const char *at = text, *end = text + length;
    bool negative = at < end && *at == '-', any = false, fraction = false;
    int digits = 0;
    *ret = (Decimal){};
    at += at < end && (*at == '-' || *at == '+');
    for (; at < end && ((*at >= '0' && *at <= '9') || (*at == '.' && !fraction)); at++) {
        if (*at == '.') {
            fraction = true;
            continue;
        }
        any = true;
        ret->unscaled = ret->unscaled * 10 + (*at - '0');
        ret->scale += fraction;
        if (ret->unscaled && ++digits > 37)
            return false;
    }
    if (at < end && (*at == 'e' || *at == 'E')) {
        bool minus = ++at < end && *at == '-';
        int exponent = 0;
        at += at < end && (*at == '-' || *at == '+');
        if (at == end)
            return false;
        for (; at < end && *at >= '0' && *at <= '9' && exponent < 100000; at++)
            exponent = exponent * 10 + (*at - '0');
        ret->scale += minus ? exponent : -exponent;
    }
    if (negative)
        ret->unscaled = -ret->unscaled;
    return any && at == end;
}

static size_t wide_digits(Wide value, char ret[static 44])
{
    char *at = ret + 43;
    *at = 0;
    unsigned __int128 magnitude = value < 0 ? -(unsigned __int128)value : (unsigned __int128)value;
    do
        *--at = (char)('0' + (int)(magnitude % 10));
    while (magnitude /= 10);
    size_t length = (size_t)(ret + 43 - at);
    memmove(ret, at, length + 1);
    return length;
}

/* BigDecimal.toString: plain when scale >= 0 and the exponent is at least -6, else with an exponent. */
static Value decimal_format(Arena *arena, Decimal decimal)
{
    char digits[44];
    int count = (int)wide_digits(decimal.unscaled, digits), exponent = count - 1 - decimal.scale;
    const char *sign = decimal.unscaled < 0 ? "-" : "";
    const char *text;
    if (decimal.scale == 0)
        text = arena_printf(arena, "%s%s", sign, digits);
    else if (decimal.scale < 0 || exponent < -6)
        text = arena_printf(arena, count > 1 ? "%s%.1s.%sE%+d" : "%s%.1s%sE%+d", sign, digits, digits + 1, exponent);
    else if (decimal.scale >= count)
        text = arena_printf(arena, "%s0.%.*s%s", sign, decimal.scale - count, "0000000000", digits);
    else
        text = arena_printf(arena, "%s%.*s.%s", sign, count - decimal.scale, digits, digits + count - decimal.scale);
    return (Value){.kind = VALUE_DECIMAL, .length = (uint32_t)strlen(text), .text = text};
}

static bool rescale(Decimal *decimal, int scale)
{
    for (; decimal->scale < scale; decimal->scale++)
        if (__builtin_mul_overflow(decimal->unscaled, (Wide)10, &decimal->unscaled))
            return false;
    return true;
}

static bool align(Decimal *a, Decimal *b)
{
    return rescale(a, b->scale) && rescale(b, a->scale);
}

/* Long division to 34 significant digits, half to even; an exact result keeps the preferred scale if it can. */
static Decimal divide(Decimal a, Decimal b)
{
    int preferred = a.scale - b.scale, digits = 0;
    bool negative = (a.unscaled < 0) != (b.unscaled < 0);
    Wide dividend = a.unscaled < 0 ? -a.unscaled : a.unscaled, divisor = b.unscaled < 0 ? -b.unscaled : b.unscaled;
    Decimal result = {dividend / divisor, preferred};
    Wide rest = dividend % divisor;
    for (Wide q = result.unscaled; q; q /= 10)
        digits++;
    while (rest && digits < DIGITS_MAX) {
        rest *= 10;
        result.unscaled = result.unscaled * 10 + rest / divisor;
        rest %= divisor;
        result.scale++;
        digits += result.unscaled != 0;
    }
    if (rest * 2 > divisor || (rest && rest * 2 == divisor && result.unscaled % 2))
        result.unscaled++;
    while (!rest && result.scale > preferred && result.unscaled % 10 == 0) {
        result.unscaled /= 10;
        result.scale--;
    }
    if (negative)
        result.unscaled = -result.unscaled;
    return result;
}

static bool operate(Decimal a, Decimal b, char operation, Decimal *ret)
{
    if (operation == '*') {
        ret->scale = a.scale + b.scale;
        return !__builtin_mul_overflow(a.unscaled, b.unscaled, &ret->unscaled);
    }
    if (operation == '/') {
        *ret = divide(a, b);
        return true;
    }
    if (!align(&a, &b))
        return false;
    ret->scale = a.scale;
    if (operation == '%') {
        ret->unscaled = a.unscaled % b.unscaled;
        return true;
    }
    return operation == '+' ? !__builtin_add_overflow(a.unscaled, b.unscaled, &ret->unscaled)
                            : !__builtin_sub_overflow(a.unscaled, b.unscaled, &ret->unscaled);
}

bool decimal_operation(Arena *arena, double a, double b, char operation, Value *ret)
{
    char left[JAVA_DOUBLE_BYTES], right[JAVA_DOUBLE_BYTES];
    Decimal x, y, result;
    if ((operation == '/' || operation == '%') && b == 0)
        return false;
    if (decimal_read(left, java_double_format(a, left), &x) && decimal_read(right, java_double_format(b, right), &y) &&
        operate(x, y, operation, &result)) {
        *ret = decimal_format(arena, result);
        return true;
    }
    *ret = value_double(operation == '+'   ? a + b
                        : operation == '-' ? a - b
                        : operation == '*' ? a * b
                        : operation == '/' ? a / b
                                           : fmod(a, b));
    return true;
}

bool decimal_parse(Arena *arena, const char *text, size_t length, Value *ret)
{
    Decimal decimal;
    if (!decimal_read(text, length, &decimal))
        return false;
    *ret = decimal_format(arena, decimal);
    return true;
}
