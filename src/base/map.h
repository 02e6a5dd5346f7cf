/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A hash map from text to pointer. Keys are copied; values belong to the caller. Not thread safe. */
#include "base/base.h"

typedef struct Map Map;
Map *map_new(void);
/* Frees the map and its keys; free_value (may be NULL) is called for every value. */
void map_destroy(Map *map, void (*free_value)(void *));
size_t map_count(const Map *map);
/* NULL when absent. */
void *map_get(const Map *map, const char *key);
/* Returns the value that was there before, or NULL. value must not be NULL. */
void *map_put(Map *map, const char *key, void *value);
/* Returns the removed value, or NULL. */
void *map_remove(Map *map, const char *key);
/* Walks in no particular order: start with *position = 0; returns false at the end. The key is borrowed. The map
 * may not change during the walk except by map_remove of the key just returned. */
bool map_next(const Map *map, size_t *position, const char **ret_key, void **ret_value);
