/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Java's and PCRE2's syntax agree on nearly all that people write. What differs and matters: \h \R \Z mean the same in
 * both; Java's "(?d)" and possessive classes with && are not supported.
 *
 * PCRE2 counts the steps of one place of the text where a match may begin, not those of all places, and not the
 * characters that a repeated class runs over. So every item of a pattern has a callout, which spends of the render's
 * budget: a step for the item and one for each CHARACTERS_PER_STEP that the match went forward or back since the last.
 */
#include "expr/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <ctype.h>
#include <pcre2.h>

#include "expr/utf16.h"

DEFINE_CLEANUP(pcre2_code *, pcre2_code_free);
DEFINE_CLEANUP(pcre2_match_data *, pcre2_match_data_free);
DEFINE_CLEANUP(pcre2_match_context *, pcre2_match_context_free);
DEFINE_CLEANUP(pcre2_compile_context *, pcre2_compile_context_free);

#define CHARACTERS_PER_STEP 16
#define HEAP_KIBIBYTES_MAX  (32 * 1024) /* of one match, for what it may have to go back to */

typedef struct Regex {
    pcre2_code *code;
    pcre2_match_data *data;
    pcre2_match_context *context;
    Eval *eval;
    bool is_checked; /* the text is known to be UTF-8: not to be looked through for each match */
    size_t last;     /* where in the text the last callout was */
} Regex;

static void regex_done(Regex *regex)
{
    pcre2_match_context_free(regex->context);
    pcre2_match_data_free(regex->data);
    pcre2_code_free(regex->code);
}

static int spend(pcre2_callout_block *block, void *userdata)
{
    Regex *regex = userdata;
    size_t at = block->current_position, moved = at > regex->last ? at - regex->last : regex->last - at;
    regex->last = at;
    return eval_spend(regex->eval, 1 + moved / CHARACTERS_PER_STEP) ? PCRE2_ERROR_CALLOUT : 0;
}

/* Not in place: the callouts know the address of *regex until regex_done. */
static int regex_open(Eval *eval, const Value *pattern, const Value *text, uint32_t options, Regex *regex)
{
    int code;
    PCRE2_SIZE offset;
    _cleanup_(pcre2_compile_context_freep) pcre2_compile_context *how = pcre2_compile_context_create(NULL);
    (void)pcre2_set_newline(how, PCRE2_NEWLINE_ANYCRLF); /* cannot fail; "." stops at \r too */
    int r = eval_spend(eval, value_cost(pattern) + value_cost(text));
    if (r)
        return r;
    regex->eval = eval;
    regex->is_checked = utf8_is_valid(text->text, text->length);
    regex->code = pcre2_compile((PCRE2_SPTR)pattern->text, pattern->length,
                                PCRE2_UTF | (regex->is_checked ? 0 : PCRE2_MATCH_INVALID_UTF) | PCRE2_AUTO_CALLOUT |
                                    PCRE2_NEVER_BACKSLASH_C | options,
                                &code, &offset, how);
    if (!regex->code) {
        PCRE2_UCHAR message[128];
        (void)pcre2_get_error_message(code, message, sizeof(message)); /* cut when too long */
        return eval_fail_plain(eval, "%s near index %zu %.*s", (char *)message, (size_t)offset, (int)pattern->length,
                               pattern->text);
    }
    regex->data = pcre2_match_data_create_from_pattern(regex->code, NULL);
    regex->context = pcre2_match_context_create(NULL);
    (void)pcre2_set_callout(regex->context, spend, regex); /* these three cannot fail */
    (void)pcre2_set_match_limit(regex->context, UINT32_MAX);
    (void)pcre2_set_heap_limit(regex->context, HEAP_KIBIBYTES_MAX);
    return 0;
}

/* 1: found, 0: not found, negative: error set in eval. */
static int regex_find(Regex *regex, const Value *text, size_t from)
{
    uint64_t skipped = regex->is_checked ? 0 : (text->length - from) / BYTES_PER_STEP; /* looked through by PCRE2 */
    if (eval_spend(regex->eval, 1 + skipped))
        return -1;
    regex->last = from;
    int r = pcre2_match(regex->code, (PCRE2_SPTR)text->text, text->length, from,
                        regex->is_checked ? PCRE2_NO_UTF_CHECK : 0, regex->data, regex->context);
    if (r == PCRE2_ERROR_NOMATCH)
        return 0;
    if (r < 0 && r != PCRE2_ERROR_CALLOUT) /* the callout has set the error */
        eval_fail_plain(regex->eval, r == PCRE2_ERROR_HEAPLIMIT ? "The regular expression needs too much memory"
                                                                : "The regular expression cannot be matched");
    return r < 0 ? -1 : 1;
}

int regex_matches(Eval *eval, const Value *text, const Value *pattern, bool *ret)
{
    _cleanup_(regex_done) Regex regex = {};
    int r = regex_open(eval, pattern, text, PCRE2_ANCHORED | PCRE2_ENDANCHORED, &regex);
    if (r)
        return r;
    r = regex_find(&regex, text, 0);
    *ret = r > 0;
    return r < 0 ? EVAL_E_ERROR : 0;
}

