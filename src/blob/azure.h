/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Objects in a container of Azure Blob Storage. */
#include "blob/remote_blob.h"

/* `settings`: those of storage.h; a reference is kept. Does not connect. BLOB_E_INVALID, with a reason: they do not say
 * where the container is or what authorizes us. */
int azure_new(json_t *settings, const RemoteBlobSettings *remote, Blob **ret) _must_check_;
/* What a request's shared key signature is made of, by version 2015-02-21 and later; for tests too. New. */
char *azure_string_to_sign(const char *account, const RemoteRequest *request);
/* One page of List Blobs; for tests. *ret_next: where the next one begins, or NULL; new. BLOB_E_INVALID: not a page. */
int azure_parse_list(const char *xml, size_t length, BlobEntries *ret, char **ret_next) _must_check_;
