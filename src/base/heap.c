/* SPDX-License-Identifier: Apache-2.0 */
#include "base/heap.h"

void heap_done(Heap *heap)
{
    vec_free(&heap->entries);
}

static void place(Heap *heap, HeapEntry *entry, size_t index)
{
    heap->entries.items[index] = entry;
    entry->position = index + 1;
}

static void sift_up(Heap *heap, size_t index)
{
    HeapEntry *entry = heap->entries.items[index];
    while (index > 0) {
        size_t parent = (index - 1) / 2;
        if (heap->entries.items[parent]->date <= entry->date)
            break;
        place(heap, heap->entries.items[parent], index);
        index = parent;
    }
    place(heap, entry, index);
}

static void sift_down(Heap *heap, size_t index)
{
    HeapEntry *entry = heap->entries.items[index];
    for (;;) {
        size_t child = index * 2 + 1;
        if (child >= heap->entries.count)
            break;
        if (child + 1 < heap->entries.count && heap->entries.items[child + 1]->date < heap->entries.items[child]->date)
            child++;
        if (heap->entries.items[child]->date >= entry->date)
            break;
        place(heap, heap->entries.items[child], index);
        index = child;
    }
    place(heap, entry, index);
}

void heap_set(Heap *heap, HeapEntry *entry, usec_t date)
{
    entry->date = date;
    if (!entry->position) {
        vec_push(&heap->entries, entry);
        entry->position = heap->entries.count;
    }
    sift_up(heap, entry->position - 1);
    sift_down(heap, entry->position - 1);
}

void heap_remove(Heap *heap, HeapEntry *entry)
{
    if (!entry->position)
        return;
    size_t index = entry->position - 1;
    HeapEntry *last = heap->entries.items[--heap->entries.count];
    entry->position = 0;
    if (last == entry)
        return;
    place(heap, last, index);
    sift_up(heap, index);
    sift_down(heap, last->position - 1);
}

HeapEntry *heap_first(const Heap *heap)
{
    return heap->entries.count ? heap->entries.items[0] : NULL;
}
