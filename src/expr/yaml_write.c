/* SPDX-License-Identifier: Apache-2.0 */
#include "expr/yaml_write.h"

#include <ctype.h>

#include "expr/java_text.h"
#include "expr/utf16.h"

/* What the form of a text allows, after SnakeYAML's Emitter.analyzeScalar. */
typedef struct Analysis {
    bool special, plain, block, single;
} Analysis;

static bool is_printable(uint32_t c)
{
    return c == '\n' || (c >= 0x20 && c <= 0x7E) || c == 0x85 || (c >= 0xA0 && c <= 0xD7FF) ||
           (c >= 0xE000 && c != 0xFFFE && c != 0xFFFF);
}

static bool blank_follows(const char *at, const char *end)
{
    return at + 1 >= end || strchr(" \t\r\n", at[1]);
}

/* Characters at the start that mean something to YAML. */
static bool starts_like_syntax(const char *text, const char *end)
{
    if (strchr("#,[]{}&*!|>'\"%@`", *text))
        return true;
    if (strchr("?:-", *text) && blank_follows(text, end))
        return true;
    return end - text >= 3 && (memcmp(text, "---", 3) == 0 || memcmp(text, "...", 3) == 0);
}

static Analysis analyze(const char *text, size_t length)
{
    Analysis analysis = {.plain = true, .block = true, .single = true};
    const char *end = text + length;
    if (!length || starts_like_syntax(text, end))
        analysis.plain = false;
    bool edges = length && (strchr(" \n", text[0]) || strchr(" \n", end[-1]));
    if (edges)
        analysis.plain = false;
    if (length && end[-1] == ' ')
        analysis.block = false;
    for (const char *at = text; at < end;) {
        const char *start = at;
        uint32_t c = utf8_next(&at, end);
        analysis.special |= !is_printable(c);
        if (c == '\n' && at < end && *at == ' ')
            analysis.plain = analysis.single = false;
        if (c == ' ' && at < end && *at == '\n')
            analysis.special = true;
        if ((c == ':' && blank_follows(start, end)) || (c == '#' && start > text && strchr(" \t\n", start[-1])) ||
            c == '\n')
            analysis.plain = false;
    }
    return analysis;
}

static void write_double_quoted(Buffer *buffer, const char *text, size_t length)
{
    static const char codes[] = "\0\a\b\t\n\v\f\r\x1b\"\\", letters[] = "0abtnvfre\"\\";
    buffer_append_char(buffer, '"');
    for (const char *at = text, *end = text + length; at < end;) {
        const char *start = at;
        uint32_t c = utf8_next(&at, end);
        const char *code = c < 0x80 ? memchr(codes, (int)c, sizeof(letters) - 1) : NULL;
        if (code)
            buffer_append_n(buffer, (char[]){'\\', letters[code - codes]}, 2);
        else if (is_printable(c))
            buffer_append_n(buffer, start, (size_t)(at - start));
        else
            buffer_printf(buffer, c <= 0xFF ? "\\x%02x" : "\\u%04x", c);
    }
    buffer_append_char(buffer, '"');
}

static void write_single_quoted(Buffer *buffer, const char *text, size_t length)
{
    buffer_append_char(buffer, '\'');
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '\'')
            buffer_append_char(buffer, '\'');
        buffer_append_char(buffer, text[i]);
    }
    buffer_append_char(buffer, '\'');
}

static void write_spaces(Buffer *buffer, unsigned count)
{
    while (count--)
        buffer_append_char(buffer, ' ');
}

/* |, an indentation hint when the first line begins with a blank, - or + for the end. */
static void write_literal(Buffer *buffer, const char *text, size_t length, unsigned indent)
{
    buffer_append_char(buffer, '|');
    if (strchr(" \n", text[0]))
        buffer_append_char(buffer, '2');
    if (text[length - 1] != '\n')
        buffer_append_char(buffer, '-');
    else if (length == 1 || text[length - 2] == '\n')
        buffer_append_char(buffer, '+');
    buffer_append_char(buffer, '\n');
    for (const char *at = text, *end = text + length; at < end;) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        size_t line = (size_t)((stop ? stop : end) - at);
        if (line)
            write_spaces(buffer, indent);
        buffer_append_n(buffer, at, line);
        if (stop || at + line == end)
            buffer_append_char(buffer, stop || line ? '\n' : ' ');
        at += line + 1;
    }
    if (buffer->text[buffer->length - 1] == '\n')
        buffer->text[--buffer->length] = 0; /* the caller ends the line */
}

static bool is_reserved(const char *text, size_t length)
{
    static const char *const words[] = {"false", "False", "FALSE", "n",  "N",   "no",  "No",  "NO",  "null",
                                        "Null",  "NULL",  "on",    "On", "ON",  "off", "Off", "OFF", "true",
                                        "True",  "TRUE",  "y",     "Y",  "yes", "Yes", "YES", "~"};
    for (size_t i = 0; i < ELEMENTS(words); i++)
        if (strlen(words[i]) == length && memcmp(words[i], text, length) == 0)
            return true;
    return length == 0;
}

