/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first wrong input is what the client is told, as Kestra does; all of them are known to the validation route.
 * Conditions and SELECT expressions see the flow and the execution that is about to be.
 */
#include "web/routes/execution_inputs.h"

#include "model/context.h"
#include "model/input.h"
#include "web/multipart.h"
#include "web/routes/storage.h"

static const json_t *find_declaration(const json_t *declarations, const char *id)
{
    size_t i;
    const json_t *declaration;
    json_array_foreach (declarations, i, declaration)
        if (streq(json_get_text(declaration, "id", ""), id))
            return declaration;
    return NULL;
}

/* kestra:///<ns>/<flow>/executions/<id>/inputs/<input>/<input>_<random><extension>. Caller frees. */
static char *file_uri(const Execution *execution, const json_t *declaration)
{
    const char *id = json_get_text(declaration, "id", "");
    _cleanup_free_ char *base = blob_execution_uri(execution->namespace, execution->flow_id, execution->id);
    return xasprintf("%s/inputs/%s/%s_%" PRIu64 "%s", base, id, id, random_bits(),
                     json_get_text(declaration, "extension", ".upl"));
}

/* False: answered. */
static bool store_file(const WebSession *session, const HttpRequest *request, HttpResponse *response, const char *uri,
                       const MultipartPart *part)
{
    _cleanup_(blob_freep) Blob *storage = NULL;
    int r = storage_open(session, &storage);
    if (r == 0)
        r = blob_write(storage, uri, part->data, part->length);
    if (r < 0 || r == BLOB_E_NAME)
        storage_refuse(request, response, r);
    else if (r > 0)
        http_error(request, response, 422, "Illegal argument: File %s cannot be stored", part->file_name);
    return r == 0;
}

/* The value of a part in *ret, NULL to ignore it. False: answered. */
static bool read_part(const WebSession *session, const HttpRequest *request, HttpResponse *response,
                      const InputForm *form, const MultipartPart *part, json_t **ret)
{
    *ret = NULL;
    if (!part->file_name) {
        *ret = part->length > 0 ? json_stringn(part->data, part->length) : NULL;
        if (part->length > 0 && !*ret)
            http_error(request, response, 422, "Illegal argument: Input %s is not valid UTF-8", part->name);
        return part->length == 0 || *ret;
    }
    const json_t *declaration = find_declaration(form->declarations, part->file_name);
    if (!declaration)
        return true;
    if (part->length == 0)
        return true; /* as an empty text: nothing was given */
    _cleanup_free_ char *uri = file_uri(form->execution, declaration);
    /* Kestra's validation names a file that is not stored with two slashes more. */
    *ret = form->check_only ? json_sprintf("kestra:////%s", uri + strlen("kestra://")) : json_string(uri);
    return form->check_only || store_file(session, request, response, uri, part);
}

bool execution_inputs_read(WebSession *session, const HttpRequest *request, HttpResponse *response,
                           const InputForm *form, json_t **ret_given)
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
        json_t *value;
        fine = read_part(session, request, response, form, part, &value);
        if (value)
            json_object_set_new(given, part->file_name ? part->file_name : part->name, value);
    }
    vec_free(&parts);
    if (!fine)
        json_decref(given);
    else
        *ret_given = given;
    return fine;
}

json_t *execution_inputs_declared(const HttpRequest *request, const json_t *declarations, json_t *given)
{
    _cleanup_json_ json_t *cleared = http_query_list(request, "cleared", false);
    json_t *ret = json_copy((json_t *)declarations);
    size_t i, at;
    const json_t *name, *declaration;
    json_array_foreach (cleared, i, name)
        json_array_foreach (declarations, at, declaration) {
            const char *id = json_get_text(declaration, "id", "");
            if (!streq(id, json_string_value(name)) || json_object_get(given, id))
                continue;
            json_t *bare = json_copy((json_t *)declaration);
            json_object_del(bare, "defaults");
            json_array_set_new(ret, at, bare);
            if (streq(json_get_text(declaration, "type", ""), "STRING"))
                json_set_text(given, id, "");
        }
    return ret;
}

typedef struct Rendering {
    json_t *variables;
    ExprContext context;
    InputResolve resolve;
} Rendering;

static void rendering_init(Rendering *rendering, const WebSession *session, const Execution *execution,
                           const Flow *flow, const json_t *declarations, const json_t *given)
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
                             const Execution *execution, const Flow *flow, const json_t *declarations,
                             const json_t *given, json_t **ret_inputs)
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
