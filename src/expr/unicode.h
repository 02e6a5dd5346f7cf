/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Texts as Java sees them: case mapping of the locale-free kind, blanks, order. */
#include "expr/engine.h"

int unicode_upper(Eval *eval, const Value *text, Value *ret);
int unicode_lower(Eval *eval, const Value *text, Value *ret);
/* String.trim: characters up to U+0020. */
Value java_trim(Value text);
/* String.strip: Unicode blanks. */
Value unicode_strip(Value text);
/* String.compareTo: by UTF-16 units; difference of the first that differ, or of the lengths. */
int64_t java_compare_text(const Value *a, const Value *b);
/* String.replace: every occurrence of a plain text. */
int text_replace_all(Eval *eval, const Value *text, const Value *part, const Value *by, Value *ret);
/* Kestra's slug: what flows are called in the internal storage. */
int unicode_slug(Eval *eval, const Value *text, Value *ret);
/* Character.toTitleCase of the first character in place, the rest as it is. */
int unicode_title_first(Eval *eval, const Value *text, Value *ret);
