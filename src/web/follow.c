/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A follow is in one of two conditions: at rest, or being looked at by a handler thread. A ring during the look sets
 * `again`, so a change after the look's query is never missed. A forgotten one that is being looked at is freed when it
 * comes back.
 *
 * What is long to read (an execution with thousands of task runs changes many times a second) is looked at again only
 * after a multiple of the time it took, and never while its client has not taken what came before: rings in between
 * become one look. So a follower costs a part of one thread at most, and holds two events at most.
 *
 * What waits for a moment rests between two looks, longer each time, and is answered when its time is over, whether a
 * thread looks at it then or not: an executor that stands still costs no thread.
 *
 * Between a handler's commit and the parking of its request the execution may already have run and rung. `expected`
 * holds the ids in that window; a ring marks them, and parking sees the mark.
 */
#include "web/follow.h"

#include <pthread.h>

#include "base/clock.h"

#define POLL_EVERY  (1 * USEC_PER_SEC)
#define IDLE_EVERY  (20 * USEC_PER_SEC)
#define LOOK_LONG   (20 * USEC_PER_MSEC)
#define REST_FACTOR 3 /* of the time that a long look took */
#define MOMENT      (5 * USEC_PER_SEC)
#define PAUSE_FIRST (1 * USEC_PER_MSEC)
#define PAUSE_MAX   (250 * USEC_PER_MSEC)

typedef struct Parked Parked;
struct Parked {
    PoolTask task; /* first: a PoolTask * is a Parked * */
    FollowHub *hub;
    Follow *follow;
    void *request; /* NULL: forgotten */
    Parked *next_same, *previous, *next;
    bool running, again, end;
    Buffer text;
    int r;
    usec_t looked, sent, rest_until;
    usec_t until, pause; /* of a moment; else 0 */
};

struct FollowHub {
    Pool *pool;
    const FollowHubOps *ops;
    void *userdata;
    Map *by_execution; /* id → first Parked of a chain by next_same */
    Parked *all;
    size_t count;
    LoopSource *poll, *rested;
    bool polling;
    usec_t rested_at; /* when the timer `rested` goes off; 0: it is not set */
    pthread_mutex_t lock;
    Map *expected; /* id → one of the two marks */
};

static char mark_waiting, mark_rung;

Follow *follow_new(const char *execution_id, bool stream,
                   int (*refresh)(Follow *follow, WebSession *session, Buffer *text, bool *ret_end))
{
    Follow *follow = xnew(Follow);
    snprintf(follow->execution_id, sizeof(follow->execution_id), "%s", execution_id);
    follow->stream = stream;
    follow->refresh = refresh;
    return follow;
}

Follow *follow_moment(const char *key, int (*refresh)(Follow *follow, WebSession *session, Buffer *text, bool *ret_end))
{
    Follow *follow = follow_new(key, false, refresh);
    follow->moment_usec = MOMENT;
    return follow;
}

Follow *follow_free(Follow *follow)
{
    if (!follow)
        return NULL;
    http_response_done(&follow->answer);
    json_decref(follow->left);
    free(follow->cursor);
    free(follow->url);
    free(follow);
    return NULL;
}

void follow_event_begin(Buffer *text, const char *id)
{
    buffer_printf(text, "id: %s\ndata: ", id);
}

void follow_event_end(Buffer *text)
{
    buffer_append(text, "\n\n");
}

void follow_event(Buffer *text, const char *id, const char *data)
{
    follow_event_begin(text, id);
    buffer_append(text, data);
    follow_event_end(text);
}

static void unlink_parked(FollowHub *hub, Parked *parked)
{
    Parked *first = map_get(hub->by_execution, parked->follow->execution_id);
    if (first == parked) {
        if (parked->next_same)
            map_put(hub->by_execution, parked->follow->execution_id, parked->next_same);
        else
            map_remove(hub->by_execution, parked->follow->execution_id);
    } else {
        while (first && first->next_same != parked)
            first = first->next_same;
        if (first)
            first->next_same = parked->next_same;
    }
    if (parked->previous)
        parked->previous->next = parked->next;
    else
        hub->all = parked->next;
    if (parked->next)
        parked->next->previous = parked->previous;
    hub->count--;
}

static void parked_free(Parked *parked)
{
    follow_free(parked->follow);
    buffer_done(&parked->text);
    free(parked);
}

/* In a handler thread. */
static void look(PoolTask *task, WebSession *session)
{
    Parked *parked = (Parked *)task;
    parked->end = false;
    parked->r = parked->follow->refresh(parked->follow, session, &parked->text, &parked->end);
}

