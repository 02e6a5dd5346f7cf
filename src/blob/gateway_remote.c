/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Storage behind gateways on other hosts. Every call tries the gateways in turn, the one that answered last first, and
 * all of them again after a pause: an outage is reported only when none answers. A gateway that says no (404, 422) has
 * answered.
 *
 * What is read comes through a socket that a thread fills, so that a file of any size takes no memory and begins at
 * once. One that stays incomplete ends with ECONNRESET (remote_stream.c has the trick). A connection that breaks in the
 * middle is taken up where it stood, by the same gateway or the next. What is written is a file first (an unnamed one
 * where it is not), because a second gateway must be given it from the start.
 */
#include <curl/curl.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "blob/blob_private.h"

#define CONNECT_MSEC 5000L
#define ROUNDS       3
#define PAUSE_USEC   (200 * USEC_PER_MSEC)

typedef struct Remote {
    Blob blob;
    char **urls;
    size_t count;
    char *authorization, *authorities, *certificate, *key;
    long timeout_sec;
    unsigned last; /* that answered; only a hint, so races do not matter */
} Remote;

/* --- one request to one gateway --- */

typedef struct Call {
    const Remote *remote;
    CURL *curl;
    struct curl_slist *headers;
    long status;     /* 0: no answer */
    char words[512]; /* of a refusal */
} Call;

static void take_words(Call *call, const char *bytes, size_t length)
{
    size_t used = strlen(call->words);
    (void)snprintf(call->words + used, sizeof call->words - used, "%.*s", (int)MIN(length, sizeof call->words),
                   bytes); /* cut */
}

static CURL *call_begin(Call *call, const Remote *remote, size_t gateway, const char *path)
{
    CURL *curl = curl_easy_init();
    *call = (Call){.remote = remote, .curl = curl};
    _cleanup_free_ char *uri = path ? xasprintf("kestra:///%s", path) : NULL;
    char *escaped = uri ? curl_easy_escape(curl, uri, 0) : NULL;
    _cleanup_free_ char *url =
        xasprintf("%s/storage%s%s", remote->urls[gateway], escaped ? "?uri=" : "", escaped ? escaped : "");
    curl_free(escaped);
    call->headers = curl_slist_append(NULL, remote->authorization);
    call->headers = curl_slist_append(call->headers, "Expect:");
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MSEC);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, remote->timeout_sec);
    if (remote->authorities)
        curl_easy_setopt(curl, CURLOPT_CAINFO, remote->authorities);
    if (remote->certificate)
        curl_easy_setopt(curl, CURLOPT_SSLCERT, remote->certificate);
    if (remote->key)
        curl_easy_setopt(curl, CURLOPT_SSLKEY, remote->key);
    return curl;
}

static CURLcode call_perform(Call *call)
{
    curl_easy_setopt(call->curl, CURLOPT_HTTPHEADER, call->headers);
    CURLcode code = curl_easy_perform(call->curl);
    if (curl_easy_getinfo(call->curl, CURLINFO_RESPONSE_CODE, &call->status) != CURLE_OK)
        call->status = 0;
    return code;
}

static void call_end(Call *call)
{
    curl_slist_free_all(call->headers);
    curl_easy_cleanup(call->curl);
}

/* What a status means; negative: this gateway cannot, another may. */
static int outcome_of(long status)
{
    static const struct {
        long status;
        int outcome;
    } table[] = {{200, 0}, {204, 0}, {206, 0}, {404, BLOB_E_ABSENT}, {422, BLOB_E_INVALID}};
    for (size_t i = 0; i < ELEMENTS(table); i++)
        if (table[i].status == status)
            return table[i].outcome;
    return status == 401 || status == 403 ? -EACCES : status == 507 ? -ENOSPC : -EHOSTUNREACH;
}

/* The call's outcome, with the gateway's words for an outage. */
static int call_outcome(const Call *call, CURLcode code)
{
    int r = code == CURLE_OK ? outcome_of(call->status) : -EHOSTUNREACH;
    if (r < 0)
        blob_set_reason("%s", code == CURLE_OK ? call->words : "");
    return r;
}

static void pause_before(unsigned round)
{
    const struct timespec pause = {.tv_nsec = (long)(round * PAUSE_USEC * 1000)};
    (void)nanosleep(&pause, NULL); /* a shorter one does no harm */
}

