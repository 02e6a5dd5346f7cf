/* SPDX-License-Identifier: Apache-2.0 */
/* The path is signed as it is sent: the caller encodes it, once, as S3 wants it. */
#include "blob/s3_sign.h"

#include <time.h>

#include "blob/digest.h"

enum { STAMP_BYTES = 20, DAY_LENGTH = 8 };

static void format_stamp(usec_t now, char ret[static STAMP_BYTES])
{
    time_t seconds = (time_t)(now / USEC_PER_SEC);
    struct tm tm = {};
    (void)gmtime_r(&seconds, &tm); /* fails only beyond the year 2^31 */
    if (strftime(ret, STAMP_BYTES, "%Y%m%dT%H%M%SZ", &tm) == 0)
        abort(); /* it fits */
}

static int compare_lines(const void *a, const void *b)
{
    const char *left = *(const char *const *)a, *right = *(const char *const *)b;
    size_t left_length = strcspn(left, ":"), right_length = strcspn(right, ":");
    int order = memcmp(left, right, MIN(left_length, right_length));
    return order != 0 ? order : (left_length > right_length) - (left_length < right_length);
}

/* "name:value" without blanks around the value, and runs of blanks in it as one. */
static void append_line(Buffer *text, const char *line)
{
    size_t name = strcspn(line, ":");
    buffer_append_n(text, line, name + 1);
    const char *value = line + name + (line[name] == ':');
    for (value += strspn(value, " \t"); *value;) {
        size_t word = strcspn(value, " \t"), blanks = strspn(value + word, " \t");
        buffer_append_n(text, value, word);
        value += word + blanks;
        if (blanks > 0 && *value)
            buffer_append_char(text, ' ');
    }
    buffer_append_char(text, '\n');
}

/* The canonical headers, and their names joined by semicolons. */
static void append_headers(const RemoteRequest *request, Buffer *canonical, Buffer *names)
{
    const RemoteHeaders *const lists[] = {&request->headers, &request->signature};
    VEC(const char *) lines = {};
    for (size_t l = 0; l < ELEMENTS(lists); l++)
        for (size_t i = 0; i < lists[l]->count; i++)
            vec_push(&lines, lists[l]->items[i]);
    const char *scheme_end = strstr(request->base, "://");
    _cleanup_free_ char *host = xasprintf("host:%s", scheme_end ? scheme_end + 3 : request->base);
    vec_push(&lines, host);
    qsort(lines.items, lines.count, sizeof *lines.items, compare_lines);
    for (size_t i = 0; i < lines.count; i++) {
        append_line(canonical, lines.items[i]);
        if (i > 0)
            buffer_append_char(names, ';');
        buffer_append_n(names, lines.items[i], strcspn(lines.items[i], ":"));
    }
    vec_free(&lines);
}

static void hex_sha256(const void *bytes, size_t length, char ret[static SHA256_HEX_BYTES])
{
    uint8_t hash[SHA256_BYTES];
    digest_sha256(bytes, length, hash);
    digest_hex(hash, sizeof hash, ret);
}

static void sign_text(const S3Key *key, const char *stamp, const char *text, char ret[static SHA256_HEX_BYTES])
{
    uint8_t hash[SHA256_BYTES];
    _cleanup_free_ char *secret = xasprintf("AWS4%s", key->secret_key);
    _cleanup_free_ char *day = xstrndup(stamp, DAY_LENGTH);
    const char *const steps[] = {key->region, key->service, "aws4_request", text};
    digest_hmac_sha256(secret, strlen(secret), day, hash);
    for (size_t i = 0; i < ELEMENTS(steps); i++) {
        uint8_t next[SHA256_BYTES];
        digest_hmac_sha256(hash, sizeof hash, steps[i], next);
        memcpy(hash, next, sizeof hash);
    }
    digest_hex(hash, sizeof hash, ret);
    explicit_bzero(secret, strlen(secret));
}

void s3_sign(const S3Key *key, RemoteRequest *request, usec_t now, bool is_hashed)
{
    char stamp[STAMP_BYTES], body[SHA256_HEX_BYTES], hash[SHA256_HEX_BYTES], signature[SHA256_HEX_BYTES];
    _cleanup_buffer_ Buffer canonical = {}, headers = {}, names = {}, text = {};
    format_stamp(now, stamp);
    hex_sha256(request->body ? request->body : "", request->length, body);
    remote_add_header(&request->signature, "x-amz-date: %s", stamp);
    if (is_hashed)
        remote_add_header(&request->signature, "x-amz-content-sha256: %s", body);
    if (key->session_token)
        remote_add_header(&request->signature, "x-amz-security-token: %s", key->session_token);
    append_headers(request, &headers, &names);
    buffer_printf(&canonical, "%s\n%s\n%s\n%s\n%s\n%s", request->method, request->path,
                  request->query ? request->query : "", buffer_text(&headers), buffer_text(&names), body);
    hex_sha256(canonical.text, canonical.length, hash);
    _cleanup_free_ char *scope = xasprintf("%.*s/%s/%s/aws4_request", DAY_LENGTH, stamp, key->region, key->service);
    buffer_printf(&text, "AWS4-HMAC-SHA256\n%s\n%s\n%s", stamp, scope, hash);
    sign_text(key, stamp, text.text, signature);
    remote_add_header(&request->signature,
                      "authorization: AWS4-HMAC-SHA256 Credential=%s/%s,SignedHeaders=%s,Signature=%s", key->access_key,
                      scope, names.text, signature);
}
