/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Internal storage as this role reaches it: through the worker of this host. */
#include "blob/blob.h"
#include "web/session.h"

int storage_open(const WebSession *session, Blob **ret) _must_check_;
/* Answers what blob and kv functions return beside the outcomes of their own: 422 for a name that is too long, 507 when
 * the storage is full, 503 with the reason otherwise: no worker answers, or what the storage said. */
int storage_refuse(const HttpRequest *request, HttpResponse *response, int r);
