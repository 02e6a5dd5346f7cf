/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of executions (spec/api.md 5.1.1). They lie in internal storage, which this role cannot open: the worker of
 * this host hands descriptors over (blob/gateway.c).
 */
#include "blob/blob.h"
#include "web/range.h"
#include "web/routes/execution_common.h"
#include "web/routes/preview.h"
#include "web/routes/routes.h"
#include "web/routes/storage.h"

#define EXECUTIONS "/api/v1/executions"

static bool is_below(const char *uri, const char *prefix)
{
    size_t length = strlen(prefix);
    return strncmp(uri, prefix, length) == 0 && uri[length] == '/';
}

/* Whether uri is a file of this execution: STORE_E_NONE when there is no such execution. */
static int belongs_to(WebSession *session, const char *id, const char *uri, bool *ret)
{
    _cleanup_execution_heads_ ExecutionHeads heads = {};
    int r = store_execution_heads(session->pg, &id, 1, &heads);
    if (r != 0)
        return fold(r);
    if (heads.count == 0)
        return STORE_E_NONE;
    _cleanup_free_ char *prefix =
        blob_execution_uri(heads.items[0].namespace, heads.items[0].flow_id, heads.items[0].id);
    *ret = is_below(uri, prefix);
    return 0;
}

/* The execution's id in kestra:///…/executions/<id>/…, or NULL. In the arena. */
static const char *owner_in(const HttpRequest *request, const char *uri)
{
    const char *found = strstr(uri, "/executions/");
    size_t length = found ? strcspn(found + strlen("/executions/"), "/") : 0;
    return length > 0 && length < ID_BYTES ? arena_strndup(request->arena, found + strlen("/executions/"), length)
                                           : NULL;
}

enum { FILE_ANSWERED = 1 };

static int redirect(const HttpRequest *request, HttpResponse *response, const char *other)
{
    const char *id = http_parameter(request, "executionId");
    const char *at = strstr(request->target, id);
    if (!at)
        return http_not_found(request, response);
    http_response_header(
        response, "Location",
        arena_printf(request->arena, "%.*s%s%s", (int)(at - request->target), request->target, other, at + strlen(id)));
    return http_empty(response, 301);
}

/* 0: the file may be read; FILE_ANSWERED: the answer is in response. */
static int check_path(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    const char *uri = http_query(request, "path"), *other = owner_in(request, uri);
    bool own = false, of_other = false;
    int r = belongs_to(session, http_parameter(request, "executionId"), uri, &own);
    if (r == STORE_E_NONE) {
        (void)http_not_found(request, response);
        return FILE_ANSWERED;
    }
    if (r != 0 || own)
        return r;
    r = other ? belongs_to(session, other, uri, &of_other) : 0;
    if (r < 0)
        return trace(r);
    if (of_other)
        (void)redirect(request, response, other);
    else
        (void)http_error(request, response, 422, "Illegal argument: Invalid prefix path");
    return FILE_ANSWERED;
}

static int refuse(const HttpRequest *request, HttpResponse *response, int r)
{
    if (r == BLOB_E_ABSENT)
        return http_not_found(request, response);
    if (r == BLOB_E_INVALID)
        return http_error(request, response, 422, "Illegal argument: Invalid prefix path");
    return storage_refuse(request, response, r);
}

/* Where the answer begins and how long it is; 0, RANGE_E_OUTSIDE, or as blob functions answer. */
typedef struct Wanted {
    int64_t size, offset, length;
    int status;
} Wanted;
static int look_at_range(const HttpRequest *request, const Blob *blob, const char *uri, Wanted *ret)
{
    BlobEntry entry;
    *ret = (Wanted){.length = -1, .status = 200};
    if (!range_is_asked(request))
        return 0;
    int r = blob_stat(blob, uri, &entry);
    if (r != 0)
        return r;
    ret->size = entry.size_bytes;
    blob_entry_done(&entry);
    r = range_of(request, ret->size, &ret->offset, &ret->length);
    if (r == 0)
        ret->status = 206;
    else if (r == RANGE_E_OUTSIDE)
        ret->status = 416;
    return 0;
}

static int refuse_range(const HttpRequest *request, HttpResponse *response, const Wanted *wanted)
{
    http_response_header(response, "Content-Range", arena_printf(request->arena, "bytes */%" PRIi64, wanted->size));
    return http_error(request, response, 416, "Range Not Satisfiable: the file has %" PRIi64 " bytes", wanted->size);
}

static int send_opened(const HttpRequest *request, HttpResponse *response, const Wanted *wanted, int fd, int64_t size)
{
    const char *name = strrchr(http_query(request, "path"), '/') + 1;
    int64_t length = wanted->status == 206 ? MIN(wanted->length, MAX(size - wanted->offset, INT64_C(0))) : size;
    http_attachment(request, response, name);
    http_response_header(response, "Accept-Ranges", "bytes");
    if (wanted->status == 206)
        http_response_header(response, "Content-Range",
                             arena_printf(request->arena, "bytes %" PRIi64 "-%" PRIi64 "/%" PRIi64, wanted->offset,
                                          wanted->offset + length - 1, size));
    return http_file(response, wanted->status, "application/octet-stream", fd, length);
}

