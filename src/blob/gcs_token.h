/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Access tokens of a Google service account (RFC 7523): a JWT signed with the account's key is exchanged for a token.
 */
#include <openssl/evp.h>

#include "blob/remote.h"
#include "doc/json.h"

typedef struct GcsToken GcsToken;

/* `key_json`: the key file of a service account, its text. BLOB_E_INVALID, with a reason: not one. */
int gcs_token_new(const char *key_json, GcsToken **ret) _must_check_;
GcsToken *gcs_token_free(GcsToken *token);
/* Asks for a token: *ret is the answer, JSON with access_token and expires_in; the caller ends it. */
int gcs_token_fetch(const GcsToken *token, Remote *remote, RemoteAnswer *ret) _must_check_;
/* {"alg":"RS256",…}.claims.signature. Caller frees. */
char *gcs_token_jwt(EVP_PKEY *key, const char *header_json, const char *claims_json);
