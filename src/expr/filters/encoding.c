/* SPDX-License-Identifier: Apache-2.0 */
/* Filters that encode and hash texts. */
#include <openssl/evp.h>

#include "expr/calls.h"
#include "expr/encoding.h"

static bool is_null(const Call *call, Value *ret)
{
    *ret = VALUE_NULL_INIT;
    return call->input.kind == VALUE_NULL;
}

/* ---- base64 ---- */
static int filter_base64_encode(Call *call, Value *ret)
{
    if (is_null(call, ret))
        return 0;
    Value text = java_text(call->eval->arena, &call->input);
    return base64_encode(call->eval, text.text, text.length, ret);
}

static int filter_base64_decode(Call *call, Value *ret)
{
    if (is_null(call, ret))
        return 0;
    if (call->input.kind != VALUE_TEXT)
        return call_fail(call, "This filter applies to String\nActual type was: %s", value_class_name(&call->input));
    bool valid;
    int r = base64_decode(call->eval, &call->input, &valid, ret);
    if (!r && !valid)
        r = call_fail(call, "Please provide a correctly Base64 encoded string containing an UTF-8 string\n");
    return r ? r : utf8_repair(call->eval, ret, ret);
}

/* ---- hashes ---- */
static int hash(Call *call, const EVP_MD *digest, Value *ret)
{
    static const char hex[] = "0123456789abcdef";
    if (is_null(call, ret))
        return 0;
    if (call->input.kind != VALUE_TEXT)
        return call_fail(call, "Need a string to hash\n");
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    if (EVP_Digest(call->input.text, call->input.length, bytes, &length, digest, NULL) != 1)
        return eval_fail_plain(call->eval, "This hash is not available");
    char *text = eval_text(call->eval, (size_t)length * 2);
    if (!text)
        return EVAL_E_ERROR;
    for (unsigned i = 0; i < length; i++) {
        text[2 * i] = hex[bytes[i] >> 4];
        text[2 * i + 1] = hex[bytes[i] & 15];
    }
    *ret = value_text(text, (size_t)length * 2);
    return 0;
}

static int filter_md5(Call *call, Value *ret)
{
    return hash(call, EVP_md5(), ret);
}
static int filter_sha1(Call *call, Value *ret)
{
    return hash(call, EVP_sha1(), ret);
}
static int filter_sha256(Call *call, Value *ret)
{
    return hash(call, EVP_sha256(), ret);
}
static int filter_sha512(Call *call, Value *ret)
{
    return hash(call, EVP_sha512(), ret);
}

/* ---- URLs: application/x-www-form-urlencoded ---- */
static bool is_plain(unsigned char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c && strchr(".-*_", c));
}

static int filter_urlencode(Call *call, Value *ret)
{
    static const char hex[] = "0123456789ABCDEF";
    if (is_null(call, ret))
        return 0;
    int r = call_need_text(call, &call->input);
    if (r)
        return r;
    char *to = eval_text(call->eval, (size_t)call->input.length * 3);
    if (!to)
        return EVAL_E_ERROR;
    size_t length = 0;
    for (uint32_t i = 0; i < call->input.length; i++) {
        unsigned char c = (unsigned char)call->input.text[i];
        if (is_plain(c) || c == ' ') {
            to[length++] = c == ' ' ? '+' : (char)c;
        } else {
            to[length++] = '%';
            to[length++] = hex[c >> 4];
            to[length++] = hex[c & 15];
        }
    }
    *ret = value_text(to, length);
    return 0;
}

static int hex_value(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

static int filter_urldecode(Call *call, Value *ret)
{
    if (is_null(call, ret))
        return 0;
    int r = call_need_text(call, &call->input);
    if (r)
        return r;
    const Value *text = &call->input;
    char *to = eval_text(call->eval, text->length);
    if (!to)
        return EVAL_E_ERROR;
    size_t length = 0;
    for (uint32_t i = 0; i < text->length; i++) {
        if (text->text[i] != '%') {
            to[length++] = text->text[i] == '+' ? ' ' : text->text[i];
            continue;
        }
        if (i + 2 >= text->length)
            return eval_fail_plain(call->eval, "URLDecoder: Incomplete trailing escape (%%) pattern");
        int high = hex_value(text->text[i + 1]), low = hex_value(text->text[i + 2]);
        if (high < 0 || low < 0)
            return eval_fail_plain(
                call->eval,
                "URLDecoder: Illegal hex characters in escape (%%) pattern - Error at index %d in: \"%.2s\"",
                high < 0 ? 0 : 1, text->text + i + 1);
        to[length++] = (char)(high * 16 + low);
        i += 2;
    }
    Value bytes = value_text(to, length);
    return utf8_repair(call->eval, &bytes, ret);
}

const CallRow filters_encoding[] = {
    {"base64decode", filter_base64_decode, NULL, 0, NULL},
    {"base64encode", filter_base64_encode, NULL, 0, NULL},
    {"md5", filter_md5, NULL, 0, NULL},
    {"sha1", filter_sha1, NULL, 0, NULL},
    {"sha256", filter_sha256, NULL, 0, NULL},
    {"sha512", filter_sha512, NULL, 0, NULL},
    {"urldecode", filter_urldecode, NULL, 0, NULL},
    {"urlencode", filter_urlencode, NULL, 0, NULL},
    {},
};
