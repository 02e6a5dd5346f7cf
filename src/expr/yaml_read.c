/* SPDX-License-Identifier: Apache-2.0 */
#include "expr/yaml_read.h"

#include <ctype.h>
#include <math.h>
#include <yaml.h>

#include "expr/json_read.h"

#define DEPTH_MAX 200

typedef struct Reader {
    Eval *eval;
    yaml_parser_t parser;
    unsigned depth;
    bool failed;
} Reader;

static bool next_event(Reader *reader, yaml_event_t *ret)
{
    reader->failed = !yaml_parser_parse(&reader->parser, ret);
    return !reader->failed;
}

static bool is_word(const char *text, const char *const *words)
{
    for (; *words; words++)
        if (streq(text, *words))
            return true;
    return false;
}

/* Digits with underscores in a base; what does not fit 64 bits becomes a BigInteger in base 10. */
static bool read_integer(Arena *arena, const char *text, size_t length, Value *ret)
{
    char *digits = arena_alloc(arena, length + 1);
    size_t count = 0;
    for (size_t i = 0; i < length; i++)
        if (text[i] != '_')
            digits[count++] = text[i];
    bool negative = digits[0] == '-';
    char *body = digits + (negative || digits[0] == '+');
    unsigned base = 10;
    if (body[0] == '0' && body[1] == 'x') {
        base = 16;
        body += 2;
    } else if (body[0] == '0' && body[1] == 'b') {
        base = 2;
        body += 2;
    } else if (body[0] == '0' && body[1] && strspn(body, "01234567") == strlen(body)) {
        base = 8;
    }
    static const char *const sets[] = {
        [2] = "01", [8] = "01234567", [10] = "0123456789", [16] = "0123456789abcdefABCDEF"};
    if (!*body || strspn(body, sets[base]) != strlen(body))
        return false;
    uint64_t magnitude = 0;
    bool fits = true;
    for (const char *c = body; *c; c++) {
        unsigned digit = isdigit((unsigned char)*c) ? (unsigned)(*c - '0') : (unsigned)((*c | 32) - 'a' + 10);
        fits = fits && !__builtin_mul_overflow(magnitude, (uint64_t)base, &magnitude) &&
               !__builtin_add_overflow(magnitude, (uint64_t)digit, &magnitude);
    }
    if (fits && magnitude <= (uint64_t)INT64_MAX + negative) {
        int64_t integer = (int64_t)(negative ? 0 - magnitude : magnitude);
        *ret = integer == (int32_t)integer ? value_integer(integer) : value_long(integer);
    } else {
        const char *big = arena_printf(arena, "%s%s", negative ? "-" : "", body);
        *ret = (Value){.kind = VALUE_BIG, .length = (uint32_t)strlen(big), .text = big};
    }
    return true;
}

static bool read_real(const char *text, Value *ret)
{
    static const char *const infinite[] = {".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF", NULL};
    static const char *const negative[] = {"-.inf", "-.Inf", "-.INF", NULL};
    static const char *const nan[] = {".nan", ".NaN", ".NAN", NULL};
    char *end;
    if (is_word(text, infinite) || is_word(text, negative) || is_word(text, nan)) {
        *ret = value_double(is_word(text, nan) ? NAN : is_word(text, negative) ? -INFINITY : INFINITY);
        return true;
    }
    if (!strpbrk(text, "0123456789") || text[strspn(text, "+-.0123456789eE")] || !strpbrk(text, ".eE"))
        return false;
    *ret = value_double(strtod(text, &end));
    return *end == 0;
}

static Value plain_scalar(Arena *arena, const char *text, size_t length)
{
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
    static const char *const trues[] = {"true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON", NULL};
    static const char *const falses[] = {"false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF", NULL};
    Value value = VALUE_NULL_INIT;
    if (is_word(text, nulls))
        return value;
    if (is_word(text, trues) || is_word(text, falses))
        return value_boolean(is_word(text, trues));
    if (read_integer(arena, text, length, &value) || read_real(text, &value))
        return value;
    return value_text(text, length);
}

