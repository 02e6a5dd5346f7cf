/* SPDX-License-Identifier: Apache-2.0 */
/* Properties → HttpRequest. Everything is rendered before anything is sent. */
#include <unistd.h>

#include "base/buffer.h"
#include "blob/blob.h"
#include "plugin/charset.h"
#include "plugin/core/http/http_private.h"
#include "plugin/script_files.h"

#define MULTIPART "multipart/form-data"

const char *const http_methods[] = {"OPTIONS", "GET",     "HEAD",  "POST",   "PUT", "DELETE",
                                    "TRACE",   "CONNECT", "PATCH", "CUSTOM", NULL};

/* --- headers --- */

static bool has_header(const json_t *headers, const char *wanted)
{
    const char *name;
    json_t *value;
    json_object_foreach ((json_t *)headers, name, value)
        if (strcasecmp(name, wanted) == 0)
            return true;
    return false;
}

/* The media type of what is sent; with its charset when that is not the usual one. Caller frees. */
static char *content_type_of(const HttpCall *call)
{
    const char *type = call->content_type;
    if (call->request.parts.count > 0)
        return NULL; /* with a boundary that the client chooses */
    if (!type && call->request.body)
        type = json_is_object(call->form) ? "application/x-www-form-urlencoded" : "application/json";
    bool names_charset =
        type && call->request.body && !strcasestr(type, "charset=") && strcasecmp(call->charset, "UTF-8") != 0;
    return names_charset ? xasprintf("%s; charset=%s", type, call->charset) : xstrdup_null(type);
}

static int take_headers(RunContext *run, HttpCall *call)
{
    _cleanup_json_ json_t *headers = NULL;
    int r = run_value(run, "headers", &headers);
    if (r != 0)
        return r;
    call->headers = json_object();
    call->request.headers = call->headers;
    const char *name;
    json_t *value;
    json_object_foreach (headers, name, value)
        if (!json_is_null(value))
            json_object_set_new(call->headers, name, run_text_of(value));
    _cleanup_free_ char *content_type = content_type_of(call);
    if (content_type && !has_header(call->headers, "Content-Type"))
        json_set_text(call->headers, "Content-Type", content_type);
    return 0;
}

/* --- bodies --- */

static int take_part(RunContext *run, HttpRequest *request, const char *name, json_t *value)
{
    bool is_file = json_is_object(value) && json_object_get(value, "content") && json_object_get(value, "name");
    _cleanup_json_ json_t *text = run_text_of(is_file ? json_object_get(value, "content") : value);
    HttpPart part = {.name = xstrdup(name),
                     .file_name = is_file ? xstrdup_null(json_get_text(value, "name", NULL)) : NULL};
    int r = 0;
    if (blob_is_uri(json_string_value(text)))
        r = script_files_localize(run, json_string_value(text), &part.path);
    else
        part.text = xstrdup(json_string_value(text));
    vec_push(&request->parts, part);
    return r;
}

static void escape(Buffer *text, const char *value)
{
    for (const unsigned char *c = (const unsigned char *)value; *c; c++) {
        bool is_plain = (*c >= '0' && *c <= '9') || ((*c | 0x20) >= 'a' && (*c | 0x20) <= 'z') || strchr("-._~", *c);
        if (is_plain)
            buffer_append_char(text, (char)*c);
        else
            buffer_printf(text, "%%%02X", *c);
    }
}

char *http_form_encode(const json_t *form)
{
    Buffer text = {};
    const char *name;
    json_t *value;
    json_object_foreach ((json_t *)form, name, value) {
        _cleanup_json_ json_t *plain = run_text_of(value);
        if (text.length > 0)
            buffer_append_char(&text, '&');
        escape(&text, name);
        buffer_append_char(&text, '=');
        escape(&text, json_string_value(plain));
    }
    return buffer_take(&text);
}

static int take_text_body(RunContext *run, HttpCall *call)
{
    _cleanup_free_ char *text = NULL;
    int r = run_text(run, "body", &text);
    if (r != 0 || !text)
        return r;
    if (charset_encode(call->charset, text, &call->body, &call->request.body_length) != 0)
        return run_fail(run, "options.defaultCharset: unknown charset '%s'", call->charset);
    call->request.body = call->body;
    return 0;
}

