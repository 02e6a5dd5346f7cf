/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values are written as JSON, which every Ion reader takes; dates and durations are written bare, as Kestra does, so
 * that it reads them with their type. Reading takes JSON, and keeps everything else that is one word as text.
 */
#include "plugin/kv.h"

#include <ctype.h>

#include "base/clock.h"
#include "when/duration.h"

enum { METADATA_BYTES_MAX = 4096 };
#define SUFFIX   ".ion"
#define METADATA ".metadata"

const char *const kv_types[] = {"STRING", "NUMBER", "BOOLEAN", "DATETIME", "DATE", "DURATION", "JSON", NULL};

bool kv_key_is_valid(const char *key)
{
    if (!isalnum((unsigned char)*key) || strstr(key, ".."))
        return false;
    for (; *key; key++)
        if (!isalnum((unsigned char)*key) && !strchr("._-", *key))
            return false;
    return true;
}

static int check_key(const char *key)
{
    return !kv_key_is_valid(key) ? KV_E_KEY : strlen(key) > KV_KEY_BYTES_MAX ? KV_E_NAME : 0;
}

/* What blob functions answer, as our functions do. */
static int outcome_of(int r)
{
    return r == BLOB_E_ABSENT ? KV_E_NONE : r == BLOB_E_NAME ? KV_E_NAME : fold(r);
}

static char *directory_uri(const char *namespace)
{
    _cleanup_free_ char *files = blob_namespace_files_uri(namespace);
    return xasprintf("%.*s_kv", (int)(strlen(files) - strlen("_files")), files);
}

static char *uri_of(const char *namespace, const char *key)
{
    _cleanup_free_ char *directory = directory_uri(namespace);
    return xasprintf("%s/%s" SUFFIX, directory, key);
}

/* --- values as Ion text --- */

static char *number_text(const json_t *value)
{
    if (json_is_number(value))
        return json_text(value);
    char *end;
    const char *text = json_string_value(value);
    if (!text || (strtod(text, &end), end == text || *end != '\0'))
        return NULL;
    return xstrdup(text);
}

static char *boolean_text(const json_t *value)
{
    if (json_is_boolean(value))
        return json_text(value);
    const char *text = json_string_value(value);
    return text && (strcasecmp(text, "true") == 0 || strcasecmp(text, "false") == 0)
               ? xstrdup(strcasecmp(text, "true") == 0 ? "true" : "false")
               : NULL;
}

static char *date_time_text(const json_t *value)
{
    usec_t instant;
    const char *text = json_string_value(value);
    return text && instant_parse(text, &instant) == 0 ? xstrdup(text) : NULL;
}

static char *date_text(const json_t *value)
{
    const char *text = json_string_value(value);
    _cleanup_free_ char *midnight =
        text && strlen(text) == strlen("2024-05-01") ? xasprintf("%sT00:00:00Z", text) : NULL;
    usec_t instant;
    return midnight && instant_parse(midnight, &instant) == 0 ? xstrdup(text) : NULL;
}

/* Seconds with nine digits, as Jackson writes a java.time.Duration. */
static char *duration_text(const json_t *value)
{
    usec_t duration;
    const char *text = json_string_value(value);
    if (!text || duration_parse(text, &duration) != 0)
        return NULL;
    return xasprintf("%" PRIu64 ".%06" PRIu64 "000", duration / USEC_PER_SEC, duration % USEC_PER_SEC);
}

static char *document_text(const json_t *value)
{
    json_t *parsed;
    if (!json_is_string(value))
        return json_text(value);
    if (json_parse(json_string_value(value), json_string_length(value), 0, &parsed, NULL) != 0)
        return NULL;
    char *text = json_text(parsed);
    json_decref(parsed);
    return text;
}

static char *string_text(const json_t *value)
{
    _cleanup_json_ json_t *text = NULL;
    if (json_is_string(value))
        return json_text(value);
    _cleanup_free_ char *plain = json_text(value);
    text = json_string(plain);
    return json_text(text);
}

static const struct {
    const char *type;
    char *(*text)(const json_t *value); /* NULL: it does not fit */
} encodings[] = {
    {"STRING", string_text}, {"NUMBER", number_text},     {"BOOLEAN", boolean_text}, {"DATETIME", date_time_text},
    {"DATE", date_text},     {"DURATION", duration_text}, {"JSON", document_text},
};

static char *encode(const json_t *value, const char *type)
{
    if (!type)
        return json_text(value);
    for (size_t i = 0; i < ELEMENTS(encodings); i++)
        if (streq(encodings[i].type, type))
            return encodings[i].text(value);
    return NULL;
}

static json_t *decode(const char *text, size_t length)
{
    json_t *value;
    if (json_parse(text, length, 0, &value, NULL) != 0)
        return json_stringn(text, length);
    if (!json_is_real(value))
        return value;
    _cleanup_free_ char *again = json_text(value);
    if (streq(again, text))
        return value;
    json_decref(value);
    return json_stringn(text, length);
}

/* --- expiry --- */

static int write_metadata(const Blob *blob, const char *uri, usec_t expires)
{
    char date[INSTANT_BYTES];
    _cleanup_free_ char *metadata = xasprintf("%s" METADATA, uri);
    bool existed;
    if (expires == 0)
        return blob_delete(blob, metadata, &existed);
    instant_format(expires, date);
    _cleanup_free_ char *text = xasprintf("{expirationDate:\"%s\"}", date);
    return blob_write(blob, metadata, text, strlen(text));
}

