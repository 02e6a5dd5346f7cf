/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Block blobs. What fits in one part is one Put Blob; more is staged as blocks, which nobody sees until Put Block List.
 * Blocks that are given up go by themselves after a week. Each request carries its MD5, which the server checks, and
 * the blob that of all its bytes, which comes back when it is read.
 */
#include "blob/azure.h"

#include "base/clock.h"
#include "base/id.h"
#include "blob/credentials.h"
#include "blob/remote_list.h"
#include "blob/xml.h"

#define API_VERSION "2021-08-06"
enum { BLOCK_ID_BYTES = 16 };

typedef struct Azure {
    RemoteBlob remote;
    char *base;   /* "https://account.blob.core.windows.net" */
    char *prefix; /* "/container", behind "/account" when the endpoint has a path */
    char *account;
    uint8_t *key; /* or NULL */
    size_t key_length;
    char *sas_token;          /* without "?"; or NULL */
    Credentials *credentials; /* NULL: key or SAS token authorizes */
} Azure;

static const Azure *azure_of(const RemoteBlob *blob)
{
    return (const Azure *)blob;
}

static int azure_authorize(const Azure *azure, RemoteRequest *request, usec_t now)
{
    char date[REMOTE_DATE_BYTES];
    remote_format_date(now, date);
    remote_add_header(&request->signature, "x-ms-date: %s", date);
    if (azure->credentials) {
        Credential credential = {};
        int r = credentials_get(azure->credentials, azure->remote.remote, &credential);
        if (r == 0)
            remote_add_header(&request->signature, "authorization: Bearer %s", credential.token);
        credential_done(&credential);
        return r;
    }
    if (!azure->key) {
        request->secret_query = azure->sas_token;
        return 0;
    }
    uint8_t hash[SHA256_BYTES];
    _cleanup_free_ char *text = azure_string_to_sign(azure->account, request);
    digest_hmac_sha256(azure->key, azure->key_length, text, hash);
    _cleanup_free_ char *signature = digest_base64(hash, sizeof hash);
    remote_add_header(&request->signature, "authorization: SharedKey %s:%s", azure->account, signature);
    return 0;
}

static int azure_sign(void *userdata, RemoteRequest *request, usec_t now)
{
    remote_add_header(&request->signature, "x-ms-version: " API_VERSION);
    return azure_authorize(userdata, request, now);
}

static bool azure_renew(void *userdata, const RemoteAnswer *refusal)
{
    const Azure *azure = userdata;
    if (!azure->credentials || refusal->status != 401)
        return false;
    credentials_drop(azure->credentials);
    return true;
}

static void azure_explain(const RemoteAnswer *answer, char **ret_code, char **ret_message)
{
    const char *body = buffer_text(&answer->body);
    *ret_code = xml_find(body, answer->body.length, "Error/Code");
    *ret_message = xml_find(body, answer->body.length, "Error/Message");
    if (*ret_message)
        (*ret_message)[strcspn(*ret_message, "\n")] = '\0'; /* then come a request id and a time */
    if (!*ret_code)
        *ret_code = xstrdup_null(remote_header(answer, "x-ms-error-code"));
}

static RemoteChecksum azure_checksum(const RemoteAnswer *answer)
{
    return (RemoteChecksum){.md5 = remote_header(answer, "content-md5")};
}

static void azure_container(const RemoteBlob *blob, RemoteRequest *request)
{
    request->path = xstrdup(azure_of(blob)->prefix);
    request->base = azure_of(blob)->base;
}

static void azure_object(const RemoteBlob *blob, const char *key, RemoteRequest *request)
{
    Buffer path = {};
    buffer_printf(&path, "%s/", azure_of(blob)->prefix);
    remote_encode(&path, key, true);
    request->path = buffer_take(&path);
    request->base = azure_of(blob)->base;
}

/* --- writing --- */

static void add_md5(RemoteRequest *request)
{
    uint8_t md5[MD5_BYTES];
    digest_md5(request->body ? request->body : "", request->length, md5);
    _cleanup_free_ char *text = digest_base64(md5, sizeof md5);
    remote_add_header(&request->headers, "content-md5: %s", text);
}

