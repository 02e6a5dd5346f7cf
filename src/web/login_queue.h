/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Logins whose password has to be hashed: each waits as long as it is told, and one at a time goes to a handler thread,
 * so that guessing is slow and takes one thread at most. Nobody is refused: the right password gets its turn. Loop
 * thread only.
 */
#include "web/pool.h"

typedef struct LoginQueue LoginQueue;
int login_queue_new(Loop *loop, Pool *pool, LoginQueue **ret) _must_check_;
/* What waits is dropped. */
LoginQueue *login_queue_free(LoginQueue *queue);
DEFINE_CLEANUP(LoginQueue *, login_queue_free);
/* The task is submitted to the pool in its turn; when it is done, login_queue_next. */
void login_queue_add(LoginQueue *queue, PoolTask *task, usec_t delay);
void login_queue_next(LoginQueue *queue);
