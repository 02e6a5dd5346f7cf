/* SPDX-License-Identifier: Apache-2.0 */
/* Filters on lists. None of them changes its input. */
#include "expr/calls.h"
#include "expr/unicode.h"
#include "expr/utf16.h"

static bool is_null(const Call *call, Value *ret)
{
    *ret = VALUE_NULL_INIT;
    return call->input.kind == VALUE_NULL;
}

/* java.util.List: an array, a key set or a value collection is none. */
static bool is_list(const Value *value)
{
    return value->kind == VALUE_LIST &&
           (value->class_ == CLASS_DEFAULT || value->class_ == CLASS_SUB_LIST || value->class_ == CLASS_IMMUTABLE_LIST);
}

static int end_of_text(Call *call, bool last, Value *ret)
{
    const Value *text = &call->input;
    if (!text->length)
        return eval_fail_plain(call->eval, "Index 0 out of bounds for length 0");
    const char *at = text->text, *end = at + text->length, *next = at;
    if (last)
        for (at = end - 1; at > text->text && ((unsigned char)*at & 0xC0) == 0x80;)
            at--;
    next = at;
    (void)utf8_next(&next, end); /* for its length */
    *ret = value_text(at, (size_t)(next - at));
    ret->class_ = CLASS_CHARACTER;
    return 0;
}

static int end_item(Call *call, bool last, Value *ret)
{
    if (is_null(call, ret))
        return 0;
    if (call->input.kind == VALUE_TEXT && call->input.class_ != CLASS_CHARACTER)
        return end_of_text(call, last, ret);
    if (call->input.kind != VALUE_LIST)
        return call_wrong_type(call, &call->input, "java.util.Collection");
    size_t count = value_count(&call->input);
    if (count)
        *ret = value_item(&call->input, last ? count - 1 : 0);
    return 0;
}

static int filter_first(Call *call, Value *ret)
{
    return end_item(call, false, ret);
}
static int filter_last(Call *call, Value *ret)
{
    return end_item(call, true, ret);
}

static int filter_length(Call *call, Value *ret)
{
    size_t length = 0;
    if (call->input.kind == VALUE_TEXT)
        length = utf16_length(call->input.text, call->input.length);
    else if (call->input.kind == VALUE_LIST || call->input.kind == VALUE_MAP)
        length = value_count(&call->input);
    *ret = value_integer((int64_t)length);
    return 0;
}

static int filter_join(Call *call, Value *ret)
{
    if (is_null(call, ret))
        return 0;
    if (call->input.kind != VALUE_LIST)
        return call_fail(call, "The 'join' filter expects that the input is either a collection or an array.");
    Value separator = call_argument(call, 0);
    _cleanup_buffer_ Buffer buffer = {};
    for (size_t i = 0; i < value_count(&call->input); i++) {
        Value item = value_item(&call->input, i);
        if (i && separator.kind != VALUE_NULL)
            java_append(&buffer, &separator);
        java_append(&buffer, &item);
        if (buffer.length > call->eval->limits->output_bytes_max)
            break;
    }
    return eval_buffer_value(call->eval, &buffer, ret);
}

static List *copy_list(Arena *arena, const Value *value)
{
    size_t count = value_count(value);
    List *list = list_new(arena, count);
    for (size_t i = 0; i < count; i++)
        list_push(arena, list, value_item(value, i));
    return list;
}

static int filter_reverse(Call *call, Value *ret)
{
    if (is_null(call, ret))
        return 0;
    if (!is_list(&call->input))
        return call_wrong_type(call, &call->input, "java.util.List");
    List *list = copy_list(call->eval->arena, &call->input);
    for (size_t i = 0; i < list->count / 2; i++) {
        Value item = list->items[i];
        list->items[i] = list->items[list->count - 1 - i];
        list->items[list->count - 1 - i] = item;
    }
    *ret = value_list(list);
    return 0;
}

/* ---- sort: natural order of one class ---- */
static int compare_items(const Value *a, const Value *b)
{
    if (a->kind == VALUE_TEXT) {
        int64_t order = java_compare_text(a, b);
        return order < 0 ? -1 : order > 0;
    }
    if (value_is_whole(a))
        return a->integer < b->integer ? -1 : a->integer > b->integer;
    if (a->kind == VALUE_BOOLEAN)
        return (int)a->boolean - (int)b->boolean;
    double x = value_as_double(a), y = value_as_double(b);
    return x < y ? -1 : x > y;
}

