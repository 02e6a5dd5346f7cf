/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* java.text.DecimalFormat in the locale en_US. */
#include "expr/engine.h"

/* An empty pattern is #,##0.###. */
int number_format(Eval *eval, const Value *number, const Value *pattern, Value *ret);
