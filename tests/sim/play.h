/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Executors and a worker on one queue in memory, in virtual time: what the step tests and the simulator play on. The
 * worker does not run anything: it answers each job as the rules say.
 */
#include "executor/owner.h"
#include "queue/queue_mem.h"

typedef struct Play Play;
/* seed: of all randomness. */
Play *play_new(uint64_t seed);
Play *play_free(Play *play);
DEFINE_CLEANUP(Play *, play_free);
/* A flow in its YAML; aborts with its errors when it is wrong. With an id that is there: its next revision. */
void play_add_flow(Play *play, const char *yaml);
/* Answers to jobs of this task (and attempt; -1: every): a final state, or STATE_CREATED to leave it unanswered. */
void play_rule(Play *play, const char *task_id, int attempt, State state, json_t *outputs);
/* What the task notes for the executor (model/event_kind.h); notes is stolen. */
void play_notes(Play *play, const char *task_id, json_t *notes);
/* A new execution of the flow that was added first. inputs may be NULL. Borrowed id. */
const char *play_start(Play *play, json_t *inputs);
/* The same with more: members flow (its id; without it the first), inputs, labels, trigger (of the execution), in (a
 * duration: it is scheduled). `as` is stolen. */
const char *play_start_as(Play *play, json_t *as);
/* The execution started last is played again from its first run of this task; NULL: from the beginning. revision 0: the
 * same. */
void play_replay(Play *play, const char *task_id, int revision);
/* An event for the execution started last; body is stolen. A text in it that ends with "$TASK" gets the id of the first
 * run of that task there, with "@TASK" that of the execution which that run has started. */
void play_send(Play *play, const char *kind, json_t *body);
/* The same to any key. */
void play_send_to(Play *play, const char *key, const char *kind, json_t *body);
/* The executor goes and another comes with these limits; 0: the default. */
void play_limits(Play *play, size_t message_bytes_max, unsigned begun_max, size_t unit_bytes_max);
/* The same: so many executions may stand below each other. */
void play_depth(Play *play, unsigned max);
/* The flow is not there any more, for whoever has not read it. */
void play_drop_flow(Play *play, const char *id);
/* So many times from now on flows can not be read. */
void play_outage(Play *play, unsigned times);
/* The same for the child that its first Subflow has started. */
void play_send_child(Play *play, const char *kind, json_t *body);
/* Answers jobs that were left. */
void play_answer(Play *play, const char *task_id, State state);
/* Goes on until nothing moves any more. */
void play_run(Play *play);
/* Lets time pass; timers fire in order. */
void play_advance(Play *play, usec_t by);
/* The executor dies without a word and another takes its shards. */
void play_takeover(Play *play);
/* The worker dies with all that it has in hand; another one takes over when it has been silent for a lease. */
void play_lose_worker(Play *play);
/* One line an execution and a task run: states, number of attempts, outputs. Caller frees. */
char *play_trace(Play *play, bool with_outputs);
/* key=value of the execution that was started last, one a line. Caller frees. */
char *play_labels(Play *play);
/* Log lines of the executor, one a line. Caller frees. */
char *play_logs(Play *play);
/* As it is stored; the caller frees it. NULL: there is none. */
Execution *play_load(Play *play, const char *id);
QueueStore *play_store(Play *play);
Owner *play_owner(Play *play);
