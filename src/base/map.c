/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Open addressing with linear probing; a removed entry leaves a tombstone (key NULL, hash 1) that the next growth
 * sweeps out. Hashes 0 and 1 are reserved for "free" and "tombstone".
 */
#include "base/map.h"

typedef struct Entry {
    uint64_t hash;
    char *key;
    void *value;
} Entry;

struct Map {
    Entry *entries;
    size_t size; /* a power of two */
    size_t used; /* live entries and tombstones */
    size_t count;
};

static uint64_t hash_of(const char *key)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (; *key; key++)
        hash = (hash ^ (unsigned char)*key) * UINT64_C(1099511628211);
    hash ^= hash >> 29;
    return hash < 2 ? hash + 2 : hash;
}

Map *map_new(void)
{
    Map *map = xnew(Map);
    map->size = 16;
    map->entries = xnew_n(Entry, map->size);
    return map;
}

void map_destroy(Map *map, void (*free_value)(void *))
{
    if (!map)
        return;
    for (size_t i = 0; i < map->size; i++)
        if (map->entries[i].key) {
            if (free_value)
                free_value(map->entries[i].value);
            free(map->entries[i].key);
        }
    free(map->entries);
    free(map);
}

size_t map_count(const Map *map)
{
    return map->count;
}

static Entry *find(const Map *map, const char *key, uint64_t hash)
{
    for (size_t i = hash & (map->size - 1);; i = (i + 1) & (map->size - 1)) {
        Entry *entry = &map->entries[i];
        if (entry->hash == 0)
            return NULL;
        if (entry->hash == hash && streq(entry->key, key))
            return entry;
    }
}

static void insert(Map *map, Entry entry)
{
    size_t i = entry.hash & (map->size - 1);
    while (map->entries[i].hash)
        i = (i + 1) & (map->size - 1);
    map->entries[i] = entry;
    map->used++;
}

static void grow(Map *map)
{
    Entry *old = map->entries;
    size_t old_size = map->size;
    map->size = map->count * 2 >= old_size ? old_size * 2 : old_size;
    map->entries = xnew_n(Entry, map->size);
    map->used = 0;
    for (size_t i = 0; i < old_size; i++)
        if (old[i].key)
            insert(map, old[i]);
    free(old);
}

void *map_get(const Map *map, const char *key)
{
    Entry *entry = find(map, key, hash_of(key));
    return entry ? entry->value : NULL;
}

void *map_put(Map *map, const char *key, void *value)
{
    uint64_t hash = hash_of(key);
    Entry *entry = find(map, key, hash);
    if (entry) {
        void *old = entry->value;
        entry->value = value;
        return old;
    }
    if ((map->used + 1) * 4 > map->size * 3)
        grow(map);
    insert(map, (Entry){.hash = hash, .key = xstrdup(key), .value = value});
    map->count++;
    return NULL;
}

void *map_remove(Map *map, const char *key)
{
    Entry *entry = find(map, key, hash_of(key));
    if (!entry)
        return NULL;
    void *value = entry->value;
    free(entry->key);
    *entry = (Entry){.hash = 1};
    map->count--;
    return value;
}

bool map_next(const Map *map, size_t *position, const char **ret_key, void **ret_value)
{
    for (; *position < map->size; (*position)++) {
        const Entry *entry = &map->entries[*position];
        if (!entry->key)
            continue;
        *ret_key = entry->key;
        *ret_value = entry->value;
        (*position)++;
        return true;
    }
    return false;
}
