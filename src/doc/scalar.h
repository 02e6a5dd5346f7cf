/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What a plain YAML scalar means, and which characters a document may hold. Private to this room. */
#include <jansson.h>

#include "base/base.h"

/* Value of a plain scalar: null, boolean, integer, real or text. New. */
json_t *scalar_decode(const char *text, size_t length);
/* Value of a scalar with a tag such as "tag:yaml.org,2002:str"; text when the tag says nothing. New. */
json_t *scalar_decode_tagged(const char *tag, const char *text, size_t length);
/* NULL when text is UTF-8 without forbidden control characters; otherwise what is wrong and where (from 1). */
const char *text_problem(const char *text, size_t length, unsigned *ret_line, unsigned *ret_column);
