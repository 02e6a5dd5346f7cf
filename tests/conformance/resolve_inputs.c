/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Resolves inputs without a server: JSON lines {"id", "source", "given"} from standard input become JSON lines
 * {"id", "inputs" or "message", "validate"}. The argument is the base64 key for SECRET inputs.
 */
#include <stdio.h>

#include "doc/json.h"
#include "model/input.h"
#include "plugin/registry.h"

static json_t *answer_for(const json_t *request, const char *key)
{
    const FlowParse options = {.registry = &plugin_registry};
    const char *source = json_get_text(request, "source", "");
    _cleanup_diag_ Diag diag = DIAG_INIT;
    _cleanup_(flow_unrefp) Flow *flow = NULL;
    json_t *answer = json_object();
    json_set_text(answer, "id", json_get_text(request, "id", NULL));
    if (flow_parse(source, strlen(source), &options, &flow, &diag) != 0) {
        _cleanup_free_ char *message = flow_error_message(&diag);
        json_set_text(answer, "message", message);
        return answer;
    }
    _cleanup_json_ json_t *variables = json_object();
    const ExprContext context = {.variables = variables};
    const InputResolve resolve = {flow->inputs, json_object_get(request, "given"), &context, key};
    diag_done(&diag); /* the flow's warnings */
    json_t *inputs = NULL;
    int r = input_resolve(&resolve, &inputs, &diag);
    if (r == 0)
        json_set_present(answer, "inputs", inputs);
    else {
        const DiagEntry *first = &diag.entries.items[0];
        _cleanup_free_ char *message = xasprintf("Invalid entity: %s: %s", first->path, first->message);
        json_set_text(answer, "message", message);
    }
    json_set_present(answer, "validate", input_validate(&resolve));
    return answer;
}

int main(int count, char **arguments)
{
    mem_use_for_jansson(json_set_alloc_funcs);
    _cleanup_free_ char *line = NULL;
    size_t allocated = 0;
    ssize_t length;
    while ((length = getline(&line, &allocated, stdin)) > 0) {
        _cleanup_json_ json_t *request = NULL;
        if (json_parse(line, (size_t)length, 0, &request, NULL) != 0)
            return EXIT_FAILURE;
        _cleanup_json_ json_t *answer = answer_for(request, count > 1 ? arguments[1] : NULL);
        _cleanup_free_ char *text = json_text(answer);
        puts(text);
    }
    return EXIT_SUCCESS;
}
