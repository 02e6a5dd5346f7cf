/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One lock guards everything: it is held for a few instructions only, while tasks take milliseconds. Each thread sleeps
 * on its own condition and idle threads form a stack, because a shared condition would wake them in turn and so keep
 * all of their database sessions busy.
 */
#include "web/pool.h"

#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"

#define QUIET_USEC USEC_PER_SEC

typedef struct Thread Thread;
struct Thread {
    Pool *pool;
    pthread_t id;
    pthread_cond_t wake;
    PoolTask *task;
    Thread *next_idle;
};

typedef struct TaskList {
    PoolTask *first, **last;
} TaskList;

struct Pool {
    pthread_mutex_t lock;
    const PoolOps *ops;
    void *userdata;
    Thread *threads;
    unsigned threads_max, thread_count;
    Thread *idle;
    TaskList backlog, finished;
    unsigned waiting; /* in the backlog */
    bool stopping;
    int event_fd;
    LoopSource *source;
    unsigned active;
};

static void list_append(TaskList *list, PoolTask *task)
{
    task->next = NULL;
    *list->last = task;
    list->last = &task->next;
}

static PoolTask *list_take(TaskList *list)
{
    PoolTask *task = list->first;
    if (!task)
        return NULL;
    list->first = task->next;
    if (!list->first)
        list->last = &list->first;
    return task;
}

/* Sleeps until woken, at most for QUIET_USEC; false when that time passed. Called and returns with the lock held. */
static bool sleep_shortly(Pool *pool, Thread *self)
{
    usec_t end = clock_monotonic() + QUIET_USEC;
    struct timespec until = {.tv_sec = (time_t)(end / USEC_PER_SEC), .tv_nsec = (long)(end % USEC_PER_SEC) * 1000};
    while (!self->task && !pool->stopping)
        if (pthread_cond_clockwait(&self->wake, &pool->lock, CLOCK_MONOTONIC, &until) == ETIMEDOUT)
            return false;
    return true;
}

/* The next task of this thread; NULL when the pool stops. Called and returns with the lock held. */
static PoolTask *next_task(Pool *pool, Thread *self, struct WebSession *session)
{
    PoolTask *task = pool->stopping ? NULL : list_take(&pool->backlog);
    pool->waiting -= task != NULL;
    if (task || pool->stopping)
        return task;
    self->next_idle = pool->idle;
    pool->idle = self;
    if (pool->ops->quiet && !sleep_shortly(pool, self)) {
        pthread_mutex_unlock(&pool->lock);
        pool->ops->quiet(session);
        pthread_mutex_lock(&pool->lock);
    }
    while (!self->task && !pool->stopping)
        pthread_cond_wait(&self->wake, &pool->lock);
    task = self->task;
    self->task = NULL;
    return task;
}

static void *thread_main(void *argument)
{
    Thread *self = argument;
    Pool *pool = self->pool;
    struct WebSession *session = pool->ops->open ? pool->ops->open(pool->userdata) : NULL;
    pthread_mutex_lock(&pool->lock);
    PoolTask *task = self->task;
    self->task = NULL;
    for (; task; task = next_task(pool, self, session)) {
        pthread_mutex_unlock(&pool->lock);
        task->run(task, session);
        pthread_mutex_lock(&pool->lock);
        bool first = !pool->finished.first;
        list_append(&pool->finished, task);
        if (first)
            (void)eventfd_write(pool->event_fd, 1); /* the counter cannot overflow: one write for each drain */
    }
    pthread_mutex_unlock(&pool->lock);
    if (pool->ops->close)
        pool->ops->close(pool->userdata, session);
    return NULL;
}

static int on_finished(void *userdata, uint32_t events)
{
    Pool *pool = userdata;
    eventfd_t count;
    (void)eventfd_read(pool->event_fd, &count); /* only resets it */
    pthread_mutex_lock(&pool->lock);
    PoolTask *task = pool->finished.first;
    pool->finished = (TaskList){};
    pool->finished.last = &pool->finished.first;
    pthread_mutex_unlock(&pool->lock);
    while (task) {
        PoolTask *next = task->next;
        pool->active--;
        task->done(task);
        task = next;
    }
    return 0;
}

int pool_new(Loop *loop, unsigned threads_max, const PoolOps *ops, void *userdata, Pool **ret)
{
    _cleanup_(pool_freep) Pool *pool = xnew(Pool);
    pthread_mutex_init(&pool->lock, NULL);
    pool->ops = ops;
    pool->userdata = userdata;
    pool->threads_max = threads_max;
    pool->threads = xnew_n(Thread, threads_max);
    pool->backlog.last = &pool->backlog.first;
    pool->finished.last = &pool->finished.first;
    pool->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (pool->event_fd < 0)
        return outage(-errno);
    int r = loop_add_io(loop, pool->event_fd, EPOLLIN, on_finished, pool, &pool->source);
    if (r < 0)
        return trace(r);
    *ret = TAKE_PTR(pool);
    return 0;
}

Pool *pool_free(Pool *pool)
{
    if (!pool)
        return NULL;
    pthread_mutex_lock(&pool->lock);
    pool->stopping = true;
    for (unsigned i = 0; i < pool->thread_count; i++)
        pthread_cond_signal(&pool->threads[i].wake);
    pthread_mutex_unlock(&pool->lock);
    for (unsigned i = 0; i < pool->thread_count; i++) {
        pthread_join(pool->threads[i].id, NULL);
        pthread_cond_destroy(&pool->threads[i].wake);
    }
    loop_source_free(pool->source);
    close_fd(pool->event_fd);
    pthread_mutex_destroy(&pool->lock);
    free(pool->threads);
    free(pool);
    return NULL;
}

/* Called with the lock held. False: no more threads can be had. */
static bool start_thread(Pool *pool, PoolTask *task)
{
    if (pool->thread_count == pool->threads_max)
        return false;
    Thread *thread = &pool->threads[pool->thread_count];
    thread->pool = pool;
    thread->task = task;
    pthread_cond_init(&thread->wake, NULL);
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, (size_t)1024 * 1024);
    int r = pthread_create(&thread->id, &attributes, thread_main, thread);
    pthread_attr_destroy(&attributes);
    if (r != 0) {
        pthread_cond_destroy(&thread->wake);
        thread->task = NULL;
        return false;
    }
    pool->thread_count++;
    return true;
}

void pool_submit(Pool *pool, PoolTask *task)
{
    pool->active++;
    task->submitted = clock_monotonic();
    pthread_mutex_lock(&pool->lock);
    if (pool->idle) {
        Thread *thread = pool->idle;
        pool->idle = thread->next_idle;
        thread->task = task;
        pthread_cond_signal(&thread->wake);
    } else if (!start_thread(pool, task)) {
        list_append(&pool->backlog, task);
        pool->waiting++;
    }
    pthread_mutex_unlock(&pool->lock);
}

PoolQueue pool_queue(Pool *pool)
{
    PoolQueue queue = {.threads_max = pool->threads_max};
    pthread_mutex_lock(&pool->lock);
    queue.waiting = pool->waiting;
    if (pool->backlog.first)
        queue.waited = clock_monotonic() - pool->backlog.first->submitted;
    pthread_mutex_unlock(&pool->lock);
    return queue;
}

unsigned pool_active(const Pool *pool)
{
    return pool->active;
}

unsigned pool_threads(const Pool *pool)
{
    return pool->thread_count;
}
