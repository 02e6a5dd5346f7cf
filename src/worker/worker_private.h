/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the files of this room share: the worker and its jobs. */
#include "base/map.h"
#include "base/spawn.h"
#include "plugin/isolation.h"
#include "plugin/script.h"
#include "worker/worker.h"

typedef struct Job Job;
struct Process;
struct ChildPool;
struct StorageChild;

/* How a job that has been started can be ended from outside; a table a kind of running thing. */
typedef struct JobOps {
    const char *kind; /* its name in a hand-over */
    /* Ends it soon; the job is then reported by job_end. */
    void (*kill)(Job *job);
    /* There is room in the unit again. May be NULL. */
    void (*resume)(Job *job);
    /* Frees what belongs to the kind; what runs is killed without waiting. */
    void (*free)(Job *job);
    /* Hand-over to the program that takes this process over (handover.c): what is needed to go on is written into
     * `ret`, descriptors that stay open are named by handover_descriptor. */
    void (*save)(Job *job, json_t *ret);
    /* Reads it back; afterwards kill and free work, though the job's task is not known yet. False: it cannot be read.
     */
    bool (*restore)(Job *job, const json_t *saved);
    /* The task and its context are there: it goes on. May end the job. */
    int (*attach)(Job *job);
} JobOps;

/* A part of a job that takes storage, done by a kestra-run child (stage.c). */
typedef struct Stage {
    const char *name; /* the step in plugin/wire.h, and in a hand-over */
    /* What the child is told besides; may be NULL. */
    void (*request)(const Job *job, json_t *ret);
    /* It is over: goes on with the job, or ends it. `r` as plugin functions return it; result: of the step, or NULL,
     * borrowed. The job may have been killed or timed out meanwhile. */
    void (*done)(Job *job, int r, json_t *result);
} Stage;

typedef enum JobPhase {
    JOB_PENDING, /* claimed, waits for a process slot or a child */
    JOB_RUNNING,
} JobPhase;

typedef struct JobMetric {
    char *name;
    bool is_timer;
    double value;
    json_t *tags; /* or NULL */
} JobMetric;

struct Job {
    Worker *worker;
    Job *previous, *next; /* in worker->jobs */
    QueueJob claim;
    Flow *flow;
    const Task *task;
    const char *trigger_id; /* it evaluates this trigger; NULL: it runs a task. Borrowed from the claim */
    Task *other;            /* is .task when that runs in place of the flow's; or NULL */
    JobContext context;     /* valid when task is set */
    JobPhase phase;
    usec_t start_date; /* realtime, 0: not started */
    usec_t started_monotonic;
    bool announced;         /* the RUNNING event was sent */
    bool killed, timed_out; /* why it is being ended */
    LoopSource *timer;      /* timeout, or the end of a wait */
    usec_t timeout_usec;    /* 0: none */
    usec_t delay_usec;      /* of a task that waits */
    usec_t deadline;        /* monotonic, when the timer fires; 0: none */
    json_t *carried;        /* of our predecessor, until the task is known; or NULL */
    const JobOps *ops;      /* NULL: inline */
    struct Process *process;
    struct Child *child;
    const Stage *stage;    /* what its child does, or it waits for one; NULL: the task itself, or nothing */
    bool waits;            /* for a child that does its stage */
    bool waits_for_slot;   /* prepared by a child; its process is to be started */
    json_t *held;          /* what is logged during stage_try; or NULL */
    char *directory;       /* it runs in; NULL: none (workspace.h) */
    bool fresh;            /* the directory was new when it began */
    State end_state;       /* closing.c */
    json_t *outer_outputs; /* of the WorkingDirectory that ends with it; or NULL */
    VEC(JobMetric) metrics;
    Map *metric_index; /* kind, name and tags → 1 + index; NULL: there are none */
    size_t metric_bytes;
    bool metrics_lost;
    const char *chore; /* it is a task of this type, of no execution (any more); NULL: it is not. Borrowed likewise */
    char *complaint;   /* a chore: its last error */
    int log_fd;        /* log_file.h; -1: none */
    bool log_broken;
};

