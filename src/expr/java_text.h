/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Values as text: Java's toString, and JSON as Jackson writes it with Kestra's settings. */
#include "base/buffer.h"
#include "expr/value.h"

#define JAVA_DOUBLE_BYTES 32
/* Double.toString (JDK 19 and later: the shortest digits that read back as the same number); returns the length. */
size_t java_double_format(double real, char ret[static JAVA_DOUBLE_BYTES]);
size_t java_float_format(float real, char ret[static JAVA_DOUBLE_BYTES]);
/* String.valueOf; texts are returned as they are, "null" for null. */
Value java_text(Arena *arena, const Value *value);
void java_append(Buffer *buffer, const Value *value);
/* True when a text is longer than any may become: what writes lists and maps stops then, because the same part can
 * stand in them many times over, and whoever takes the text refuses it. */
bool text_is_full(const Buffer *buffer);
/* JSON; null members of maps are left out, unless keep_nulls. */
void json_write(Buffer *buffer, const Value *value, bool keep_nulls);
/* A printed result: maps and lists as JSON, null as nothing, others as Java's text. */
void print_append(Buffer *buffer, const Value *value);
/* A JSON string with quotes and Jackson's escapes. */
void json_write_text(Buffer *buffer, const char *text, size_t length);
/* Dates in their ISO form (toString of the Java class). */
void date_append(Buffer *buffer, const Date *date);
