/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Storage for roles that have none: they ask the worker over its own socket, POST /storage with a JSON request. The
 * worker passes the connection to a kestra-run child, which opens the file and hands the descriptor over, for reading
 * as for uploads, so that a file of any size costs one open and one rename there. This works within one host.
 *
 * Requests: {op, uri?, part?, offset?, length?}. Answers: {outcome, reason?} when it is not 0, else what the operation
 * gives.
 */
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "blob/blob_private.h"
#include "doc/json.h"

enum { ANSWER_WAIT_SEC = 30 };

/* --- the worker's side --- */

static json_t *encode_entry(const BlobEntry *entry)
{
    json_t *object = json_object();
    json_set_text(object, "uri", entry->uri);
    json_object_set_new(object, "size", json_integer(entry->size_bytes));
    json_object_set_new(object, "modified", json_integer((json_int_t)entry->modified));
    return object;
}

static json_t *encode_entries(const BlobEntries *entries)
{
    json_t *list = json_array();
    for (size_t i = 0; i < entries->count; i++)
        json_array_append_new(list, encode_entry(&entries->items[i]));
    return list;
}

typedef struct Asked {
    const Blob *blob;
    const char *uri, *part;
    BlobRange range;
    json_t *answer;
    int fd;
} Asked;

static int ask_open(Asked *asked)
{
    int64_t size;
    int r = blob_open_range(asked->blob, asked->uri, asked->range, &asked->fd, &size);
    if (r == 0)
        json_object_set_new(asked->answer, "size", json_integer(size));
    return r;
}

static int ask_stat(Asked *asked)
{
    BlobEntry entry;
    int r = blob_stat(asked->blob, asked->uri, &entry);
    if (r == 0) {
        json_object_set_new(asked->answer, "entry", encode_entry(&entry));
        blob_entry_done(&entry);
    }
    return r;
}

static int ask_list(Asked *asked)
{
    _cleanup_(blob_entries_done) BlobEntries entries = {};
    int r = blob_list(asked->blob, asked->uri, &entries);
    if (r == 0)
        json_object_set_new(asked->answer, "entries", encode_entries(&entries));
    return r;
}

static int ask_delete(Asked *asked)
{
    bool existed;
    int r = blob_delete(asked->blob, asked->uri, &existed);
    if (r == 0)
        json_object_set_new(asked->answer, "existed", json_boolean(existed));
    return r;
}

static int ask_delete_prefix(Asked *asked)
{
    _cleanup_(blob_entries_done) BlobEntries entries = {};
    int r = blob_delete_prefix(asked->blob, asked->uri, &entries);
    if (r == 0)
        json_object_set_new(asked->answer, "entries", encode_entries(&entries));
    return r;
}

static int ask_upload(Asked *asked)
{
    _cleanup_free_ char *part = NULL;
    int r = blob_upload_begin(asked->blob, &part, &asked->fd);
    if (r == 0)
        json_set_text(asked->answer, "part", part);
    return r;
}

static int ask_commit(Asked *asked)
{
    return blob_upload_commit(asked->blob, asked->part, asked->uri);
}

static int ask_abort(Asked *asked)
{
    blob_upload_abort(asked->blob, asked->part);
    return 0;
}

static const struct {
    const char *name;
    int (*ask)(Asked *asked);
    bool passes; /* a descriptor */
} operations[] = {
    {"open", ask_open, true},
    {"stat", ask_stat},
    {"list", ask_list},
    {"delete", ask_delete},
    {"delete-prefix", ask_delete_prefix},
    {"upload", ask_upload, true},
    {"commit", ask_commit},
    {"abort", ask_abort},
};

