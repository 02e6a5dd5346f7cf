/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of a namespace (spec/api.md 5.8): objects below kestra:///<ns>/_files, reached through a worker. Storage knows no
 * directories: there is one where something lies below it, and one that was made empty holds a marker that is never shown.
 */
#include <unistd.h>

#include "plugin/namespace_files.h"
#include "store/flow_store.h"
#include "web/multipart.h"
#include "web/routes/query.h"
#include "web/routes/routes.h"
#include "web/routes/storage.h"
#include "web/routes/zip.h"

#define BINARY "application/octet-stream"

typedef struct Place {
    Blob *blob;
    char *root;  /* …/_files */
    char *path;  /* "/dir/a.txt" without a slash at the end; "" is the root */
    char *uri;
} Place;

static void place_done(Place *place)
{
    blob_free(place->blob);
    free(place->root);
    free(place->path);
    free(place->uri);
}

/* False: answered. */
static bool read_path(const HttpRequest *request, HttpResponse *response, const char *parameter, char **ret)
{
    const char *path = http_query(request, parameter);
    _cleanup_free_ char *full = xasprintf("%s%s", path && *path == '/' ? "" : "/", path ? path : "");
    size_t length = strlen(full);
    while (length > 0 && full[length - 1] == '/')
        full[--length] = 0;
    if (strstr(full, "..")) {
        http_error(request, response, 422,
                   "Illegal argument: File should be accessed with their full path and not using relative '..' path.");
        return false;
    }
    if (starts_with(full, "/_flows") || namespace_files_is_marker(full)) {
        http_error(request, response, 422, "Illegal argument: Forbidden path: %s", full);
        return false;
    }
    *ret = TAKE_PTR(full);
    return true;
}

static bool open_place(const WebSession *session, const HttpRequest *request, HttpResponse *response, const char *parameter,
                       Place *ret)
{
    if (!read_path(request, response, parameter, &ret->path))
        return false;
    ret->root = blob_namespace_files_uri(http_parameter(request, "namespace"));
    ret->uri = xasprintf("%s%s", ret->root, ret->path);
    if (storage_open(session, &ret->blob) == 0)
        return true;
    storage_refuse(request, response);
    return false;
}

static int refuse(const HttpRequest *request, HttpResponse *response, const char *path, int r)
{
    if (r == BLOB_E_ABSENT)
        return http_reason(request, response, 404, "%s (No such file or directory)", *path ? path : "/");
    if (r == BLOB_E_INVALID)
        return http_error(request, response, 422, "Illegal argument: '%s' is not the path of a file", path);
    if (r == BLOB_E_TOO_LARGE)
        return http_error(request, response, 422, "Illegal argument: the file is too large to be sent");
    return storage_refuse(request, response);
}

/* --- looking --- */

static json_t *attributes(const char *name, bool is_file, int64_t size, usec_t modified)
{
    json_int_t milliseconds = (json_int_t)(modified / USEC_PER_MSEC);
    return json_pack("{s:s,s:I,s:I,s:s,s:I}", "fileName", name, "lastModifiedTime", milliseconds, "creationTime", milliseconds,
                     "type", is_file ? "File" : "Directory", "size", (json_int_t)size);
}

/* What lies directly in the directory, each once; the entries are sorted. New. */
static json_t *children(const BlobEntries *entries, const char *uri)
{
    json_t *list = json_array(), *last = NULL;
    for (size_t i = 0; i < entries->count; i++) {
        const BlobEntry *entry = &entries->items[i];
        const char *name = entry->uri + strlen(uri) + 1, *slash = strchr(name, '/');
        if (!slash && namespace_files_is_marker(entry->uri))
            continue;
        _cleanup_free_ char *own = xstrndup(name, slash ? (size_t)(slash - name) : strlen(name));
        if (slash && last && streq(json_get_text(last, "fileName", ""), own))
            continue;
        last = attributes(own, !slash, slash ? 4096 : entry->size_bytes, entry->modified);
        json_array_append_new(list, last);
    }
    return list;
}

static int list_directory(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    _cleanup_(place_done) Place place = {};
    _cleanup_(blob_entries_done) BlobEntries entries = {};
    if (!open_place(session, request, response, "path", &place))
        return 0;
    int r = blob_list(place.blob, place.uri, &entries);
    if (r == 0 && entries.count == 0 && *place.path)
        r = BLOB_E_ABSENT;
    return r != 0 ? refuse(request, response, place.path, r) : http_json(response, 200, children(&entries, place.uri));
}

