/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A binary heap of items by date, earliest first: timers, schedules. An item embeds a HeapEntry, so that it can be
 * moved or removed in O(log n).
 */
#include "base/base.h"

typedef struct HeapEntry {
    usec_t date;     /* set by heap_set */
    size_t position; /* private: index + 1; 0 when not in the heap */
} HeapEntry;

typedef struct Heap {
    VEC(HeapEntry *) entries;
} Heap;

/* Frees the array, not the items. */
void heap_done(Heap *heap);
/* Puts the item in, or moves it when it is in already. */
void heap_set(Heap *heap, HeapEntry *entry, usec_t date);
/* Takes it out if it is in. */
void heap_remove(Heap *heap, HeapEntry *entry);
/* The earliest, or NULL. */
HeapEntry *heap_first(const Heap *heap);
/* The struct that embeds the entry as `member`. */
#define heap_item(entry, type, member) ((type *)((char *)(entry)-offsetof(type, member)))
