/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One exchange with libcurl. Addresses come from rendered texts, so that file: and every other protocol is refused, and
 * header values cannot bring further headers. Proxies are only those that the task names, not the environment's.
 *
 * Redirects are followed here and not by libcurl, which would repeat every method but POST as it was, and which knows
 * nothing of headers that are meant for the first host only. Silence is measured here, because libcurl's own measure
 * knows seconds only and does not tell waiting for an answer from an answer that stalls.
 */
#include "runner/http_curl.h"

#include <ctype.h>
#include <curl/curl.h>

#include "base/clock.h"

enum { REDIRECTS_MAX = 20 };

typedef struct Exchange {
    const HttpRequest *request;
    CURL *curl;
    CURLM *multi;
    struct curl_slist *headers;
    curl_mime *mime;
    char *uri;          /* of this hop */
    const char *method; /* of this hop */
    bool sends_body;    /* on this hop */
    bool is_trusted;    /* this hop goes where the task said */
    json_t *answer_headers;
    bool has_location;
    int64_t received;
    curl_off_t uploaded;
    usec_t heard; /* when something moved last */
    bool answering, too_long, silent;
    int refused; /* errno of who takes the body */
    char error[CURL_ERROR_SIZE];
} Exchange;

static long code_of(const Exchange *exchange)
{
    long code = 0;
    curl_easy_getinfo(exchange->curl, CURLINFO_RESPONSE_CODE, &code);
    return code;
}

static bool redirects(const Exchange *exchange)
{
    long code = code_of(exchange);
    bool is_redirect = code == 301 || code == 302 || code == 303 || code == 307 || code == 308;
    return is_redirect && exchange->request->follow_redirects && exchange->has_location;
}

/* --- what arrives --- */

static size_t on_body(char *bytes, size_t size, size_t count, void *userdata)
{
    Exchange *exchange = userdata;
    const HttpRequest *request = exchange->request;
    exchange->heard = clock_monotonic();
    if (redirects(exchange))
        return count;
    exchange->received += (int64_t)count;
    exchange->too_long = request->answer_bytes_max > 0 && exchange->received > request->answer_bytes_max;
    if (exchange->too_long)
        return 0;
    if (request->take(request->userdata, code_of(exchange), bytes, count))
        return count;
    exchange->refused = errno ? errno : EIO;
    return 0;
}

static void note_header(Exchange *exchange, const char *name, const char *value, size_t length)
{
    json_t *values = json_object_get(exchange->answer_headers, name);
    if (!values) {
        values = json_array();
        json_object_set_new(exchange->answer_headers, name, values);
    }
    json_t *text = json_stringn(value, length);
    if (!text) { /* the bytes of another charset */
        _cleanup_free_ char *copy = xstrndup(value, length);
        _cleanup_buffer_ Buffer clean = {};
        buffer_append_utf8(&clean, copy);
        text = json_string(buffer_text(&clean));
    }
    json_array_append_new(values, text);
}

static size_t on_header(char *line, size_t size, size_t count, void *userdata)
{
    Exchange *exchange = userdata;
    const char *colon = memchr(line, ':', count);
    exchange->heard = clock_monotonic();
    if (count >= 5 && strncmp(line, "HTTP/", 5) == 0) { /* what was answered before does not count */
        json_object_clear(exchange->answer_headers);
        exchange->has_location = false;
        return count;
    }
    exchange->answering = exchange->answering || count <= 2;
    if (!colon || colon == line)
        return count;
    _cleanup_free_ char *name = xstrndup(line, (size_t)(colon - line));
    size_t begin = (size_t)(colon - line) + 1, end = count;
    while (begin < end && isspace((unsigned char)line[begin]))
        begin++;
    while (end > begin && isspace((unsigned char)line[end - 1]))
        end--;
    exchange->has_location = exchange->has_location || strcasecmp(name, "Location") == 0;
    note_header(exchange, name, line + begin, end - begin);
    return count;
}

/* --- what is sent --- */

