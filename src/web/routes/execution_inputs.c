/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first wrong input is what the client is told, as Kestra does; all of them are known to the validation route.
 * Conditions and SELECT expressions see the flow and the execution that is about to be.
 */
#include "web/routes/execution_inputs.h"

#include "model/context.h"
#include "model/input.h"
#include "web/multipart.h"

bool execution_inputs_read(WebSession *session, const HttpRequest *request, HttpResponse *response, const Flow *flow,
                           json_t **ret_given)
{
    MultipartParts parts = {};
    if (multipart_parse(request, &parts) != 0) {
        http_reason(request, response, 400, "The multipart body cannot be read");
        return false;
    }
    json_t *given = json_object();
    bool fine = true;
    for (size_t i = 0; fine && i < parts.count; i++) {
        const MultipartPart *part = &parts.items[i];
        json_t *text = part->length > 0 ? json_stringn(part->data, part->length) : NULL;
        if (part->length > 0 && !text) {
            http_error(request, response, 422, "Illegal argument: Input %s is not valid UTF-8", part->name);
            fine = false;
        } else if (part->file_name && part->length == 0) {
            http_error(request, response, 500, "Internal server error: Can't upload file: %s", part->file_name);
            fine = false;
        } else if (text) {
            json_object_set_new(given, part->file_name ? part->file_name : part->name, text);
        }
    }
    vec_free(&parts);
    if (!fine)
        json_decref(given);
    else
        *ret_given = given;
    return fine;
}

typedef struct Rendering {
    json_t *variables;
    ExprContext context;
    InputResolve resolve;
} Rendering;

static void rendering_init(Rendering *rendering, const WebSession *session, const Execution *execution, const Flow *flow,
                           const json_t *declarations, const json_t *given)
{
    const WebSettings *settings = session->settings;
    ContextSource source = {.flow = flow,
                            .execution = execution,
                            .globals = settings->globals,
                            .envs = settings->envs,
                            .encryption_key = settings->encryption_key};
    rendering->variables = context_build(&source);
    rendering->context = (ExprContext){.variables = rendering->variables};
    rendering->resolve = (InputResolve){.inputs = declarations,
                                        .given = given,
                                        .context = &rendering->context,
                                        .encryption_key = settings->encryption_key};
}

int execution_inputs_resolve(WebSession *session, const HttpRequest *request, HttpResponse *response,
                             const Execution *execution, const Flow *flow, const json_t *declarations, const json_t *given,
                             json_t **ret_inputs)
{
    Rendering rendering;
    _cleanup_diag_ Diag diag = DIAG_INIT;
    rendering_init(&rendering, session, execution, flow, declarations, given);
    int r = input_resolve(&rendering.resolve, ret_inputs, &diag);
    json_decref(rendering.variables);
    if (r <= 0)
        return r;
    const DiagEntry *entry = diag.entries.count > 0 ? &diag.entries.items[0] : NULL;
    http_invalid(request, response, entry && entry->path ? entry->path : "inputs", "%s", diag_first(&diag));
    return r;
}

json_t *execution_inputs_validate(WebSession *session, const Execution *execution, const Flow *flow,
                                  const json_t *declarations, const json_t *given)
{
    Rendering rendering;
    rendering_init(&rendering, session, execution, flow, declarations, given);
    json_t *list = input_validate(&rendering.resolve);
    json_decref(rendering.variables);
    return list;
}
