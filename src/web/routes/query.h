/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What search routes share: paging, sorting, labels, scope, dates, filters[field][OP]=value (spec/api.md 1.4, 1.5). */
#include "store/execution_store.h"
#include "store/flow_store.h"
#include "store/log_store.h"
#include "web/session.h"

#define PAGE_PARAMETERS                                                                                                \
    {"page", PARAMETER_INTEGER, .positive = true}, {"size", PARAMETER_INTEGER, .positive = true},                      \
    {                                                                                                                  \
        "sort", PARAMETER_SORT                                                                                         \
    }
#define EXECUTION_PARAMETERS                                                                                           \
    {"q", PARAMETER_TEXT}, {"scope", PARAMETER_SCOPE}, {"namespace", PARAMETER_TEXT}, {"flowId", PARAMETER_TEXT},      \
        {"startDate", PARAMETER_DATE}, {"endDate", PARAMETER_DATE}, {"timeRange", PARAMETER_DURATION},                 \
        {"state", PARAMETER_STATE}, {"labels", PARAMETER_LABELS}, {"triggerExecutionId", PARAMETER_TEXT},              \
        {"childFilter", PARAMETER_CHILD},                                                                              \
    {                                                                                                                  \
        "filters", PARAMETER_FILTERS                                                                                   \
    }
#define FLOW_PARAMETERS                                                                                                \
    {"q", PARAMETER_TEXT}, {"scope", PARAMETER_SCOPE}, {"namespace", PARAMETER_TEXT}, {"labels", PARAMETER_LABELS},    \
    {                                                                                                                  \
        "filters", PARAMETER_FILTERS                                                                                   \
    }

/* Everything lies in the request's arena. The router has checked the form of filters. */
StorePaging query_paging(const HttpRequest *request);
StoreScope query_scope(const HttpRequest *request);
const StoreFilter *query_filters(const HttpRequest *request, size_t *ret_count);
/* {key, value} of "key:value" parameters. False: the same key twice, answered (409). */
bool query_labels(const HttpRequest *request, HttpResponse *response, const StoreLabel **ret, size_t *ret_count);
/* startDate, endDate and timeRange. False: they contradict each other, answered (422). */
bool query_dates(const HttpRequest *request, HttpResponse *response, usec_t *ret_start, usec_t *ret_end);
/* The filters of executions (spec: parameters of GET /executions/search). paged: with page, size and sort. False:
 * answered. */
bool query_executions(const WebSession *session, const HttpRequest *request, HttpResponse *response, bool paged,
                      ExecutionQuery *ret);
/* The filters of flows; paged as above. */
bool query_flows(const WebSession *session, const HttpRequest *request, HttpResponse *response, bool paged,
                 FlowQuery *ret);
bool query_logs(const HttpRequest *request, HttpResponse *response, LogQuery *ret);
/* 422 for STORE_E_QUERY; other outcomes become outages. */
int query_refused(const HttpRequest *request, HttpResponse *response, int r, const Diag *diag);
/* Answers {"results":…,"total":…}. */
/* A long answer goes to the response piece by piece; http_spilled() completes it. */
#define RESPONSE_SINK(response)                                                                                        \
    (StoreSink)                                                                                                        \
    {                                                                                                                  \
        .text = &(response)->body, .full = query_spill, .userdata = (response)                                         \
    }
int query_spill(void *response, Buffer *text) _must_check_;
int query_page(HttpResponse *response, const StorePage *page);
/* Body of a request as JSON. False: answered (422). */
bool query_body(const HttpRequest *request, HttpResponse *response, json_t **ret);
/* {"count": n} */
int query_count(HttpResponse *response, size_t count);
