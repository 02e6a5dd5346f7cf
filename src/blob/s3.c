/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The REST protocol of S3. The signature covers the body's SHA-256, so that no part can change on its way; objects get
 * a CRC-32C beside it, which comes back with a whole object when it is read.
 */
#include "blob/s3.h"

#include "blob/credentials.h"
#include "blob/remote_list.h"
#include "blob/s3_sign.h"
#include "blob/xml.h"

typedef struct S3 {
    RemoteBlob remote;
    S3Key key;                           /* these texts are the settings' */
    Credentials *credentials;            /* NULL: the key is set */
    const char *encryption, *kms_key_id; /* NULL: none */
    bool checksums;
    char *base;   /* "https://bucket.host" */
    char *prefix; /* "/bucket/" or "/" */
} S3;

static const S3 *s3_of(const RemoteBlob *blob)
{
    return (const S3 *)blob;
}

static int s3_sign_request(void *userdata, RemoteRequest *request, usec_t now)
{
    const S3 *s3 = userdata;
    S3Key key = s3->key;
    Credential credential = {};
    if (s3->credentials) {
        int r = credentials_get(s3->credentials, s3->remote.remote, &credential);
        if (r != 0)
            return r;
        key.access_key = credential.access_key;
        key.secret_key = credential.secret_key;
        key.session_token = credential.session_token;
    }
    s3_sign(&key, request, now, true);
    credential_done(&credential);
    return 0;
}

/* Keys that have ended before they should have. The answer to HEAD says no code: the next request finds out. */
static bool s3_renew(void *userdata, const RemoteAnswer *refusal)
{
    const S3 *s3 = userdata;
    if (!s3->credentials || (refusal->status != 400 && refusal->status != 403))
        return false;
    _cleanup_free_ char *code = xml_find(buffer_text(&refusal->body), refusal->body.length, "Error/Code");
    if (!code || (!streq(code, "ExpiredToken") && !streq(code, "InvalidToken") && !streq(code, "InvalidAccessKeyId")))
        return false;
    credentials_drop(s3->credentials);
    return true;
}

static void s3_explain(const RemoteAnswer *answer, char **ret_code, char **ret_message)
{
    const char *body = buffer_text(&answer->body), *region = remote_header(answer, "x-amz-bucket-region");
    *ret_code = xml_find(body, answer->body.length, "Error/Code");
    *ret_message = xml_find(body, answer->body.length, "Error/Message");
    if (answer->status / 100 == 3 && region) {
        free(*ret_message);
        *ret_message = xasprintf("the bucket is in region %s: set storage.s3.region", region);
    }
}

static RemoteChecksum s3_checksum(const RemoteAnswer *answer)
{
    RemoteChecksum checksum = {};
    const char *crc32c = remote_header(answer, "x-amz-checksum-crc32c");
    if (crc32c && strlen(crc32c) == 8) /* one of the parts' checksums ends with "-N" */
        memcpy(checksum.crc32c, crc32c, 8);
    return checksum;
}

static void s3_object(const RemoteBlob *blob, const char *key, RemoteRequest *request)
{
    Buffer path = {};
    buffer_append(&path, s3_of(blob)->prefix);
    remote_encode(&path, key, true);
    request->path = buffer_take(&path);
    request->base = s3_of(blob)->base;
}

static void s3_bucket(const RemoteBlob *blob, RemoteRequest *request)
{
    const S3 *s3 = s3_of(blob);
    size_t length = strlen(s3->prefix);
    request->path = xstrndup(s3->prefix, length > 1 ? length - 1 : length);
    request->base = s3->base;
}

static void s3_read(const RemoteBlob *blob, const char *key, RemoteRequest *request)
{
    s3_object(blob, key, request);
    if (s3_of(blob)->checksums)
        remote_add_header(&request->headers, "x-amz-checksum-mode: ENABLED");
}

/* --- writing --- */

static void add_object_headers(const RemoteBlob *blob, RemoteRequest *request)
{
    const S3 *s3 = s3_of(blob);
    remote_add_header(&request->headers, "content-type: application/octet-stream");
    if (s3->encryption)
        remote_add_header(&request->headers, "x-amz-server-side-encryption: %s", s3->encryption);
    if (s3->kms_key_id)
        remote_add_header(&request->headers, "x-amz-server-side-encryption-aws-kms-key-id: %s", s3->kms_key_id);
}

static void add_md5(RemoteRequest *request)
{
    uint8_t md5[MD5_BYTES];
    digest_md5(request->body, request->length, md5);
    _cleanup_free_ char *text = digest_base64(md5, sizeof md5);
    remote_add_header(&request->headers, "content-md5: %s", text);
}

