/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One exchange with libcurl. Addresses come from rendered texts, so that file: and every other protocol is refused, and
 * header values cannot bring further headers. Proxies are only those that the task names, not the environment's.
 */
#include "runner/http_curl.h"

#include <ctype.h>
#include <curl/curl.h>

enum { REDIRECTS_MAX = 20 };

typedef struct Exchange {
    const HttpRequest *request;
    CURL *curl;
    struct curl_slist *headers;
    curl_mime *mime;
    json_t *answer_headers;
    int64_t received;
    bool too_long;
    char error[CURL_ERROR_SIZE];
} Exchange;

static size_t on_body(char *bytes, size_t size, size_t count, void *userdata)
{
    Exchange *exchange = userdata;
    const HttpRequest *request = exchange->request;
    exchange->received += (int64_t)count;
    exchange->too_long = request->answer_bytes_max > 0 && exchange->received > request->answer_bytes_max;
    return !exchange->too_long && request->take(request->userdata, bytes, count) ? count : 0;
}

static size_t on_header(char *line, size_t size, size_t count, void *userdata)
{
    json_t *headers = ((Exchange *)userdata)->answer_headers;
    const char *colon = memchr(line, ':', count);
    if (count >= 5 && strncmp(line, "HTTP/", 5) == 0)
        json_object_clear(headers); /* a redirect's answer does not count */
    if (!colon || colon == line)
        return count;
    _cleanup_free_ char *name = xstrndup(line, (size_t)(colon - line));
    size_t begin = (size_t)(colon - line) + 1, end = count;
    while (begin < end && isspace((unsigned char)line[begin]))
        begin++;
    while (end > begin && isspace((unsigned char)line[end - 1]))
        end--;
    json_t *values = json_object_get(headers, name);
    if (!values) {
        values = json_array();
        json_object_set_new(headers, name, values);
    }
    json_array_append_new(values, json_stringn(line + begin, end - begin));
    return count;
}

static void add_header(Exchange *exchange, const char *name, const char *value)
{
    _cleanup_free_ char *line = *value ? xasprintf("%s: %s", name, value) : xasprintf("%s;", name);
    for (char *c = line; *c; c++)
        if (*c == '\r' || *c == '\n')
            *c = ' ';
    exchange->headers = curl_slist_append(exchange->headers, line);
}

static void set_headers(Exchange *exchange)
{
    const char *name;
    json_t *value;
    json_object_foreach(exchange->request->headers, name, value)
        add_header(exchange, name, json_string_value(value));
    exchange->headers = curl_slist_append(exchange->headers, "Expect:"); /* no round trip to ask whether a body is welcome */
    curl_easy_setopt(exchange->curl, CURLOPT_HTTPHEADER, exchange->headers);
}

static void set_parts(Exchange *exchange)
{
    const HttpRequest *request = exchange->request;
    exchange->mime = curl_mime_init(exchange->curl);
    for (size_t i = 0; i < request->parts.count; i++) {
        const HttpPart *part = &request->parts.items[i];
        curl_mimepart *mime_part = curl_mime_addpart(exchange->mime);
        curl_mime_name(mime_part, part->name);
        if (part->path)
            curl_mime_filedata(mime_part, part->path);
        else
            curl_mime_data(mime_part, part->text, CURL_ZERO_TERMINATED);
        if (part->file_name)
            curl_mime_filename(mime_part, part->file_name);
    }
    curl_easy_setopt(exchange->curl, CURLOPT_MIMEPOST, exchange->mime);
}

static void set_target(Exchange *exchange)
{
    const HttpRequest *request = exchange->request;
    CURL *curl = exchange->curl;
    if (request->parts.count > 0) {
        set_parts(exchange);
    } else if (request->body) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(request->body));
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body);
    }
    const char *method = request->method ? request->method : "GET";
    curl_easy_setopt(curl, CURLOPT_URL, request->uri ? request->uri : "");
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    if (streq(method, "HEAD"))
        curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
}

static void set_limits(Exchange *exchange)
{
    const HttpRequest *request = exchange->request;
    CURL *curl = exchange->curl;
    usec_t silence = MAX((request->read_timeout_usec + USEC_PER_SEC - 1) / USEC_PER_SEC, (usec_t)1);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, request->follow_redirects ? 1L : 0L);
    curl_easy_setopt(curl, CURLOPT_MAXREDIRS, (long)REDIRECTS_MAX);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)(request->connect_timeout_usec / USEC_PER_MSEC));
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)silence);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    if (request->insecure) {
        curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
    }
}

static void set_identity(Exchange *exchange)
{
    const HttpRequest *request = exchange->request;
    CURL *curl = exchange->curl;
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "Kestra/0.21");
    curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, "");
    if (request->user) {
        curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
        curl_easy_setopt(curl, CURLOPT_USERNAME, request->user);
        curl_easy_setopt(curl, CURLOPT_PASSWORD, request->password ? request->password : "");
    }
    curl_easy_setopt(curl, CURLOPT_PROXY, request->proxy ? request->proxy : "");
    if (!request->proxy)
        return;
    curl_easy_setopt(curl, CURLOPT_PROXYTYPE, request->proxy_is_socks ? CURLPROXY_SOCKS5_HOSTNAME : CURLPROXY_HTTP);
    curl_easy_setopt(curl, CURLOPT_PROXYPORT, (long)request->proxy_port);
    if (request->proxy_user)
        curl_easy_setopt(curl, CURLOPT_PROXYUSERNAME, request->proxy_user);
    if (request->proxy_password)
        curl_easy_setopt(curl, CURLOPT_PROXYPASSWORD, request->proxy_password);
}

static void set_callbacks(Exchange *exchange)
{
    CURL *curl = exchange->curl;
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, exchange->error);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, exchange);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, exchange);
}

static int perform(Exchange *exchange, HttpAnswer *ret, Diag *diag)
{
    const char *uri = exchange->request->uri ? exchange->request->uri : "";
    char *answered = NULL;
    CURLcode code = curl_easy_perform(exchange->curl);
    if (exchange->too_long) {
        diag_error(diag, NULL, 0, 0, "The answer of '%s' is longer than %" PRId64 " bytes", uri,
                   exchange->request->answer_bytes_max);
        return HTTP_E_FAILED;
    }
    if (code != CURLE_OK) {
        const char *text = *exchange->error ? exchange->error : curl_easy_strerror(code);
        diag_error(diag, NULL, 0, 0, "Request '%s' failed: %s", uri, text);
        return HTTP_E_FAILED;
    }
    curl_easy_getinfo(exchange->curl, CURLINFO_EFFECTIVE_URL, &answered);
    curl_easy_getinfo(exchange->curl, CURLINFO_RESPONSE_CODE, &ret->code);
    ret->uri = xstrdup(answered ? answered : uri);
    ret->headers = TAKE_PTR(exchange->answer_headers);
    return 0;
}

static int http_curl_exchange(const HttpRequest *request, HttpAnswer *ret, Diag *diag)
{
    Exchange exchange = {.request = request, .curl = curl_easy_init(), .answer_headers = json_object()};
    if (!exchange.curl)
        return outage(-ENOMEM);
    set_target(&exchange);
    set_headers(&exchange);
    set_limits(&exchange);
    set_identity(&exchange);
    set_callbacks(&exchange);
    int r = perform(&exchange, ret, diag);
    curl_mime_free(exchange.mime);
    curl_slist_free_all(exchange.headers);
    curl_easy_cleanup(exchange.curl);
    json_decref(exchange.answer_headers);
    return r;
}

const HttpClient http_curl_client = {.exchange = http_curl_exchange};
