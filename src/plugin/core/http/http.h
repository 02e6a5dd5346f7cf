/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The properties that Request, Download and Trigger share, and the exchange made of them. */
#include "plugin/http_client.h"
#include "plugin/run.h"

extern const Field http_option_fields[];
extern const Field http_timeout_fields[]; /* of `options.timeout` */
extern const Field http_proxy_fields[];   /* of `options.proxy` */
extern const Field http_ssl_fields[];
extern const Field http_request_outputs[]; /* of Request and Trigger; http_outputs() */
extern const char *const http_methods[];
/* The rows of all three. */
#define HTTP_FIELDS                                                                                                     \
    {"uri", FIELD_STRING, FIELD_DYNAMIC | FIELD_REQUIRED, .doc = "Where the request goes; http or https."},             \
        {"method", FIELD_ENUM, FIELD_EXPRESSION, .values = http_methods, .fallback = "\"GET\"", .doc = "HTTP method."}, \
        {"body", FIELD_STRING, FIELD_DYNAMIC, .doc = "Body of the request."},                                           \
        {"formData", FIELD_MAP, FIELD_EXPRESSION, .item = FIELD_ANY,                                                    \
         .doc = "Fields of a form: urlencoded, or as parts when contentType is "                                        \
                "multipart/form-data. A kestra:// URI, or a map {name, content}, is then sent "                         \
                "as a file."},                                                                                          \
        {"contentType", FIELD_STRING, FIELD_DYNAMIC, .doc = "Media type of the body."},                                 \
        {"headers", FIELD_MAP, FIELD_EXPRESSION, .item = FIELD_ANY, .doc = "More headers."},                            \
        {"options", FIELD_OBJECT, 0, .fields = http_option_fields, .doc = "Timeouts, authentication, proxy, TLS."},     \
    {                                                                                                                   \
        "sslOptions", FIELD_OBJECT, 0, .fields = http_ssl_fields,                                                       \
                                       .doc = "How the server's certificate is checked; the same as options.ssl."       \
    }
/* Of the tasks. */
#define HTTP_TASK_FIELDS                                                                                               \
    HTTP_FIELDS,                                                                                                       \
    {                                                                                                                  \
        "allowFailed", FIELD_BOOLEAN, FIELD_EXPRESSION,                                                                \
            .fallback = "false", .doc = "An answer of 400 and above is a result, not a failure."                       \
    }
#define HTTP_ENCRYPT_FIELD                                                                                             \
    {                                                                                                                  \
        "encryptBody", FIELD_BOOLEAN, FIELD_EXPRESSION, .fallback = "false", .doc = "Give the body as encryptedBody."  \
    }

typedef struct HttpBodySink {
    bool (*take)(void *userdata, const char *bytes, size_t length);
    void *userdata;
    bool is_file;      /* maxContentLength holds only when it is given, readTimeout only until the answer begins */
    bool allow_failed; /* whatever the properties say */
} HttpBodySink;
/* Sends what the properties say. RUN_E_FAILED (logged): nothing was answered, or 400 and above that is not allowed. */
int http_exchange(RunContext *run, const HttpBodySink *sink, HttpAnswer *ret) _must_check_;
void http_answer_done(HttpAnswer *answer);

/* An answer with its body as text. */
typedef struct HttpFetched {
    HttpAnswer answer;
    char *body;
} HttpFetched;
/* http_exchange() with the body, converted to UTF-8 from the charset that the answer names, or options.defaultCharset.
 */
int http_fetch(RunContext *run, bool allow_failed, HttpFetched *ret) _must_check_;
void http_fetched_done(HttpFetched *fetched);
/* {uri, code, headers, body}; with the property encryptBody encryptedBody instead of body; new. RUN_E_FAILED (logged).
 */
int http_outputs(RunContext *run, const HttpFetched *fetched, json_t **ret) _must_check_;

/* A request that a task makes up itself; its properties options and sslOptions, if it has them, say how it is sent. */
typedef struct HttpOwnRequest {
    const char *method, *uri;
    const json_t *headers;      /* name → text */
    const char *body;           /* NULL: none */
    usec_t answer_timeout_usec; /* longest silence until the answer begins; 0: as options say */
} HttpOwnRequest;
/* http_fetch() of it. What is logged names host alone of the address: the rest may be a key. */
int http_send(RunContext *run, const HttpOwnRequest *request, HttpFetched *ret) _must_check_;
/* The members of a map as application/x-www-form-urlencoded; caller frees. */
char *http_form_encode(const json_t *form);
