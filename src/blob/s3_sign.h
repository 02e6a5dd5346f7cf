/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* AWS Signature Version 4 in headers. Source: "Authenticating Requests (AWS Signature Version 4)" of Amazon's S3
 * manual. */
#include "blob/remote.h"

typedef struct S3Key {
    const char *access_key, *secret_key;
    const char *session_token; /* NULL: none */
    const char *region, *service;
} S3Key;

/* Signs all of request->headers and Host, x-amz-date and (with is_hashed) x-amz-content-sha256, which are added to
 * request->signature with authorization. */
void s3_sign(const S3Key *key, RemoteRequest *request, usec_t now, bool is_hashed);
