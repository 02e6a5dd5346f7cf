/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Hides the values of secrets that a task has used from everything that it logs. */
#include "base/base.h"

typedef struct Mask {
    VEC(char *) values; /* longest first */
} Mask;
/* Values shorter than 2 characters are left alone: hiding them would only garble the log. Copied. */
void mask_add(Mask *mask, const char *value);
void mask_done(Mask *mask);
/* The text with every value replaced by stars of its length, nine stars being **masked*; caller frees. NULL: nothing to hide. */
char *mask_apply(const Mask *mask, const char *text);
