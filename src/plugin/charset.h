/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Texts in other charsets than UTF-8, by the names of iconv. */
#include "base/base.h"

enum {
    CHARSET_E_UNKNOWN = 1,
};
/* Bytes of a charset as UTF-8 without NULs; what is not text in it becomes U+FFFD. Caller frees. */
int charset_decode(const char *charset, const char *bytes, size_t length, char **ret) _must_check_;
/* UTF-8 as bytes of a charset; what it cannot say becomes '?'. Caller frees. */
int charset_encode(const char *charset, const char *text, char **ret, size_t *ret_length) _must_check_;
/* "latin1" of "text/plain; charset=latin1", or NULL. Caller frees. */
char *charset_of(const char *content_type);
