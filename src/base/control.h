/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The small HTTP/1.1 server on a role's own unix socket, so that `curl --unix-socket` works. Requests are short and
 * come from this host: bodies of at most CONTROL_BODY_MAX bytes, keep-alive, no chunked requests. Whoever only holds
 * connections keeps nobody out: they have deadlines, a process has its share of them, and when there is no more room
 * the one that was silent longest goes.
 */
#include "base/buffer.h"
#include "base/loop.h"

#define CONTROL_BODY_MAX ((size_t)256 * 1024)

typedef struct Control Control;

typedef struct ControlReply {
    unsigned status;  /* 200, 204 … */
    const char *type; /* media type of the body; static text */
    Buffer body;
} ControlReply;

typedef struct ControlRoute {
    const char *method, *path;                           /* path NULL ends a table */
    void (*answer)(void *userdata, ControlReply *reply); /* NULL: 204 without a body */
    int (*after)(void *userdata, const char *body);      /* once the answer was written; may be NULL */
    /* In place of the others: takes the (non-blocking) connection with the body that came, answers with a whole
     * response and closes it, now or later, here or in another process. False: nobody does that, 404. May be NULL. */
    bool (*take)(void *userdata, const char *body, int fd);
} ControlRoute;

/* Serves routes (borrowed, static) on a listening unix socket, which it takes. */
int control_new(Loop *loop, int listen_fd, const ControlRoute *routes, void *userdata, Control **ret) _must_check_;
/* In place of ten seconds for a request to come whole (and an answer to go), and five minutes between two: for tests.
 */
void control_set_times(Control *control, usec_t request_usec, usec_t idle_usec);
Control *control_free(Control *control);
DEFINE_CLEANUP(Control *, control_free);
/* Frees it and gives the listening descriptor back; connections that it had are closed. */
int control_release(Control *control);
/* A stream socket listening at path, whose stale predecessor is removed; mode 0660. Close-on-exec, non-blocking. */
int control_listen(const char *path, int *ret_fd) _must_check_;