static Value scalar_value(Reader *reader, const yaml_event_t *event)
{
    Arena *arena = reader->eval->arena;
    size_t length = event->data.scalar.length;
    const char *text = arena_strndup(arena, (const char *)event->data.scalar.value, length);
    const char *tag = (const char *)event->data.scalar.tag;
    if (tag &&
        (ends_with(tag, ":int") || ends_with(tag, ":float") || ends_with(tag, ":bool") || ends_with(tag, ":null")))
        return plain_scalar(arena, text, length);
    if (event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE || (tag && *tag))
        return value_text(text, length);
    return plain_scalar(arena, text, length);
}

static bool read_node(Reader *reader, const yaml_event_t *event, Value *ret);

static bool read_sequence(Reader *reader, Value *ret)
{
    List *list = list_new(reader->eval->arena, 0);
    *ret = value_list(list);
    for (;;) {
        yaml_event_t event;
        Value item;
        if (!next_event(reader, &event))
            return false;
        bool ended = event.type == YAML_SEQUENCE_END_EVENT, good = ended || read_node(reader, &event, &item);
        yaml_event_delete(&event);
        if (ended || !good)
            return good;
        list_push(reader->eval->arena, list, item);
    }
}

static bool read_mapping(Reader *reader, Value *ret)
{
    ValueMap *map = map2_new(reader->eval->arena);
    *ret = value_map(map);
    for (;;) {
        yaml_event_t event;
        Value key, value;
        if (!next_event(reader, &event))
            return false;
        bool ended = event.type == YAML_MAPPING_END_EVENT, good = ended;
        if (!ended && event.type == YAML_SCALAR_EVENT) {
            size_t length = event.data.scalar.length; /* a key is always a text */
            key = value_text(arena_strndup(reader->eval->arena, (const char *)event.data.scalar.value, length), length);
            good = true;
        } else if (!ended) {
            good = read_node(reader, &event, &key);
        }
        yaml_event_delete(&event);
        if (ended || !good || !next_event(reader, &event))
            return ended && good;
        good = read_node(reader, &event, &value);
        yaml_event_delete(&event);
        if (!good)
            return false;
        map2_put(reader->eval->arena, map, key, value);
    }
}

static bool read_node(Reader *reader, const yaml_event_t *event, Value *ret)
{
    const char *anchor = (const char *)event->data.alias.anchor;
    if (event->type == YAML_SCALAR_EVENT) {
        *ret = scalar_value(reader, event);
        return true;
    }
    if (event->type == YAML_ALIAS_EVENT) {
        *ret = value_text(arena_strdup(reader->eval->arena, anchor), strlen(anchor));
        return true;
    }
    if (reader->depth == DEPTH_MAX)
        return false;
    reader->depth++;
    bool good = event->type == YAML_SEQUENCE_START_EVENT ? read_sequence(reader, ret) : read_mapping(reader, ret);
    reader->depth--;
    return good;
}

/* libyaml's words are SnakeYAML's but for a few. */
static int yaml_failed(Reader *reader, unsigned line)
{
    const char *text = reader->parser.context ? reader->parser.context : reader->parser.problem;
    if (!text)
        text = "nested too deeply";
    if (starts_with(text, "mapping values are not allowed"))
        text = "mapping values are not allowed here";
    return eval_fail(reader->eval, line, "Invalid yaml: %s\n", text);
}

int yaml_read(Eval *eval, unsigned line, const Value *text, Value *ret)
{
    Reader reader = {.eval = eval};
    if (!yaml_parser_initialize(&reader.parser))
        abort(); /* only without memory */
    yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&reader.parser, (const unsigned char *)text->text, text->length);
    bool good = true, found = false, ended = false;
    while (good && !found && !ended) {
        yaml_event_t event;
        good = next_event(&reader, &event);
        if (!good)
            break;
        ended = event.type == YAML_STREAM_END_EVENT;
        found = event.type == YAML_SCALAR_EVENT || event.type == YAML_SEQUENCE_START_EVENT ||
                event.type == YAML_MAPPING_START_EVENT;
        if (found)
            good = read_node(&reader, &event, ret);
        yaml_event_delete(&event);
    }
    yaml_event_t rest; /* what follows the first node belongs to the document: "- a\nb" is an error */
    if (good && found && next_event(&reader, &rest))
        yaml_event_delete(&rest);
    int r = !good || reader.failed ? yaml_failed(&reader, line) : 0;
    if (!r && !found)
        r = eval_fail(eval, line, "Invalid yaml: No content to map due to end-of-input\n");
    yaml_parser_delete(&reader.parser);
    return r;
}
