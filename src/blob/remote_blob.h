/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What the drivers for object stores share: cutting uploads into parts, reading as a stream, prefixes. A driver is a
 * RemoteDriver table and a struct that begins with RemoteBlob. Keys are the paths of kestra:// URIs without the leading
 * slash, so that a bucket can be shared with Kestra or copied.
 */
#include <stdatomic.h>

#include "blob/digest.h"
#include "blob/remote.h"
#include "doc/json.h"

typedef struct RemoteBlob RemoteBlob;

/* The next bytes of an upload. */
typedef struct RemotePart {
    const char *bytes;
    size_t length;
    unsigned number; /* from 1 */
    int64_t offset;
    bool is_last;
} RemotePart;

typedef struct RemoteUpload {
    const char *key; /* borrowed */
    char *id;        /* what `begin` got from the store; freed by the caller */
    Buffer parts;    /* what `part` keeps for `end` */
    Digest digest;   /* of all parts up to this one */
    int64_t length;  /* of all parts up to this one */
} RemoteUpload;

/* Checksums of a whole object, base64, of its answer's headers; "" and NULL: not given. */
typedef struct RemoteChecksum {
    char crc32c[16];
    const char *md5; /* borrowed from the answer */
} RemoteChecksum;

typedef struct RemoteDriver {
    RemoteOps http;
    bool wants_md5; /* upload.digest has one */
    unsigned parts_max;
    unsigned deletes_max; /* keys of one delete_many */
    /* Fills base, path and query to GET an object. */
    void (*read)(const RemoteBlob *blob, const char *key, RemoteRequest *request);
    RemoteChecksum (*checksum)(const RemoteAnswer *answer);
    int (*put)(const RemoteBlob *blob, const char *key, const RemotePart *whole);
    int (*begin)(const RemoteBlob *blob, RemoteUpload *upload);
    int (*part)(const RemoteBlob *blob, RemoteUpload *upload, const RemotePart *part);
    int (*end)(const RemoteBlob *blob, RemoteUpload *upload); /* the object is there afterwards, or not at all */
    void (*abort)(const RemoteBlob *blob, RemoteUpload *upload);
    int (*stat)(const RemoteBlob *blob, const char *key, BlobEntry *ret);
    /* One page of all objects whose keys begin with prefix. *marker: where it begins, NULL for the first; replaced by
     * where the next begins, NULL when there is none. */
    int (*list)(const RemoteBlob *blob, const char *prefix, char **marker, BlobEntries *ret);
    int (*delete)(const RemoteBlob *blob, const char *key, bool *ret_existed);
    int (*delete_many)(const RemoteBlob *blob, const char *const *keys,
                       size_t count); /* what is gone already is no error */
    void (*free)(RemoteBlob *blob);   /* only what the driver adds, and itself */
} RemoteDriver;

struct RemoteBlob {
    Blob blob;
    const RemoteDriver *driver;
    Remote *remote;
    json_t *settings; /* referenced; the driver's texts are in it */
    Blob *spool;      /* where the steps of blob_upload_begin are kept until the commit */
    size_t part_bytes;
    atomic_uint references; /* the owner's and one for each stream */
};

typedef struct RemoteBlobSettings {
    RemoteSettings http;
    size_t part_bytes;           /* multiple of 256 KiB */
    const char *spool_directory; /* made when it is missing */
} RemoteBlobSettings;

/* Fills the shared part of a driver's struct. On failure nothing is to be freed. */
int remote_blob_init(RemoteBlob *blob, const RemoteDriver *driver, json_t *settings,
                     const RemoteBlobSettings *remote) _must_check_;
RemoteBlob *remote_blob_unref(RemoteBlob *blob);
DEFINE_CLEANUP(RemoteBlob *, remote_blob_unref);
/* For tests: lets the clock of a driver of this kind be wrong. */
void remote_blob_shift_clock(const Blob *blob, int64_t usec);

/* "https://host:port" of an endpoint: with a scheme, without slashes at its end. Caller frees. */
char *remote_blob_address(const char *endpoint);
/* An exchange whose answer is not looked at. */
int remote_blob_send(const RemoteBlob *blob, RemoteRequest *request) _must_check_;
/* An entry of `key` unless that is only a place holder for a directory (it ends with a slash). */
void remote_blob_add_entry(BlobEntries *entries, const char *key, int64_t size_bytes, usec_t modified);
/* See remote_stream.c. */
int remote_stream_open(const RemoteBlob *blob, const char *key, BlobRange range, int *ret_fd,
                       int64_t *ret_size) _must_check_;
