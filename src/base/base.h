/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What every file of the project includes first: the types and verbs that all rooms share.
 *
 * Errors come in two kinds. An *outage* is a negative errno: the operation broke (database gone, disk full).
 * It is raised once with outage() and passed up unchanged. An *outcome* is a positive number: a normal,
 * documented answer of a module that its direct caller handles; fold() turns an unexpected one into an outage.
 *
 * Running out of memory aborts, so no allocation here returns NULL.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define _cleanup_(function) __attribute__((cleanup(function)))
#define _must_check_        __attribute__((warn_unused_result))
#define _printf_(a, b)      __attribute__((format(printf, a, b)))
#define _malloc_            __attribute__((malloc, returns_nonnull))
#define _noreturn_          __attribute__((noreturn))
#define _unused_            __attribute__((unused))

/* Defines freep helper `function##p` so that a local can say _cleanup_(x_freep). */
#define DEFINE_CLEANUP(type, function)                                                                                 \
    _unused_ static inline void function##p(type *pointer)                                                             \
    {                                                                                                                  \
        if (*pointer)                                                                                                  \
            function(*pointer);                                                                                        \
    }                                                                                                                  \
    struct function##_cleanup_semicolon_

#define TAKE_PTR(pointer)                                                                                              \
    ({                                                                                                                 \
        __typeof__(pointer) *take_ptr_ = &(pointer);                                                                   \
        __typeof__(pointer) take_value_ = *take_ptr_;                                                                  \
        *take_ptr_ = NULL;                                                                                             \
        take_value_;                                                                                                   \
    })
#define TAKE_FD(fd)                                                                                                    \
    ({                                                                                                                 \
        int *take_fd_ = &(fd);                                                                                         \
        int take_value_ = *take_fd_;                                                                                   \
        *take_fd_ = -1;                                                                                                \
        take_value_;                                                                                                   \
    })

#define ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))
#define MIN(a, b)                                                                                                      \
    ({                                                                                                                 \
        __typeof__(a) min_a_ = (a);                                                                                    \
        __typeof__(b) min_b_ = (b);                                                                                    \
        min_a_ < min_b_ ? min_a_ : min_b_;                                                                             \
    })
#define MAX(a, b)                                                                                                      \
    ({                                                                                                                 \
        __typeof__(a) max_a_ = (a);                                                                                    \
        __typeof__(b) max_b_ = (b);                                                                                    \
        max_a_ > max_b_ ? max_a_ : max_b_;                                                                             \
    })

/* Microseconds, everywhere inside; text only at the edges. */
typedef uint64_t usec_t;
#define USEC_PER_SEC  UINT64_C(1000000)
#define USEC_PER_MSEC UINT64_C(1000)
#define USEC_INFINITY UINT64_MAX

/* Raises an outage: r is a negative errno (0 becomes -EIO). At debug level the place is logged. */
int outage_at(int r, const char *file, int line);
#define outage(r) outage_at((r), __FILE__, __LINE__)
/* Passes an outage up; the name marks the path in the source. */
#define trace(r) (r)
/* An outcome that the caller did not expect becomes -ENOTRECOVERABLE; 0 and outages stay. */
static inline int fold(int r)
{
    return r > 0 ? -ENOTRECOVERABLE : r;
}

static inline bool streq(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}
/* NULL equals NULL only. */
static inline bool streq_null(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}
static inline bool starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}
bool ends_with(const char *text, const char *suffix);

/* Closes fd unless it is negative; keeps errno. Returns -1, to be assigned back. */
int close_fd(int fd);
static inline void close_fdp(int *fd)
{
    close_fd(*fd);
}

#include "base/mem.h"