/* Calls `try` with each gateway in turn until one gives an answer, 0 or an outcome. */
static int try_in_turn(const Remote *remote, int (*try)(const Remote *remote, size_t gateway, void *userdata),
                       void *userdata)
{
    int r = -EHOSTUNREACH;
    unsigned first = __atomic_load_n(&remote->last, __ATOMIC_RELAXED);
    for (unsigned round = 0; round < ROUNDS; round++) {
        if (round > 0)
            pause_before(round);
        for (size_t i = 0; i < remote->count; i++) {
            unsigned gateway = (unsigned)((first + i) % remote->count);
            r = try(remote, gateway, userdata);
            if (r >= 0)
                __atomic_store_n(&((Remote *)remote)->last, gateway, __ATOMIC_RELAXED);
            if (r >= 0)
                return r;
        }
    }
    return outage(r);
}

/* --- questions --- */

typedef struct Question {
    char *text;
    Buffer answer;
} Question;

static size_t on_answer(char *bytes, size_t size, size_t count, void *userdata)
{
    Question *question = userdata;
    if (question->answer.length + size * count > BLOB_ANSWER_BYTES_MAX)
        return 0;
    buffer_append_n(&question->answer, bytes, size * count);
    return size * count;
}

static int try_question(const Remote *remote, size_t gateway, void *userdata)
{
    Question *question = userdata;
    Call call;
    CURL *curl = call_begin(&call, remote, gateway, NULL);
    buffer_clear(&question->answer);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, question->text);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_answer);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, question);
    CURLcode code = call_perform(&call);
    call_end(&call);
    return call_outcome(&call, code);
}

static int remote_ask(const Blob *blob, const json_t *request, json_t **ret)
{
    _cleanup_json_ json_t *answer = NULL;
    Question question = {.text = json_text(request)};
    int r = try_in_turn((const Remote *)blob, try_question, &question);
    if (r == 0 &&
        json_parse(buffer_text(&question.answer), question.answer.length, BLOB_ANSWER_BYTES_MAX, &answer, NULL) != 0)
        r = outage(-EPROTO);
    free(question.text);
    buffer_done(&question.answer);
    if (r == 0)
        r = blob_answer_outcome(answer);
    if (r == 0)
        *ret = TAKE_PTR(answer);
    return r;
}

static int ask(const Blob *blob, const char *op, const char *path, json_t **ret)
{
    _cleanup_json_ json_t *request = json_object();
    json_set_text(request, "op", op);
    json_object_set_new(request, "uri", json_sprintf("kestra:///%s", path));
    return remote_ask(blob, request, ret);
}

static int remote_stat(const Blob *blob, const char *path, BlobEntry *ret)
{
    _cleanup_json_ json_t *answer = NULL;
    int r = ask(blob, "stat", path, &answer);
    if (r == 0)
        *ret = blob_entry_decode(json_object_get(answer, "entry"));
    return r;
}

static int ask_entries(const Blob *blob, const char *op, const char *path, BlobEntries *ret)
{
    _cleanup_json_ json_t *answer = NULL;
    size_t i;
    const json_t *item;
    int r = ask(blob, op, path, &answer);
    json_array_foreach (json_object_get(answer, "entries"), i, item)
        vec_push(ret, blob_entry_decode(item));
    return r;
}

static int remote_list(const Blob *blob, const char *path, BlobEntries *ret)
{
    return ask_entries(blob, "list", path, ret);
}

static int remote_delete_prefix(const Blob *blob, const char *path, BlobEntries *ret)
{
    return ask_entries(blob, "delete-prefix", path, ret);
}

static int remote_delete(const Blob *blob, const char *path, bool *ret_existed)
{
    _cleanup_json_ json_t *answer = NULL;
    int r = ask(blob, "delete", path, &answer);
    if (r == 0)
        *ret_existed = json_get_boolean(answer, "existed", false);
    return r;
}

/* --- reading --- */

/* One open_read, shared by the caller until it knows the answer and the thread until its end. */
typedef struct Pump {
    const Remote *remote; /* a copy of our own: the caller may free its Blob while it is read */
    char *path;
    BlobRange range;
    int64_t done; /* bytes that went to the reader */
    int64_t size; /* of the object; -1: not known */
    int fd;       /* the end that is written; -1: nobody reads any more */
    bool known;   /* the caller has its answer */
    int outcome;
    unsigned holders;
    char *reason; /* of an outcome that is an outage */
    Call *call;   /* the try that runs */
    pthread_mutex_t lock;
    pthread_cond_t told;
} Pump;

