/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The worker role: claims jobs, runs them inline, as processes, as timers or in kestra-run children, and reports.
 *
 * Claim and results share one transaction: a busy worker runs one a batch. Everything that a job says is collected in
 * one unit of work; when the unit is full, the output of processes is not read until it is committed.
 */
#include "base/daemon.h"
#include "plugin/container.h"
#include "plugin/job_context.h"
#include "plugin/limits.h"
#include "queue/queue.h"

typedef struct Worker Worker;

/* What stands behind the queue: role.c has that of PostgreSQL, tests have their own. */
typedef struct WorkerBackend {
    /* A reference; WORKER_E_NO_FLOW when there is none or it does not parse. */
    int (*load_flow)(void *userdata, const char *namespace, const char *id, int revision, Flow **ret);
    /* ERROR log entries of an execution as a JSON list, for errorLogs(); may be NULL. */
    int (*error_logs)(void *userdata, const char *execution_id, json_t **ret);
    /* Answers a question of a task (run_ask) between two commits: *ret is {…} or {"error": why}, new. What it orders
     * goes into the unit. May be NULL. */
    int (*answer)(void *userdata, Unit *unit, const json_t *question, json_t **ret);
    /* Why there was an outage; may be NULL. */
    const char *(*reason)(void *userdata);
} WorkerBackend;
enum {
    WORKER_E_NO_FLOW = 1,
};

typedef struct WorkerSettings {
    const char *worker_group;              /* "" = default */
    unsigned processes_max;                /* 0: 4 × processors */
    unsigned children_max;                 /* kestra-run children; 0: 2 × processors */
    const char *temporary_directory;       /* working directories are made below it */
    json_t *storage;                       /* what storage_open takes, told to kestra-run; borrowed, may be NULL */
    const char *run_program;               /* path of kestra-run */
    const char *cgroup;                    /* for spawner_new: NULL finds, "" none */
    const json_t *environment;             /* of tasks, beside PATH, HOME and LANG; may be NULL */
    LimitPolicy limits;                    /* of tasks; what can be enforced is found out by worker_new */
    const json_t *sandbox;                 /* of tasks: sandbox_policy(); may be NULL */
    const char *sandbox_program;           /* path of kestra-sandbox */
    ContainerPolicy containers;            /* what tasks may have of them */
    const char *container_program;         /* path of kestra-container; NULL: tasks run as processes */
    const char *database_socket_directory; /* no sandbox shows it; NULL: none */
    bool process_metrics;                  /* counters of process trees become metrics of their task runs */
    size_t message_bytes_max;              /* of outputs; 0: no limit */
    size_t line_bytes_max;                 /* of a task's output; longer ones are cut; 0: 4 MiB */
    int oom_score_adjust;                  /* of tasks, added to the worker's own */
    bool takes_over;                       /* worker_take_over follows: working directories are in use */
    usec_t drain_grace_usec;               /* how long running jobs may go on after SIGTERM */
    usec_t kill_grace_usec;                /* from SIGTERM to SIGKILL of a task; 0: 5 s */
    usec_t heartbeat_usec;                 /* 0: 4 s */
    usec_t evaluation_timeout_usec;        /* of a trigger; 0: none */
    size_t unit_bytes_max;                 /* of what was said: then nothing is read or started; 0: 4 MiB */
    JobSettings job;                       /* texts and values are borrowed for the worker's life */
} WorkerSettings;

/* Settings are copied, what they point to is borrowed, as is the queue. socket: where others can ring. */
int worker_new(Loop *loop, const WorkerSettings *settings, Queue *queue, const char *socket,
               const WorkerBackend *backend, void *backend_userdata, Worker **ret) _must_check_;
/* Kills what still runs. */
Worker *worker_free(Worker *worker);
DEFINE_CLEANUP(Worker *, worker_free);
/* Joins the queue and begins to claim; an outage is retried from the loop. */
void worker_start(Worker *worker);
/* Something was rung: there may be jobs, or jobs to kill. */
void worker_wake(Worker *worker);
/* Claims no more; `drained` is called when nothing is left and the instance has left the queue. */
void worker_drain(Worker *worker, void (*drained)(void *userdata), void *userdata);
/* Told about the daemon, so that health, status and watchdog follow. May be NULL (tests). */
void worker_set_daemon(Worker *worker, Daemon *daemon);
/* A request of another role for storage, that came on this connection, which is taken (blob_gateway_serve). */
void worker_storage_request(Worker *worker, const char *request, int connection);
/* While draining: does not wait any longer for what still runs. */
void worker_hurry(Worker *worker);
/*
 * Another program is about to take this process over (base/handover.h): no jobs are claimed any more, what was said is
 * committed, then `ready` is called, from where nothing is lost if the process is replaced before it returns. NULL: it
 * did not come to that, the worker goes on.
 */
void worker_hand_over(Worker *worker, void (*ready)(void *userdata), void *userdata);
/* The version of what worker_save writes: a program takes over only from one that writes the same. */
enum { WORKER_HANDOVER_FORMAT = 4 };
/* All jobs and what they hold, inside `ready`: new. The descriptors are appended to ret_kept. It holds secrets. */
typedef VEC(int) WorkerDescriptors;
json_t *worker_save(Worker *worker, WorkerDescriptors *ret_kept);
/* In place of worker_start: goes on with what worker_save gave. */
void worker_take_over(Worker *worker, const json_t *saved);
void worker_metrics(const Worker *worker, Buffer *text);
/* Jobs that are claimed and have not ended. */
size_t worker_job_count(const Worker *worker);
