/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Memory: allocation that aborts when there is none, arenas for one unit of work, growing arrays.
 * Every size that a user controls is limited before it gets here.
 */
#include <stdarg.h>

#include "base/base.h"

/* Zeroed memory; free with free() or the owner's _free. Abort on exhaustion or overflow. */
void *xcalloc(size_t count, size_t size) _malloc_;
void *xmalloc(size_t size) _malloc_;
void *xrealloc(void *old, size_t count, size_t size) __attribute__((returns_nonnull));
char *xstrdup(const char *text) _malloc_;
char *xstrndup(const char *text, size_t length) _malloc_;
/* NULL stays NULL. */
char *xstrdup_null(const char *text);
char *xasprintf(const char *format, ...) _malloc_ _printf_(1, 2);
char *xvasprintf(const char *format, va_list arguments) _malloc_ _printf_(1, 0);
#define xnew(type)          ((type *)xcalloc(1, sizeof(type)))
#define xnew_n(type, count) ((type *)xcalloc((count), sizeof(type)))

static inline void freep(void *pointer_to_pointer)
{
    void **p = pointer_to_pointer;
    free(*p);
    *p = NULL;
}
#define _cleanup_free_ _cleanup_(freep)

/* Makes jansson use the same aborting allocator. Called once by main and by test programs. */
/* For a program that runs for long: large blocks go back to the system when they are freed. glibc keeps as much as the
 * largest that it has ever seen freed. */
void mem_return_large(void);
/* Gives back all that is free. For quiet moments: it walks the heap. */
void mem_trim(void);
void mem_use_for_jansson(void (*set)(void *(*)(size_t), void (*)(void *)));

/*
 * An arena holds everything of one unit of work (a request, a parse, a render) and is freed at its end.
 * Nothing in an arena outlives it: copy out.
 */
typedef struct Arena Arena;
Arena *arena_new(void);
/* Handed out since the last reset. */
size_t arena_bytes(const Arena *arena);
/* Forgets all contents but keeps the first block, so that a reused arena allocates nothing. */
void arena_reset(Arena *arena);
Arena *arena_free(Arena *arena);
DEFINE_CLEANUP(Arena *, arena_free);
/* Zeroed, aligned for any type. */
void *arena_alloc(Arena *arena, size_t size) _malloc_;
char *arena_strdup(Arena *arena, const char *text) _malloc_;
char *arena_strndup(Arena *arena, const char *text, size_t length) _malloc_;
char *arena_printf(Arena *arena, const char *format, ...) _malloc_ _printf_(2, 3);
char *arena_vprintf(Arena *arena, const char *format, va_list arguments) _malloc_;
#define arena_new_n(arena, type, count) ((type *)arena_alloc((arena), sizeof(type) * (count)))

/* A growing array: `VEC(char *) names = {};` then vec_push(&names, x), names.items[i], names.count. */
#define VEC(type)                                                                                                      \
    struct {                                                                                                           \
        type *items;                                                                                                   \
        size_t count, allocated;                                                                                       \
    }
void *vec_grow(void *items, size_t count, size_t *allocated, size_t item_size);
#define vec_push(vec, ...)                                                                                             \
    do {                                                                                                               \
        if ((vec)->count == (vec)->allocated)                                                                          \
            (vec)->items = vec_grow((vec)->items, (vec)->count, &(vec)->allocated, sizeof(*(vec)->items));             \
        (vec)->items[(vec)->count++] = __VA_ARGS__;                                                                    \
    } while (0)
#define vec_free(vec)                                                                                                  \
    do {                                                                                                               \
        free((vec)->items);                                                                                            \
        (vec)->items = NULL;                                                                                           \
        (vec)->count = (vec)->allocated = 0;                                                                           \
    } while (0)
