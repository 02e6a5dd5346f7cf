/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Small verbs over jansson, which is the common value type from this room upward. */
#include <jansson.h>

#include "base/buffer.h"
#include "base/diag.h"

/* json_decrefp is jansson's own */
#define _cleanup_json_ _cleanup_(json_decrefp)

enum {
    JSON_E_INVALID = 1,
};
/* Parses with a size limit (bytes_max 0: 64 MiB), refuses duplicate keys, accepts any value at the top. */
int json_parse(const char *text, size_t length, size_t bytes_max, json_t **ret, Diag *diag) _must_check_;
/* Compact text in insertion order; reals in their shortest exact form, as Jackson writes them (1.0, 1.0E10). */
void json_append(Buffer *buffer, const json_t *value);
char *json_text(const json_t *value);
/* Bytes of its text (escapes not counted); no more than bytes_max are counted. Costs next to nothing. */
size_t json_size(const json_t *value, size_t bytes_max);
/* Whether its text has more than so many bytes, likewise. */
bool json_exceeds(const json_t *value, size_t bytes);
/* Text of member `key`, or fallback when absent, null or not text. Borrowed. */
const char *json_get_text(const json_t *object, const char *key, const char *fallback);
int64_t json_get_integer(const json_t *object, const char *key, int64_t fallback);
bool json_get_boolean(const json_t *object, const char *key, bool fallback);
/* Sets key to text, or removes it when text is NULL. */
void json_set_text(json_t *object, const char *key, const char *text);
/* Steals value; NULL or JSON null removes the key. */
void json_set_present(json_t *object, const char *key, json_t *value);
/* "a.b[2].c" from the root; NULL when absent. Borrowed. */
json_t *json_at(const json_t *root, const char *path);
/* Deep merge as Kestra's MapUtils.merge: maps merge, lists concatenate, otherwise `over` wins; null never overrides.
 * New value; the inputs are not changed. */
json_t *json_merged(const json_t *base, const json_t *over);