static int take_body(RunContext *run, HttpCall *call)
{
    if (!json_is_object(call->form) || json_object_size(call->form) == 0)
        return take_text_body(run, call);
    if (!call->content_type || strncasecmp(call->content_type, MULTIPART, strlen(MULTIPART)) != 0) {
        call->body = http_form_encode(call->form);
        call->request.body = call->body;
        call->request.body_length = strlen(call->body);
        return 0;
    }
    const char *name;
    json_t *value;
    json_object_foreach (call->form, name, value) {
        int r = take_part(run, &call->request, name, value);
        if (r != 0)
            return r;
    }
    return 0;
}

/* --- all of it --- */

static int render_options(RunContext *run, HttpCall *call)
{
    json_t *options = NULL, *ssl = NULL;
    int r = run_value(run, "options", &options);
    if (r == 0)
        r = run_value(run, "sslOptions", &ssl);
    call->options = json_object();
    json_object_set_new(call->options, "options", options ? options : json_object());
    json_object_set_new(call->options, "sslOptions", ssl ? ssl : json_object());
    return r;
}

/* A space in an address is so common that it is mended, as Kestra does. */
static void mend_uri(HttpCall *call)
{
    Buffer uri = {};
    const char *text = call->uri ? call->uri + strspn(call->uri, " \t\r\n") : "";
    size_t length = strlen(text);
    while (length > 0 && strchr(" \t\r\n", text[length - 1]))
        length--;
    for (size_t i = 0; i < length; i++)
        if (text[i] == ' ')
            buffer_append(&uri, "%20");
        else
            buffer_append_char(&uri, text[i]);
    free(call->uri);
    call->uri = buffer_take(&uri);
    call->request.uri = call->uri;
}

static int take_method(RunContext *run, HttpCall *call)
{
    const char *method = call->method ? call->method : "GET";
    for (const char *const *known = http_methods; *known; known++)
        if (strcasecmp(*known, method) == 0) {
            call->request.method = *known;
            return 0;
        }
    return run_fail(run, "Property 'method' is not an HTTP method: '%s'", method);
}

int http_call_prepare(RunContext *run, HttpCall *call)
{
    bool allow_failed = false;
    int r = render_options(run, call);
    if (r == 0)
        r = http_options_take(run, call);
    if (r == 0)
        r = run_value(run, "formData", &call->form);
    if (r == 0)
        r = run_text(run, "contentType", &call->content_type);
    if (r == 0)
        r = run_text(run, "uri", &call->uri);
    if (r == 0)
        r = run_text(run, "method", &call->method);
    if (r == 0)
        r = take_method(run, call);
    if (r == 0)
        r = run_boolean(run, "allowFailed", call->allow_failed, &allow_failed);
    if (r == 0)
        r = take_body(run, call);
    if (r == 0)
        r = take_headers(run, call);
    if (r == 0) {
        call->allow_failed = allow_failed;
        mend_uri(call);
    }
    return r;
}

int http_call_prepare_own(RunContext *run, const HttpOwnRequest *own, HttpCall *call)
{
    int r = render_options(run, call);
    if (r == 0)
        r = http_options_take(run, call);
    call->uri = xstrdup(own->uri);
    call->hides_uri = true;
    mend_uri(call);
    call->request.method = own->method;
    call->request.headers = own->headers;
    call->request.body = own->body;
    call->request.body_length = own->body ? strlen(own->body) : 0;
    if (own->answer_timeout_usec > 0)
        call->request.answer_timeout_usec = own->answer_timeout_usec;
    return r;
}

void http_call_done(HttpCall *call)
{
    for (size_t i = 0; i < call->request.parts.count; i++) {
        HttpPart *part = &call->request.parts.items[i];
        free(part->name);
        free(part->file_name);
        free(part->text);
        if (part->path)
            (void)unlink(part->path); /* the working directory goes with the task anyway */
        free(part->path);
    }
    vec_free(&call->request.parts);
    free(call->uri);
    free(call->method);
    free(call->body);
    free(call->content_type);
    json_decref(call->headers);
    json_decref(call->options);
    json_decref(call->form);
    *call = (HttpCall){};
}
