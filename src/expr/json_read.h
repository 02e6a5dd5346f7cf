/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * JSON text to values, as Jackson reads it for Kestra: integers of any size, the last of two equal keys wins, what
 * follows the first value is ignored, an empty text is null.
 */
#include "expr/value.h"

typedef struct JsonError {
    const char *message; /* Jackson's words for the common ones; in the arena */
} JsonError;
bool json_read(Arena *arena, const char *text, size_t length, Value *ret, JsonError *error);
