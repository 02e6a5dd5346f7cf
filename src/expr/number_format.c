/* SPDX-License-Identifier: Apache-2.0 */
/*
 * java.text.DecimalFormat with the symbols of en_US. The digits are those of the shortest text of a double, cut with
 * rounding to the even neighbour; where the cut is at a lone 5, the exact binary value decides. Both the order of the
 * checks of a pattern and the arithmetic of exponents are DecimalFormat's, because odd patterns ("#E0", "##0.#E0") show
 * them. ICU's formatter differs in all three.
 */
#include "expr/number_format.h"

#include <math.h>

/* What stands before and after a number; "'" before a character of meaning is already resolved. */
typedef struct Affixes {
    Buffer prefix, suffix;
} Affixes;

typedef struct Pattern {
    Affixes positive, negative;
    bool has_negative;
    int64_t multiplier;
    int64_t integers_min, integers_max; /* the latter counts with an exponent only */
    int64_t fraction_min, fraction_max;
    int64_t group; /* 0: no grouping */
    int64_t exponent_min;
    bool has_exponent, always_point;
} Pattern;

/* 0.d1d2d3… × 10^point */
typedef struct Digits {
    char *text;
    int64_t count, point;
    bool negative;
    int beyond;       /* the exact value is above (1), below (-1) what the digits say, or is it (0) */
    bool never_first; /* Java writes "5.0E-4": the zero after a lone 5 hides from it that the value is above the tie */
} Digits;

static void pattern_done(Pattern *pattern)
{
    buffer_done(&pattern->positive.prefix);
    buffer_done(&pattern->positive.suffix);
    buffer_done(&pattern->negative.prefix);
    buffer_done(&pattern->negative.suffix);
}

/* ---- the pattern ---- */
typedef struct PatternReader {
    const char *at;
    bool is_negative; /* the half after ';', of which only prefix and suffix count */
    int64_t left, zeros, right, point, grouping, multiplier;
    int64_t exponent_min;
    bool has_exponent;
    const char *fault; /* what is wrong, in Java's words; NULL: "Malformed pattern" */
} PatternReader;

static bool fault(PatternReader *reader, const char *text)
{
    reader->fault = text;
    return false;
}

static bool starts_number(char c)
{
    return c == '#' || c == '0' || c == ',' || c == '.';
}

/* Texts before or after the number, up to what ends them; false: the pattern is wrong. */
static bool read_affix(PatternReader *reader, Buffer *to, bool is_prefix)
{
    static const char per_mille[] = "\xE2\x80\xB0", currency[] = "\xC2\xA4";
    bool quoted = false;
    for (; *reader->at; reader->at++) {
        char c = *reader->at;
        if (c == '\'' && reader->at[1] == '\'') {
            buffer_append_char(to, '\'');
            reader->at++;
        } else if (c == '\'') {
            quoted = !quoted;
        } else if (quoted) {
            buffer_append_char(to, c);
        } else if (starts_number(c)) {
            return is_prefix; /* a second number is no suffix */
        } else if (c == ';') {
            return !is_prefix && !reader->is_negative;
        } else if (starts_with(reader->at, currency)) {
            bool twice = starts_with(reader->at + 2, currency);
            buffer_append(to, twice ? "USD" : "$");
            reader->at += twice ? 3 : 1;
        } else {
            int64_t factor = c == '%' ? 100 : starts_with(reader->at, per_mille) ? 1000 : 1;
            if (factor != 1 && reader->multiplier != 1)
                return fault(reader, "Too many percent/per mille characters in pattern");
            reader->multiplier *= factor;
            buffer_append_char(to, c);
        }
    }
    return !quoted;
}

static bool read_exponent(PatternReader *reader)
{
    reader->has_exponent = true;
    for (reader->at++; *reader->at == '0'; reader->at++)
        reader->exponent_min++;
    return (reader->left + reader->zeros >= 1 && reader->exponent_min >= 1) ||
           fault(reader, "Malformed exponential pattern");
}

static bool read_number(PatternReader *reader)
{
    for (; starts_number(*reader->at); reader->at++) {
        char c = *reader->at;
        if (c == ',') {
            reader->grouping = 0;
            continue;
        }
        if (c == '.') {
            if (reader->point >= 0)
                return fault(reader, "Multiple decimal separators in pattern");
            reader->point = reader->left + reader->zeros + reader->right;
            continue;
        }
        if (c == '0' && reader->right > 0)
            return fault(reader, "Unexpected '0' in pattern");
        *(c == '0' ? &reader->zeros : reader->zeros ? &reader->right : &reader->left) += 1;
        if (reader->grouping >= 0 && reader->point < 0)
            reader->grouping++;
    }
    if (*reader->at == 'E' && !read_exponent(reader))
        return false;
    if (reader->zeros == 0 && reader->left > 0 && reader->point >= 0) { /* "#.#" has its zero before the point */
        int64_t before = MAX(reader->point, 1);
        reader->right = reader->left - before;
        reader->left = before - 1;
        reader->zeros = 1;
    }
    return !((reader->point < 0 && reader->right > 0) ||
             (reader->point >= 0 && (reader->point < reader->left || reader->point > reader->left + reader->zeros)) ||
             reader->grouping == 0);
}

