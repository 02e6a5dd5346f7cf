/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading an object: the caller gets one end of a socket pair, and a thread writes into the other what the store sends.
 * So a reader needs nothing but read(), memory is what the kernel keeps between both, and the worker can hand the
 * descriptor to another process. A thread and not a child, because a child would need the credentials and a connection
 * of its own for each file. It takes no lock that the caller keeps and touches nothing of the process but its Stream
 * and the shared parts of the driver, which are made for it.
 *
 * When the connection breaks, the thread goes on where it was, if the object is still the same. When that fails, or the
 * checksum is wrong, the reader must not take what came for the whole: before the descriptor is given away, a byte is
 * put into its other direction. A thread that succeeds takes it out and closes: the reader's read() gives 0. One that
 * fails (or dies) closes with that byte unread, which the kernel turns into ECONNRESET behind the last bytes. Why it
 * failed can be asked for with blob_explain_read, in the process of the thread.
 */
#include "blob/remote_blob.h"

#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct Stream {
    RemoteBlob *blob; /* referenced */
    char *key;
    BlobRange range;
    RemoteRequest request;
    int fd, reader_fd; /* reader_fd: until the caller takes it */
    ino_t reader;      /* its inode */
    char *etag;        /* of the first answer */
    Digest digest;
    char *crc32c, *md5; /* wanted; NULL: not known, or not the whole object */
    int64_t size;       /* of the object; -1: not known yet */
    int64_t end;        /* offset behind the last byte that will come */
    int64_t sent;

    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_open; /* the caller may go: size or outcome are known */
    int outcome;
    char *reason;
    bool was_left; /* whoever comes second frees */
} Stream;

static void stream_free(Stream *stream)
{
    remote_blob_unref(stream->blob);
    remote_request_done(&stream->request);
    free(stream->key);
    close_fd(stream->fd);
    close_fd(stream->reader_fd);
    free(stream->etag);
    digest_done(&stream->digest);
    free(stream->crc32c);
    free(stream->md5);
    free(stream->reason);
    pthread_mutex_destroy(&stream->lock);
    pthread_cond_destroy(&stream->changed);
    free(stream);
}

/* True: the other side has left before, so it is ours to free. */
static bool leave(Stream *stream)
{
    bool is_second = stream->was_left;
    stream->was_left = true;
    return is_second;
}

static void say_open(Stream *stream, int outcome)
{
    pthread_mutex_lock(&stream->lock);
    stream->is_open = true;
    stream->outcome = outcome;
    if (outcome != 0)
        stream->reason = xstrdup_null(blob_reason());
    pthread_cond_signal(&stream->changed);
    pthread_mutex_unlock(&stream->lock);
}

/* --- what comes --- */

/* The size of the object: "bytes 0-9/1234", or the length of a whole answer. */
static int64_t size_of(const RemoteAnswer *answer)
{
    const char *range = remote_header(answer, "content-range"), *slash = range ? strchr(range, '/') : NULL;
    const char *text = answer->status == 206 ? (slash ? slash + 1 : NULL) : remote_header(answer, "content-length");
    char *end = NULL;
    intmax_t size = text ? strtoimax(text, &end, 10) : -1;
    return text && end != text && *end == '\0' && size >= 0 ? size : -1;
}

static void expect_checksum(Stream *stream, const RemoteAnswer *answer)
{
    if (answer->status != 200 || remote_header(answer, "content-encoding"))
        return;
    RemoteChecksum checksum = stream->blob->driver->checksum(answer);
    stream->crc32c = *checksum.crc32c ? xstrdup(checksum.crc32c) : NULL;
    stream->md5 = stream->crc32c ? NULL : xstrdup_null(checksum.md5);
    digest_done(&stream->digest);
    digest_begin(&stream->digest, stream->md5);
}

