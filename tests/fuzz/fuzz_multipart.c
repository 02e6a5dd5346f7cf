/* SPDX-License-Identifier: Apache-2.0 */
/* A form: the first line is its Content-Type, the rest its body. Parts lie in the body, one behind another. */
#include "fuzz.h"

#include "web/multipart.h"

static void check_parts(const HttpRequest *request, const MultipartParts *parts)
{
    const char *at = request->body, *end = request->body + request->body_length;
    fuzz_check(parts->count <= MULTIPART_PARTS_MAX);
    for (size_t i = 0; i < parts->count; i++) {
        const MultipartPart *part = &parts->items[i];
        fuzz_check(part->name && part->data >= at && part->data <= end);
        fuzz_check(part->length <= (size_t)(end - part->data));
        at = part->data + part->length;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > FUZZ_INPUT_MAX)
        return 0;
    _cleanup_free_ char *text = fuzz_text(data, size);
    char *body = text, *type = fuzz_line(&body, text + size);
    _cleanup_(http_request_freep) HttpRequest *request = http_request_new("POST", "/");
    http_request_header(request, "Content-Type", 12, type, strlen(type));
    request->body = body;
    request->body_length = size - (size_t)(body - text);
    MultipartParts parts = {};
    if (multipart_parse(request, &parts) == 0)
        check_parts(request, &parts);
    vec_free(&parts);
    return 0;
}
