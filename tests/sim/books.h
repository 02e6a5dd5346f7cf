/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The Watch's books: what every commit so far has written, kept apart from the store, and the rules about it. */
#include "queue/unit.h"

typedef struct Books Books;
/* limit: slots of the flow under test, 0: none. resumed: every pause ends by books_resume(). */
Books *books_new(unsigned limit, bool resumed);
Books *books_free(Books *books);
/* Enters what was committed. The rule it breaks, or NULL. */
const char *books_enter(Books *books, const Unit *unit);
void books_resume(Books *books, const char *execution_id);
/* Timers that are set, slots' rows among them. */
size_t books_timers(const Books *books);
/* "f-2", "b[x]": how the trace calls an execution or a task run. Borrowed; an unknown id is its own name. */
const char *books_name(const Books *books, const char *id);
/* What a unit that was entered has done, in one line. */
void books_describe(const Books *books, const Unit *unit, usec_t now, Buffer *text);
