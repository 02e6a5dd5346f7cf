/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The only file that calls malloc. Out of memory aborts here: state lives in PostgreSQL, in one transaction per
 * step, so a restart by systemd is always safe, and half of all error paths disappear.
 */
#include "base/base.h"

#include <malloc.h>
#include <stdarg.h>
#include <unistd.h>

#define ARENA_BLOCK_BYTES 4096
#define LARGE_BYTES       (256 * 1024)

static _noreturn_ void out_of_memory(void)
{
    static const char message[] = "out of memory\n";
    (void)!write(STDERR_FILENO, message, sizeof(message) - 1); /* nothing else can be done */
    abort();
}

void *xcalloc(size_t count, size_t size)
{
    void *memory = calloc(count ? count : 1, size ? size : 1);
    if (!memory)
        out_of_memory();
    return memory;
}

void *xmalloc(size_t size)
{
    void *memory = malloc(size ? size : 1);
    if (!memory)
        out_of_memory();
    return memory;
}

void *xrealloc(void *old, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes))
        out_of_memory();
    void *memory = realloc(old, bytes ? bytes : 1);
    if (!memory)
        out_of_memory();
    return memory;
}

char *xstrndup(const char *text, size_t length)
{
    char *copy = xmalloc(length + 1);
    memcpy(copy, text, length);
    copy[length] = 0;
    return copy;
}

char *xstrdup(const char *text)
{
    return xstrndup(text, strlen(text));
}

char *xstrdup_null(const char *text)
{
    return text ? xstrdup(text) : NULL;
}

char *xvasprintf(const char *format, va_list arguments)
{
    char *text;
    if (vasprintf(&text, format, arguments) < 0)
        out_of_memory();
    return text;
}

char *xasprintf(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *text = xvasprintf(format, arguments);
    va_end(arguments);
    return text;
}

void mem_return_large(void)
{
    (void)mallopt(M_MMAP_THRESHOLD, LARGE_BYTES); /* cannot fail with these */
    (void)mallopt(M_TRIM_THRESHOLD, 4 * LARGE_BYTES);
}

void mem_trim(void)
{
    (void)malloc_trim(0); /* there may have been nothing */
}

void mem_use_for_jansson(void (*set)(void *(*)(size_t), void (*)(void *)))
{
    set(xmalloc, free);
}

typedef struct Block Block;
struct Block {
    Block *next;
    size_t used, size;
    _Alignas(max_align_t) char bytes[];
};

struct Arena {
    Block *current; /* newest first; the last one of the chain is the first block and survives a reset */
    size_t bytes;
};

static Block *block_new(size_t size, Block *next)
{
    Block *block = xmalloc(sizeof(Block) + size);
    *block = (Block){.next = next, .size = size};
    return block;
}

Arena *arena_new(void)
{
    Arena *arena = xnew(Arena);
    arena->current = block_new(ARENA_BLOCK_BYTES, NULL);
    return arena;
}

void arena_reset(Arena *arena)
{
    while (arena->current->next) {
        Block *block = arena->current;
        arena->current = block->next;
        free(block);
    }
    arena->current->used = 0;
    arena->bytes = 0;
}

size_t arena_bytes(const Arena *arena)
{
    return arena->bytes;
}

Arena *arena_free(Arena *arena)
{
    if (!arena)
        return NULL;
    arena_reset(arena);
    free(arena->current);
    free(arena);
    return NULL;
}

void *arena_alloc(Arena *arena, size_t size)
{
    size_t aligned = (size + _Alignof(max_align_t) - 1) & ~(_Alignof(max_align_t) - 1);
    if (aligned < size)
        out_of_memory();
    Block *block = arena->current;
    if (block->size - block->used < aligned) {
        size_t wanted = MAX(aligned, MIN(block->size * 2, (size_t)1 << 20));
        block = arena->current = block_new(wanted, block);
    }
    void *memory = block->bytes + block->used;
    block->used += aligned;
    arena->bytes += aligned;
    return memset(memory, 0, size);
}

char *arena_strndup(Arena *arena, const char *text, size_t length)
{
    char *copy = arena_alloc(arena, length + 1);
    memcpy(copy, text, length);
    return copy;
}

char *arena_strdup(Arena *arena, const char *text)
{
    return arena_strndup(arena, text, strlen(text));
}

char *arena_vprintf(Arena *arena, const char *format, va_list arguments)
{
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    char *text = arena_alloc(arena, (size_t)length + 1);
    (void)vsnprintf(text, (size_t)length + 1, format, again); /* same arguments: same length */
    va_end(again);
    return text;
}

char *arena_printf(Arena *arena, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *text = arena_vprintf(arena, format, arguments);
    va_end(arguments);
    return text;
}

void *vec_grow(void *items, size_t count, size_t *allocated, size_t item_size)
{
    *allocated = count ? count * 2 : 8;
    return xrealloc(items, *allocated, item_size);
}
