/* SPDX-License-Identifier: Apache-2.0 */
/* Filters on maps. */
#include "expr/calls.h"

static int filter_keys(Call *call, Value *ret)
{
    const Value *input = &call->input;
    Arena *arena = call->eval->arena;
    *ret = VALUE_NULL_INIT;
    if (input->kind == VALUE_NULL)
        return 0;
    if (input->kind != VALUE_MAP && input->kind != VALUE_LIST)
        return call_fail(call, "'keys' filter can only be applied to List, Map, Array. Actual type was: %s",
                         value_class_name(input));
    List *list = list_new(arena, value_count(input));
    *ret = value_list(list);
    if (input->kind == VALUE_LIST) {
        for (size_t i = 0; i < value_count(input); i++)
            list_push(arena, list, value_integer((int64_t)i));
        return 0;
    }
    MapWalk walk = {.map = *input};
    for (Value key, value; map_walk(&walk, &key, &value);)
        list_push(arena, list, key);
    ret->class_ = input->class_ == CLASS_HASH_MAP ? CLASS_HASH_KEY_SET : CLASS_KEY_SET;
    return 0;
}

static int filter_values(Call *call, Value *ret)
{
    const Value *input = &call->input;
    *ret = VALUE_NULL_INIT;
    if (input->kind == VALUE_NULL)
        return 0;
    if (input->kind != VALUE_MAP)
        return call_fail(call, "'values' filter can only be applied to Map. Actual type was: %s",
                         value_class_name(input));
    List *list = list_new(call->eval->arena, value_count(input));
    MapWalk walk = {.map = *input};
    for (Value key, value; map_walk(&walk, &key, &value);)
        list_push(call->eval->arena, list, value);
    *ret = value_list(list);
    ret->class_ = input->class_ == CLASS_HASH_MAP ? CLASS_HASH_VALUES : CLASS_VALUES;
    return 0;
}

static void put_all(Arena *arena, ValueMap *map, const Value *from)
{
    if (from->kind == VALUE_MAP) {
        MapWalk walk = {.map = *from};
        for (Value key, value; map_walk(&walk, &key, &value);)
            map2_put(arena, map, key, value);
        return;
    }
    for (size_t i = 0; i < value_count(from); i++) {
        Value item = value_item(from, i);
        map2_put(arena, map, item, item);
    }
}

static int merge_maps(Call *call, const Value *other, Value *ret)
{
    if (other->kind != VALUE_MAP && other->kind != VALUE_LIST)
        return eval_fail_plain(call->eval, "Currently, only Maps and Lists can be merged with a Map. Arg2: %s",
                               value_class_name(other));
    ValueMap *map = map2_new(call->eval->arena);
    put_all(call->eval->arena, map, &call->input);
    put_all(call->eval->arena, map, other);
    *ret = value_map(map);
    ret->class_ = CLASS_HASH_MAP;
    return 0;
}

static int merge_lists(Call *call, const Value *other, Value *ret)
{
    Arena *arena = call->eval->arena;
    if (other->kind != VALUE_MAP && other->kind != VALUE_LIST)
        return call_fail(call, "Currently, only Maps and Lists can be merged with a List. Arg2: %s",
                         value_class_name(other));
    List *list = list_new(arena, value_count(&call->input) + value_count(other));
    for (size_t i = 0; i < value_count(&call->input); i++)
        list_push(arena, list, value_item(&call->input, i));
    if (other->kind == VALUE_LIST)
        for (size_t i = 0; i < value_count(other); i++)
            list_push(arena, list, value_item(other, i));
    MapWalk walk = {.map = *other};
    if (other->kind == VALUE_MAP)
        for (Value key, value; map_walk(&walk, &key, &value);) {
            Entry *entry = arena_new_n(arena, Entry, 1);
            *entry = (Entry){key, value};
            list_push(arena, list, (Value){.kind = VALUE_ENTRY, .entry = entry});
        }
    *ret = value_list(list);
    ret->class_ = call->input.class_ == CLASS_TEXT_ARRAY ? CLASS_TEXT_ARRAY : CLASS_DEFAULT;
    return 0;
}

static int filter_merge(Call *call, Value *ret)
{
    Value other = call_argument(call, 0);
    if (call->input.kind == VALUE_NULL && other.kind == VALUE_NULL)
        return call_fail(call, "The two arguments to be merged are null");
    if (other.kind == VALUE_NULL || call->input.kind == VALUE_NULL) {
        *ret = other.kind == VALUE_NULL ? call->input : other;
        return 0;
    }
    if (call->input.kind == VALUE_MAP)
        return merge_maps(call, &other, ret);
    if (call->input.kind == VALUE_LIST)
        return merge_lists(call, &other, ret);
    return call_fail(call, "The object being filtered is not a Map/List/Array");
}

static const char *const merge_arguments[] = {"items", NULL};

const CallRow filters_map[] = {
    {"keys", filter_keys, NULL, 0, NULL},
    {"merge", filter_merge, merge_arguments, 0, NULL},
    {"values", filter_values, NULL, 0, NULL},
    {},
};
