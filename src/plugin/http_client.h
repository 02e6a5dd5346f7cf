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

/* Texts are owned by whoever filled it. NULL or 0: not set. */
typedef struct HttpRequest {
    char *uri, *method;
    json_t *headers;  /* name → text */
    char *body;       /* sent as it is */
    VEC(HttpPart) parts; /* multipart/form-data instead of a body */
    usec_t connect_timeout_usec, read_timeout_usec;
    bool follow_redirects, insecure;
    const char *user, *password;
    const char *proxy, *proxy_user, *proxy_password;
    bool proxy_is_socks;
    uint16_t proxy_port;
    int64_t answer_bytes_max; /* 0: no limit */
    /* Takes a piece of the answer's body; false ends the exchange. */
    bool (*take)(void *userdata, const char *bytes, size_t length);
    void *userdata;
} HttpRequest;

typedef struct HttpAnswer {
    long code;
    json_t *headers; /* name → list of texts, of the last answer */
    char *uri;       /* the one that answered */
} HttpAnswer;

enum {
    HTTP_E_FAILED = 1, /* nothing was answered; the Diag says why */
};

/* Blocks. On success the answer is owned by the caller (http_answer_done), whatever its code is. */
typedef struct HttpClient {
    int (*exchange)(const HttpRequest *request, HttpAnswer *ret, Diag *diag);
} HttpClient;
