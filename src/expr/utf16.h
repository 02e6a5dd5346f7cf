/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Java counts texts in UTF-16 units; ours are UTF-8. A malformed byte counts as one unit (U+FFFD). */
#include "base/base.h"

typedef struct Utf16Walk {
    const char *at, *end;
    uint16_t pending; /* second half of a pair */
} Utf16Walk;
bool utf16_walk(Utf16Walk *walk, uint16_t *ret_unit);
size_t utf16_length(const char *text, size_t length);
/* Byte offset of unit `index`; inside a pair it is the start of the pair. At most length. */
size_t utf16_offset(const char *text, size_t length, size_t index);
/* Next code point; advances *at; U+FFFD for a malformed byte. */
uint32_t utf8_next(const char **at, const char *end);
/* False when a byte is malformed, or stands for half of a pair. */
bool utf8_is_valid(const char *text, size_t length);
/* Writes at most 4 bytes, returns how many. */
size_t utf8_put(uint32_t code_point, char *ret);
