/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* java.math.BigDecimal as far as expressions need it: operations on numbers that came from doubles. */
#include "expr/value.h"

/* a op b with BigDecimal.valueOf(double) on both sides; op is one of + - * / %. False: division by zero. */
bool decimal_operation(Arena *arena, double a, double b, char operation, Value *ret);
/* A decimal literal ("17.50", "1e3") in BigDecimal.toString form; false when it is none. */
bool decimal_parse(Arena *arena, const char *text, size_t length, Value *ret);
