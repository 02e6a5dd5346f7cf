/* SPDX-License-Identifier: Apache-2.0 */
#include "expr/value.h"

#include <math.h>

#include "expr/java_text.h"
#include "expr/utf16.h"

#define INDEX_FROM 12 /* entries; below, a scan is faster */

Value value_from_json(const json_t *json)
{
    switch (json ? json_typeof(json) : JSON_NULL) {
    case JSON_TRUE:
        return value_boolean(true);
    case JSON_FALSE:
        return value_boolean(false);
    case JSON_INTEGER: {
        int64_t integer = json_integer_value(json);
        return integer == (int32_t)integer ? value_integer(integer) : value_long(integer);
    }
    case JSON_REAL:
        return value_double(json_real_value(json));
    case JSON_STRING:
        return value_text(json_string_value(json), json_string_length(json));
    case JSON_ARRAY:
        return (Value){.kind = VALUE_LIST, .is_json = true, .json = json};
    case JSON_OBJECT:
        return (Value){.kind = VALUE_MAP, .is_json = true, .json = json};
    case JSON_NULL:
        break;
    }
    return VALUE_NULL_INIT;
}

static json_t *list_to_json(Arena *arena, const Value *value)
{
    json_t *array = json_array();
    for (size_t i = 0; i < value_count(value); i++) {
        Value item = value_item(value, i);
        json_array_append_new(array, value_to_json(arena, &item));
    }
    return array;
}

static json_t *map_to_json(Arena *arena, const Value *value)
{
    json_t *object = json_object();
    MapWalk walk = {.map = *value};
    for (Value key, item; map_walk(&walk, &key, &item);) {
        Value text = java_text(arena, &key);
        const char *name = arena_strndup(arena, text.text, text.length);
        json_object_set_new_nocheck(object, name, value_to_json(arena, &item));
    }
    return object;
}

json_t *value_to_json(Arena *arena, const Value *value)
{
    switch ((ValueKind)value->kind) {
    case VALUE_NULL:
        return json_null();
    case VALUE_BOOLEAN:
        return json_boolean(value->boolean);
    case VALUE_INTEGER:
    case VALUE_LONG:
        return json_integer(value->integer);
    case VALUE_BIG:
    case VALUE_DECIMAL:
    case VALUE_FLOAT:
    case VALUE_DOUBLE: {
        double real = value_as_double(value);
        if (isfinite(real))
            return json_real(real);
        break;
    }
    case VALUE_LIST:
        return value->is_json ? json_incref((json_t *)(uintptr_t)value->json) : list_to_json(arena, value);
    case VALUE_MAP:
        return value->is_json ? json_incref((json_t *)(uintptr_t)value->json) : map_to_json(arena, value);
    case VALUE_ENTRY: {
        Value key = java_text(arena, &value->entry->key);
        json_t *object = json_object();
        json_object_set_new_nocheck(object, arena_strndup(arena, key.text, key.length),
                                    value_to_json(arena, &value->entry->value));
        return object;
    }
    case VALUE_TEXT:
    case VALUE_LOOP:
    case VALUE_DATE:
    case VALUE_BYTES:
    case VALUE_LOCALE:
        break;
    }
    Value text = java_text(arena, value);
    return json_stringn_nocheck(text.text, text.length);
}

static void *grown(Arena *arena, void *old, size_t count, size_t *allocated, size_t size)
{
    *allocated = *allocated ? *allocated * 2 : 8;
    void *items = arena_alloc(arena, *allocated * size);
    if (count)
        memcpy(items, old, count * size);
    return items;
}

List *list_new(Arena *arena, size_t expected)
{
    List *list = arena_new_n(arena, List, 1);
    if (expected) {
        list->items = arena_new_n(arena, Value, expected);
        list->allocated = expected;
    }
    return list;
}

void list_push(Arena *arena, List *list, Value value)
{
    if (list->count == list->allocated)
        list->items = grown(arena, list->items, list->count, &list->allocated, sizeof(Value));
    list->items[list->count++] = value;
}

size_t value_count(const Value *value)
{
    if (value->kind == VALUE_LIST)
        return value->is_json ? json_array_size(value->json) : value->list->count;
    return value->is_json ? json_object_size(value->json) : value->map->count;
}

