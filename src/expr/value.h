/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A value of the expression language: 16 bytes, copied freely, never freed. It borrows from the context's json_t, from
 * the compiled template, or from the arena of the render that made it, and lives no longer than these. The kinds follow
 * Java's, because results show them: 1 is a Long, a small number of the context an Integer.
 */
#include <jansson.h>

#include "base/base.h"
#include "when/zone.h"

typedef enum ValueKind {
    VALUE_NULL,
    VALUE_BOOLEAN,
    VALUE_INTEGER, /* int: integers of the context that fit 32 bits, lengths */
    VALUE_LONG,    /* long: literals */
    VALUE_BIG,     /* BigInteger, decimal text */
    VALUE_FLOAT,
    VALUE_DOUBLE,
    VALUE_DECIMAL, /* BigDecimal, text with its scale ("35.00") */
    VALUE_TEXT,
    VALUE_LIST,
    VALUE_MAP,
    VALUE_ENTRY, /* Map.Entry */
    VALUE_LOOP,  /* the variable `loop` */
    VALUE_DATE,
    VALUE_BYTES,  /* byte[] */
    VALUE_LOCALE, /* the variable `locale` */
} ValueKind;

/* What Java class a value has where its kind leaves a choice. */
typedef enum ValueClass {
    CLASS_DEFAULT = 0, /* String, ArrayList, LinkedHashMap */
    CLASS_CHARACTER,
    CLASS_HASH_MAP,
    CLASS_KEY_SET,
    CLASS_VALUES,
    CLASS_ENTRY_SET,
    CLASS_TEXT_ARRAY, /* String[] */
    CLASS_INT_RANGE_LIST,
    CLASS_SUB_LIST,
    CLASS_IMMUTABLE_LIST,
    CLASS_TREE_MAP,
    CLASS_HASH_KEY_SET,
    CLASS_HASH_VALUES,
} ValueClass;

typedef struct List List;
typedef struct Map2 ValueMap;
typedef struct Date Date;
typedef struct Entry Entry;
typedef struct Loop Loop;

typedef struct Value {
    uint8_t kind;
    uint8_t class_;
    bool is_json;    /* list or map: `json` is set, not `list` or `map` */
    uint32_t length; /* texts: bytes */
    union {
        bool boolean;
        int64_t integer;
        double real;
        const char *text; /* not terminated in general */
        const json_t *json;
        List *list;
        ValueMap *map;
        const Entry *entry;
        const Loop *loop;
        const Date *date;
    };
} Value;

struct List {
    Value *items;
    size_t count, allocated;
};

struct Entry {
    Value key, value;
};

/* Keeps insertion order; keys are compared as Java's equals does. */
struct Map2 {
    Entry *entries;
    size_t count, allocated;
    uint32_t *index; /* hash → entry + 1, once there are many */
    size_t index_size;
};

struct Loop {
    int64_t index, length;
};

typedef enum DateKind { DATE_ZONED, DATE_OFFSET, DATE_INSTANT, DATE_LOCAL_DATE_TIME, DATE_LOCAL_DATE } DateKind;

struct Date {
    DateKind kind;
    int64_t seconds; /* instant, or local time for the local kinds */
    uint32_t nanos;
    const Zone *zone;
};

#define VALUE_NULL_INIT ((Value){})
static inline Value value_boolean(bool boolean)
{
    return (Value){.kind = VALUE_BOOLEAN, .boolean = boolean};
}
static inline Value value_integer(int64_t integer)
{
    return (Value){.kind = VALUE_INTEGER, .integer = (int32_t)integer};
}
static inline Value value_long(int64_t integer)
{
    return (Value){.kind = VALUE_LONG, .integer = integer};
}
static inline Value value_double(double real)
{
    return (Value){.kind = VALUE_DOUBLE, .real = real};
}
static inline Value value_text(const char *text, size_t length)
{
    return (Value){.kind = VALUE_TEXT, .length = (uint32_t)length, .text = text};
}
#define value_literal(text) value_text((text), sizeof(text) - 1)
static inline Value value_list(List *list)
{
    return (Value){.kind = VALUE_LIST, .list = list};
}
static inline Value value_map(ValueMap *map)
{
    return (Value){.kind = VALUE_MAP, .map = map};
}
static inline bool value_is_number(const Value *value)
{
    return value->kind >= VALUE_INTEGER && value->kind <= VALUE_DECIMAL;
}
static inline bool value_is_whole(const Value *value)
{
    return value->kind == VALUE_INTEGER || value->kind == VALUE_LONG;
}
static inline bool text_is(const Value *value, const char *text)
{
    return value->kind == VALUE_TEXT && value->length == strlen(text) && memcmp(value->text, text, value->length) == 0;
}

/* Borrows from json. */
Value value_from_json(const json_t *json);
/* A new reference; what JSON has no word for becomes text (dates), numbers beyond 64 bits become real. */
json_t *value_to_json(Arena *arena, const Value *value);

List *list_new(Arena *arena, size_t expected);
void list_push(Arena *arena, List *list, Value value);
size_t value_count(const Value *list_or_map);
/* Item of a list; index < value_count. */
Value value_item(const Value *list, size_t index);

ValueMap *map2_new(Arena *arena);
/* Replaces the value of an equal key and keeps its place. */
void map2_put(Arena *arena, ValueMap *map, Value key, Value value);
bool value_find(const Value *map, const Value *key, Value *ret);
/* Looks up a text key. */
bool value_get(const Value *map, const char *key, size_t length, Value *ret);

/* Walks a map in its order: `MapWalk walk = {.map = v}; while (map_walk(&walk, &key, &value))`. */
typedef struct MapWalk {
    Value map;
    void *iterator;
    size_t next;
} MapWalk;
bool map_walk(MapWalk *walk, Value *ret_key, Value *ret_value);

/* java.lang.Object.equals: 1 and 1L differ. */
bool value_equal(const Value *a, const Value *b);
/* java.lang.Object.hashCode of texts, numbers, booleans, lists, maps. */
int32_t value_hash(const Value *value);
/* "java.util.ArrayList"; "null" for null. */
const char *value_class_name(const Value *value);
/* The name without its package, as in messages. */
const char *value_class_simple(const Value *value);
/* Numbers only. */
double value_as_double(const Value *value);
/* Numbers only; wraps as Java's longValue does, decimals are cut. */
int64_t value_as_long(const Value *value);
/* Number.intValue: the low 32 bits of an integer, the nearest of 32 bits for a real. */
int32_t value_as_int(const Value *value);
