/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Limits against abuse of expressions, from the settings to the engine. */
#include "doc/conf.h"
#include "expr/expr.h"

/* Applies limits.expression-* of the settings to this process (expr_limits_set): every role that renders, at its start.
 */
void expression_limits_from_conf(const Conf *conf);
/* The limits in force, for a child process; and back. New object; a member that is missing keeps its default. */
json_t *expression_limits_encode(void);
void expression_limits_decode(const json_t *limits);