void blob_gateway_answer(const Blob *blob, const char *request, char **ret_json, int *ret_fd)
{
    _cleanup_json_ json_t *object = NULL, *answer = json_object();
    int r = BLOB_E_INVALID;
    Asked asked = {.blob = blob, .answer = answer, .fd = -1};
    if (json_parse(request, strlen(request), 0, &object, NULL) == 0) {
        const char *name = json_get_text(object, "op", "");
        asked.uri = json_get_text(object, "uri", "");
        asked.part = json_get_text(object, "part", "");
        asked.range.offset = json_get_integer(object, "offset", 0);
        asked.range.length = json_get_integer(object, "length", -1);
        for (size_t i = 0; i < ELEMENTS(operations); i++)
            if (streq(operations[i].name, name) && (ret_fd || !operations[i].passes))
                r = operations[i].ask(&asked);
    }
    if (r != 0)
        json_object_set_new(answer, "outcome", json_integer(r));
    if (r < 0)
        json_set_text(answer, "reason", blob_reason());
    *ret_json = json_text(answer);
    if (ret_fd)
        *ret_fd = asked.fd;
}

/* The descriptor goes along with the first byte; -1: none. */
static int send_response(int connection, const Buffer *text, int passed)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {.header = {.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))}};
    memcpy(CMSG_DATA(&control.header), &passed, sizeof passed);
    for (size_t sent = 0; sent < text->length;) {
        struct iovec part = {.iov_base = text->text + sent, .iov_len = text->length - sent};
        struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
        if (sent == 0 && passed >= 0) {
            message.msg_control = &control;
            message.msg_controllen = sizeof control;
        }
        ssize_t n = sendmsg(connection, &message, MSG_NOSIGNAL);
        if (n < 0 && errno != EINTR)
            return outage(-errno);
        sent += (size_t)MAX(n, (ssize_t)0);
    }
    return 0;
}

static void respond(const char *json, int connection, int passed)
{
    const struct timeval wait = {.tv_sec = ANSWER_WAIT_SEC};
    _cleanup_(close_fdp) int fd = connection;
    _cleanup_buffer_ Buffer text = {};
    int flags = fcntl(fd, F_GETFL);
    buffer_printf(
        &text,
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n%s",
        strlen(json), json);
    if (flags < 0 || fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait) < 0)
        return;                             /* whoever asked sees the end, and tries again or tells */
    (void)send_response(fd, &text, passed); /* likewise */
}

void blob_gateway_send(const char *json, int connection)
{
    respond(json, connection, -1);
}

void blob_gateway_serve(const Blob *blob, const char *request, int connection)
{
    _cleanup_(close_fdp) int passed = -1;
    _cleanup_free_ char *json = NULL;
    blob_gateway_answer(blob, request, &json, &passed);
    respond(json, connection, passed);
}

/* --- the asking side --- */

int blob_answer_outcome(const json_t *answer)
{
    const char *reason = json_get_text(answer, "reason", NULL);
    if (reason)
        blob_set_reason("%s", reason);
    return (int)json_get_integer(answer, "outcome", 0);
}

typedef struct Gateway {
    Blob blob;
    char *socket_path;
} Gateway;

static int connect_to(const char *path, int *ret_fd)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const struct timeval wait = {.tv_sec = ANSWER_WAIT_SEC};
    if (strlen(path) >= sizeof address.sun_path)
        return outage(-ENAMETOOLONG);
    memcpy(address.sun_path, path, strlen(path) + 1);
    _cleanup_(close_fdp) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait) < 0 ||
        connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
        return outage(-errno);
    *ret_fd = TAKE_FD(fd);
    return 0;
}

static int send_request(int fd, const json_t *request)
{
    _cleanup_buffer_ Buffer text = {};
    _cleanup_free_ char *body = json_text(request);
    buffer_printf(&text, "POST /storage HTTP/1.1\r\nHost: worker\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n%s",
                  strlen(body), body);
    for (size_t sent = 0; sent < text.length;) {
        ssize_t n = send(fd, text.text + sent, text.length - sent, MSG_NOSIGNAL);
        if (n < 0 && errno != EINTR)
            return outage(-errno);
        sent += (size_t)MAX(n, (ssize_t)0);
    }
    return 0;
}

