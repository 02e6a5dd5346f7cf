/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What drivers see of a Blob: they embed it as their first member. */
#include "blob/blob.h"

struct Blob {
    const BlobOps *ops;
};

/* What blob_reason() will say in this thread. */
void blob_set_reason(const char *format, ...) _printf_(1, 2);
/* Takes out what is no object to anybody who lists: Kestra's sidecar files ("KEY.ion.metadata"), place holders of
 * directories in buckets ("a/"). */
void blob_drop_hidden(BlobEntries *entries);
/* Copies until the end of `from`; in the kernel where it can. */
int blob_copy(int from, int to) _must_check_;