static bool is_comparable(const Value *value)
{
    return value->kind == VALUE_TEXT || value->kind == VALUE_BOOLEAN || value_is_number(value);
}

/* Stable merge sort of the two halves through `spare`. */
static void merge_sort(Value *items, Value *spare, size_t count, int direction)
{
    if (count < 2)
        return;
    size_t half = count / 2, left = 0, right = half;
    merge_sort(items, spare, half, direction);
    merge_sort(items + half, spare, count - half, direction);
    for (size_t i = 0; i < count; i++) {
        bool take_left = left < half && (right == count || compare_items(&items[left], &items[right]) * direction <= 0);
        spare[i] = items[take_left ? left++ : right++];
    }
    memcpy(items, spare, count * sizeof(Value));
}

static int sort(Call *call, int direction, Value *ret)
{
    List *list = copy_list(call->eval->arena, &call->input);
    for (size_t i = 0; i < list->count && list->count > 1; i++) {
        if (!is_comparable(&list->items[i]))
            return call_wrong_type(call, &list->items[i], "java.lang.Comparable");
        if (list->items[i].kind != list->items[0].kind)
            return call_wrong_type(call, &list->items[i], value_class_name(&list->items[0]));
    }
    merge_sort(list->items, arena_new_n(call->eval->arena, Value, list->count + 1), list->count, direction);
    *ret = value_list(list);
    return 0;
}

static int filter_sort(Call *call, Value *ret)
{
    if (is_null(call, ret))
        return 0;
    if (call->input.kind == VALUE_LIST && call->input.class_ == CLASS_TEXT_ARRAY) {
        int r = sort(call, 1, ret);
        if (!r)
            ret->class_ = CLASS_TEXT_ARRAY;
        return r;
    }
    if (!is_list(&call->input))
        return call_fail(call, "Unsupported input type for sort filter");
    return sort(call, 1, ret);
}

static int filter_rsort(Call *call, Value *ret)
{
    if (is_null(call, ret))
        return 0;
    if (!is_list(&call->input))
        return call_wrong_type(call, &call->input, "java.util.List");
    return sort(call, -1, ret);
}

/* ---- slice: the arguments are looked at before the input, as integers of 32 bits ---- */
typedef struct Slice {
    int64_t from, to;
    bool has_to;
} Slice;

static int slice_arguments_read(Call *call, Slice *ret)
{
    Value from = call_argument(call, 0), to = call_argument(call, 1);
    if (from.kind != VALUE_NULL && !value_is_number(&from))
        return call_fail(call, "Argument fromIndex must be a number. Actual type: %s", value_class_name(&from));
    *ret = (Slice){.from = from.kind == VALUE_NULL ? 0 : value_as_int(&from), .has_to = to.kind != VALUE_NULL};
    if (ret->from < 0)
        return eval_fail_plain(call->eval, "fromIndex must be greater than 0");
    if (ret->has_to && !value_is_number(&to))
        return call_fail(call, "Argument toIndex must be a number. Actual type: %s", value_class_name(&to));
    ret->to = ret->has_to ? value_as_int(&to) : 0;
    return 0;
}

static int slice_check(Call *call, Slice *slice, size_t size)
{
    if (!slice->has_to)
        slice->to = (int64_t)size;
    if (slice->to > (int64_t)size)
        return call_fail(call, "toIndex must be smaller than input size: %zu", size);
    if (slice->has_to && slice->from >= slice->to)
        return call_fail(call, "toIndex must be greater than fromIndex");
    if (slice->from > slice->to)
        return eval_fail_plain(call->eval, "fromIndex(%" PRId64 ") > toIndex(%" PRId64 ")", slice->from, slice->to);
    return 0;
}

