/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Base64 and broken UTF-8, for filters and functions. */
#include "expr/engine.h"

int base64_encode(Eval *eval, const char *bytes, size_t length, Value *ret);
/* As java.util.Base64's basic decoder: the padding may be missing, no other character is allowed. */
int base64_decode(Eval *eval, const Value *text, bool *ret_valid, Value *ret);
/* Malformed bytes become U+FFFD. */
int utf8_repair(Eval *eval, const Value *bytes, Value *ret);
