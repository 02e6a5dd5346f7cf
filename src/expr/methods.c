/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The methods of Java classes that expressions use on texts, lists, maps and numbers. An argument fits a parameter only
 * if its Java class is the parameter's: a literal number is a Long and fits no `int`, so text.substring(1) does not
 * exist while text.substring(i) with an Integer of the context does. Without parentheses, a property finds the method
 * of its name or getName, isName, hasName.
 */
#include <ctype.h>
#include <unicode/uchar.h>

#include "expr/calls.h"
#include "expr/regex.h"
#include "expr/unicode.h"
#include "expr/utf16.h"

typedef struct Method {
    Eval *eval;
    unsigned line;
    Value object;
    const Value *arguments;
    size_t count;
} Method;

typedef int (*MethodRun)(Method *method, Value *ret);

typedef struct MethodRow {
    const char *name;
    const char *parameters; /* t text, i Integer, l list, o any; "" for none */
    MethodRun run;
} MethodRow;

/* ---- texts ---- */
static int text_size(Method *m, Value *ret)
{
    *ret = value_integer((int64_t)utf16_length(m->object.text, m->object.length));
    return 0;
}
static int text_is_empty(Method *m, Value *ret)
{
    *ret = value_boolean(m->object.length == 0);
    return 0;
}
static int text_is_blank(Method *m, Value *ret)
{
    bool blank = true;
    for (const char *at = m->object.text, *end = at + m->object.length; at < end;)
        blank &= (bool)u_isWhitespace((UChar32)utf8_next(&at, end));
    *ret = value_boolean(blank);
    return 0;
}
static int text_upper(Method *m, Value *ret)
{
    return unicode_upper(m->eval, &m->object, ret);
}
static int text_lower(Method *m, Value *ret)
{
    return unicode_lower(m->eval, &m->object, ret);
}
static int text_trim(Method *m, Value *ret)
{
    *ret = java_trim(m->object);
    return 0;
}
static int text_strip(Method *m, Value *ret)
{
    *ret = unicode_strip(m->object);
    return 0;
}
static int text_starts(Method *m, Value *ret)
{
    const Value *prefix = &m->arguments[0];
    *ret =
        value_boolean(m->object.length >= prefix->length && memcmp(m->object.text, prefix->text, prefix->length) == 0);
    return 0;
}
static int text_ends(Method *m, Value *ret)
{
    const Value *suffix = &m->arguments[0];
    *ret = value_boolean(m->object.length >= suffix->length &&
                         memcmp(m->object.text + m->object.length - suffix->length, suffix->text, suffix->length) == 0);
    return 0;
}
static int text_equals_ignore_case(Method *m, Value *ret)
{
    Value a, b;
    int r = unicode_lower(m->eval, &m->object, &a);
    if (!r)
        r = unicode_lower(m->eval, &m->arguments[0], &b);
    if (!r)
        *ret = value_boolean(value_equal(&a, &b));
    return r;
}
static int text_concat(Method *m, Value *ret)
{
    size_t length = (size_t)m->object.length + m->arguments[0].length;
    char *text = eval_text(m->eval, length);
    if (!text)
        return EVAL_E_ERROR;
    memcpy(text, m->object.text, m->object.length);
    memcpy(text + m->object.length, m->arguments[0].text, m->arguments[0].length);
    *ret = value_text(text, length);
    return 0;
}
static int text_compare(Method *m, Value *ret)
{
    *ret = value_integer(java_compare_text(&m->object, &m->arguments[0]));
    return 0;
}

