/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The parts of http.c. */
#include "plugin/core/http/http.h"

typedef enum HttpLogs {
    HTTP_LOG_REQUEST_HEADERS = 1 << 0,
    HTTP_LOG_REQUEST_BODY = 1 << 1,
    HTTP_LOG_RESPONSE_HEADERS = 1 << 2,
    HTTP_LOG_RESPONSE_BODY = 1 << 3,
} HttpLogs;

/* The rendered properties, and the request that borrows from them. */
typedef struct HttpCall {
    HttpRequest request;
    json_t *options; /* {"options": …, "sslOptions": …} */
    json_t *form, *headers;
    char *uri, *method, *body, *content_type;
    const char *charset; /* options.defaultCharset */
    unsigned logs;       /* HttpLogs */
    bool allow_failed;
    bool limits_bytes; /* maxContentLength is given */
    bool hides_uri;    /* in the log */
} HttpCall;
/* Renders all. RUN_E_FAILED (logged). Done with http_call_done also then. */
int http_call_prepare(RunContext *run, HttpCall *call) _must_check_;
/* The same for a request that the task made itself; borrows its parts. */
int http_call_prepare_own(RunContext *run, const HttpOwnRequest *own, HttpCall *call) _must_check_;
void http_call_done(HttpCall *call);

/* options and sslOptions (rendered) → call. RUN_E_FAILED (logged). */
int http_options_take(RunContext *run, HttpCall *call) _must_check_;