static void take_counts(Pattern *pattern, const PatternReader *reader)
{
    int64_t total = reader->left + reader->zeros + reader->right, point = reader->point >= 0 ? reader->point : total;
    pattern->multiplier = reader->multiplier;
    pattern->has_exponent = reader->has_exponent;
    pattern->exponent_min = reader->exponent_min;
    pattern->integers_min = point - reader->left;
    pattern->integers_max = reader->left + pattern->integers_min;
    pattern->fraction_max = total - point;
    pattern->fraction_min = reader->point >= 0 ? reader->left + reader->zeros - point : 0;
    pattern->group = MAX(reader->grouping, 0);
    pattern->always_point = reader->point >= 0 && (reader->point == 0 || reader->point == total);
}

static bool read_half(PatternReader *reader, Affixes *affixes)
{
    if (!read_affix(reader, &affixes->prefix, true))
        return false;
    if (!reader->is_negative)
        return read_number(reader) && read_affix(reader, &affixes->suffix, false);
    while (starts_number(*reader->at) || *reader->at == 'E')
        reader->at++;
    return read_affix(reader, &affixes->suffix, false);
}

static bool pattern_read(const char *text, Pattern *ret, const char **ret_fault)
{
    PatternReader reader = {.at = text, .point = -1, .grouping = -1, .multiplier = 1};
    if (!*text) {
        *ret = (Pattern){.multiplier = 1, .fraction_max = INT32_MAX, .group = 3};
        return true;
    }
    if (!read_half(&reader, &ret->positive)) {
        *ret_fault = reader.fault ? reader.fault : *ret_fault;
        return false;
    }
    take_counts(ret, &reader);
    if (*reader.at != ';' || !reader.at[1])
        return true;
    PatternReader negative = {.at = reader.at + 1, .is_negative = true, .multiplier = 1};
    ret->has_negative = true;
    return read_half(&negative, &ret->negative);
}

/* ---- the digits ---- */
/* The digits of a number's text: sign, digits, point, exponent. */
static Digits digits_read(Arena *arena, const char *text, size_t length)
{
    Digits digits = {.text = arena_alloc(arena, length + 1)};
    bool fraction = false;
    const char *end = text + length;
    if (text < end && *text == '-') {
        digits.negative = true;
        text++;
    }
    for (; text < end && *text != 'E'; text++) {
        if (*text == '.') {
            fraction = true;
            continue;
        }
        if (digits.count || *text != '0') {
            digits.text[digits.count++] = *text;
            digits.point += !fraction;
        } else {
            digits.point -= fraction;
        }
    }
    int64_t exponent = 0;
    bool below = text + 1 < end && text[1] == '-';
    for (const char *at = text + 1; at < end; at++)
        exponent = *at >= '0' && *at <= '9' ? exponent * 10 + (*at - '0') : exponent;
    digits.point += below ? -exponent : exponent;
    while (digits.count && digits.text[digits.count - 1] == '0')
        digits.count--;
    if (!digits.count)
        digits.point = 0;
    return digits;
}

/* How the exact value of a double lies to the shortest digits that name it. */
static int exact_difference(double real, const Digits *digits)
{
    char exact[160];
    (void)snprintf(exact, sizeof(exact), "%.120e", fabs(real)); /* d.ddd…e±xx, always fits */
    for (int64_t i = 0; i < 121; i++) {
        char digit = exact[i ? i + 1 : 0], shown = i < digits->count ? digits->text[i] : '0';
        if (digit != shown)
            return digit > shown ? 1 : -1;
    }
    return 0;
}

static Digits number_digits(Arena *arena, const Value *number, int64_t multiplier)
{
    int64_t shift = multiplier == 100 ? 2 : multiplier == 1000 ? 3 : 0;
    Digits digits;
    if (number->kind == VALUE_DOUBLE || number->kind == VALUE_FLOAT) {
        char text[JAVA_DOUBLE_BYTES];
        double real = number->real * (double)multiplier;
        digits = digits_read(arena, text, java_double_format(real, text));
        digits.beyond = exact_difference(real, &digits);
        digits.never_first = digits.count == 1 && digits.point <= -3;
        return digits;
    }
    Value text = java_text(arena, number);
    digits = digits_read(arena, text.text, text.length);
    digits.point += digits.count ? shift : 0;
    return digits;
}

