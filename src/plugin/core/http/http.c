/* SPDX-License-Identifier: Apache-2.0 */
/* One exchange: sent, logged, and its answer judged. */
#include "plugin/core/http/http.h"

#include "base/buffer.h"
#include "model/encryption.h"
#include "model/log_entry.h"
#include "plugin/charset.h"
#include "plugin/core/http/http_private.h"

enum { FAILURE_BYTES_MAX = 4096 };

const Field http_request_outputs[] = {
    {"uri", FIELD_STRING, .doc = "Address that answered, after redirects."},
    {"code", FIELD_INTEGER, .doc = "Status."},
    {"headers", FIELD_MAP, .item = FIELD_LIST, .doc = "Headers of the answer; each a list."},
    {"body", FIELD_ANY, .doc = "Body of the answer, as text."},
    {"encryptedBody", FIELD_ANY, .doc = "The body, encrypted, when encryptBody is set."},
    {},
};

/* --- logs --- */

/* Values that log in somewhere are not shown, secret() or not. */
static bool is_confidential(const char *name)
{
    static const char *const names[] = {"Authorization", "Proxy-Authorization", "Cookie", "Set-Cookie"};
    for (size_t i = 0; i < ELEMENTS(names); i++)
        if (strcasecmp(names[i], name) == 0)
            return true;
    return false;
}

/* headers: name → text, or → list of texts. */
static void log_headers(RunContext *run, const char *title, const json_t *headers)
{
    _cleanup_buffer_ Buffer text = {};
    const char *name;
    json_t *value;
    buffer_append(&text, title);
    json_object_foreach ((json_t *)headers, name, value) {
        const json_t *first = json_is_array(value) ? json_array_get(value, 0) : value;
        buffer_printf(&text, "\n%s: %s", name, is_confidential(name) ? "******" : json_string_value(first));
    }
    run_log(run, LOG_LEVEL_DEBUG, "%s", buffer_text(&text));
}

static void log_request(RunContext *run, const HttpCall *call)
{
    const HttpRequest *request = &call->request;
    if (call->logs & HTTP_LOG_REQUEST_HEADERS)
        log_headers(run, "Request headers:", request->headers);
    if ((call->logs & HTTP_LOG_REQUEST_BODY) && request->body)
        run_log(run, LOG_LEVEL_DEBUG, "Request body:\n%s", request->body);
}

/* As far as it may be shown: all of it, or scheme and host. */
static char *shown_uri(const HttpCall *call, const char *uri)
{
    const char *host = strstr(uri, "://");
    if (!call->hides_uri || !host)
        return xstrdup(call->hides_uri ? "…" : uri);
    host += strlen("://");
    const char *at = strchr(host, '@');
    size_t length = strcspn(host, "/?#");
    if (at && at < host + length) { /* what stands in front of @ logs in */
        length -= (size_t)(at + 1 - host);
        host = at + 1;
    }
    return xasprintf("%.*s%.*s/…", (int)(strstr(uri, "://") + strlen("://") - uri), uri, (int)length, host);
}

static void log_answer(RunContext *run, const HttpCall *call, const HttpAnswer *answer)
{
    _cleanup_free_ char *uri = shown_uri(call, answer->uri);
    run_log(run, LOG_LEVEL_DEBUG, "Request '%s' from '%s' with the response code '%ld'", uri, answer->address,
            answer->code);
    if (call->logs & HTTP_LOG_RESPONSE_HEADERS)
        log_headers(run, "Response headers:", answer->headers);
}

/* --- the exchange --- */

/* The beginning of the body of a failure is kept for the message: what was asked for is not in it. */
typedef struct Receiver {
    const HttpBodySink *sink;
    bool allow_failed;
    Buffer failure;
} Receiver;

static bool receive(void *userdata, long code, const char *bytes, size_t length)
{
    Receiver *receiver = userdata;
    if (code < 400 || receiver->allow_failed)
        return receiver->sink->take(receiver->sink->userdata, bytes, length);
    if (receiver->failure.length < FAILURE_BYTES_MAX)
        buffer_append_n(&receiver->failure, bytes, MIN(length, FAILURE_BYTES_MAX - receiver->failure.length));
    return true;
}

static int fail_by_code(RunContext *run, const HttpCall *call, const HttpAnswer *answer, const Buffer *body)
{
    _cleanup_free_ char *text = NULL, *uri = shown_uri(call, answer->uri);
    if (body->length == 0 || charset_decode("UTF-8", body->text, body->length, &text) != 0)
        return run_fail(run, "Failed http request with response code '%ld' and uri '%s'", answer->code, uri);
    return run_fail(run, "Failed http request with response code '%ld' and uri '%s' and body:\n%s", answer->code, uri,
                    text);
}

