/* SPDX-License-Identifier: Apache-2.0 */
/* The worker's socket lies beside ours. */
#include "web/routes/storage.h"

int storage_open(const WebSession *session, Blob **ret)
{
    const char *own = session->settings->socket_path, *slash = own ? strrchr(own, '/') : NULL;
    _cleanup_free_ char *path = slash ? xasprintf("%.*s/worker.sock", (int)(slash - own), own) : xstrdup("worker.sock");
    return blob_gateway_new(path, ret);
}

int storage_refuse(const HttpRequest *request, HttpResponse *response)
{
    return http_error(request, response, 503, "Internal storage cannot be reached: no worker answers");
}
