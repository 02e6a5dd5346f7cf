/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What drivers see of a Blob: they embed it as their first member. */
#include <sys/types.h>

#include "blob/blob.h"
#include "doc/json.h"

struct Blob {
    const BlobOps *ops;
};

/* What blob_reason() will say in this thread. */
void blob_set_reason(const char *format, ...) _printf_(1, 2);
/* Keeps this thread's reason for blob_explain_read of the socket with this inode. */
void blob_keep_reason(ino_t inode);
/* Takes out what is no object to anybody who lists: Kestra's sidecar files ("KEY.ion.metadata"), place holders of
 * directories in buckets ("a/"). */
void blob_drop_hidden(BlobEntries *entries);
/* Copies until the end of `from`; in the kernel where it can. */
int blob_copy(int from, int to) _must_check_;
/* Entries as blob_gateway_answer writes them. */
BlobEntry blob_entry_decode(const json_t *object);
/* The outcome of such an answer; its reason becomes that of this thread. */
int blob_answer_outcome(const json_t *answer);
#define BLOB_ANSWER_BYTES_MAX ((size_t)64 * 1024 * 1024)
