/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What drivers see of a Blob: they embed it as their first member. */
#include "blob/blob.h"

struct Blob {
    const BlobOps *ops;
};

/* Copies until the end of `from`; in the kernel where it can. */
int blob_copy(int from, int to) _must_check_;
