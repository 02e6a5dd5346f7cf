/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Starting an execution: the row and its first event in one commit. */
#include "web/routes/execution_common.h"

typedef struct ExecutionStart {
    const Flow *flow;
    json_t *inputs;            /* resolved; a reference is taken; may be NULL */
    json_t *labels;            /* [{key,value}] over the flow's; may be NULL */
    json_t *trigger;           /* may be NULL */
    usec_t schedule_date;      /* 0: now */
    bool correlate;            /* add system.correlationId */
    bool wait;                 /* the answer is the ended execution */
    const ExecutionHook *hook; /* with wait: … or what a webhook gives; may be NULL */
} ExecutionStart;
/* POST /{namespace}/{id}, and …/validate, for a path that says it in another way. */
int execution_create_named(WebSession *session, const HttpRequest *request, HttpResponse *response,
                           const char *namespace, const char *flow_id, bool check_only) _must_check_;
/* In state CREATED, not stored. */
Execution *execution_start_new(const ExecutionStart *start, const char *id, usec_t now);
/* Stores it and fills the answer: the execution with `url`, at once or when it has ended. */
int execution_start_answer(WebSession *session, const HttpRequest *request, const ExecutionStart *start,
                           Execution *execution, usec_t now, bool with_url, HttpResponse *response) _must_check_;
/* The flow to run, or NULL with the answer (404, 409). r < 0 in *ret_r: outage. */
Flow *execution_start_flow(WebSession *session, const HttpRequest *request, HttpResponse *response,
                           const char *namespace, const char *id, int revision, int *ret_r);