/* 0: it does not expire. */
static usec_t read_expiry(const Blob *blob, const char *uri)
{
    _cleanup_free_ char *metadata = xasprintf("%s" METADATA, uri), *text = NULL;
    size_t length;
    if (blob_read(blob, metadata, METADATA_BYTES_MAX, &text, &length) != 0)
        return 0;
    const char *name = strstr(text, "expirationDate");
    const char *quote = name ? strchr(name + strlen("expirationDate") + (name > text && name[-1] == '"'), '"') : NULL;
    if (!quote)
        return 0;
    _cleanup_free_ char *date = xstrndup(quote + 1, strcspn(quote + 1, "\""));
    usec_t expires;
    return instant_parse(date, &expires) == 0 ? expires : 0;
}

/* --- verbs --- */

int kv_delete(const Blob *blob, const char *namespace, const char *key, bool *ret_existed)
{
    bool existed;
    int r = check_key(key);
    if (r != 0)
        return r;
    _cleanup_free_ char *uri = uri_of(namespace, key);
    r = blob_delete(blob, uri, ret_existed);
    if (r == 0 && *ret_existed) {
        _cleanup_free_ char *metadata = xasprintf("%s" METADATA, uri);
        r = blob_delete(blob, metadata, &existed);
    }
    return outcome_of(r);
}

/* KV_E_NONE, KV_E_EXPIRED (and then it is removed), or 0. */
static int check_alive(const Blob *blob, const KvPut *key, const char *uri, usec_t now)
{
    BlobEntry entry;
    bool existed;
    int r = blob_stat(blob, uri, &entry);
    if (r != 0)
        return outcome_of(r);
    blob_entry_done(&entry);
    usec_t expires = read_expiry(blob, uri);
    if (expires == 0 || expires > now)
        return 0;
    r = kv_delete(blob, key->namespace, key->key, &existed);
    return r == 0 ? KV_E_EXPIRED : fold(r);
}

int kv_put(const Blob *blob, const KvPut *put, usec_t now)
{
    int r = check_key(put->key);
    if (r != 0)
        return r;
    _cleanup_free_ char *text = encode(put->value, put->type), *uri = uri_of(put->namespace, put->key);
    if (!text)
        return KV_E_VALUE;
    if (strlen(text) > KV_VALUE_BYTES_MAX)
        return KV_E_LARGE;
    if (!put->overwrite) {
        r = check_alive(blob, put, uri, now);
        if (r <= 0 || r == KV_E_NAME)
            return r == 0 ? KV_E_EXISTS : r;
    }
    r = blob_write(blob, uri, text, strlen(text));
    if (r == 0)
        r = write_metadata(blob, uri, put->ttl_usec ? now + put->ttl_usec : 0);
    return outcome_of(r);
}

/* What a reader of Ion would take the text for. */
static const char *type_of(const char *text, const json_t *value)
{
    usec_t duration;
    _cleanup_json_ json_t *own = json_string(text);
    if (json_is_object(value) || json_is_array(value))
        return "JSON";
    if (json_is_boolean(value))
        return "BOOLEAN";
    _cleanup_free_ char *number = number_text(value), *bare_number = number_text(own);
    if (json_is_number(value) || (bare_number && number))
        return "NUMBER";
    if (*text == '"') /* a text that reads as a duration is one */
        return json_is_string(value) && *json_string_value(value) == 'P' &&
                       duration_parse(json_string_value(value), &duration) == 0
                   ? "DURATION"
                   : "STRING";
    _cleanup_free_ char *date = date_text(own), *date_time = date_time_text(own);
    return date ? "DATE" : date_time ? "DATETIME" : "STRING";
}

int kv_get_typed(const Blob *blob, const char *namespace, const char *key, usec_t now, json_t **ret,
                 const char **ret_type)
{
    int r = check_key(key);
    if (r != 0)
        return r;
    _cleanup_free_ char *uri = uri_of(namespace, key), *text = NULL;
    size_t length;
    r = check_alive(blob, &(KvPut){.namespace = namespace, .key = key}, uri, now);
    if (r != 0)
        return r;
    r = blob_read(blob, uri, KV_VALUE_BYTES_MAX, &text, &length);
    if (r != 0)
        return outcome_of(r);
    *ret = decode(text, length);
    *ret_type = type_of(text, *ret);
    return *ret ? 0 : outage(-EBADMSG);
}

int kv_get(const Blob *blob, const char *namespace, const char *key, usec_t now, json_t **ret)
{
    const char *type;
    return kv_get_typed(blob, namespace, key, now, ret, &type);
}

int kv_list(const Blob *blob, const char *namespace, const char *prefix, usec_t now, KvEntries *ret)
{
    _cleanup_free_ char *directory = directory_uri(namespace);
    _cleanup_(blob_entries_done) BlobEntries entries = {};
    *ret = (KvEntries){};
    int r = blob_list(blob, directory, &entries);
    for (size_t i = 0; r == 0 && i < entries.count; i++) {
        const char *name = entries.items[i].uri + strlen(directory) + 1;
        if (!ends_with(name, SUFFIX) || strchr(name, '/') || (prefix && !starts_with(name, prefix)))
            continue;
        usec_t expires = read_expiry(blob, entries.items[i].uri);
        if (expires == 0 || expires > now)
            vec_push(ret, (KvEntry){.key = xstrndup(name, strlen(name) - strlen(SUFFIX)),
                                    .updated = entries.items[i].modified,
                                    .expires = expires});
    }
    return outcome_of(r);
}

void kv_entries_done(KvEntries *entries)
{
    for (size_t i = 0; i < entries->count; i++)
        free(entries->items[i].key);
    vec_free(entries);
}
