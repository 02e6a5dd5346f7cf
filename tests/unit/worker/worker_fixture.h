/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The worker with the queue in memory and real processes, for the tests of this room. Each test starts with an empty
 * queue and an empty directory, and no worker. */
#include <check.h>

#include "base/clock.h"
#include "queue/queue_mem.h"
#include "worker/worker.h"

extern char directory[];
extern QueueStore *store;
extern Queue *executor_queue;
extern Worker *worker;
extern bool drained;
extern const char *parent_of_jobs; /* task run of the WorkingDirectory; or NULL */
extern json_t *ended;              /* task run id → body of its last event */
extern unsigned running_events;

#define SHELL(commands) "  - id: t\n    type: io.kestra.plugin.scripts.shell.Commands\n    commands: " commands "\n"

/* Turns the loop until it is so; fails the test when it takes too long. */
void run_until(bool (*condition)(void));
void read_events(void);
/* Of a task run: the state it ended in, "RUNNING", or "none". */
const char *state_of(const char *task_run);
bool all_ended(void);
bool is_idle(void);
/* As many RUNNING events as jobs. */
bool runs(void);
bool has_log(const char *text);
/* The flow that all jobs are of; lines of `tasks:`. */
void parse_flow(const char *tasks);
void send_job(const char *task_id, const char *task_run_id);
/* More jobs "run<first>"… of a task. */
void send_jobs(const char *task_id, unsigned first, unsigned count);
void kill_job(const char *task_run_id);
/* What the fixture decides itself is overridden. */
void start_worker(const WorkerSettings *extra);
void run_one(const char *task);
/* For worker_drain: sets `drained`. */
void on_drained(void *userdata);
bool is_drained(void);
/* What is left of the task runs' working directories. */
size_t directories_left(void);
/* A server that accepts and never answers; its port. */
int listen_silently(int *ret_fd);
/* The children of this process that are kestra-run get the signal. */
unsigned crash_children(void);
/* A file in which a task may leave the n-th pid; what is in it, 0: nothing yet. */
char *pid_path(unsigned n);
pid_t read_pid(unsigned n);
/* A zombie counts as ended. */
bool is_alive(pid_t pid);
/* main() of a program of tests. */
int fixture_run(const char *name, void (*add)(TCase *tests));
