/* SPDX-License-Identifier: Apache-2.0 */
/* The addresses of JDBC. Options that a driver of Java has and libpq knows by another name or not at all are a table.
 */
#include <ctype.h>

#include "base/buffer.h"
#include "doc/json.h"
#include "plugin/sql/sql.h"

const char *sql_url_rest(const char *url, const char *name)
{
    size_t length = strlen(name);
    if (!starts_with(url, "jdbc:"))
        return NULL;
    url += strlen("jdbc:");
    return strncasecmp(url, name, length) == 0 && url[length] == ':' ? url + length + 1 : NULL;
}

static char *decode(const char *text, size_t length)
{
    Buffer plain = {};
    for (size_t i = 0; i < length; i++) {
        char hex[3] = {};
        bool is_code = text[i] == '%' && i + 2 < length && isxdigit((unsigned char)text[i + 1]) &&
                       isxdigit((unsigned char)text[i + 2]);
        if (is_code)
            memcpy(hex, text + i + 1, 2);
        buffer_append_char(&plain, is_code ? (char)strtoumax(hex, NULL, 16) : text[i]);
        i += is_code ? 2 : 0;
    }
    return buffer_take(&plain);
}

/* Name in JDBC, keyword of libpq. What reads files of this machine is not among them. */
static const char *const options[][2] = {
    {"user", "user"},
    {"password", "password"},
    {"sslmode", "sslmode"},
    {"ApplicationName", "application_name"},
    {"connectTimeout", "connect_timeout"},
    {"options", "options"},
    {"gssEncMode", "gssencmode"},
    {"tcpKeepAlive", "keepalives"},
    {"channelBinding", "channel_binding"},
};

static void set_option(json_t *to, const char *name, const char *value)
{
    for (size_t i = 0; i < ELEMENTS(options); i++)
        if (streq(options[i][0], name))
            json_set_text(to, options[i][1], value);
    if (streq(name, "ssl") && !streq(value, "false") && !json_object_get(to, "sslmode"))
        json_set_text(to, "sslmode", "verify-full"); /* as in Java */
    if (streq(name, "currentSchema")) {
        _cleanup_free_ char *search_path = xasprintf("-c search_path=%s", value);
        json_set_text(to, "options", search_path);
    }
}

static void set_options(json_t *to, const char *query)
{
    while (*query) {
        size_t length = strcspn(query, "&"), name_length = strcspn(query, "=&");
        size_t skipped = MIN(name_length + 1, length);
        _cleanup_free_ char *name = decode(query, name_length), *value = decode(query + skipped, length - skipped);
        set_option(to, name, value);
        query += length + (query[length] == '&');
    }
}

/* "host:port,host:port" */
static void set_hosts(json_t *to, const char *hosts)
{
    _cleanup_buffer_ Buffer names = {}, ports = {};
    while (*hosts) {
        size_t length = strcspn(hosts, ","), bracket = *hosts == '[' ? strcspn(hosts, "]") : 0;
        size_t colon = bracket + strcspn(hosts + bracket, ":,");
        _cleanup_free_ char *name = bracket ? xstrndup(hosts + 1, bracket - 1) : decode(hosts, MIN(colon, length));
        if (names.length > 0)
            buffer_append_char(&names, ','), buffer_append_char(&ports, ',');
        buffer_append(&names, name);
        if (colon < length)
            buffer_append_n(&ports, hosts + colon + 1, length - colon - 1);
        hosts += length + (hosts[length] == ',');
    }
    json_set_text(to, "host", names.length > 0 ? names.text : NULL);
    json_set_text(to, "port", ports.length > 0 ? ports.text : NULL);
}

json_t *sql_url_postgresql(const char *rest, char **ret_error)
{
    json_t *to = json_object();
    const char *query = rest + strcspn(rest, "?"), *path = rest;
    json_set_text(to, "host", "localhost");
    if (starts_with(rest, "//")) {
        const char *end = rest + 2 + strcspn(rest + 2, "/?");
        _cleanup_free_ char *hosts = xstrndup(rest + 2, (size_t)(end - rest - 2));
        path = *end == '/' ? end + 1 : end;
        if (*hosts)
            set_hosts(to, hosts);
    }
    if (query > path) {
        _cleanup_free_ char *database = decode(path, (size_t)(query - path));
        json_set_text(to, "dbname", database);
    }
    if (*query)
        set_options(to, query + 1);
    /* A socket of this machine would let in whom the worker runs as. */
    const char *host = json_get_text(to, "host", "");
    if (strchr(host, '/') || strchr(host, '@')) {
        *ret_error = xasprintf("'%s' is not the name of a host", host);
        json_decref(to);
        return NULL;
    }
    return to;
}
