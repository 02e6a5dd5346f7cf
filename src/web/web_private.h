/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The webserver, split into requests (web.c), and its heartbeat with what the health tells (web_health.c). */
#include <pthread.h>

#include "base/daemon.h"
#include "web/admission.h"
#include "web/auth.h"
#include "web/follow.h"
#include "web/secret_keys.h"
#include "web/server.h"
#include "web/web.h"

typedef struct Heartbeat {
    PoolTask task;
    Web *web;
    Pg *pg;
    Queue *queue;
    Auth *auth;
    bool joined, prepared;
    int r;
    char *problem;  /* for people, or NULL */
    char *password; /* to be shown once, or NULL */
    bool busy;
    usec_t begun;    /* monotonic */
    bool dispatches; /* this time it only takes rings of other hosts */
    VEC(char *) rings;
} Heartbeat;

/* What a reload has brought. Kept until the end: a request may be at work with it. */
typedef struct Reloaded {
    Conf *conf;
    WebSettings settings;
} Reloaded;

struct Web {
    const WebSettings *settings; /* set by the loop thread; other threads read it by use_settings() */
    VEC(Reloaded *) reloads;
    Daemon *daemon;
    Server *server;
    Pool *pools[_ROUTE_POOL_MAX]; /* handlers */
    Pool *looks, *beats;          /* looks of the hub, the heartbeat */
    FollowHub *hub;
    Bell *bell;
    Auth *auth;
    SecretKeys *secret_keys;
    Router *routers[_SERVER_PORT_MAX];
    Admission admission;
    WebSession loop_session;
    Heartbeat heartbeat;
    LoopSource *heartbeat_timer, *drain_timer, *check_timer, *wakeup;
    bool checking;
    usec_t failed;        /* monotonic: the last request that the database let fail; 0: none */
    char *silence;        /* the database does not answer: what the heartbeat was told; or NULL */
    uint64_t turned_away; /* requests */
    pthread_mutex_t lock;
    char instance_id[ID_BYTES];
    uint64_t answered[6]; /* by hundreds of the status */
};

/* web.c: a session as handlers have them, with this patience; NULL: the connection string cannot be read, which is
 * logged. */
Pg *web_new_pg(const WebSettings *settings, usec_t patience);
/* web.c: ends the role when it drains and nothing is left. */
void web_finish_if_drained(Web *web);

/* web_health.c. Everything in the loop thread. */
int web_health_start(Web *web) _must_check_;
/* Once no thread is left. */
void web_health_leave(Web *web);
void web_health_done(Web *web);
/* What the database let fail, in words; NULL: nothing. */
void web_health_failure(Web *web, const char *failure);
/* Looks after a while whether requests wait for threads, and again as long as they do. */
void web_health_check_soon(Web *web);
/* Why a request is not even given to a thread; NULL: it is. */
const char *web_health_closed(const Web *web, const Route *route);
void web_health_metrics(void *web, Buffer *text);
