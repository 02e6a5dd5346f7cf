/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The JSON protocol of Google Cloud Storage. What fits in one part goes as multipart/related with its CRC-32C, which
 * the server checks; more goes by a resumable session, whose object appears with its last chunk. Its CRC-32C is
 * compared then, and an object that is wrong is deleted.
 */
#include "blob/gcs.h"

#include "base/clock.h"
#include "base/id.h"
#include "blob/credentials.h"
#include "blob/remote_list.h"

#define JSON_BYTES_MAX ((size_t)64 * 1024 * 1024)

typedef struct Gcs {
    RemoteBlob remote;
    GcsToken *account; /* NULL: what the machine's surroundings give */
    Credentials *credentials;
    const char *bucket; /* the settings' */
    char *base;         /* "https://storage.googleapis.com" */
} Gcs;

static const Gcs *gcs_of(const RemoteBlob *blob)
{
    return (const Gcs *)blob;
}

static int gcs_sign(void *userdata, RemoteRequest *request, usec_t now)
{
    Gcs *gcs = userdata;
    Credential credential = {};
    int r = credentials_get(gcs->credentials, gcs->remote.remote, &credential);
    if (r == 0)
        remote_add_header(&request->signature, "authorization: Bearer %s", credential.token);
    credential_done(&credential);
    return r;
}

static bool gcs_renew(void *userdata, const RemoteAnswer *refusal)
{
    if (refusal->status != 401)
        return false;
    credentials_drop(((Gcs *)userdata)->credentials);
    return true;
}

/* {"error": {"code", "message", "errors": [{"reason"}]}} of the storage, {"error", "error_description"} of the tokens
 */
static void gcs_explain(const RemoteAnswer *answer, char **ret_code, char **ret_message)
{
    _cleanup_json_ json_t *body = NULL;
    *ret_code = *ret_message = NULL;
    if (json_parse(buffer_text(&answer->body), answer->body.length, JSON_BYTES_MAX, &body, NULL) != 0)
        return;
    const json_t *error = json_object_get(body, "error");
    if (json_is_string(error)) {
        *ret_code = xstrdup(json_string_value(error));
        *ret_message = xstrdup_null(json_get_text(body, "error_description", NULL));
        return;
    }
    const char *message = json_get_text(error, "message", NULL);
    *ret_message = xstrdup_null(message);
    if (message && strcasestr(message, "bucket does not exist"))
        *ret_code = xstrdup("noBucket");
    else
        *ret_code = xstrdup_null(json_get_text(json_array_get(json_object_get(error, "errors"), 0), "reason", NULL));
}

/* "crc32c=n03x6A==" among the values of x-goog-hash, which may come as one header or as several. */
static RemoteChecksum gcs_checksum(const RemoteAnswer *answer)
{
    RemoteChecksum checksum = {};
    const char *stored_encoding = remote_header(answer, "x-goog-stored-content-encoding");
    if (stored_encoding && !streq(stored_encoding, "identity"))
        return checksum;
    for (size_t i = 0; i < answer->headers.count; i++) {
        const char *line = answer->headers.items[i];
        const char *found = starts_with(line, "x-goog-hash:") ? strstr(line, "crc32c=") : NULL;
        if (found && strlen(found) >= strlen("crc32c=") + 8)
            memcpy(checksum.crc32c, found + strlen("crc32c="), 8);
    }
    return checksum;
}

/* /storage/v1/b/BUCKET/o[/KEY] */
static void gcs_path(const RemoteBlob *blob, const char *key, RemoteRequest *request)
{
    Buffer path = {};
    buffer_append(&path, "/storage/v1/b/");
    remote_encode(&path, gcs_of(blob)->bucket, false);
    buffer_append(&path, key ? "/o/" : "/o");
    if (key)
        remote_encode(&path, key, false);
    request->path = buffer_take(&path);
    request->base = gcs_of(blob)->base;
}

static void gcs_read(const RemoteBlob *blob, const char *key, RemoteRequest *request)
{
    gcs_path(blob, key, request);
    request->query = xstrdup("alt=media");
}

/* --- writing --- */

static void set_upload(const RemoteBlob *blob, const char *query, RemoteRequest *request)
{
    Buffer path = {};
    buffer_append(&path, "/upload/storage/v1/b/");
    remote_encode(&path, gcs_of(blob)->bucket, false);
    buffer_append(&path, "/o");
    request->path = buffer_take(&path);
    request->query = xstrdup(query);
    request->base = gcs_of(blob)->base;
}