static Remote *remote_copy(const Remote *from);
static void remote_free(Blob *blob);

static void pump_release(Pump *pump)
{
    pthread_mutex_lock(&pump->lock);
    bool last = --pump->holders == 0;
    pthread_mutex_unlock(&pump->lock);
    if (!last)
        return;
    close_fd(pump->fd);
    pthread_mutex_destroy(&pump->lock);
    pthread_cond_destroy(&pump->told);
    remote_free(&((Remote *)pump->remote)->blob);
    free(pump->path);
    free(pump->reason);
    free(pump);
}

static void pump_tell(Pump *pump, int outcome)
{
    pthread_mutex_lock(&pump->lock);
    if (!pump->known) {
        pump->known = true;
        pump->outcome = outcome;
        pump->reason = outcome < 0 ? xstrdup_null(blob_reason()) : NULL;
        pthread_cond_signal(&pump->told);
    }
    pthread_mutex_unlock(&pump->lock);
}

static size_t on_object_header(char *line, size_t size, size_t count, void *userdata)
{
    static const char name[] = "X-Object-Size:";
    Pump *pump = userdata;
    int64_t value = 0;
    const char *end = line + size * count, *p = line + sizeof name - 1;
    if (size * count < sizeof name || strncasecmp(line, name, sizeof name - 1) != 0)
        return size * count;
    for (; p < end && *p == ' '; p++)
        ;
    for (; p < end && *p >= '0' && *p <= '9' && value < INT64_MAX / 16; p++)
        value = value * 10 + (*p - '0');
    pump->size = value;
    return size * count;
}

static size_t on_object(char *bytes, size_t size, size_t count, void *userdata)
{
    Pump *pump = userdata;
    long status = 0;
    size_t length = size * count;
    if (curl_easy_getinfo(pump->call->curl, CURLINFO_RESPONSE_CODE, &status) != CURLE_OK || outcome_of(status) != 0) {
        take_words(pump->call, bytes, length);
        return length;
    }
    pump_tell(pump, 0);
    for (size_t sent = 0; sent < length;) {
        ssize_t n = send(pump->fd, bytes + sent, length - sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            pump->fd = close_fd(pump->fd); /* nobody reads any more */
            return 0;
        }
        sent += (size_t)n;
        pump->done += n;
    }
    return length;
}

static int try_object(const Remote *remote, size_t gateway, void *userdata)
{
    Pump *pump = userdata;
    Call call;
    CURL *curl = call_begin(&call, remote, gateway, pump->path);
    pump->call = &call;
    _cleanup_free_ char *range = NULL;
    int64_t from = pump->range.offset + pump->done;
    if (pump->range.length >= 0)
        range = xasprintf("Range: bytes=%" PRIi64 "-%" PRIi64, from, pump->range.offset + pump->range.length - 1);
    else if (from > 0)
        range = xasprintf("Range: bytes=%" PRIi64 "-", from);
    if (range)
        call.headers = curl_slist_append(call.headers, range);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_object_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, pump);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_object);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, pump);
    CURLcode code = call_perform(&call);
    call_end(&call);
    if (pump->fd < 0)
        return 0; /* as far as it was wanted */
    return call_outcome(&call, code);
}

static int64_t expected(const Pump *pump)
{
    int64_t rest = MAX(pump->size - pump->range.offset, INT64_C(0));
    return pump->range.length < 0 ? rest : MIN(rest, pump->range.length);
}

static void *pump_main(void *userdata)
{
    Pump *pump = userdata;
    sigset_t all;
    sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, NULL); /* signals are the loop's; cannot fail with these arguments */
    int r = try_in_turn(pump->remote, try_object, pump);
    char byte;
    if (r == 0 && pump->done == expected(pump))
        (void)recv(pump->fd, &byte, 1, MSG_DONTWAIT); /* what is unread makes the end a failure */
    pump->fd = close_fd(pump->fd);
    pump_tell(pump, r);
    pump_release(pump);
    return NULL;
}

