/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Hides the values of secrets that a task has used from everything that it logs.
 *
 * What counts as the value: the text itself; each of its lines (a task's output reaches the log by lines); the text as
 * it stands in JSON, in a URL (%20, and + for a space) and in base64 (both alphabets). At the beginning and at the end
 * of a text also a piece of a value: the rest of it was in the line before or comes in the next. Shorter than these
 * limits is left alone, because hiding it would only garble the log: values 2 bytes, lines 4, base64 6, pieces 8.
 */
#include "doc/json.h"

typedef struct Mask {
    VEC(char *) values; /* longest first */
} Mask;
/* Copied. */
void mask_add(Mask *mask, const char *value);
/* One of the values of another mask, as it is. Copied. */
void mask_copy(Mask *mask, const char *value);
void mask_done(Mask *mask);
/* The text with every value replaced by stars of its length, nine stars being **masked*; caller frees. NULL: nothing to
 * hide. */
char *mask_apply(const Mask *mask, const char *text);
/* A copy in which all texts, also the names of members, are like that. NULL: nothing to hide. New. */
json_t *mask_apply_json(const Mask *mask, const json_t *value);
/* Bytes at the end of `text` that may be the beginning of a value: whoever cuts there cuts before them. */
size_t mask_tail(const Mask *mask, const char *text, size_t length);
