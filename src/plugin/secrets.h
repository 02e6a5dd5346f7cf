/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Where secret('key') looks, in this order: the file SECRET_<KEY> of systemd's credentials directory (its text as it
 * is, without a final line break), then the environment variable SECRET_<KEY> (base/private_env.h), base64-encoded. <KEY> is the key in
 * capitals.
 */
#include "base/base.h"

enum {
    SECRETS_E_NONE = 1,   /* no such secret */
    SECRETS_E_BROKEN = 2, /* there is one, but it is not base64, or not readable */
};
/* Caller frees, and wipes when it cares. */
int secrets_get(const char *key, char **ret) _must_check_;
/* The credential of that name that systemd gave to this program; else `fallback`, if it is not empty; else NULL. Caller
 * frees. */
char *secrets_credential(const char *name, const char *fallback);
/* Standard base64 with line breaks; terminated; SECRETS_E_BROKEN when it is not, or when it holds a NUL. */
int secrets_decode(const char *base64, char **ret) _must_check_;