static void add_header(Exchange *exchange, const char *name, const char *value)
{
    _cleanup_free_ char *line = *value ? xasprintf("%s: %s", name, value) : xasprintf("%s;", name);
    for (char *c = line; *c; c++)
        if (*c == '\r' || *c == '\n')
            *c = ' ';
    exchange->headers = curl_slist_append(exchange->headers, line);
}

static bool is_private(const char *name)
{
    return strcasecmp(name, "Authorization") == 0 || strcasecmp(name, "Cookie") == 0;
}

static void set_headers(Exchange *exchange)
{
    const char *name;
    json_t *value;
    curl_slist_free_all(exchange->headers);
    exchange->headers = NULL;
    json_object_foreach ((json_t *)exchange->request->headers, name, value) {
        bool is_of_body = !exchange->sends_body && exchange->request->body && strcasecmp(name, "Content-Type") == 0;
        if (!is_of_body && (exchange->is_trusted || !is_private(name)))
            add_header(exchange, name, json_string_value(value));
    }
    exchange->headers =
        curl_slist_append(exchange->headers, "Expect:"); /* no round trip to ask whether a body is welcome */
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

static void set_body(Exchange *exchange)
{
    const HttpRequest *request = exchange->request;
    CURL *curl = exchange->curl;
    curl_mime_free(exchange->mime);
    exchange->mime = NULL;
    if (exchange->sends_body && request->parts.count > 0) {
        set_parts(exchange);
    } else if (exchange->sends_body && request->body) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_length);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body);
    } else if (streq(exchange->method, "POST")) { /* "Content-Length: 0", which servers ask for */
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)0);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, "");
    } else {
        curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
    }
}

static void set_limits(Exchange *exchange)
{
    CURL *curl = exchange->curl;
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION,
                     CURL_HTTP_VERSION_1_1); /* as Kestra: HTTP/2 would lower the headers' names */
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)(exchange->request->connect_timeout_usec / USEC_PER_MSEC));
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "Kestra/0.21");
    curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, "");
}

static void set_pem(CURL *curl, CURLoption option, const char *text)
{
    struct curl_blob blob = {.data = (char *)text, .len = text ? strlen(text) : 0, .flags = CURL_BLOB_COPY};
    if (text)
        curl_easy_setopt(curl, option, &blob);
}

static void set_tls(Exchange *exchange)
{
    const HttpTls *tls = &exchange->request->tls;
    CURL *curl = exchange->curl;
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, tls->insecure ? 0L : 1L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, tls->insecure ? 0L : 2L);
    if (tls->authorities)
        curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
    set_pem(curl, CURLOPT_CAINFO_BLOB, tls->authorities);
    set_pem(curl, CURLOPT_SSLCERT_BLOB, exchange->is_trusted ? tls->certificate : NULL);
    set_pem(curl, CURLOPT_SSLKEY_BLOB, exchange->is_trusted ? tls->key : NULL);
    curl_easy_setopt(curl, CURLOPT_KEYPASSWD, tls->key_password);
}

static void set_identity(Exchange *exchange)
{
    static const unsigned long kinds[] = {
        [HTTP_AUTH_BASIC] = CURLAUTH_BASIC, [HTTP_AUTH_DIGEST] = CURLAUTH_DIGEST, [HTTP_AUTH_BEARER] = CURLAUTH_BEARER};
    const HttpRequest *request = exchange->request;
    CURL *curl = exchange->curl;
    if (request->auth == HTTP_AUTH_NONE || !exchange->is_trusted)
        return;
    curl_easy_setopt(curl, CURLOPT_HTTPAUTH, kinds[request->auth]);
    if (request->auth == HTTP_AUTH_BEARER) {
        curl_easy_setopt(curl, CURLOPT_XOAUTH2_BEARER, request->token);
        return;
    }
    curl_easy_setopt(curl, CURLOPT_USERNAME, request->user ? request->user : "");
    curl_easy_setopt(curl, CURLOPT_PASSWORD, request->password ? request->password : "");
}

