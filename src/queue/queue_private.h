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
    int (*load_timers)(Queue *queue, uint64_t shards, QueueTimers *ret);
    int (*load_execution)(Queue *queue, const char *id, Execution **ret);
    int (*jobs_to_kill)(Queue *queue, QueueSequences *ret);
    void (*settle)(Queue *queue); /* may be NULL */
} QueueOps;

/* First member of every backend's own struct. */
struct Queue {
    const QueueOps *ops;
    char id[ID_BYTES]; /* "" before join and after fencing */
    char *role;
};

/* Parses an event's body; an unreadable one gives a poison event. */
void queue_event_read(QueueEvent *event, const char *body);
/* Decodes an execution's rows: body and internal of the execution, then each task run in order of position. */
typedef struct QueueTaskRunRow {
    const char *body, *internal; /* internal may be NULL */
    unsigned position;
} QueueTaskRunRow;
int queue_decode_execution(const char *body, const char *internal, const QueueTaskRunRow *rows, size_t count,
                           Execution **ret) _must_check_;
