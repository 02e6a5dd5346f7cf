/* SPDX-License-Identifier: Apache-2.0 */
/* The gateways of other hosts when there are any; otherwise the worker's socket, which lies beside ours. */
#include "web/routes/storage.h"

static int open_remote(const WebSettings *settings, Blob **ret)
{
    size_t count = json_array_size(settings->gateways), i;
    _cleanup_free_ const char **urls = xnew_n(const char *, count + 1);
    const json_t *url;
    json_array_foreach (settings->gateways, i, url)
        urls[i] = json_is_string(url) ? json_string_value(url) : "";
    return blob_remote_new(
        &(BlobRemoteSettings){
            .urls = urls,
            .token = settings->gateway_token,
            .authorities = settings->gateway_authorities,
            .certificate = settings->gateway_certificate,
            .key = settings->gateway_key,
            .timeout_usec = settings->gateway_timeout_usec,
        },
        ret);
}

int storage_open(const WebSession *session, Blob **ret)
{
    if (json_array_size(session->settings->gateways) > 0)
        return open_remote(session->settings, ret);
    const char *own = session->settings->socket_path, *slash = own ? strrchr(own, '/') : NULL;
    _cleanup_free_ char *path = slash ? xasprintf("%.*s/worker.sock", (int)(slash - own), own) : xstrdup("worker.sock");
    return blob_gateway_new(path, ret);
}

int storage_refuse(const HttpRequest *request, HttpResponse *response, int r)
{
    if (r == BLOB_E_NAME)
        return http_error(request, response, 422, "Illegal argument: a name in internal storage has %d bytes at most",
                          BLOB_NAME_BYTES_MAX);
    _cleanup_free_ char *reason = blob_explain(r);
    if (r == -ENOSPC || r == -EDQUOT)
        return http_error(request, response, 507, "Internal storage is full: %s", reason);
    return http_error(request, response, 503, "Internal storage cannot be reached: %s", reason);
}