struct Worker {
    Loop *loop;
    WorkerSettings settings;
    Queue *queue;
    char *socket;
    const WorkerBackend *backend;
    void *backend_userdata;
    Daemon *daemon;
    Unit *unit;
    Spawner *spawner;
    json_t *environment; /* of tasks: environment_base() */
    int sandbox_fd;      /* kestra-sandbox, which may lie where the user of tasks does not get; -1: it is not there */
    gid_t *task_groups;  /* supplementary ones of their user */
    size_t task_group_count;
    struct ChildPool *children;
    struct StorageChild *storage_children;
    struct Blob *probe;   /* stage_try */
    Job *jobs, *last_job; /* all that are claimed, oldest first */
    size_t job_count, processes, pending,
        staging;             /* processes: slots; pending: wait for one; staging: wait for a child */
    usec_t staged_at;        /* a stage has ended, or there began to be some that wait */
    WorkerDescriptors *kept; /* collects descriptors during a hand-over */
    LoopSource *cycle, *heartbeat, *flush, *announce, *kill_check, *retry, *quiet, *drain_timer;
    usec_t kill_checked;
    unsigned claim_size; /* how many to ask for: grows with instant jobs, shrinks with processes */
    bool joined, fenced, look, paused, backing_off, draining, grace_is_over, left, slot_freed, unresolved;
    void (*drained)(void *userdata);
    void *drained_userdata;
    void (*handed_over)(void *userdata); /* waits for an empty unit; or NULL */
    void *handed_over_userdata;
    uint64_t jobs_ended[_STATE_MAX], evaluations_ended[_STATE_MAX], results_refused, jobs_set_aside, commits;
};

/* --- worker.c --- */
/* Something is in the unit that wants to be committed now / within a tenth of a second. */
void worker_commit_soon(Worker *worker);
void worker_commit_later(Worker *worker);
bool worker_is_full(const Worker *worker);
/* The jobs of a predecessor are in the list, and the queue is joined as it was. */
void worker_go_on(Worker *worker);
/* A process or child slot is free again: pending jobs may start. */
void worker_slot_freed(Worker *worker);

/* --- job.c --- */
/* Takes the claim. The job is in worker->jobs until job_end. */
Job *job_new(Worker *worker, QueueJob *claim);
/* Starts it; may have ended (and freed) it when it returns. Outage: the flow cannot be read now, call it again. */
int job_start(Job *job) _must_check_;
/* Not started because of an outage. */
bool job_is_unresolved(const Job *job);
/* A pending job gets its slot, if there is one: true when it was started (or ended). */
bool job_start_pending(Job *job);
/* Counts up the metric. False: there are too many. */
bool job_add_metric(Job *job, const char *name, bool is_timer, double value, const json_t *tags);
/* Tells the executor that it runs; once. */
void job_announce(Job *job);
/* A line in the journal under the job's ids; priority: of syslog. */
void job_journal(const Job *job, int priority, const char *message);
/* Reports the result and frees the job. state: SUCCESS, WARNING, FAILED or KILLED. */
void job_end(Job *job, State state);
/* Logs `reason` at ERROR and ends it as FAILED. */
void job_fail(Job *job, const char *format, ...) _printf_(2, 3);
void job_kill(Job *job);
/* Forgets the job without a result: it belongs to someone else now, or goes back to the queue. */
Job *job_free(Job *job);
/* The end of a timed job by its own result: `r` as plugin functions return it. */
void job_end_by_outcome(Job *job, int r);
/* What runs for it is freed. */
void job_release(Job *job);
/* The body of its event. New. */
json_t *job_event_body(const Job *job, State state);
/* False: a message cannot carry the outputs, which is logged. */
bool job_outputs_fit(Job *job, const json_t *outer_outputs);
/* Answers a question of the job's task (run_ask). Outage: the backend cannot be read now. */
int job_answer(Job *job, const json_t *question, json_t **ret) _must_check_;
/* Arms the task's timeout, if it has one, or finds how long it waits; goes on by the table of job_start, or ends the
 * job. */
