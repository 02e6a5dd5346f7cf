/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request is tried until it is answered by something else than a busy or broken server, or attempts_max is reached.
 * Every request of the drivers may be repeated: objects are written whole, parts by number, deletions of what is gone
 * succeed. A refusal whose Date is far from our clock is repeated once by the server's clock, which is kept.
 *
 * Handles of libcurl keep their connections, so they are kept too: as many as there were ever requests at once.
 */
#include "blob/remote.h"

#include <ctype.h>
#include <curl/curl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "base/clock.h"
#include "base/id.h"

#define ANSWER_BYTES_MAX ((size_t)64 * 1024 * 1024)
#define PAUSE_FIRST      (200 * USEC_PER_MSEC)
#define PAUSE_MAX        (20 * USEC_PER_SEC)
#define RETRY_AFTER_MAX  (120 * USEC_PER_SEC)
#define SKEW_MIN         (60 * (int64_t)USEC_PER_SEC)
enum { MESSAGE_MAX = 300, UPLOAD_CHUNK = 512 * 1024, DOWNLOAD_CHUNK = 256 * 1024 };

struct Remote {
    const RemoteOps *ops;
    RemoteSettings settings;
    void *userdata;
    _Atomic int64_t clock_offset; /* what the server's clock has more than ours */
    pthread_mutex_t lock;
    VEC(CURL *) idle;
};

/* --- headers --- */

static void headers_done(RemoteHeaders *headers)
{
    for (size_t i = 0; i < headers->count; i++)
        free(headers->items[i]);
    vec_free(headers);
}

void remote_add_header(RemoteHeaders *headers, const char *format, ...)
{
    Buffer line = {};
    va_list arguments;
    char *text;
    va_start(arguments, format);
    if (vasprintf(&text, format, arguments) < 0)
        abort();
    va_end(arguments);
    for (const char *c = text; *c; c++) /* a value brings no further headers */
        buffer_append_char(&line, *c == '\r' || *c == '\n' ? ' ' : *c);
    free(text);
    vec_push(headers, buffer_take(&line));
}

static const char *value_of(const char *line, const char *name)
{
    size_t length = strlen(name);
    if (strncmp(line, name, length) != 0 || line[length] != ':')
        return NULL;
    line += length + 1;
    return line + strspn(line, " \t");
}

void remote_drop_header(RemoteHeaders *headers, const char *name)
{
    size_t kept = 0;
    for (size_t i = 0; i < headers->count; i++)
        if (value_of(headers->items[i], name))
            free(headers->items[i]);
        else
            headers->items[kept++] = headers->items[i];
    headers->count = kept;
}

const char *remote_header(const RemoteAnswer *answer, const char *name)
{
    for (size_t i = 0; i < answer->headers.count; i++) {
        const char *value = value_of(answer->headers.items[i], name);
        if (value)
            return value;
    }
    return NULL;
}

void remote_answer_done(RemoteAnswer *answer)
{
    headers_done(&answer->headers);
    buffer_done(&answer->body);
    *answer = (RemoteAnswer){};
}

void remote_request_done(RemoteRequest *request)
{
    free(request->path);
    free(request->query);
    headers_done(&request->headers);
    headers_done(&request->signature);
    *request = (RemoteRequest){};
}

/* --- texts --- */

void remote_encode(Buffer *buffer, const char *text, bool keeps_slash)
{
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        bool is_plain = (*c >= '0' && *c <= '9') || (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
                        strchr("-._~", *c) || (*c == '/' && keeps_slash);
        if (is_plain)
            buffer_append_char(buffer, (char)*c);
        else
            buffer_printf(buffer, "%%%02X", *c);
    }
}

void remote_decode(char *text)
{
    static const char digits[] = "0123456789abcdef";
    char *to = text;
    for (const char *c = text; *c; c++) {
        const char *high = *c == '%' && c[1] ? strchr(digits, tolower((unsigned char)c[1])) : NULL;
        const char *low = high && c[2] ? strchr(digits, tolower((unsigned char)c[2])) : NULL;
        *to++ = low ? (char)((high - digits) << 4 | (low - digits)) : *c == '+' ? ' ' : *c;
        c += low ? 2 : 0;
    }
    *to = '\0';
}

void remote_format_date(usec_t instant, char ret[static REMOTE_DATE_BYTES])
{
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t seconds = (time_t)(instant / USEC_PER_SEC);
    struct tm tm = {};
    (void)gmtime_r(&seconds, &tm); /* fails only beyond the year 2^31 */
    (void)snprintf(ret, REMOTE_DATE_BYTES, "%s, %02u %s %u %02u:%02u:%02u GMT", days[tm.tm_wday % 7],
                   (unsigned)tm.tm_mday % 100, months[tm.tm_mon % 12], (unsigned)(tm.tm_year + 1900) % 10000,
                   (unsigned)tm.tm_hour % 100, (unsigned)tm.tm_min % 100, (unsigned)tm.tm_sec % 100); /* fits */
}