static const char *find_last(const Value *text, const Value *part)
{
    for (size_t i = text->length + 1; i-- > 0;)
        if (text->length - i >= part->length && memcmp(text->text + i, part->text, part->length) == 0)
            return text->text + i;
    return NULL;
}
static const char *find_first(const Value *text, const Value *part)
{
    return part->length ? memmem(text->text, text->length, part->text, part->length) : text->text;
}
static int text_position(Method *m, const char *found, Value *ret)
{
    *ret = value_integer(found ? (int64_t)utf16_length(m->object.text, (size_t)(found - m->object.text)) : -1);
    return 0;
}
static int text_index_of(Method *m, Value *ret)
{
    return text_position(m, find_first(&m->object, &m->arguments[0]), ret);
}
static int text_last_index_of(Method *m, Value *ret)
{
    return text_position(m, find_last(&m->object, &m->arguments[0]), ret);
}
static int out_of_bounds(Method *m, int64_t index)
{
    return eval_fail_plain(m->eval, "Index %" PRId64 " out of bounds for length %zu", index,
                           utf16_length(m->object.text, m->object.length));
}
static int text_substring(Method *m, Value *ret)
{
    size_t units = utf16_length(m->object.text, m->object.length);
    int64_t from = m->arguments[0].integer, to = m->count > 1 ? m->arguments[1].integer : (int64_t)units;
    if (from < 0 || to > (int64_t)units || from > to)
        return out_of_bounds(m, from);
    size_t first = utf16_offset(m->object.text, m->object.length, (size_t)from);
    size_t last = utf16_offset(m->object.text, m->object.length, (size_t)to);
    *ret = value_text(m->object.text + first, last - first);
    return 0;
}
static int text_char_at(Method *m, Value *ret)
{
    int64_t index = m->arguments[0].integer;
    if (index < 0 || index >= (int64_t)utf16_length(m->object.text, m->object.length))
        return out_of_bounds(m, index);
    const char *at = m->object.text + utf16_offset(m->object.text, m->object.length, (size_t)index), *next = at;
    (void)utf8_next(&next, m->object.text + m->object.length); /* for its length */
    *ret = value_text(at, (size_t)(next - at));
    ret->class_ = CLASS_CHARACTER;
    return 0;
}
static int text_repeat(Method *m, Value *ret)
{
    int64_t times = m->arguments[0].integer;
    if (times < 0)
        return eval_fail_plain(m->eval, "count is negative: %" PRId64, times);
    if (m->object.length && (size_t)times > m->eval->limits->output_bytes_max / m->object.length)
        times = (int64_t)m->eval->limits->output_bytes_max + 1;
    char *text = eval_text(m->eval, m->object.length * (size_t)times);
    if (!text)
        return EVAL_E_ERROR;
    for (int64_t i = 0; i < times; i++)
        memcpy(text + i * m->object.length, m->object.text, m->object.length);
    *ret = value_text(text, m->object.length * (size_t)times);
    return 0;
}
static int text_replace(Method *m, Value *ret)
{
    return text_replace_all(m->eval, &m->object, &m->arguments[0], &m->arguments[1], ret);
}
static int text_regex_replace_all(Method *m, Value *ret)
{
    return regex_replace(m->eval, &m->object, &m->arguments[0], &m->arguments[1], true, ret);
}
static int text_regex_replace_first(Method *m, Value *ret)
{
    return regex_replace(m->eval, &m->object, &m->arguments[0], &m->arguments[1], false, ret);
}
static int text_split(Method *m, Value *ret)
{
    return regex_split(m->eval, &m->object, &m->arguments[0], m->count > 1 ? m->arguments[1].integer : 0, ret);
}
static int text_matches(Method *m, Value *ret)
{
    bool matches;
    int r = regex_matches(m->eval, &m->object, &m->arguments[0], &matches);
    if (!r)
        *ret = value_boolean(matches);
    return r;
}
static int text_lines(Method *m, Value *ret)
{
    Value newline = value_literal("\r\n|\n|\r");
    return regex_split(m->eval, &m->object, &newline, 0, ret);
}

static int text_strip_leading(Method *m, Value *ret)
{
    Value stripped = unicode_strip(m->object);
    *ret = value_text(stripped.text, stripped.length ? (size_t)(m->object.text + m->object.length - stripped.text) : 0);
    return 0;
}
static int text_strip_trailing(Method *m, Value *ret)
{
    Value stripped = unicode_strip(m->object);
    *ret = value_text(m->object.text, stripped.length ? (size_t)(stripped.text + stripped.length - m->object.text) : 0);
    return 0;
}