static Pump *pump_new(const Remote *remote, const char *path, BlobRange range, int fd)
{
    Pump *pump = xnew(Pump);
    pump->remote = remote_copy(remote);
    pump->path = xstrdup(path);
    pump->range = range;
    pump->size = -1;
    pump->fd = fd;
    pump->holders = 2;
    pthread_mutex_init(&pump->lock, NULL);
    pthread_cond_init(&pump->told, NULL);
    return pump;
}

static int pump_start(Pump *pump)
{
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    int r = pthread_create(&thread, &attributes, pump_main, pump);
    pthread_attr_destroy(&attributes);
    return r ? outage(-r) : 0;
}

static int remote_open_read(const Blob *blob, const char *path, BlobRange range, int *ret_fd, int64_t *ret_size)
{
    int ends[2];
    if (range.length == 0) { /* no range of HTTP is empty */
        BlobEntry entry;
        int stated = remote_stat(blob, path, &entry);
        if (stated != 0)
            return stated;
        *ret_size = entry.size_bytes;
        blob_entry_done(&entry);
        *ret_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        return *ret_fd < 0 ? outage(-errno) : 0;
    }
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        return outage(-errno);
    _cleanup_(close_fdp) int reader = ends[0];
    Pump *pump = pump_new((const Remote *)blob, path, range, ends[1]);
    int r = write(reader, "?", 1) == 1 && shutdown(reader, SHUT_WR) == 0 ? pump_start(pump) : outage(-errno);
    if (r < 0) {
        pump_release(pump);
        pump_release(pump);
        return r;
    }
    pthread_mutex_lock(&pump->lock);
    while (!pump->known)
        pthread_cond_wait(&pump->told, &pump->lock);
    r = pump->outcome;
    int64_t size = pump->size;
    if (r < 0)
        blob_set_reason("%s", pump->reason ? pump->reason : "");
    pthread_mutex_unlock(&pump->lock);
    pump_release(pump);
    if (r == 0 && size < 0)
        r = outage(-EPROTO);
    if (r != 0)
        return r;
    *ret_fd = TAKE_FD(reader);
    *ret_size = size;
    return 0;
}

/* --- writing --- */

static int spool_new(int *ret_fd)
{
    const char *directory = getenv("TMPDIR");
    int fd = open(directory ? directory : "/var/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0)
        return outage(-errno);
    *ret_fd = fd;
    return 0;
}

typedef struct Upload {
    const char *path;
    int fd;
    int64_t start, length, sent;
} Upload;

static size_t on_upload(char *bytes, size_t size, size_t count, void *userdata)
{
    Upload *upload = userdata;
    ssize_t n = pread(upload->fd, bytes, MIN(size * count, (size_t)(upload->length - upload->sent)),
                      upload->start + upload->sent);
    if (n < 0)
        return CURL_READFUNC_ABORT;
    upload->sent += n;
    return (size_t)n;
}

static size_t on_words(char *bytes, size_t size, size_t count, void *userdata)
{
    take_words(userdata, bytes, size * count);
    return size * count;
}

static int try_upload(const Remote *remote, size_t gateway, void *userdata)
{
    Upload *upload = userdata;
    Call call;
    CURL *curl = call_begin(&call, remote, gateway, upload->path);
    upload->sent = 0;
    curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)upload->length);
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_upload);
    curl_easy_setopt(curl, CURLOPT_READDATA, upload);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_words);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &call);
    CURLcode code = call_perform(&call);
    call_end(&call);
    return call_outcome(&call, code);
}

/* The rest of a file, from where it stands. */
static int upload_file(const Blob *blob, const char *path, int fd)
{
    struct stat info;
    off_t start = lseek(fd, 0, SEEK_CUR);
    if (start < 0 || fstat(fd, &info) < 0)
        return outage(-errno);
    Upload upload = {.path = path, .fd = fd, .start = start, .length = MAX((int64_t)info.st_size - start, INT64_C(0))};
    return try_in_turn((const Remote *)blob, try_upload, &upload);
}

