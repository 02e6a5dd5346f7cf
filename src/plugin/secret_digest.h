/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Comparing with a secret that one may not know: the webserver has keys of webhooks to compare with secrets that only
 * the worker has. It asks a worker, over the storage gateway, and gets a salted hash.
 */
#include "blob/blob.h"

enum { SECRET_DIGEST_BYTES = 32 };
typedef struct SecretDigest {
    unsigned char salt[SECRET_DIGEST_BYTES], digest[SECRET_DIGEST_BYTES];
} SecretDigest;
/* The worker's side: the answer (JSON text, new) to a request of the gateway; NULL: it is another one. */
char *secret_digest_answer(const char *request);
/* The asking side, over a gateway. SECRETS_E_NONE: there is no such secret. */
int secret_digest_ask(const Blob *gateway, const char *name, SecretDigest *ret) _must_check_;
/* In a time that does not depend on the secret. */
bool secret_digest_is_of(const SecretDigest *digest, const char *text, size_t length);