/* ---- everything ---- */
static int any_to_string(Method *m, Value *ret)
{
    *ret = java_text(m->eval->arena, &m->object);
    return 0;
}
static int any_hash(Method *m, Value *ret)
{
    *ret = value_integer(value_hash(&m->object));
    return 0;
}
static int any_denied(Method *m, Value *ret)
{
    return eval_fail(m->eval, m->line, "For security reasons access to this method is denied.");
}

/* ---- lists and maps ---- */
static int any_size(Method *m, Value *ret)
{
    *ret = value_integer((int64_t)value_count(&m->object));
    return 0;
}
static int any_is_empty(Method *m, Value *ret)
{
    *ret = value_boolean(value_count(&m->object) == 0);
    return 0;
}
static int64_t list_position(const Value *list, const Value *item, bool last)
{
    int64_t found = -1;
    for (size_t i = 0; i < value_count(list) && (last || found < 0); i++) {
        Value candidate = value_item(list, i);
        if (value_equal(&candidate, item))
            found = (int64_t)i;
    }
    return found;
}
static int list_index_of(Method *m, Value *ret)
{
    *ret = value_integer(list_position(&m->object, &m->arguments[0], false));
    return 0;
}
static int list_last_index_of(Method *m, Value *ret)
{
    *ret = value_integer(list_position(&m->object, &m->arguments[0], true));
    return 0;
}
static int list_get(Method *m, Value *ret)
{
    int64_t index = m->arguments[0].integer;
    if (index < 0 || index >= (int64_t)value_count(&m->object))
        return eval_fail_plain(m->eval, "Index %" PRId64 " out of bounds for length %zu", index,
                               value_count(&m->object));
    *ret = value_item(&m->object, (size_t)index);
    return 0;
}
static int list_end(Method *m, bool last, Value *ret)
{
    size_t count = value_count(&m->object);
    if (!count)
        return eval_fail_plain(m->eval, "The list is empty");
    *ret = value_item(&m->object, last ? count - 1 : 0);
    return 0;
}
static int list_first(Method *m, Value *ret)
{
    return list_end(m, false, ret);
}
static int list_last(Method *m, Value *ret)
{
    return list_end(m, true, ret);
}
static int list_reversed(Method *m, Value *ret)
{
    size_t count = value_count(&m->object);
    List *list = list_new(m->eval->arena, count);
    while (count)
        list_push(m->eval->arena, list, value_item(&m->object, --count));
    *ret = value_list(list);
    return 0;
}