static int remote_write_from(const Blob *blob, const char *path, int from)
{
    _cleanup_(close_fdp) int spool = -1;
    struct stat info;
    if (fstat(from, &info) < 0)
        return outage(-errno);
    if (S_ISREG(info.st_mode))
        return upload_file(blob, path, from);
    int r = spool_new(&spool);
    if (r == 0)
        r = blob_copy(from, spool);
    if (r == 0 && lseek(spool, 0, SEEK_SET) < 0)
        r = outage(-errno);
    return r == 0 ? upload_file(blob, path, spool) : r;
}

/* The part is the number of the descriptor that we keep. */
static int spool_of(const char *part)
{
    int fd = 0;
    for (const char *p = part; *p; p++) {
        if (*p < '0' || *p > '9' || fd > 100 * 1000 * 1000)
            return -1;
        fd = fd * 10 + (*p - '0');
    }
    return *part && fd > 2 ? fd : -1;
}

static int remote_upload_begin(const Blob *blob, char **ret_part, int *ret_fd)
{
    int spool, r = spool_new(&spool);
    if (r < 0)
        return r;
    int writer = fcntl(spool, F_DUPFD_CLOEXEC, 3);
    if (writer < 0) {
        r = outage(-errno);
        close_fd(spool);
        return r;
    }
    *ret_part = xasprintf("%d", spool);
    *ret_fd = writer;
    return 0;
}

static int remote_upload_commit(const Blob *blob, const char *part, const char *path)
{
    _cleanup_(close_fdp) int spool = spool_of(part);
    if (spool < 0)
        return BLOB_E_INVALID;
    if (lseek(spool, 0, SEEK_SET) < 0)
        return outage(-errno);
    return upload_file(blob, path, spool);
}

static void remote_upload_abort(const Blob *blob, const char *part)
{
    close_fd(spool_of(part));
}

/* --- life --- */

static void remote_free(Blob *blob)
{
    Remote *remote = (Remote *)blob;
    for (size_t i = 0; i < remote->count; i++)
        free(remote->urls[i]);
    free(remote->urls);
    if (remote->authorization)
        explicit_bzero(remote->authorization, strlen(remote->authorization));
    free(remote->authorization);
    free(remote->authorities);
    free(remote->certificate);
    free(remote->key);
    free(remote);
}

static const BlobOps remote_ops = {
    .open_read = remote_open_read,
    .write_from = remote_write_from,
    .upload_begin = remote_upload_begin,
    .upload_commit = remote_upload_commit,
    .upload_abort = remote_upload_abort,
    .stat = remote_stat,
    .list = remote_list,
    .delete = remote_delete,
    .delete_prefix = remote_delete_prefix,
    .ask = remote_ask,
    .free = remote_free,
};

static Remote *remote_copy(const Remote *from)
{
    Remote *remote = xnew(Remote);
    *remote = *from;
    remote->urls = xnew_n(char *, from->count + 1);
    for (size_t i = 0; i < from->count; i++)
        remote->urls[i] = xstrdup(from->urls[i]);
    remote->authorization = xstrdup(from->authorization);
    remote->authorities = xstrdup_null(from->authorities);
    remote->certificate = xstrdup_null(from->certificate);
    remote->key = xstrdup_null(from->key);
    return remote;
}

static void init_curl(void)
{
    (void)curl_global_init(CURL_GLOBAL_DEFAULT); /* a failure shows at the first call */
}

static char *file_or_null(const char *name)
{
    return name && *name ? xstrdup(name) : NULL;
}

int blob_remote_new(const BlobRemoteSettings *settings, Blob **ret)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, init_curl); /* cannot fail */
    Remote *remote = xnew(Remote);
    remote->blob.ops = &remote_ops;
    while (settings->urls[remote->count])
        remote->count++;
    remote->urls = xnew_n(char *, remote->count + 1);
    for (size_t i = 0; i < remote->count; i++) {
        remote->urls[i] = xstrdup(settings->urls[i]);
        size_t length = strlen(remote->urls[i]);
        if (length > 0 && remote->urls[i][length - 1] == '/')
            remote->urls[i][length - 1] = '\0';
    }
    remote->authorization = xasprintf("Authorization: Bearer %s", settings->token ? settings->token : "");
    remote->authorities = file_or_null(settings->authorities);
    remote->certificate = file_or_null(settings->certificate);
    remote->key = file_or_null(settings->key);
    remote->timeout_sec = (long)MAX(settings->timeout_usec / USEC_PER_SEC, (usec_t)1);
    *ret = &remote->blob;
    return 0;
}
