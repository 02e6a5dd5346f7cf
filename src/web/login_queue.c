/* SPDX-License-Identifier: Apache-2.0 */
#include "web/login_queue.h"

#include "base/clock.h"

typedef struct Waiting {
    PoolTask *task;
    usec_t due; /* monotonic */
} Waiting;

struct LoginQueue {
    Pool *pool;
    LoopSource *timer;
    VEC(Waiting) waiting; /* in the order in which they came */
    bool busy;
};

/* The one that has been due longest. */
static void submit_next(LoginQueue *queue)
{
    size_t first = 0;
    if (queue->busy || queue->waiting.count == 0)
        return;
    for (size_t i = 1; i < queue->waiting.count; i++)
        if (queue->waiting.items[i].due < queue->waiting.items[first].due)
            first = i;
    Waiting next = queue->waiting.items[first];
    if (next.due > clock_monotonic()) {
        loop_timer_set(queue->timer, next.due);
        return;
    }
    queue->waiting.items[first] = queue->waiting.items[--queue->waiting.count];
    queue->busy = true;
    pool_submit(queue->pool, next.task);
}

static int on_timer(void *userdata)
{
    submit_next(userdata);
    return 0;
}

int login_queue_new(Loop *loop, Pool *pool, LoginQueue **ret)
{
    _cleanup_(login_queue_freep) LoginQueue *queue = xnew(LoginQueue);
    queue->pool = pool;
    int r = loop_add_timer(loop, on_timer, queue, &queue->timer);
    if (r < 0)
        return trace(r);
    *ret = TAKE_PTR(queue);
    return 0;
}

LoginQueue *login_queue_free(LoginQueue *queue)
{
    if (!queue)
        return NULL;
    loop_source_free(queue->timer);
    vec_free(&queue->waiting);
    free(queue);
    return NULL;
}

void login_queue_add(LoginQueue *queue, PoolTask *task, usec_t delay)
{
    Waiting waiting = {.task = task, .due = clock_monotonic() + delay};
    vec_push(&queue->waiting, waiting);
    submit_next(queue);
}

void login_queue_next(LoginQueue *queue)
{
    queue->busy = false;
    submit_next(queue);
}
