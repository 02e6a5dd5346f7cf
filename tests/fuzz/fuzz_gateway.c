/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What others say to and about storage: the input is a connection to kestra-worker-gateway, a question to the worker's
 * own gateway, an answer of it, and a store's answer to a batch. An answer to the connection is HTTP, and nothing is
 * kept of an object that did not come whole.
 */
#include "fuzz.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "blob/blob_private.h"
#include "blob/remote_list.h"
#include "worker/gateway_peer.h"

static const char object[] = "0123456789";

/* --- a storage of one object, "a", which takes all others and forgets them --- */

static int open_upload;

static int memory(int *ret_fd)
{
    *ret_fd = memfd_create("fuzz", MFD_CLOEXEC);
    return *ret_fd < 0 ? outage(-errno) : 0;
}

static int open_read(const Blob *blob, const char *path, BlobRange range, int *ret_fd, int64_t *ret_size)
{
    if (!streq(path, "a"))
        return BLOB_E_ABSENT;
    int r = memory(ret_fd);
    if (r == 0 && (write(*ret_fd, object, strlen(object)) < 0 || lseek(*ret_fd, range.offset, SEEK_SET) < 0))
        abort();
    *ret_size = (int64_t)strlen(object);
    return r;
}

static int find(const Blob *blob, const char *path, BlobEntry *ret)
{
    if (!streq(path, "a"))
        return BLOB_E_ABSENT;
    *ret = (BlobEntry){.uri = xstrdup("kestra:///a"), .size_bytes = (int64_t)strlen(object)};
    return 0;
}

static int list(const Blob *blob, const char *path, BlobEntries *ret)
{
    BlobEntry entry;
    if (find(blob, "a", &entry) == 0)
        vec_push(ret, entry);
    return 0;
}

static int upload_begin(const Blob *blob, char **ret_part, int *ret_fd)
{
    *ret_part = xstrdup("part");
    open_upload++;
    return memory(ret_fd);
}

/* A question may also end an upload that there is not. */
static void upload_abort(const Blob *blob, const char *part)
{
    open_upload -= open_upload > 0;
}

static int upload_commit(const Blob *blob, const char *part, const char *path)
{
    upload_abort(blob, part);
    return 0;
}

static int delete (const Blob *blob, const char *path, bool *ret_existed)
{
    *ret_existed = streq(path, "a");
    return 0;
}

static const BlobOps ops = {.open_read = open_read,
                            .stat = find,
                            .list = list,
                            .upload_begin = upload_begin,
                            .upload_commit = upload_commit,
                            .upload_abort = upload_abort,
                            .delete = delete,
                            .delete_prefix = list};

/* --- */

static void connect_with(const Blob *blob, const char *text, size_t size)
{
    static const PeerSettings settings = {.token = "t", .timeout_usec = 10 * USEC_PER_SEC};
    int ends[2], room = 4 * FUZZ_INPUT_MAX; /* for all of either direction: nobody waits */
    char answer[16] = "";
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0 ||
        setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof room) < 0 ||
        setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof room) < 0)
        abort();
    if (send(ends[0], text, size, MSG_NOSIGNAL) != (ssize_t)size || shutdown(ends[0], SHUT_WR) < 0)
        abort();
    peer_serve(&settings, blob, ends[1]);
    ssize_t length = recv(ends[0], answer, sizeof answer - 1, MSG_DONTWAIT);
    if (open_upload != 0 || (length > 0 && !starts_with(answer, "HTTP/1.1 ")))
        abort();
    close_fd(ends[0]);
}

static void ask_with(const Blob *blob, const char *text, size_t size)
{
    _cleanup_json_ json_t *json = NULL;
    _cleanup_free_ char *answer = NULL;
    blob_gateway_answer(blob, text, &answer, NULL);
    if (json_parse(answer, strlen(answer), FUZZ_INPUT_MAX, &json, NULL) != 0)
        abort();
    json_decref(TAKE_PTR(json));
    if (json_parse(text, size, FUZZ_INPUT_MAX, &json, NULL) == 0 && blob_answer_outcome(json) == 0) {
        BlobEntry entry = blob_entry_decode(json_object_get(json, "entry"));
        blob_entry_done(&entry);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const Blob blob = {.ops = &ops};
    if (size > FUZZ_INPUT_MAX)
        return 0;
    char *text = xmalloc(size + 1); /* ends where the input does, so that a step too far is seen */
    memcpy(text, data, size);
    text[size] = '\0';
    log_set_level(0);
    connect_with(&blob, text, size);
    ask_with(&blob, text, size);
    if (remote_batch_gone(text) > size / strlen("HTTP/ 200"))
        abort();
    free(text);
    return 0;
}
