/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Internal storage: objects named by kestra:///path URIs (layout of spec/semantics.md section 11). Drivers: local
 * (worker only) and gateway (every other role: asks a worker). All calls block.
 *
 * Writes are atomic: a reader sees the whole object or none; a failed write leaves nothing behind.
 */
#include "doc/json.h"

enum {
    BLOB_E_ABSENT = 1,  /* no such object */
    BLOB_E_INVALID = 2, /* not a kestra:// URI, or it tries to leave the storage (".."), or it names a directory */
    BLOB_E_TOO_LARGE = 3,
    BLOB_E_NAME = 4, /* a part of the path has more than BLOB_NAME_BYTES_MAX bytes, or all of it BLOB_PATH_BYTES_MAX */
};
enum {
    BLOB_NAME_BYTES_MAX = 255,
    BLOB_PATH_BYTES_MAX = 3000, /* a file system has room for its own directories before it */
};

typedef struct Blob Blob;

/* One entry of blob_list. */
typedef struct BlobEntry {
    char *uri;
    int64_t size_bytes;
    usec_t modified;
} BlobEntry;
typedef VEC(BlobEntry) BlobEntries;
void blob_entries_done(BlobEntries *entries);

/* Bytes of an object. */
typedef struct BlobRange {
    int64_t offset;
    int64_t length; /* negative: to the end */
} BlobRange;
#define BLOB_WHOLE ((BlobRange){.length = -1})

/* One of blob_upload_begin, and where it goes. */
typedef struct BlobUpload {
    char *part, *path;
} BlobUpload;

/* Filled by a driver; see the functions of the same name. */
typedef struct BlobOps {
    int (*open_read)(const Blob *blob, const char *path, BlobRange range, int *ret_fd, int64_t *ret_size);
    int (*write_from)(const Blob *blob, const char *path, int fd);
    int (*stat)(const Blob *blob, const char *path, BlobEntry *ret);
    int (*list)(const Blob *blob, const char *path, BlobEntries *ret);
    int (*upload_begin)(const Blob *blob, char **ret_part, int *ret_fd);
    int (*upload_commit)(const Blob *blob, const char *part, const char *path);
    /* Like upload_commit for each; after a failure some are there and the rest are aborted. NULL: a write costs no
     * flush that several could share. */
    int (*commit_all)(const Blob *blob, const BlobUpload *uploads, size_t count);
    void (*upload_abort)(const Blob *blob, const char *part);
    int (*delete)(const Blob *blob, const char *path, bool *ret_existed);
    int (*delete_prefix)(const Blob *blob, const char *path, BlobEntries *ret_deleted);
    /* Of a gateway: a question about no object. NULL elsewhere. */
    int (*ask)(const Blob *blob, const json_t *question, json_t **ret);
    void (*free)(Blob *blob);
} BlobOps;

/* The objects of the worker that listens on this unix socket (POST /storage). Connects for each call, so that it may be
 * shared by threads and survives a restart of the worker. */
int blob_gateway_new(const char *socket_path, Blob **ret) _must_check_;
/* What the worker answers to a request of blob_gateway: JSON text, and a descriptor or -1, both owned by the caller.
 * ret_fd NULL: descriptors cannot be passed, what needs one is BLOB_E_INVALID. */
void blob_gateway_answer(const Blob *blob, const char *request, char **ret_json, int *ret_fd);
/* The worker at the other side of a gateway is asked something that is about no object: its answer, new. */
int blob_gateway_ask(const Blob *blob, const json_t *question, json_t **ret) _must_check_;
/* A response of HTTP with this JSON text on the connection, which is taken and closed. */
void blob_gateway_send(const char *json, int connection);
/* What blob_gateway_answer gives as a response of HTTP on the connection that the request came on, which is taken: it
 * blocks from here on, and is closed. */
void blob_gateway_serve(const Blob *blob, const char *request, int connection);

/*
 * The objects behind gateways on other hosts (kestra-worker-gateway(8)), which are tried in turn. The protocol, every
 * request with `Authorization: Bearer TOKEN`, objects named by ?uri=kestra:///…, percent-encoded: GET /storage?uri=
 * (Range: bytes=A-B or A-): the object, X-Object-Size: all of it; PUT /storage?uri=: it is written; POST /storage: the
 * JSON requests of blob_gateway_answer but those that pass descriptors. 404 and 422 are BLOB_E_ABSENT and
 * BLOB_E_INVALID. Texts are copied. May be shared by threads.
 */
