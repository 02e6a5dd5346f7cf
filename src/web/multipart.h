/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* multipart/form-data (RFC 7578) of a whole body in memory. */
#include "web/http.h"

#define MULTIPART_PARTS_MAX 1000

typedef struct MultipartPart {
    const char *name;      /* in the request's arena */
    const char *file_name; /* NULL for a plain field */
    const char *data;      /* inside the request's body, not terminated */
    size_t length;
} MultipartPart;
typedef VEC(MultipartPart) MultipartParts;

enum {
    MULTIPART_E_INVALID = 1, /* no boundary, a part without name, no end, too many parts */
};
/* A body without Content-Type or of zero length gives no parts. Caller vec_free()s ret on success. */
int multipart_parse(const HttpRequest *request, MultipartParts *ret) _must_check_;