usec_t remote_parse_date(const char *text)
{
    time_t seconds = text ? curl_getdate(text, NULL) : -1;
    return seconds > 0 ? (usec_t)seconds * USEC_PER_SEC : 0;
}

/* --- one attempt --- */

typedef struct Attempt {
    Remote *remote;
    RemoteRequest *request;
    RemoteAnswer *answer;
    CURL *curl;
    struct curl_slist *lines;
    char *url;
    curl_off_t moved; /* bytes both ways, at the last look */
    usec_t moved_at;  /* monotonic */
    int refusal;      /* of request->take */
    char error[CURL_ERROR_SIZE];
} Attempt;

static size_t on_header(char *line, size_t size, size_t count, void *userdata)
{
    RemoteAnswer *answer = ((Attempt *)userdata)->answer;
    if (count >= 5 && memcmp(line, "HTTP/", 5) == 0) {
        headers_done(&answer->headers); /* of a 100 before */
        return count;
    }
    size_t end = count;
    while (end > 0 && isspace((unsigned char)line[end - 1]))
        end--;
    char *copy = xstrndup(line, end);
    for (char *c = copy; *c && *c != ':'; c++)
        *c = (char)tolower((unsigned char)*c);
    vec_push(&answer->headers, copy);
    return count;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *userdata)
{
    Attempt *attempt = userdata;
    RemoteAnswer *answer = attempt->answer;
    (void)curl_easy_getinfo(attempt->curl, CURLINFO_RESPONSE_CODE, &answer->status); /* valid handle, valid option */
    if (attempt->request->take && answer->status / 100 == 2) {
        attempt->refusal = attempt->request->take(attempt->request->userdata, answer, bytes, count);
        attempt->moved_at = clock_monotonic(); /* a slow reader is not a silent server */
        return attempt->refusal == 0 ? count : 0;
    }
    if (answer->body.length + count > ANSWER_BYTES_MAX)
        return 0;
    buffer_append_n(&answer->body, bytes, count);
    return count;
}

static int on_progress(void *userdata, curl_off_t down_total, curl_off_t down, curl_off_t up_total, curl_off_t up)
{
    Attempt *attempt = userdata;
    usec_t now = clock_monotonic();
    if (down + up != attempt->moved) {
        attempt->moved = down + up;
        attempt->moved_at = now;
    }
    return now - attempt->moved_at > attempt->remote->settings.timeout_usec;
}

static CURL *take_handle(Remote *remote)
{
    CURL *curl = NULL;
    pthread_mutex_lock(&remote->lock);
    if (remote->idle.count > 0)
        curl = remote->idle.items[--remote->idle.count];
    pthread_mutex_unlock(&remote->lock);
    if (!curl && !(curl = curl_easy_init()))
        abort(); /* only when memory is short */
    return curl;
}

static void give_handle(Remote *remote, CURL *curl)
{
    curl_easy_reset(curl); /* keeps its connections */
    pthread_mutex_lock(&remote->lock);
    vec_push(&remote->idle, curl);
    pthread_mutex_unlock(&remote->lock);
}

static void set_headers(Attempt *attempt)
{
    const RemoteHeaders *const lists[] = {&attempt->request->headers, &attempt->request->signature};
    for (size_t l = 0; l < ELEMENTS(lists); l++)
        for (size_t i = 0; i < lists[l]->count; i++)
            attempt->lines = curl_slist_append(attempt->lines, lists[l]->items[i]);
    /* what libcurl would add by itself and nobody has signed */
    static const char *const none[] = {"Expect:", "Accept:", "Content-Type:"};
    for (size_t i = 0; i < ELEMENTS(none); i++)
        if (i < 2 || !attempt->request->body)
            attempt->lines = curl_slist_append(attempt->lines, none[i]);
    curl_easy_setopt(attempt->curl, CURLOPT_HTTPHEADER, attempt->lines);
}

static void set_request(Attempt *attempt)
{
    const RemoteRequest *request = attempt->request;
    CURL *curl = attempt->curl;
    bool secret = request->secret_query, plain = request->query;
    attempt->url =
        xasprintf("%s%s%s%s%s%s", request->base, request->path, plain || secret ? "?" : "", plain ? request->query : "",
                  plain && secret ? "&" : "", secret ? request->secret_query : "");
    curl_easy_setopt(curl, CURLOPT_URL, attempt->url);
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    if (streq(request->method, "HEAD")) {
        curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    } else if (request->body || !streq(request->method, "GET")) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->length);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body ? request->body : "");
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
    }
    set_headers(attempt);
}

