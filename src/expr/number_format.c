/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ICU's decimal format reads the same patterns and, with rounding to the even neighbour of the exact binary value,
 * gives the same digits. What it is more liberal about than Java (two decimal points, '#' after '0', a second kind of
 * grouping) is checked or changed here first.
 */
#include "expr/number_format.h"

#include <math.h>
#include <unicode/unum.h>
#include <unicode/ustring.h>

static void pattern_close(UNumberFormat **format)
{
    unum_close(*format);
}

/* Java's checks on the positive half: one point, no '#' after '0' before the point and no '0' after '#' behind it. */
static const char *pattern_fault(const char *pattern)
{
    bool zero = false, hash_after_zero = false, point = false, quoted = false, hash_in_fraction = false;
    for (const char *c = pattern; *c && (*c != ';' || quoted); c++) {
        if (*c == '\'')
            quoted = !quoted;
        if (quoted)
            continue;
        if (*c == '.') {
            if (point)
                return "Multiple decimal separators in pattern \"%s\"";
            point = true;
        } else if (*c == '0') {
            zero = true;
            if (hash_after_zero || hash_in_fraction)
                return "Malformed pattern \"%s\"";
        } else if (*c == '#' && zero && !point) {
            hash_after_zero = true;
        } else if (*c == '#' && point) {
            hash_in_fraction = true;
        } else if (*c == 'E') {
            return NULL;
        }
    }
    return hash_after_zero ? "Malformed pattern \"%s\"" : NULL;
}

/* Only the last group counts in Java: "#,##,##0" groups by three everywhere. */
static UNumberFormat *format_open(const char *pattern, UErrorCode *status)
{
    UChar wide[512];
    int32_t length = 0;
    u_strFromUTF8(wide, ELEMENTS(wide), &length, pattern, -1, status);
    UParseError where;
    UNumberFormat *format =
        U_SUCCESS(*status) ? unum_open(UNUM_PATTERN_DECIMAL, wide, length, "en_US", &where, status) : NULL;
    if (!format)
        return NULL;
    unum_setAttribute(format, UNUM_ROUNDING_MODE, UNUM_ROUND_HALFEVEN);
    unum_setAttribute(format, UNUM_SECONDARY_GROUPING_SIZE, 0);
    unum_setAttribute(format, UNUM_MINIMUM_GROUPING_DIGITS, 1);
    return format;
}

static int32_t format_run(const UNumberFormat *format, Arena *arena, const Value *number, UChar *wide, int32_t room,
                          UErrorCode *status)
{
    if (value_is_whole(number))
        return unum_formatInt64(format, number->integer, wide, room, NULL, status);
    if (number->kind == VALUE_BIG || number->kind == VALUE_DECIMAL)
        return unum_formatDecimal(format, number->text, (int32_t)number->length, wide, room, NULL, status);
    return unum_formatDouble(format, number->real, wide, room, NULL, status);
}

static int fault(Eval *eval, const char *pattern)
{
    return eval_fail_plain(eval, "Malformed pattern \"%s\"", pattern);
}

int number_format(Eval *eval, const Value *number, const Value *pattern, Value *ret)
{
    const char *text = pattern->length ? arena_strndup(eval->arena, pattern->text, pattern->length) : "#,##0.###";
    const char *problem = pattern_fault(text);
    if (problem)
        return eval_fail_plain(eval, problem, text);
    UErrorCode status = U_ZERO_ERROR;
    _cleanup_(pattern_close) UNumberFormat *format = format_open(text, &status);
    if (U_FAILURE(status))
        return fault(eval, text);
    int32_t room = 2048, length;
    UChar *wide = arena_new_n(eval->arena, UChar, (size_t)room);
    length = format_run(format, eval->arena, number, wide, room, &status);
    if (U_FAILURE(status))
        return fault(eval, text);
    char *to = eval_text(eval, (size_t)length * 3);
    int32_t bytes = 0;
    if (!to)
        return EVAL_E_ERROR;
    u_strToUTF8(to, length * 3 + 1, &bytes, wide, length, &status);
    *ret = value_text(to, (size_t)bytes);
    return U_SUCCESS(status) ? 0 : fault(eval, text);
}
