/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All waiting is done in curl_multi_poll, together with the descriptor that cancels: no signal is lost between a look
 * at a flag and a call that blocks.
 */
#include "container/engine.h"

#include <curl/curl.h>

#define API_VERSION "/v1.40" /* Docker 19.03, and every Podman 4 */
enum { ANSWER_BYTES_MAX = 16 * 1024 * 1024, POLL_MSEC = 1000 };

struct Engine {
    char *base, *socket, *certificates;
    int cancel_fd;
};

typedef struct Transfer {
    const EngineRequest *request;
    CURL *curl;
    struct curl_slist *headers;
    char *url, *text;
    Buffer answer;
    bool broken; /* by the one who gives or takes */
    char error[CURL_ERROR_SIZE];
} Transfer;

int engine_new(const char *host, const char *certificates, int cancel_fd, Engine **ret, Diag *diag)
{
    _cleanup_(engine_freep) Engine *engine = xnew(Engine);
    engine->cancel_fd = cancel_fd;
    engine->certificates = certificates && *certificates ? xstrdup(certificates) : NULL;
    const char *scheme = engine->certificates ? "https" : "http";
    if (starts_with(host, "unix://")) {
        engine->socket = xstrdup(host + strlen("unix://"));
        engine->base = xstrdup("http://engine");
    } else if (starts_with(host, "tcp://")) {
        engine->base = xasprintf("%s://%s", scheme, host + strlen("tcp://"));
    } else if (starts_with(host, "http://") || starts_with(host, "https://")) {
        engine->base = xstrdup(host);
    } else {
        diag_error(diag, NULL, 0, 0, "'%s' is no address of a container engine: unix:///PATH or tcp://HOST:PORT", host);
        return ENGINE_E_FAILED;
    }
    *ret = TAKE_PTR(engine);
    return 0;
}

Engine *engine_free(Engine *engine)
{
    if (!engine)
        return NULL;
    free(engine->base);
    free(engine->socket);
    free(engine->certificates);
    free(engine);
    return NULL;
}

void engine_never_cancel(Engine *engine)
{
    engine->cancel_fd = -1;
}

void engine_answer_done(EngineAnswer *answer)
{
    json_decref(answer->body);
    free(answer->message);
    *answer = (EngineAnswer){};
}

char *engine_encode(const char *text)
{
    char *encoded = curl_easy_escape(NULL, text, 0);
    char *copy = xstrdup(encoded ? encoded : "");
    curl_free(encoded);
    return copy;
}

/* --- one transfer --- */

static long code_of(const Transfer *transfer)
{
    long code = 0;
    curl_easy_getinfo(transfer->curl, CURLINFO_RESPONSE_CODE, &code);
    return code;
}

static size_t on_answer(char *bytes, size_t size, size_t count, void *userdata)
{
    Transfer *transfer = userdata;
    const EngineRequest *request = transfer->request;
    if (request->take && code_of(transfer) < 300) {
        transfer->broken = !request->take(request->userdata, bytes, count);
        return transfer->broken ? 0 : count;
    }
    transfer->broken = transfer->answer.length + count > ANSWER_BYTES_MAX;
    if (transfer->broken)
        return 0;
    buffer_append_n(&transfer->answer, bytes, count);
    return count;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *userdata)
{
    Transfer *transfer = userdata;
    const EngineRequest *request = transfer->request;
    ssize_t n = request->give(request->give_userdata ? request->give_userdata : request->userdata, bytes, size * count);
    transfer->broken = n < 0;
    return n < 0 ? CURL_READFUNC_ABORT : (size_t)n;
}

static void add_header(Transfer *transfer, const char *name, const char *value)
{
    _cleanup_free_ char *line = xasprintf("%s: %s", name, value);
    transfer->headers = curl_slist_append(transfer->headers, line);
}

static void set_certificates(const Engine *engine, CURL *curl)
{
    static const struct {
        CURLoption option;
        const char *file;
    } files[] = {{CURLOPT_CAINFO, "ca.pem"}, {CURLOPT_SSLCERT, "cert.pem"}, {CURLOPT_SSLKEY, "key.pem"}};
    for (size_t i = 0; engine->certificates && i < ELEMENTS(files); i++) {
        _cleanup_free_ char *path = xasprintf("%s/%s", engine->certificates, files[i].file);
        curl_easy_setopt(curl, files[i].option, path);
    }
}

