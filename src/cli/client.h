/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * HTTP to the webserver (or to any role's socket): over /run/kestra/webserver.sock, where root and group kestra need no
 * password, or over TCP with basic authentication. Blocking; the only user of libcurl outside the worker.
 */
#include "base/buffer.h"
#include "doc/json.h"

typedef struct Client Client;

typedef struct ClientSettings {
    const char *server; /* "http://host:port", or the path of a unix socket */
    const char *user;   /* NULL: none */
    const char *password;
} ClientSettings;

Client *client_new(const ClientSettings *settings);
Client *client_free(Client *client);
DEFINE_CLEANUP(Client *, client_free);

typedef struct ClientRequest {
    const char *method;
    const char *path;         /* from the root: "/api/v1/flows" */
    const char *body;         /* or NULL */
    const char *content_type; /* of the body */
    /* Multipart fields instead of a body: "name=value" texts; a value "@file" sends the file. Ends with NULL. */
    const char *const *fields;
    /* Called for each piece of the answer as it comes (streams); returning false ends the transfer. */
    bool (*on_data)(void *userdata, const char *bytes, size_t length);
    void *userdata;
    usec_t deadline; /* monotonic; 0: none */
} ClientRequest;

enum {
    CLIENT_E_REFUSED = 1,   /* status 400 and above; the server's message was printed */
    CLIENT_E_TIMED_OUT = 2, /* the deadline of the request has passed */
};

/*
 * 0: an answer came, *ret_status has its status and ret_body (may be NULL with on_data) its text. CLIENT_E_TIMED_OUT,
 * or negative: no answer; the reason was printed to standard error.
 */
int client_send(Client *client, const ClientRequest *request, long *ret_status, Buffer *ret_body) _must_check_;
/*
 * GET, POST … that must succeed: CLIENT_E_REFUSED otherwise. 0 and the parsed body, NULL when it is empty or not JSON.
 */
int client_json(Client *client, const ClientRequest *request, json_t **ret) _must_check_;
/* Percent-encodes one path segment or query value. Caller frees. */
char *client_escape(const char *text);
