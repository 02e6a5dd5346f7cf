/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of a namespace (spec/api.md 5.8): objects below kestra:///<ns>/_files, reached through a worker. Storage knows
 * no directories: there is one where something lies below it, and one that was made empty holds a marker that is never
 * shown.
 */
#include <unistd.h>

#include "plugin/namespace_files.h"
#include "web/multipart.h"
#include "web/routes/archive.h"
#include "web/routes/flow_body.h"
#include "web/routes/query.h"
#include "web/routes/routes.h"
#include "web/routes/storage.h"

#define BINARY          "application/octet-stream"
#define FLOWS_DIRECTORY "_flows/" /* what is put there is a flow of the namespace, and no file */

typedef struct Place {
    Blob *blob;
    char *root; /* …/_files */
    char *path; /* "/dir/a.txt" without a slash at the end; "" is the root */
    char *uri;
    bool takes_flows; /* a path below _flows is allowed */
} Place;

static void place_done(Place *place)
{
    blob_free(place->blob);
    free(place->root);
    free(place->path);
    free(place->uri);
}

/* False: answered. */
static bool read_path(const HttpRequest *request, HttpResponse *response, const char *parameter, bool takes_flows,
                      char **ret)
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
    if ((starts_with(full, "/_flows") && !takes_flows) || namespace_files_is_marker(full)) {
        http_error(request, response, 422, "Illegal argument: Forbidden path: %s", full);
        return false;
    }
    *ret = TAKE_PTR(full);
    return true;
}

static bool open_place(const WebSession *session, const HttpRequest *request, HttpResponse *response,
                       const char *parameter, Place *ret)
{
    if (!read_path(request, response, parameter, ret->takes_flows, &ret->path))
        return false;
    ret->root = blob_namespace_files_uri(http_parameter(request, "namespace"));
    ret->uri = xasprintf("%s%s", ret->root, ret->path);
    int r = storage_open(session, &ret->blob);
    if (r != 0)
        storage_refuse(request, response, r);
    return r == 0;
}

static int refuse(const HttpRequest *request, HttpResponse *response, const char *path, int r)
{
    if (r == BLOB_E_ABSENT)
        return http_reason(request, response, 404, "%s (No such file or directory)", *path ? path : "/");
    if (r == BLOB_E_INVALID)
        return http_error(request, response, 422, "Illegal argument: '%s' is not the path of a file", path);
    if (r == BLOB_E_TOO_LARGE)
        return http_error(request, response, 422, "Illegal argument: the file is too large to be sent");
    return storage_refuse(request, response, r);
}

/* --- looking --- */

static json_t *attributes(const char *name, bool is_file, int64_t size, usec_t modified)
{
    json_int_t milliseconds = (json_int_t)(modified / USEC_PER_MSEC);
    return json_pack("{s:s,s:I,s:I,s:s,s:I}", "fileName", name, "lastModifiedTime", milliseconds, "creationTime",
                     milliseconds, "type", is_file ? "File" : "Directory", "size", (json_int_t)size);
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
    return http_file(response, 200, BINARY, fd, size);
}

