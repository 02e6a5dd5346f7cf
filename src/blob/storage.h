/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Opens internal storage as the settings say. Only the worker and kestra-run do: nothing else may link this, for it
 * brings every driver along.
 */
#include "blob/blob.h"
#include "doc/conf.h"

/* The rows storage.* as one object by their names: texts, integers, booleans; durations in microseconds. Holds secrets,
 * so it goes to kestra-run over its socket, never by argument or environment. New. */
json_t *storage_settings(const Conf *conf);

enum { STORAGE_E_INVALID = 1 };
/* Opens without connecting. STORAGE_E_INVALID, or an outage: *ret_error says why, new, without a secret. A reference of
 * settings may be kept. */
int storage_open(json_t *settings, Blob **ret, char **ret_error) _must_check_;