typedef struct BlobRemoteSettings {
    const char *const *urls; /* https://HOST:PORT, ends with NULL */
    const char *token;
    const char *authorities;       /* file of certificates to check the server's by; NULL or "": those of the system */
    const char *certificate, *key; /* files, shown to a gateway that asks; NULL or "": none */
    usec_t timeout_usec;           /* without any progress */
} BlobRemoteSettings;
int blob_remote_new(const BlobRemoteSettings *settings, Blob **ret) _must_check_;

/* Objects are files below `directory`, which is created when it is missing. */
int blob_local_new(const char *directory, Blob **ret) _must_check_;
/* Holds nothing and fails whatever it is asked, but remembers that it was: tells work that takes storage from work that
 * does not. */
Blob *blob_probe_new(void);
/* Whether it was asked since the last call. */
bool blob_probe_take(Blob *probe);
/* Writes through it to `inner`, which is borrowed, are seen at the commit at the latest, and cost one flush in all.
 * Without one they are given up. */
Blob *blob_batch_new(const Blob *inner);
int blob_batch_commit(Blob *batch) _must_check_;
Blob *blob_free(Blob *blob);
DEFINE_CLEANUP(Blob *, blob_free);

/* A descriptor to read the object from its start; the caller closes it. May be a pipe or a file. ret_size may be NULL.
 */
int blob_open(const Blob *blob, const char *uri, int *ret_fd, int64_t *ret_size) _must_check_;
/* A descriptor that stands at range.offset; *ret_size is that of the whole object. The caller reads at most
 * range.length bytes: the descriptor of a file has more behind them. A range that begins at the end or behind it gives
 * nothing. A negative offset is BLOB_E_INVALID. */
int blob_open_range(const Blob *blob, const char *uri, BlobRange range, int *ret_fd, int64_t *ret_size) _must_check_;
/* The whole object; bytes_max: more is BLOB_E_TOO_LARGE. A terminator is added. */
int blob_read(const Blob *blob, const char *uri, size_t bytes_max, char **ret_bytes, size_t *ret_length) _must_check_;
/* Everything that fd gives until its end becomes the object (created or replaced). */
int blob_write_from(const Blob *blob, const char *uri, int fd) _must_check_;
int blob_write(const Blob *blob, const char *uri, const void *bytes, size_t length) _must_check_;
/* The same in steps, for a writer of its own pace: everything written to the descriptor becomes the object at the
 * commit. `part` names the upload; caller frees. After a commit, failed or not, or an abort it is gone. */
int blob_upload_begin(const Blob *blob, char **ret_part, int *ret_fd) _must_check_;
int blob_upload_commit(const Blob *blob, const char *part, const char *uri) _must_check_;
void blob_upload_abort(const Blob *blob, const char *part);
int blob_stat(const Blob *blob, const char *uri, BlobEntry *ret) _must_check_;
void blob_entry_done(BlobEntry *entry);
/* All objects below the prefix (a directory), sorted by URI; none is an empty list. */
int blob_list(const Blob *blob, const char *prefix_uri, BlobEntries *ret) _must_check_;
/* *ret_existed false: there was none. */
int blob_delete(const Blob *blob, const char *uri, bool *ret_existed) _must_check_;
/* Deletes everything below the prefix and says what it was. */
int blob_delete_prefix(const Blob *blob, const char *prefix_uri, BlobEntries *ret_deleted) _must_check_;

/* Why the last call of this thread was an outage, as one sentence without a secret; NULL: its errno says it all.
 * Borrowed until the next call. */
const char *blob_reason(void);
/* The same as a text that is never NULL: of blob_reason, or of the outage `r`. New. */
char *blob_explain(int r);
/* Why read() of a descriptor from blob_open, in this process, has failed with this errno. New. */
char *blob_explain_read(int fd, int error);

/* --- names --- */
bool blob_is_uri(const char *text);
/* buffer_append_slug(). Caller frees. */
char *blob_slug(const char *text);
/* kestra:///<ns>/<flow>/executions/<execution>. Caller frees. */
char *blob_execution_uri(const char *namespace, const char *flow_id, const char *execution_id);
/* …/tasks/<task>/<task run>. */
char *blob_task_uri(const char *namespace, const char *flow_id, const char *execution_id, const char *task_id,
                    const char *task_run_id);
/* …/trigger/<trigger>: what the evaluation that started the execution has found. */
char *blob_trigger_uri(const char *namespace, const char *flow_id, const char *execution_id, const char *trigger_id);
/* kestra:///<ns>/<flow>/<task>: what a task keeps between executions. Caller frees. */
char *blob_flow_task_uri(const char *namespace, const char *flow_id, const char *task_id);
/* kestra:///<ns>/_files */
char *blob_namespace_files_uri(const char *namespace);
