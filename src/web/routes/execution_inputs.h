/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Inputs that come as multipart/form-data, for new executions and for resuming paused ones. */
#include "model/execution.h"
#include "web/session.h"

/* Input id → text: a field's name, or a file's file name. Empty fields count as absent. False: answered. */
bool execution_inputs_read(WebSession *session, const HttpRequest *request, HttpResponse *response, const Flow *flow,
                           json_t **ret_given);
/* declarations: the flow's, or those of Pause.onResume. Positive: answered with 422. */
int execution_inputs_resolve(WebSession *session, const HttpRequest *request, HttpResponse *response,
                             const Execution *execution, const Flow *flow, const json_t *declarations, const json_t *given,
                             json_t **ret_inputs) _must_check_;
/* The list of ApiValidateExecutionInputsResponse. New. */
json_t *execution_inputs_validate(WebSession *session, const Execution *execution, const Flow *flow,
                                  const json_t *declarations, const json_t *given);