static void set_limits(Attempt *attempt)
{
    const RemoteSettings *settings = &attempt->remote->settings;
    CURL *curl = attempt->curl;
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)(settings->connect_timeout_usec / USEC_PER_MSEC));
    curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, (long)DOWNLOAD_CHUNK);
    curl_easy_setopt(curl, CURLOPT_UPLOAD_BUFFERSIZE, (long)UPLOAD_CHUNK);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, settings->trusts_any ? 0L : 1L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, settings->trusts_any ? 0L : 2L);
    if (settings->has_no_proxy)
        curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    if (settings->ca_file)
        curl_easy_setopt(curl, CURLOPT_CAINFO, settings->ca_file);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "kestra");
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, attempt->error);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, attempt);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, attempt);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, attempt);
}

static const struct {
    CURLcode code;
    int error;
    bool is_final; /* trying again gives the same */
} curl_errors[] = {
    {CURLE_COULDNT_RESOLVE_HOST, -EHOSTUNREACH},
    {CURLE_COULDNT_CONNECT, -ECONNREFUSED},
    {CURLE_OPERATION_TIMEDOUT, -ETIMEDOUT},
    {CURLE_ABORTED_BY_CALLBACK, -ETIMEDOUT},
    {CURLE_PARTIAL_FILE, -ECONNRESET},
    {CURLE_GOT_NOTHING, -ECONNRESET},
    {CURLE_RECV_ERROR, -ECONNRESET},
    {CURLE_SEND_ERROR, -ECONNRESET},
    {CURLE_PEER_FAILED_VERIFICATION, -EPROTO, true},
    {CURLE_SSL_CACERT_BADFILE, -EPROTO, true},
    {CURLE_URL_MALFORMAT, -EINVAL, true},
    {CURLE_UNSUPPORTED_PROTOCOL, -EINVAL, true},
    {CURLE_WRITE_ERROR, -EMSGSIZE, true},
};

/* The outage that stands for what libcurl says, with its reason. */
static int fail_transport(const Attempt *attempt, CURLcode code, bool *ret_final)
{
    int r = -EIO;
    *ret_final = false;
    for (size_t i = 0; i < ELEMENTS(curl_errors); i++)
        if (curl_errors[i].code == code) {
            r = curl_errors[i].error;
            *ret_final = curl_errors[i].is_final;
        }
    bool is_silent = code == CURLE_ABORTED_BY_CALLBACK;
    blob_set_reason("%s at %s: %s", attempt->remote->ops->name, attempt->request->base,
                    is_silent         ? "the server said nothing for too long"
                    : *attempt->error ? attempt->error
                                      : curl_easy_strerror(code));
    return r;
}

/* 0: answered, whatever the status. */
static int try_once(Remote *remote, RemoteRequest *request, RemoteAnswer *answer, bool *ret_final)
{
    *ret_final = true;
    headers_done(&request->signature);
    request->secret_query = NULL;
    int r = remote->ops->sign && !request->is_unsigned
                ? remote->ops->sign(remote->userdata, request, remote_now(remote))
                : 0;
    if (r != 0)
        return r;
    unsigned attempts = answer->attempts;
    remote_answer_done(answer);
    answer->attempts = attempts + 1;
    Attempt attempt = {.remote = remote, .request = request, .answer = answer, .curl = take_handle(remote)};
    attempt.moved_at = clock_monotonic();
    set_limits(&attempt);
    set_request(&attempt);
    CURLcode code = curl_easy_perform(attempt.curl);
    if (attempt.refusal != 0)
        r = attempt.refusal;
    else if (code != CURLE_OK)
        r = fail_transport(&attempt, code, ret_final);
    else
        (void)curl_easy_getinfo(attempt.curl, CURLINFO_RESPONSE_CODE, &answer->status);
    if (r != 0)
        answer->status = 0;
    curl_slist_free_all(attempt.lines);
    give_handle(remote, attempt.curl);
    free(attempt.url);
    return r;
}

/* --- again --- */

static bool is_busy(long status)
{
    return status == 408 || status == 429 || status == 500 || status == 502 || status == 503 || status == 504;
}

static usec_t retry_after(const RemoteAnswer *answer, usec_t now)
{
    const char *text = remote_header(answer, "retry-after");
    if (!text)
        return 0;
    uintmax_t seconds = strtoumax(text, NULL, 10);
    usec_t at = remote_parse_date(text), wait = 0;
    if (isdigit((unsigned char)*text))
        wait = MIN((usec_t)seconds, (usec_t)3600) * USEC_PER_SEC;
    else if (at > now)
        wait = at - now;
    return MIN(wait, RETRY_AFTER_MAX);
}