/* A changed copy takes the place of the original for the rest of the render; the context itself never changes. */
static void remember_change(Eval *eval, const Value *old, Value new)
{
    if (!eval->changed)
        eval->changed = map2_new(eval->arena);
    map2_put(eval->arena, eval->changed, value_long((int64_t)(uintptr_t)old->json), new);
}
static int list_add(Method *m, Value *ret)
{
    if (m->object.class_)
        return eval_fail_plain(m->eval, "This list cannot be changed");
    List *list = list_new(m->eval->arena, value_count(&m->object) + 1);
    for (size_t i = 0; i < value_count(&m->object); i++)
        list_push(m->eval->arena, list, value_item(&m->object, i));
    list_push(m->eval->arena, list, m->arguments[0]);
    remember_change(m->eval, &m->object, value_list(list));
    *ret = value_boolean(true);
    return 0;
}
static int list_contains_all(Method *m, Value *ret)
{
    bool all = true;
    for (size_t i = 0; i < value_count(&m->arguments[0]) && all; i++) {
        Value item = value_item(&m->arguments[0], i);
        all = list_position(&m->object, &item, false) >= 0;
    }
    *ret = value_boolean(all);
    return 0;
}
/* The list without its item at `index`. */
static int list_remove(Method *m, Value *ret)
{
    if (m->object.class_)
        return eval_fail_plain(m->eval, "This list cannot be changed");
    int64_t index = list_position(&m->object, &m->arguments[0], false);
    List *list = list_new(m->eval->arena, value_count(&m->object));
    for (size_t i = 0; i < value_count(&m->object); i++)
        if ((int64_t)i != index)
            list_push(m->eval->arena, list, value_item(&m->object, i));
    if (index >= 0)
        remember_change(m->eval, &m->object, value_list(list));
    *ret = value_boolean(index >= 0);
    return 0;
}
static int map_remove_key(Method *m, Value *ret)
{
    *ret = VALUE_NULL_INIT;
    (void)value_find(&m->object, &m->arguments[0], ret); /* absent: null */
    ValueMap *map = map2_new(m->eval->arena);
    MapWalk walk = {.map = m->object};
    for (Value key, value; map_walk(&walk, &key, &value);)
        if (!value_equal(&key, &m->arguments[0]))
            map2_put(m->eval->arena, map, key, value);
    remember_change(m->eval, &m->object, value_map(map));
    return 0;
}
static int map_put(Method *m, Value *ret)
{
    *ret = VALUE_NULL_INIT;
    (void)value_find(&m->object, &m->arguments[0], ret); /* absent: null */
    ValueMap *map = map2_new(m->eval->arena);
    MapWalk walk = {.map = m->object};
    for (Value key, value; map_walk(&walk, &key, &value);)
        map2_put(m->eval->arena, map, key, value);
    map2_put(m->eval->arena, map, m->arguments[0], m->arguments[1]);
    remember_change(m->eval, &m->object, value_map(map));
    return 0;
}
static int map_get(Method *m, Value *ret)
{
    *ret = VALUE_NULL_INIT;
    (void)value_find(&m->object, &m->arguments[0], ret); /* absent: null */
    return 0;
}
static int map_get_or_default(Method *m, Value *ret)
{
    if (!value_find(&m->object, &m->arguments[0], ret))
        *ret = m->arguments[1];
    return 0;
}
static int map_contains_key(Method *m, Value *ret)
{
    Value ignored;
    *ret = value_boolean(value_find(&m->object, &m->arguments[0], &ignored));
    return 0;
}
static int map_contains_value(Method *m, Value *ret)
{
    MapWalk walk = {.map = m->object};
    bool found = false;
    for (Value key, value; !found && map_walk(&walk, &key, &value);)
        found = value_equal(&value, &m->arguments[0]);
    *ret = value_boolean(found);
    return 0;
}
static int map_parts(Method *m, ValueClass class_, Value *ret)
{
    MapWalk walk = {.map = m->object};
    List *list = list_new(m->eval->arena, value_count(&m->object));
    for (Value key, value; map_walk(&walk, &key, &value);) {
        if (class_ == CLASS_ENTRY_SET) {
            Entry *entry = arena_new_n(m->eval->arena, Entry, 1);
            *entry = (Entry){key, value};
            key = (Value){.kind = VALUE_ENTRY, .entry = entry};
        }
        list_push(m->eval->arena, list, class_ == CLASS_VALUES ? value : key);
    }
    *ret = value_list(list);
    ret->class_ = (uint8_t)class_;
    return 0;
}
static int map_key_set(Method *m, Value *ret)
{
    return map_parts(m, CLASS_KEY_SET, ret);
}
static int map_values(Method *m, Value *ret)
{
    return map_parts(m, CLASS_VALUES, ret);
}
static int map_entry_set(Method *m, Value *ret)
{
    return map_parts(m, CLASS_ENTRY_SET, ret);
}
static int entry_key(Method *m, Value *ret)
{
    *ret = m->object.entry->key;
    return 0;
}
static int entry_value(Method *m, Value *ret)
{
    *ret = m->object.entry->value;
    return 0;
}

