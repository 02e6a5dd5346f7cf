/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Inputs and typed outputs: resolution, parsing and validation (spec/semantics.md section 7). Pure. */
#include "model/flow.h"

enum {
    INPUT_E_INVALID = 1, /* the Diag has one error for each wrong input; path = input id */
};

typedef struct InputResolve {
    const json_t *inputs;       /* the flow's (or Pause.onResume's) declaration list */
    const json_t *given;        /* input id → text or typed value */
    const ExprContext *context; /* for conditions and SELECT expressions: flow and execution basics */
    const char *encryption_key; /* base64; NULL: SECRET inputs are refused */
} InputResolve;

/* The `inputs` object of an execution: ids with dots nested, disabled inputs left out. New. An empty text is a value
 * here; a form's empty parts must be left out of `given` by the caller. */
int input_resolve(const InputResolve *resolve, json_t **ret_inputs, Diag *diag) _must_check_;
/* The API's ApiValidateExecutionInputsResponse.inputs: [{input, value?, enabled, errors}]. New; never fails on bad
 * values. */
json_t *input_validate(const InputResolve *resolve);
/* One value by type name (INT, DATETIME, JSON, …): spec/semantics.md 7.2. Positive with diag when it does not fit. */
int input_parse_value(const char *type, const char *item_type, const json_t *value, const char *encryption_key,
                      json_t **ret, Diag *diag) _must_check_;
/* JSON Schema of the properties of an input of this type (STRING, SELECT, …), as field_schema; NULL when unknown. New.
 */
json_t *input_schema(const char *type);
/* Whether a default is to be rendered. */
bool input_is_expression(const json_t *fallback);
/* Those of the defaults (an object, changed) that are expressions are rendered; `only`: the others are left out.
 * INPUT_E_INVALID: one cannot be rendered. */
int input_defaults_render(json_t *defaults, const ExprContext *context, bool only, Diag *diag) _must_check_;
/* Defaults of inputs that have no value in `inputs`, for the rendering context (section 8). New object. */
json_t *input_defaults(const json_t *declarations, const json_t *inputs);
