/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Checksums, signatures and their texts, as object stores want them. */
#include <openssl/evp.h>

#include "base/buffer.h"

#define SHA256_BYTES     32
#define SHA256_HEX_BYTES 65
#define MD5_BYTES        16

void digest_sha256(const void *bytes, size_t length, uint8_t ret[static SHA256_BYTES]);
void digest_md5(const void *bytes, size_t length, uint8_t ret[static MD5_BYTES]);
void digest_hmac_sha256(const void *key, size_t key_length, const char *text, uint8_t ret[static SHA256_BYTES]);
/* CRC-32C (Castagnoli); goes on from `crc`, which is 0 at the start. */
uint32_t digest_crc32c(uint32_t crc, const void *bytes, size_t length);
/* The same on a processor without an instruction for it. */
uint32_t digest_crc32c_by_tables(uint32_t crc, const void *bytes, size_t length);

/* MD5 and CRC-32C of bytes that come in pieces. */
typedef struct Digest {
    EVP_MD_CTX *md5; /* NULL: not wanted */
    uint32_t crc32c;
} Digest;
void digest_begin(Digest *digest, bool wants_md5);
void digest_add(Digest *digest, const void *bytes, size_t length);
void digest_done(Digest *digest);
/* Both as base64; caller frees. The MD5 can be had once. */
char *digest_take_md5(Digest *digest);
char *digest_crc32c_base64(uint32_t crc);

void digest_hex(const uint8_t *bytes, size_t length, char *ret);
/* Caller frees. */
char *digest_base64(const void *bytes, size_t length);
/* Without padding, for JWT. */
char *digest_base64url(const void *bytes, size_t length);
/* DIGEST_E_INVALID: not base64. The caller frees *ret. */
enum { DIGEST_E_INVALID = 1 };
int digest_from_base64(const char *text, uint8_t **ret, size_t *ret_length) _must_check_;