static bool append_group(Buffer *buffer, const Regex *regex, const Value *text, uint32_t group)
{
    PCRE2_SIZE *spans = pcre2_get_ovector_pointer(regex->data);
    if (group >= pcre2_get_ovector_count(regex->data))
        return false;
    if (spans[2 * group] != PCRE2_UNSET)
        buffer_append_n(buffer, text->text + spans[2 * group], spans[2 * group + 1] - spans[2 * group]);
    return true;
}

/* After "$": a number (as many digits as name a group) or {name}. */
static bool append_reference(Buffer *buffer, const Regex *regex, const Value *text, const char **at, const char *end)
{
    uint32_t groups = pcre2_get_ovector_count(regex->data);
    if (*at < end && **at == '{') {
        const char *close = memchr(*at, '}', (size_t)(end - *at));
        if (!close)
            return false;
        _cleanup_free_ char *name = xstrndup(*at + 1, (size_t)(close - *at - 1));
        int number = pcre2_substring_number_from_name(regex->code, (PCRE2_SPTR)name);
        *at = close + 1;
        return number >= 0 && append_group(buffer, regex, text, (uint32_t)number);
    }
    if (*at >= end || !isdigit((unsigned char)**at))
        return false;
    uint32_t group = (uint32_t)(*(*at)++ - '0');
    while (*at < end && isdigit((unsigned char)**at) && group * 10 + (uint32_t)(**at - '0') < groups)
        group = group * 10 + (uint32_t)(*(*at)++ - '0');
    return append_group(buffer, regex, text, group);
}

static int append_replacement(Eval *eval, Buffer *buffer, const Regex *regex, const Value *text,
                              const Value *replacement)
{
    const char *at = replacement->text, *end = at + replacement->length;
    while (at < end) {
        char c = *at++;
        if (c == '\\') {
            if (at == end)
                return eval_fail_plain(eval, "character to be escaped is missing");
            buffer_append_char(buffer, *at++);
        } else if (c == '$') {
            if (at == end)
                return eval_fail_plain(eval, "Illegal group reference: group index is missing");
            if (!append_reference(buffer, regex, text, &at, end))
                return eval_fail_plain(eval, "Illegal group reference");
        } else {
            buffer_append_char(buffer, c);
        }
    }
    return 0;
}

static size_t next_character(const Value *text, size_t at)
{
    const char *next = text->text + at;
    (void)utf8_next(&next, text->text + text->length); /* for its length */
    return (size_t)(next - text->text);
}

int regex_replace(Eval *eval, const Value *text, const Value *pattern, const Value *replacement, bool all, Value *ret)
{
    _cleanup_(regex_done) Regex regex = {};
    _cleanup_buffer_ Buffer buffer = {};
    int r = regex_open(eval, pattern, text, 0, &regex);
    size_t copied = 0;
    for (size_t at = 0; !r && at <= text->length;) {
        int found = regex_find(&regex, text, at);
        if (found < 0)
            return EVAL_E_ERROR;
        if (!found)
            break;
        PCRE2_SIZE *span = pcre2_get_ovector_pointer(regex.data);
        buffer_append_n(&buffer, text->text + copied, span[0] - copied);
        r = append_replacement(eval, &buffer, &regex, text, replacement);
        copied = span[1];
        at = span[1] > span[0] ? span[1] : span[1] < text->length ? next_character(text, span[1]) : text->length + 1;
        if (!all || buffer.length > eval->limits->output_bytes_max)
            break;
    }
    if (r)
        return r;
    buffer_append_n(&buffer, text->text + copied, text->length - copied);
    return eval_buffer_value(eval, &buffer, ret);
}

int regex_split(Eval *eval, const Value *text, const Value *pattern, int64_t limit, Value *ret)
{
    _cleanup_(regex_done) Regex regex = {};
    List *list = list_new(eval->arena, 0);
    int r = regex_open(eval, pattern, text, 0, &regex);
    if (r)
        return r;
    size_t start = 0;
    for (size_t at = 0; at <= text->length && (limit <= 0 || (int64_t)list->count < limit - 1);) {
        int found = regex_find(&regex, text, at);
        if (found < 0)
            return EVAL_E_ERROR;
        if (!found)
            break;
        PCRE2_SIZE *span = pcre2_get_ovector_pointer(regex.data);
        bool empty_at_start = span[1] == 0, empty_at_end = span[0] == span[1] && span[0] >= text->length;
        if (!empty_at_start && !empty_at_end) {
            list_push(eval->arena, list, value_text(text->text + start, span[0] - start));
            start = span[1];
        }
        at = span[1] > span[0] ? span[1] : span[1] < text->length ? next_character(text, span[1]) : text->length + 1;
    }
    list_push(eval->arena, list, value_text(text->text + start, text->length - start));
    while (limit == 0 && list->count > 1 && list->items[list->count - 1].length == 0)
        list->count--;
    if (limit == 0 && list->count == 1 && list->items[0].length == 0 && text->length)
        list->count = 0;
    *ret = value_list(list);
    ret->class_ = CLASS_TEXT_ARRAY;
    return 0;
}