static void set_proxy(Exchange *exchange)
{
    const HttpProxy *proxy = &exchange->request->proxy;
    CURL *curl = exchange->curl;
    curl_easy_setopt(curl, CURLOPT_PROXY, proxy->address ? proxy->address : "");
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "");
    if (!proxy->address)
        return;
    curl_easy_setopt(curl, CURLOPT_PROXYTYPE, proxy->is_socks ? CURLPROXY_SOCKS5_HOSTNAME : CURLPROXY_HTTP);
    curl_easy_setopt(curl, CURLOPT_PROXYPORT, (long)proxy->port);
    if (proxy->user)
        curl_easy_setopt(curl, CURLOPT_PROXYUSERNAME, proxy->user);
    if (proxy->password)
        curl_easy_setopt(curl, CURLOPT_PROXYPASSWORD, proxy->password);
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

/* Everything anew: nothing of the hop before is left over by mistake. */
static void set_all(Exchange *exchange)
{
    curl_easy_reset(exchange->curl);
    set_body(exchange);
    curl_easy_setopt(exchange->curl, CURLOPT_URL, exchange->uri);
    curl_easy_setopt(exchange->curl, CURLOPT_CUSTOMREQUEST, exchange->method);
    if (streq(exchange->method, "HEAD"))
        curl_easy_setopt(exchange->curl, CURLOPT_NOBODY, 1L);
    set_headers(exchange);
    set_limits(exchange);
    set_tls(exchange);
    set_identity(exchange);
    set_proxy(exchange);
    set_callbacks(exchange);
}

/* --- the transfer --- */

/* Microseconds that are left of the silence which is allowed now; 0: none. */
static usec_t patience(Exchange *exchange)
{
    const HttpRequest *request = exchange->request;
    usec_t limit = exchange->answering ? request->idle_timeout_usec : request->answer_timeout_usec;
    usec_t now = clock_monotonic();
    curl_off_t connected = 0, uploaded = 0;
    curl_easy_getinfo(exchange->curl, CURLINFO_PRETRANSFER_TIME_T, &connected);
    curl_easy_getinfo(exchange->curl, CURLINFO_SIZE_UPLOAD_T, &uploaded);
    if (connected == 0 || uploaded != exchange->uploaded) /* connecting has a limit of its own */
        exchange->heard = now;
    exchange->uploaded = uploaded;
    if (limit == 0)
        return USEC_PER_SEC;
    return now - exchange->heard >= limit ? 0 : limit - (now - exchange->heard);
}

static CURLcode transfer(Exchange *exchange)
{
    int running = 1, left;
    exchange->answering = false;
    exchange->uploaded = exchange->received = 0;
    exchange->heard = clock_monotonic();
    while (curl_multi_perform(exchange->multi, &running) == CURLM_OK && running) {
        usec_t wait = patience(exchange);
        exchange->silent = wait == 0;
        if (exchange->silent)
            return CURLE_OPERATION_TIMEDOUT;
        curl_multi_poll(exchange->multi, NULL, 0, (int)(MIN(wait, USEC_PER_SEC) / USEC_PER_MSEC) + 1, NULL);
    }
    const CURLMsg *message = curl_multi_info_read(exchange->multi, &left);
    return message ? message->data.result : CURLE_FAILED_INIT;
}

static int fail(const Exchange *exchange, CURLcode code, Diag *diag)
{
    const HttpRequest *request = exchange->request;
    usec_t limit = exchange->answering ? request->idle_timeout_usec : request->answer_timeout_usec;
    const char *text = *exchange->error ? exchange->error : curl_easy_strerror(code);
    errno = exchange->refused;
    if (exchange->too_long)
        diag_error(diag, NULL, 0, 0, "The answer of '%s' is longer than %" PRId64 " bytes (maxContentLength)",
                   exchange->uri, request->answer_bytes_max);
    else if (exchange->refused)
        diag_error(diag, NULL, 0, 0, "The answer of '%s' cannot be stored: %m", exchange->uri);
    else if (exchange->silent)
        diag_error(diag, NULL, 0, 0, "Request '%s' failed: read timeout, %s for %.3f s", exchange->uri,
                   exchange->answering ? "the answer stood still" : "no answer", (double)limit / (double)USEC_PER_SEC);
    else
        diag_error(diag, NULL, 0, 0, "Request '%s' failed: %s", exchange->uri, text);
    return HTTP_E_FAILED;
}

