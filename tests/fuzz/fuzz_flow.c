/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A flow's source from anyone: it is refused with a reason, or parsed; then what is written must be readable again.
 */
#include "fuzz.h"

#include <assert.h>

#include "doc/json.h"
#include "model/flow.h"
#include "plugin/registry.h"

static void parse(const char *text, size_t length, bool lenient)
{
    const FlowParse options = {.registry = &plugin_registry, .lenient = lenient};
    _cleanup_diag_ Diag diag = DIAG_INIT;
    _cleanup_(flow_unrefp) Flow *flow = NULL;
    int r = flow_parse(text, length, &options, &flow, &diag);
    _cleanup_free_ char *message = r == 0 ? NULL : flow_error_message(&diag);
    assert(r == 0 || diag.errors > 0);
    json_decref(flow_validation(&diag));
    if (r != 0 || lenient)
        return;
    _cleanup_json_ json_t *encoded = flow_encode(flow, false), *shown = flow_encode_for_execution(flow);
    _cleanup_free_ char *written = json_text(encoded);
    _cleanup_(flow_unrefp) Flow *again = NULL;
    int second = flow_parse(written, strlen(written), &options, &again, NULL);
    assert(second == 0);
    assert(json_equal(flow->definition, again->definition));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    parse((const char *)data, size, false);
    parse((const char *)data, size, true);
    _cleanup_free_ char *namespace = NULL, *id = NULL;
    flow_identify((const char *)data, size, &namespace, &id);
    DocumentParts parts = {};
    document_split((const char *)data, size, &parts);
    vec_free(&parts);
    return 0;
}
