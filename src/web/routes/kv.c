/* SPDX-License-Identifier: Apache-2.0 */
/* The key-value store of a namespace (spec/api.md 5.8): objects of internal storage, reached through a worker. */
#include "plugin/kv.h"
#include "base/clock.h"
#include "web/routes/query.h"
#include "web/routes/routes.h"
#include "web/routes/storage.h"
#include "when/duration.h"

static int refuse(const HttpRequest *request, HttpResponse *response, int r)
{
    const char *key = http_parameter(request, "key"), *namespace = http_parameter(request, "namespace");
    switch (r) {
    case KV_E_NONE:
        return http_reason(request, response, 404, "No value found for key '%s' in namespace '%s'", key, namespace);
    case KV_E_EXPIRED:
        return http_error(request, response, 410, "Resource has expired: The requested value has expired");
    case KV_E_KEY:
        return http_error(
            request, response, 422,
            "Illegal argument: Key must start with an alphanumeric character (uppercase or lowercase) and can "
            "contain alphanumeric characters (uppercase or lowercase), dots (.), underscores (_), and hyphens (-) "
            "only.");
    case KV_E_NAME:
        return http_error(request, response, 422,
                          "Illegal argument: the key has %d bytes at most, and a namespace %d between two dots",
                          KV_KEY_BYTES_MAX, BLOB_NAME_BYTES_MAX);
    case KV_E_LARGE:
        return http_error(request, response, 413, "Request Entity Too Large: the value has %d bytes at most",
                          KV_VALUE_BYTES_MAX);
    default:
        return storage_refuse(request, response, r);
    }
}

static int list(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    _cleanup_(blob_freep) Blob *blob = NULL;
    _cleanup_(kv_entries_done) KvEntries entries = {};
    int r = storage_open(session, &blob);
    if (r == 0)
        r = kv_list(blob, http_parameter(request, "namespace"), NULL, clock_realtime(), &entries);
    if (r != 0)
        return refuse(request, response, r);
    json_t *answer = json_array();
    for (size_t i = 0; i < entries.count; i++) {
        json_t *entry = json_object();
        json_set_text(entry, "key", entries.items[i].key);
        json_object_set_new(entry, "creationDate", http_date_value(entries.items[i].updated));
        json_object_set_new(entry, "updateDate", http_date_value(entries.items[i].updated));
        if (entries.items[i].expires)
            json_object_set_new(entry, "expirationDate", http_date_value(entries.items[i].expires));
        json_array_append_new(answer, entry);
    }
    return http_json(response, 200, answer);
}

static int get(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    _cleanup_(blob_freep) Blob *blob = NULL;
    json_t *value = NULL;
    const char *type;
    int r = storage_open(session, &blob);
    if (r == 0)
        r = kv_get_typed(blob, http_parameter(request, "namespace"), http_parameter(request, "key"), clock_realtime(),
                         &value, &type);
    if (r != 0)
        return refuse(request, response, r);
    json_t *answer = json_object();
    json_set_text(answer, "type", type);
    if (json_is_null(value))
        json_decref(value);
    else
        json_object_set_new(answer, "value", value);
    return http_json(response, 200, answer);
}

/* Digits stay as they are written: no number of ours holds them all. */
static bool is_number(const char *text)
{
    const char *digits = text + (*text == '-');
    size_t whole = strspn(digits, "0123456789");
    if (whole == 0 || (*digits == '0' && whole > 1))
        return false;
    const char *rest = digits + whole;
    if (*rest == '.' && strspn(rest + 1, "0123456789") > 0)
        rest += 1 + strspn(rest + 1, "0123456789");
    if (*rest == 'e' || *rest == 'E') {
        rest += 1 + (rest[1] == '+' || rest[1] == '-');
        size_t exponent = strspn(rest, "0123456789");
        if (exponent == 0)
            return false;
        rest += exponent;
    }
    return !*rest;
}

/* JSON, a bare date, or else a text as it stands; what begins as JSON and is none is refused: NULL. *ret_type: of a
 * number or date. New. */