static char *make_metadata(const char *key, const char *crc32c)
{
    _cleanup_json_ json_t *metadata =
        json_pack("{s:s,s:s,s:s*}", "name", key, "contentType", "application/octet-stream", "crc32c", crc32c);
    return metadata ? json_text(metadata) : NULL;
}

static int fail_name(const char *key)
{
    blob_set_reason("GCS storage cannot hold a name that is not UTF-8");
    return outage(-EILSEQ);
}

static int gcs_put(const RemoteBlob *blob, const char *key, const RemotePart *whole)
{
    char boundary[ID_BYTES];
    id_new(boundary);
    _cleanup_free_ char *crc32c = digest_crc32c_base64(digest_crc32c(0, whole->bytes, whole->length));
    _cleanup_free_ char *metadata = make_metadata(key, crc32c);
    _cleanup_buffer_ Buffer body = {};
    if (!metadata)
        return fail_name(key);
    buffer_printf(&body, "--%s\r\ncontent-type: application/json; charset=UTF-8\r\n\r\n%s\r\n", boundary, metadata);
    buffer_printf(&body, "--%s\r\ncontent-type: application/octet-stream\r\n\r\n", boundary);
    buffer_append_n(&body, whole->bytes, whole->length);
    buffer_printf(&body, "\r\n--%s--\r\n", boundary);
    _cleanup_(remote_request_done) RemoteRequest request = {.method = "POST", .body = body.text, .length = body.length};
    set_upload(blob, "uploadType=multipart", &request);
    remote_add_header(&request.headers, "content-type: multipart/related; boundary=%s", boundary);
    return remote_blob_send(blob, &request);
}

/* The session's address holds its authorization: it is kept as path and query, and shown nowhere. */
static int gcs_begin(const RemoteBlob *blob, RemoteUpload *upload)
{
    _cleanup_free_ char *metadata = make_metadata(upload->key, NULL);
    if (!metadata)
        return fail_name(upload->key);
    _cleanup_(remote_request_done)
        RemoteRequest request = {.method = "POST", .body = metadata, .length = strlen(metadata)};
    _cleanup_(remote_answer_done) RemoteAnswer answer = {};
    set_upload(blob, "uploadType=resumable", &request);
    remote_add_header(&request.headers, "content-type: application/json; charset=UTF-8");
    remote_add_header(&request.headers, "x-upload-content-type: application/octet-stream");
    int r = remote_exchange(blob->remote, &request, &answer);
    if (r != 0)
        return r;
    const char *location = remote_header(&answer, "location"), *host = location ? strstr(location, "://") : NULL;
    const char *path = host ? strchr(host + 3, '/') : NULL;
    if (!path || !strchr(path, '?')) {
        blob_set_reason("GCS storage gave no address to upload to");
        return outage(-EPROTO);
    }
    upload->id = xstrdup(path);
    return 0;
}

static void set_session(const RemoteBlob *blob, const RemoteUpload *upload, RemoteRequest *request)
{
    size_t length = strcspn(upload->id, "?");
    request->base = gcs_of(blob)->base;
    request->path = xstrndup(upload->id, length);
    request->secret_query = NULL;
    request->query = xstrdup(upload->id + length + 1);
}

/* Bytes of the session that the server has: "bytes=0-262143" */
static int64_t kept_bytes(const RemoteAnswer *answer)
{
    const char *range = remote_header(answer, "range"), *dash = range ? strchr(range, '-') : NULL;
    return dash ? strtoimax(dash + 1, NULL, 10) + 1 : 0;
}

static int check_object(const RemoteBlob *blob, const RemoteUpload *upload, const RemoteAnswer *answer)
{
    _cleanup_json_ json_t *object = NULL;
    _cleanup_free_ char *crc32c = digest_crc32c_base64(upload->digest.crc32c);
    if (json_parse(buffer_text(&answer->body), answer->body.length, JSON_BYTES_MAX, &object, NULL) != 0 ||
        streq(json_get_text(object, "crc32c", crc32c), crc32c))
        return 0;
    bool existed;
    int r = blob->driver->delete (blob, upload->key, &existed);
    blob_set_reason("GCS storage has other bytes of %s than were sent%s", upload->key,
                    r == 0 ? "; it was deleted" : "");
    return outage(-EBADMSG);
}

/* One chunk; *sent grows by what the server has kept. A chunk that is sent again is skipped by the server as far as it
 * has it already. */