static void take_passed(struct msghdr *message, int *passed)
{
    for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header; header = CMSG_NXTHDR(message, header))
        if (header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS) {
            close_fd(*passed);
            memcpy(passed, CMSG_DATA(header), sizeof *passed);
        }
}

/* Until the worker closes; the descriptor that came along, or -1. */
static int receive(int fd, Buffer *text, int *ret_passed)
{
    char chunk[16384];
    for (;;) {
        union {
            struct cmsghdr header;
            char bytes[CMSG_SPACE(sizeof(int))];
        } control;
        struct iovec part = {.iov_base = chunk, .iov_len = sizeof chunk};
        struct msghdr message = {
            .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
        ssize_t n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return outage(-errno);
        take_passed(&message, ret_passed);
        if (n == 0)
            return 0;
        buffer_append_n(text, chunk, (size_t)n);
        if (text->length > BLOB_ANSWER_BYTES_MAX)
            return outage(-EMSGSIZE);
    }
}

static int parse_answer(const Buffer *text, json_t **ret)
{
    const char *body = text->text ? strstr(text->text, "\r\n\r\n") : NULL;
    if (!body || !starts_with(text->text, "HTTP/1.1 200 "))
        return outage(-EPROTO);
    body += 4;
    if (json_parse(body, text->length - (size_t)(body - text->text), BLOB_ANSWER_BYTES_MAX, ret, NULL) != 0)
        return outage(-EPROTO);
    return 0;
}

static json_t *make_request(const char *op, const char *path, const char *part)
{
    json_t *request = json_object();
    json_set_text(request, "op", op);
    json_set_text(request, "part", part);
    if (path)
        json_object_set_new(request, "uri", json_sprintf("kestra:///%s", path));
    return request;
}

/* One request, which is stolen; the answer (new) and the descriptor that came with it, or -1. */
static int ask(const Blob *blob, json_t *stolen, json_t **ret, int *ret_fd)
{
    _cleanup_json_ json_t *request = stolen, *answer = NULL;
    _cleanup_(close_fdp) int fd = -1, passed = -1;
    _cleanup_buffer_ Buffer text = {};
    int r = connect_to(((const Gateway *)blob)->socket_path, &fd);
    if (r == 0)
        r = send_request(fd, request);
    if (r == 0)
        r = receive(fd, &text, &passed);
    if (r == 0)
        r = parse_answer(&text, &answer);
    if (r != 0) {
        blob_set_reason("no worker answers");
        return r;
    }
    r = blob_answer_outcome(answer);
    if (r != 0)
        return r;
    *ret = TAKE_PTR(answer);
    *ret_fd = TAKE_FD(passed);
    return 0;
}

/* A request whose answer brings no descriptor. */
static int ask_plainly(const Blob *blob, const char *op, const char *path, const char *part, json_t **ret)
{
    _cleanup_(close_fdp) int fd = -1;
    return ask(blob, make_request(op, path, part), ret, &fd);
}

static int gateway_open_read(const Blob *blob, const char *path, BlobRange range, int *ret_fd, int64_t *ret_size)
{
    _cleanup_json_ json_t *answer = NULL;
    _cleanup_(close_fdp) int fd = -1;
    json_t *request = make_request("open", path, NULL);
    json_object_set_new(request, "offset", json_integer(range.offset));
    json_object_set_new(request, "length", json_integer(range.length));
    int r = ask(blob, request, &answer, &fd);
    if (r != 0)
        return r;
    if (fd < 0)
        return outage(-EPROTO);
    *ret_size = json_get_integer(answer, "size", -1);
    *ret_fd = TAKE_FD(fd);
    return 0;
}

static int gateway_upload_begin(const Blob *blob, char **ret_part, int *ret_fd)
{
    _cleanup_json_ json_t *answer = NULL;
    _cleanup_(close_fdp) int fd = -1;
    int r = ask(blob, make_request("upload", NULL, NULL), &answer, &fd);
    if (r != 0)
        return r;
    if (fd < 0)
        return outage(-EPROTO);
    *ret_part = xstrdup(json_get_text(answer, "part", ""));
    *ret_fd = TAKE_FD(fd);
    return 0;
}

static int gateway_upload_commit(const Blob *blob, const char *part, const char *path)
{
    _cleanup_json_ json_t *answer = NULL;
    return ask_plainly(blob, "commit", path, part, &answer);
}

static void gateway_upload_abort(const Blob *blob, const char *part)
{
    _cleanup_json_ json_t *answer = NULL;
    if (ask_plainly(blob, "abort", NULL, part, &answer) != 0)
        return; /* the worker sweeps what is left over */
}

static int gateway_write_from(const Blob *blob, const char *path, int from)
{
    _cleanup_free_ char *part = NULL;
    _cleanup_(close_fdp) int fd = -1;
    int r = gateway_upload_begin(blob, &part, &fd);
    if (r != 0)
        return r;
    r = blob_copy(from, fd);
    if (r == 0)
        return gateway_upload_commit(blob, part, path);
    gateway_upload_abort(blob, part);
    return r;
}

BlobEntry blob_entry_decode(const json_t *object)
{
    return (BlobEntry){
        .uri = xstrdup(json_get_text(object, "uri", "")),
        .size_bytes = json_get_integer(object, "size", 0),
        .modified = (usec_t)json_get_integer(object, "modified", 0),
    };
}

static int gateway_stat(const Blob *blob, const char *path, BlobEntry *ret)
{
    _cleanup_json_ json_t *answer = NULL;
    int r = ask_plainly(blob, "stat", path, NULL, &answer);
    if (r == 0)
        *ret = blob_entry_decode(json_object_get(answer, "entry"));
    return r;
}

static int ask_entries(const Blob *blob, const char *op, const char *path, BlobEntries *ret)
{
    _cleanup_json_ json_t *answer = NULL;
    int r = ask_plainly(blob, op, path, NULL, &answer);
    size_t i;
    const json_t *item;
    json_array_foreach (json_object_get(answer, "entries"), i, item)
        vec_push(ret, blob_entry_decode(item));
    return r;
}

static int gateway_list(const Blob *blob, const char *path, BlobEntries *ret)
{
    return ask_entries(blob, "list", path, ret);
}

static int gateway_delete_prefix(const Blob *blob, const char *path, BlobEntries *ret)
{
    return ask_entries(blob, "delete-prefix", path, ret);
}

static int gateway_delete(const Blob *blob, const char *path, bool *ret_existed)
{
    _cleanup_json_ json_t *answer = NULL;
    int r = ask_plainly(blob, "delete", path, NULL, &answer);
    if (r == 0)
        *ret_existed = json_get_boolean(answer, "existed", false);
    return r;
}

static int gateway_ask(const Blob *blob, const json_t *question, json_t **ret)
{
    _cleanup_(close_fdp) int fd = -1;
    return ask(blob, json_copy((json_t *)(uintptr_t)question), ret, &fd);
}

static void gateway_free(Blob *blob)
{
    free(((Gateway *)blob)->socket_path);
    free(blob);
}

static const BlobOps gateway_ops = {
    .open_read = gateway_open_read,
    .write_from = gateway_write_from,
    .upload_begin = gateway_upload_begin,
    .upload_commit = gateway_upload_commit,
    .upload_abort = gateway_upload_abort,
    .stat = gateway_stat,
    .list = gateway_list,
    .delete = gateway_delete,
    .delete_prefix = gateway_delete_prefix,
    .ask = gateway_ask,
    .free = gateway_free,
};

int blob_gateway_ask(const Blob *blob, const json_t *question, json_t **ret)
{
    return blob->ops->ask ? blob->ops->ask(blob, question, ret) : outage(-EOPNOTSUPP);
}

int blob_gateway_new(const char *socket_path, Blob **ret)
{
    Gateway *gateway = xnew(Gateway);
    gateway->blob.ops = &gateway_ops;
    gateway->socket_path = xstrdup(socket_path);
    *ret = &gateway->blob;
    return 0;
}
