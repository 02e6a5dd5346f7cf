/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Whose page a request comes from. A browser sends the user's login along with what any page asks for, so what changes
 * something must come from our own pages; and where nobody logs in, a page may not get in by letting its own name point
 * at this machine (DNS rebinding). Clients that are no browsers send no Origin, and are not held up. Pure.
 */
#include "web/http.h"

typedef struct OriginRules {
    const char *url;     /* server.url, or NULL: its name is ours */
    const json_t *names; /* server.names, or NULL: more of our names */
    bool login;          /* credentials are asked for */
} OriginRules;

/* NULL: the request may pass; otherwise why not, for people (403). */
const char *origin_refusal(const OriginRules *rules, const HttpRequest *request);
