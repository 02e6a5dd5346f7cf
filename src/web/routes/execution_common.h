/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the routes about executions share. */
#include "model/event_kind.h"
#include "model/operation.h"
#include "store/execution_store.h"
#include "web/follow.h"
#include "web/session.h"

/* The execution with its task runs, bound to its flow when the flow can be had. STORE_E_NONE. */
int execution_fetch(WebSession *session, const char *id, Execution **ret) _must_check_;
/* The API's Execution with taskRunList. New. */
json_t *execution_answer(const Execution *execution, usec_t now);
/* "<kestra.url>/ui/executions/<namespace>/<flow>/<id>". Caller frees. */
char *execution_url(const WebSettings *settings, const char *namespace, const char *flow_id, const char *id);
/* 409, 422 or 404 of an OPERATION_E_… outcome. */
int execution_refused(const HttpRequest *request, HttpResponse *response, int r, const Diag *diag);
/* Whether they fit into a message (limits.message); answered (422) otherwise. */
bool execution_inputs_fit(const WebSession *session, const HttpRequest *request, HttpResponse *response,
                          const json_t *inputs);
/* [{key, value}] of a list or a map, without empty ones. System labels only if they are among `present` (may be NULL).
 * NULL: answered (422). New. */
json_t *execution_labels_read(const HttpRequest *request, HttpResponse *response, const json_t *given,
                              const json_t *present);
/* One event to the owner; body is stolen. */
int execution_send(WebSession *session, const char *id, EventKind kind, json_t *body) _must_check_;
/* Commits the unit; outcomes cannot happen without a fence. */
int execution_commit(WebSession *session, Unit *unit) _must_check_;
/* The answer waits a moment (follow_moment) until its version differs from `before` (store_execution_version), or until
 * they are gone, as long as they become fewer: what the client asks for next is then what it has just done. The answer
 * itself is filled in by the caller, before or after. */
void execution_await_change(HttpResponse *response, const char *id, const char *before);
void execution_await_gone(HttpResponse *response, const char *const *ids, size_t count);
/* Adds the event that lets the owner ring this webserver. */
void execution_follow_event(WebSession *session, Unit *unit, const char *id);
/* The answer is given when the execution has ended. */
Follow *execution_wait(const WebSettings *settings, const Execution *execution);
/* How a webhook that waits answers. */
typedef struct ExecutionHook {
    bool gives_outputs; /* the flow's outputs, not the execution */
    bool is_plain;      /* they are given as text/plain */
    int status;         /* 0: 500 for an execution that failed, else 200 */
} ExecutionHook;
Follow *execution_wait_hook(const WebSettings *settings, const Execution *execution, const ExecutionHook *hook);
