/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values are replaced longest first, so that a secret which contains another is hidden as a whole. A secret of several
 * lines is also known line by line, because a task's output reaches the log by lines.
 */
#include "plugin/mask.h"

#include "base/buffer.h"

enum { VALUE_BYTES_MIN = 2, LINE_BYTES_MIN = 6 };

static void add_one(Mask *mask, const char *value, size_t length)
{
    for (size_t i = 0; i < mask->values.count; i++)
        if (strlen(mask->values.items[i]) == length && strncmp(mask->values.items[i], value, length) == 0)
            return;
    vec_push(&mask->values, NULL);
    size_t at = mask->values.count - 1;
    for (; at > 0 && strlen(mask->values.items[at - 1]) < length; at--)
        mask->values.items[at] = mask->values.items[at - 1];
    mask->values.items[at] = xstrndup(value, length);
}

void mask_add(Mask *mask, const char *value)
{
    size_t length = strlen(value);
    if (length < VALUE_BYTES_MIN)
        return;
    add_one(mask, value, length);
    if (!strchr(value, '\n'))
        return;
    for (const char *line = value; *line;) {
        size_t n = strcspn(line, "\r\n");
        if (n >= LINE_BYTES_MIN)
            add_one(mask, line, n);
        line += n;
        line += strspn(line, "\r\n");
    }
}

void mask_done(Mask *mask)
{
    for (size_t i = 0; i < mask->values.count; i++) {
        explicit_bzero(mask->values.items[i], strlen(mask->values.items[i]));
        free(mask->values.items[i]);
    }
    vec_free(&mask->values);
}

static void append_stars(Buffer *result, const char *value)
{
    static const char word[] = "**masked*";
    size_t characters = 0;
    for (const char *c = value; *c; c++)
        characters += ((unsigned char)*c & 0xC0) != 0x80;
    size_t written = 0;
    if (characters >= sizeof word - 1) {
        buffer_append(result, word);
        written = sizeof word - 1;
    }
    for (; written < characters; written++)
        buffer_append_char(result, '*');
}

static char *replace_value(const char *text, const char *value)
{
    const char *found = strstr(text, value);
    if (!found)
        return NULL;
    Buffer result = {};
    size_t length = strlen(value);
    for (; found; text = found + length, found = strstr(text, value)) {
        buffer_append_n(&result, text, (size_t)(found - text));
        append_stars(&result, value);
    }
    buffer_append(&result, text);
    return buffer_take(&result);
}

char *mask_apply(const Mask *mask, const char *text)
{
    char *result = NULL;
    for (size_t i = 0; i < mask->values.count; i++) {
        char *next = replace_value(result ? result : text, mask->values.items[i]);
        if (next) {
            free(result);
            result = next;
        }
    }
    return result;
}
