/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Settings that the server itself keeps (key → JSON): the administrator's password hash, the instance's uuid … */
#include "store/store.h"

/* STORE_E_NONE. New. */
int store_setting_get(Pg *pg, const char *key, json_t **ret) _must_check_;
int store_setting_set(Pg *pg, const char *key, const json_t *value) _must_check_;
/* Sets only when there is none; *ret is what is stored then (new): several processes agree on the first value. */
int store_setting_get_or_set(Pg *pg, const char *key, const json_t *value, json_t **ret) _must_check_;
int store_setting_delete(Pg *pg, const char *key) _must_check_;
