/* SPDX-License-Identifier: Apache-2.0 */
#include "blob/gcs_token.h"

#include <openssl/pem.h>

#include "blob/digest.h"

#define LIFETIME_SEC  3600
#define SCOPE         "https://www.googleapis.com/auth/devstorage.read_write"
#define GRANT_TYPE    "urn:ietf:params:oauth:grant-type:jwt-bearer"
#define KEY_BYTES_MAX ((size_t)64 * 1024)

struct GcsToken {
    EVP_PKEY *key;
    char *email, *key_id, *address, *base, *path;
};

/* --- the key --- */

static int take_address(GcsToken *token)
{
    const char *host = strstr(token->address, "://");
    if (!host)
        return BLOB_E_INVALID;
    host += 3;
    size_t length = strcspn(host, "/");
    token->base = xasprintf("%.*s", (int)(host + length - token->address), token->address);
    token->path = xstrdup(host[length] ? host + length : "/");
    return 0;
}

static int take_key(GcsToken *token, const json_t *account)
{
    const char *pem = json_get_text(account, "private_key", "");
    BIO *bio = BIO_new_mem_buf(pem, -1);
    token->key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, (void *)(uintptr_t) "") : NULL;
    BIO_free(bio);
    token->email = xstrdup_null(json_get_text(account, "client_email", NULL));
    token->key_id = xstrdup_null(json_get_text(account, "private_key_id", NULL));
    token->address = xstrdup(json_get_text(account, "token_uri", "https://oauth2.googleapis.com/token"));
    bool is_rsa = token->key && EVP_PKEY_get_base_id(token->key) == EVP_PKEY_RSA;
    return is_rsa && token->email ? take_address(token) : BLOB_E_INVALID;
}

int gcs_token_new(const char *key_json, GcsToken **ret)
{
    _cleanup_json_ json_t *account = NULL;
    GcsToken *token = xnew(GcsToken);
    int r = json_parse(key_json, strlen(key_json), KEY_BYTES_MAX, &account, NULL) == 0 ? take_key(token, account)
                                                                                       : BLOB_E_INVALID;
    if (r != 0) {
        gcs_token_free(token);
        blob_set_reason("it is not the JSON text of a service account's key (client_email, private_key)");
        return r;
    }
    *ret = token;
    return 0;
}

GcsToken *gcs_token_free(GcsToken *token)
{
    if (!token)
        return NULL;
    EVP_PKEY_free(token->key);
    free(token->email);
    free(token->key_id);
    free(token->address);
    free(token->base);
    free(token->path);
    free(token);
    return NULL;
}

/* --- the token --- */

char *gcs_token_jwt(EVP_PKEY *key, const char *header_json, const char *claims_json)
{
    _cleanup_free_ char *header = digest_base64url(header_json, strlen(header_json));
    _cleanup_free_ char *claims = digest_base64url(claims_json, strlen(claims_json));
    char *text = xasprintf("%s.%s", header, claims);
    size_t length = 0;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool begun = context && EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
                 EVP_DigestSign(context, NULL, &length, (const uint8_t *)text, strlen(text)) == 1;
    _cleanup_free_ uint8_t *bytes = xmalloc(length + 1);
    if (!begun || EVP_DigestSign(context, bytes, &length, (const uint8_t *)text, strlen(text)) != 1)
        abort(); /* the key was read, so only memory can be short */
    EVP_MD_CTX_free(context);
    _cleanup_free_ char *signature = digest_base64url(bytes, length), *whole = xasprintf("%s.%s", text, signature);
    free(text);
    return TAKE_PTR(whole);
}

static char *make_assertion(const GcsToken *token, usec_t now)
{
    json_int_t seconds = (json_int_t)(now / USEC_PER_SEC);
    _cleanup_json_ json_t *header = json_pack("{s:s,s:s,s:s*}", "alg", "RS256", "typ", "JWT", "kid", token->key_id);
    _cleanup_json_ json_t *claims = json_pack("{s:s,s:s,s:s,s:I,s:I}", "iss", token->email, "scope", SCOPE, "aud",
                                              token->address, "iat", seconds, "exp", seconds + LIFETIME_SEC);
    _cleanup_free_ char *header_text = json_text(header), *claims_text = json_text(claims);
    return gcs_token_jwt(token->key, header_text, claims_text);
}

typedef struct TokenRequest {
    RemoteRequest request;
    const GcsToken *token;
    const Remote *remote;
    Buffer body;
} TokenRequest;

/* Before each attempt, since the clock may have been found to be wrong by the one before. */
static void make_body(void *userdata, RemoteRequest *request)
{
    TokenRequest *wanted = userdata;
    _cleanup_free_ char *assertion = make_assertion(wanted->token, remote_now(wanted->remote));
    buffer_clear(&wanted->body);
    buffer_append(&wanted->body, "grant_type=");
    remote_encode(&wanted->body, GRANT_TYPE, false);
    buffer_printf(&wanted->body, "&assertion=%s", assertion);
    request->body = wanted->body.text;
    request->length = wanted->body.length;
}

int gcs_token_fetch(const GcsToken *token, Remote *remote, RemoteAnswer *ret)
{
    TokenRequest wanted = {.token = token, .remote = remote};
    wanted.request = (RemoteRequest){.method = "POST",
                                     .base = token->base,
                                     .path = xstrdup(token->path),
                                     .is_unsigned = true,
                                     .again = make_body,
                                     .userdata = &wanted};
    make_body(&wanted, &wanted.request);
    remote_add_header(&wanted.request.headers, "content-type: application/x-www-form-urlencoded");
    int r = remote_exchange(remote, &wanted.request, ret);
    remote_request_done(&wanted.request);
    buffer_done(&wanted.body);
    return fold(r);
}
