/* SPDX-License-Identifier: Apache-2.0 */
#include "web/peer.h"

#include <arpa/inet.h>
#include <stdlib.h>

#define HEADER "X-Forwarded-For"

typedef struct Address {
    unsigned char bytes[sizeof(struct in6_addr)];
    unsigned bits; /* 32 or 128; 0: it is none */
} Address;

static Address parse(const char *text)
{
    static const unsigned char mapped[12] = {[10] = 0xFF, [11] = 0xFF};
    Address address = {};
    if (inet_pton(AF_INET, text, address.bytes) == 1) {
        address.bits = 32;
    } else if (inet_pton(AF_INET6, text, address.bytes) == 1) {
        address.bits = 128;
        /* an IPv4 client of a socket that takes both */
        if (memcmp(address.bytes, mapped, sizeof(mapped)) == 0) {
            memmove(address.bytes, address.bytes + sizeof(mapped), 4);
            address.bits = 32;
        }
    }
    return address;
}

static bool begins_alike(const Address *a, const Address *b, unsigned bits)
{
    unsigned rest = bits % 8;
    unsigned char mask = (unsigned char)(0xFF << (8 - rest));
    return memcmp(a->bytes, b->bytes, bits / 8) == 0 &&
           (rest == 0 || ((a->bytes[bits / 8] ^ b->bytes[bits / 8]) & mask) == 0);
}

static bool is_in(const char *network, const char *text)
{
    const char *slash = strchr(network, '/');
    _cleanup_free_ char *base = slash ? xstrndup(network, (size_t)(slash - network)) : xstrdup(network);
    Address address = parse(text), start = parse(base);
    if (address.bits == 0 || start.bits != address.bits)
        return streq(network, text);
    int64_t bits = address.bits;
    if (slash && (http_parse_integer(slash + 1, &bits) != 0 || bits < 0 || bits > address.bits))
        return false;
    return begins_alike(&address, &start, (unsigned)bits);
}

bool peer_is_listed(const json_t *list, const char *address)
{
    size_t i;
    const json_t *item;
    json_array_foreach (list, i, item)
        if (json_is_string(item) && is_in(json_string_value(item), address))
            return true;
    return false;
}

/* The last address of the list, which is cut off; NULL: there is none. */
static const char *take_last(char *list)
{
    size_t length = strlen(list);
    while (length > 0 && strchr(", \t", list[length - 1]))
        list[--length] = '\0';
    char *comma = strrchr(list, ',');
    char *last = comma ? comma + 1 : list;
    last += strspn(last, " \t");
    if (comma)
        *comma = '\0';
    return parse(last).bits > 0 ? last : NULL;
}

const char *peer_behind_proxies(const json_t *proxies, const HttpRequest *request)
{
    const char *peer = request->peer;
    if (json_array_size(proxies) == 0 || !peer_is_listed(proxies, peer))
        return peer;
    _cleanup_buffer_ Buffer all = {};
    for (size_t i = 0; i < request->headers.count; i++)
        if (strcasecmp(request->headers.items[i].name, HEADER) == 0)
            buffer_printf(&all, "%s%s", all.length ? "," : "", request->headers.items[i].value);
    char *list = arena_strdup(request->arena, buffer_text(&all));
    while (peer_is_listed(proxies, peer) && *list) {
        bool last = !strchr(list, ',');
        const char *named = take_last(list);
        if (!named)
            break;
        peer = named;
        if (last)
            break;
    }
    return peer;
}
