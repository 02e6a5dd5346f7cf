/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Keys whose rows somebody else holds for long: a stranger's lock stops their executions, and no others. */
#include "queue/queue.h"

#define LOCKED_ASK_USEC (1 * USEC_PER_SEC) /* whether a lock is gone is asked so often */

/* Zero-initialized. */
typedef struct Locked {
    VEC(char *) keys;
    usec_t asked;
} Locked;
void locked_done(Locked *locked);
bool locked_has(const Locked *locked, const char *key);
/* Those that are new are told to the journal. */
void locked_add(Locked *locked, const char *const *keys, size_t count, usec_t now);
/* Asks which of them are free by now, when it is time to, and waits for nobody: those go on. */
int locked_release(Locked *locked, Queue *queue, usec_t now) _must_check_;
