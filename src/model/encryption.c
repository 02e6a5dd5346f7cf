/* SPDX-License-Identifier: Apache-2.0 */
#include "model/encryption.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

enum {
    KEY_BYTES_MAX = 32,
    VECTOR_BYTES = 12,
    TAG_BYTES = 16,
    TEXT_BYTES_MAX = 16 * 1024 * 1024,
};

/* Bytes of a base64 text without line breaks; NULL when it is none. Freed by the caller. */
static unsigned char *decode(const char *text, size_t *ret_length)
{
    size_t length = strlen(text);
    if (length == 0 || length % 4 != 0 || length > TEXT_BYTES_MAX)
        return NULL;
    unsigned char *bytes = xmalloc(length);
    int count = EVP_DecodeBlock(bytes, (const unsigned char *)text, (int)length);
    if (count < 0) {
        free(bytes);
        return NULL;
    }
    /* OpenSSL counts the padding as zero bytes. */
    *ret_length = (size_t)count - (text[length - 1] == '=') - (text[length - 2] == '=');
    return bytes;
}

static const EVP_CIPHER *cipher_for(size_t key_length)
{
    if (key_length == 16)
        return EVP_aes_128_gcm();
    if (key_length == 24)
        return EVP_aes_192_gcm();
    return key_length == 32 ? EVP_aes_256_gcm() : NULL;
}

typedef struct Key {
    unsigned char *bytes;
    size_t length;
    const EVP_CIPHER *cipher;
} Key;

static void key_done(Key *key)
{
    if (key->bytes)
        OPENSSL_cleanse(key->bytes, key->length);
    free(key->bytes);
}

static int key_decode(const char *text, Key *ret)
{
    ret->bytes = decode(text, &ret->length);
    ret->cipher = ret->bytes ? cipher_for(ret->length) : NULL;
    return ret->cipher ? 0 : ENCRYPTION_E_KEY;
}

int encryption_seal(const char *key_text, const char *plain, char **ret)
{
    _cleanup_(key_done) Key key = {};
    int r = key_decode(key_text, &key);
    if (r != 0)
        return r;
    size_t length = strlen(plain);
    if (length > TEXT_BYTES_MAX)
        return ENCRYPTION_E_VALUE;
    size_t total = VECTOR_BYTES + length + TAG_BYTES;
    _cleanup_free_ unsigned char *bytes = xmalloc(total);
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    int written = 0, rest = 0;
    bool fine =
        context && RAND_bytes(bytes, VECTOR_BYTES) == 1 &&
        EVP_EncryptInit_ex(context, key.cipher, NULL, key.bytes, bytes) == 1 &&
        EVP_EncryptUpdate(context, bytes + VECTOR_BYTES, &written, (const unsigned char *)plain, (int)length) == 1 &&
        EVP_EncryptFinal_ex(context, bytes + VECTOR_BYTES + written, &rest) == 1 &&
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, TAG_BYTES, bytes + VECTOR_BYTES + length) == 1;
    EVP_CIPHER_CTX_free(context);
    if (!fine)
        return outage(-EIO);
    char *text = xmalloc((total + 2) / 3 * 4 + 1);
    (void)EVP_EncodeBlock((unsigned char *)text, bytes, (int)total); /* cannot fail: the size was computed for it */
    *ret = text;
    return 0;
}

int encryption_open(const char *key_text, const char *sealed, char **ret)
{
    _cleanup_(key_done) Key key = {};
    int r = key_decode(key_text, &key);
    if (r != 0)
        return r;
    size_t total = 0;
    _cleanup_free_ unsigned char *bytes = decode(sealed, &total);
    if (!bytes || total < VECTOR_BYTES + TAG_BYTES)
        return ENCRYPTION_E_VALUE;
    size_t length = total - VECTOR_BYTES - TAG_BYTES;
    char *plain = xmalloc(length + 1);
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    int written = 0, rest = 0;
    bool fine = context && EVP_DecryptInit_ex(context, key.cipher, NULL, key.bytes, bytes) == 1 &&
                EVP_DecryptUpdate(context, (unsigned char *)plain, &written, bytes + VECTOR_BYTES, (int)length) == 1 &&
                EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, TAG_BYTES, bytes + VECTOR_BYTES + length) == 1 &&
                EVP_DecryptFinal_ex(context, (unsigned char *)plain + written, &rest) == 1;
    EVP_CIPHER_CTX_free(context);
    plain[length] = '\0';
    if (!fine || memchr(plain, '\0', length)) {
        free(plain);
        return ENCRYPTION_E_VALUE;
    }
    *ret = plain;
    return 0;
}
