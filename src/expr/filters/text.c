/* SPDX-License-Identifier: Apache-2.0 */
/* Filters on texts. */
#include <unicode/uchar.h>

#include "expr/calls.h"
#include "expr/unicode.h"
#include "expr/utf16.h"

static bool is_null(const Call *call, Value *ret)
{
    *ret = VALUE_NULL_INIT;
    return call->input.kind == VALUE_NULL;
}

/* ---- case ---- */
typedef int (*TextMap)(Eval *eval, const Value *text, Value *ret);

static int map_text(Call *call, TextMap map, Value *ret)
{
    if (is_null(call, ret))
        return 0;
    int r = call_need_text(call, &call->input);
    return r ? r : map(call->eval, &call->input, ret);
}

/* Unlike the other filters on texts these two take every value, as its text. */
static int change_case(Call *call, TextMap map, Value *ret)
{
    if (is_null(call, ret))
        return 0;
    Value text = java_text(call->eval->arena, &call->input);
    return map(call->eval, &text, ret);
}

static int filter_upper(Call *call, Value *ret)
{
    return change_case(call, unicode_upper, ret);
}

static int filter_lower(Call *call, Value *ret)
{
    return change_case(call, unicode_lower, ret);
}

/* The first character that is no blank gets its title case. */
static int capitalize(Eval *eval, const Value *text, Value *ret)
{
    const char *at = text->text, *end = at + text->length;
    while (at < end) {
        const char *next = at;
        if (!u_isWhitespace((UChar32)utf8_next(&next, end)))
            break;
        at = next;
    }
    Value rest = value_text(at, (size_t)(end - at));
    int r = unicode_title_first(eval, &rest, ret);
    if (r || at == text->text)
        return r;
    char *joined = eval_text(eval, text->length + 4);
    if (!joined)
        return EVAL_E_ERROR;
    size_t before = (size_t)(at - text->text);
    memcpy(joined, text->text, before);
    memcpy(joined + before, ret->text, ret->length);
    *ret = value_text(joined, before + ret->length);
    return 0;
}

static int filter_capitalize(Call *call, Value *ret)
{
    return map_text(call, capitalize, ret);
}

static int title(Eval *eval, const Value *text, Value *ret)
{
    char *to = eval_text(eval, text->length * 2 + 8);
    if (!to)
        return EVAL_E_ERROR;
    size_t length = 0;
    bool starts = true;
    for (const char *at = text->text, *end = at + text->length; at < end;) {
        uint32_t c = utf8_next(&at, end);
        bool blank = u_isWhitespace((UChar32)c);
        if (starts && !blank)
            c = (uint32_t)u_totitle((UChar32)c);
        starts = blank;
        length += utf8_put(c, to + length);
    }
    *ret = value_text(to, length);
    return 0;
}

static int filter_title(Call *call, Value *ret)
{
    return map_text(call, title, ret);
}

static int filter_trim(Call *call, Value *ret)
{
    if (is_null(call, ret))
        return 0;
    int r = call_need_text(call, &call->input);
    if (!r)
        *ret = java_trim(call->input);
    return r;
}

/* ---- length, parts ---- */
static int filter_abbreviate(Call *call, Value *ret)
{
    if (is_null(call, ret))
        return 0;
    Value limit = call_argument(call, 0);
    int64_t max;
    int r = call_need_text(call, &call->input);
    if (!r)
        r = call_need_long(call, &limit, &max);
    if (r)
        return r;
    const Value *text = &call->input;
    if (max < 0)
        return call_fail(call, "Invalid argument to abbreviate filter; must be greater than zero");
    if ((int64_t)utf16_length(text->text, text->length) < max) {
        *ret = *text;
        return 0;
    }
    if (utf16_length(text->text, text->length) <= 3) {
        *ret = *text; /* too short to be worth dots */
        return 0;
    }
    int64_t kept = max > 3 ? max - 3 : max;
    size_t bytes = utf16_offset(text->text, text->length, (size_t)kept);
    char *to = eval_text(call->eval, bytes + 3);
    if (!to)
        return EVAL_E_ERROR;
    memcpy(to, text->text, bytes);
    memcpy(to + bytes, "...", 3);
    *ret = value_text(to, bytes + (max > 3 ? 3 : 0));
    return 0;
}

