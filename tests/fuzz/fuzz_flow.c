/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A flow's source from anyone: it is refused with a reason, or parsed; then what is written must be readable again.
 * With clang: -fsanitize=fuzzer,address and this file's LLVMFuzzerTestOneInput. Without, main() below runs every file
 * named on the command line once (make check does so with the corpus), or standard input (AFL).
 */
#include <assert.h>

#include "doc/json.h"
#include "model/flow.h"
#include "plugin/registry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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

#ifndef FUZZER
static int run_file(FILE *file)
{
    _cleanup_buffer_ Buffer buffer = {};
    char block[65536];
    size_t count;
    while ((count = fread(block, 1, sizeof(block), file)) > 0)
        buffer_append_n(&buffer, block, count);
    return LLVMFuzzerTestOneInput((const uint8_t *)buffer_text(&buffer), buffer.length);
}

int main(int count, char **arguments)
{
    if (count == 1)
        return run_file(stdin);
    for (int i = 1; i < count; i++) {
        FILE *file = fopen(arguments[i], "re");
        if (!file) {
            fprintf(stderr, "%s: %m\n", arguments[i]);
            return EXIT_FAILURE;
        }
        run_file(file);
        fclose(file);
    }
    return EXIT_SUCCESS;
}
#endif