static void set_body(Transfer *transfer)
{
    const EngineRequest *request = transfer->request;
    CURL *curl = transfer->curl;
    if (request->give) {
        add_header(transfer, "Content-Type", "application/x-tar");
        curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_body);
        curl_easy_setopt(curl, CURLOPT_READDATA, transfer);
    } else if (!streq(request->method, "GET")) {
        transfer->text = request->body ? json_text(request->body) : xstrdup("");
        add_header(transfer, "Content-Type", "application/json");
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, transfer->text);
    }
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
}

static void transfer_init(Transfer *transfer, const Engine *engine, const EngineRequest *request)
{
    *transfer = (Transfer){.request = request, .curl = curl_easy_init()};
    transfer->url = xasprintf("%s" API_VERSION "%s", engine->base, request->path);
    CURL *curl = transfer->curl;
    curl_easy_setopt(curl, CURLOPT_URL, transfer->url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_PROXY, ""); /* none, whatever the environment says */
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, 10000L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)(request->timeout_usec / USEC_PER_MSEC));
    curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, transfer->error);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_answer);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    if (engine->socket)
        curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, engine->socket);
    set_certificates(engine, curl);
    add_header(transfer, "Expect", "");
    if (request->registry_auth)
        add_header(transfer, "X-Registry-Auth", request->registry_auth);
    set_body(transfer);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, transfer->headers);
}

static void transfer_done(Transfer *transfer)
{
    curl_easy_cleanup(transfer->curl);
    curl_slist_free_all(transfer->headers);
    free(transfer->url);
    free(transfer->text);
    buffer_done(&transfer->answer);
}

/* --- calls --- */

/* True when the transfer is over; its result. */
static bool is_over(CURLM *multi, const Transfer *transfer, CURLcode *ret)
{
    int left;
    for (CURLMsg *message; (message = curl_multi_info_read(multi, &left));)
        if (message->msg == CURLMSG_DONE && message->easy_handle == transfer->curl) {
            *ret = message->data.result;
            return true;
        }
    return false;
}

static int perform(const Engine *engine, CURLM *multi, const Transfer *transfer, CURLcode *ret)
{
    struct curl_waitfd cancel = {.fd = engine->cancel_fd, .events = CURL_WAIT_POLLIN};
    int running;
    for (;;) {
        if (curl_multi_perform(multi, &running) != CURLM_OK)
            return outage(-EIO);
        if (is_over(multi, transfer, ret))
            return 0;
        cancel.revents = 0;
        if (curl_multi_poll(multi, &cancel, engine->cancel_fd >= 0, POLL_MSEC, NULL) != CURLM_OK)
            return outage(-EIO);
        if (cancel.revents)
            return ENGINE_E_CANCELLED;
    }
}

static void read_answer(const Transfer *transfer, EngineAnswer *ret)
{
    *ret = (EngineAnswer){.code = code_of(transfer)};
    const char *text = buffer_text(&transfer->answer);
    if (json_parse(text, transfer->answer.length, 0, &ret->body, NULL) != 0)
        ret->body = NULL;
    const char *message = json_is_object(ret->body) ? json_get_text(ret->body, "message", NULL) : text;
    if (ret->code >= 400)
        ret->message = message && *message ? xstrndup(message, 1000) : xasprintf("HTTP status %ld", ret->code);
}

static int judge(const Engine *engine, const Transfer *transfer, CURLcode code, EngineAnswer *ret, Diag *diag)
{
    if (code != CURLE_OK && !(transfer->broken && code_of(transfer) >= 400)) {
        const char *why = *transfer->error ? transfer->error : curl_easy_strerror(code);
        diag_error(diag, NULL, 0, 0, "The container engine at %s: %s", engine->socket ? engine->socket : engine->base,
                   why);
        return ENGINE_E_FAILED;
    }
    read_answer(transfer, ret);
    return 0;
}

int engine_call(Engine *engine, const EngineRequest *request, EngineAnswer *ret, Diag *diag)
{
    CURLM *multi = curl_multi_init();
    _cleanup_(transfer_done) Transfer transfer, beside = {};
    CURLcode code = CURLE_OK;
    transfer_init(&transfer, engine, request);
    curl_multi_add_handle(multi, transfer.curl);
    if (request->beside) {
        transfer_init(&beside, engine, request->beside);
        curl_multi_add_handle(multi, beside.curl);
    }
    int r = perform(engine, multi, &transfer, &code);
    curl_multi_remove_handle(multi, transfer.curl);
    if (request->beside)
        curl_multi_remove_handle(multi, beside.curl);
    curl_multi_cleanup(multi);
    return r == 0 ? judge(engine, &transfer, code, ret, diag) : r;
}
