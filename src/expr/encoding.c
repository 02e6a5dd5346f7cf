/* SPDX-License-Identifier: Apache-2.0 */
#include "expr/encoding.h"

#include "expr/utf16.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int base64_encode(Eval *eval, const char *bytes, size_t length, Value *ret)
{
    char *to = eval_text(eval, (length + 2) / 3 * 4), *at = to;
    if (!to)
        return EVAL_E_ERROR;
    const unsigned char *from = (const unsigned char *)bytes;
    for (size_t i = 0; i < length; i += 3) {
        uint32_t word = (uint32_t)from[i] << 16 | (i + 1 < length ? (uint32_t)from[i + 1] << 8 : 0) |
                        (i + 2 < length ? from[i + 2] : 0);
        *at++ = alphabet[word >> 18];
        *at++ = alphabet[word >> 12 & 63];
        *at++ = i + 1 < length ? alphabet[word >> 6 & 63] : '=';
        *at++ = i + 2 < length ? alphabet[word & 63] : '=';
    }
    *ret = value_text(to, (size_t)(at - to));
    return 0;
}

int base64_decode(Eval *eval, const Value *text, bool *ret_valid, Value *ret)
{
    size_t length = text->length, padding = 0, count = 0;
    while (padding < 2 && length && text->text[length - 1] == '=') {
        length--;
        padding++;
    }
    char *to = eval_text(eval, length);
    if (!to)
        return EVAL_E_ERROR;
    *ret_valid = length % 4 != 1 && (!padding || (length + padding) % 4 == 0);
    uint32_t word = 0;
    unsigned bits = 0;
    for (size_t i = 0; i < length && *ret_valid; i++) {
        const char *place = text->text[i] ? strchr(alphabet, text->text[i]) : NULL;
        *ret_valid = place != NULL;
        word = word << 6 | (uint32_t)(place ? place - alphabet : 0);
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            to[count++] = (char)(word >> bits & 0xFF);
        }
    }
    *ret = value_text(to, count);
    return 0;
}

int utf8_repair(Eval *eval, const Value *bytes, Value *ret)
{
    char *to = eval_text(eval, (size_t)bytes->length * 3), *at = to;
    if (!to)
        return EVAL_E_ERROR;
    const char *from = bytes->text, *end = from + bytes->length;
    while (from < end)
        at += utf8_put(utf8_next(&from, end), at);
    *ret = value_text(to, (size_t)(at - to));
    return 0;
}
