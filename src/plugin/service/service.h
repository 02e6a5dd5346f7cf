/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Types that are one request to a web service: a message, an alarm, an entry made somewhere. What differs between them
 * is a row of data, `Type.row`; one function runs them all. The row's texts are templates of Kestra's own language
 * over these variables, and no others:
 *
 *   own     the task's properties, rendered; null for one that is not given
 *   it      the execution that `executionId` names (rows with of_execution): service_execution()
 *   item    one of `each`, or of "for"; `index` its number
 *   answer  the body of the answer: parsed when it is JSON, otherwise text; `code` its status, `headers` its headers
 *
 * In JSON with templates, a lone expression keeps its type; a member or item that is null is left out; an object with
 * the member "if" is left out unless that is true; an item with the member "for" stands for one object for each of
 * that list (of a map: {key, value}); the members of the map "..." are put into the object around it. Every expression
 * sees null for a property that is not given, but a property's own members may be missing: `item.title ?? null`.
 */
#include "plugin/core/http/http.h"

typedef struct Service {
    const char *method;       /* NULL: POST */
    const char *uri;          /* template */
    const char *headers;      /* JSON with templates; NULL: none */
    const char *raw;          /* the property that is the body as it stands, when it is given; NULL: none */
    const char *body;         /* JSON with templates; when that renders to a text, the text is sent; NULL: none */
    const char *nothing;      /* why there is nothing to send, when neither gives anything; NULL: the body is empty */
    const char *content_type; /* NULL: application/json */
    bool is_form;             /* the body's members are sent urlencoded */
    bool of_execution;        /* has SERVICE_EXECUTION_FIELDS */
    const char *const *files; /* properties, lists of {uri}: `content` of each becomes the file in base64; or NULL */
    const char *each;         /* template of a list: one request for each `item`; NULL: one */
    const char *refused;      /* template over the answer: why the service refused; empty: it did not */
    const char *timeout_seconds; /* template: longest silence until the answer begins; NULL: as options say */
    const char *counters;        /* JSON with templates: metric to number, over the (last) answer; NULL: none */
    const char *outputs;         /* JSON with templates over the (last) answer; NULL: no outputs */
} Service;

/* JSON without the noise of C: the macro's text itself. Literals in it must stay in one piece. */
#define SERVICE_JSON(...) #__VA_ARGS__

extern const Field service_option_fields[];

#define SERVICE_OPTIONS                                                                                                \
    {                                                                                                                  \
        "options", FIELD_OBJECT, 0, .fields = service_option_fields, .doc = "Headers, timeouts, proxy, TLS."           \
    }
#define SERVICE_URL                                                                                                    \
    {                                                                                                                  \
        "url", FIELD_STRING, FIELD_DYNAMIC | FIELD_REQUIRED | FIELD_NOT_EMPTY, .doc = "Where the message goes."        \
    }
#define SERVICE_PAYLOAD                                                                                                \
    {                                                                                                                  \
        "payload", FIELD_STRING, FIELD_DYNAMIC, .doc = "What is sent, as JSON."                                        \
    }
#define SERVICE_EXECUTION_FIELDS                                                                                       \
    {"executionId", FIELD_STRING, FIELD_DYNAMIC, .fallback = "\"{{ execution.id }}\"",                                 \
     .doc = "The execution that is described; {{ trigger.executionId }} in a flow that a Flow trigger starts."},       \
        {"customFields", FIELD_MAP, FIELD_DYNAMIC, .item = FIELD_ANY, .doc = "More to say: name to value."},           \
        {"customMessage", FIELD_STRING, FIELD_DYNAMIC, .doc = "More to say, in front."},                               \
        {"templateUri", FIELD_STRING, FIELD_DYNAMIC | FIELD_DEPRECATED, .doc = "Accepted; the message is built in."},  \
    {                                                                                                                  \
        "templateRenderMap", FIELD_MAP, FIELD_DYNAMIC | FIELD_DEPRECATED, .item = FIELD_ANY,                           \
                                                                          .doc = "Accepted; the message is built in."  \
    }

/* A text property that is not required. */
#define SERVICE_TEXT(NAME, DOC)                                                                                        \
    {                                                                                                                  \
        NAME, FIELD_STRING, FIELD_DYNAMIC, .doc = (DOC)                                                                \
    }
#define SERVICE_NEEDED(NAME, DOC)                                                                                      \
    {                                                                                                                  \
        NAME, FIELD_STRING, FIELD_DYNAMIC | FIELD_REQUIRED | FIELD_NOT_EMPTY, .doc = (DOC)                             \
    }

/* Type.run of all rows. */
int service_run(RunContext *run) _must_check_;
/* The execution that the property executionId names: {execution, duration, startDate, link, lastTask, firstFailed,
 * title, outcome, text}; own: service_own(), whose customMessage and customFields are in the text; new. RUN_E_FAILED
 * (logged): there is none. */
int service_execution(RunContext *run, const json_t *own, json_t **ret) _must_check_;

/* The beginning of every row: `const Type NAME = {SERVICE_TYPE, .name = …}`. */
#define SERVICE_TYPE .kind = TYPE_TASK, .where = RUN_CHILD, .run = service_run
#define SERVICE_ROW(...)                                                                                               \
    .row = &(const Service)                                                                                            \
    {                                                                                                                  \
        __VA_ARGS__                                                                                                    \
    }
#define ALIASES(...)                                                                                                   \
    .aliases = (const char *const[])                                                                                   \
    {                                                                                                                  \
        __VA_ARGS__, NULL                                                                                              \
    }
#define EXAMPLES(...)                                                                                                  \
    .examples = (const char *const[])                                                                                  \
    {                                                                                                                  \
        __VA_ARGS__, NULL                                                                                              \
    }
