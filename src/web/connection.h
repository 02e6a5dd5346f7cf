/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The connections of the webserver: how many there are, how long each may take, and whether the body of a request is
 * let in. Private to server.c but for Connection, which the role sees when it is asked. Loop thread only.
 */
#define H2O_USE_LIBUV 0 /* the evloop flavour of the library */

#include <h2o.h>

#include "base/loop.h"
#include "web/server.h"

typedef struct Connections Connections;

typedef struct ConnectionsOps {
    /* There is room for another one again. */
    void (*room)(void *userdata);
    /* The request as it came, without its body; new. NULL: it cannot be read (400). */
    HttpRequest *(*read_head)(void *userdata, Connection *connection, const char *method, const char *target);
    /* A body is to be let in or not: connection_admit or connection_refuse, now or later. */
    void (*head)(void *userdata, Connection *connection, HttpRequest *request);
} ConnectionsOps;

/* connections_max: at most, less where the limit of open files says so. */
int connections_new(Loop *loop, unsigned connections_max, usec_t timeout_usec, const ConnectionsOps *ops,
                    void *userdata, Connections **ret) _must_check_;
Connections *connections_free(Connections *all);
DEFINE_CLEANUP(Connections *, connections_free);
/* When there is none, the connection that has asked for nothing longest is ended, and `room` follows. */
bool connections_have_room(Connections *all);
/* Descriptors have run out: `room` follows. */
void connections_are_full(Connections *all);
unsigned connections_count(const Connections *all);

/* Accepted and not yet given to h2o; then connection_watch. */
Connection *connection_new(Connections *all, h2o_socket_t *socket, ServerPort port);
void connection_watch(Connection *connection);
Connection *connection_of(h2o_socket_t *socket);
h2o_socket_t *connection_socket(const Connection *connection);
/* A request is complete and with its handler, until its pool goes. */
void connection_begin(Connection *connection, h2o_req_t *req);
/* After each turn of the h2o loop. */
void connections_rearm(Connections *all);
