/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Internal storage as this role reaches it: through the worker of this host. */
#include "blob/blob.h"
#include "web/session.h"

int storage_open(const WebSession *session, Blob **ret) _must_check_;
/* 503: no worker answers. */
int storage_refuse(const HttpRequest *request, HttpResponse *response);