Value value_item(const Value *list, size_t index)
{
    return list->is_json ? value_from_json(json_array_get(list->json, index)) : list->list->items[index];
}

ValueMap *map2_new(Arena *arena)
{
    return arena_new_n(arena, ValueMap, 1);
}

static void index_add(ValueMap *map, size_t entry)
{
    size_t slot = (uint32_t)value_hash(&map->entries[entry].key) * UINT32_C(2654435761) & (map->index_size - 1);
    while (map->index[slot])
        slot = (slot + 1) & (map->index_size - 1);
    map->index[slot] = (uint32_t)entry + 1;
}

static void index_build(Arena *arena, ValueMap *map)
{
    map->index_size = map->allocated * 4;
    map->index = arena_new_n(arena, uint32_t, map->index_size);
    for (size_t i = 0; i < map->count; i++)
        index_add(map, i);
}

static Entry *map2_find(const ValueMap *map, const Value *key)
{
    if (!map->index) {
        for (size_t i = 0; i < map->count; i++)
            if (value_equal(&map->entries[i].key, key))
                return &map->entries[i];
        return NULL;
    }
    size_t slot = (uint32_t)value_hash(key) * UINT32_C(2654435761) & (map->index_size - 1);
    for (; map->index[slot]; slot = (slot + 1) & (map->index_size - 1))
        if (value_equal(&map->entries[map->index[slot] - 1].key, key))
            return &map->entries[map->index[slot] - 1];
    return NULL;
}

void map2_put(Arena *arena, ValueMap *map, Value key, Value value)
{
    Entry *entry = map2_find(map, &key);
    if (entry) {
        entry->value = value;
        return;
    }
    if (map->count == map->allocated) {
        map->entries = grown(arena, map->entries, map->count, &map->allocated, sizeof(Entry));
        map->index = NULL;
    }
    map->entries[map->count++] = (Entry){key, value};
    if (map->index)
        index_add(map, map->count - 1);
    else if (map->allocated > INDEX_FROM)
        index_build(arena, map);
}

bool value_find(const Value *map, const Value *key, Value *ret)
{
    if (map->is_json) {
        if (key->kind != VALUE_TEXT)
            return false;
        const json_t *found = json_object_getn(map->json, key->text, key->length);
        if (found)
            *ret = value_from_json(found);
        return found != NULL;
    }
    const Entry *entry = map2_find(map->map, key);
    if (entry)
        *ret = entry->value;
    return entry != NULL;
}

bool value_get(const Value *map, const char *key, size_t length, Value *ret)
{
    Value name = value_text(key, length);
    return value_find(map, &name, ret);
}

bool map_walk(MapWalk *walk, Value *ret_key, Value *ret_value)
{
    if (!walk->map.is_json) {
        if (walk->next == walk->map.map->count)
            return false;
        *ret_key = walk->map.map->entries[walk->next].key;
        *ret_value = walk->map.map->entries[walk->next++].value;
        return true;
    }
    json_t *object = (json_t *)(uintptr_t)walk->map.json; /* the iterator functions take no const */
    walk->iterator = walk->next++ ? json_object_iter_next(object, walk->iterator) : json_object_iter(object);
    if (!walk->iterator)
        return false;
    *ret_key = value_text(json_object_iter_key(walk->iterator), json_object_iter_key_len(walk->iterator));
    *ret_value = value_from_json(json_object_iter_value(walk->iterator));
    return true;
}

/*
 * A list can hold another one many times over, and that one too: what is small in memory is then endless to walk. So
 * one comparison or hash enters so many lists and maps, and takes the rest for different (or for nothing).
 */
#define WALK_MAX 1000000
static _Thread_local struct {
    unsigned depth;
    unsigned left;
} walking;

static bool walk_enter(void)
{
    if (walking.depth++ == 0)
        walking.left = WALK_MAX;
    return walking.left && walking.left--;
}

static void walk_leave(void)
{
    walking.depth--;
}

static bool lists_equal(const Value *a, const Value *b)
{
    size_t count = value_count(a);
    if (count != value_count(b))
        return false;
    for (size_t i = 0; i < count; i++) {
        Value x = value_item(a, i), y = value_item(b, i);
        if (!value_equal(&x, &y))
            return false;
    }
    return true;
}

