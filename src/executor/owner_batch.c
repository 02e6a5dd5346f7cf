/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A batch, and what becomes of one that the backend does not take. Refused for what is in it: its messages are tried
 * one by one, and the one that does it is set aside. Because somebody holds rows of some keys: their messages stay
 * where they are.
 */
#include "executor/owner_private.h"

enum {
    DEATHS_MAX = 2, /* while the messages of one key were tried alone: one may have had another cause */
};

/* The message of a careful batch. */
typedef struct Suspect {
    bool known;
    QueueEvent event; /* moved out of the batch; a timer has a name instead of a sequence */
    char *timer;
} Suspect;

static void suspect_done(Suspect *suspect)
{
    queue_event_done(&suspect->event);
    free(suspect->timer);
}

static void note_suspect(Owner *owner, Suspect *ret)
{
    *ret = (Suspect){.known = owner->careful > 0};
    if (!ret->known)
        return;
    if (owner->batch.events.count) {
        const QueueEvent *event = &owner->batch.events.items[0];
        ret->event = (QueueEvent){.sequence = event->sequence,
                                  .shard = event->shard,
                                  .key = xstrdup(event->key),
                                  .kind = xstrdup(event->kind)};
    } else if (owner_next_timer(owner) <= owner->step.now) {
        const Timer *timer = heap_item(heap_first(&owner->heap), Timer, entry);
        ret->timer = xstrdup(timer->name);
        ret->event.key = xstrdup(timer->key);
    } else {
        ret->known = false;
    }
}

static void set_suspect_aside(Owner *owner, const Suspect *suspect, const char *reason)
{
    if (suspect->timer) {
        owner_set_timer(owner, suspect->event.key, suspect->timer, 0);
        owner_set_timer_aside(owner, suspect->event.key, suspect->timer, reason);
    } else {
        owner_set_aside(owner, &suspect->event, reason);
    }
}

/* Everything is read again. Nobody knows yet which message it was: the next batches are of one message each, and the
 * one whose batch is refused is set aside alone. */
static int refused(Owner *owner, const Suspect *suspect, bool *ret_more)
{
    _cleanup_free_ char *reason = xasprintf("its effect can not be stored: %s", queue_refusal(owner->queue));
    bool work;
    owner_forget(owner);
    if (suspect->known) {
        set_suspect_aside(owner, suspect, reason);
        int r = queue_commit(owner->queue, owner->unit, NULL, NULL);
        if (r != 0)
            return owner_fenced(owner, r);
    } else {
        owner_be_careful(owner);
    }
    *ret_more = true;
    return owner_heartbeat(owner, &work);
}

/* Everything is read again, and the messages of these keys stay where they are. */
static int locked(Owner *owner, bool *ret_more)
{
    size_t count;
    bool work;
    const char *const *keys = queue_locked(owner->queue, &count);
    locked_add(&owner->locked, keys, count, owner->step.now);
    owner_forget(owner);
    *ret_more = true;
    return owner_heartbeat(owner, &work);
}

/* After each careful batch. */
static int relax(Owner *owner, bool drained)
{
    if (!owner->careful)
        return 0;
    owner->careful = drained ? 0 : owner->careful - 1;
    return owner->careful ? 0 : queue_trust(owner->queue);
}

static int commit_batch(Owner *owner, unsigned max, const Suspect *suspect, bool *ret_more)
{
    queue_batch_done(&owner->batch);
    owner->batch = (QueueBatch){};
    owner->counts.batches += !unit_is_empty(owner->unit);
    owner_take_timers(owner); /* if the commit fails they are forgotten with all else */
    bool timer_first = owner->careful && owner_next_timer(owner) <= owner->step.now;
    /* After an outage the queue still holds shards whose timers and slots are forgotten: nothing before a heartbeat. */
    QueueFetch fetch = {.events_max = owner->shards && !timer_first ? max : 0,
                        .keys_left = (const char *const *)owner->locked.keys.items,
                        .keys_left_count = owner->locked.keys.count};
    int r = queue_commit(owner->queue, owner->unit, &fetch, &owner->batch);
    if (r == QUEUE_E_REFUSED)
        return refused(owner, suspect, ret_more);
    if (r == QUEUE_E_LOCKED)
        return locked(owner, ret_more);
    if (r != 0)
        return owner_fenced(owner, r);
    if (owner->settings.fetched)
        owner->settings.fetched(owner->settings.userdata, owner->batch.flow_stamp);
    owner_settle(owner);
    *ret_more = owner->batch.events.count > 0 || owner_next_timer(owner) <= owner->step.now;
    r = relax(owner, fetch.events_max && !*ret_more);
    return r == 0 ? 0 : owner_fenced(owner, r);
}

/* Before the message of a careful batch is stepped, which may end this process: it is marked, and not stepped at all
 * when that has happened too often. */
static int try_suspect(Owner *owner, const Suspect *suspect)
{
    unsigned deaths = 0;
    int r = queue_try(owner->queue, suspect->event.key, &deaths);
    if (r != 0)
        return owner_fenced(owner, r);
    if (deaths < DEATHS_MAX)
        return owner_step_all(owner, 1);
    _cleanup_free_ char *reason =
        xasprintf("a message of %s has ended the executor %u times", suspect->event.key, deaths);
    set_suspect_aside(owner, suspect, reason);
    return 0;
}

int owner_batch(Owner *owner, bool *ret_more)
{
    _cleanup_(suspect_done) Suspect suspect = {};
    unsigned max = owner->careful ? 1 : owner_batch_max(owner);
    owner->step.now = owner->settings.now(owner->settings.userdata);
    note_suspect(owner, &suspect);
    int r = locked_release(&owner->locked, owner->queue, owner->step.now);
    if (r == 0)
        r = suspect.known ? try_suspect(owner, &suspect) : owner_step_all(owner, max);
    if (r == OWNER_E_FENCED)
        return r;
    if (r < 0) {
        owner_forget(owner);
        return trace(r);
    }
    return commit_batch(owner, max, &suspect, ret_more);
}
