/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Who asks, when a proxy stands in between. Pure. */
#include "web/http.h"

/* True when `address` ("10.1.2.3", "::1", "unix") is one of the list's addresses or lies in one of its networks
 * ("10.0.0.0/8"). */
bool peer_is_listed(const json_t *list, const char *address);
/*
 * The address that asks: request->peer, or while that is a trusted proxy the one that it names in X-Forwarded-For, read
 * from the end, which the nearest proxy wrote. In the request's arena.
 */
const char *peer_behind_proxies(const json_t *proxies, const HttpRequest *request);