static int begin_answer(Stream *stream, const RemoteAnswer *answer)
{
    int64_t size = size_of(answer);
    if (size < 0) {
        blob_set_reason("%s does not say how long %s is", stream->blob->driver->http.name, stream->key);
        return -EPROTO;
    }
    /* a whole answer to a range is refused unless it is the same: nobody has asked for the bytes before */
    if (answer->status != 206 && stream->range.offset + stream->sent > 0) {
        blob_set_reason("%s does not give parts of objects", stream->blob->driver->http.name);
        return -EPROTO;
    }
    stream->size = size;
    stream->end = stream->range.length < 0 || stream->range.length > size - stream->range.offset
                      ? size
                      : stream->range.offset + stream->range.length;
    stream->etag = xstrdup_null(remote_header(answer, "etag"));
    expect_checksum(stream, answer);
    say_open(stream, 0);
    return 0;
}

/* The first bytes after the connection broke. */
static int go_on(const Stream *stream, const RemoteAnswer *answer)
{
    if (size_of(answer) == stream->size && streq_null(stream->etag, remote_header(answer, "etag")) &&
        (answer->status == 206 || stream->range.offset + stream->sent == 0))
        return 0;
    blob_set_reason("%s was replaced while it was read", stream->key);
    return -ESTALE;
}

static int give(Stream *stream, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t n = send(stream->fd, bytes, length, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno; /* the reader has closed: nobody wants the rest */
        bytes += n;
        length -= (size_t)n;
        stream->sent += n;
    }
    return 0;
}

typedef struct StreamTake {
    Stream *stream;
    unsigned attempt; /* whose headers were looked at */
} StreamTake;

static int look(StreamTake *take, const RemoteAnswer *answer)
{
    if (take->attempt == answer->attempts)
        return 0;
    take->attempt = answer->attempts;
    return take->stream->is_open ? go_on(take->stream, answer) : begin_answer(take->stream, answer);
}

static int on_bytes(void *userdata, const RemoteAnswer *answer, const char *bytes, size_t length)
{
    StreamTake *take = userdata;
    Stream *stream = take->stream;
    int r = look(take, answer);
    if (r != 0)
        return r;
    length = MIN(length, (size_t)(stream->end - stream->range.offset - stream->sent));
    if (stream->crc32c || stream->md5)
        digest_add(&stream->digest, bytes, length);
    return give(stream, bytes, length);
}

static void set_range(Stream *stream, RemoteRequest *request)
{
    int64_t from = stream->range.offset + stream->sent;
    int64_t end = stream->is_open ? stream->end : stream->range.offset + stream->range.length;
    remote_drop_header(&request->headers, "range");
    if (stream->range.length >= 0 || stream->is_open)
        remote_add_header(&request->headers, "range: bytes=%" PRId64 "-%" PRId64, from, end - 1);
    else if (from > 0)
        remote_add_header(&request->headers, "range: bytes=%" PRId64 "-", from);
}

static void on_again(void *userdata, RemoteRequest *request)
{
    StreamTake *take = userdata;
    if (take->stream->sent > 0)
        set_range(take->stream, request);
}

/* --- the thread --- */

static int verify(Stream *stream)
{
    _cleanup_free_ char *crc32c = digest_crc32c_base64(stream->digest.crc32c);
    _cleanup_free_ char *md5 = stream->md5 ? digest_take_md5(&stream->digest) : NULL;
    const char *store = stream->blob->driver->http.name;
    if (stream->range.offset + stream->sent != stream->end) {
        blob_set_reason("%s gave %" PRId64 " bytes of %s, not %" PRId64, store, stream->sent, stream->key,
                        stream->end - stream->range.offset);
        return -ECONNRESET;
    }
    if ((stream->crc32c && !streq(stream->crc32c, crc32c)) || (stream->md5 && !streq(stream->md5, md5))) {
        blob_set_reason("%s gave bytes of %s that have another checksum", store, stream->key);
        return -EBADMSG;
    }
    return 0;
}

/* A range behind the end: an empty stream, and the size by another way. */
static int open_empty(Stream *stream)
{
    BlobEntry entry;
    int r = stream->blob->driver->stat(stream->blob, stream->key, &entry);
    if (r != 0)
        return r;
    stream->size = entry.size_bytes;
    stream->end = stream->range.offset;
    blob_entry_done(&entry);
    say_open(stream, 0);
    return 0;
}

