/* SPDX-License-Identifier: Apache-2.0 */
/* `a.b`, `a['b']`, `a[0]`, `a.method(…)`, after io.pebbletemplates.pebble.attributes. */
#include "expr/engine.h"

static Name text_name(Arena *arena, const Value *key)
{
    Value text = java_text(arena, key);
    return (Name){text.text, text.length};
}

/* Integer.parseInt of the key's text. */
static bool list_index(const Name *name, size_t count, size_t *ret)
{
    size_t index = 0;
    if (!name->length || name->length > 9)
        return false;
    for (size_t i = 0; i < name->length; i++) {
        if (name->text[i] < '0' || name->text[i] > '9')
            return false;
        index = index * 10 + (size_t)(name->text[i] - '0');
    }
    *ret = index;
    return index < count;
}

static int map_attribute(Eval *eval, unsigned line, const Value *map, const Value *key, Name name, Value *ret)
{
    if (key->kind == VALUE_NULL)
        return eval_fail_plain(eval, "A map has no attribute null");
    if (value_is_number(key)) {
        if (value_count(map) == 0)
            return eval_fail_plain(eval, "An empty map has no attribute %.*s", (int)name.length, name.text);
        Value as_long = value_long(value_as_long(key)), as_integer = value_integer(value_as_long(key));
        if (value_find(map, &as_long, ret) || value_find(map, &as_integer, ret))
            return 0;
        return eval_fail(eval, line, "type class java.lang.String not supported for key %.*s", (int)name.length,
                         name.text);
    }
    return value_get(map, name.text, name.length, ret) ? 0 : eval_undefined(eval, line, name);
}

/* null.x: names the variable if it is one, else the attribute. */
static int null_attribute(Eval *eval, const Node *node, Name name)
{
    return eval_undefined(eval, node->line,
                          node->attribute.object->eval == eval_name ? node->attribute.object->name : name);
}

static int call_method(Eval *eval, const Node *node, const Value *object, Name name, Value *ret)
{
    const NodeList *list = &node->attribute.arguments;
    Value arguments[CALL_ARGUMENTS_MAX];
    if (list->count > ELEMENTS(arguments))
        return eval_undefined(eval, node->line, name);
    for (size_t i = 0; i < list->count; i++) {
        int r = eval_node(eval, list->items[i], &arguments[i]);
        if (r)
            return r;
    }
    if (object->kind == VALUE_NULL)
        return null_attribute(eval, node, name);
    return eval_method(eval, node->line, *object, name, arguments, list->count, true, ret);
}

/* Lists and maps that a method changed (add, put) are found by the address of the original. */
Value eval_current_version(Eval *eval, Value value)
{
    if (!eval->changed)
        return value;
    Value changed = value_map(eval->changed), address = VALUE_NULL_INIT;
    while (value.kind == VALUE_LIST || value.kind == VALUE_MAP) {
        address = value_long((int64_t)(uintptr_t)value.json);
        if (!value_find(&changed, &address, &value))
            break;
    }
    return value;
}

int eval_attribute(Eval *eval, const Node *node, Value *ret)
{
    Value object, key;
    int r = eval_node(eval, node->attribute.object, &object);
    if (!r)
        r = eval_node(eval, node->attribute.key, &key);
    if (r)
        return r;
    Name name = text_name(eval->arena, &key);
    if (node->attribute.is_call)
        return call_method(eval, node, &object, name, ret);
    if (object.kind == VALUE_NULL)
        return null_attribute(eval, node, name);
    size_t index;
    if (object.kind == VALUE_MAP) {
        r = map_attribute(eval, node->line, &object, &key, name, ret);
        if (!r)
            *ret = eval_current_version(eval, *ret);
        return r;
    }
    if (object.kind == VALUE_LIST && list_index(&name, value_count(&object), &index)) {
        *ret = eval_current_version(eval, value_item(&object, index));
        return 0;
    }
    return eval_method(eval, node->line, object, name, NULL, 0, false, ret);
}
