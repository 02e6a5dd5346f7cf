/* SPDX-License-Identifier: Apache-2.0 */
/*
 * h2o gives bodies whole, so parts are cut in place: no copying of file contents. The delimiter is looked for with
 * memmem, which is linear; a part counts only when its closing delimiter is there, so a truncated upload is refused.
 */
#include "web/multipart.h"

#include <ctype.h>
#include <strings.h>

/* Value of `key="…"` in a Content-Disposition header; backslash escapes of quotes are undone. NULL when absent. */
static const char *disposition_value(Arena *arena, const char *header, const char *key)
{
    size_t key_length = strlen(key);
    for (const char *at = strchr(header, ';'); at; at = strchr(at, ';')) {
        at++;
        at += strspn(at, " \t");
        if (strncasecmp(at, key, key_length) != 0 || at[key_length] != '=')
            continue;
        at += key_length + 1;
        if (*at != '"')
            return arena_strndup(arena, at, strcspn(at, "; \t"));
        char *value = arena_alloc(arena, strlen(at));
        size_t n = 0;
        for (at++; *at && *at != '"'; at++) {
            if (*at == '\\' && (at[1] == '"' || at[1] == '\\'))
                at++;
            value[n++] = *at;
        }
        value[n] = '\0';
        return value;
    }
    return NULL;
}

/* Reads the headers of a part in [text, end); returns where its content begins, or NULL. */
static const char *parse_headers(Arena *arena, const char *text, const char *end, MultipartPart *part)
{
    const char *blank = memmem(text, (size_t)(end - text), "\r\n\r\n", 4);
    if (!blank)
        return NULL;
    for (const char *line = text; line < blank;) {
        const char *stop = memmem(line, (size_t)(blank + 2 - line), "\r\n", 2);
        const char *header = arena_strndup(arena, line, (size_t)(stop - line));
        if (strncasecmp(header, "Content-Disposition:", 20) == 0) {
            part->name = disposition_value(arena, header, "name");
            part->file_name = disposition_value(arena, header, "filename");
        }
        line = stop + 2;
    }
    return part->name ? blank + 4 : NULL;
}

static int parse_parts(const HttpRequest *request, const char *boundary, MultipartParts *parts)
{
    const char *delimiter = arena_printf(request->arena, "\r\n--%s", boundary);
    size_t length = strlen(delimiter);
    const char *at = request->body, *end = request->body + request->body_length;
    /* The first delimiter may stand at the very beginning, without its line break. */
    if (request->body_length >= length - 2 && memcmp(at, delimiter + 2, length - 2) == 0)
        at += length - 2;
    else if ((at = memmem(at, request->body_length, delimiter, length)))
        at += length;
    else
        return MULTIPART_E_INVALID;
    for (;;) {
        if (end - at >= 2 && at[0] == '-' && at[1] == '-')
            return 0;
        while (at < end && (*at == ' ' || *at == '\t'))
            at++;
        if (end - at < 2 || at[0] != '\r' || at[1] != '\n' || parts->count >= MULTIPART_PARTS_MAX)
            return MULTIPART_E_INVALID;
        const char *close = memmem(at, (size_t)(end - at), delimiter, length);
        MultipartPart part = {};
        const char *content = close ? parse_headers(request->arena, at + 2, close + 2, &part) : NULL;
        if (!content)
            return MULTIPART_E_INVALID;
        part.data = content <= close ? content : close;
        part.length = content <= close ? (size_t)(close - content) : 0;
        vec_push(parts, part);
        at = close + length;
    }
}

int multipart_parse(const HttpRequest *request, MultipartParts *ret)
{
    MultipartParts parts = {};
    const char *type = http_media_type(request);
    if (type && request->body_length > 0) {
        const char *boundary = streq(type, "multipart/form-data") ? http_media_parameter(request, "boundary") : NULL;
        if (!boundary || !*boundary || strlen(boundary) > 200 || parse_parts(request, boundary, &parts) != 0) {
            vec_free(&parts);
            return MULTIPART_E_INVALID;
        }
    }
    ret->items = parts.items;
    ret->count = parts.count;
    ret->allocated = parts.allocated;
    return 0;
}