static int get_stats(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    _cleanup_(place_done) Place place = {};
    _cleanup_(blob_entries_done) BlobEntries entries = {};
    BlobEntry entry = {};
    if (!open_place(session, request, response, "path", &place))
        return 0;
    const char *slash = strrchr(place.path, '/'), *name = slash ? slash + 1 : "_files";
    int r = *place.path ? blob_stat(place.blob, place.uri, &entry) : BLOB_E_INVALID;
    if (r == 0) {
        json_t *answer = attributes(name, true, entry.size_bytes, entry.modified);
        blob_entry_done(&entry);
        return http_json(response, 200, answer);
    }
    if (r == BLOB_E_ABSENT || r == BLOB_E_INVALID)
        r = blob_list(place.blob, place.uri, &entries);
    if (r == 0 && entries.count == 0 && *place.path)
        r = BLOB_E_ABSENT;
    if (r != 0)
        return refuse(request, response, place.path, r);
    return http_json(response, 200, attributes(name, false, 4096, entries.count ? entries.items[0].modified : 0));
}

static int search(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    _cleanup_(place_done) Place place = {};
    _cleanup_(blob_entries_done) BlobEntries entries = {};
    const char *q = http_query(request, "q");
    if (!open_place(session, request, response, "", &place))
        return 0;
    int r = blob_list(place.blob, place.root, &entries);
    if (r != 0)
        return refuse(request, response, "", r);
    json_t *found = json_array();
    for (size_t i = 0; i < entries.count; i++) {
        const char *path = entries.items[i].uri + strlen(place.root);
        if (strstr(path, q) && !namespace_files_is_marker(path))
            json_array_append_new(found, json_string(path));
    }
    return http_json(response, 200, found);
}

static int get_file(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    _cleanup_(place_done) Place place = {};
    int64_t size;
    int fd;
    if (!open_place(session, request, response, "path", &place))
        return 0;
    int r = blob_open(place.blob, place.uri, &fd, &size);
    if (r != 0)
        return refuse(request, response, place.path, r);
    http_response_header(response, "Cache-Control", "public, max-age=86400");
    return http_file(response, 200, BINARY, fd, size);
}

static int export_all(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    const char *namespace = http_parameter(request, "namespace");
    _cleanup_(place_done) Place place = {};
    _cleanup_(blob_entries_done) BlobEntries entries = {};
    _cleanup_flow_records_ FlowRecords flows = {};
    ZipWriter zip = {};
    if (!open_place(session, request, response, "", &place))
        return 0;
    int r = store_flow_list(session->pg, namespace, false, &flows);
    if (r != 0)
        return fold(r);
    r = blob_list(place.blob, place.root, &entries);
    for (size_t i = 0; r == 0 && i < entries.count; i++) {
        _cleanup_free_ char *bytes = NULL;
        size_t length;
        if (namespace_files_is_marker(entries.items[i].uri))
            continue;
        r = blob_read(place.blob, entries.items[i].uri, session->settings->body_bytes_max, &bytes, &length);
        if (r == 0)
            zip_add(&zip, entries.items[i].uri + strlen(place.root) + 1, bytes, length);
    }
    for (size_t i = 0; r == 0 && i < flows.count; i++) {
        _cleanup_free_ char *name = xasprintf("_flows/%s.yml", flows.items[i].id);
        zip_add(&zip, name, flows.items[i].source, strlen(flows.items[i].source));
    }
    zip_finish(&zip, &response->body);
    if (r != 0) {
        buffer_clear(&response->body);
        return refuse(request, response, "", r);
    }
    response->status = 200;
    response->content_type = "application/octet-stream";
    http_response_header(response, "Content-Disposition",
                         arena_printf(request->arena, "attachment; filename=\"%s_files.zip\"", namespace));
    return 0;
}

/* --- changing --- */

static int make_directory(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    _cleanup_(place_done) Place place = {};
    if (!open_place(session, request, response, "path", &place))
        return 0;
    _cleanup_free_ char *marker = xasprintf("%s/" NAMESPACE_FILES_MARKER, place.uri);
    int r = blob_write(place.blob, marker, "", 0);
    return r != 0 ? refuse(request, response, place.path, r) : http_empty(response, 200);
}

static int create(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    _cleanup_(place_done) Place place = {};
    MultipartParts parts = {};
    const MultipartPart *content = NULL;
    if (!open_place(session, request, response, "path", &place))
        return 0;
    if (multipart_parse(request, &parts) != 0)
        return http_error(request, response, 422, "Invalid format: the body is not multipart/form-data");
    for (size_t i = 0; !content && i < parts.count; i++)
        if (streq(parts.items[i].name, "fileContent"))
            content = &parts.items[i];
    int r = 0;
    if (!content)
        http_error(request, response, 400, "Bad Request: Required Part [fileContent] not specified");
    else if (content->file_name && ends_with(content->file_name, ".zip"))
        http_error(request, response, 422, "Illegal argument: ZIP archives are not taken apart here: send the files one by one");
    else if ((r = blob_write(place.blob, place.uri, content->data, content->length)) != 0)
        refuse(request, response, place.path, r);
    else
        http_empty(response, 200);
    vec_free(&parts);
    return 0;
}

