/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Regular expressions: Java's syntax on PCRE2, with a match limit. */
#include "expr/engine.h"

/* String.matches: the whole text. */
int regex_matches(Eval *eval, const Value *text, const Value *pattern, bool *ret);
/* String.replaceAll / replaceFirst: `$1`, `${name}` and backslash in the replacement. */
int regex_replace(Eval *eval, const Value *text, const Value *pattern, const Value *replacement, bool all, Value *ret);
/* String.split(pattern, limit); the result is a String[]. */
int regex_split(Eval *eval, const Value *text, const Value *pattern, int64_t limit, Value *ret);
