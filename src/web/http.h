/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A request and its answer as plain data, free of h2o: handlers, router and unit tests see nothing else.
 * Everything of a request lies in its arena and dies with it.
 */
#include "doc/json.h"

typedef enum HttpMethod {
    HTTP_GET = 1 << 0,
    HTTP_POST = 1 << 1,
    HTTP_PUT = 1 << 2,
    HTTP_PATCH = 1 << 3,
    HTTP_DELETE = 1 << 4,
    HTTP_OTHER = 1 << 5,
} HttpMethod;

typedef struct HttpField {
    const char *name, *value;
} HttpField;
typedef VEC(HttpField) HttpFields;

#define HTTP_PARAMETERS_MAX 4

typedef struct HttpRequest {
    Arena *arena;
    HttpMethod method;
    const char *method_name;
    bool head;          /* HEAD: handled as GET, answered without a body */
    const char *target; /* as it was sent, with the query */
    const char *path;   /* without the query, still encoded */
    HttpFields query;   /* decoded, in order */
    HttpFields headers; /* names as sent */
    const char *body;   /* never NULL; followed by a terminator that is not counted */
    size_t body_length;
    const char *peer; /* for messages: "127.0.0.1" or "unix" */
    bool local;       /* came over the role's unix socket */
    bool role;        /* the same, from a user of the roles' group */
    bool trusted;     /* came over the role's unix socket from root, group kestra or ourselves */
    HttpField parameters[HTTP_PARAMETERS_MAX]; /* of the matched pattern, decoded */
    unsigned parameter_count;
} HttpRequest;

struct Follow;

typedef struct HttpResponse {
    int status;
    const char *content_type; /* static or in the request's arena; NULL: no body */
    HttpFields headers;       /* texts are static or in the request's arena */
    Buffer body;
    bool has_file; /* the body is file_length bytes of this descriptor (a file, or a pipe), from where it stands */
    int file_fd;   /* owned */
    int64_t file_length;
    struct Follow *follow; /* the answer is not known yet, or is a stream (follow.h); owned */
} HttpResponse;

/* Copies target and cuts it into path and decoded query. NULL when target holds a broken %-escape or a NUL. */
HttpRequest *http_request_new(const char *method, const char *target);
HttpRequest *http_request_free(HttpRequest *request);
DEFINE_CLEANUP(HttpRequest *, http_request_free);
/* Texts are copied. */
void http_request_header(HttpRequest *request, const char *name, size_t name_length, const char *value,
                         size_t value_length);
void http_request_body(HttpRequest *request, const char *body, size_t length);
void http_response_done(HttpResponse *response);

/* First header of that name (any case) or NULL. */
const char *http_header(const HttpRequest *request, const char *name);
/* "application/json" of Content-Type in small letters, without parameters; NULL when there is none. In the arena. */
const char *http_media_type(const HttpRequest *request);
/* The value of a parameter of Content-Type ("boundary"), unquoted; NULL when absent. In the arena. */
const char *http_media_parameter(const HttpRequest *request, const char *name);
/* Parameter of the path; never NULL for a name of the route's pattern. */
const char *http_parameter(const HttpRequest *request, const char *name);

/* First value of a query parameter, or NULL. The router has already checked those declared in the route's table. */
const char *http_query(const HttpRequest *request, const char *name);
int64_t http_query_integer(const HttpRequest *request, const char *name, int64_t fallback);
bool http_query_boolean(const HttpRequest *request, const char *name, bool fallback);
/* All values, comma-joined ones taken apart when `split`; a new array of texts, or NULL when the parameter is absent.
 */
json_t *http_query_list(const HttpRequest *request, const char *name, bool split);
/* Instant of a date parameter (api.md 1.3); 0 when absent. */
usec_t http_query_date(const HttpRequest *request, const char *name);
/* "yyyy-MM-ddTHH:mm[:ss][.SSS][XXX]", a missing offset means UTC. Positive: not a date. */
int http_parse_date(const char *text, usec_t *ret) _must_check_;
/* UTC with milliseconds, which are left out when they are zero. New text value. */
json_t *http_date_value(usec_t date);
/* Java's Integer.parseInt. Positive: not an integer. */
int http_parse_integer(const char *text, int64_t *ret) _must_check_;

/* %XX (and '+' as blank when plus_is_blank) undone into the arena; NULL for a broken escape, a NUL or bad length. */
char *http_decode(Arena *arena, const char *text, size_t length, bool plus_is_blank);

/* --- answers; each returns 0, so that a handler can end with it --- */
/* Steals value. */
int http_json(HttpResponse *response, int status, json_t *value);
/* Copies text. content_type is kept by reference. */
int http_text(HttpResponse *response, int status, const char *content_type, const char *text);
int http_empty(HttpResponse *response, int status);
/* Takes the descriptor; it is read as the client takes it. */
int http_file(HttpResponse *response, int status, const char *content_type, int fd, int64_t length);
/* A new unnamed file, or -1 with errno. */
int http_scratch(void);
/* For a body that is too long to be held: moves what is in response->body into an unnamed file, and leaves it empty. */
int http_spill(HttpResponse *response) _must_check_;
/* Completes an answer whose body may have been spilled. Returns 0 or an outage. */
int http_spilled(HttpResponse *response, int status, const char *content_type) _must_check_;
/* Content-Disposition of a file to be saved under this name, in both its forms (RFC 6266); the only place that puts a
 * name into a header. */
void http_attachment(const HttpRequest *request, HttpResponse *response, const char *name);
/* name and value are kept by reference: static or in the request's arena. A value with control characters is left out:
 * a line break would begin a header, or a body, of whoever chose the value. */
void http_response_header(HttpResponse *response, const char *name, const char *value);

/* JsonError of api.md section 2 with this message. */
int http_error(const HttpRequest *request, HttpResponse *response, int status, const char *format, ...) _printf_(4, 5);
/* "<reason phrase>: <message>", e.g. "Not Found: Flow not found". */
int http_reason(const HttpRequest *request, HttpResponse *response, int status, const char *format, ...) _printf_(4, 5);
/* 404 "Not Found". */
int http_not_found(const HttpRequest *request, HttpResponse *response);
/* 422 "Invalid entity: <path>: <message>" with one embedded error. */
int http_invalid(const HttpRequest *request, HttpResponse *response, const char *path, const char *format, ...)
    _printf_(4, 5);
/* 422 with a whole message and a list of {message, path} (stolen, may be NULL). */
int http_invalid_list(const HttpRequest *request, HttpResponse *response, const char *message, json_t *errors);
/* The reason phrase of a status; "Error" for one we never use. */
const char *http_status_text(int status);
