/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What a handler works with: the settings shared by all threads, and the session of its own thread (database, queue,
 * compiled flows). Handlers are straight-line blocking code.
 */
#include "doc/conf.h"
#include "pg/pg.h"
#include "plugin/registry.h"
#include "queue/queue_pg.h"
#include "store/flow_cache.h"
#include "web/router.h"

struct Auth;
struct SecretKeys;
struct Web;

/* Read-only after start. Texts are borrowed and live as long as the process. */
typedef struct WebSettings {
    const Conf *conf;              /* what they were made from, for a reload; NULL: none */
    const char *conninfo;          /* libpq */
    const char *listen;            /* "127.0.0.1:8080", used when no descriptor "http" was passed; NULL or "": none */
    const char *management_listen; /* the same for "management" */
    const char *socket_path;       /* the role's own socket when none was passed */
    const char *context_path;      /* "" or "/kestra" */
    char *url;                     /* server.url without a slash at the end, for links in answers; NULL: "" */
    const char *ui_directory;      /* static files of the UI */
    const char *system_namespace;  /* NULL: "system" */
    const char *encryption_key;    /* kestra.encryption.secret-key, or NULL */
    const char *environment_name, *environment_color; /* or NULL */
    const char *auth_username, *auth_password;        /* of the first start; or NULL */
    const char *auth_realm;                           /* NULL: "Kestra" */
    bool auth_disabled;                               /* basic-auth.enabled: false */
    const json_t *names;                              /* server.names, or NULL */
    const json_t *trusted_proxies;                    /* server.trusted-proxies, or NULL */
    unsigned connections_max;                         /* 0: 4096 */
    usec_t request_timeout_usec;                      /* 0: 1 minute */
    bool write_back;                                  /* flows.write-back */
    unsigned threads;                                 /* handler threads at most; 0: 8 */
    size_t body_bytes_max;                            /* 0: 64 MiB */
    size_t message_bytes_max;                         /* inputs of an execution; 0: 10 MiB */
    size_t flow_bytes_max;                            /* longest source of a flow; 0: 1 MiB */
    json_t *plugin_defaults;                          /* or NULL */
    const json_t *gateways; /* storage.gateway.urls; NULL or []: the worker beside our socket */
    char *gateway_token;    /* or NULL */
    const char *gateway_authorities, *gateway_certificate, *gateway_key; /* files; NULL or "": none */
    usec_t gateway_timeout_usec;
    json_t *globals, *envs; /* for expressions; or NULL */
} WebSettings;

typedef struct WebSession {
    struct Web *web;
    const WebSettings *settings;
    Pg *pg;
    Queue *queue; /* commits executions and events */
    FlowCache *flows;
    struct Auth *auth;              /* shared */
    struct SecretKeys *secret_keys; /* shared */
} WebSession;

/* The daemon's loop thread has the same shape with pg, queue and flows NULL: for routes answered there. */

/* The instance id that events FOLLOW carry; "" while not joined. Copied under a lock. */
void web_instance_id(struct Web *web, char ret_id[static ID_BYTES]);
/* Called before the commit that may make the execution run: a ring that comes before its request is parked is not lost.
 */
void web_expect(struct Web *web, const char *execution_id);
/* The commit failed: nobody will park. */
void web_unexpect(struct Web *web, const char *execution_id);
/* Loop thread only (routes with in_loop). */
struct Daemon *web_daemon(struct Web *web);
/* Follows of these executions look again; body: one id a line. Loop thread only. */
void web_wake(struct Web *web, const char *body);