static const char *first_of(const Value *text, const Value *part)
{
    return part->length ? memmem(text->text, text->length, part->text, part->length) : text->text;
}

static const char *last_of(const Value *text, const Value *part)
{
    for (size_t i = text->length + 1; i-- > 0;)
        if (text->length - i >= part->length && memcmp(text->text + i, part->text, part->length) == 0)
            return text->text + i;
    return NULL;
}

typedef enum Side { BEFORE, BEFORE_LAST, AFTER, AFTER_LAST } Side;

/* Apache commons: no separator given or found: the whole text before it, nothing after it. */
static int substring(Call *call, Side side, Value *ret)
{
    if (is_null(call, ret))
        return 0;
    if (!call_has(call, 0))
        return call_fail(call, "The '%s' filter expects an argument 'separator'.", call->row->name);
    Value text = java_text(call->eval->arena, &call->input), separator = call_argument(call, 0);
    bool after = side == AFTER || side == AFTER_LAST, last = side == BEFORE_LAST || side == AFTER_LAST;
    *ret = after ? value_literal("") : text;
    if (separator.kind == VALUE_NULL)
        return 0;
    int r = call_need_text(call, &separator);
    if (r)
        return r;
    if (separator.length == 0) {
        if (side == BEFORE)
            *ret = value_literal("");
        else if (side == AFTER)
            *ret = text;
        return 0;
    }
    const char *found = (last ? last_of : first_of)(&text, &separator), *end = text.text + text.length;
    if (found && after)
        *ret = value_text(found + separator.length, (size_t)(end - found) - separator.length);
    else if (found)
        *ret = value_text(text.text, (size_t)(found - text.text));
    return 0;
}

static int filter_substring_before(Call *call, Value *ret)
{
    return substring(call, BEFORE, ret);
}
static int filter_substring_before_last(Call *call, Value *ret)
{
    return substring(call, BEFORE_LAST, ret);
}
static int filter_substring_after(Call *call, Value *ret)
{
    return substring(call, AFTER, ret);
}
static int filter_substring_after_last(Call *call, Value *ret)
{
    return substring(call, AFTER_LAST, ret);
}

static int affix(Call *call, bool end, Value *ret)
{
    Value value = call_argument(call, 0);
    if (is_null(call, ret))
        return eval_fail_plain(call->eval, "The '%s' filter expects a text, not null", call->row->name);
    if (value.kind == VALUE_NULL)
        return eval_fail_plain(call->eval, "The '%s' filter expects an argument 'value'.", call->row->name);
    Value text = java_text(call->eval->arena, &call->input), part = java_text(call->eval->arena, &value);
    const char *at = end ? text.text + text.length - part.length : text.text;
    *ret = value_boolean(text.length >= part.length && memcmp(at, part.text, part.length) == 0);
    return 0;
}

static int filter_starts_with(Call *call, Value *ret)
{
    return affix(call, false, ret);
}
static int filter_ends_with(Call *call, Value *ret)
{
    return affix(call, true, ret);
}

static int filter_slugify(Call *call, Value *ret)
{
    if (is_null(call, ret))
        return 0;
    Value text = java_text(call->eval->arena, &call->input);
    return unicode_slug(call->eval, &text, ret);
}

/* ---- indentation ---- */
/* The line separator that comes first in the text decides for nindent. */
static const char *first_line_end(const Value *text)
{
    for (uint32_t i = 0; i < text->length; i++) {
        if (text->text[i] == '\n')
            return i + 1 < text->length && text->text[i + 1] == '\r' ? "\n\r" : "\n";
        if (text->text[i] == '\r')
            return i + 1 < text->length && text->text[i + 1] == '\n' ? "\r\n" : "\r";
    }
    return "\n";
}