/* With the CRC-32C, or for stores that do not know it with the MD5, of the body. */
static void add_checksum(const RemoteBlob *blob, RemoteRequest *request)
{
    if (!s3_of(blob)->checksums) {
        add_md5(request);
        return;
    }
    _cleanup_free_ char *crc32c = digest_crc32c_base64(digest_crc32c(0, request->body, request->length));
    remote_add_header(&request->headers, "x-amz-checksum-crc32c: %s", crc32c);
}

static int s3_put(const RemoteBlob *blob, const char *key, const RemotePart *whole)
{
    _cleanup_(remote_request_done)
        RemoteRequest request = {.method = "PUT", .body = whole->bytes, .length = whole->length};
    s3_object(blob, key, &request);
    add_object_headers(blob, &request);
    add_checksum(blob, &request);
    return remote_blob_send(blob, &request);
}

static int s3_begin(const RemoteBlob *blob, RemoteUpload *upload)
{
    _cleanup_(remote_request_done) RemoteRequest request = {.method = "POST", .query = xstrdup("uploads=")};
    _cleanup_(remote_answer_done) RemoteAnswer answer = {};
    s3_object(blob, upload->key, &request);
    add_object_headers(blob, &request);
    if (s3_of(blob)->checksums) {
        remote_add_header(&request.headers, "x-amz-checksum-algorithm: CRC32C");
        remote_add_header(&request.headers, "x-amz-checksum-type: FULL_OBJECT");
    }
    int r = remote_exchange(blob->remote, &request, &answer);
    if (r != 0)
        return r;
    upload->id = xml_find(buffer_text(&answer.body), answer.body.length, "InitiateMultipartUploadResult/UploadId");
    return upload->id ? 0 : outage(-EPROTO);
}

/* The query that names the upload. */
static char *upload_query(const RemoteUpload *upload, unsigned part_number)
{
    Buffer query = {};
    if (part_number > 0)
        buffer_printf(&query, "partNumber=%u&", part_number);
    buffer_append(&query, "uploadId=");
    remote_encode(&query, upload->id, false);
    return buffer_take(&query);
}

static int s3_part(const RemoteBlob *blob, RemoteUpload *upload, const RemotePart *part)
{
    _cleanup_(remote_request_done) RemoteRequest request = {
        .method = "PUT", .query = upload_query(upload, part->number), .body = part->bytes, .length = part->length};
    _cleanup_(remote_answer_done) RemoteAnswer answer = {};
    s3_object(blob, upload->key, &request);
    add_checksum(blob, &request);
    int r = remote_exchange(blob->remote, &request, &answer);
    const char *etag = remote_header(&answer, "etag");
    if (r != 0)
        return r;
    if (!etag || strpbrk(etag, "<>&"))
        return outage(-EPROTO);
    buffer_printf(&upload->parts, "<Part><PartNumber>%u</PartNumber><ETag>%s</ETag>", part->number, etag);
    if (s3_of(blob)->checksums) {
        _cleanup_free_ char *crc32c = digest_crc32c_base64(digest_crc32c(0, part->bytes, part->length));
        buffer_printf(&upload->parts, "<ChecksumCRC32C>%s</ChecksumCRC32C>", crc32c);
    }
    buffer_append(&upload->parts, "</Part>");
    return 0;
}

/* The answer to an end came too late for the first attempt's connection: the upload is gone, but the object is there.
 */
static bool was_completed(const RemoteBlob *blob, const RemoteUpload *upload, const RemoteAnswer *answer)
{
    BlobEntry entry;
    if (answer->status != 404 || answer->attempts < 2 || blob->driver->stat(blob, upload->key, &entry) != 0)
        return false;
    bool is_ours = entry.size_bytes == upload->length;
    blob_entry_done(&entry);
    return is_ours;
}

static int s3_end(const RemoteBlob *blob, RemoteUpload *upload)
{
    _cleanup_free_ char *body =
        xasprintf("<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">%s"
                  "</CompleteMultipartUpload>",
                  buffer_text(&upload->parts));
    _cleanup_(remote_request_done) RemoteRequest request = {
        .method = "POST", .query = upload_query(upload, 0), .body = body, .length = strlen(body)};
    _cleanup_(remote_answer_done) RemoteAnswer answer = {};
    s3_object(blob, upload->key, &request);
    remote_add_header(&request.headers, "content-type: application/xml");
    if (s3_of(blob)->checksums) {
        _cleanup_free_ char *crc32c = digest_crc32c_base64(upload->digest.crc32c);
        remote_add_header(&request.headers, "x-amz-checksum-crc32c: %s", crc32c);
        remote_add_header(&request.headers, "x-amz-checksum-type: FULL_OBJECT");
    }
    int r = remote_exchange(blob->remote, &request, &answer);
    if (r == BLOB_E_ABSENT && was_completed(blob, upload, &answer))
        return 0;
    _cleanup_free_ char *code = xml_find(buffer_text(&answer.body), answer.body.length, "Error/Code");
    return r == 0 && code ? remote_refused(blob->remote, &request, &answer)
                          : r; /* a 200 may still say that it failed */
}