static int move_one(const Place *from, const char *uri, const char *target)
{
    int fd;
    bool existed;
    int r = blob_open(from->blob, uri, &fd, NULL);
    if (r != 0)
        return r;
    r = blob_write_from(from->blob, target, fd);
    (void)close(fd); /* only read */
    return r == 0 ? blob_delete(from->blob, uri, &existed) : r;
}

/* A file, or all that is below a directory. */
static int move(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    _cleanup_(place_done) Place from = {}, to = {};
    _cleanup_(blob_entries_done) BlobEntries entries = {};
    BlobEntry entry = {};
    if (!open_place(session, request, response, "from", &from) || !open_place(session, request, response, "to", &to))
        return 0;
    int r = blob_stat(from.blob, from.uri, &entry);
    if (r == 0) {
        blob_entry_done(&entry);
        r = move_one(&from, from.uri, to.uri);
        return r != 0 ? refuse(request, response, from.path, r) : http_empty(response, 200);
    }
    r = blob_list(from.blob, from.uri, &entries);
    if (r == 0 && entries.count == 0)
        r = BLOB_E_ABSENT;
    for (size_t i = 0; r == 0 && i < entries.count; i++) {
        _cleanup_free_ char *target = xasprintf("%s%s", to.uri, entries.items[i].uri + strlen(from.uri));
        r = move_one(&from, entries.items[i].uri, target);
    }
    return r != 0 ? refuse(request, response, from.path, r) : http_empty(response, 200);
}

/* Directories above that hold nothing but their marker go too. */
static int prune(const Place *place)
{
    _cleanup_free_ char *uri = xstrdup(place->uri);
    int r = 0;
    for (;;) {
        _cleanup_(blob_entries_done) BlobEntries left = {};
        bool existed;
        *strrchr(uri, '/') = 0;
        if (strlen(uri) <= strlen(place->root))
            return 0;
        r = blob_list(place->blob, uri, &left);
        if (r != 0 || left.count > 1)
            return r;
        if (left.count == 1 && !namespace_files_is_marker(left.items[0].uri))
            return 0;
        if (left.count == 1 && (r = blob_delete(place->blob, left.items[0].uri, &existed)) != 0)
            return r;
    }
}

static int delete(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    _cleanup_(place_done) Place place = {};
    _cleanup_(blob_entries_done) BlobEntries gone = {};
    bool existed = false;
    if (!open_place(session, request, response, "path", &place))
        return 0;
    int r = *place.path ? blob_delete(place.blob, place.uri, &existed) : BLOB_E_INVALID;
    if (!existed && (r == 0 || r == BLOB_E_INVALID || r == BLOB_E_ABSENT))
        r = blob_delete_prefix(place.blob, place.uri, &gone);
    if (r == 0 && *place.path)
        r = prune(&place);
    return r != 0 ? refuse(request, response, place.path, r) : http_empty(response, 200);
}

static const Parameter path_parameters[] = {{"path", PARAMETER_TEXT}, {}};
static const Parameter required_path_parameters[] = {{"path", PARAMETER_TEXT, .required = true}, {}};
static const Parameter q_parameters[] = {{"q", PARAMETER_TEXT, .required = true}, {}};
static const Parameter move_parameters[] = {
    {"from", PARAMETER_TEXT, .required = true}, {"to", PARAMETER_TEXT, .required = true}, {}};

#define FILES "/api/v1/namespaces/{namespace}/files"
static const Route rows[] = {
    {HTTP_GET, FILES, get_file, PERMISSION_NAMESPACE_READ, required_path_parameters, "getFileContent", NULL, BINARY},
    {HTTP_GET, FILES "/search", search, PERMISSION_NAMESPACE_READ, q_parameters, "searchNamespaceFiles"},
    {HTTP_GET, FILES "/stats", get_stats, PERMISSION_NAMESPACE_READ, path_parameters, "getFileMetadatas"},
    {HTTP_GET, FILES "/directory", list_directory, PERMISSION_NAMESPACE_READ, path_parameters, "listNamespaceDirectoryFiles"},
    {HTTP_POST, FILES "/directory", make_directory, PERMISSION_NAMESPACE_WRITE, path_parameters, "createNamespaceDirectory"},
    {HTTP_POST, FILES, create, PERMISSION_NAMESPACE_WRITE, required_path_parameters, "createNamespaceFile",
     "multipart/form-data"},
    {HTTP_GET, FILES "/export", export_all, PERMISSION_NAMESPACE_READ, NULL, "exportNamespaceFiles", NULL, BINARY},
    {HTTP_PUT, FILES, move, PERMISSION_NAMESPACE_WRITE, move_parameters, "moveFileDirectory"},
    {HTTP_DELETE, FILES, delete, PERMISSION_NAMESPACE_WRITE, required_path_parameters, "deleteFileDirectory"},
};
const RouteTable routes_namespace_files = ROUTE_TABLE("Files", rows);
