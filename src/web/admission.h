/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Whether the body of a request is let in, by its head alone: the origin, the login, and what the route takes. So who
 * has no login makes us hold nothing. Loop thread only.
 */
#include "web/login_queue.h"
#include "web/pool.h"
#include "web/server.h"
#include "web/session.h"

typedef struct Admission {
    const WebSettings *settings;
    struct Auth *auth;
    Pool *pool;
    LoginQueue *logins;
    const Router *const *routers; /* by ServerPort */
} Admission;
/* Takes the request; ends in connection_admit or connection_refuse. */
void admission_ask(const Admission *admission, Connection *connection, HttpRequest *request);
/* The longest body of a route (NULL: none matched). */
size_t admission_body_max(const WebSettings *settings, const Route *route);
/* False: answered with 403. Before the login is looked at: a browser sends it along whoever made the page. */
bool admission_check_origin(const WebSettings *settings, const struct Auth *auth, const Route *route,
                            const HttpRequest *request, HttpResponse *response);
/* 401. */
void admission_refuse_login(const struct Auth *auth, const HttpRequest *request, HttpResponse *response);
