/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A REST route is one row. Out of the rows come matching, 404 / 405 / 406 / 415, the check of path and query
 * parameters, the permission and the OpenAPI document.
 */
#include "web/http.h"

struct WebSession;
/* Runs in a handler thread; blocking calls are fine. Returns 0 with the response filled, or an outage (negative). */
typedef int (*RouteHandler)(struct WebSession *session, const HttpRequest *request, HttpResponse *response);

/* Who may call it. With one administrator every permission but OPEN needs the login; roles will tell them apart. */
typedef enum Permission {
    PERMISSION_OPEN, /* no login: ping, webhooks (their key is the secret), health */
    PERMISSION_UI,
    PERMISSION_ROLE,  /* by the peer of the unix socket alone: the roles' group, and who may everything there */
    PERMISSION_OWNER, /* the same: root, our own user, group kestra */
    PERMISSION_FLOW_READ,
    PERMISSION_FLOW_WRITE,
    PERMISSION_EXECUTION_READ,
    PERMISSION_EXECUTION_WRITE,
    PERMISSION_LOG_READ,
    PERMISSION_LOG_WRITE,
    PERMISSION_TRIGGER_READ,
    PERMISSION_TRIGGER_WRITE,
    PERMISSION_NAMESPACE_READ,
    PERMISSION_NAMESPACE_WRITE,
    PERMISSION_PLUGIN_READ,
    PERMISSION_SETTING_READ,
    PERMISSION_SETTING_WRITE,
    _PERMISSION_MAX,
} Permission;

typedef enum ParameterKind {
    PARAMETER_TEXT,
    PARAMETER_INTEGER,
    PARAMETER_BOOLEAN,
    PARAMETER_STATE, /* list of states, repeated or comma-joined */
    PARAMETER_LEVEL, /* log level */
    PARAMETER_SCOPE, /* list of USER, SYSTEM */
    PARAMETER_CHILD, /* CHILD, MAIN */
    PARAMETER_DATE,
    PARAMETER_DURATION,
    PARAMETER_SORT,    /* column:asc */
    PARAMETER_LABELS,  /* key:value */
    PARAMETER_FILTERS, /* filters[field][OP]=value and filters[field][OP][key]=value: the route takes filters */
    _PARAMETER_KIND_MAX,
} ParameterKind;

typedef struct Parameter {
    const char *name; /* NULL ends a table */
    ParameterKind kind;
    bool required;
    bool positive; /* integers: at least 1 */
} Parameter;

/* Which threads answer a request: each kind waits for a neighbour of its own, and is held up by no other. */
typedef enum RoutePool {
    ROUTE_POOL_MAIN,
    ROUTE_POOL_STORAGE, /* internal storage, through a worker; uploads too */
    ROUTE_POOL_WEBHOOK, /* a worker may have to compare a secret */
    _ROUTE_POOL_MAX,
} RoutePool;

typedef struct Route {
    HttpMethod method;
    const char *pattern; /* "/api/v1/flows/{namespace}/{id}" */
    RouteHandler handler;
    Permission permission;
    const Parameter *query; /* may be NULL */
    const char *operation;  /* name of the operation: OpenAPI and paths of constraint errors ("find.page") */
    const char *consumes;   /* comma-separated media types; NULL: any */
    const char *produces;   /* NULL: application/json */
    bool in_loop;           /* answered in the loop thread: needs no database and never blocks */
    /* in_loop only: called when the answer is out (the bell wants it before anybody looks at the database); or NULL */
    void (*after)(struct WebSession *session, const char *body);
    bool large; /* takes bodies up to limits.request; what consumes forms does so without */
    RoutePool pool;
} Route;

typedef struct RouteTable {
    const char *tag; /* "Executions" */
    const Route *routes;
    size_t count;
} RouteTable;
#define ROUTE_TABLE(tag_text, rows)                                                                                    \
    {                                                                                                                  \
        .tag = (tag_text), .routes = (rows), .count = ELEMENTS(rows)                                                   \
    }

typedef struct Router Router;
/* tables are borrowed and live as long as the router. context_path: "" or "/kestra", stripped from every path. */
Router *router_new(const RouteTable *const *tables, size_t count, const char *context_path);
Router *router_free(Router *router);
DEFINE_CLEANUP(Router *, router_free);

/* The row for a request, its path parameters stored into the request; or NULL with the 404, 405, 406 or 415 answer. */
const Route *router_match(const Router *router, HttpRequest *request, HttpResponse *response);
/* Checks the query against the row: true when the handler may run, else the answer is in response. */
bool router_check_query(const Route *route, const HttpRequest *request, HttpResponse *response);

/* openapi.c: the OpenAPI 3.0 document of all rows under /api. New. */
json_t *router_openapi(const RouteTable *const *tables, size_t count);