static int slice_list(Call *call, Slice *slice, Value *ret)
{
    int r = slice_check(call, slice, value_count(&call->input));
    if (r)
        return r;
    List *list = list_new(call->eval->arena, (size_t)(slice->to - slice->from));
    for (int64_t i = slice->from; i < slice->to; i++)
        list_push(call->eval->arena, list, value_item(&call->input, (size_t)i));
    *ret = value_list(list);
    ret->class_ = call->input.class_ == CLASS_TEXT_ARRAY ? CLASS_TEXT_ARRAY : CLASS_SUB_LIST;
    return 0;
}

static int slice_text(Call *call, Slice *slice, Value *ret)
{
    const Value *text = &call->input;
    int r = slice_check(call, slice, utf16_length(text->text, text->length));
    if (r)
        return r;
    size_t first = utf16_offset(text->text, text->length, (size_t)slice->from);
    size_t last = utf16_offset(text->text, text->length, (size_t)slice->to);
    *ret = value_text(text->text + first, last - first);
    return 0;
}

static int filter_slice(Call *call, Value *ret)
{
    if (is_null(call, ret))
        return 0;
    Slice slice;
    int r = slice_arguments_read(call, &slice);
    if (r)
        return r;
    if (call->input.kind == VALUE_LIST && (is_list(&call->input) || call->input.class_ == CLASS_TEXT_ARRAY))
        return slice_list(call, &slice, ret);
    if (call->input.kind == VALUE_TEXT)
        return slice_text(call, &slice, ret);
    return call_fail(call, "Slice filter can only be applied to String, List and array inputs. Actual type was: %s",
                     value_class_name(&call->input));
}

/* ---- chunk, flatten, distinct ---- */
static int filter_chunk(Call *call, Value *ret)
{
    if (is_null(call, ret))
        return 0;
    if (!call_has(call, 0))
        return call_fail(call, "'chunk' filter expects an argument 'size'.");
    if (!is_list(&call->input))
        return call_fail(call, "'chunk' filter can only be applied to List. Actual type was: %s",
                         value_class_name(&call->input));
    Value size_value = call_argument(call, 0);
    int64_t size;
    int r = call_need_long(call, &size_value, &size);
    if (r)
        return r;
    if (size <= 0)
        return eval_fail_plain(call->eval, "The size of a chunk must be positive");
    Arena *arena = call->eval->arena;
    List *chunks = list_new(arena, 0), *chunk = NULL;
    for (size_t i = 0; i < value_count(&call->input); i++) {
        if (!chunk || (int64_t)chunk->count == size) {
            chunk = list_new(arena, 0);
            list_push(arena, chunks, value_list(chunk));
        }
        list_push(arena, chunk, value_item(&call->input, i));
    }
    *ret = value_list(chunks);
    return 0;
}

static int filter_flatten(Call *call, Value *ret)
{
    if (is_null(call, ret))
        return 0;
    if (!is_list(&call->input))
        return call_fail(call, "The 'flatten' filter can only be applied to lists.");
    Arena *arena = call->eval->arena;
    List *flat = list_new(arena, value_count(&call->input));
    for (size_t i = 0; i < value_count(&call->input); i++) {
        Value item = value_item(&call->input, i);
        if (!is_list(&item)) {
            list_push(arena, flat, item);
            continue;
        }
        for (size_t k = 0; k < value_count(&item); k++)
            list_push(arena, flat, value_item(&item, k));
    }
    *ret = value_list(flat);
    ret->class_ = CLASS_IMMUTABLE_LIST;
    return 0;
}

static const char *const join_arguments[] = {"separator", NULL};
static const char *const slice_arguments[] = {"fromIndex", "toIndex", NULL};
static const char *const chunk_arguments[] = {"size", NULL};

const CallRow filters_list[] = {
    {"chunk", filter_chunk, chunk_arguments, 0, NULL},
    {"first", filter_first, NULL, 0, NULL},
    {"flatten", filter_flatten, NULL, 0, NULL},
    {"join", filter_join, join_arguments, 0, NULL},
    {"last", filter_last, NULL, 0, NULL},
    {"length", filter_length, NULL, 0, NULL},
    {"reverse", filter_reverse, NULL, 0, NULL},
    {"rsort", filter_rsort, NULL, 0, NULL},
    {"slice", filter_slice, slice_arguments, 0, NULL},
    {"sort", filter_sort, NULL, 0, NULL},
    {},
};
