/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An authority ("kestra.example:8080") is compared as it stands but for letters and default ports. The scheme is left
 * out: behind a proxy that speaks TLS the page is https and we are http.
 */
#include "web/origin.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <unistd.h>

#define AUTHORITY_BYTES 300

/* The authority of an origin, URL or Host in small letters without a default port; false: there is none. */
static bool authority_of(const char *text, char ret[static AUTHORITY_BYTES])
{
    const char *scheme = strstr(text, "://");
    const char *start = scheme ? scheme + 3 : text;
    size_t length = strcspn(start, "/?#");
    if (length == 0 || length >= AUTHORITY_BYTES || memchr(start, '@', length))
        return false;
    for (size_t i = 0; i < length; i++)
        ret[i] = (char)tolower((unsigned char)start[i]);
    ret[length] = '\0';
    char *colon = strrchr(ret, ':');
    if (colon && (streq(colon, ":80") || streq(colon, ":443")))
        *colon = '\0';
    return true;
}

/* Cuts the port off, and the brackets of an IPv6 address. */
static void host_of(const char *authority, char ret[static AUTHORITY_BYTES])
{
    bool bracket = *authority == '[';
    size_t length = bracket ? strcspn(authority, "]") : strcspn(authority, ":");
    (void)snprintf(ret, AUTHORITY_BYTES, "%.*s", (int)(length - bracket), authority + bracket);
    size_t end = strlen(ret);
    if (end > 0 && ret[end - 1] == '.') /* the root */
        ret[end - 1] = '\0';
}

static bool is_address(const char *host)
{
    unsigned char binary[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, host, binary) == 1 || inet_pton(AF_INET6, host, binary) == 1;
}

static bool is_named(const OriginRules *rules, const char *host)
{
    char authority[AUTHORITY_BYTES], own[AUTHORITY_BYTES];
    size_t i;
    const json_t *name;
    if (rules->url && *rules->url && authority_of(rules->url, authority)) {
        host_of(authority, own);
        if (streq(own, host))
            return true;
    }
    json_array_foreach (rules->names, i, name)
        if (json_is_string(name) && strcasecmp(json_string_value(name), host) == 0)
            return true;
    return false;
}

/* An address is no name that somebody could let point here; the others are ours. */
static bool is_own_host(const OriginRules *rules, const char *host)
{
    char machine[AUTHORITY_BYTES] = "";
    if (streq(host, "localhost") || ends_with(host, ".localhost") || is_address(host) || is_named(rules, host))
        return true;
    return gethostname(machine, sizeof(machine) - 1) == 0 && *machine && strcasecmp(machine, host) == 0;
}

/* Where the page is that made the request: Origin, or Referer of browsers that leave it out; NULL: no page. */
static const char *page_of(const HttpRequest *request)
{
    const char *origin = http_header(request, "Origin");
    return origin ? origin : http_header(request, "Referer");
}

static const char *check_host(const OriginRules *rules, const HttpRequest *request)
{
    char authority[AUTHORITY_BYTES], host[AUTHORITY_BYTES];
    const char *sent = http_header(request, "Host");
    /* on the role's own socket the name is only a form, unless a browser was led there */
    if (!sent || (request->local && !page_of(request)))
        return NULL;
    if (!authority_of(sent, authority))
        return "The Host of the request is no name";
    host_of(authority, host);
    return is_own_host(rules, host)
               ? NULL
               : "The Host of the request is not known here (settings server.url and server.names)";
}

static const char *check_page(const OriginRules *rules, const HttpRequest *request)
{
    char page[AUTHORITY_BYTES], authority[AUTHORITY_BYTES], host[AUTHORITY_BYTES];
    const char *from = page_of(request), *own = http_header(request, "Host");
    const char *site = http_header(request, "Sec-Fetch-Site");
    if (!from)
        return !site || streq(site, "same-origin") || streq(site, "none") ? NULL
                                                                          : "Requests of other sites are refused";
    if (!authority_of(from, page))
        return "Requests of pages without a site are refused";
    host_of(page, host);
    if ((own && authority_of(own, authority) && streq(page, authority)) || is_named(rules, host))
        return NULL;
    return "Requests of other sites are refused (settings server.url and server.names)";
}

const char *origin_refusal(const OriginRules *rules, const HttpRequest *request)
{
    const char *refusal = rules->login && !request->trusted ? NULL : check_host(rules, request);
    return refusal || request->method == HTTP_GET ? refusal : check_page(rules, request);
}