/* ---- numbers, loop, locale ---- */
static int number_int(Method *m, Value *ret)
{
    int64_t whole = value_as_long(&m->object);
    bool real = m->object.kind == VALUE_DOUBLE || m->object.kind == VALUE_FLOAT;
    if (real)
        whole = MAX((int64_t)INT32_MIN, MIN((int64_t)INT32_MAX, whole));
    *ret = value_integer(whole);
    return 0;
}
static int number_long(Method *m, Value *ret)
{
    *ret = value_long(value_as_long(&m->object));
    return 0;
}
static int number_double(Method *m, Value *ret)
{
    *ret = value_double(value_as_double(&m->object));
    return 0;
}
static int number_float(Method *m, Value *ret)
{
    *ret = (Value){.kind = VALUE_FLOAT, .real = (double)(float)value_as_double(&m->object)};
    return 0;
}
static int number_is_nan(Method *m, Value *ret)
{
    double real = value_as_double(&m->object);
    *ret = value_boolean(real != real);
    return 0;
}
static int number_is_infinite(Method *m, Value *ret)
{
    double real = value_as_double(&m->object);
    *ret = value_boolean(real == real && real - real != 0);
    return 0;
}
static int number_compare(Method *m, Value *ret)
{
    if (m->arguments[0].kind != m->object.kind)
        return eval_undefined(m->eval, m->line, (Name){"compareTo", 9});
    double a = value_as_double(&m->object), b = value_as_double(&m->arguments[0]);
    *ret = value_integer(a < b ? -1 : a > b);
    return 0;
}
static int boolean_value(Method *m, Value *ret)
{
    *ret = m->object;
    return 0;
}
static int loop_index(Method *m, Value *ret)
{
    *ret = value_integer(m->object.loop->index);
    return 0;
}
static int loop_length(Method *m, Value *ret)
{
    *ret = value_integer(m->object.loop->length);
    return 0;
}
static int loop_revindex(Method *m, Value *ret)
{
    *ret = value_integer(m->object.loop->length - m->object.loop->index - 1);
    return 0;
}
static int loop_first(Method *m, Value *ret)
{
    *ret = value_boolean(m->object.loop->index == 0);
    return 0;
}
static int loop_last(Method *m, Value *ret)
{
    *ret = value_boolean(m->object.loop->index == m->object.loop->length - 1);
    return 0;
}
static int locale_language(Method *m, Value *ret)
{
    *ret = value_literal("en");
    return 0;
}
static int locale_country(Method *m, Value *ret)
{
    *ret = value_literal("US");
    return 0;
}

static const MethodRow any_methods[] = {
    {"toString", "", any_to_string},
    {"hashCode", "", any_hash},
    {"getClass", "", any_denied},
    {"notify", "", any_denied},
    {"notifyAll", "", any_denied},
    {"wait", "", any_denied},
    {},
};
static const MethodRow text_methods[] = {
    {"length", "", text_size},
    {"isEmpty", "", text_is_empty},
    {"isBlank", "", text_is_blank},
    {"toUpperCase", "", text_upper},
    {"toLowerCase", "", text_lower},
    {"trim", "", text_trim},
    {"strip", "", text_strip},
    {"stripLeading", "", text_strip_leading},
    {"stripTrailing", "", text_strip_trailing},
    {"intern", "", any_to_string},
    {"lines", "", text_lines},
    {"startsWith", "t", text_starts},
    {"endsWith", "t", text_ends},
    {"equalsIgnoreCase", "t", text_equals_ignore_case},
    {"concat", "t", text_concat},
    {"compareTo", "t", text_compare},
    {"indexOf", "t", text_index_of},
    {"lastIndexOf", "t", text_last_index_of},
    {"substring", "i", text_substring},
    {"substring", "ii", text_substring},
    {"charAt", "i", text_char_at},
    {"repeat", "i", text_repeat},
    {"replace", "tt", text_replace},
    {"replaceAll", "tt", text_regex_replace_all},
    {"replaceFirst", "tt", text_regex_replace_first},
    {"split", "t", text_split},
    {"split", "ti", text_split},
    {"matches", "t", text_matches},
    {},
};
static const MethodRow list_methods[] = {
    {"size", "", any_size},          {"isEmpty", "", any_is_empty},
    {"indexOf", "o", list_index_of}, {"lastIndexOf", "o", list_last_index_of},
    {"get", "i", list_get},          {"getFirst", "", list_first},
    {"getLast", "", list_last},      {"reversed", "", list_reversed},
    {"add", "o", list_add},          {"containsAll", "l", list_contains_all},
    {"remove", "o", list_remove},    {},
};
static const MethodRow map_methods[] = {
    {"size", "", any_size},
    {"isEmpty", "", any_is_empty},
    {"get", "o", map_get},
    {"getOrDefault", "oo", map_get_or_default},
    {"containsKey", "o", map_contains_key},
    {"containsValue", "o", map_contains_value},
    {"keySet", "", map_key_set},
    {"values", "", map_values},
    {"entrySet", "", map_entry_set},
    {"put", "oo", map_put},
    {"remove", "o", map_remove_key},
    {},
};
static const MethodRow number_methods[] = {
    {"intValue", "", number_int},       {"longValue", "", number_long},   {"doubleValue", "", number_double},
    {"compareTo", "o", number_compare}, {"floatValue", "", number_float}, {},
};
static const MethodRow real_methods[] = {
    {"intValue", "", number_int},       {"longValue", "", number_long},
    {"doubleValue", "", number_double}, {"compareTo", "o", number_compare},
    {"isNaN", "", number_is_nan},       {"isInfinite", "", number_is_infinite},
    {"floatValue", "", number_float},   {},
};
static const MethodRow boolean_methods[] = {{"booleanValue", "", boolean_value}, {}};
static const MethodRow entry_methods[] = {{"getKey", "", entry_key}, {"getValue", "", entry_value}, {}};
static const MethodRow loop_methods[] = {
    {"index", "", loop_index}, {"length", "", loop_length}, {"revindex", "", loop_revindex},
    {"first", "", loop_first}, {"last", "", loop_last},     {},
};
static const MethodRow locale_methods[] = {
    {"getLanguage", "", locale_language},
    {"getCountry", "", locale_country},
    {},
};

