/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Objects in a bucket of Amazon S3, or of whatever speaks its protocol. */
#include "blob/remote_blob.h"

/* `settings`: those of storage.h, checked; a reference is kept. Does not connect. */
int s3_new(json_t *settings, const RemoteBlobSettings *remote, Blob **ret) _must_check_;
/* One page of ListObjectsV2; for tests. *ret_next: where the next one begins, or NULL; new. BLOB_E_INVALID: not a page.
 */
int s3_parse_list(const char *xml, size_t length, BlobEntries *ret, char **ret_next) _must_check_;
/* An answer to a deletion of many; for tests. True: the first object that is still there and the store's code for why,
 * both new; *ret_key may be NULL. */
bool s3_parse_deletion(const char *xml, size_t length, char **ret_key, char **ret_code);
