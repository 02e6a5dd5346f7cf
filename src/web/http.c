/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests are cut once, when they arrive: path and query stay as sent for the error's self link, decoded values are
 * kept beside them. The error body is that of spec/api.md section 2; properties that would be null are left out.
 */
#include "web/http.h"

#include <ctype.h>
#include <fcntl.h>
#include <strings.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"

static const struct {
    const char *name;
    HttpMethod method;
} methods[] = {
    {"GET", HTTP_GET}, {"HEAD", HTTP_GET},    {"POST", HTTP_POST},
    {"PUT", HTTP_PUT}, {"PATCH", HTTP_PATCH}, {"DELETE", HTTP_DELETE},
};

static const struct {
    int status;
    const char *text;
} statuses[] = {
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {206, "Partial Content"},
    {301, "Moved Permanently"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {409, "Conflict"},
    {410, "Gone"},
    {413, "Request Entity Too Large"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {422, "Unprocessable Entity"},
    {423, "Locked"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {503, "Service Unavailable"},
};

const char *http_status_text(int status)
{
    for (size_t i = 0; i < ELEMENTS(statuses); i++)
        if (statuses[i].status == status)
            return statuses[i].text;
    return "Error";
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)tolower((unsigned char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

char *http_decode(Arena *arena, const char *text, size_t length, bool plus_is_blank)
{
    char *decoded = arena_alloc(arena, length + 1);
    size_t n = 0;
    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        if (c == '%') {
            int high = i + 2 < length ? hex_digit(text[i + 1]) : -1;
            int low = i + 2 < length ? hex_digit(text[i + 2]) : -1;
            if (high < 0 || low < 0)
                return NULL;
            c = (char)(high * 16 + low);
            i += 2;
        } else if (c == '+' && plus_is_blank) {
            c = ' ';
        }
        if (c == '\0')
            return NULL;
        decoded[n++] = c;
    }
    decoded[n] = '\0';
    return decoded;
}

static bool parse_query(HttpRequest *request, const char *query)
{
    while (query && *query) {
        size_t length = strcspn(query, "&");
        const char *equals = memchr(query, '=', length);
        size_t name_length = equals ? (size_t)(equals - query) : length;
        if (length > 0) {
            HttpField field = {
                .name = http_decode(request->arena, query, name_length, true),
                .value = equals ? http_decode(request->arena, equals + 1, length - name_length - 1, true) : "",
            };
            if (!field.name || !field.value)
                return false;
            vec_push(&request->query, field);
        }
        query += length;
        query += *query == '&';
    }
    return true;
}

HttpRequest *http_request_new(const char *method, const char *target)
{
    HttpRequest *request = xnew(HttpRequest);
    request->arena = arena_new();
    request->method = HTTP_OTHER;
    request->method_name = arena_strdup(request->arena, method);
    for (size_t i = 0; i < ELEMENTS(methods); i++)
        if (streq(methods[i].name, method))
            request->method = methods[i].method;
    request->head = streq(method, "HEAD");
    request->target = arena_strdup(request->arena, target);
    request->body = "";
    const char *question = strchr(request->target, '?');
    request->path =
        question ? arena_strndup(request->arena, target, (size_t)(question - request->target)) : request->target;
    if (!parse_query(request, question ? question + 1 : NULL))
        return http_request_free(request);
    return request;
}

HttpRequest *http_request_free(HttpRequest *request)
{
    if (!request)
        return NULL;
    vec_free(&request->query);
    vec_free(&request->headers);
    arena_free(request->arena);
    free(request);
    return NULL;
}

void http_request_header(HttpRequest *request, const char *name, size_t name_length, const char *value,
                         size_t value_length)
{
    HttpField field = {.name = arena_strndup(request->arena, name, name_length),
                       .value = arena_strndup(request->arena, value, value_length)};
    vec_push(&request->headers, field);
}

void http_request_body(HttpRequest *request, const char *body, size_t length)
{
    char *copy = arena_alloc(request->arena, length + 1);
    if (length > 0)
        memcpy(copy, body, length);
    request->body = copy;
    request->body_length = length;
}

void http_response_done(HttpResponse *response)
{
    vec_free(&response->headers);
    buffer_done(&response->body);
    if (response->has_file)
        close_fd(response->file_fd);
    response->has_file = false;
}

const char *http_header(const HttpRequest *request, const char *name)
{
    for (size_t i = 0; i < request->headers.count; i++)
        if (strcasecmp(request->headers.items[i].name, name) == 0)
            return request->headers.items[i].value;
    return NULL;
}

const char *http_media_type(const HttpRequest *request)
{
    const char *value = http_header(request, "Content-Type");
    if (!value)
        return NULL;
    value += strspn(value, " \t");
    char *type = arena_strndup(request->arena, value, strcspn(value, "; \t"));
    for (char *c = type; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    return *type ? type : NULL;
}

const char *http_media_parameter(const HttpRequest *request, const char *name)
{
    const char *value = http_header(request, "Content-Type");
    size_t name_length = strlen(name);
    for (value = value ? strchr(value, ';') : NULL; value; value = strchr(value, ';')) {
        value++;
        value += strspn(value, " \t");
        if (strncasecmp(value, name, name_length) != 0 || value[name_length] != '=')
            continue;
        value += name_length + 1;
        if (*value == '"')
            return arena_strndup(request->arena, value + 1, strcspn(value + 1, "\""));
        return arena_strndup(request->arena, value, strcspn(value, "; \t"));
    }
    return NULL;
}

const char *http_parameter(const HttpRequest *request, const char *name)
{
    for (unsigned i = 0; i < request->parameter_count; i++)
        if (streq(request->parameters[i].name, name))
            return request->parameters[i].value;
    return "";
}

const char *http_query(const HttpRequest *request, const char *name)
{
    for (size_t i = 0; i < request->query.count; i++)
        if (streq(request->query.items[i].name, name))
            return request->query.items[i].value;
    return NULL;
}

int http_parse_integer(const char *text, int64_t *ret)
{
    bool negative = *text == '-';
    const char *digits = text + (*text == '-' || *text == '+');
    int64_t value = 0;
    if (!*digits)
        return 1;
    for (const char *c = digits; *c; c++) {
        if (!isdigit((unsigned char)*c) || value > INT32_MAX)
            return 1;
        value = value * 10 + (*c - '0');
    }
    value = negative ? -value : value;
    if (value > INT32_MAX || value < INT32_MIN)
        return 1;
    *ret = value;
    return 0;
}

int64_t http_query_integer(const HttpRequest *request, const char *name, int64_t fallback)
{
    const char *text = http_query(request, name);
    int64_t value;
    return text && *text && http_parse_integer(text, &value) == 0 ? value : fallback;
}

bool http_query_boolean(const HttpRequest *request, const char *name, bool fallback)
{
    static const char *const yes[] = {"true", "yes", "y", "on"};
    const char *text = http_query(request, name);
    if (!text || !*text)
        return fallback;
    for (size_t i = 0; i < ELEMENTS(yes); i++)
        if (strcasecmp(text, yes[i]) == 0)
            return true;
    return false;
}

static void append_values(json_t *list, const char *text, bool split)
{
    if (!split) {
        json_array_append_new(list, json_string(text));
        return;
    }
    for (;; text++) {
        size_t length = strcspn(text, ",");
        if (length > 0)
            json_array_append_new(list, json_stringn(text, length));
        text += length;
        if (!*text)
            return;
    }
}

json_t *http_query_list(const HttpRequest *request, const char *name, bool split)
{
    json_t *list = NULL;
    for (size_t i = 0; i < request->query.count; i++) {
        if (!streq(request->query.items[i].name, name))
            continue;
        list = list ? list : json_array();
        append_values(list, request->query.items[i].value, split);
    }
    return list;
}

int http_parse_date(const char *text, usec_t *ret)
{
    /* An unescaped '+' of the offset arrives as a blank. */
    _cleanup_free_ char *copy = xstrdup(text);
    char *blank = strchr(copy, ' ');
    if (blank)
        *blank = strlen(copy) > 11 && blank - copy == 10 ? 'T' : '+';
    if (instant_parse(copy, ret) == 0)
        return 0;
    _cleanup_free_ char *with_zone = xasprintf("%sZ", copy);
    return instant_parse(with_zone, ret);
}

json_t *http_date_value(usec_t date)
{
    static const char zero[] = ".000Z";
    char text[INSTANT_BYTES];
    instant_format(date, text);
    size_t length = strlen(text);
    if (ends_with(text, zero))
        snprintf(text + length - strlen(zero), sizeof(zero), "Z");
    return json_string(text);
}

usec_t http_query_date(const HttpRequest *request, const char *name)
{
    const char *text = http_query(request, name);
    usec_t date = 0;
    return text && *text && http_parse_date(text, &date) == 0 ? date : 0;
}

int http_json(HttpResponse *response, int status, json_t *value)
{
    response->status = status;
    response->content_type = "application/json";
    buffer_clear(&response->body);
    json_append(&response->body, value);
    json_decref(value);
    return 0;
}

int http_text(HttpResponse *response, int status, const char *content_type, const char *text)
{
    response->status = status;
    response->content_type = content_type;
    buffer_clear(&response->body);
    buffer_append(&response->body, text);
    return 0;
}

int http_file(HttpResponse *response, int status, const char *content_type, int fd, int64_t length)
{
    buffer_clear(&response->body);
    response->status = status;
    response->content_type = content_type;
    response->has_file = true;
    response->file_fd = fd;
    response->file_length = length;
    return 0;
}

/* /var/tmp is the service's own, and on a disk. */
int http_scratch(void)
{
    int fd = open("/var/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    return fd >= 0 ? fd : memfd_create("kestra-answer", MFD_CLOEXEC);
}

int http_spill(HttpResponse *response)
{
    if (!response->has_file) {
        response->file_fd = http_scratch();
        if (response->file_fd < 0)
            return outage(-errno);
        response->has_file = true;
        response->file_length = 0;
    }
    Buffer *body = &response->body;
    for (size_t written = 0; written < body->length;) {
        ssize_t n = write(response->file_fd, body->text + written, body->length - written);
        if (n < 0 && errno != EINTR)
            return outage(-errno);
        written += (size_t)MAX(n, (ssize_t)0);
    }
    response->file_length += (int64_t)body->length;
    buffer_clear(body);
    return 0;
}

int http_spilled(HttpResponse *response, int status, const char *content_type)
{
    response->status = status;
    response->content_type = content_type;
    if (!response->has_file)
        return 0;
    int r = http_spill(response);
    if (r == 0 && lseek(response->file_fd, 0, SEEK_SET) < 0)
        r = outage(-errno);
    return r;
}

int http_empty(HttpResponse *response, int status)
{
    response->status = status;
    response->content_type = NULL;
    buffer_clear(&response->body);
    return 0;
}

void http_attachment(const HttpRequest *request, HttpResponse *response, const char *name)
{
    _cleanup_buffer_ Buffer encoded = {};
    bool plain = true;
    for (const char *c = name; *c; c++) {
        plain &= (unsigned char)*c >= ' ' && (unsigned char)*c < 0x7F && *c != '"' && *c != '\\';
        if (((unsigned char)*c < 0x80 && isalnum((unsigned char)*c)) || strchr("-._~", *c))
            buffer_append_char(&encoded, *c);
        else
            buffer_printf(&encoded, "%%%02X", (unsigned char)*c);
    }
    http_response_header(response, "Content-Disposition",
                         arena_printf(request->arena, "attachment; filename=\"%s\"; filename*=utf-8''%s",
                                      plain ? name : "file", buffer_text(&encoded)));
}

void http_response_header(HttpResponse *response, const char *name, const char *value)
{
    for (const char *c = value; *c; c++)
        if (((unsigned char)*c < ' ' && *c != '\t') || *c == 0x7F)
            return;
    HttpField field = {.name = name, .value = value};
    vec_push(&response->headers, field);
}

/* Steals message and errors. */
static int send_error(const HttpRequest *request, HttpResponse *response, int status, char *message, json_t *errors)
{
    json_t *self = json_object();
    json_set_text(self, "href", request->target);
    json_object_set_new(self, "templated", json_false());
    json_t *links = json_object();
    json_object_set_new(links, "self", self);
    json_t *error = json_object();
    json_set_text(error, "message", message);
    json_object_set_new(error, "_links", links);
    if (errors && json_array_size(errors) > 0) {
        json_t *embedded = json_object();
        json_object_set(embedded, "errors", errors);
        json_object_set_new(error, "_embedded", embedded);
    }
    json_decref(errors);
    free(message);
    return http_json(response, status, error);
}

static char *format_text(const char *format, va_list arguments)
{
    char *text = NULL;
    if (vasprintf(&text, format, arguments) < 0)
        abort();
    return text;
}

int http_error(const HttpRequest *request, HttpResponse *response, int status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *message = format_text(format, arguments);
    va_end(arguments);
    return send_error(request, response, status, message, NULL);
}

int http_reason(const HttpRequest *request, HttpResponse *response, int status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    _cleanup_free_ char *detail = format_text(format, arguments);
    va_end(arguments);
    return send_error(request, response, status, xasprintf("%s: %s", http_status_text(status), detail), NULL);
}

int http_not_found(const HttpRequest *request, HttpResponse *response)
{
    return send_error(request, response, 404, xstrdup("Not Found"), NULL);
}

int http_invalid(const HttpRequest *request, HttpResponse *response, const char *path, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    _cleanup_free_ char *detail = format_text(format, arguments);
    va_end(arguments);
    json_t *entry = json_object();
    json_set_text(entry, "message", detail);
    json_set_text(entry, "path", path);
    json_t *errors = json_array();
    json_array_append_new(errors, entry);
    return send_error(request, response, 422, xasprintf("Invalid entity: %s: %s", path, detail), errors);
}

int http_invalid_list(const HttpRequest *request, HttpResponse *response, const char *message, json_t *errors)
{
    return send_error(request, response, 422, xstrdup(message), errors);
}
