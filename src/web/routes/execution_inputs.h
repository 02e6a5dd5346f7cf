/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Inputs that come as multipart/form-data, for new executions and for resuming paused ones. */
#include "model/execution.h"
#include "web/session.h"

typedef struct InputForm {
    const Execution *execution; /* under whose id files are stored */
    const json_t *declarations; /* of the inputs; parts that are none of them are ignored when they are files */
    bool check_only;            /* files get a URI but are not stored */
} InputForm;
/* Input id → text: a field's name, or a file's file name, whose content is stored and replaced by its URI. Empty fields
 * count as absent. False: answered. */
bool execution_inputs_read(WebSession *session, const HttpRequest *request, HttpResponse *response,
                           const InputForm *form, json_t **ret_given);
/* The declarations without the defaults of inputs that the query names as `cleared`: an empty field means that nothing
 * was given, so a default that somebody took away would come back. A text is then empty, in `given`. New; NULL when
 * there are none. An addition to Kestra's API. */
json_t *execution_inputs_declared(const HttpRequest *request, const json_t *declarations, json_t *given);
/* declarations: the flow's, or those of Pause.onResume. Positive: answered with 422. */
int execution_inputs_resolve(WebSession *session, const HttpRequest *request, HttpResponse *response,
                             const Execution *execution, const Flow *flow, const json_t *declarations,
                             const json_t *given, json_t **ret_inputs) _must_check_;
/* The list of ApiValidateExecutionInputsResponse. New. */
json_t *execution_inputs_validate(WebSession *session, const Execution *execution, const Flow *flow,
                                  const json_t *declarations, const json_t *given);