static void wait_for_rest(FollowHub *hub, usec_t until)
{
    usec_t now = clock_monotonic();
    if (hub->rested_at && hub->rested_at <= until)
        return;
    hub->rested_at = until;
    loop_timer_in(hub->rested, until > now ? until - now : 0);
}

static void start_look(Parked *parked)
{
    FollowHub *hub = parked->hub;
    bool resting = parked->rest_until > clock_monotonic();
    parked->again = true;
    if (parked->running)
        return;
    if (resting) {
        wait_for_rest(hub, parked->rest_until);
        return;
    }
    if (parked->follow->stream && !hub->ops->ready(parked->request))
        return; /* the poll asks again */
    parked->running = true;
    parked->again = false;
    parked->looked = clock_monotonic();
    pool_submit(parked->hub->pool, &parked->task);
}

static void answer_moment(Parked *parked)
{
    FollowHub *hub = parked->hub;
    Follow *follow = parked->follow;
    HttpResponse answer = follow->answer;
    follow->answer = (HttpResponse){};
    if (parked->text.length > 0 && !parked->running) {
        buffer_done(&answer.body);
        answer.body = parked->text;
        parked->text = (Buffer){};
    }
    void *request = parked->request;
    (void)follow_hub_forget(hub, request); /* it is parked */
    hub->ops->answer(hub->userdata, request, &answer);
}

static void after_moment(Parked *parked, usec_t now)
{
    Follow *follow = parked->follow;
    if (follow->went_on)
        parked->until = now + follow->moment_usec;
    follow->went_on = false;
    /* What was asked for is committed: a look that failed says nothing against it. */
    if (parked->end || parked->r < 0 || now >= parked->until) {
        answer_moment(parked);
        return;
    }
    parked->rest_until = now + parked->pause;
    parked->pause = MIN(parked->pause * 2, PAUSE_MAX);
    start_look(parked);
}

static void after_look(PoolTask *task)
{
    Parked *parked = (Parked *)task;
    FollowHub *hub = parked->hub;
    void *request = parked->request;
    parked->running = false;
    usec_t now = clock_monotonic(), took = now - parked->looked;
    parked->rest_until = took > LOOK_LONG ? now + REST_FACTOR * took : 0;
    if (!request) {
        parked_free(parked);
        return;
    }
    if (parked->until) {
        after_moment(parked, now);
        return;
    }
    bool over = parked->end || parked->r < 0;
    if (parked->text.length > 0 || over) {
        Buffer text = parked->text;
        const FollowText told = {
            .text = buffer_text(&text),
            .length = text.length,
            .end = over,
            .r = parked->r,
            .content_type = parked->follow->content_type ? parked->follow->content_type : "application/json",
            .status = parked->follow->status ? parked->follow->status : 200,
        };
        parked->text = (Buffer){};
        parked->sent = clock_monotonic();
        if (over) {
            unlink_parked(hub, parked);
            parked_free(parked);
            parked = NULL;
        }
        hub->ops->text(hub->userdata, request, &told);
        buffer_done(&text);
    }
    if (parked && parked->again && parked->request)
        start_look(parked);
}

static int on_rested(void *userdata)
{
    FollowHub *hub = userdata;
    hub->rested_at = 0;
    for (Parked *parked = hub->all; parked; parked = parked->next)
        if (parked->again && !parked->running)
            start_look(parked);
    return 0;
}

static int on_poll(void *userdata)
{
    FollowHub *hub = userdata;
    usec_t now = clock_monotonic();
    for (Parked *parked = hub->all, *next; parked; parked = next) {
        next = parked->next;
        if (parked->until && now >= parked->until) {
            answer_moment(parked);
            continue;
        }
        if (now - parked->looked >= POLL_EVERY)
            start_look(parked);
        if (parked->follow->stream && now - parked->sent >= IDLE_EVERY) {
            parked->sent = now;
            hub->ops->idle(parked->request);
        }
    }
    hub->polling = hub->count > 0;
    if (hub->polling)
        loop_timer_in(hub->poll, POLL_EVERY);
    return 0;
}

int follow_hub_new(Loop *loop, Pool *pool, const FollowHubOps *ops, void *userdata, FollowHub **ret)
{
    _cleanup_(follow_hub_freep) FollowHub *hub = xnew(FollowHub);
    pthread_mutex_init(&hub->lock, NULL);
    hub->pool = pool;
    hub->ops = ops;
    hub->userdata = userdata;
    hub->by_execution = map_new();
    hub->expected = map_new();
    int r = loop_add_timer(loop, on_poll, hub, &hub->poll);
    if (r >= 0)
        r = loop_add_timer(loop, on_rested, hub, &hub->rested);
    if (r < 0)
        return trace(r);
    *ret = TAKE_PTR(hub);
    return 0;
}