static bool maps_equal(const Value *a, const Value *b)
{
    if (value_count(a) != value_count(b))
        return false;
    MapWalk walk = {.map = *a};
    for (Value key, x, y; map_walk(&walk, &key, &x);)
        if (!value_find(b, &key, &y) || !value_equal(&x, &y))
            return false;
    return true;
}

bool value_equal(const Value *a, const Value *b)
{
    if (a->kind != b->kind)
        return false;
    switch ((ValueKind)a->kind) {
    case VALUE_NULL:
    case VALUE_LOCALE:
        return true;
    case VALUE_BOOLEAN:
        return a->boolean == b->boolean;
    case VALUE_INTEGER:
    case VALUE_LONG:
        return a->integer == b->integer;
    case VALUE_FLOAT:
    case VALUE_DOUBLE:
        return memcmp(&a->real, &b->real, sizeof(double)) == 0;
    case VALUE_TEXT:
        if ((a->class_ == CLASS_CHARACTER) != (b->class_ == CLASS_CHARACTER))
            return false;
        return a->length == b->length && memcmp(a->text, b->text, a->length) == 0;
    case VALUE_BIG:
    case VALUE_DECIMAL:
        return a->length == b->length && memcmp(a->text, b->text, a->length) == 0;
    case VALUE_LIST:
    case VALUE_MAP: {
        bool equal = walk_enter() && (a->kind == VALUE_LIST ? lists_equal : maps_equal)(a, b);
        walk_leave();
        return equal;
    }
    case VALUE_ENTRY:
        return value_equal(&a->entry->key, &b->entry->key) && value_equal(&a->entry->value, &b->entry->value);
    case VALUE_DATE:
        return a->date->kind == b->date->kind && a->date->seconds == b->date->seconds &&
               a->date->nanos == b->date->nanos;
    case VALUE_LOOP:
    case VALUE_BYTES:
        return a->text == b->text;
    }
    return false;
}

static int32_t text_hash(const Value *value)
{
    uint32_t hash = 0;
    Utf16Walk walk = {value->text, value->text + value->length};
    for (uint16_t unit; utf16_walk(&walk, &unit);)
        hash = hash * 31 + unit;
    return (int32_t)hash;
}

static int32_t list_hash(const Value *value)
{
    uint32_t hash = 1;
    for (size_t i = 0; i < value_count(value); i++) {
        Value item = value_item(value, i);
        hash = hash * 31 + (uint32_t)value_hash(&item);
    }
    return (int32_t)hash;
}

static int32_t map_hash(const Value *value)
{
    uint32_t hash = 0;
    MapWalk walk = {.map = *value};
    for (Value key, item; map_walk(&walk, &key, &item);)
        hash += (uint32_t)value_hash(&key) ^ (uint32_t)value_hash(&item);
    return (int32_t)hash;
}

int32_t value_hash(const Value *value)
{
    uint64_t bits;
    switch ((ValueKind)value->kind) {
    case VALUE_BOOLEAN:
        return value->boolean ? 1231 : 1237;
    case VALUE_INTEGER:
        return (int32_t)value->integer;
    case VALUE_LONG:
        bits = (uint64_t)value->integer;
        return (int32_t)(uint32_t)(bits ^ bits >> 32);
    case VALUE_FLOAT:
    case VALUE_DOUBLE:
        memcpy(&bits, &value->real, sizeof(bits));
        return (int32_t)(uint32_t)(bits ^ bits >> 32);
    case VALUE_TEXT:
    case VALUE_BIG:
    case VALUE_DECIMAL:
        return text_hash(value);
    case VALUE_LIST:
    case VALUE_MAP: {
        int32_t hash = walk_enter() ? (value->kind == VALUE_LIST ? list_hash : map_hash)(value) : 0;
        walk_leave();
        return hash;
    }
    case VALUE_ENTRY:
        return value_hash(&value->entry->key) ^ value_hash(&value->entry->value);
    case VALUE_NULL:
    case VALUE_LOOP:
    case VALUE_DATE:
    case VALUE_BYTES:
    case VALUE_LOCALE:
        break;
    }
    return 0;
}