static int fetch(Stream *stream)
{
    static const int accepts[] = {416, 0};
    _cleanup_(remote_answer_done) RemoteAnswer answer = {};
    StreamTake take = {.stream = stream};
    RemoteRequest *request = &stream->request;
    request->method = "GET";
    request->accepts = accepts;
    request->take = on_bytes;
    request->again = on_again;
    request->userdata = &take;
    stream->blob->driver->read(stream->blob, stream->key, request);
    set_range(stream, request);
    int r = stream->range.length == 0 ? open_empty(stream) : remote_exchange(stream->blob->remote, request, &answer);
    if (r == 0 && answer.status == 416)
        r = stream->is_open ? -ESTALE : open_empty(stream);
    else if (r == 0 && answer.status != 0)
        r = look(&take, &answer); /* an empty object brought no bytes */
    return r == 0 ? verify(stream) : r;
}

static void *run(void *userdata)
{
    Stream *stream = userdata;
    char byte;
    int r = fetch(stream);
    if (!stream->is_open)
        say_open(stream, r);
    if (r != 0)
        blob_keep_reason(stream->reader);
    else
        (void)recv(stream->fd, &byte, 1, MSG_DONTWAIT); /* there since before the descriptor was given away */
    stream->fd = close_fd(stream->fd);
    pthread_mutex_lock(&stream->lock);
    bool is_last = leave(stream);
    pthread_mutex_unlock(&stream->lock);
    if (is_last)
        stream_free(stream);
    return NULL;
}

/* Signals are for the process's own thread. */
static int start_thread(Stream *stream)
{
    pthread_t thread;
    sigset_t all, before;
    sigfillset(&all);
    int r = pthread_sigmask(SIG_SETMASK, &all, &before);
    if (r == 0) {
        r = pthread_create(&thread, NULL, run, stream);
        if (r == 0)
            r = pthread_detach(thread);
        (void)pthread_sigmask(SIG_SETMASK, &before, NULL); /* it was valid */
    }
    return r == 0 ? 0 : outage(-r);
}

static int connect_pair(Stream *stream)
{
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
        return outage(-errno);
    stream->fd = fds[0];
    stream->reader_fd = fds[1];
    struct stat info;
    if (fstat(fds[1], &info) < 0)
        return outage(-errno);
    stream->reader = info.st_ino;
    if (write(fds[1], "?", 1) != 1 || shutdown(fds[1], SHUT_WR) < 0)
        return outage(-errno);
    return 0;
}

/* Until the thread knows the size, or that there will be nothing. */
static int wait_open(Stream *stream, int *ret_fd, int64_t *ret_size)
{
    pthread_mutex_lock(&stream->lock);
    while (!stream->is_open)
        pthread_cond_wait(&stream->changed, &stream->lock);
    int r = stream->outcome;
    if (r == 0) {
        *ret_size = stream->size;
        *ret_fd = TAKE_FD(stream->reader_fd);
    } else if (stream->reason) {
        blob_set_reason("%s", stream->reason);
    }
    bool is_last = leave(stream);
    pthread_mutex_unlock(&stream->lock);
    if (is_last)
        stream_free(stream);
    return r;
}

int remote_stream_open(const RemoteBlob *blob, const char *key, BlobRange range, int *ret_fd, int64_t *ret_size)
{
    Stream *stream = xnew(Stream);
    stream->fd = stream->reader_fd = -1;
    stream->key = xstrdup(key);
    stream->range = range;
    stream->size = -1;
    stream->blob = (RemoteBlob *)(uintptr_t)blob; /* only its counter changes */
    atomic_fetch_add(&stream->blob->references, 1);
    (void)pthread_mutex_init(&stream->lock, NULL); /* the default kinds always succeed */
    (void)pthread_cond_init(&stream->changed, NULL);
    int r = connect_pair(stream);
    if (r == 0)
        r = start_thread(stream);
    if (r == 0)
        return wait_open(stream, ret_fd, ret_size);
    stream_free(stream);
    return r;
}