static int send_chunk(const RemoteBlob *blob, const RemoteUpload *upload, const RemotePart *part, size_t *sent)
{
    static const int accepts[] = {308, 0};
    _cleanup_(remote_request_done) RemoteRequest request = {
        .method = "PUT", .body = part->bytes + *sent, .length = part->length - *sent, .accepts = accepts};
    _cleanup_(remote_answer_done) RemoteAnswer answer = {};
    int64_t from = part->offset + (int64_t)*sent, end = part->offset + (int64_t)part->length;
    set_session(blob, upload, &request);
    remote_add_header(&request.headers, "content-type: application/octet-stream");
    if (part->is_last)
        remote_add_header(&request.headers, "content-range: bytes %" PRId64 "-%" PRId64 "/%" PRId64, from, end - 1,
                          end);
    else
        remote_add_header(&request.headers, "content-range: bytes %" PRId64 "-%" PRId64 "/*", from, end - 1);
    int r = remote_exchange(blob->remote, &request, &answer);
    if (r != 0)
        return r;
    if (answer.status != 308) {
        *sent = part->length;
        return part->is_last ? check_object(blob, upload, &answer) : outage(-EPROTO);
    }
    int64_t kept = kept_bytes(&answer);
    if (kept <= from || kept > end) {
        blob_set_reason("GCS storage keeps %" PRId64 " bytes of an upload of which it has got %" PRId64, kept, end);
        return outage(-EPROTO);
    }
    *sent = (size_t)(kept - part->offset);
    return 0;
}

static int gcs_part(const RemoteBlob *blob, RemoteUpload *upload, const RemotePart *part)
{
    size_t sent = 0;
    while (sent < part->length) {
        int r = send_chunk(blob, upload, part, &sent);
        if (r != 0)
            return r;
    }
    return 0;
}

/* The last chunk has made the object. */
static int gcs_end(const RemoteBlob *blob, RemoteUpload *upload)
{
    return 0;
}

static void gcs_abort(const RemoteBlob *blob, RemoteUpload *upload)
{
    static const int accepts[] = {499, 0}; /* what Google answers to this */
    if (!upload->id)
        return;
    _cleanup_(remote_request_done) RemoteRequest request = {.method = "DELETE", .accepts = accepts};
    set_session(blob, upload, &request);
    if (remote_blob_send(blob, &request) != 0)
        return; /* a session that is left ends after a week, and nobody sees it until then */
}

/* --- everything else --- */

static void add_object(BlobEntries *entries, const json_t *object)
{
    const char *name = json_get_text(object, "name", NULL);
    usec_t modified;
    if (instant_parse(json_get_text(object, "updated", ""), &modified) != 0)
        modified = 0;
    if (name)
        remote_blob_add_entry(entries, name, strtoimax(json_get_text(object, "size", "0"), NULL, 10), modified);
}

static int gcs_stat(const RemoteBlob *blob, const char *key, BlobEntry *ret)
{
    _cleanup_(remote_request_done) RemoteRequest request = {.method = "GET"};
    _cleanup_(remote_answer_done) RemoteAnswer answer = {};
    _cleanup_json_ json_t *object = NULL;
    BlobEntries entries = {};
    gcs_path(blob, key, &request);
    int r = remote_exchange(blob->remote, &request, &answer);
    if (r != 0)
        return r;
    r = json_parse(buffer_text(&answer.body), answer.body.length, JSON_BYTES_MAX, &object, NULL);
    if (r == 0)
        add_object(&entries, object);
    if (entries.count == 0) {
        blob_set_reason("GCS storage gave something that is no object");
        return outage(-EPROTO);
    }
    *ret = entries.items[0];
    vec_free(&entries);
    return 0;
}

int gcs_parse_list(const char *text, size_t length, BlobEntries *ret, char **ret_next)
{
    _cleanup_json_ json_t *page = NULL;
    if (json_parse(text, length, JSON_BYTES_MAX, &page, NULL) != 0 || !json_is_object(page))
        return BLOB_E_INVALID;
    size_t i;
    const json_t *object;
    json_array_foreach (json_object_get(page, "items"), i, object)
        add_object(ret, object);
    const char *next = json_get_text(page, "nextPageToken", "");
    *ret_next = *next ? xstrdup(next) : NULL;
    return 0;
}

