/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What drivers see of a Blob: they embed it as their first member. */
#include "blob/blob.h"

struct Blob {
    const BlobOps *ops;
};
