/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A growing text. `text` is always terminated once anything was appended; an untouched Buffer is {} and holds
 * NULL, so read it with buffer_text(). Not for text whose size a user controls without a limit.
 */
#include "base/base.h"

typedef struct Buffer {
    char *text;
    size_t length, allocated;
} Buffer;

void buffer_done(Buffer *buffer);
#define _cleanup_buffer_ _cleanup_(buffer_done)
void buffer_append(Buffer *buffer, const char *text);
void buffer_append_n(Buffer *buffer, const char *bytes, size_t length);
void buffer_append_char(Buffer *buffer, char c);
void buffer_printf(Buffer *buffer, const char *format, ...) _printf_(2, 3);
/* "64 MiB", "1.5 GiB", "512 bytes": for people. */
void buffer_append_size(Buffer *buffer, uint64_t bytes);
/* Appends text as a JSON string with quotes; invalid UTF-8 becomes U+FFFD. */
void buffer_append_json(Buffer *buffer, const char *text);
/* Appends text with every byte that is not part of well-formed UTF-8 replaced by U+FFFD. */
void buffer_append_utf8(Buffer *buffer, const char *text);
/* Appends what names of internal storage are made of (flows, tasks): lower case, whitespace and `_` become `-`, other
 * characters but letters, digits and `-` go; no `-` at either end, no two in a row. */
void buffer_append_slug(Buffer *buffer, const char *text, size_t length);
/* Makes it empty, keeps the memory. */
void buffer_clear(Buffer *buffer);
/* Never NULL; borrowed until the next change. */
const char *buffer_text(const Buffer *buffer);
/* Hands the text to the caller (never NULL) and leaves the buffer empty. */
char *buffer_take(Buffer *buffer);