static int send_request(RunContext *run, HttpCall *call, const HttpBodySink *sink, HttpAnswer *ret)
{
    Receiver receiver = {.sink = sink, .allow_failed = sink->allow_failed || call->allow_failed};
    _cleanup_diag_ Diag diag = DIAG_INIT;
    HttpRequest *request = &call->request;
    request->take = receive;
    request->userdata = &receiver;
    if (sink->is_file && !call->limits_bytes)
        request->answer_bytes_max = 0;
    if (!sink->is_file)
        request->idle_timeout_usec = MIN(request->idle_timeout_usec, request->answer_timeout_usec);
    log_request(run, call);
    int r = run->http->exchange(request, ret, &diag);
    if (r > 0)
        r = run_fail(run, "%s", diag_first(&diag));
    if (r == 0)
        log_answer(run, call, ret);
    if (r == 0 && ret->code >= 400 && !receiver.allow_failed) {
        r = fail_by_code(run, call, ret, &receiver.failure);
        http_answer_done(ret);
    }
    buffer_done(&receiver.failure);
    return r < 0 ? trace(r) : r;
}

/* own: NULL for the request that the task's properties describe. */
static int exchange(RunContext *run, const HttpOwnRequest *own, HttpCall *call, const HttpBodySink *sink,
                    HttpAnswer *ret)
{
    if (!run->http)
        return run_fail(run, "HTTP is not available here");
    int r = own ? http_call_prepare_own(run, own, call) : http_call_prepare(run, call);
    return r == 0 ? send_request(run, call, sink, ret) : r;
}

int http_exchange(RunContext *run, const HttpBodySink *sink, HttpAnswer *ret)
{
    _cleanup_(http_call_done) HttpCall call = {};
    return exchange(run, NULL, &call, sink, ret);
}

void http_answer_done(HttpAnswer *answer)
{
    json_decref(answer->headers);
    free(answer->uri);
    free(answer->address);
    *answer = (HttpAnswer){};
}

/* --- the body as text --- */

static bool take_bytes(void *userdata, const char *bytes, size_t length)
{
    buffer_append_n(userdata, bytes, length);
    return true;
}

static const char *header_of(const HttpAnswer *answer, const char *wanted)
{
    const char *name;
    json_t *values;
    json_object_foreach (answer->headers, name, values)
        if (strcasecmp(name, wanted) == 0)
            return json_string_value(json_array_get(values, 0));
    return NULL;
}

static int decode_body(RunContext *run, const HttpCall *call, const Buffer *bytes, HttpFetched *ret)
{
    const char *content_type = header_of(&ret->answer, "Content-Type");
    _cleanup_free_ char *named = content_type ? charset_of(content_type) : NULL;
    if (named && charset_decode(named, buffer_text(bytes), bytes->length, &ret->body) == 0)
        return 0;
    if (named)
        run_log(run, LOG_LEVEL_WARN, "The answer names an unknown charset '%s'; it is read as %s", named,
                call->charset);
    if (charset_decode(call->charset, buffer_text(bytes), bytes->length, &ret->body) == 0)
        return 0;
    return run_fail(run, "options.defaultCharset: unknown charset '%s'", call->charset);
}

static int fetch(RunContext *run, const HttpOwnRequest *own, bool allow_failed, HttpFetched *ret)
{
    _cleanup_(http_call_done) HttpCall call = {};
    _cleanup_buffer_ Buffer bytes = {};
    const HttpBodySink sink = {.take = take_bytes, .userdata = &bytes, .allow_failed = allow_failed};
    *ret = (HttpFetched){};
    int r = exchange(run, own, &call, &sink, &ret->answer);
    if (r == 0)
        r = decode_body(run, &call, &bytes, ret);
    if (r == 0 && (call.logs & HTTP_LOG_RESPONSE_BODY))
        run_log(run, LOG_LEVEL_DEBUG, "Response body:\n%s", ret->body);
    if (r != 0)
        http_fetched_done(ret);
    return r;
}

int http_fetch(RunContext *run, bool allow_failed, HttpFetched *ret)
{
    return fetch(run, NULL, allow_failed, ret);
}

int http_send(RunContext *run, const HttpOwnRequest *request, HttpFetched *ret)
{
    return fetch(run, request, false, ret);
}

void http_fetched_done(HttpFetched *fetched)
{
    http_answer_done(&fetched->answer);
    free(fetched->body);
    *fetched = (HttpFetched){};
}

int http_outputs(RunContext *run, const HttpFetched *fetched, json_t **ret)
{
    _cleanup_json_ json_t *outputs = json_object();
    _cleanup_free_ char *sealed = NULL;
    bool encrypts;
    int r = run_boolean(run, "encryptBody", false, &encrypts);
    if (r != 0)
        return r;
    json_set_text(outputs, "uri", fetched->answer.uri);
    json_object_set_new(outputs, "code", json_integer(fetched->answer.code));
    json_object_set(outputs, "headers", fetched->answer.headers);
    if (!encrypts) {
        json_set_text(outputs, "body", fetched->body);
    } else {
        if (!run->encryption_key || encryption_seal(run->encryption_key, fetched->body, &sealed) != 0)
            return run_fail(run, "encryptBody needs an encryption key: set kestra.encryption.secret-key");
        json_object_set_new(outputs, "encryptedBody",
                            json_pack("{s:s,s:s}", "type", "io.kestra.datatype:aes_encrypted", "value", sealed));
    }
    *ret = TAKE_PTR(outputs);
    return 0;
}
