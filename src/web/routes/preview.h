/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The beginning of a file as people look at it: FilePreview of spec/api.md 6.9. Pure. */
#include "doc/json.h"

#define PREVIEW_BYTES_MAX ((size_t)2 * 1024 * 1024) /* of a text */

typedef struct PreviewRequest {
    const char *name;  /* its extension says what it is */
    const char *bytes; /* at most so many as were read */
    size_t length;
    bool more; /* there is more than that */
    unsigned lines_max;
    const char *encoding; /* of texts: a name that iconv knows */
} PreviewRequest;

enum {
    PREVIEW_E_ENCODING = 1, /* there is no such encoding */
};
/* Whether the file is shown as a whole (images, PDF) and not cut. */
bool preview_is_whole(const char *name);
/* New. */
int preview_make(const PreviewRequest *request, json_t **ret) _must_check_;
