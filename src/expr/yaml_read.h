/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* YAML texts as Jackson's YAML parser reads them for the function yaml(). */
#include "expr/engine.h"

/* The first document. An alias is the text of its name, the last of two equal keys wins, dates stay texts: that is what
 * Jackson does, and unlike room doc, which reads flows as SnakeYAML does. EVAL_E_ERROR with the parser's words. */
int yaml_read(Eval *eval, unsigned line, const Value *text, Value *ret);
