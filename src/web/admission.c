/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Short bodies come in unasked (connection.c), so this is for the few long ones: the login is looked at once here, and
 * again when the request is complete, by which time it is remembered. Webhooks have no login; what all of them hold
 * together is bounded instead.
 */
#include "web/admission.h"

#include "web/auth.h"
#include "web/origin.h"
#include "web/peer.h"

#define BODY_NONE    ((size_t)64 * 1024)        /* where none is meant */
#define BODY_JSON    ((size_t)8 * 1024 * 1024)  /* what is read as one document */
#define BODY_ALL     ((size_t)64 * 1024 * 1024) /* limits.request when it is not set */
#define BODY_MESSAGE ((size_t)10 * 1024 * 1024) /* limits.message likewise */
#define OPEN_BODIES  3                          /* that many of the longest webhook's, together */

typedef struct Question {
    PoolTask task; /* first: a PoolTask * is a Question * */
    const Admission *admission;
    Connection *connection;
    HttpRequest *request;
    size_t body_max;
    AuthTurn turn;
    int r;
} Question;

size_t admission_body_max(const WebSettings *settings, const Route *route)
{
    size_t longest = settings->body_bytes_max ? settings->body_bytes_max : BODY_ALL;
    if (!route || route->in_loop)
        return BODY_NONE;
    if (route->permission == PERMISSION_OPEN)
        return MIN(longest, settings->message_bytes_max ? settings->message_bytes_max : BODY_MESSAGE);
    bool large = route->large || (route->consumes && strstr(route->consumes, "multipart/form-data"));
    return large ? longest : MIN(longest, BODY_JSON);
}

bool admission_check_origin(const WebSettings *settings, const struct Auth *auth, const Route *route,
                            const HttpRequest *request, HttpResponse *response)
{
    const OriginRules rules = {.url = settings->url, .names = settings->names, .login = auth_is_enabled(auth)};
    if (route && route->permission == PERMISSION_OPEN)
        return true;
    const char *refusal = origin_refusal(&rules, request);
    if (!refusal)
        return true;
    http_response_done(response);
    *response = (HttpResponse){};
    http_reason(request, response, 403, "%s", refusal);
    return false;
}

void admission_refuse_login(const struct Auth *auth, const HttpRequest *request, HttpResponse *response)
{
    http_response_done(response);
    *response = (HttpResponse){};
    http_empty(response, 401);
    http_response_header(response, "WWW-Authenticate",
                         arena_printf(request->arena, "Basic realm=%s", auth_realm(auth)));
}

static void refuse(Question *question, HttpResponse *response)
{
    connection_refuse(question->connection, response);
    http_request_free(question->request);
    free(question);
}

static void admit(Question *question)
{
    connection_admit(question->connection, question->body_max);
    http_request_free(question->request);
    free(question);
}

/* In a handler thread. */
static void run_question(PoolTask *task, WebSession *session)
{
    Question *question = (Question *)task;
    question->r = session->pg ? auth_check(session->auth, session->pg, question->request, &question->turn) : -EINVAL;
}

static void question_done(PoolTask *task)
{
    Question *question = (Question *)task;
    HttpResponse response = {};
    if (question->turn.may_hash)
        login_queue_next(question->admission->logins);
    if (question->r == AUTH_E_HASH) {
        question->turn.may_hash = true;
        login_queue_add(question->admission->logins, task, question->turn.delay);
        return;
    }
    if (question->r == 0) {
        admit(question);
        return;
    }
    if (question->r > 0) {
        admission_refuse_login(question->admission->auth, question->request, &response);
    } else {
        http_response_header(&response, "Retry-After", "2");
        http_reason(question->request, &response, 503, "The login cannot be looked at: %s",
                    strerrordesc_np(-question->r));
    }
    refuse(question, &response);
}

/* True: answered. */
static bool refuse_at_once(const Question *question, const Route *route, HttpResponse *response)
{
    const HttpRequest *request = question->request;
    const WebSettings *settings = question->admission->settings;
    http_response_done(response); /* of a path that is not there: the login comes first */
    *response = (HttpResponse){};
    if (!admission_check_origin(settings, question->admission->auth, route, request, response))
        return true;
    if (request->body_length == SIZE_MAX || request->body_length <= question->body_max)
        return false;
    /* who has no login is not told what there is */
    if ((!route || route->permission != PERMISSION_OPEN) && auth_is_enabled(question->admission->auth) &&
        !request->trusted && !http_header(request, "Authorization"))
        admission_refuse_login(question->admission->auth, request, response);
    else
        http_reason(request, response, 413, "The body is longer than %zu bytes", question->body_max);
    return true;
}

void admission_ask(const Admission *admission, Connection *connection, HttpRequest *request)
{
    const WebSettings *settings = admission->settings;
    Question *question = xnew(Question);
    *question = (Question){.task = {.run = run_question, .done = question_done},
                           .admission = admission,
                           .connection = connection,
                           .request = request};
    HttpResponse response = {};
    request->peer = peer_behind_proxies(settings->trusted_proxies, request);
    const Route *route = router_match(admission->routers[connection_port(connection)], request, &response);
    question->body_max = admission_body_max(settings, route);
    if (refuse_at_once(question, route, &response)) {
        refuse(question, &response);
        return;
    }
    if (!route || route->permission != PERMISSION_OPEN) {
        pool_submit(admission->pool, &question->task);
        return;
    }
    if (connection_charge(connection, MIN(request->body_length, question->body_max),
                          OPEN_BODIES * question->body_max)) {
        admit(question);
        return;
    }
    http_response_header(&response, "Retry-After", "2");
    http_reason(request, &response, 503, "Too many long bodies at once");
    refuse(question, &response);
}