static int azure_put(const RemoteBlob *blob, const char *key, const RemotePart *whole)
{
    _cleanup_(remote_request_done)
        RemoteRequest request = {.method = "PUT", .body = whole->bytes, .length = whole->length};
    azure_object(blob, key, &request);
    remote_add_header(&request.headers, "x-ms-blob-type: BlockBlob");
    remote_add_header(&request.headers, "content-type: application/octet-stream");
    add_md5(&request);
    return remote_blob_send(blob, &request);
}

static int azure_begin(const RemoteBlob *blob, RemoteUpload *upload)
{
    char id[SHA256_HEX_BYTES];
    uint8_t hash[SHA256_BYTES];
    _cleanup_free_ char *seed = xasprintf("%s %" PRIu64, upload->key, clock_realtime());
    digest_sha256(seed, strlen(seed), hash);
    digest_hex(hash, BLOCK_ID_BYTES / 2, id);
    upload->id = xstrdup(id); /* blocks of two writers of one blob must not mix */
    return 0;
}

static int azure_part(const RemoteBlob *blob, RemoteUpload *upload, const RemotePart *part)
{
    _cleanup_free_ char *plain = xasprintf("%s-%07u", upload->id, part->number);
    _cleanup_free_ char *id = digest_base64(plain, strlen(plain));
    Buffer query = {};
    buffer_append(&query, "blockid=");
    remote_encode(&query, id, false);
    buffer_append(&query, "&comp=block");
    _cleanup_(remote_request_done) RemoteRequest request = {
        .method = "PUT", .query = buffer_take(&query), .body = part->bytes, .length = part->length};
    azure_object(blob, upload->key, &request);
    remote_add_header(&request.headers, "content-type: application/octet-stream");
    add_md5(&request);
    buffer_printf(&upload->parts, "<Uncommitted>%s</Uncommitted>", id);
    return remote_blob_send(blob, &request);
}

static int azure_end(const RemoteBlob *blob, RemoteUpload *upload)
{
    _cleanup_free_ char *body =
        xasprintf("<?xml version=\"1.0\" encoding=\"utf-8\"?><BlockList>%s</BlockList>", buffer_text(&upload->parts));
    _cleanup_free_ char *md5 = digest_take_md5(&upload->digest);
    _cleanup_(remote_request_done) RemoteRequest request = {
        .method = "PUT", .query = xstrdup("comp=blocklist"), .body = body, .length = strlen(body)};
    azure_object(blob, upload->key, &request);
    remote_add_header(&request.headers, "content-type: application/xml");
    remote_add_header(&request.headers, "x-ms-blob-content-md5: %s", md5);
    remote_add_header(&request.headers, "x-ms-blob-content-type: application/octet-stream");
    add_md5(&request);
    return remote_blob_send(blob, &request);
}

/* Nothing to do: there is no request that drops blocks, and what is not in a list goes after a week. */
static void azure_abort(const RemoteBlob *blob, RemoteUpload *upload)
{
}

/* --- everything else --- */

static int azure_stat(const RemoteBlob *blob, const char *key, BlobEntry *ret)
{
    _cleanup_(remote_request_done) RemoteRequest request = {.method = "HEAD"};
    _cleanup_(remote_answer_done) RemoteAnswer answer = {};
    azure_object(blob, key, &request);
    int r = remote_exchange(blob->remote, &request, &answer);
    if (r != 0)
        return r;
    const char *length = remote_header(&answer, "content-length");
    *ret = (BlobEntry){.uri = xasprintf("kestra:///%s", key),
                       .size_bytes = length ? strtoimax(length, NULL, 10) : 0,
                       .modified = remote_parse_date(remote_header(&answer, "last-modified"))};
    return 0;
}

int azure_parse_list(const char *text, size_t length, BlobEntries *ret, char **ret_next)
{
    static const RemoteListNames names = {
        .page = "EnumerationResults",
        .next = "EnumerationResults/NextMarker",
        .object = "EnumerationResults/Blobs/Blob",
        .key = "EnumerationResults/Blobs/Blob/Name",
        .size = "EnumerationResults/Blobs/Blob/Properties/Content-Length",
        .modified = "EnumerationResults/Blobs/Blob/Properties/Last-Modified",
    };
    return remote_list_parse(&names, false, &(RemoteListText){text, length}, ret, ret_next);
}

