/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Values that rest encrypted: AES/GCM, a fresh 12-byte vector in front, a 128-bit tag behind, all in base64. Pure but
 * for the random vector. Source: io.kestra.core.encryption.EncryptionService. */
#include "base/base.h"

enum {
    ENCRYPTION_E_KEY = 1,   /* the key is not base64 of 16, 24 or 32 bytes */
    ENCRYPTION_E_VALUE = 2, /* not a value that was sealed with this key */
};

/* key: base64. *ret is text, freed by the caller. */
int encryption_seal(const char *key, const char *plain, char **ret) _must_check_;
int encryption_open(const char *key, const char *sealed, char **ret) _must_check_;
