/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What a backend implements; the slots have the contracts of queue.h. */
#include "queue/queue.h"

typedef struct QueueOps {
    void (*free)(Queue *queue);
    int (*join)(Queue *queue, const char *role, const char *socket);
    int (*heartbeat)(Queue *queue, QueueMembership *ret, bool *ret_work);
    int (*leave)(Queue *queue);
    int (*commit)(Queue *queue, Unit *unit, const QueueFetch *fetch, QueueBatch *ret_batch); /* batch is empty before */
    int (*try_key)(Queue *queue, const char *key, unsigned *ret_deaths);
    int (*trust)(Queue *queue);
    int (*load_timers)(Queue *queue, uint64_t shards, QueueTimers *ret);
    int (*load_execution)(Queue *queue, const char *id, Execution **ret);
    int (*jobs_to_kill)(Queue *queue, QueueSequences *ret);
    int (*reclaim)(Queue *queue, const int64_t *sequences, size_t count, QueueSequences *ret); /* NULL: none is */
    int (*are_locked)(Queue *queue, const char *const *keys, size_t count, bool *ret);         /* NULL: none is */
    int (*wakeup_fd)(const Queue *queue);                                                      /* both may be NULL */
    void (*dispatch)(Queue *queue, void (*rung)(void *userdata, const char *body), void *userdata);
    void (*settle)(Queue *queue);                         /* may be NULL */
    void (*hand_over)(const Queue *queue, json_t *state); /* adds its own to what is there */
    void (*take_over)(Queue *queue, const json_t *state); /* id and role are set; both may be NULL */
} QueueOps;

/* First member of every backend's own struct. */
struct Queue {
    const QueueOps *ops;
    char id[ID_BYTES]; /* "" before join and after fencing */
    char *role;
    char *refusal;      /* why the last commit was refused; or NULL */
    VEC(char *) locked; /* keys of the last QUEUE_E_LOCKED */
};

/* Frees the keys. */
void queue_forget_locked(Queue *queue);
/* Parses the body of an event or a job; NULL with the reason (caller frees) when it cannot be read. New. */
json_t *queue_body_read(const char *body, char **ret_reason);
/* Decodes an execution's rows: body and internal of the execution, then each task run in order of position. */
typedef struct QueueTaskRunRow {
    const char *body, *internal; /* internal may be NULL */
    unsigned position;
} QueueTaskRunRow;
/* QUEUE_E_UNREADABLE. */
int queue_decode_execution(const char *body, const char *internal, const QueueTaskRunRow *rows, size_t count,
                           Execution **ret) _must_check_;