static void s3_abort(const RemoteBlob *blob, RemoteUpload *upload)
{
    if (!upload->id)
        return;
    _cleanup_(remote_request_done) RemoteRequest request = {.method = "DELETE", .query = upload_query(upload, 0)};
    s3_object(blob, upload->key, &request);
    if (remote_blob_send(blob, &request) != 0)
        return; /* the bucket's lifecycle rule for unfinished uploads has to remove it (docs/operations.md) */
}

/* --- everything else --- */

static int s3_stat(const RemoteBlob *blob, const char *key, BlobEntry *ret)
{
    _cleanup_(remote_request_done) RemoteRequest request = {.method = "HEAD"};
    _cleanup_(remote_answer_done) RemoteAnswer answer = {};
    s3_object(blob, key, &request);
    int r = remote_exchange(blob->remote, &request, &answer);
    if (r != 0)
        return r;
    const char *length = remote_header(&answer, "content-length");
    *ret = (BlobEntry){.uri = xasprintf("kestra:///%s", key),
                       .size_bytes = length ? strtoimax(length, NULL, 10) : 0,
                       .modified = remote_parse_date(remote_header(&answer, "last-modified"))};
    return 0;
}

int s3_parse_list(const char *text, size_t length, BlobEntries *ret, char **ret_next)
{
    static const RemoteListNames names = {
        .page = "ListBucketResult",
        .next = "ListBucketResult/NextContinuationToken",
        .object = "ListBucketResult/Contents",
        .key = "ListBucketResult/Contents/Key",
        .size = "ListBucketResult/Contents/Size",
        .modified = "ListBucketResult/Contents/LastModified",
    };
    _cleanup_free_ char *type =
        xml_find(text, length, "ListBucketResult/EncodingType"); /* it may stand behind the keys */
    return remote_list_parse(&names, type && streq(type, "url"), &(RemoteListText){text, length}, ret, ret_next);
}

static int s3_list(const RemoteBlob *blob, const char *prefix, char **marker, BlobEntries *ret)
{
    _cleanup_(remote_request_done) RemoteRequest request = {.method = "GET"};
    Buffer query = {};
    if (*marker) {
        buffer_append(&query, "continuation-token=");
        remote_encode(&query, *marker, false);
        buffer_append_char(&query, '&');
    }
    buffer_append(&query, "encoding-type=url&list-type=2&prefix=");
    remote_encode(&query, prefix, false);
    request.query = buffer_take(&query);
    s3_bucket(blob, &request);
    return remote_list_page(blob, &request, s3_parse_list, marker, ret);
}

/* S3 does not say whether there was something to delete. */
static int s3_delete(const RemoteBlob *blob, const char *key, bool *ret_existed)
{
    BlobEntry entry;
    int r = s3_stat(blob, key, &entry);
    *ret_existed = r == 0;
    if (r != 0)
        return r == BLOB_E_ABSENT ? 0 : r;
    blob_entry_done(&entry);
    _cleanup_(remote_request_done) RemoteRequest request = {.method = "DELETE"};
    s3_object(blob, key, &request);
    r = remote_blob_send(blob, &request);
    return r == BLOB_E_ABSENT ? 0 : r;
}

static void append_xml(Buffer *text, const char *value)
{
    for (const unsigned char *c = (const unsigned char *)value; *c; c++)
        if (*c < 0x20 || strchr("<>&\"'", *c))
            buffer_printf(text, "&#%u;", *c);
        else
            buffer_append_char(text, (char)*c);
}

bool s3_parse_deletion(const char *text, size_t length, char **ret_key, char **ret_code)
{
    _cleanup_free_ char *key = NULL, *code = NULL;
    bool has_failed = false;
    Xml xml;
    xml_begin(&xml, text, length);
    while (!has_failed && xml_next(&xml) == 0) {
        bool is_key = streq(xml.path, "DeleteResult/Error/Key"), is_code = streq(xml.path, "DeleteResult/Error/Code");
        if (is_key || is_code) {
            free(is_key ? key : code);
            *(is_key ? &key : &code) = buffer_take(&xml.text);
        } else if (streq(xml.path, "DeleteResult/Error")) {
            has_failed = code && !streq(code, "NoSuchKey");
            if (!has_failed) {
                free(TAKE_PTR(key));
                free(TAKE_PTR(code));
            }
        }
    }
    xml_done(&xml);
    *ret_key = has_failed ? TAKE_PTR(key) : NULL;
    *ret_code = has_failed ? TAKE_PTR(code) : NULL;
    return has_failed;
}

