/* SPDX-License-Identifier: Apache-2.0 */
/* The text that a shared key signs. Source: "Authorize with Shared Key" of Microsoft's REST manual for storage. */
#include "blob/azure.h"

static const char *find_header(const RemoteRequest *request, const char *name)
{
    const RemoteHeaders *const lists[] = {&request->headers, &request->signature};
    size_t length = strlen(name);
    for (size_t l = 0; l < ELEMENTS(lists); l++)
        for (size_t i = 0; i < lists[l]->count; i++) {
            const char *line = lists[l]->items[i];
            if (strncmp(line, name, length) == 0 && line[length] == ':')
                return line + length + 1 + strspn(line + length + 1, " ");
        }
    return "";
}

static int compare_names(const void *a, const void *b)
{
    const char *left = *(const char *const *)a, *right = *(const char *const *)b;
    size_t left_length = strcspn(left, ":="), right_length = strcspn(right, ":=");
    int order = memcmp(left, right, MIN(left_length, right_length));
    return order != 0 ? order : (left_length > right_length) - (left_length < right_length);
}

/* All x-ms-* headers, sorted. */
static void append_own_headers(const RemoteRequest *request, Buffer *text)
{
    const RemoteHeaders *const lists[] = {&request->headers, &request->signature};
    VEC(const char *) lines = {};
    for (size_t l = 0; l < ELEMENTS(lists); l++)
        for (size_t i = 0; i < lists[l]->count; i++)
            if (starts_with(lists[l]->items[i], "x-ms-"))
                vec_push(&lines, lists[l]->items[i]);
    if (lines.count > 0)
        qsort(lines.items, lines.count, sizeof *lines.items, compare_names);
    for (size_t i = 0; i < lines.count; i++) {
        size_t name = strcspn(lines.items[i], ":");
        const char *value = lines.items[i] + name + 1;
        buffer_printf(text, "%.*s:%s\n", (int)name, lines.items[i], value + strspn(value, " "));
    }
    vec_free(&lines);
}

/* The account, the path as it is sent, and each parameter of the query, unescaped, in a line of its own. */
static void append_resource(const char *account, const RemoteRequest *request, Buffer *text)
{
    _cleanup_free_ char *query = xstrdup(request->query ? request->query : "");
    VEC(char *) parameters = {};
    char *rest = query;
    for (char *one; (one = strsep(&rest, "&"));)
        if (*one)
            vec_push(&parameters, one);
    if (parameters.count > 0)
        qsort(parameters.items, parameters.count, sizeof *parameters.items, compare_names);
    buffer_printf(text, "/%s%s", account, request->path);
    for (size_t i = 0; i < parameters.count; i++) {
        char *value = parameters.items[i] + strcspn(parameters.items[i], "=");
        if (*value)
            *value++ = '\0';
        remote_decode(value);
        buffer_printf(text, "\n%s:%s", parameters.items[i], value);
    }
    vec_free(&parameters);
}

char *azure_string_to_sign(const char *account, const RemoteRequest *request)
{
    static const char *const names[] = {"date",          "if-modified-since",   "if-match",
                                        "if-none-match", "if-unmodified-since", "range"};
    Buffer text = {};
    buffer_printf(&text, "%s\n%s\n%s\n", request->method, find_header(request, "content-encoding"),
                  find_header(request, "content-language"));
    if (request->length > 0)
        buffer_printf(&text, "%zu", request->length);
    buffer_printf(&text, "\n%s\n%s\n", find_header(request, "content-md5"), find_header(request, "content-type"));
    for (size_t i = 0; i < ELEMENTS(names); i++)
        buffer_printf(&text, "%s\n", find_header(request, names[i]));
    append_own_headers(request, &text);
    append_resource(account, request, &text);
    return buffer_take(&text);
}