/* StringQuotingChecker.valueHasQuotableChar */
static bool has_quotable(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (strchr("[]{},", text[i]) && text[i])
            return true;
        if (text[i] == '#' && i && strchr(" \t", text[i - 1]))
            return true;
        if (text[i] == ':' && (i + 1 == length || strchr(" \t", text[i + 1])))
            return true;
    }
    return false;
}

static bool is_leading_zero_number(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (!isdigit((unsigned char)text[i]))
            return false;
    return length > 1 && text[0] == '0';
}

static void write_text(Buffer *buffer, const char *text, size_t length, unsigned indent)
{
    Analysis analysis = analyze(text, length);
    if (analysis.special || (!memchr(text, '\n', length) && (is_reserved(text, length) || has_quotable(text, length))))
        write_double_quoted(buffer, text, length);
    else if (memchr(text, '\n', length) && analysis.block)
        write_literal(buffer, text, length, indent);
    else if (analysis.plain && !is_leading_zero_number(text, length))
        buffer_append_n(buffer, text, length);
    else if (analysis.single)
        write_single_quoted(buffer, text, length);
    else
        write_double_quoted(buffer, text, length);
}

static bool looks_like_number(const char *text, size_t length)
{
    bool digits = false;
    for (size_t i = 0; i < length; i++) {
        digits |= isdigit((unsigned char)text[i]) != 0;
        if (!isdigit((unsigned char)text[i]) && !strchr("+-._eE", text[i]))
            return false;
    }
    return digits;
}

static void write_key(Buffer *buffer, const Value *key)
{
    if (key->kind == VALUE_TEXT || key->kind == VALUE_BOOLEAN) {
        _cleanup_buffer_ Buffer text = {};
        java_append(&text, key);
        if (looks_like_number(buffer_text(&text), text.length) || memchr(buffer_text(&text), '\n', text.length))
            write_double_quoted(buffer, buffer_text(&text), text.length);
        else
            write_text(buffer, buffer_text(&text), text.length, 0);
    } else {
        java_append(buffer, key);
    }
    buffer_append_char(buffer, ':');
}

static void write_list(Buffer *buffer, const Value *value, unsigned indent);
static void write_map(Buffer *buffer, const Value *value, unsigned indent);

static void write_scalar(Buffer *buffer, const Value *value, unsigned indent)
{
    if (value->kind == VALUE_LIST || value->kind == VALUE_MAP) {
        buffer_append(buffer, value->kind == VALUE_LIST ? "[]" : "{}");
    } else if (value->kind == VALUE_TEXT) {
        write_text(buffer, value->text, value->length, indent);
    } else if (value->kind == VALUE_DATE) {
        _cleanup_buffer_ Buffer text = {};
        java_append(&text, value);
        write_text(buffer, buffer_text(&text), text.length, indent);
    } else {
        java_append(buffer, value);
    }
    buffer_append_char(buffer, '\n');
}

static bool is_block(const Value *value)
{
    return (value->kind == VALUE_LIST || value->kind == VALUE_MAP) && value_count(value) > 0;
}

/* After "key:" or "-". A list stands at the column of its map, a map two further than its parent. */
static void write_child(Buffer *buffer, const Value *value, unsigned indent, unsigned list_indent)
{
    buffer_append_char(buffer, is_block(value) ? '\n' : ' ');
    if (!is_block(value))
        write_scalar(buffer, value, indent + 2);
    else if (value->kind == VALUE_LIST)
        write_list(buffer, value, list_indent);
    else
        write_map(buffer, value, indent + 2);
}

static void write_list(Buffer *buffer, const Value *value, unsigned indent)
{
    for (size_t i = 0; i < value_count(value) && !text_is_full(buffer); i++) {
        Value item = value_item(value, i);
        write_spaces(buffer, indent + 1);
        buffer_append_char(buffer, '-');
        write_child(buffer, &item, indent, indent + 2);
    }
}

static void write_map(Buffer *buffer, const Value *value, unsigned indent)
{
    MapWalk walk = {.map = *value};
    for (Value key, item; map_walk(&walk, &key, &item) && !text_is_full(buffer);) {
        write_spaces(buffer, indent);
        write_key(buffer, &key);
        write_child(buffer, &item, indent, indent);
    }
}

void yaml_write(Buffer *buffer, const Value *value)
{
    if (value->kind == VALUE_TEXT && value->length == 0)
        buffer_append(buffer, "--- ");
    if (!is_block(value))
        write_scalar(buffer, value, 2);
    else if (value->kind == VALUE_LIST)
        write_list(buffer, value, 0);
    else
        write_map(buffer, value, 0);
}