static int s3_delete_many(const RemoteBlob *blob, const char *const *keys, size_t count)
{
    _cleanup_buffer_ Buffer body = {};
    buffer_append(&body, "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Quiet>true</Quiet>");
    for (size_t i = 0; i < count; i++) {
        buffer_append(&body, "<Object><Key>");
        append_xml(&body, keys[i]);
        buffer_append(&body, "</Key></Object>");
    }
    buffer_append(&body, "</Delete>");
    _cleanup_(remote_request_done) RemoteRequest request = {
        .method = "POST", .query = xstrdup("delete="), .body = body.text, .length = body.length};
    _cleanup_(remote_answer_done) RemoteAnswer answer = {};
    s3_bucket(blob, &request);
    remote_add_header(&request.headers, "content-type: application/xml");
    add_md5(&request); /* wanted by every store for this request */
    int r = remote_exchange(blob->remote, &request, &answer);
    if (r != 0)
        return r;
    _cleanup_free_ char *key = NULL, *code = NULL;
    if (!s3_parse_deletion(buffer_text(&answer.body), answer.body.length, &key, &code))
        return 0;
    blob_set_reason("S3 storage did not delete %s: %s", key ? key : "an object", code);
    return outage(-EACCES);
}

static void s3_free(RemoteBlob *blob)
{
    S3 *s3 = (S3 *)blob;
    credentials_free(s3->credentials);
    free(s3->base);
    free(s3->prefix);
    free(s3);
}

static const RemoteDriver s3_driver = {
    .http = {.name = "S3 storage",
             .sign = s3_sign_request,
             .renew = s3_renew,
             .explain = s3_explain,
             .no_container = "NoSuchBucket"},
    .parts_max = 10000,
    .deletes_max = 1000,
    .read = s3_read,
    .checksum = s3_checksum,
    .put = s3_put,
    .begin = s3_begin,
    .part = s3_part,
    .end = s3_end,
    .abort = s3_abort,
    .stat = s3_stat,
    .list = s3_list,
    .delete = s3_delete,
    .delete_many = s3_delete_many,
    .free = s3_free,
};

static void set_address(S3 *s3, const json_t *settings)
{
    const char *bucket = json_get_text(settings, "storage.s3.bucket", "");
    _cleanup_free_ char *amazon = xasprintf("https://s3.%s.amazonaws.com", s3->key.region);
    _cleanup_free_ char *endpoint = remote_blob_address(json_get_text(settings, "storage.s3.endpoint", amazon));
    const char *host = strstr(endpoint, "://") + 3;
    if (json_get_boolean(settings, "storage.s3.force-path-style", false)) {
        s3->base = TAKE_PTR(endpoint);
        s3->prefix = xasprintf("/%s/", bucket);
        return;
    }
    s3->base = xasprintf("%.*s%s.%s", (int)(host - endpoint), endpoint, bucket, host);
    s3->prefix = xstrdup("/");
}

int s3_new(json_t *settings, const RemoteBlobSettings *remote, Blob **ret)
{
    const char *access_key = json_get_text(settings, "storage.s3.access-key", NULL);
    const char *secret_key = json_get_text(settings, "storage.s3.secret-key", NULL);
    if (!access_key != !secret_key) {
        blob_set_reason("of storage.s3.access-key and storage.s3.secret-key only one is set");
        return BLOB_E_INVALID;
    }
    S3 *s3 = xnew(S3);
    int r = remote_blob_init(&s3->remote, &s3_driver, settings, remote);
    if (r < 0) {
        free(s3);
        return trace(r);
    }
    s3->key = (S3Key){.access_key = access_key,
                      .secret_key = secret_key,
                      .session_token = json_get_text(settings, "storage.s3.session-token", NULL),
                      .region = json_get_text(settings, "storage.s3.region", ""),
                      .service = "s3"};
    if (!access_key)
        s3->credentials = credentials_new(
            &(CredentialSettings){.kind = CREDENTIAL_AWS, .region = s3->key.region, .http = remote->http});
    s3->encryption = json_get_text(settings, "storage.s3.server-side-encryption", NULL);
    s3->kms_key_id = json_get_text(settings, "storage.s3.kms-key-id", NULL);
    s3->checksums = json_get_boolean(settings, "storage.s3.checksums", true);
    set_address(s3, settings);
    *ret = &s3->remote.blob;
    return 0;
}