static int hop(Exchange *exchange, Diag *diag)
{
    set_all(exchange);
    if (curl_multi_add_handle(exchange->multi, exchange->curl) != CURLM_OK)
        return outage(-EIO);
    CURLcode code = transfer(exchange);
    curl_multi_remove_handle(exchange->multi, exchange->curl);
    return code == CURLE_OK ? 0 : fail(exchange, code, diag);
}

/* --- redirects --- */

/* "https://host:443" of a URI; NULL when it is none. Caller frees. */
static char *origin_of(const char *uri)
{
    CURLU *parsed = curl_url();
    char *scheme = NULL, *host = NULL, *port = NULL, *origin = NULL;
    if (curl_url_set(parsed, CURLUPART_URL, uri, 0) == CURLUE_OK &&
        curl_url_get(parsed, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
        curl_url_get(parsed, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
        curl_url_get(parsed, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK)
        origin = xasprintf("%s://%s:%s", scheme, host, port);
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    curl_url_cleanup(parsed);
    return origin;
}

static void follow(Exchange *exchange)
{
    char *target = NULL;
    long code = code_of(exchange);
    curl_easy_getinfo(exchange->curl, CURLINFO_REDIRECT_URL, &target);
    char *next = xstrdup(target ? target : ""); /* target belongs to the handle */
    _cleanup_free_ char *here = origin_of(exchange->uri), *there = origin_of(next);
    exchange->is_trusted = exchange->is_trusted && here && there && strcasecmp(here, there) == 0;
    free(exchange->uri);
    exchange->uri = next;
    if (code <= 303 && !streq(exchange->method, "GET") && !streq(exchange->method, "HEAD")) {
        exchange->method = "GET";
        exchange->sends_body = false;
    }
}

static int walk(Exchange *exchange, Diag *diag)
{
    for (unsigned hops = 0; hops <= REDIRECTS_MAX; hops++) {
        int r = hop(exchange, diag);
        if (r != 0 || !redirects(exchange))
            return r;
        follow(exchange);
    }
    diag_error(diag, NULL, 0, 0, "Request '%s' failed: more than %d redirects", exchange->request->uri, REDIRECTS_MAX);
    return HTTP_E_FAILED;
}

static void give_answer(Exchange *exchange, HttpAnswer *ret)
{
    char *address = NULL;
    long port = 0;
    curl_easy_getinfo(exchange->curl, CURLINFO_PRIMARY_IP, &address);
    curl_easy_getinfo(exchange->curl, CURLINFO_PRIMARY_PORT, &port);
    *ret = (HttpAnswer){
        .code = code_of(exchange),
        .headers = TAKE_PTR(exchange->answer_headers),
        .uri = xstrdup(exchange->uri),
        .address = xasprintf("%s:%ld", address ? address : "", port),
    };
}

static int http_curl_exchange(const HttpRequest *request, HttpAnswer *ret, Diag *diag)
{
    Exchange exchange = {.request = request,
                         .curl = curl_easy_init(),
                         .multi = curl_multi_init(),
                         .uri = xstrdup(request->uri ? request->uri : ""),
                         .method = request->method ? request->method : "GET",
                         .sends_body = true,
                         .is_trusted = true,
                         .answer_headers = json_object()};
    int r = exchange.curl && exchange.multi ? walk(&exchange, diag) : outage(-ENOMEM);
    if (r == 0)
        give_answer(&exchange, ret);
    curl_mime_free(exchange.mime);
    curl_slist_free_all(exchange.headers);
    curl_easy_cleanup(exchange.curl);
    curl_multi_cleanup(exchange.multi);
    json_decref(exchange.answer_headers);
    free(exchange.uri);
    return r;
}

const HttpClient http_curl_client = {.exchange = http_curl_exchange};
