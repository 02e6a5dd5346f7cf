/* SPDX-License-Identifier: Apache-2.0 */
/* Properties → HttpRequest. Everything is rendered before anything is sent. */
#include "plugin/core/http/http.h"

#include "blob/blob.h"
#include "plugin/script_files.h"
#include "when/duration.h"

#define TIMEOUT_DEFAULT          (10 * USEC_PER_SEC)
#define ANSWER_BYTES_MAX_DEFAULT 10485760

const char *const http_methods[] = {"OPTIONS", "GET",     "HEAD",  "POST",   "PUT", "DELETE",
                                    "TRACE",   "CONNECT", "PATCH", "CUSTOM", NULL};
static const char *const proxy_types[] = {"DIRECT", "HTTP", "SOCKS", NULL};
const Field http_option_fields[] = {
    {"connectTimeout", FIELD_DURATION, FIELD_DYNAMIC, .fallback = "\"PT10S\"", .doc = "Longest time to connect."},
    {"readTimeout", FIELD_DURATION, FIELD_DYNAMIC, .fallback = "\"PT10S\"", .doc = "Longest silence while it answers."},
    {"readIdleTimeout", FIELD_DURATION, FIELD_DYNAMIC, .fallback = "\"PT5M\"", .doc = "Accepted; see readTimeout."},
    {"connectionPoolIdleTimeout", FIELD_DURATION, FIELD_DYNAMIC, .fallback = "\"PT0S\"",
     .doc = "Accepted; connections are not kept."},
    {"maxContentLength", FIELD_INTEGER, FIELD_DYNAMIC, .fallback = "10485760",
     .doc = "Longest body of the answer, in bytes."},
    {"followRedirects", FIELD_BOOLEAN, FIELD_DYNAMIC, .fallback = "true", .doc = "Follow redirects."},
    {"basicAuthUser", FIELD_STRING, FIELD_DYNAMIC, .doc = "User of HTTP basic authentication."},
    {"basicAuthPassword", FIELD_STRING, FIELD_DYNAMIC, .doc = "Password of HTTP basic authentication."},
    {"proxyType", FIELD_ENUM, FIELD_DYNAMIC, .values = proxy_types, .fallback = "\"DIRECT\"", .doc = "Kind of proxy."},
    {"proxyAddress", FIELD_STRING, FIELD_DYNAMIC, .doc = "Host of the proxy."},
    {"proxyPort", FIELD_INTEGER, FIELD_DYNAMIC, .doc = "Port of the proxy."},
    {"proxyUsername", FIELD_STRING, FIELD_DYNAMIC, .doc = "User of the proxy."},
    {"proxyPassword", FIELD_STRING, FIELD_DYNAMIC, .doc = "Password of the proxy."},
    {"defaultCharset", FIELD_STRING, FIELD_DYNAMIC, .fallback = "\"UTF-8\"", .doc = "Accepted; texts are UTF-8."},
    {"logLevel", FIELD_STRING, FIELD_DYNAMIC, .doc = "Accepted."},
    {},
};
const Field http_ssl_fields[] = {
    {"insecureTrustAllCertificates", FIELD_BOOLEAN, FIELD_DYNAMIC,
     .doc = "Take any certificate. Only for tests: the connection is then open to anyone in between."},
    {},
};

/* The rendered properties that the request borrows from. */
typedef struct Properties {
    json_t *options, *ssl, *form;
    char *content_type;
} Properties;

static int64_t integer_of(const json_t *value, int64_t fallback)
{
    if (json_is_string(value)) {
        char *end;
        intmax_t number = strtoimax(json_string_value(value), &end, 10);
        return *end == '\0' && end != json_string_value(value) ? number : fallback;
    }
    return json_is_integer(value) ? json_integer_value(value) : fallback;
}

static bool boolean_of(const json_t *value, bool fallback)
{
    if (json_is_string(value))
        return strcasecmp(json_string_value(value), "true") == 0;
    return value ? json_is_true(value) : fallback;
}

static usec_t duration_of(const json_t *value, usec_t fallback)
{
    usec_t duration;
    if (json_is_number(value) && json_number_value(value) >= 0)
        return (usec_t)(json_number_value(value) * (double)USEC_PER_SEC);
    return json_is_string(value) && duration_parse(json_string_value(value), &duration) == 0 ? duration : fallback;
}

static void take_options(HttpRequest *request, const Properties *properties)
{
    const json_t *options = properties->options;
    const char *proxy_type = json_get_text(options, "proxyType", "DIRECT");
    request->connect_timeout_usec = duration_of(json_object_get(options, "connectTimeout"), TIMEOUT_DEFAULT);
    request->read_timeout_usec = duration_of(json_object_get(options, "readTimeout"), TIMEOUT_DEFAULT);
    request->follow_redirects = boolean_of(json_object_get(options, "followRedirects"), true);
    request->answer_bytes_max = integer_of(json_object_get(options, "maxContentLength"), ANSWER_BYTES_MAX_DEFAULT);
    request->insecure = boolean_of(json_object_get(properties->ssl, "insecureTrustAllCertificates"), false);
    request->user = json_get_text(options, "basicAuthUser", NULL);
    request->password = json_get_text(options, "basicAuthPassword", NULL);
    if (streq(proxy_type, "DIRECT"))
        return;
    request->proxy = json_get_text(options, "proxyAddress", NULL);
    request->proxy_is_socks = streq(proxy_type, "SOCKS");
    request->proxy_port = (uint16_t)integer_of(json_object_get(options, "proxyPort"), 0);
    request->proxy_user = json_get_text(options, "proxyUsername", NULL);
    request->proxy_password = json_get_text(options, "proxyPassword", NULL);
}

