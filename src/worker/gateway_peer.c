/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small HTTP/1.1: one request a connection, so that nobody who is idle holds a thread. The token is compared before
 * anything else is looked at, by digests, so that the time tells nothing of it. Bodies are never held: they go from the
 * socket to the upload and from the file to the socket by pieces.
 */
#include "worker/gateway_peer.h"

#include <fcntl.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/log.h"
#include "plugin/secret_digest.h"

enum { HEAD_MAX = 16 * 1024, QUESTION_MAX = 256 * 1024, PIECE = 64 * 1024 };

typedef struct Peer {
    const PeerSettings *settings;
    const Blob *blob;
    int fd;
    SSL *ssl;     /* or NULL */
    Buffer input; /* what was read: the head, and the beginning of the body behind it */
    size_t head;  /* length of the head */
    char method[8];
    char *uri;       /* of ?uri=, decoded; or NULL */
    int64_t length;  /* of the body; -1: not told */
    usec_t deadline; /* monotonic, of a guest; 0: it has shown the token */
    char piece[PIECE];
} Peer;

/* --- bytes --- */

static bool set_blocking(int fd, bool blocking)
{
    int flags = fcntl(fd, F_GETFL);
    return flags >= 0 && fcntl(fd, F_SETFL, blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK) == 0;
}

/* A guest's socket does not block: what it does is waited for here, until its time is over. */
static bool wait_for(const Peer *peer, short events)
{
    usec_t now = clock_monotonic();
    struct pollfd poll_fd = {.fd = peer->fd, .events = events};
    if (now >= peer->deadline)
        return false;
    usec_t wait = (peer->deadline - now) / USEC_PER_MSEC + 1;
    int n = poll(&poll_fd, 1, (int)MIN(wait, (usec_t)INT_MAX));
    return n > 0 || (n < 0 && errno == EINTR);
}

/* Whether a step of TLS that did not succeed may be tried again. */
static bool wait_for_tls(const Peer *peer, int result)
{
    int error = SSL_get_error(peer->ssl, result);
    if (peer->deadline == 0 || (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE))
        return false;
    return wait_for(peer, error == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT);
}

static ssize_t read_tls(Peer *peer, char *bytes, size_t length)
{
    int n;
    do
        n = SSL_read(peer->ssl, bytes, (int)MIN(length, (size_t)PIECE));
    while (n <= 0 && wait_for_tls(peer, n));
    return n;
}

static ssize_t peer_read(Peer *peer, char *bytes, size_t length)
{
    if (peer->ssl)
        return read_tls(peer, bytes, length);
    ssize_t n;
    do
        n = recv(peer->fd, bytes, length, 0);
    while (n < 0 && (errno == EINTR || (errno == EAGAIN && peer->deadline && wait_for(peer, POLLIN))));
    return n;
}

static bool peer_write(Peer *peer, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t n = peer->ssl ? SSL_write(peer->ssl, bytes, (int)MIN(length, (size_t)PIECE))
                              : send(peer->fd, bytes, length, MSG_NOSIGNAL);
        if (n < 0 && !peer->ssl && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        bytes += n;
        length -= (size_t)n;
    }
    return true;
}

/* --- answers --- */

static void answer_head(Peer *peer, int status, const char *reason, const char *type, int64_t length, const char *more)
{
    _cleanup_buffer_ Buffer text = {};
    buffer_printf(&text, "HTTP/1.1 %d %s\r\nConnection: close\r\n", status, reason);
    if (type)
        buffer_printf(&text, "Content-Type: %s\r\n", type);
    if (length >= 0)
        buffer_printf(&text, "Content-Length: %" PRIi64 "\r\n", length);
    buffer_printf(&text, "%s\r\n", more);
    (void)peer_write(peer, text.text, text.length); /* a peer that has gone does not mind */
}

static void answer_text(Peer *peer, int status, const char *reason, const char *text)
{
    answer_head(peer, status, reason, "text/plain", (int64_t)strlen(text), "");
    (void)peer_write(peer, text, strlen(text)); /* as above */
}

