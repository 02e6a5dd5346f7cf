/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The only user of h2o: connections, reading requests, writing answers and streams. It runs the h2o event loop with the
 * daemon's sd-event loop inside. All calls belong to the loop thread.
 */
#include "base/loop.h"
#include "web/http.h"

typedef enum ServerPort {
    SERVER_PORT_HTTP,       /* API and UI */
    SERVER_PORT_MANAGEMENT, /* health and metrics */
    SERVER_PORT_LOCAL,      /* the role's unix socket: both, and the bell; peers are known by their credentials */
    _SERVER_PORT_MAX,
} ServerPort;

/* One request on its way to its answer. */
typedef struct Exchange Exchange;
/* Borrowed until the answer is complete. */
HttpRequest *exchange_request(const Exchange *exchange);
ServerPort exchange_port(const Exchange *exchange);
/* The client has gone; answers are dropped. */
bool exchange_is_gone(const Exchange *exchange);
/* Sends the whole answer; exchange and request are freed. Takes the contents of response. */
void exchange_answer(Exchange *exchange, HttpResponse *response);
/* Sends the head of a text/event-stream; then exchange_send until end, which frees the exchange. */
void exchange_begin_stream(Exchange *exchange);
void exchange_send(Exchange *exchange, const char *text, size_t length, bool end);
bool exchange_is_stream(const Exchange *exchange);
/* A stream whose client is slower than what was sent. */
bool exchange_has_backlog(const Exchange *exchange);
/* Frees an exchange whose client has gone. */
void exchange_drop(Exchange *exchange);

/* A client's connection whose request waits for its body to be let in. */
typedef struct Connection Connection;
ServerPort connection_port(const Connection *connection);
/* Each ends the question. Lets a body of so many bytes in. */
void connection_admit(Connection *connection, size_t body_max);
/* Answers instead, and closes. Takes the contents of response, which has to be short. */
void connection_refuse(Connection *connection, HttpResponse *response);
/* For a body that is let in without login: counts it until its request has been answered. False: all of them would be
 * more than all_max. */
bool connection_charge(Connection *connection, size_t bytes, size_t all_max);

typedef struct ServerSettings {
    size_t body_bytes_max;
    unsigned connections_max;
    usec_t timeout_usec; /* of a request's head; then bodies and answers go on at 1 KiB a second at least */
} ServerSettings;

typedef struct ServerOps {
    /* A request with a body of some length (body_length; SIZE_MAX: unknown) came, and nothing of the body is read yet.
     * request is new; connection_admit or connection_refuse, now or later. */
    void (*head)(void *userdata, Connection *connection, HttpRequest *request);
    /* A complete request came. */
    void (*request)(void *userdata, Exchange *exchange);
    /* The client of an unanswered exchange has gone; it stays allocated until exchange_drop. */
    void (*gone)(void *userdata, Exchange *exchange);
} ServerOps;

typedef struct Server Server;
int server_new(Loop *loop, const ServerSettings *settings, const ServerOps *ops, void *userdata,
               Server **ret) _must_check_;
Server *server_free(Server *server);
DEFINE_CLEANUP(Server *, server_free);
/* Of requests that begin from now on. */
void server_set_body_max(Server *server, size_t bytes);
/* Takes a listening descriptor. */
int server_listen(Server *server, int fd, ServerPort port) _must_check_;
/* A listening TCP socket at "host:port" ("127.0.0.1:8080", "[::1]:0"). *ret_loopback: reachable from this host only. */
int server_bind(const char *address, int *ret_fd, bool *ret_loopback) _must_check_;
/* True when the descriptor listens on a loopback address or a unix socket. */
bool server_is_loopback(int fd);
/* No new connections; those in progress end. */
void server_stop_listening(Server *server);
unsigned server_connections(const Server *server);
/* Requests without a complete answer. */
unsigned server_open_exchanges(const Server *server);
/* Runs both loops until loop_stop(); returns its code. */
int server_run(Server *server) _must_check_;