static int azure_list(const RemoteBlob *blob, const char *prefix, char **marker, BlobEntries *ret)
{
    _cleanup_(remote_request_done) RemoteRequest request = {.method = "GET"};
    Buffer query = {};
    buffer_append(&query, "comp=list");
    if (*marker) {
        buffer_append(&query, "&marker=");
        remote_encode(&query, *marker, false);
    }
    buffer_append(&query, "&maxresults=1000&prefix=");
    remote_encode(&query, prefix, false);
    buffer_append(&query, "&restype=container");
    request.query = buffer_take(&query);
    azure_container(blob, &request);
    return remote_list_page(blob, &request, azure_parse_list, marker, ret);
}

static int azure_delete(const RemoteBlob *blob, const char *key, bool *ret_existed)
{
    _cleanup_(remote_request_done) RemoteRequest request = {.method = "DELETE"};
    azure_object(blob, key, &request);
    remote_add_header(&request.headers, "x-ms-delete-snapshots: include");
    int r = remote_blob_send(blob, &request);
    *ret_existed = r == 0;
    return r == BLOB_E_ABSENT ? 0 : r;
}

/* --- many at once: Blob Batch, HTTP requests as the parts of one --- */

/* A part is a request that is authorized by itself, but has the version of the whole. */
static int append_deletion(const RemoteBlob *blob, const char *boundary, size_t number, const char *key, Buffer *body)
{
    _cleanup_(remote_request_done) RemoteRequest one = {.method = "DELETE"};
    azure_object(blob, key, &one);
    remote_add_header(&one.headers, "x-ms-delete-snapshots: include");
    int r = azure_authorize(azure_of(blob), &one, remote_now(blob->remote));
    if (r != 0)
        return r;
    buffer_printf(
        body, "--%s\r\ncontent-type: application/http\r\ncontent-transfer-encoding: binary\r\ncontent-id: %zu\r\n\r\n",
        boundary, number);
    buffer_printf(body, "DELETE %s%s%s HTTP/1.1\r\n", one.path, one.secret_query ? "?" : "",
                  one.secret_query ? one.secret_query : "");
    const RemoteHeaders *const lists[] = {&one.headers, &one.signature};
    for (size_t l = 0; l < ELEMENTS(lists); l++)
        for (size_t i = 0; i < lists[l]->count; i++)
            buffer_printf(body, "%s\r\n", lists[l]->items[i]);
    buffer_append(body, "content-length: 0\r\n\r\n");
    return 0;
}

static int azure_delete_many(const RemoteBlob *blob, const char *const *keys, size_t count)
{
    char boundary[ID_BYTES];
    _cleanup_buffer_ Buffer body = {};
    int r = 0;
    id_new(boundary);
    for (size_t i = 0; r == 0 && i < count; i++)
        r = append_deletion(blob, boundary, i, keys[i], &body);
    if (r != 0)
        return r;
    buffer_printf(&body, "--%s--\r\n", boundary);
    _cleanup_(remote_request_done) RemoteRequest request = {
        .method = "POST", .query = xstrdup("comp=batch&restype=container"), .body = body.text, .length = body.length};
    azure_container(blob, &request);
    remote_add_header(&request.headers, "content-type: multipart/mixed; boundary=%s", boundary);
    return remote_batch_delete(blob, &request, keys, count);
}

static void azure_free(RemoteBlob *blob)
{
    Azure *azure = (Azure *)blob;
    free(azure->base);
    free(azure->prefix);
    free(azure->account);
    if (azure->key)
        explicit_bzero(azure->key, azure->key_length);
    free(azure->key);
    free(azure->sas_token);
    credentials_free(azure->credentials);
    free(azure);
}

