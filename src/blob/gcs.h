/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Objects in a bucket of Google Cloud Storage. */
#include "blob/remote_blob.h"

/* `settings`: those of storage.h, checked; a reference is kept. Does not connect. BLOB_E_INVALID: the key of the
 * service account is no key. */
int gcs_new(json_t *settings, const RemoteBlobSettings *remote, Blob **ret) _must_check_;
/* One page of objects.list; for tests. *ret_next: where the next one begins, or NULL; new. BLOB_E_INVALID: not a page.
 */
int gcs_parse_list(const char *json, size_t length, BlobEntries *ret, char **ret_next) _must_check_;
