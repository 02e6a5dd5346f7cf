/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Amazon Ion in its text form, both ways. */
#include "expr/engine.h"

void ion_write(Buffer *buffer, const Value *value);
/* The first value of the text; `*ret_empty` when there is none. False: the text is no Ion. */
bool ion_read(Arena *arena, const char *text, size_t length, bool *ret_empty, Value *ret);