static int export_all(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    const char *namespace = http_parameter(request, "namespace");
    _cleanup_(place_done) Place place = {};
    _cleanup_(blob_entries_done) BlobEntries entries = {};
    _cleanup_flow_records_ FlowRecords flows = {};
    _cleanup_archive_writer_ ArchiveWriter archive = ARCHIVE_WRITER_INIT;
    if (!open_place(session, request, response, "", &place))
        return 0;
    int r = store_flow_list(session->pg, namespace, false, &flows);
    if (r != 0)
        return fold(r);
    r = blob_list(place.blob, place.root, &entries);
    for (size_t i = 0; r == 0 && i < entries.count; i++) {
        _cleanup_(close_fdp) int fd = -1;
        if (namespace_files_is_marker(entries.items[i].uri))
            continue;
        r = blob_open(place.blob, entries.items[i].uri, &fd, NULL);
        if (r == 0)
            r = archive_add_from(&archive, entries.items[i].uri + strlen(place.root) + 1, fd);
    }
    for (size_t i = 0; r == 0 && i < flows.count; i++) {
        _cleanup_free_ char *name = xasprintf(FLOWS_DIRECTORY "%s.yml", flows.items[i].id);
        r = archive_add(&archive, name, flows.items[i].source);
    }
    if (r != 0)
        return refuse(request, response, "", r);
    http_attachment(request, response, arena_printf(request->arena, "%s_files.zip", namespace));
    return archive_answer(&archive, response);
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

/* The source with its first line `namespace: …` saying this one. Caller frees. */
static char *source_in(const char *source, const char *namespace)
{
    static const char key[] = "namespace:";
    const char *line = source;
    while (*line && !starts_with(line, key))
        line += strcspn(line, "\n"), line += *line == '\n';
    return *line ? xasprintf("%.*s%s %s%s", (int)(line - source), source, key, namespace, line + strcspn(line, "\r\n"))
                 : xstrdup(source);
}

/* Positive: answered. */
static int put_flow(WebSession *session, const HttpRequest *request, HttpResponse *response, const char *text)
{
    _cleanup_free_ char *source = source_in(text, http_parameter(request, "namespace"));
    _cleanup_(flow_unrefp) Flow *flow = NULL;
    _cleanup_diag_ Diag diag = DIAG_INIT;
    FlowSaved saved;
    int r = flow_body_parse(session, source, strlen(source), &flow, &diag);
    if (r != 0)
        return r < 0 ? r : (flow_body_refused(request, response, &diag), 1);
    r = flow_body_save(session, flow, FLOW_SAVE_PUT, &saved);
    return r == STORE_E_FROM_FILE ? (flow_body_from_file(session, request, response, flow->namespace, flow->id), 1)
                                  : fold(r);
}

/* One entry of an archive. Positive: answered. */
static int put_entry(WebSession *session, const HttpRequest *request, HttpResponse *response, const Place *place,
                     Archive *archive, const ZipEntry *entry)
{
    _cleanup_diag_ Diag diag = DIAG_INIT;
    _cleanup_free_ char *text = NULL, *uri = xasprintf("%s/%s", place->root, entry->name);
    int r;
    if (starts_with(entry->name, FLOWS_DIRECTORY)) {
        r = archive_read(archive, entry, ARCHIVE_FLOW_BYTES_MAX, &text, &diag);
        if (r == 0)
            return put_flow(session, request, response, text);
    } else {
        r = archive_unpack(archive, entry, &diag);
        if (r == 0) {
            r = blob_write_from(place->blob, uri, archive->scratch);
            return r == 0 ? 0 : (storage_refuse(request, response, r), 1);
        }
    }
    return r < 0 ? r : (http_error(request, response, 422, "Illegal argument: %s", diag_first(&diag)), 1);
}

/* Flows go first: one that is wrong leaves the files as they are. */
static int explode(WebSession *session, const HttpRequest *request, HttpResponse *response, const Place *place,
                   const MultipartPart *content)
{
    _cleanup_archive_ Archive archive = ARCHIVE_INIT;
    _cleanup_diag_ Diag diag = DIAG_INIT;
    int r = archive_open(content->data, content->length, &archive, &diag);
    if (r > 0)
        return http_error(request, response, 422, "Illegal argument: %s: %s", content->file_name, diag_first(&diag));
    for (int files = 0; files <= 1; files++)
        for (size_t i = 0; r == 0 && i < archive.entries.count; i++) {
            const ZipEntry *entry = &archive.entries.items[i];
            if (archive_is_file(entry) && !namespace_files_is_marker(entry->name) &&
                starts_with(entry->name, FLOWS_DIRECTORY) != files)
                r = put_entry(session, request, response, place, &archive, entry);
        }
    return r < 0 ? trace(r) : r > 0 ? 0 : http_empty(response, 200);
}

static int put_content(WebSession *session, const HttpRequest *request, HttpResponse *response, const Place *place,
                       const MultipartPart *content)
{
    if (content->file_name && ends_with(content->file_name, ".zip"))
        return explode(session, request, response, place, content);
    if (starts_with(place->path, "/" FLOWS_DIRECTORY)) {
        _cleanup_free_ char *source = xstrndup(content->data, content->length);
        int r = put_flow(session, request, response, source);
        return r < 0 ? trace(r) : r > 0 ? 0 : http_empty(response, 200);
    }
    int r = blob_write(place->blob, place->uri, content->data, content->length);
    return r != 0 ? refuse(request, response, place->path, r) : http_empty(response, 200);
}

static int create(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    _cleanup_(place_done) Place place = {.takes_flows = true};
    MultipartParts parts = {};
    const MultipartPart *content = NULL;
    if (!open_place(session, request, response, "path", &place))
        return 0;
    if (multipart_parse(request, &parts) != 0)
        return http_error(request, response, 422, "Invalid format: the body is not multipart/form-data");
    for (size_t i = 0; !content && i < parts.count; i++)
        if (streq(parts.items[i].name, "fileContent"))
            content = &parts.items[i];
    int r = content ? put_content(session, request, response, &place, content)
                    : http_error(request, response, 400, "Bad Request: Required Part [fileContent] not specified");
    vec_free(&parts);
    return r;
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

static int delete (WebSession *session, const HttpRequest *request, HttpResponse *response)
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
    {HTTP_GET, FILES, get_file, PERMISSION_NAMESPACE_READ, required_path_parameters, "getFileContent", NULL, BINARY,
     .pool = ROUTE_POOL_STORAGE},
    {HTTP_GET, FILES "/search", search, PERMISSION_NAMESPACE_READ, q_parameters, "searchNamespaceFiles",
     .pool = ROUTE_POOL_STORAGE},
    {HTTP_GET, FILES "/stats", get_stats, PERMISSION_NAMESPACE_READ, path_parameters, "getFileMetadatas",
     .pool = ROUTE_POOL_STORAGE},
    {HTTP_GET, FILES "/directory", list_directory, PERMISSION_NAMESPACE_READ, path_parameters,
     "listNamespaceDirectoryFiles", .pool = ROUTE_POOL_STORAGE},
    {HTTP_POST, FILES "/directory", make_directory, PERMISSION_NAMESPACE_WRITE, path_parameters,
     "createNamespaceDirectory", .pool = ROUTE_POOL_STORAGE},
    {HTTP_POST, FILES, create, PERMISSION_NAMESPACE_WRITE, required_path_parameters, "createNamespaceFile",
     "multipart/form-data", .pool = ROUTE_POOL_STORAGE},
    {HTTP_GET, FILES "/export", export_all, PERMISSION_NAMESPACE_READ, NULL, "exportNamespaceFiles", NULL, BINARY,
     .pool = ROUTE_POOL_STORAGE},
    {HTTP_PUT, FILES, move, PERMISSION_NAMESPACE_WRITE, move_parameters, "moveFileDirectory",
     .pool = ROUTE_POOL_STORAGE},
    {HTTP_DELETE, FILES, delete, PERMISSION_NAMESPACE_WRITE, required_path_parameters, "deleteFileDirectory",
     .pool = ROUTE_POOL_STORAGE},
};
const RouteTable routes_namespace_files = ROUTE_TABLE("Files", rows);