/* An outage tells why: the asking side has it for its task. */
static void answer_failure(Peer *peer, int r)
{
    if (r == BLOB_E_ABSENT)
        answer_text(peer, 404, "Not Found", "no such object\n");
    else if (r > 0)
        answer_text(peer, 422, "Unprocessable Content", "not an object of the storage\n");
    else if (r == -ENOSPC || r == -EDQUOT)
        answer_text(peer, 507, "Insufficient Storage", blob_reason() ? blob_reason() : "the storage is full");
    else
        answer_text(peer, 503, "Service Unavailable", blob_reason() ? blob_reason() : "the storage cannot be reached");
}

/* --- the request --- */

/* Reads until the empty line. */
static bool read_head(Peer *peer)
{
    while (peer->input.length < HEAD_MAX) {
        ssize_t n = peer_read(peer, peer->piece, PIECE);
        if (n <= 0)
            return false;
        buffer_append_n(&peer->input, peer->piece, (size_t)n);
        const char *end = memmem(peer->input.text, peer->input.length, "\r\n\r\n", 4);
        if (end) {
            peer->head = (size_t)(end - peer->input.text) + 4;
            return peer->head <= HEAD_MAX;
        }
    }
    return false;
}

/* The value of a header, borrowed, up to the end of its line; NULL: none. *ret_length is that of the value. */
static const char *header(const Peer *peer, const char *name, size_t *ret_length)
{
    size_t length = strlen(name);
    const char *end = peer->input.text + peer->head;
    for (const char *line = peer->input.text; line < end;) {
        const char *eol = memmem(line, (size_t)(end - line), "\r\n", 2);
        if (!eol)
            return NULL;
        if ((size_t)(eol - line) > length && line[length] == ':' && strncasecmp(line, name, length) == 0) {
            line += length + 1;
            while (line < eol && (*line == ' ' || *line == '\t'))
                line++;
            *ret_length = (size_t)(eol - line);
            return line;
        }
        line = eol + 2;
    }
    return NULL;
}

/* Digits at *p, moved behind them; -1: none, or too many. */
static int64_t take_number(const char **p, const char *end)
{
    int64_t value = *p < end && **p >= '0' && **p <= '9' ? 0 : -1;
    for (; *p < end && **p >= '0' && **p <= '9'; (*p)++)
        if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, **p - '0', &value))
            return -1;
    return value;
}

static bool has_token(const Peer *peer)
{
    static const char scheme[] = "Bearer ";
    unsigned char given[SHA256_DIGEST_LENGTH], wanted[SHA256_DIGEST_LENGTH];
    size_t length = 0;
    const char *value = header(peer, "Authorization", &length), *token = peer->settings->token;
    if (!value || length < sizeof scheme - 1 || strncasecmp(value, scheme, sizeof scheme - 1) != 0)
        return false;
    (void)SHA256((const unsigned char *)value + sizeof scheme - 1, length - (sizeof scheme - 1),
                 given);                                               /* never fails */
    (void)SHA256((const unsigned char *)token, strlen(token), wanted); /* as above */
    return CRYPTO_memcmp(given, wanted, sizeof given) == 0;
}

static int hex_of(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *found = c ? strchr(digits, c >= 'A' && c <= 'F' ? c + 32 : c) : NULL;
    return found ? (int)(found - digits) : -1;
}

/* %XX undone; NULL: broken, or it holds a NUL. */
static char *decode(const char *text, size_t length)
{
    char *result = xmalloc(length + 1);
    size_t used = 0;
    for (size_t i = 0; i < length; i++) {
        int high = text[i] == '%' && i + 2 < length + 0 ? hex_of(text[i + 1]) : -1;
        int low = high >= 0 ? hex_of(text[i + 2]) : -1;
        if (text[i] == '%' && (low < 0 || high * 16 + low == 0)) {
            free(result);
            return NULL;
        }
        result[used++] = text[i] == '%' ? (char)(high * 16 + low) : text[i];
        i += text[i] == '%' ? 2 : 0;
    }
    result[used] = '\0';
    return result;
}