static int indent(Call *call, bool newline_first, Value *ret)
{
    if (is_null(call, ret))
        return 0;
    Value text = java_text(call->eval->arena, &call->input), amount = call_argument(call, 0),
          prefix = call_argument(call, 1);
    if (text.length == 0) {
        *ret = text;
        return 0;
    }
    if (!value_is_whole(&amount))
        return call_fail(call, "The '%s' filter expects an integer as argument 'amount'.", call->row->name);
    if (amount.integer < 0)
        return call_fail(call, "The '%s' filter expects a positive integer >=0 as argument 'amount'.", call->row->name);
    if (prefix.kind == VALUE_NULL)
        prefix = value_literal(" ");
    prefix = java_text(call->eval->arena, &prefix);
    const char *separator = first_line_end(&text);
    size_t separator_length = strlen(separator);
    _cleanup_buffer_ Buffer pad = {}, buffer = {};
    if ((uint64_t)amount.integer * prefix.length > call->eval->limits->output_bytes_max)
        return eval_fail_plain(call->eval, "The indentation is too wide");
    for (int64_t i = 0; i < amount.integer; i++)
        buffer_append_n(&pad, prefix.text, prefix.length);
    if (newline_first) {
        buffer_append(&buffer, separator);
        buffer_append_n(&buffer, buffer_text(&pad), pad.length);
    }
    const char *at = text.text, *end = at + text.length;
    for (const char *found; (found = memmem(at, (size_t)(end - at), separator, separator_length));) {
        buffer_append_n(&buffer, at, (size_t)(found - at) + separator_length);
        buffer_append_n(&buffer, buffer_text(&pad), pad.length);
        at = found + separator_length;
        if (buffer.length > call->eval->limits->output_bytes_max)
            break;
    }
    buffer_append_n(&buffer, at, (size_t)(end - at));
    return eval_buffer_value(call->eval, &buffer, ret);
}

static int filter_indent(Call *call, Value *ret)
{
    return indent(call, false, ret);
}
static int filter_nindent(Call *call, Value *ret)
{
    return indent(call, true, ret);
}

/* ---- default, className ---- */
static bool is_empty(const Value *value)
{
    if (value->kind == VALUE_TEXT)
        return java_trim(*value).length == 0;
    if (value->kind == VALUE_LIST || value->kind == VALUE_MAP)
        return value_count(value) == 0;
    return value->kind == VALUE_NULL;
}

static int filter_default(Call *call, Value *ret)
{
    *ret = is_empty(&call->input) ? call_argument(call, 0) : call->input;
    return 0;
}

static int filter_class_name(Call *call, Value *ret)
{
    if (is_null(call, ret))
        return 0;
    const char *name = value_class_name(&call->input);
    *ret = value_text(name, strlen(name));
    return 0;
}

static const char *const length_arguments[] = {"length", NULL};
static const char *const separator_arguments[] = {"separator", NULL};
static const char *const value_arguments[] = {"value", NULL};
static const char *const indent_arguments[] = {"amount", "prefix", NULL};
static const char *const default_arguments[] = {"default", NULL};

const CallRow filters_text[] = {
    {"abbreviate", filter_abbreviate, length_arguments, 0, NULL},
    {"capitalize", filter_capitalize, NULL, 0, NULL},
    {"className", filter_class_name, NULL, 0, NULL},
    {"default", filter_default, default_arguments, CALL_DEFAULT, NULL},
    {"endsWith", filter_ends_with, value_arguments, 0, NULL},
    {"indent", filter_indent, indent_arguments, 0, NULL},
    {"lower", filter_lower, NULL, 0, NULL},
    {"nindent", filter_nindent, indent_arguments, 0, NULL},
    {"slugify", filter_slugify, NULL, 0, NULL},
    {"startsWith", filter_starts_with, value_arguments, 0, NULL},
    {"substringAfter", filter_substring_after, separator_arguments, 0, NULL},
    {"substringAfterLast", filter_substring_after_last, separator_arguments, 0, NULL},
    {"substringBefore", filter_substring_before, separator_arguments, 0, NULL},
    {"substringBeforeLast", filter_substring_before_last, separator_arguments, 0, NULL},
    {"title", filter_title, NULL, 0, NULL},
    {"trim", filter_trim, NULL, 0, NULL},
    {"upper", filter_upper, NULL, 0, NULL},
    {},
};