static json_t *read_value(const HttpRequest *request, const char **ret_type)
{
    json_t *value = NULL;
    usec_t date;
    size_t begin = 0, end = request->body_length;
    while (begin < end && strchr(" \t\r\n", request->body[begin]))
        begin++;
    while (end > begin && strchr(" \t\r\n", request->body[end - 1]))
        end--;
    _cleanup_free_ char *text = xstrndup(request->body + begin, end - begin);
    bool is_day = strlen(text) == strlen("2024-05-01") && text[4] == '-' && text[7] == '-' &&
                  strspn(text, "0123456789-") == strlen(text);
    *ret_type = is_number(text) ? "NUMBER" : is_day ? "DATE" : instant_parse(text, &date) == 0 ? "DATETIME" : NULL;
    if (*ret_type)
        return json_string(text);
    if (json_parse(text, strlen(text), 0, &value, NULL) == 0)
        return value;
    return *text && !strchr("{[\"", *text) ? json_string(text) : NULL;
}

static int put(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    KvPut entry = {
        .namespace = http_parameter(request, "namespace"), .key = http_parameter(request, "key"), .overwrite = true};
    const char *ttl = http_header(request, "ttl");
    _cleanup_(blob_freep) Blob *blob = NULL;
    _cleanup_json_ json_t *value = read_value(request, &entry.type);
    if (!value)
        return http_error(request, response, 422, "Invalid json: the value is empty or broken JSON");
    if (ttl && *ttl && duration_parse(ttl, &entry.ttl_usec) != 0)
        return http_error(request, response, 422, "Internal server error: header ttl: '%s' is not a duration", ttl);
    entry.value = value;
    int r = storage_open(session, &blob);
    if (r == 0)
        r = kv_put(blob, &entry, clock_realtime());
    if (r == KV_E_VALUE)
        return http_error(request, response, 422, "Invalid json: '%s' is no %s", json_string_value(value), entry.type);
    return r != 0 ? refuse(request, response, r) : http_empty(response, 200);
}

static int delete (WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    _cleanup_(blob_freep) Blob *blob = NULL;
    bool existed = false;
    int r = storage_open(session, &blob);
    if (r == 0)
        r = kv_delete(blob, http_parameter(request, "namespace"), http_parameter(request, "key"), &existed);
    return r != 0 ? refuse(request, response, r) : http_json(response, 200, json_boolean(existed));
}

static int delete_many(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    _cleanup_(blob_freep) Blob *blob = NULL;
    _cleanup_json_ json_t *body = NULL, *gone = json_array();
    size_t i;
    json_t *key;
    if (!query_body(request, response, &body))
        return 0;
    int r = storage_open(session, &blob);
    json_array_foreach (json_object_get(body, "keys"), i, key) {
        bool existed = false;
        if (r == 0 && json_is_string(key) && kv_key_is_valid(json_string_value(key)))
            r = kv_delete(blob, http_parameter(request, "namespace"), json_string_value(key), &existed);
        if (existed)
            json_array_append(gone, key);
    }
    return r != 0 ? refuse(request, response, r) : http_json(response, 200, json_pack("{s:O}", "keys", gone));
}

#define KV "/api/v1/namespaces/{namespace}/kv"
static const Route rows[] = {
    {HTTP_GET, KV, list, PERMISSION_NAMESPACE_READ, NULL, "listKeys", .pool = ROUTE_POOL_STORAGE},
    {HTTP_GET, KV "/{key}", get, PERMISSION_NAMESPACE_READ, NULL, "getKeyValue", .pool = ROUTE_POOL_STORAGE},
    {HTTP_PUT, KV "/{key}", put, PERMISSION_NAMESPACE_WRITE, NULL, "setKeyValue", .large = true,
     .pool = ROUTE_POOL_STORAGE},
    {HTTP_DELETE, KV "/{key}", delete, PERMISSION_NAMESPACE_WRITE, NULL, "deleteKeyValue", .pool = ROUTE_POOL_STORAGE},
    {HTTP_DELETE, KV, delete_many, PERMISSION_NAMESPACE_WRITE, NULL, "deleteKeyValues", .pool = ROUTE_POOL_STORAGE},
};
const RouteTable routes_kv = ROUTE_TABLE("KV", rows);
