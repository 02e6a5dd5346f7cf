/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The web UI: files of one directory, small and few, read at each request (the page cache has them). A path below /ui/
 * that is no file is a page of the single-page application and gets index.html. No path leaves the directory: it is
 * opened beneath it with RESOLVE_BENEATH, whatever it contains.
 */
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "web/routes/routes.h"

#define FILE_BYTES_MAX ((off_t)16 * 1024 * 1024)
#define CONTENT_POLICY                                                                                                 \
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src "       \
    "'none'; "                                                                                                         \
    "base-uri 'self'; form-action 'self'; frame-ancestors 'none'"

static const struct {
    const char *suffix, *type;
} types[] = {
    {".html", "text/html; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".json", "application/json"},
    {".map", "application/json"},
    {".svg", "image/svg+xml"},
    {".png", "image/png"},
    {".ico", "image/x-icon"},
    {".woff2", "font/woff2"},
    {".txt", "text/plain; charset=utf-8"},
};

static const char *type_of(const char *name)
{
    for (size_t i = 0; i < ELEMENTS(types); i++)
        if (ends_with(name, types[i].suffix))
            return types[i].type;
    return "application/octet-stream";
}

/* -1 when there is no such regular file. */
static int open_file(const char *directory, const char *name, struct stat *ret_status)
{
    _cleanup_(close_fdp) int top = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, .resolve = RESOLVE_BENEATH};
    if (top < 0 || !*name)
        return -1;
    _cleanup_(close_fdp) int fd = (int)syscall(SYS_openat2, top, name, &how, sizeof(how));
    if (fd < 0 || fstat(fd, ret_status) < 0 || !S_ISREG(ret_status->st_mode) || ret_status->st_size > FILE_BYTES_MAX)
        return -1;
    return TAKE_FD(fd);
}

/* A page that says KESTRA_UI_PATH gets every "./" replaced by the path of the UI: the same page answers at any depth.
 */
static void place_page(Buffer *page, const char *context)
{
    Buffer placed = {};
    const char *from = buffer_text(page), *at;
    if (!strstr(from, "KESTRA_UI_PATH"))
        return;
    for (; (at = strstr(from, "./")) != NULL; from = at + strlen("./")) {
        buffer_append_n(&placed, from, (size_t)(at - from));
        buffer_printf(&placed, "%s/ui/", context);
    }
    buffer_append(&placed, from);
    buffer_done(page);
    *page = placed;
}

static int read_all(int fd, Buffer *ret)
{
    char bytes[32768];
    for (;;) {
        ssize_t n = read(fd, bytes, sizeof(bytes));
        if (n < 0)
            return outage(-errno);
        if (n == 0)
            return 0;
        buffer_append_n(ret, bytes, (size_t)n);
    }
}

static const char *context_of(const WebSession *session)
{
    return session->settings->context_path ? session->settings->context_path : "";
}

/* The bundler's names, NAME-HASH.js: what is behind one never changes. */
static bool has_hash(const char *name)
{
    size_t hash = strspn(name, "abcdefghijklmnopqrstuvwxyz");
    return name[hash] == '-' && strspn(name + hash + 1, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") == 8;
}

/* The form that was compressed when the pages were made, where there is one and the client takes it. */
static int open_compressed(const char *directory, const char *name, const HttpRequest *request, struct stat *ret_status)
{
    const char *takes = http_header(request, "Accept-Encoding");
    return takes && strstr(takes, "gzip")
               ? open_file(directory, arena_printf(request->arena, "%s.gz", name), ret_status)
               : -1;
}

static int send_file(const WebSession *session, int fd, const struct stat *status, const char *name,
                     const HttpRequest *request, HttpResponse *response)
{
    bool page = ends_with(name, ".html");
    const char *tag = arena_printf(request->arena, "\"%llx-%llx\"", (unsigned long long)status->st_mtim.tv_sec,
                                   (unsigned long long)status->st_size);
    const char *known = http_header(request, "If-None-Match");
    http_response_header(response, "ETag", tag);
    http_response_header(response, "Cache-Control",
                         has_hash(name) ? "public, max-age=31536000, immutable" : "no-cache");
    http_response_header(response, "Content-Security-Policy", CONTENT_POLICY);
    if (known && streq(known, tag))
        return http_empty(response, 304);
    response->status = 200;
    response->content_type = type_of(name);
    int r = read_all(fd, &response->body);
    if (r == 0 && page)
        place_page(&response->body, context_of(session));
    return r;
}

static int get_file(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    const char *directory = session->settings->ui_directory, *name = http_parameter(request, "path");
    struct stat status;
    int fd_compressed = open_compressed(directory, name, request, &status);
    if (fd_compressed >= 0)
        http_response_header(response, "Content-Encoding", "gzip");
    if (has_hash(name))
        http_response_header(response, "Vary", "Accept-Encoding");
    _cleanup_(close_fdp) int fd = fd_compressed >= 0 ? fd_compressed : open_file(directory, name, &status);
    if (fd < 0) {
        name = "index.html";
        fd = open_file(directory, name, &status);
    }
    return fd < 0 ? http_not_found(request, response) : send_file(session, fd, &status, name, request, response);
}

static int get_root(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    http_response_header(response, "Location", arena_printf(request->arena, "%s/ui/", context_of(session)));
    return http_empty(response, 307);
}

static const Route rows[] = {
    {HTTP_GET, "/", get_root, PERMISSION_UI, NULL, "root", NULL, "*/*"},
    {HTTP_GET, "/ui/{path*}", get_file, PERMISSION_UI, NULL, "ui", NULL, "*/*"},
};
const RouteTable routes_ui = ROUTE_TABLE("UI", rows);
