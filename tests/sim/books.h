/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The Watch's books: what every commit so far has written, kept apart from the store, and the rules about it. */
#include "queue/unit.h"

typedef struct Books Books;
/* now: borrowed. resumed: every pause ends by books_resume(). */
Books *books_new(const usec_t *now, bool resumed);
Books *books_free(Books *books);
/* A flow whose executions need slots. */
void books_limit(Books *books, const char *flow_id, unsigned slots);
/* Enters what was committed. The rule it breaks, or NULL. */
const char *books_enter(Books *books, const Unit *unit);
/* People ask an execution to go on; let an ended one go on; let one go on without a slot. */
void books_resume(Books *books, const char *execution_id);
void books_reopen(Books *books, const char *execution_id);
void books_force(Books *books, const char *execution_id);
/* It can only go on by a message, a job or a timer: it has not ended, and neither people nor an execution of its own
 * are waited for. */
bool books_is_stuck(const Books *books, const char *execution_id);
/* A child in this state that people have not reopened; NULL: there is none. Borrowed. */
const char *books_child(const Books *books, const char *execution_id, State state);
/* Executions of this flow in this state (negative: in any). */
unsigned books_executions(const Books *books, const char *flow_id, State state);
/* Timers that are set, slots' rows among them. */
size_t books_timers(const Books *books);
/* "f-2", "b[x]": how the trace calls an execution or a task run. Borrowed; an unknown id is its own name. */
const char *books_name(const Books *books, const char *id);
/* What a unit that was entered has done, in one line. */
void books_describe(const Books *books, const Unit *unit, usec_t now, Buffer *text);