/* Between half of the pause and all of it, so that many clients do not come back at once. */
static void pause_before(const Remote *remote, const RemoteAnswer *answer)
{
    unsigned doublings = MIN(answer->attempts - 1, 10u);
    usec_t pause = MIN(PAUSE_FIRST << doublings, PAUSE_MAX);
    pause = pause / 2 + random_bits() % (pause / 2 + 1);
    pause = MAX(pause, retry_after(answer, remote_now(remote)));
    usec_t end = clock_monotonic() + pause;
    for (usec_t now = clock_monotonic(); now < end; now = clock_monotonic())
        (void)poll(NULL, 0, (int)((end - now) / USEC_PER_MSEC) + 1); /* interrupted: the rest of it */
}

/* A refusal by a server whose clock is far from ours: takes over its clock. */
static bool adopt_clock(Remote *remote, const RemoteAnswer *answer)
{
    usec_t theirs = remote_parse_date(remote_header(answer, "date"));
    if (theirs == 0 || (answer->status != 400 && answer->status != 401 && answer->status != 403))
        return false;
    int64_t difference = (int64_t)theirs - (int64_t)remote_now(remote);
    if (difference > -SKEW_MIN && difference < SKEW_MIN)
        return false;
    atomic_fetch_add(&remote->clock_offset, difference);
    return true;
}

static bool is_accepted(const RemoteRequest *request, long status)
{
    for (const int *accepted = request->accepts; accepted && *accepted; accepted++)
        if (*accepted == status)
            return true;
    return status / 100 == 2;
}

int remote_refused(const Remote *remote, const RemoteRequest *request, const RemoteAnswer *answer)
{
    _cleanup_free_ char *code = NULL, *message = NULL, *path = xstrdup(request->path);
    remote->ops->explain(answer, &code, &message);
    bool no_container = code && remote->ops->no_container && streq(code, remote->ops->no_container);
    remote_decode(path);
    blob_set_reason("%s refused %s %.*s: %ld%s%s%s%.*s", remote->ops->name, request->method, MESSAGE_MAX, path,
                    answer->status, code ? " " : "", code ? code : "", message ? ": " : "", MESSAGE_MAX,
                    message ? message : "");
    if (answer->status == 404)
        return no_container ? -ENXIO : BLOB_E_ABSENT;
    if (answer->status == 401 || answer->status == 403)
        return -EACCES;
    return answer->status == 507 ? -ENOSPC : -EIO;
}

int remote_exchange(Remote *remote, RemoteRequest *request, RemoteAnswer *answer)
{
    bool may_adopt = true, may_renew = remote->ops->renew && !request->is_unsigned;
    for (unsigned tried = 1;; tried++) {
        bool is_final;
        int r = try_once(remote, request, answer, &is_final);
        if (r != 0 && (is_final || tried >= remote->settings.attempts_max))
            return r;
        if (r == 0 && is_accepted(request, answer->status))
            return 0;
        if (r == 0 && may_adopt && adopt_clock(remote, answer)) {
            may_adopt = false;
        } else if (r == 0 && may_renew && remote->ops->renew(remote->userdata, answer)) {
            may_renew = false;
        } else if (r == 0 && (!is_busy(answer->status) || tried >= remote->settings.attempts_max)) {
            return remote_refused(remote, request, answer);
        } else {
            pause_before(remote, answer);
        }
        if (request->again)
            request->again(request->userdata, request);
    }
}

/* --- ends --- */

usec_t remote_now(const Remote *remote)
{
    return (usec_t)((int64_t)clock_realtime() + atomic_load(&remote->clock_offset));
}

void remote_shift_clock(Remote *remote, int64_t usec)
{
    atomic_store(&remote->clock_offset, usec);
}

static void start_curl(void)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        abort();
}

Remote *remote_new(const RemoteOps *ops, const RemoteSettings *settings, void *userdata)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, start_curl); /* cannot fail with a valid argument */
    Remote *remote = xnew(Remote);
    remote->ops = ops;
    remote->settings = *settings;
    remote->userdata = userdata;
    (void)pthread_mutex_init(&remote->lock, NULL); /* the default kind always succeeds */
    return remote;
}

Remote *remote_free(Remote *remote)
{
    if (!remote)
        return NULL;
    for (size_t i = 0; i < remote->idle.count; i++)
        curl_easy_cleanup(remote->idle.items[i]);
    vec_free(&remote->idle);
    pthread_mutex_destroy(&remote->lock);
    free(remote);
    return NULL;
}