static const char *const kind_classes[] = {
    [VALUE_NULL] = "null",
    [VALUE_BOOLEAN] = "java.lang.Boolean",
    [VALUE_INTEGER] = "java.lang.Integer",
    [VALUE_LONG] = "java.lang.Long",
    [VALUE_BIG] = "java.math.BigInteger",
    [VALUE_FLOAT] = "java.lang.Float",
    [VALUE_DOUBLE] = "java.lang.Double",
    [VALUE_DECIMAL] = "java.math.BigDecimal",
    [VALUE_TEXT] = "java.lang.String",
    [VALUE_LIST] = "java.util.ArrayList",
    [VALUE_MAP] = "java.util.LinkedHashMap",
    [VALUE_ENTRY] = "java.util.LinkedHashMap$Entry",
    [VALUE_LOOP] = "java.util.HashMap",
    [VALUE_BYTES] = "[B",
    [VALUE_LOCALE] = "java.util.Locale",
};
static const char *const special_classes[] = {
    [CLASS_CHARACTER] = "java.lang.Character",
    [CLASS_HASH_MAP] = "java.util.HashMap",
    [CLASS_KEY_SET] = "java.util.LinkedHashMap$LinkedKeySet",
    [CLASS_VALUES] = "java.util.LinkedHashMap$LinkedValues",
    [CLASS_ENTRY_SET] = "java.util.LinkedHashMap$LinkedEntrySet",
    [CLASS_TEXT_ARRAY] = "[Ljava.lang.String;",
    [CLASS_INT_RANGE_LIST] = "java.util.ArrayList",
    [CLASS_SUB_LIST] = "java.util.ArrayList$SubList",
    [CLASS_IMMUTABLE_LIST] = "java.util.ImmutableCollections$ListN",
    [CLASS_TREE_MAP] = "java.util.TreeMap",
    [CLASS_HASH_KEY_SET] = "java.util.HashMap$KeySet",
    [CLASS_HASH_VALUES] = "java.util.HashMap$Values",
};
static const char *const date_classes[] = {
    [DATE_ZONED] = "java.time.ZonedDateTime",  [DATE_OFFSET] = "java.time.OffsetDateTime",
    [DATE_INSTANT] = "java.time.Instant",      [DATE_LOCAL_DATE_TIME] = "java.time.LocalDateTime",
    [DATE_LOCAL_DATE] = "java.time.LocalDate",
};

const char *value_class_name(const Value *value)
{
    if (value->kind == VALUE_DATE)
        return date_classes[value->date->kind];
    return value->class_ ? special_classes[value->class_] : kind_classes[value->kind];
}

const char *value_class_simple(const Value *value)
{
    const char *name = value_class_name(value);
    const char *cut = strrchr(name, '$') ? strrchr(name, '$') : strrchr(name, '.');
    return cut ? cut + 1 : name;
}

double value_as_double(const Value *value)
{
    if (value_is_whole(value))
        return (double)value->integer;
    if (value->kind != VALUE_BIG && value->kind != VALUE_DECIMAL)
        return value->real;
    _cleanup_free_ char *text = xstrndup(value->text, value->length);
    return strtod(text, NULL);
}

/* Decimal digits modulo 2^64, as BigInteger.longValue gives. */
static int64_t digits_as_long(const Value *value)
{
    const char *at = value->text, *end = at + value->length;
    bool negative = at < end && *at == '-';
    uint64_t result = 0;
    for (at += negative; at < end && *at >= '0' && *at <= '9'; at++)
        result = result * 10 + (uint64_t)(*at - '0');
    return (int64_t)(negative ? 0 - result : result);
}

int64_t value_as_long(const Value *value)
{
    if (value_is_whole(value))
        return value->integer;
    if (value->kind == VALUE_BIG)
        return digits_as_long(value);
    double real = value_as_double(value);
    if (isnan(real))
        return 0;
    if (real >= 9223372036854775807.0)
        return INT64_MAX;
    return real <= -9223372036854775808.0 ? INT64_MIN : (int64_t)real;
}

int32_t value_as_int(const Value *value)
{
    int64_t whole = value_as_long(value);
    if (value->kind == VALUE_FLOAT || value->kind == VALUE_DOUBLE)
        return whole > INT32_MAX ? INT32_MAX : whole < INT32_MIN ? INT32_MIN : (int32_t)whole;
    return (int32_t)(uint32_t)(uint64_t)whole;
}
