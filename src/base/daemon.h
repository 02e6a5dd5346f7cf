/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The shell that every role shares: descriptors from systemd (or kestra-standalone), signals, sd_notify, watchdog, and
 * the role's own socket that speaks small HTTP: GET /health, GET /metrics, POST /wake, POST /reload.
 *
 * READY=1 is sent when the role can take work. The watchdog is fed only while daemon_progress() is called: a role that
 * cannot reach its backend is DOWN and says so, but feeds the watchdog as long as it keeps trying.
 * The role's own socket is answered while the role waits for a backend too, when that lasts: daemon_serve().
 * SIGTERM: `drain` is called once; the role calls daemon_drained() when nothing is left. A second one: `hurry`. SIGHUP:
 * `reload`.
 */
#include "base/buffer.h"
#include "base/loop.h"

typedef struct Daemon Daemon;

typedef enum Health {
    HEALTH_UP,
    HEALTH_DOWN,
} Health;

enum {
    DAEMON_RELOADS = 1, /* of DaemonOps.reload: it goes on, daemon_reloaded() tells the end */
};

typedef struct DaemonOps {
    const char *role;                              /* "executor" */
    int (*wake)(void *userdata, const char *body); /* after POST /wake was answered; body: one id a line, may be "" */
    int (*reload)(void *userdata);                 /* 0, DAEMON_RELOADS or an outage */
    int (*drain)(void *userdata);
    void (*hurry)(void *userdata); /* asked to stop again while draining: no more waiting. May be NULL */
    void (*metrics)(void *userdata, Buffer *text); /* Prometheus text of the role; the shell adds process_* and up */
    void (*storage)(void *userdata, const char *body,
                    int connection); /* POST /storage, see ControlRoute.take; worker only */
} DaemonOps;

/* Takes the descriptors named "<role>" (listening unix socket); others by daemon_listen_fd(). Without any, listens at
 * socket_path itself (tests, hand start); socket_path NULL then means no socket. Reads WATCHDOG_USEC and NOTIFY_SOCKET.
 */
int daemon_new(const DaemonOps *ops, void *userdata, const char *socket_path, Daemon **ret) _must_check_;
Daemon *daemon_free(Daemon *daemon);
DEFINE_CLEANUP(Daemon *, daemon_free);
Loop *daemon_loop(Daemon *daemon);
/* The path of the role's own socket, to be told to others. Borrowed. */
const char *daemon_socket_path(const Daemon *daemon);
/* Passed descriptor with this FileDescriptorName=, or -1. Ownership moves to the caller. */
int daemon_listen_fd(Daemon *daemon, const char *name);
/* Whether a supervisor passed sockets: it says what this role listens at, the settings do not. */
bool daemon_has_passed_sockets(const Daemon *daemon);
/* The role serves its own socket itself (webserver: the API beside health and bell): the listening descriptor, or -1
 * when there is none. Ownership moves; the shell's server on it ends. */
int daemon_take_socket(Daemon *daemon);
/* State of one component ("postgresql", "loop", …) with a word for people; goes to /health and STATUS=. */
void daemon_health(Daemon *daemon, const char *component, Health health, const char *format, ...) _printf_(4, 5);
/* The component failed us again: it is DOWN with this reason. Returns how long to wait before the next try: 50 ms,
 * doubling to 5 s with jitter, until it is said to be UP. The journal hears of it at once, and then at growing
 * intervals. The one place that decides both, for every role. */
usec_t daemon_outage(Daemon *daemon, const char *component, const char *format, ...) _printf_(3, 4);
Health daemon_overall(const Daemon *daemon);
/* {"status":"UP","components":{…}} as JSON text; for the webserver's management port too. */
void daemon_health_json(const Daemon *daemon, Buffer *ret);
void daemon_metrics_text(Daemon *daemon, Buffer *ret);
/* STATUS= in words an administrator understands. */
void daemon_status(Daemon *daemon, const char *format, ...) _printf_(2, 3);
/* A sentence that stays behind the status until the next call: what went wrong with a reload. NULL: none. */
void daemon_note(Daemon *daemon, const char *note);
/* Can take work: READY=1 (once). */
void daemon_ready(Daemon *daemon);
/* Real progress was made (a backend answer, a loop turn that waited for nothing): feeds the watchdog. */
void daemon_progress(Daemon *daemon);
/* For a role whose loop waits for nothing but events: that it turns is progress, and a timer shows it. */
int daemon_turning(Daemon *daemon) _must_check_;
/* WatchdogSec of the unit, or USEC_INFINITY. */
usec_t daemon_watchdog(const Daemon *daemon);
/* For a role that waits in the loop's thread, for an answer that has a time limit: daemon_serve answers health and
 * metrics meanwhile (rings, reloads and storage wait until the loop turns) and feeds the watchdog; it has something to
 * do when the descriptor can be read. */
int daemon_serve_fd(const Daemon *daemon);
void daemon_serve(Daemon *daemon);
/* What `POST /wake` does, for rings that come on other ways. */
void daemon_wake(Daemon *daemon, const char *body);
/* A reload that was DAEMON_RELOADS has ended. */
void daemon_reloaded(Daemon *daemon);
/* The sockets that a supervisor passed are passed to the program that takes this process over (base/handover.h), or no
 * longer when `pass` is false. */
int daemon_pass_sockets(Daemon *daemon, bool pass) _must_check_;
bool daemon_is_draining(const Daemon *daemon);
void daemon_drained(Daemon *daemon);
/* Runs until drained. */
int daemon_run(Daemon *daemon) _must_check_;
