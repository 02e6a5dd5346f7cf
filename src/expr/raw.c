/* SPDX-License-Identifier: Apache-2.0 */
/*
 * {% raw %}: Kestra hides such blocks from Pebble behind random markers before it parses, puts them back with their
 * tags, and strips the tags from the final result, so that a text can pass several renderings. A block must stand on
 * one line. Our markers are a control character and a number; the lexer knows nothing of them.
 */
#include "expr/engine.h"

static const char *skip(const char *at, const char *end, const char *set)
{
    while (at < end && *at && strchr(set, *at))
        at++;
    return at;
}

#define BLANKS " \t\n\v\f\r"

/* "{%" "-"* blanks word blanks "-"* "%}" at `at`: its end, or NULL. */
static const char *raw_tag(const char *at, const char *end, const char *word)
{
    size_t length = strlen(word);
    if (end - at < 4 || at[0] != '{' || at[1] != '%')
        return NULL;
    at = skip(skip(at + 2, end, "-"), end, BLANKS);
    if ((size_t)(end - at) < length || memcmp(at, word, length) != 0)
        return NULL;
    at = skip(skip(at + length, end, BLANKS), end, "-");
    return end - at >= 2 && at[0] == '%' && at[1] == '}' ? at + 2 : NULL;
}

bool raw_find(const char *at, const char *end, RawBlock *ret)
{
    for (; (at = memmem(at, (size_t)(end - at), "{%", 2)); at++) {
        const char *content = raw_tag(at, end, "raw");
        if (!content)
            continue;
        for (const char *c = content; c < end && *c != '\n' && *c != '\r'; c++) {
            const char *close = *c == '{' ? raw_tag(c, end, "endraw") : NULL;
            if (close) {
                *ret = (RawBlock){at, content, c, close};
                return true;
            }
        }
    }
    return false;
}

bool raw_strip(Arena *arena, const Value *text, Value *ret)
{
    const char *at = text->text, *end = at + text->length;
    RawBlock block;
    if (!text->length || !raw_find(at, end, &block))
        return false;
    char *stripped = arena_alloc(arena, text->length + 1), *to = stripped;
    do {
        memcpy(to, at, (size_t)(block.start - at));
        to += block.start - at;
        memcpy(to, block.content, (size_t)(block.content_end - block.content));
        to += block.content_end - block.content;
        at = block.end;
    } while (raw_find(at, end, &block));
    memcpy(to, at, (size_t)(end - at));
    to += end - at;
    *ret = value_text(stripped, (size_t)(to - stripped));
    return true;
}