static bool rounds_up(const Digits *digits, int64_t at)
{
    char next = digits->text[at];
    if (next != '5' || at + 1 < digits->count)
        return next >= '5';
    if (digits->beyond && !(at == 0 && digits->never_first))
        return digits->beyond > 0;
    return at > 0 && (digits->text[at - 1] - '0') % 2;
}

/* Keeps `kept` digits. */
static void digits_round(Digits *digits, int64_t kept)
{
    if (kept >= digits->count)
        return;
    bool up = kept >= 0 && rounds_up(digits, kept);
    digits->count = MAX(kept, 0);
    while (up && digits->count && digits->text[digits->count - 1] == '9')
        digits->count--;
    if (up && digits->count) {
        digits->text[digits->count - 1]++;
    } else if (up) {
        digits->text[digits->count++] = '1';
        digits->point++;
    }
    while (digits->count && digits->text[digits->count - 1] == '0')
        digits->count--;
    if (!digits->count)
        digits->point = 0;
}

/* ---- the text ---- */
static void write_plain(const Pattern *pattern, const Digits *digits, Buffer *out)
{
    int64_t index = 0, integers = MAX(pattern->integers_min, digits->point);
    for (int64_t i = integers - 1; i >= 0; i--) {
        buffer_append_char(out, i < digits->point && index < digits->count ? digits->text[index++] : '0');
        if (i && pattern->group && i % pattern->group == 0)
            buffer_append_char(out, ',');
    }
    bool fraction = pattern->fraction_min > 0 || index < digits->count;
    if (!fraction && integers <= 0)
        buffer_append_char(out, '0');
    if (pattern->always_point || fraction)
        buffer_append_char(out, '.');
    for (int64_t i = 0; i < pattern->fraction_max && (i < pattern->fraction_min || index < digits->count); i++)
        buffer_append_char(out, i < -digits->point || index >= digits->count ? '0' : digits->text[index++]);
}

static void write_exponent(const Pattern *pattern, const Digits *digits, Buffer *out)
{
    int64_t exponent = digits->point, repeat = pattern->integers_max, integers_min = pattern->integers_min;
    if (repeat > 1 && repeat > integers_min) { /* the exponent is a multiple of `repeat` */
        exponent = (exponent >= 1 ? exponent - 1 : exponent - repeat) / repeat * repeat;
        integers_min = 1;
    } else {
        exponent -= integers_min;
    }
    int64_t integers = digits->count ? digits->point - exponent : integers_min;
    int64_t total = MAX(pattern->integers_min + pattern->fraction_min, integers);
    total = MAX(total, digits->count);
    for (int64_t i = 0; i < total; i++) {
        if (i == integers)
            buffer_append_char(out, '.');
        buffer_append_char(out, i < digits->count ? digits->text[i] : '0');
    }
    if (pattern->always_point && total == integers)
        buffer_append_char(out, '.');
    buffer_printf(out, "E%s%0*" PRId64, exponent < 0 && digits->count ? "-" : "", (int)pattern->exponent_min,
                  digits->count ? exponent < 0 ? -exponent : exponent : 0);
}

static void write_number(Eval *eval, const Value *number, const Pattern *pattern, Buffer *out)
{
    bool real = number->kind == VALUE_DOUBLE || number->kind == VALUE_FLOAT;
    if (real && isnan(number->real)) {
        buffer_append(out, "NaN");
        return;
    }
    bool infinite = real && isinf(number->real * (double)pattern->multiplier);
    Digits digits = {.negative = infinite && number->real < 0};
    if (!infinite)
        digits = number_digits(eval->arena, number, pattern->multiplier);
    const Affixes *affixes = digits.negative && pattern->has_negative ? &pattern->negative : &pattern->positive;
    if (digits.negative && !pattern->has_negative)
        buffer_append_char(out, '-');
    buffer_append_n(out, buffer_text(&affixes->prefix), affixes->prefix.length);
    if (infinite) {
        buffer_append(out, "∞");
    } else {
        digits_round(&digits, pattern->has_exponent ? pattern->integers_max + pattern->fraction_max
                                                    : digits.point + pattern->fraction_max);
        (pattern->has_exponent ? write_exponent : write_plain)(pattern, &digits, out);
    }
    buffer_append_n(out, buffer_text(&affixes->suffix), affixes->suffix.length);
}

int number_format(Eval *eval, const Value *number, const Value *pattern, Value *ret)
{
    const char *text =
        pattern->kind == VALUE_NULL ? "#,##0.###" : arena_strndup(eval->arena, pattern->text, pattern->length);
    _cleanup_(pattern_done) Pattern parsed = {};
    const char *problem = "Malformed pattern";
    if (!pattern_read(text, &parsed, &problem))
        return eval_fail_plain(eval, "%s \"%s\"", problem, text);
    _cleanup_buffer_ Buffer buffer = {};
    write_number(eval, number, &parsed, &buffer);
    return eval_buffer_value(eval, &buffer, ret);
}