static const MethodRow *const methods_of_kind[] = {
    [VALUE_NULL] = any_methods,      [VALUE_BOOLEAN] = boolean_methods, [VALUE_INTEGER] = number_methods,
    [VALUE_LONG] = number_methods,   [VALUE_BIG] = number_methods,      [VALUE_FLOAT] = real_methods,
    [VALUE_DOUBLE] = real_methods,   [VALUE_DECIMAL] = number_methods,  [VALUE_TEXT] = text_methods,
    [VALUE_LIST] = list_methods,     [VALUE_MAP] = map_methods,         [VALUE_ENTRY] = entry_methods,
    [VALUE_LOOP] = loop_methods,     [VALUE_DATE] = any_methods,        [VALUE_BYTES] = any_methods,
    [VALUE_LOCALE] = locale_methods,
};

static bool arguments_fit(const char *parameters, const Value *arguments, size_t count)
{
    if (strlen(parameters) != count)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (parameters[i] == 't' && (arguments[i].kind != VALUE_TEXT || arguments[i].class_ == CLASS_CHARACTER))
            return false;
        if (parameters[i] == 'l' && arguments[i].kind != VALUE_LIST)
            return false;
        if (parameters[i] == 'i' && arguments[i].kind != VALUE_INTEGER)
            return false;
    }
    return true;
}

/* "getX", "isX", "hasX" for x, or x itself. */
static bool names_match(const char *method, Name name)
{
    static const char *const prefixes[] = {"get", "is", "has"};
    if (strlen(method) == name.length && memcmp(method, name.text, name.length) == 0)
        return true;
    for (size_t i = 0; i < ELEMENTS(prefixes); i++) {
        size_t length = strlen(prefixes[i]);
        if (starts_with(method, prefixes[i]) && name.length && strlen(method) == length + name.length &&
            method[length] == toupper((unsigned char)name.text[0]) &&
            memcmp(method + length + 1, name.text + 1, name.length - 1) == 0)
            return true;
    }
    return false;
}

static const MethodRow *method_find(const MethodRow *rows, Name name, const Value *arguments, size_t count)
{
    for (; rows->name; rows++)
        if (names_match(rows->name, name) && arguments_fit(rows->parameters, arguments, count))
            return rows;
    return NULL;
}

int eval_method(Eval *eval, unsigned line, Value object, Name name, const Value *arguments, size_t count, bool is_call,
                Value *ret)
{
    const MethodRow *row = method_find(methods_of_kind[object.kind], name, arguments, count);
    if (!row)
        row = method_find(any_methods, name, arguments, count);
    if (!row)
        return eval_undefined(eval, line, name);
    Method method = {.eval = eval, .line = line, .object = object, .arguments = arguments, .count = count};
    return row->run(&method, ret);
}