static int gcs_list(const RemoteBlob *blob, const char *prefix, char **marker, BlobEntries *ret)
{
    _cleanup_(remote_request_done) RemoteRequest request = {.method = "GET"};
    Buffer query = {};
    buffer_append(&query, "fields=items(name%2Csize%2Cupdated)%2CnextPageToken&maxResults=1000");
    if (*marker) {
        buffer_append(&query, "&pageToken=");
        remote_encode(&query, *marker, false);
    }
    buffer_append(&query, "&prefix=");
    remote_encode(&query, prefix, false);
    request.query = buffer_take(&query);
    gcs_path(blob, NULL, &request);
    return remote_list_page(blob, &request, gcs_parse_list, marker, ret);
}

static int gcs_delete(const RemoteBlob *blob, const char *key, bool *ret_existed)
{
    _cleanup_(remote_request_done) RemoteRequest request = {.method = "DELETE"};
    gcs_path(blob, key, &request);
    int r = remote_blob_send(blob, &request);
    *ret_existed = r == 0;
    return r == BLOB_E_ABSENT ? 0 : r;
}

/* --- many at once: HTTP requests as the parts of one --- */

static void append_deletion(const RemoteBlob *blob, const char *boundary, size_t number, const char *key, Buffer *body)
{
    _cleanup_(remote_request_done) RemoteRequest one = {};
    gcs_path(blob, key, &one);
    buffer_printf(body,
                  "--%s\r\ncontent-type: application/http\r\ncontent-id: <%zu>\r\n\r\nDELETE %s HTTP/1.1\r\n\r\n\r\n",
                  boundary, number, one.path);
}

static int gcs_delete_many(const RemoteBlob *blob, const char *const *keys, size_t count)
{
    char boundary[ID_BYTES];
    _cleanup_buffer_ Buffer body = {};
    id_new(boundary);
    for (size_t i = 0; i < count; i++)
        append_deletion(blob, boundary, i + 1, keys[i], &body);
    buffer_printf(&body, "--%s--\r\n", boundary);
    _cleanup_(remote_request_done) RemoteRequest request = {.method = "POST",
                                                            .base = gcs_of(blob)->base,
                                                            .path = xstrdup("/batch/storage/v1"),
                                                            .body = body.text,
                                                            .length = body.length};
    remote_add_header(&request.headers, "content-type: multipart/mixed; boundary=%s", boundary);
    return remote_batch_delete(blob, &request, keys, count);
}

static void gcs_free(RemoteBlob *blob)
{
    Gcs *gcs = (Gcs *)blob;
    credentials_free(gcs->credentials);
    gcs_token_free(gcs->account);
    free(gcs->base);
    free(gcs);
}

static const RemoteDriver gcs_driver = {
    .http = {.name = "GCS storage",
             .sign = gcs_sign,
             .renew = gcs_renew,
             .explain = gcs_explain,
             .no_container = "noBucket"},
    .parts_max = UINT32_MAX,
    .deletes_max = 100,
    .read = gcs_read,
    .checksum = gcs_checksum,
    .put = gcs_put,
    .begin = gcs_begin,
    .part = gcs_part,
    .end = gcs_end,
    .abort = gcs_abort,
    .stat = gcs_stat,
    .list = gcs_list,
    .delete = gcs_delete,
    .delete_many = gcs_delete_many,
    .free = gcs_free,
};

int gcs_new(json_t *settings, const RemoteBlobSettings *remote, Blob **ret)
{
    const char *key = json_get_text(settings, "storage.gcs.service-account", NULL);
    GcsToken *account = NULL;
    int r = key ? gcs_token_new(key, &account) : 0;
    if (r != 0) {
        _cleanup_free_ char *reason = blob_explain(r);
        blob_set_reason("storage.gcs.service-account: %s", reason);
        return r;
    }
    Gcs *gcs = xnew(Gcs);
    r = remote_blob_init(&gcs->remote, &gcs_driver, settings, remote);
    if (r < 0) {
        gcs_token_free(account);
        free(gcs);
        return trace(r);
    }
    gcs->account = account;
    gcs->credentials =
        credentials_new(&(CredentialSettings){.kind = CREDENTIAL_GOOGLE, .account = account, .http = remote->http});
    gcs->bucket = json_get_text(settings, "storage.gcs.bucket", "");
    gcs->base = remote_blob_address(json_get_text(settings, "storage.gcs.endpoint", "https://storage.googleapis.com"));
    *ret = &gcs->remote.blob;
    return 0;
}
