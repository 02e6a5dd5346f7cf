/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * kestra-standalone: all roles and a private PostgreSQL under one small supervisor, which plays systemd for them. The
 * parts: standalone.c the sequence and the signals, standalone_setup.c directory, settings and sockets,
 * standalone_database.c PostgreSQL, standalone_service.c one supervised process.
 */
#include <sys/types.h>

#include "base/loop.h"
#include "base/spawn.h"
#include "doc/conf.h"

#define SERVICE_FDS_MAX 3

typedef struct Standalone Standalone;

typedef enum ServiceState {
    SERVICE_STOPPED,
    SERVICE_STARTING,
    SERVICE_READY,
    SERVICE_STOPPING,
    SERVICE_WAITING, /* for its restart */
} ServiceState;

typedef struct Service {
    Standalone *standalone;
    char *instance;   /* "executor-2": names socket, log and pid file */
    const char *role; /* "executor"; NULL: none of kestra's. Static text */
    VEC(char *) arguments;
    int fds[SERVICE_FDS_MAX]; /* listening sockets; ours, passed at each start */
    const char *fd_names[SERVICE_FDS_MAX];
    unsigned fd_count;
    int stop_signal, death_signal;
    bool change_user; /* to standalone->database_user */
    bool talks;       /* its standard error is ours, not a log file: it shows the first password */
    bool notifies;    /* says READY=1 itself; otherwise it is ready when it runs */
    usec_t stop_timeout;
    ServiceState state;
    Spawned *child;
    LoopSource *exit, *timer;    /* timer: restart, or the end of patience while stopping */
    usec_t started, ready_after; /* monotonic; how long it took */
    usec_t fed;                  /* last WATCHDOG=1; 0: never */
    unsigned failures;           /* in a row, for the backoff */
} Service;

struct Standalone {
    /* arguments */
    const char *data, *config, *http, *management, *flows, *ui;
    unsigned executors, workers;
    bool no_auth;
    char **command; /* run when all is ready, or NULL */
    /* state */
    char *conf_file;                  /* DATA/kestra.yaml */
    char *url, *management_url, *dsn; /* dsn: as the owner of the database */
    char *socket_directory;           /* PostgreSQL's */
    char *programs;                   /* directory of our program */
    char *postgresql;                 /* directory of initdb and postgres */
    uid_t database_user;
    gid_t database_group;
    bool is_root;
    int lock, notify;
    char *notify_path;
    usec_t begun;
    Loop *loop;
    Spawner *spawner;
    Service *database;
    VEC(Service *) roles; /* in the order in which they are stopped */
    Spawned *command_child;
    LoopSource *command_exit, *watchdog;
    int status; /* our exit status */
    bool ready, stopping;
    size_t stopped; /* roles whose turn has come */
};

/* --- standalone_setup.c --- */
/* Directories, lock, settings. Messages go to the log; -EBUSY when another one runs here. */
int standalone_prepare(Standalone *standalone) _must_check_;
/* Makes the roles with their sockets; sets url and management_url. */
int standalone_make_roles(Standalone *standalone) _must_check_;
/* A file below DATA, written as a whole. */
int standalone_write_file(const Standalone *standalone, const char *name, const char *text, mode_t mode) _must_check_;

/* --- standalone_database.c --- */
/* Initialises PostgreSQL if there is none, starts it and waits until it takes connections. Blocks. */
int standalone_start_database(Standalone *standalone) _must_check_;
/* Runs a program to its end with `input` (or NULL) on its standard input and its output in the log; its exit status, or
 * negative. */
int standalone_run(const Standalone *standalone, const char *const *arguments, const char *input,
                   bool as_database_user) _must_check_;
/* kestra-migrate. Blocks. */
int standalone_migrate(Standalone *standalone) _must_check_;

/* --- standalone_service.c --- */
Service *service_new(Standalone *standalone, const char *instance, const char *program);
Service *service_free(Service *service);
int service_start(Service *service) _must_check_;
/* Sends the stop signal; standalone_on_stopped is called at its end, also when it is stopped already. */
void service_stop(Service *service);
/* SIGKILL to its whole tree, at once. */
void service_kill(Service *service);
/* Reads what services notified. */
int service_on_notify(void *userdata, uint32_t events);
/* Ends services whose watchdog was not fed. */
int service_on_watchdog(void *userdata);

/* --- standalone.c, called by services --- */
void standalone_on_ready(Service *service);
void standalone_on_stopped(Service *service);
/* The service cannot be kept running: everything stops with this status. */
void standalone_fail(Standalone *standalone, int status);