/* "PUT /storage?uri=… HTTP/1.1". False: it is nothing that we serve. */
static bool read_line(Peer *peer)
{
    static const char path[] = "/storage", query[] = "?uri=";
    const char *line = peer->input.text, *space = memchr(line, ' ', sizeof peer->method);
    if (!space)
        return false;
    memcpy(peer->method, line, (size_t)(space - line));
    const char *target = space + 1, *end = target + strcspn(target, " \r\n");
    if ((size_t)(end - target) < sizeof path - 1 || strncmp(target, path, sizeof path - 1) != 0)
        return false;
    target += sizeof path - 1;
    if (target == end)
        return true;
    if ((size_t)(end - target) < sizeof query - 1 || strncmp(target, query, sizeof query - 1) != 0)
        return false;
    target += sizeof query - 1;
    peer->uri = decode(target, (size_t)(end - target));
    return peer->uri != NULL;
}

static void read_length(Peer *peer)
{
    size_t length = 0;
    const char *value = header(peer, "Content-Length", &length), *p = value;
    peer->length = value ? take_number(&p, value + length) : -1;
}

/* --- GET --- */

/* "bytes=A-B", "bytes=A-"; anything else is the whole. */
static BlobRange read_range(const Peer *peer)
{
    static const char unit[] = "bytes=";
    size_t length = 0;
    const char *value = header(peer, "Range", &length);
    if (!value || length < sizeof unit || strncasecmp(value, unit, sizeof unit - 1) != 0)
        return BLOB_WHOLE;
    const char *p = value + sizeof unit - 1, *end = value + length;
    int64_t first = take_number(&p, end);
    if (first < 0 || p == end || *p++ != '-')
        return BLOB_WHOLE;
    int64_t last = take_number(&p, end);
    return p == end && (last < 0 || last >= first) ? (BlobRange){first, last < 0 ? -1 : last - first + 1} : BLOB_WHOLE;
}

static void send_object(Peer *peer, int fd, int64_t left)
{
    while (left > 0) {
        ssize_t n = read(fd, peer->piece, (size_t)MIN(left, (int64_t)PIECE));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0 || !peer_write(peer, peer->piece, (size_t)n))
            return; /* the other side sees that it is not whole */
        left -= n;
    }
}

static void get_object(Peer *peer)
{
    BlobRange range = read_range(peer);
    _cleanup_(close_fdp) int fd = -1;
    int64_t size;
    int r = peer->uri ? blob_open_range(peer->blob, peer->uri, range, &fd, &size) : BLOB_E_INVALID;
    if (r != 0) {
        answer_failure(peer, r);
        return;
    }
    int64_t rest = MAX(size - range.offset, INT64_C(0));
    int64_t length = range.length < 0 ? rest : MIN(rest, range.length);
    bool is_part = range.offset > 0 || range.length >= 0;
    _cleanup_free_ char *more = xasprintf("X-Object-Size: %" PRIi64 "\r\n", size);
    answer_head(peer, is_part ? 206 : 200, is_part ? "Partial Content" : "OK", "application/octet-stream", length,
                more);
    send_object(peer, fd, length);
}

/* --- PUT --- */

static int write_all(int fd, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t n = write(fd, bytes, length);
        if (n < 0 && errno != EINTR)
            return -errno;
        bytes += MAX(n, (ssize_t)0);
        length -= (size_t)MAX(n, (ssize_t)0);
    }
    return 0;
}

/* The body, as long as it was told; -EPIPE: the peer has gone before its end. */
static int receive_body(Peer *peer, int fd)
{
    size_t here = peer->input.length - peer->head;
    int64_t left = peer->length - (int64_t)here;
    int r = left < 0 ? -EPIPE : write_all(fd, peer->input.text + peer->head, here);
    while (r == 0 && left > 0) {
        ssize_t n = peer_read(peer, peer->piece, (size_t)MIN(left, (int64_t)PIECE));
        r = n <= 0 ? -EPIPE : write_all(fd, peer->piece, (size_t)n);
        left -= n;
    }
    return r;
}

