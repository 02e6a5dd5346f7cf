/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/client.h"

#include <curl/curl.h>
#include <unistd.h>

#include "base/clock.h"

struct Client {
    CURL *curl;
    char *base;   /* "http://localhost" for a unix socket */
    char *socket; /* or NULL */
    char *user, *password;
};

Client *client_new(const ClientSettings *settings)
{
    Client *client = xnew(Client);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    client->curl = curl_easy_init();
    if (!client->curl)
        abort(); /* out of memory */
    bool is_socket = settings->server[0] == '/';
    client->socket = is_socket ? xstrdup(settings->server) : NULL;
    client->base = xstrdup(is_socket ? "http://localhost" : settings->server);
    while (ends_with(client->base, "/"))
        client->base[strlen(client->base) - 1] = 0;
    client->user = xstrdup_null(settings->user);
    client->password = xstrdup_null(settings->password);
    return client;
}

Client *client_free(Client *client)
{
    if (!client)
        return NULL;
    curl_easy_cleanup(client->curl);
    free(client->base);
    free(client->socket);
    free(client->user);
    free(client->password);
    free(client);
    curl_global_cleanup();
    return NULL;
}

typedef struct Transfer {
    const ClientRequest *request;
    Buffer *body;
    CURL *curl;
} Transfer;

static size_t on_bytes(char *bytes, size_t size, size_t count, void *userdata)
{
    Transfer *transfer = userdata;
    long status = 0;
    curl_easy_getinfo(transfer->curl, CURLINFO_RESPONSE_CODE, &status);
    if (transfer->request->on_data && status < 400)
        return transfer->request->on_data(transfer->request->userdata, bytes, size * count) ? size * count : 0;
    if (transfer->body)
        buffer_append_n(transfer->body, bytes, size * count);
    return size * count;
}

static curl_mime *make_fields(CURL *curl, const char *const *fields)
{
    curl_mime *mime = curl_mime_init(curl);
    for (; *fields; fields++) {
        const char *equals = strchr(*fields, '=');
        curl_mimepart *part = curl_mime_addpart(mime);
        _cleanup_free_ char *name = xstrndup(*fields, equals ? (size_t)(equals - *fields) : strlen(*fields));
        const char *value = equals ? equals + 1 : "";
        if (value[0] == '@') {
            /* The API takes the input's id from the part's file name. */
            curl_mime_name(part, "files");
            curl_mime_filedata(part, value + 1);
            curl_mime_filename(part, name);
        } else {
            curl_mime_name(part, name);
            curl_mime_data(part, value, CURL_ZERO_TERMINATED);
        }
    }
    return mime;
}

static void set_up(Client *client, const ClientRequest *request, Transfer *transfer, const char *url)
{
    CURL *curl = client->curl;
    curl_easy_reset(curl);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, 10L);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "kestractl");
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_bytes);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, transfer);
    if (client->socket) {
        curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, client->socket);
        curl_easy_setopt(curl, CURLOPT_PROXY, "");
    }
    if (client->user) {
        curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
        curl_easy_setopt(curl, CURLOPT_USERNAME, client->user);
        curl_easy_setopt(curl, CURLOPT_PASSWORD, client->password ? client->password : "");
    }
    if (request->deadline) {
        usec_t now = clock_monotonic();
        usec_t left = request->deadline > now ? request->deadline - now : 0;
        curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)(left / USEC_PER_MSEC) + 1);
    }
    if (request->body) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(request->body));
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body);
    }
}

int client_send(Client *client, const ClientRequest *request, long *ret_status, Buffer *ret_body)
{
    _cleanup_free_ char *url = xasprintf("%s%s", client->base, request->path);
    Transfer transfer = {.request = request, .body = ret_body, .curl = client->curl};
    set_up(client, request, &transfer, url);
    struct curl_slist *headers = NULL;
    if (request->content_type) {
        _cleanup_free_ char *line = xasprintf("Content-Type: %s", request->content_type);
        headers = curl_slist_append(headers, line);
    }
    headers = curl_slist_append(headers, "Expect:");
    curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, headers);
    curl_mime *mime = request->fields && request->fields[0] ? make_fields(client->curl, request->fields) : NULL;
    if (mime)
        curl_easy_setopt(client->curl, CURLOPT_MIMEPOST, mime);
    CURLcode code = curl_easy_perform(client->curl);
    curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, ret_status);
    curl_slist_free_all(headers);
    curl_mime_free(mime);
    if (code == CURLE_OPERATION_TIMEDOUT && request->deadline && clock_monotonic() >= request->deadline) {
        (void)fprintf(stderr, "kestractl: timed out\n");
        return CLIENT_E_TIMED_OUT;
    }
    bool ended_by_us = code == CURLE_WRITE_ERROR && request->on_data;
    if (code != CURLE_OK && !ended_by_us) {
        (void)fprintf(stderr, "kestractl: %s: %s\n", client->socket ? client->socket : client->base,
                      curl_easy_strerror(code));
        if (client->socket && access(client->socket, W_OK) != 0)
            (void)fprintf(stderr, "kestractl: is kestra-webserver.socket started, and are you root or in group kestra? "
                                  "(--server URL speaks to another one)\n");
        return outage(-ECONNREFUSED);
    }
    return 0;
}

static void print_failure(long status, const Buffer *body)
{
    json_t *error = NULL;
    const char *message = buffer_text(body);
    if (json_parse(message, body->length, 0, &error, NULL) == 0)
        message = json_get_text(error, "message", message);
    if (status == 401)
        message = "not logged in, or a wrong password (--user NAME, password from KESTRA_PASSWORD or asked for)";
    (void)fprintf(stderr, "kestractl: %s (status %ld)\n", *message ? message : "the server gave no reason", status);
    json_decref(error);
}

int client_json(Client *client, const ClientRequest *request, json_t **ret)
{
    _cleanup_buffer_ Buffer body = {};
    long status = 0;
    int r = client_send(client, request, &status, &body);
    if (r != 0)
        return r;
    if (status >= 400) {
        print_failure(status, &body);
        return CLIENT_E_REFUSED;
    }
    *ret = NULL;
    if (body.length && json_parse(body.text, body.length, 0, ret, NULL) != 0)
        *ret = NULL;
    return 0;
}

char *client_escape(const char *text)
{
    char *escaped = curl_easy_escape(NULL, text, 0);
    char *copy = xstrdup(escaped ? escaped : "");
    curl_free(escaped);
    return copy;
}