void job_find_times(Job *job);
/* "Timeout after 00:00:01.000" at ERROR. */
void job_log_timeout(Job *job);

/* Starts the timer that ends or times out the job. */
int job_set_timer(Job *job, int (*callback)(void *userdata), usec_t deadline) _must_check_;
/* The timeout again that was armed for our predecessor. */
int job_rearm_timeout(Job *job) _must_check_;
/* The templated task is in place of the job's own. */
void job_replace_task(Job *job, Task *other);
extern const JobOps job_wait_ops;

/* --- stage.c: work that may take storage --- */
typedef int StageWork(Job *job, json_t **ret);
/* Does it here: *ret_r is what it returned. False: it takes storage and is to be done by a child (child_stage). */
bool stage_try(Job *job, StageWork *work, json_t **ret, int *ret_r) _must_check_;
/* Killed or timed out: it does not go on after its stage. */
bool stage_is_stopped(const Job *job);
const Stage *stage_by_name(const char *name);
/* Types that run inline and read storage: the task itself; what takes the place of a templated task; the texts of
 * times. */
extern const Stage stage_run, stage_become, stage_times;
extern const Stage stage_open, stage_prepare, stage_collect, stage_keep, stage_log;

/* --- closing.c --- */
/* The file of the log is stored, if there is one, then the result in job->end_state is reported and the job freed. */
void job_close_log(Job *job);
/* Reports the result of a task with all that belongs to it, and frees the job; it may take a while. */
void job_close(Job *job, State state);

/* --- evaluation.c: what is other about the job of a trigger --- */
void evaluation_log(Job *job, int level, const char *message);
void evaluation_announce(Job *job);
void evaluation_begin(Job *job);
/* Reports the result, with the file of its log when an execution is to start, and frees the job; it may take a while.
 */
void evaluation_close(Job *job, State state);
/* The result, into the unit; log_file: URI or NULL. */
void evaluation_report(Job *job, State state, const char *log_file);
/* The trigger as a task (job->other); NULL: the flow has none, or none that can be evaluated. */
const Task *evaluation_task(Job *job);

/* --- handover.c --- */
/* A descriptor that stays open; written under its name. -1 is none. */
void handover_descriptor(Worker *worker, json_t *object, const char *name, int fd);
/* The descriptor of that name, close-on-exec; -1: none. */
int handover_taken(const json_t *object, const char *name);
void handover_spawned(Worker *worker, json_t *object, const Spawned *spawned);
/* NULL: it cannot be read. */
Spawned *handover_adopted(Worker *worker, const json_t *object);
/* Bytes that need not be text. */
json_t *handover_bytes(const char *bytes, size_t length);
void handover_read_bytes(const json_t *saved, Buffer *ret);
/* Takes what the predecessor had of this job; false: it cannot be continued. */
bool handover_restore(Job *job, json_t *carried);
/* The task of a carried job is known: it goes on; may end it. */
void handover_attach(Job *job);

/* --- process.c --- */
bool process_has_slot(const Worker *worker);
void process_start(Job *job);
/* Its times are known. */
void process_prepare(Job *job);
/* Its slot is needed no longer, or not now: storage is waited for. */
void process_leave_slot(Job *job);
/* A prepared one starts, if there is a slot. */
void process_take_up(Job *job);
extern const JobOps process_ops;
/* --- children.c --- */
extern const JobOps child_ops;
int child_pool_new(Worker *worker, struct ChildPool **ret) _must_check_;
struct ChildPool *child_pool_free(struct ChildPool *pool);
/* Those without a task end. */
void child_pool_forget_idle(struct ChildPool *pool);
/* For a task; stages have a room of their own, so that neither waits for the other when storage does not answer. */
bool child_pool_has_room(const struct ChildPool *pool);
void child_start(Job *job);
/* Its times are known. */
void child_run(Job *job);
/* A child does the stage, as soon as one is free. */
void child_stage(Job *job, const Stage *stage);
/* Its turn, if there is a child. */
void child_take_up(Job *job);
