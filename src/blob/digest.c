/* SPDX-License-Identifier: Apache-2.0 */
/* OpenSSL does the work; CRC-32C, which it does not have, goes by the processor's instruction or by tables of eight
 * bytes. */
#include "blob/digest.h"

#include <openssl/hmac.h>
#include <pthread.h>

static void digest_once(const EVP_MD *kind, const void *bytes, size_t length, uint8_t *ret)
{
    if (EVP_Digest(bytes, length, ret, NULL, kind, NULL) != 1)
        abort(); /* only when memory is short */
}

void digest_sha256(const void *bytes, size_t length, uint8_t ret[static SHA256_BYTES])
{
    digest_once(EVP_sha256(), bytes, length, ret);
}

void digest_md5(const void *bytes, size_t length, uint8_t ret[static MD5_BYTES])
{
    digest_once(EVP_md5(), bytes, length, ret);
}

void digest_hmac_sha256(const void *key, size_t key_length, const char *text, uint8_t ret[static SHA256_BYTES])
{
    if (!HMAC(EVP_sha256(), key, (int)key_length, (const uint8_t *)text, strlen(text), ret, NULL))
        abort();
}

/* --- CRC-32C --- */

static uint32_t crc_tables[8][256];
static uint32_t (*crc_add)(uint32_t crc, const uint8_t *at, size_t length);

static void make_crc_tables(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t crc = i;
        for (unsigned bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ (crc & 1 ? UINT32_C(0x82f63b78) : 0);
        crc_tables[0][i] = crc;
    }
    for (uint32_t i = 0; i < 256; i++)
        for (unsigned t = 1; t < 8; t++)
            crc_tables[t][i] = (crc_tables[t - 1][i] >> 8) ^ crc_tables[0][crc_tables[t - 1][i] & 0xff];
}

static uint32_t little_endian(const uint8_t *bytes)
{
    return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static uint32_t add_by_tables(uint32_t crc, const uint8_t *at, size_t length)
{
    for (; length >= 8; at += 8, length -= 8) {
        uint32_t low = crc ^ little_endian(at), high = little_endian(at + 4);
        crc = crc_tables[7][low & 0xff] ^ crc_tables[6][low >> 8 & 0xff] ^ crc_tables[5][low >> 16 & 0xff] ^
              crc_tables[4][low >> 24] ^ crc_tables[3][high & 0xff] ^ crc_tables[2][high >> 8 & 0xff] ^
              crc_tables[1][high >> 16 & 0xff] ^ crc_tables[0][high >> 24];
    }
    for (; length > 0; at++, length--)
        crc = (crc >> 8) ^ crc_tables[0][(crc ^ *at) & 0xff];
    return crc;
}

#ifdef __x86_64__
__attribute__((target("sse4.2"))) static uint32_t add_by_instruction(uint32_t crc, const uint8_t *at, size_t length)
{
    uint64_t eight;
    for (; length >= sizeof eight; at += sizeof eight, length -= sizeof eight) {
        memcpy(&eight, at, sizeof eight);
        crc = (uint32_t)__builtin_ia32_crc32di(crc, eight);
    }
    for (; length > 0; at++, length--)
        crc = __builtin_ia32_crc32qi(crc, *at);
    return crc;
}
#endif

static void choose_crc(void)
{
    make_crc_tables();
    crc_add = add_by_tables;
#ifdef __x86_64__
    if (__builtin_cpu_supports("sse4.2"))
        crc_add = add_by_instruction;
#endif
}

uint32_t digest_crc32c(uint32_t crc, const void *bytes, size_t length)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, choose_crc); /* cannot fail with a valid argument */
    return ~crc_add(~crc, bytes, length);
}

uint32_t digest_crc32c_by_tables(uint32_t crc, const void *bytes, size_t length)
{
    (void)digest_crc32c(0, "", 0); /* makes the tables */
    return ~add_by_tables(~crc, bytes, length);
}

/* --- in pieces --- */

void digest_begin(Digest *digest, bool wants_md5)
{
    *digest = (Digest){.md5 = wants_md5 ? EVP_MD_CTX_new() : NULL};
    if (wants_md5 && (!digest->md5 || EVP_DigestInit_ex(digest->md5, EVP_md5(), NULL) != 1))
        abort();
}

void digest_add(Digest *digest, const void *bytes, size_t length)
{
    if (digest->md5 && EVP_DigestUpdate(digest->md5, bytes, length) != 1)
        abort();
    digest->crc32c = digest_crc32c(digest->crc32c, bytes, length);
}

void digest_done(Digest *digest)
{
    EVP_MD_CTX_free(digest->md5);
    *digest = (Digest){};
}

char *digest_take_md5(Digest *digest)
{
    uint8_t md5[MD5_BYTES];
    if (EVP_DigestFinal_ex(digest->md5, md5, NULL) != 1)
        abort();
    return digest_base64(md5, sizeof md5);
}

char *digest_crc32c_base64(uint32_t crc)
{
    const uint8_t bytes[] = {(uint8_t)(crc >> 24), (uint8_t)(crc >> 16), (uint8_t)(crc >> 8), (uint8_t)crc};
    return digest_base64(bytes, sizeof bytes);
}

/* --- texts --- */

void digest_hex(const uint8_t *bytes, size_t length, char *ret)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < length; i++) {
        *ret++ = digits[bytes[i] >> 4];
        *ret++ = digits[bytes[i] & 15];
    }
    *ret = '\0';
}

char *digest_base64(const void *bytes, size_t length)
{
    char *text = xmalloc((length + 2) / 3 * 4 + 1);
    (void)EVP_EncodeBlock((uint8_t *)text, bytes, (int)length); /* gives the length */
    return text;
}

char *digest_base64url(const void *bytes, size_t length)
{
    char *text = digest_base64(bytes, length);
    text[strcspn(text, "=")] = '\0';
    for (char *c = text; *c; c++)
        *c = *c == '+' ? '-' : *c == '/' ? '_' : *c;
    return text;
}

int digest_from_base64(const char *text, uint8_t **ret, size_t *ret_length)
{
    size_t length = strlen(text), padding = length - strcspn(text, "=");
    if (length == 0 || length % 4 != 0 || padding > 2)
        return DIGEST_E_INVALID;
    _cleanup_free_ uint8_t *bytes = xmalloc(length / 4 * 3 + 1);
    int n = EVP_DecodeBlock(bytes, (const uint8_t *)text, (int)length);
    if (n < 0)
        return DIGEST_E_INVALID;
    *ret_length = (size_t)n - padding;
    *ret = TAKE_PTR(bytes);
    return 0;
}
