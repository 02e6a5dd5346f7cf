/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What a task asks of an HTTP client. The client itself (libcurl) is given by whoever runs the task, in
 * RunContext.http, so that only kestra-run links it.
 */
#include "doc/json.h"

typedef struct HttpPart {
    char *name;
    char *file_name; /* or NULL */
    char *text;      /* content; or NULL when there is a path */
    char *path;      /* of a local file */
} HttpPart;

typedef enum HttpAuth {
    HTTP_AUTH_NONE,
    HTTP_AUTH_BASIC,  /* user, password */
    HTTP_AUTH_DIGEST, /* user, password */
    HTTP_AUTH_BEARER, /* token */
} HttpAuth;

/* PEM texts; NULL: not set. */
typedef struct HttpTls {
    bool insecure;                                /* any certificate of the server will do */
    const char *authorities;                      /* trusted instead of the system's */
    const char *certificate, *key, *key_password; /* the client's own */
} HttpTls;

typedef struct HttpProxy {
    const char *address; /* NULL: none, whatever the environment says */
    uint16_t port;
    bool is_socks; /* SOCKS 5; the proxy resolves names */
    const char *user, *password;
} HttpProxy;

/* NULL or 0: not set. Everything is borrowed during the exchange. */
typedef struct HttpRequest {
    const char *uri, *method;
    const json_t *headers; /* name → text */
    const char *body;      /* sent as it is; NULL: none */
    size_t body_length;
    VEC(HttpPart) parts; /* multipart/form-data instead of a body */
    usec_t connect_timeout_usec;
    usec_t answer_timeout_usec; /* longest silence until the answer begins */
    usec_t idle_timeout_usec;   /* longest silence inside of the answer */
    bool follow_redirects;
    HttpAuth auth;
    const char *user, *password, *token;
    HttpTls tls;
    HttpProxy proxy;
    int64_t answer_bytes_max; /* 0: no limit */
    /* Takes a piece of the answer's body, whose status is `code`; false ends the exchange. */
    bool (*take)(void *userdata, long code, const char *bytes, size_t length);
    void *userdata;
} HttpRequest;

typedef struct HttpAnswer {
    long code;
    json_t *headers; /* name → list of texts, of the last answer */
    char *uri;       /* the one that answered */
    char *address;   /* IP address and port of who answered */
} HttpAnswer;

enum {
    HTTP_E_FAILED = 1, /* nothing was answered; the Diag says why */
};

/*
 * Blocks. On success the answer is owned by the caller (http_answer_done), whatever its code is. A redirect is followed
 * up to 20 times: 301, 302 and 303 turn everything but GET and HEAD into a GET, 307 and 308 repeat the request; another
 * origin gets neither the identity nor the headers Authorization and Cookie.
 */
typedef struct HttpClient {
    int (*exchange)(const HttpRequest *request, HttpAnswer *ret, Diag *diag);
} HttpClient;
