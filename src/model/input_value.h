/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* One value of an input: read by its type, checked against its declaration. Private to this room. */
#include "base/buffer.h"
#include "model/flow_private.h"

/* A value as it is stored in the execution, and as a validation shows it when that differs. */
typedef struct InputValue {
    json_t *stored; /* owned */
    json_t *shown;  /* owned; NULL: the same */
} InputValue;
void input_value_done(InputValue *value);

enum {
    INPUT_VALUE_E_REFUSED = 1, /* *reason says why */
};
/* Reads value (text or typed). item_type, encryption_key may be NULL. */
int input_value_parse(const char *type, const char *item_type, const json_t *value, const char *encryption_key,
                      InputValue *ret, Buffer *reason) _must_check_;
/* Bounds, patterns and allowed values of the declaration; values: the allowed ones, may be NULL. `given` is the value
 * as it came, `parsed` what input_value_parse made of it. */
int input_value_check(const json_t *declaration, const json_t *values, const json_t *given, const InputValue *parsed,
                      Buffer *reason) _must_check_;
/* A value as Java writes it into a message: texts plain, lists as [a, b], maps as {a=1}. Caller frees. */
char *input_value_text(const json_t *value);