static int take_headers(RunContext *run, HttpRequest *request, const Properties *properties)
{
    _cleanup_json_ json_t *headers = NULL;
    int r = run_value(run, "headers", &headers);
    if (r != 0)
        return r;
    request->headers = json_object();
    const char *name;
    json_t *value;
    json_object_foreach(headers, name, value)
        json_object_set_new(request->headers, name, run_text_of(value));
    if (properties->content_type && request->parts.count == 0)
        json_set_text(request->headers, "Content-Type", properties->content_type);
    else if (request->body && !properties->form && !json_object_get(request->headers, "Content-Type"))
        json_set_text(request->headers, "Content-Type", "application/json");
    else if (request->body && properties->form)
        json_set_text(request->headers, "Content-Type", "application/x-www-form-urlencoded");
    return 0;
}

/* --- forms --- */

static int take_part(RunContext *run, HttpRequest *request, const char *name, json_t *value)
{
    bool is_file = json_is_object(value) && json_object_get(value, "content");
    _cleanup_json_ json_t *text = run_text_of(is_file ? json_object_get(value, "content") : value);
    HttpPart part = {.name = xstrdup(name), .file_name = is_file ? xstrdup_null(json_get_text(value, "name", NULL)) : NULL};
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

static char *encode_form(json_t *form)
{
    Buffer text = {};
    const char *name;
    json_t *value;
    json_object_foreach(form, name, value) {
        _cleanup_json_ json_t *plain = run_text_of(value);
        if (text.length > 0)
            buffer_append_char(&text, '&');
        escape(&text, name);
        buffer_append_char(&text, '=');
        escape(&text, json_string_value(plain));
    }
    return buffer_take(&text);
}

static int take_body(RunContext *run, HttpRequest *request, const Properties *properties)
{
    if (!json_is_object(properties->form))
        return run_text(run, "body", &request->body);
    if (!properties->content_type || !starts_with(properties->content_type, "multipart/form-data")) {
        request->body = encode_form(properties->form);
        return 0;
    }
    const char *name;
    json_t *value;
    json_object_foreach(properties->form, name, value) {
        int r = take_part(run, request, name, value);
        if (r != 0)
            return r;
    }
    return 0;
}

/* --- the exchange --- */

static int prepare(RunContext *run, HttpRequest *request, Properties *properties)
{
    int r = run_value(run, "options", &properties->options);
    if (r == 0)
        r = run_value(run, "sslOptions", &properties->ssl);
    if (r == 0)
        r = run_value(run, "formData", &properties->form);
    if (r == 0)
        r = run_text(run, "contentType", &properties->content_type);
    if (r == 0)
        r = run_text(run, "uri", &request->uri);
    if (r == 0)
        r = run_text(run, "method", &request->method);
    if (r == 0)
        r = take_body(run, request, properties);
    if (r == 0)
        r = take_headers(run, request, properties);
    if (r == 0)
        take_options(request, properties);
    return r;
}

static void request_done(HttpRequest *request, Properties *properties)
{
    for (size_t i = 0; i < request->parts.count; i++) {
        free(request->parts.items[i].name);
        free(request->parts.items[i].file_name);
        free(request->parts.items[i].text);
        free(request->parts.items[i].path);
    }
    vec_free(&request->parts);
    free(request->uri);
    free(request->method);
    free(request->body);
    json_decref(request->headers);
    json_decref(properties->options);
    json_decref(properties->ssl);
    json_decref(properties->form);
    free(properties->content_type);
}

static int send_request(RunContext *run, const HttpRequest *request, HttpAnswer *ret)
{
    _cleanup_diag_ Diag diag = DIAG_INIT;
    bool allow_failed;
    int r = run_boolean(run, "allowFailed", false, &allow_failed);
    if (r != 0)
        return r;
    if (!run->http)
        return run_fail(run, "HTTP is not available here");
    r = run->http->exchange(request, ret, &diag);
    if (r != 0)
        return r > 0 ? run_fail(run, "%s", diag_first(&diag)) : trace(r);
    if (ret->code >= 400 && !allow_failed) {
        r = run_fail(run, "Failed http request with response code '%ld' and uri '%s'", ret->code, ret->uri);
        http_answer_done(ret);
    }
    return r;
}

int http_exchange(RunContext *run, const HttpBodySink *sink, HttpAnswer *ret)
{
    HttpRequest request = {.take = sink->take, .userdata = sink->userdata};
    Properties properties = {};
    int r = prepare(run, &request, &properties);
    if (!sink->limited)
        request.answer_bytes_max = 0;
    if (r == 0)
        r = send_request(run, &request, ret);
    request_done(&request, &properties);
    return r;
}

void http_answer_done(HttpAnswer *answer)
{
    json_decref(answer->headers);
    free(answer->uri);
    *answer = (HttpAnswer){};
}
