/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HMAC-SHA256 with a random salt as its key, of the secret without blanks around it, as the keys of webhooks are
 * compared. {op: "secret-digest", name} → {digest: {salt, digest} in hexadecimal}, or {} when there is none.
 */
#include "plugin/secret_digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sys/random.h>

#include "doc/json.h"
#include "plugin/secrets.h"

#define OPERATION "secret-digest"

static bool make(const unsigned char salt[static SECRET_DIGEST_BYTES], const char *text, size_t length,
                 unsigned char ret[static SECRET_DIGEST_BYTES])
{
    unsigned int made = 0;
    return HMAC(EVP_sha256(), salt, SECRET_DIGEST_BYTES, (const unsigned char *)text, length, ret, &made) &&
           made == SECRET_DIGEST_BYTES;
}

static void set_hex(json_t *object, const char *name, const unsigned char bytes[static SECRET_DIGEST_BYTES])
{
    char text[2 * SECRET_DIGEST_BYTES + 1];
    for (size_t i = 0; i < SECRET_DIGEST_BYTES; i++)
        (void)snprintf(text + 2 * i, 3, "%02x", bytes[i]); /* always fits */
    json_set_text(object, name, text);
}

static bool get_hex(const json_t *object, const char *name, unsigned char ret[static SECRET_DIGEST_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    const char *text = json_get_text(object, name, "");
    if (strlen(text) != 2 * (size_t)SECRET_DIGEST_BYTES || strspn(text, digits) != strlen(text))
        return false;
    for (size_t i = 0; i < SECRET_DIGEST_BYTES; i++)
        ret[i] =
            (unsigned char)((strchr(digits, text[2 * i]) - digits) << 4 | (strchr(digits, text[2 * i + 1]) - digits));
    return true;
}

/* The trimmed part of it. */
static const char *trim(const char *text, size_t *ret_length)
{
    static const char blanks[] = " \t\r\n";
    text += strspn(text, blanks);
    *ret_length = strlen(text);
    while (*ret_length > 0 && strchr(blanks, text[*ret_length - 1]))
        --*ret_length;
    return text;
}

char *secret_digest_answer(const char *request)
{
    _cleanup_json_ json_t *question = NULL, *answer = json_object();
    char *secret = NULL;
    SecretDigest made;
    if (!strstr(request, OPERATION) || json_parse(request, strlen(request), 0, &question, NULL) != 0 ||
        !streq(json_get_text(question, "op", ""), OPERATION))
        return NULL;
    int r = secrets_get(json_get_text(question, "name", ""), &secret);
    if (r == 0) {
        size_t length;
        const char *text = trim(secret, &length);
        json_t *digest = json_object();
        if (getrandom(made.salt, sizeof made.salt, 0) == sizeof made.salt &&
            make(made.salt, text, length, made.digest)) {
            set_hex(digest, "salt", made.salt);
            set_hex(digest, "digest", made.digest);
        }
        json_object_set_new(answer, "digest", digest);
        explicit_bzero(secret, strlen(secret));
        free(secret);
    }
    return json_text(answer);
}

int secret_digest_ask(const Blob *gateway, const char *name, SecretDigest *ret)
{
    _cleanup_json_ json_t *question = json_object(), *answer = NULL;
    json_set_text(question, "op", OPERATION);
    json_set_text(question, "name", name);
    int r = blob_gateway_ask(gateway, question, &answer);
    if (r != 0)
        return fold(r);
    const json_t *digest = json_object_get(answer, "digest");
    if (!digest)
        return SECRETS_E_NONE;
    return get_hex(digest, "salt", ret->salt) && get_hex(digest, "digest", ret->digest) ? 0 : outage(-EPROTO);
}

bool secret_digest_is_of(const SecretDigest *digest, const char *text, size_t length)
{
    unsigned char made[SECRET_DIGEST_BYTES];
    return make(digest->salt, text, length, made) && CRYPTO_memcmp(made, digest->digest, sizeof made) == 0;
}
