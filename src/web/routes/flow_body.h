/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Flows in requests and answers: parsing a body, saving, the errors of both, the text of an answer. */
#include "store/flow_store.h"
#include "web/session.h"

/* Strict, as for saving. FLOW_E_INVALID: the Diag says why. */
int flow_body_parse(const WebSession *session, const char *source, size_t length, Flow **ret, Diag *diag) _must_check_;
/* The flow of a request's body: its first document. Positive: answered (422). `parameter` names the body in messages.
 */
int flow_body_read(const WebSession *session, const HttpRequest *request, HttpResponse *response, const char *parameter,
                   Flow **ret) _must_check_;
/* The 422 answer of a body that is missing. */
int flow_body_missing(const HttpRequest *request, HttpResponse *response, const char *parameter);
/* The 422 answer of a flow that does not parse. */
int flow_body_refused(const HttpRequest *request, HttpResponse *response, const Diag *diag);
/* Stores it, sets its revision and puts it into the session's cache. Outcomes of store_flow_save. */
int flow_body_save(const WebSession *session, Flow *flow, FlowSaveMode mode, FlowSaved *ret) _must_check_;
/* Deletes it by a new revision. Outcomes of store_flow_delete. */
int flow_body_delete(const WebSession *session, const char *namespace, const char *id) _must_check_;
/* 409 naming the file that the flow came from. */
int flow_body_from_file(const WebSession *session, const HttpRequest *request, HttpResponse *response,
                        const char *namespace, const char *id);
/* Appends a record's JSON, with its source when asked. */
void flow_body_append(Buffer *buffer, const FlowRecord *record, bool with_source);
/* Whether the request brings a flow as JSON (deprecated): its answers carry no source. */
bool flow_body_is_json(const HttpRequest *request);