static const RemoteDriver azure_driver = {
    .http = {.name = "Azure storage",
             .sign = azure_sign,
             .renew = azure_renew,
             .explain = azure_explain,
             .no_container = "ContainerNotFound"},
    .wants_md5 = true,
    .parts_max = 50000,
    .deletes_max = 256,
    .read = azure_object,
    .checksum = azure_checksum,
    .put = azure_put,
    .begin = azure_begin,
    .part = azure_part,
    .end = azure_end,
    .abort = azure_abort,
    .stat = azure_stat,
    .list = azure_list,
    .delete = azure_delete,
    .delete_many = azure_delete_many,
    .free = azure_free,
};

/* --- settings --- */

/* "AccountName=…;AccountKey=…" → the value of `name`, new; NULL when it is not there. */
static char *of_connection_string(const char *text, const char *name)
{
    size_t length = strlen(name);
    for (const char *part = text; part && *part;) {
        size_t part_length = strcspn(part, ";");
        if (part_length > length && strncmp(part, name, length) == 0 && part[length] == '=')
            return xstrndup(part + length + 1, part_length - length - 1);
        part += part_length + (part[part_length] == ';');
    }
    return NULL;
}

/* The setting, or else the part of the connection string. New, or NULL. */
static char *setting(const json_t *settings, const char *name, const char *part)
{
    const char *text = json_get_text(settings, name, NULL);
    return text ? xstrdup(text)
                : of_connection_string(json_get_text(settings, "storage.azure.connection-string", ""), part);
}

static int fail_setting(const char *text)
{
    blob_set_reason("%s", text);
    return BLOB_E_INVALID;
}

static int take_endpoint(Azure *azure, const json_t *settings)
{
    const char *connection = json_get_text(settings, "storage.azure.connection-string", "");
    _cleanup_free_ char *endpoint = setting(settings, "storage.azure.endpoint", "BlobEndpoint");
    _cleanup_free_ char *suffix = of_connection_string(connection, "EndpointSuffix");
    _cleanup_free_ char *protocol = of_connection_string(connection, "DefaultEndpointsProtocol");
    if (!endpoint && azure->account)
        endpoint = xasprintf("%s://%s.blob.%s", protocol ? protocol : "https", azure->account,
                             suffix ? suffix : "core.windows.net");
    if (!endpoint)
        return fail_setting(
            "storage.type is azure, but neither storage.azure.endpoint nor a connection-string says where it is");
    _cleanup_free_ char *address = remote_blob_address(endpoint);
    char *path = strchr(strstr(address, "://") + 3, '/');
    azure->prefix = xasprintf("%s/%s", path ? path : "", json_get_text(settings, "storage.azure.container", ""));
    azure->base = xstrndup(address, path ? (size_t)(path - address) : strlen(address));
    if (!azure->account) { /* "https://ACCOUNT.blob…" */
        const char *host = strstr(azure->base, "://") + 3;
        azure->account = xstrndup(host, strcspn(host, ".:"));
    }
    return 0;
}

static int take_authorization(Azure *azure, const json_t *settings)
{
    _cleanup_free_ char *key = setting(settings, "storage.azure.shared-key-account-access-key", "AccountKey");
    _cleanup_free_ char *token = setting(settings, "storage.azure.sas-token", "SharedAccessSignature");
    if (key) {
        int r = digest_from_base64(key, &azure->key, &azure->key_length);
        explicit_bzero(key, strlen(key));
        return r == 0 ? 0 : fail_setting("storage.azure.shared-key-account-access-key is not base64");
    }
    if (token)
        azure->sas_token = xstrdup(*token == '?' ? token + 1 : token);
    return 0;
}

int azure_new(json_t *settings, const RemoteBlobSettings *remote, Blob **ret)
{
    Azure *azure = xnew(Azure);
    azure->account = setting(settings, "storage.azure.shared-key-account-name", "AccountName");
    int r = take_endpoint(azure, settings);
    if (r == 0)
        r = take_authorization(azure, settings);
    if (r == 0)
        r = remote_blob_init(&azure->remote, &azure_driver, settings, remote);
    if (r != 0) {
        azure_free(&azure->remote);
        return r;
    }
    if (!azure->key && !azure->sas_token)
        azure->credentials = credentials_new(&(CredentialSettings){.kind = CREDENTIAL_AZURE, .http = remote->http});
    *ret = &azure->remote.blob;
    return 0;
}
