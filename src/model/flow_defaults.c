/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plugin defaults: values that every object of a type gets. They are merged into the source's tree, children first, so
 * that the rest of the room needs to know nothing of them. A default applies to a type that begins with its own type,
 * so a package name covers all its types. What is not touched stays shared with the source's tree.
 *
 * Source: io.kestra.core.services.PluginDefaultService. The order of several matching defaults follows the list here,
 * where the Java map leaves it open.
 */
#include "model/flow_private.h"

typedef struct Default {
    const char *type;
    size_t type_length;
    const json_t *values;
    bool forced;
    size_t nodes; /* values that a merge adds at most */
} Default;

/* Defaults multiply: each is copied into every object of its type. Both bounds keep the product small. */
enum {
    DEFAULTS_MAX = 1000,
    ADDED_NODES_MAX = 200000,
};

struct Defaults {
    VEC(Default) items;
    size_t added; /* by merges so far */
    bool exceeded;
};

static const TypeKind all_kinds[] = {TYPE_TASK, TYPE_TRIGGER, TYPE_CONDITION, TYPE_TASK_RUNNER};

static size_t count_nodes(const json_t *value)
{
    size_t count = 1, i;
    const char *key;
    json_t *item;
    json_array_foreach (value, i, item)
        count += count_nodes(item);
    json_object_foreach ((json_t *)(uintptr_t)value, key, item)
        count += count_nodes(item);
    return count;
}

static void add(Defaults *defaults, const TypeRegistry *registry, const json_t *item)
{
    const char *type = json_get_text(item, "type", NULL);
    const json_t *values = json_object_get(item, "values");
    if (!type || !json_is_object(values))
        return;
    bool forced = property_is_true(item, "forced");
    if (defaults->items.count >= DEFAULTS_MAX) {
        defaults->exceeded = true;
        return;
    }
    size_t nodes = count_nodes(values);
    vec_push(&defaults->items, (Default){type, strlen(type), values, forced, nodes});
    bool is_alias = false;
    for (size_t i = 0; i < ELEMENTS(all_kinds); i++) {
        const Type *real = type_find(registry, all_kinds[i], type, &is_alias);
        if (real && is_alias)
            vec_push(&defaults->items, (Default){real->name, strlen(real->name), values, forced, nodes});
    }
}

static void add_all(Defaults *defaults, const TypeRegistry *registry, const json_t *list)
{
    size_t i;
    const json_t *item;
    json_array_foreach (list, i, item)
        add(defaults, registry, item);
}

Defaults *defaults_new(const TypeRegistry *registry, const json_t *flow, const json_t *global)
{
    Defaults *defaults = xnew(Defaults);
    add_all(defaults, registry, json_object_get(flow, "pluginDefaults"));
    add_all(defaults, registry, json_object_get(flow, "taskDefaults"));
    add_all(defaults, registry, global);
    return defaults->items.count ? defaults : defaults_free(defaults);
}

Defaults *defaults_free(Defaults *defaults)
{
    if (defaults)
        vec_free(&defaults->items);
    free(defaults);
    return NULL;
}

static bool covers(const Default *row, const char *type)
{
    return strncmp(type, row->type, row->type_length) == 0;
}

bool defaults_have(const Defaults *defaults, const char *type, const char *property)
{
    for (size_t i = 0; defaults && type && i < defaults->items.count; i++) {
        const json_t *value = json_object_get(defaults->items.items[i].values, property);
        if (covers(&defaults->items.items[i], type) && value && !json_is_null(value))
            return true;
    }
    return false;
}

/* One merge; false when it would make the flow too large. Steals *object and gives the merged one back. */
static bool merge(Defaults *defaults, const Default *row, json_t **object)
{
    defaults->added += row->nodes + count_nodes(*object);
    if (defaults->added > ADDED_NODES_MAX)
        defaults->exceeded = true;
    if (defaults->exceeded)
        return false;
    json_t *merged = row->forced ? json_merged(*object, row->values) : json_merged(row->values, *object);
    json_decref(*object);
    *object = merged;
    return true;
}

/* Steals object. */
static json_t *apply(Defaults *defaults, json_t *object)
{
    const char *found = json_get_text(object, "type", NULL);
    if (!found)
        return object;
    _cleanup_free_ char *type = xstrdup(found); /* a forced default may change it */
    for (size_t i = 0; i < defaults->items.count; i++) {
        const Default *row = &defaults->items.items[i];
        if (!row->forced && covers(row, type) && !merge(defaults, row, &object))
            return object;
    }
    for (size_t i = defaults->items.count; i-- > 0;) {
        const Default *row = &defaults->items.items[i];
        if (row->forced && covers(row, type) && !merge(defaults, row, &object))
            return object;
    }
    return object;
}

static json_t *inject(Defaults *defaults, json_t *value);

static json_t *inject_array(Defaults *defaults, json_t *array)
{
    json_t *copy = NULL;
    size_t i;
    json_t *item;
    json_array_foreach (array, i, item) {
        json_t *changed = inject(defaults, item);
        if (changed != item && !copy)
            copy = json_copy(array);
        if (changed != item)
            (void)json_array_set(copy, i, changed); /* the index exists */
        json_decref(changed);
    }
    return copy ? copy : json_incref(array);
}

static json_t *inject_object(Defaults *defaults, json_t *object)
{
    json_t *copy = NULL;
    const char *key;
    json_t *item;
    json_object_foreach (object, key, item) {
        json_t *changed = inject(defaults, item);
        if (changed != item && !copy)
            copy = json_copy(object);
        if (changed != item)
            (void)json_object_set_nocheck(copy, key, changed); /* the key was read from a checked text */
        json_decref(changed);
    }
    return apply(defaults, copy ? copy : json_incref(object));
}

static json_t *inject(Defaults *defaults, json_t *value)
{
    if (json_is_array(value))
        return inject_array(defaults, value);
    if (json_is_object(value))
        return inject_object(defaults, value);
    return json_incref(value);
}

json_t *defaults_inject(Defaults *defaults, json_t *flow)
{
    if (!defaults)
        return json_incref(flow);
    json_t *injected = json_copy(flow);
    const char *key;
    json_t *value;
    json_object_foreach (flow, key, value) {
        if (streq(key, "pluginDefaults") || streq(key, "taskDefaults"))
            continue;
        (void)json_object_set_new_nocheck(injected, key, inject(defaults, value));
    }
    if (!defaults->exceeded)
        return injected;
    json_decref(injected);
    return NULL;
}

json_t *flow_global_defaults(const Conf *conf)
{
    static const char *const names[] = {"tasks.defaults", "plugins.defaults"};
    json_t *list = json_array();
    for (size_t i = 0; i < ELEMENTS(names); i++) {
        _cleanup_json_ json_t *copy = json_deep_copy(conf_value(conf, names[i])); /* outlives a reload */
        if (copy)
            (void)json_array_extend(list, copy); /* no failure but memory */
    }
    if (json_array_size(list))
        return list;
    json_decref(list);
    return NULL;
}
