/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The key-value store of namespaces: one object kestra:///<ns>/_kv/<key>.ion each, its content Ion text (of which JSON
 * is a part), and a sidecar <key>.ion.metadata with the date it expires. Source: io.kestra.core.storages.kv.
 */
#include "blob/blob.h"
#include "doc/json.h"

enum {
    KV_E_NONE = 1,    /* no such key */
    KV_E_EXPIRED = 2, /* there was one; it has been removed now */
    KV_E_EXISTS = 3,  /* kv_put without overwrite */
    KV_E_KEY = 4,     /* the key has characters that keys do not have */
    KV_E_VALUE = 5,   /* the value does not fit the type */
    KV_E_NAME = 6,    /* the key has more than KV_KEY_BYTES_MAX bytes, or the namespace is too long for a file's name */
    KV_E_LARGE = 7,   /* the value has more than KV_VALUE_BYTES_MAX bytes as text */
};
enum {
    KV_KEY_BYTES_MAX = 242, /* what a file's name leaves of its 255 */
    KV_VALUE_BYTES_MAX = 16 * 1024 * 1024,
};

/* Types of spec/api.md 6.9: STRING NUMBER BOOLEAN DATETIME DATE DURATION JSON; ends with NULL. */
extern const char *const kv_types[];

typedef struct KvPut {
    const char *namespace, *key;
    const json_t *value;
    const char *type; /* one of kv_types; NULL: as the value is */
    usec_t ttl_usec;  /* 0: for ever */
    bool overwrite;
} KvPut;
bool kv_key_is_valid(const char *key);
int kv_put(const Blob *blob, const KvPut *put, usec_t now) _must_check_;
/* New value. Dates, and numbers whose digits would change, come as texts. */
int kv_get(const Blob *blob, const char *namespace, const char *key, usec_t now, json_t **ret) _must_check_;
/* The same with its type (one of kv_types), as the text tells it. */
int kv_get_typed(const Blob *blob, const char *namespace, const char *key, usec_t now, json_t **ret,
                 const char **ret_type) _must_check_;
int kv_delete(const Blob *blob, const char *namespace, const char *key, bool *ret_existed) _must_check_;

typedef struct KvEntry {
    char *key;
    usec_t updated, expires; /* expires 0: never */
} KvEntry;
typedef VEC(KvEntry) KvEntries;
void kv_entries_done(KvEntries *entries);
/* By key; expired ones are left out. prefix may be NULL. */
int kv_list(const Blob *blob, const char *namespace, const char *prefix, usec_t now, KvEntries *ret) _must_check_;
