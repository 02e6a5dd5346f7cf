/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What drivers share about many objects at once: pages of lists, and deletions as the parts of one request. */
#include "blob/remote_blob.h"

/* Where a page of XML has what, as paths of xml.h. */
typedef struct RemoteListNames {
    const char *page, *next, *object, *key, *size, *modified;
} RemoteListNames;
typedef struct RemoteListText {
    const char *bytes; /* with a terminator */
    size_t length;
} RemoteListText;
/* Adds the objects of a page. is_encoded: keys are percent-encoded. *ret_next: where the next page begins, or NULL;
 * new. BLOB_E_INVALID: not a page. */
int remote_list_parse(const RemoteListNames *names, bool is_encoded, const RemoteListText *text, BlobEntries *ret,
                      char **ret_next) _must_check_;

/* As remote_list_parse, of one store. */
typedef int (*RemoteListParser)(const char *text, size_t length, BlobEntries *ret, char **ret_next);
/* RemoteDriver.list by a request. */
int remote_list_page(const RemoteBlob *blob, RemoteRequest *request, RemoteListParser parse, char **marker,
                     BlobEntries *ret) _must_check_;

/* Parts of an answer of multipart/mixed that say that their object is deleted, or was not there. */
size_t remote_batch_gone(const char *text);
/* RemoteDriver.delete_many by a request of multipart/mixed whose parts delete `keys`. */
int remote_batch_delete(const RemoteBlob *blob, RemoteRequest *request, const char *const *keys,
                        size_t count) _must_check_;
