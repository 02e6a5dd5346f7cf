/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Keys of webhooks that are secrets: kept as salted hashes that a worker gave, for a minute, so that a request costs no
 * question. A key that does not fit is asked for again after some seconds: the secret may have been changed. Shared by
 * all threads.
 */
#include "blob/blob.h"

typedef struct SecretKeys SecretKeys;
SecretKeys *secret_keys_new(void);
SecretKeys *secret_keys_free(SecretKeys *keys);
DEFINE_CLEANUP(SecretKeys *, secret_keys_free);
enum {
    SECRET_KEYS_E_OTHER = 1, /* it is not the secret of that name, or there is none */
};
/* Outage: nothing is known of the secret, and no worker answers on `gateway`. */
int secret_keys_check(SecretKeys *keys, const Blob *gateway, const char *name, const char *text,
                      size_t length) _must_check_;
