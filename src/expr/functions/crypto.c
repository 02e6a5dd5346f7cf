/* SPDX-License-Identifier: Apache-2.0 */
/* encrypt and decrypt: AES-GCM, base64 of 12 bytes nonce, cipher text and 16 bytes tag; the key is base64. */
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "expr/calls.h"
#include "expr/encoding.h"

#define NONCE_BYTES 12
#define TAG_BYTES   16

DEFINE_CLEANUP(EVP_CIPHER_CTX *, EVP_CIPHER_CTX_free);

static int read_base64(Call *call, const Value *text, Value *ret)
{
    bool valid;
    int r = base64_decode(call->eval, text, &valid, ret);
    if (r || valid)
        return r;
    for (uint32_t i = 0; i < text->length; i++) {
        unsigned char c = (unsigned char)text->text[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("+/=", c)))
            return eval_fail_plain(call->eval, "Illegal base64 character %x", c);
    }
    return eval_fail_plain(call->eval, "Last unit does not have enough valid bits");
}

static const EVP_CIPHER *cipher_of(size_t key_bytes)
{
    return key_bytes == 32   ? EVP_aes_256_gcm()
           : key_bytes == 24 ? EVP_aes_192_gcm()
           : key_bytes == 16 ? EVP_aes_128_gcm()
                             : NULL;
}

static int open_key(Call *call, const Value *text, Value *ret_key)
{
    int r = call_need_text(call, text);
    if (!r)
        r = read_base64(call, text, ret_key);
    if (!r && !cipher_of(ret_key->length))
        r = eval_fail_plain(call->eval, "Invalid AES key length: %u bytes", ret_key->length);
    return r;
}

static int check_arguments(Call *call, const char *second)
{
    if (!call_has(call, 0) || !call_has(call, 1))
        return call_fail(call, "The '%s' function expects two arguments 'key' and '%s'.", call->row->name, second);
    return 0;
}

/* Nothing stays nothing. */
static bool is_nothing(const Value *value, Value *ret)
{
    *ret = value_literal("");
    if (value->kind == VALUE_NULL)
        *ret = VALUE_NULL_INIT;
    return value->kind == VALUE_NULL || (value->kind == VALUE_TEXT && value->length == 0);
}

static int function_encrypt(Call *call, Value *ret)
{
    Value key_text = call_argument(call, 0), plain = call_argument(call, 1), key;
    int r = check_arguments(call, "plaintext");
    if (r || is_nothing(&plain, ret))
        return r;
    r = call_need_text(call, &plain);
    if (!r)
        r = open_key(call, &key_text, &key);
    if (r)
        return r;
    unsigned char *sealed = (unsigned char *)eval_text(call->eval, (size_t)plain.length + NONCE_BYTES + TAG_BYTES);
    _cleanup_(EVP_CIPHER_CTX_freep) EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    int length = 0, rest = 0;
    if (!sealed)
        return EVAL_E_ERROR;
    bool done =
        RAND_bytes(sealed, NONCE_BYTES) == 1 &&
        EVP_EncryptInit_ex(context, cipher_of(key.length), NULL, (const unsigned char *)key.text, sealed) == 1 &&
        EVP_EncryptUpdate(context, sealed + NONCE_BYTES, &length, (const unsigned char *)plain.text,
                          (int)plain.length) == 1 &&
        EVP_EncryptFinal_ex(context, sealed + NONCE_BYTES + length, &rest) == 1 &&
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, TAG_BYTES, sealed + NONCE_BYTES + plain.length) == 1;
    if (!done)
        return eval_fail_plain(call->eval, "The value cannot be encrypted");
    return base64_encode(call->eval, (const char *)sealed, (size_t)plain.length + NONCE_BYTES + TAG_BYTES, ret);
}

static int function_decrypt(Call *call, Value *ret)
{
    Value key_text = call_argument(call, 0), text = call_argument(call, 1), key, sealed;
    int r = check_arguments(call, "encrypted");
    if (r || is_nothing(&text, ret))
        return r;
    r = call_need_text(call, &text);
    if (!r)
        r = open_key(call, &key_text, &key);
    if (!r)
        r = read_base64(call, &text, &sealed);
    if (r)
        return r;
    if (sealed.length < NONCE_BYTES + TAG_BYTES)
        return eval_fail_plain(call->eval, "The value is too short to be an encrypted one");
    size_t length = sealed.length - NONCE_BYTES - TAG_BYTES;
    unsigned char *bytes = (unsigned char *)(uintptr_t)sealed.text,
                  *plain = (unsigned char *)eval_text(call->eval, length + 16);
    _cleanup_(EVP_CIPHER_CTX_freep) EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    int written = 0, rest = 0;
    if (!plain)
        return EVAL_E_ERROR;
    bool done = EVP_DecryptInit_ex(context, cipher_of(key.length), NULL, (const unsigned char *)key.text, bytes) == 1 &&
                EVP_DecryptUpdate(context, plain, &written, bytes + NONCE_BYTES, (int)length) == 1 &&
                EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, TAG_BYTES, bytes + NONCE_BYTES + length) == 1 &&
                EVP_DecryptFinal_ex(context, plain + written, &rest) == 1;
    if (!done)
        return eval_fail_plain(call->eval, "Tag mismatch");
    *ret = value_text((const char *)plain, length);
    return 0;
}

static const char *const encrypt_arguments[] = {"key", "plaintext", NULL};
static const char *const decrypt_arguments[] = {"key", "encrypted", NULL};

const CallRow functions_crypto[] = {
    {"decrypt", function_decrypt, decrypt_arguments, 0, NULL},
    {"encrypt", function_encrypt, encrypt_arguments, 0, NULL},
    {},
};
