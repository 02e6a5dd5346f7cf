/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The properties that Request and Download share, and the exchange made of them. */
#include "plugin/http_client.h"
#include "plugin/run.h"

extern const Field http_option_fields[];
extern const Field http_ssl_fields[];
extern const char *const http_methods[];
/* The rows of both types. */
#define HTTP_FIELDS                                                                                \
    {"uri", FIELD_STRING, FIELD_DYNAMIC | FIELD_REQUIRED,                                          \
     .doc = "Where the request goes; http or https."},                                             \
        {"method", FIELD_ENUM, FIELD_DYNAMIC, .values = http_methods, .fallback = "\"GET\"",       \
         .doc = "HTTP method."},                                                                   \
        {"body", FIELD_STRING, FIELD_DYNAMIC, .doc = "Body of the request."},                      \
        {"formData", FIELD_MAP, FIELD_DYNAMIC, .item = FIELD_ANY,                                  \
         .doc = "Fields of a form: urlencoded, or as parts when contentType is "                   \
                "multipart/form-data. A kestra:// URI, or a map {name, content}, is then sent "    \
                "as a file."},                                                                     \
        {"contentType", FIELD_STRING, FIELD_DYNAMIC, .doc = "Media type of the body."},            \
        {"headers", FIELD_MAP, FIELD_DYNAMIC, .item = FIELD_ANY, .doc = "More headers."},          \
        {"allowFailed", FIELD_BOOLEAN, FIELD_DYNAMIC, .fallback = "false",                         \
         .doc = "An answer of 400 and above is a result, not a failure."},                         \
        {"options", FIELD_OBJECT, 0, .fields = http_option_fields,                                 \
         .doc = "Timeouts, authentication, proxy."},                                               \
        {"sslOptions", FIELD_OBJECT, 0, .fields = http_ssl_fields,                                 \
         .doc = "How the server's certificate is checked."}

typedef struct HttpBodySink {
    bool (*take)(void *userdata, const char *bytes, size_t length);
    void *userdata;
    bool limited; /* options.maxContentLength holds */
} HttpBodySink;
/* Sends the task's request. RUN_E_FAILED (logged): nothing was answered, or 400 and above without allowFailed. */
int http_exchange(RunContext *run, const HttpBodySink *sink, HttpAnswer *ret) _must_check_;
void http_answer_done(HttpAnswer *answer);
