/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The simulator's witness. Every process reaches the store through a queue of the Watch, which lets commits fail as an
 * outage makes them fail, keeps its own books of what was committed, and checks the rules at each commit:
 *
 *   - states move along allowed edges only; what was written stays written; nothing ends twice;
 *   - what ended leaves nothing open and no timer behind, and nothing goes on below it;
 *   - what has not ended waits for something that is there: a message, a job, a timer, a child, a slot, people;
 *   - a timer does nothing before its date, and none is late while its owner has nothing else to do;
 *   - an event is taken once, what was fetched is taken in the next commit, and the store holds what the books say;
 *   - no attempt is given to workers twice; a result from a lost job changes nothing;
 *   - slots: never more holders than the limit, nobody runs without one, asked for once and given back once;
 *   - nobody leaves a pause more often than it was asked.
 */
#include "queue/queue_mem.h"
#include "sim/books.h"

typedef struct Watch Watch;
typedef struct WatchSettings {
    QueueStore *store; /* borrowed, as is now */
    const usec_t *now;
    bool resumed; /* pauses end by people only, counted with watch_resume() */
    bool loud;    /* a trace on standard error */
} WatchSettings;
Watch *watch_new(const WatchSettings *settings);
Watch *watch_free(Watch *watch);
/* A process on the store. The name is used in the trace. */
Queue *watch_queue(Watch *watch, const char *name);
typedef enum WatchTrouble { TROUBLE_NONE, TROUBLE_BEFORE, TROUBLE_AFTER } WatchTrouble;
/* The next commit of this process breaks before anything happened, or after all of it happened. */
void watch_trouble(Queue *queue, WatchTrouble trouble);
/* The process forgot what it had fetched. */
void watch_forget(Queue *queue);
/* The owner says that nothing is left to do now: no timer of its shards may be due. */
void watch_idle(Queue *queue);
/* To tell it what people do. */
Books *watch_books(Watch *watch);
/* A line of the trace. */
void watch_say(Watch *watch, const char *who, const char *format, ...) _printf_(3, 4);
/* A rule that only the caller can see was broken. */
void watch_accuse(Watch *watch, const char *who, const char *rule);
/* The first rule that was broken, or NULL. Borrowed. */
const char *watch_fault(const Watch *watch);