static void put_object(Peer *peer)
{
    _cleanup_free_ char *part = NULL;
    _cleanup_(close_fdp) int fd = -1;
    if (peer->length < 0 || !peer->uri) {
        answer_text(peer, 411, "Length Required", "Content-Length and ?uri= are needed\n");
        return;
    }
    int r = blob_upload_begin(peer->blob, &part, &fd);
    if (r != 0) {
        answer_failure(peer, r);
        return;
    }
    r = receive_body(peer, fd);
    if (r == 0)
        r = blob_upload_commit(peer->blob, part, peer->uri);
    else
        blob_upload_abort(peer->blob, part);
    if (r == 0)
        answer_head(peer, 204, "No Content", NULL, -1, "");
    else
        answer_failure(peer, r);
}

/* --- POST --- */

static void post_question(Peer *peer)
{
    _cleanup_free_ char *json = NULL;
    if (peer->length < 0 || peer->length > QUESTION_MAX) {
        answer_text(peer, 413, "Content Too Large", "a question is short\n");
        return;
    }
    while (peer->input.length - peer->head < (size_t)peer->length) {
        ssize_t n = peer_read(peer, peer->piece, PIECE);
        if (n <= 0)
            return;
        buffer_append_n(&peer->input, peer->piece, (size_t)n);
    }
    peer->input.text[peer->head + (size_t)peer->length] = '\0'; /* what comes behind it is no part of it */
    json = secret_digest_answer(peer->input.text + peer->head); /* of secrets that the gateway itself was given */
    if (!json)
        blob_gateway_answer(peer->blob, peer->input.text + peer->head, &json, NULL);
    answer_head(peer, 200, "OK", "application/json", (int64_t)strlen(json), "");
    (void)peer_write(peer, json, strlen(json)); /* a peer that has gone does not mind */
}

static const struct {
    const char *method;
    void (*serve)(Peer *peer);
} methods[] = {{"GET", get_object}, {"PUT", put_object}, {"POST", post_question}};

/* From here on it takes the time that it needs, as long as it does something. */
static bool welcome(Peer *peer)
{
    const usec_t usec = peer->settings->timeout_usec;
    const struct timeval wait = {.tv_sec = (time_t)(usec / USEC_PER_SEC),
                                 .tv_usec = (suseconds_t)(usec % USEC_PER_SEC)};
    peer->deadline = 0;
    if (peer->settings->door)
        door_show(peer->settings->door, peer->fd);
    return set_blocking(peer->fd, true) && setsockopt(peer->fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait) == 0 &&
           setsockopt(peer->fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait) == 0;
}

static void serve(Peer *peer)
{
    if (!read_head(peer))
        return;
    if (!has_token(peer)) {
        answer_text(peer, 401, "Unauthorized", "the token is missing or wrong\n");
        log_warning("Gateway refused a connection without the right token");
        return;
    }
    if (!welcome(peer))
        return;
    bool known = read_line(peer);
    read_length(peer);
    for (size_t i = 0; known && i < ELEMENTS(methods); i++)
        if (streq(methods[i].method, peer->method)) {
            methods[i].serve(peer);
            return;
        }
    answer_text(peer, 404, "Not Found", "only /storage is served\n");
}

/* --- the connection --- */

static bool open_tls(Peer *peer)
{
    if (!peer->settings->tls)
        return true;
    peer->ssl = SSL_new(peer->settings->tls);
    if (!peer->ssl || SSL_set_fd(peer->ssl, peer->fd) != 1)
        return false;
    int r;
    do
        r = SSL_accept(peer->ssl);
    while (r != 1 && wait_for_tls(peer, r));
    return r == 1;
}

void peer_serve(const PeerSettings *settings, const Blob *blob, int fd)
{
    Peer *peer = xnew(Peer);
    peer->settings = settings;
    peer->blob = blob;
    peer->fd = fd;
    peer->deadline = settings->guest_usec ? clock_monotonic() + settings->guest_usec : USEC_INFINITY;
    if (set_blocking(fd, false) && open_tls(peer)) {
        serve(peer);
        if (peer->ssl)
            (void)SSL_shutdown(peer->ssl); /* a peer that has gone does not mind */
    }
    SSL_free(peer->ssl);
    (void)shutdown(fd, SHUT_WR); /* as above */
    if (settings->door)
        door_leave(settings->door, fd);
    close_fd(fd);
    free(peer->uri);
    buffer_done(&peer->input);
    free(peer);
}
