/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Access tokens of a Google service account (RFC 7523): a JWT signed with the account's key is exchanged for a token, which
 * is kept until shortly before it ends. Safe for several threads.
 */
#include <openssl/evp.h>

#include "blob/remote.h"
#include "doc/json.h"

typedef struct GcsToken GcsToken;

/* `key_json`: the key file of a service account, its text. BLOB_E_INVALID, with a reason: not one. */
int gcs_token_new(const char *key_json, GcsToken **ret) _must_check_;
GcsToken *gcs_token_free(GcsToken *token);
/* The token that is valid now; asks by `remote` for a new one when there is none. Caller frees. */
int gcs_token_get(GcsToken *token, Remote *remote, char **ret) _must_check_;
/* The server has refused the token. */
void gcs_token_drop(GcsToken *token);
/* {"alg":"RS256",…}.claims.signature. Caller frees. */
char *gcs_token_jwt(EVP_PKEY *key, const char *header_json, const char *claims_json);