FollowHub *follow_hub_free(FollowHub *hub)
{
    if (!hub)
        return NULL;
    while (hub->all) {
        Parked *parked = hub->all;
        unlink_parked(hub, parked);
        parked_free(parked);
    }
    map_destroy(hub->by_execution, NULL);
    map_destroy(hub->expected, NULL);
    loop_source_free(hub->poll);
    loop_source_free(hub->rested);
    pthread_mutex_destroy(&hub->lock);
    free(hub);
    return NULL;
}

void follow_hub_expect(FollowHub *hub, const char *execution_id)
{
    pthread_mutex_lock(&hub->lock);
    map_put(hub->expected, execution_id, &mark_waiting);
    pthread_mutex_unlock(&hub->lock);
}

static bool take_expected(FollowHub *hub, const char *execution_id)
{
    pthread_mutex_lock(&hub->lock);
    bool rung = map_remove(hub->expected, execution_id) == &mark_rung;
    pthread_mutex_unlock(&hub->lock);
    return rung;
}

void follow_hub_unexpect(FollowHub *hub, const char *execution_id)
{
    (void)take_expected(hub, execution_id);
}

void follow_hub_park(FollowHub *hub, Follow *follow, void *request)
{
    Parked *parked = xnew(Parked);
    parked->task = (PoolTask){.run = look, .done = after_look};
    parked->hub = hub;
    parked->follow = follow;
    parked->request = request;
    parked->looked = parked->sent = clock_monotonic();
    if (follow->moment_usec) {
        parked->pause = PAUSE_FIRST;
        parked->rest_until = parked->looked + parked->pause;
        parked->until = parked->looked + follow->moment_usec;
    }
    parked->next_same = map_put(hub->by_execution, follow->execution_id, parked);
    parked->next = hub->all;
    if (hub->all)
        hub->all->previous = parked;
    hub->all = parked;
    hub->count++;
    if (take_expected(hub, follow->execution_id) || follow->stream || parked->until)
        start_look(parked);
    if (!hub->polling) {
        hub->polling = true;
        loop_timer_in(hub->poll, POLL_EVERY);
    }
}

bool follow_hub_forget(FollowHub *hub, void *request)
{
    for (Parked *parked = hub->all; parked; parked = parked->next) {
        if (parked->request != request)
            continue;
        unlink_parked(hub, parked);
        parked->request = NULL;
        if (!parked->running)
            parked_free(parked);
        return true;
    }
    return false;
}

void follow_hub_end_streams(FollowHub *hub)
{
    for (Parked *parked = hub->all, *next; parked; parked = next) {
        next = parked->next;
        if (!parked->follow->stream)
            continue;
        void *request = parked->request;
        (void)follow_hub_forget(hub, request); /* it is parked: we walk the list */
        hub->ops->text(hub->userdata, request, &(FollowText){.text = "", .end = true});
    }
}

static void wake_one(FollowHub *hub, const char *id)
{
    for (Parked *parked = map_get(hub->by_execution, id); parked; parked = parked->next_same)
        start_look(parked);
    pthread_mutex_lock(&hub->lock);
    if (map_get(hub->expected, id))
        map_put(hub->expected, id, &mark_rung);
    pthread_mutex_unlock(&hub->lock);
}

static void wake_all(FollowHub *hub)
{
    for (Parked *parked = hub->all; parked; parked = parked->next)
        start_look(parked);
    pthread_mutex_lock(&hub->lock);
    size_t position = 0;
    const char *id;
    void *mark;
    Map *rung = map_new(); /* a map may not change while it is walked */
    while (map_next(hub->expected, &position, &id, &mark))
        map_put(rung, id, &mark_rung);
    map_destroy(hub->expected, NULL);
    hub->expected = rung;
    pthread_mutex_unlock(&hub->lock);
}

void follow_hub_wake(FollowHub *hub, const char *body)
{
    char id[ID_BYTES];
    if (!*body)
        wake_all(hub);
    while (*body) {
        size_t length = strcspn(body, "\r\n");
        if (length > 0 && length < sizeof(id)) {
            memcpy(id, body, length);
            id[length] = '\0';
            wake_one(hub, id);
        }
        body += length;
        body += strspn(body, "\r\n");
    }
}

size_t follow_hub_count(const FollowHub *hub)
{
    return hub->count;
}
