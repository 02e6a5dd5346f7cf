/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The handler threads. A task runs in one of them and is then handed back to the loop thread. Threads start when they
 * are needed, and the one that was busy last is taken first, so that a quiet server has one thread and one database
 * session.
 */
#include "base/loop.h"

struct WebSession;

typedef struct PoolTask PoolTask;
struct PoolTask {
    void (*run)(PoolTask *task, struct WebSession *session); /* in a handler thread */
    void (*done)(PoolTask *task);                            /* in the loop thread, afterwards; may free the task */
    PoolTask *next;                                          /* private, both */
    usec_t submitted;
};

typedef struct PoolOps {
    struct WebSession *(*open)(void *userdata);                /* in the new thread; may be NULL, as close */
    void (*close)(void *userdata, struct WebSession *session); /* in the ending thread */
    void (*quiet)(
        struct WebSession *session); /* in a thread that has had nothing to do for a second, once; may be NULL */
} PoolOps;

typedef struct Pool Pool;
int pool_new(Loop *loop, unsigned threads_max, const PoolOps *ops, void *userdata, Pool **ret) _must_check_;
/* Waits for running tasks; what was queued or handed back and not yet done is dropped without `done`. */
Pool *pool_free(Pool *pool);
DEFINE_CLEANUP(Pool *, pool_free);
/* Loop thread only. */
void pool_submit(Pool *pool, PoolTask *task);
/* Tasks submitted whose `done` has not been called. Loop thread only. */
unsigned pool_active(const Pool *pool);
unsigned pool_threads(const Pool *pool);
/* Tasks that wait for a thread, and for how long the first of them has. Loop thread only. */
typedef struct PoolQueue {
    unsigned waiting, threads_max;
    usec_t waited;
} PoolQueue;
PoolQueue pool_queue(Pool *pool);