/* The file passes through without being held: its descriptor goes to whoever sends the answer. */
static int get_file(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    const char *uri = http_query(request, "path");
    _cleanup_(blob_freep) Blob *blob = NULL;
    Wanted wanted = {};
    int64_t size;
    int fd, r = check_path(session, request, response);
    if (r != 0)
        return r < 0 ? trace(r) : 0;
    r = storage_open(session, &blob);
    if (r == 0)
        r = look_at_range(request, blob, uri, &wanted);
    if (r == 0 && wanted.status == 416)
        return refuse_range(request, response, &wanted);
    if (r == 0)
        r = blob_open_range(blob, uri, (BlobRange){.offset = wanted.offset, .length = wanted.length}, &fd, &size);
    if (r != 0)
        return refuse(request, response, r);
    return send_opened(request, response, &wanted, fd, size);
}

static int get_metas(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    _cleanup_(blob_freep) Blob *blob = NULL;
    BlobEntry entry;
    int r = check_path(session, request, response);
    if (r != 0)
        return r < 0 ? trace(r) : 0;
    r = storage_open(session, &blob);
    if (r == 0)
        r = blob_stat(blob, http_query(request, "path"), &entry);
    if (r != 0)
        return refuse(request, response, r);
    json_t *metas = json_object();
    json_object_set_new(metas, "size", json_integer(entry.size_bytes));
    blob_entry_done(&entry);
    return http_json(response, 200, metas);
}

enum { PREVIEW_ROWS = 100, PREVIEW_ROWS_MAX = 5000 };
#define PREVIEW_WHOLE_MAX ((int64_t)16 * 1024 * 1024)

/* The beginning, or all of what cannot be cut. *ret_size is that of the file. */
static int read_beginning(const Blob *blob, const char *uri, Buffer *ret, int64_t *ret_size)
{
    int64_t most = preview_is_whole(uri) ? PREVIEW_WHOLE_MAX : (int64_t)PREVIEW_BYTES_MAX;
    _cleanup_(close_fdp) int fd = -1;
    int r = blob_open_range(blob, uri, (BlobRange){.length = most}, &fd, ret_size);
    if (r != 0)
        return r;
    if (preview_is_whole(uri) && *ret_size > most)
        return BLOB_E_TOO_LARGE;
    char piece[65536];
    while ((int64_t)ret->length < most) {
        ssize_t n = read(fd, piece, (size_t)MIN((int64_t)sizeof(piece), most - (int64_t)ret->length));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? outage(-errno) : 0;
        buffer_append_n(ret, piece, (size_t)n);
    }
    return 0;
}

static int get_preview(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    const char *uri = http_query(request, "path"), *encoding = http_query(request, "encoding");
    _cleanup_(blob_freep) Blob *blob = NULL;
    _cleanup_buffer_ Buffer bytes = {};
    json_t *preview = NULL;
    int64_t size = 0, rows_max = http_query_integer(request, "maxRows", PREVIEW_ROWS);
    int r = check_path(session, request, response);
    if (r != 0)
        return r < 0 ? trace(r) : 0;
    r = storage_open(session, &blob);
    if (r == 0)
        r = read_beginning(blob, uri, &bytes, &size);
    if (r == BLOB_E_TOO_LARGE)
        return http_error(request, response, 422, "Illegal argument: the file is too large to be shown");
    if (r != 0)
        return refuse(request, response, r);
    const PreviewRequest what = {.name = uri,
                                 .bytes = buffer_text(&bytes),
                                 .length = bytes.length,
                                 .more = size > (int64_t)bytes.length,
                                 .lines_max = (unsigned)MIN(rows_max, (int64_t)PREVIEW_ROWS_MAX),
                                 .encoding = encoding ? encoding : "UTF-8"};
    r = preview_make(&what, &preview);
    if (r == PREVIEW_E_ENCODING)
        return http_error(request, response, 422, "Illegal argument: there is no encoding '%s'", encoding);
    return r < 0 ? trace(r) : http_json(response, 200, preview);
}

static const Parameter preview_parameters[] = {{"path", PARAMETER_TEXT, .required = true},
                                               {"maxRows", PARAMETER_INTEGER, .positive = true},
                                               {"encoding", PARAMETER_TEXT},
                                               {}};
static const Parameter file_parameters[] = {{"path", PARAMETER_TEXT, .required = true}, {}};

static const Route rows[] = {
    {HTTP_GET, EXECUTIONS "/{executionId}/file", get_file, PERMISSION_EXECUTION_READ, file_parameters,
     "downloadFileFromExecution", NULL, "application/octet-stream", .pool = ROUTE_POOL_STORAGE},
    {HTTP_GET, EXECUTIONS "/{executionId}/file/metas", get_metas, PERMISSION_EXECUTION_READ, file_parameters,
     "getFileMetadatasFromExecution", .pool = ROUTE_POOL_STORAGE},
    {HTTP_GET, EXECUTIONS "/{executionId}/file/preview", get_preview, PERMISSION_EXECUTION_READ, preview_parameters,
     "filePreview", .pool = ROUTE_POOL_STORAGE},
};
const RouteTable routes_execution_files = ROUTE_TABLE("Executions", rows);
