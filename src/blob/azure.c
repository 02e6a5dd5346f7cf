/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Block blobs. What fits in one part is one Put Blob; more is staged as blocks, which nobody sees until Put Block List.
 * Blocks that are given up go by themselves after a week. Each request carries its MD5, which the server checks, and the
 * blob that of all its bytes, which comes back when it is read.
 */
#include "blob/azure.h"

#include "base/clock.h"
#include "blob/xml.h"

#define API_VERSION "2021-08-06"
enum { BLOCK_ID_BYTES = 16 };

typedef struct Azure {
    RemoteBlob remote;
    char *base;      /* "https://account.blob.core.windows.net" */
    char *prefix;    /* "/container", behind "/account" when the endpoint has a path */
    char *account;
    uint8_t *key;    /* NULL: the SAS token authorizes */
    size_t key_length;
    char *sas_token; /* without "?"; or NULL */
} Azure;

static const Azure *azure_of(const RemoteBlob *blob)
{
    return (const Azure *)blob;
}

static int azure_sign(void *userdata, RemoteRequest *request, usec_t now)
{
    const Azure *azure = userdata;
    char date[REMOTE_DATE_BYTES];
    remote_format_date(now, date);
    remote_add_header(&request->signature, "x-ms-date: %s", date);
    remote_add_header(&request->signature, "x-ms-version: " API_VERSION);
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
    _cleanup_(remote_request_done) RemoteRequest request = {.method = "PUT", .body = whole->bytes, .length = whole->length};
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
    _cleanup_free_ char *body = xasprintf("<?xml version=\"1.0\" encoding=\"utf-8\"?><BlockList>%s</BlockList>",
                                          buffer_text(&upload->parts));
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
    *ret = (BlobEntry){.uri = xasprintf("kestra:///%s", key), .size_bytes = length ? strtoimax(length, NULL, 10) : 0,
                       .modified = remote_parse_date(remote_header(&answer, "last-modified"))};
    return 0;
}

typedef struct Page {
    BlobEntries *entries;
    char *name, *next;
    int64_t size;
    usec_t modified;
    bool is_page;
} Page;

static void page_name(Page *page, const char *text)
{
    free(page->name);
    page->name = xstrdup(text);
}

static void page_size(Page *page, const char *text)
{
    page->size = strtoimax(text, NULL, 10);
}

static void page_modified(Page *page, const char *text)
{
    page->modified = remote_parse_date(text);
}

static void page_blob(Page *page, const char *text)
{
    if (page->name)
        remote_blob_add_entry(page->entries, page->name, page->size, page->modified);
    free(TAKE_PTR(page->name));
    page->size = 0;
    page->modified = 0;
}

static void page_next(Page *page, const char *text)
{
    free(page->next);
    page->next = *text ? xstrdup(text) : NULL;
}

static void page_end(Page *page, const char *text)
{
    page->is_page = true;
}

#define LIST "EnumerationResults"
static const struct {
    const char *path;
    void (*take)(Page *page, const char *text);
} page_elements[] = {
    {LIST "/Blobs/Blob/Name", page_name},
    {LIST "/Blobs/Blob/Properties/Content-Length", page_size},
    {LIST "/Blobs/Blob/Properties/Last-Modified", page_modified},
    {LIST "/Blobs/Blob", page_blob},
    {LIST "/NextMarker", page_next},
    {LIST, page_end},
};

int azure_parse_list(const char *text, size_t length, BlobEntries *ret, char **ret_next)
{
    Page page = {.entries = ret};
    Xml xml;
    int r;
    xml_begin(&xml, text, length);
    while ((r = xml_next(&xml)) == 0)
        for (size_t i = 0; i < ELEMENTS(page_elements); i++)
            if (streq(page_elements[i].path, xml.path))
                page_elements[i].take(&page, buffer_text(&xml.text));
    xml_done(&xml);
    free(page.name);
    if (r != XML_E_END || !page.is_page) {
        free(page.next);
        return BLOB_E_INVALID;
    }
    *ret_next = page.next;
    return 0;
}

static int azure_list(const RemoteBlob *blob, const char *prefix, char **marker, BlobEntries *ret)
{
    _cleanup_(remote_request_done) RemoteRequest request = {.method = "GET"};
    _cleanup_(remote_answer_done) RemoteAnswer answer = {};
    Buffer query = {};
    char *next;
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
    int r = remote_exchange(blob->remote, &request, &answer);
    if (r != 0)
        return r;
    if (azure_parse_list(buffer_text(&answer.body), answer.body.length, ret, &next) != 0) {
        blob_set_reason("Azure storage gave a list that cannot be read");
        return outage(-EPROTO);
    }
    free(*marker);
    *marker = next;
    return 0;
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

static int azure_delete_many(const RemoteBlob *blob, const char *const *keys, size_t count)
{
    int r = 0;
    bool existed;
    for (size_t i = 0; r == 0 && i < count; i++)
        r = azure_delete(blob, keys[i], &existed);
    return r;
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
    free(azure);
}

static const RemoteDriver azure_driver = {
    .http = {.name = "Azure", .sign = azure_sign, .explain = azure_explain, .no_container = "ContainerNotFound"},
    .wants_md5 = true,
    .parts_max = 50000,
    .deletes_max = 1000,
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
        return fail_setting("storage.type is azure, but neither storage.azure.endpoint nor a connection-string says where it is");
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
    if (!token)
        return fail_setting("storage.type is azure, but no key, sas-token or connection-string authorizes it");
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
    *ret = &azure->remote.blob;
    return 0;
}
