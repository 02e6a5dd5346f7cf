/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Requests that wait: for an execution (POST …?wait=true and the event streams), or for a moment, until an executor or
 * a scheduler has done what was committed, so that a client which reads next reads its own write. They hold no handler
 * thread: the loop thread keeps them by execution id, and a ring (POST /wake with the ids of changed executions) or a
 * poll lets a thread look again.
 */
#include "base/id.h"
#include "base/loop.h"
#include "web/pool.h"
#include "web/session.h"

typedef struct Follow Follow;
struct Follow {
    char execution_id[ID_BYTES];
    bool stream; /* text/event-stream, text goes out as it comes; else text is the whole answer, given with the end */
    /* In a handler thread: appends what is new to text; *ret_end: that was the last. */
    int (*refresh)(Follow *follow, WebSession *session, Buffer *text, bool *ret_end);
    /* What refresh keeps between calls. */
    uint64_t seen;            /* checksum of what was sent last */
    char *cursor;             /* of the log; the version of the rows that are to change */
    int level;                /* LOG_LEVEL_* */
    bool until_end;           /* a stream of the log ends when the execution has ended, not only when the client goes */
    char *url;                /* wait: `url` of the answer */
    const char *content_type; /* wait: static; NULL: application/json */
    bool gives_outputs;       /* wait: the answer is the outputs */
    int status;               /* wait: 0: 200 */
    json_t *left;             /* what is not done yet */
    bool went_on;             /* some of it is: the moment begins anew */
    /* follow_moment: how long the answer waits (0: as long as it takes), and the answer, which is given at its end too.
     * Its body is replaced by the text of refresh, if there is some. Whoever makes the follow fills the response as
     * usual; the answer is taken from there. */
    usec_t moment_usec;
    HttpResponse answer;
};
Follow *follow_new(const char *execution_id, bool stream,
                   int (*refresh)(Follow *follow, WebSession *session, Buffer *text, bool *ret_end));
/* Looks often, and no longer than a few seconds: what was committed will be done anyway. key: an execution's id; or "".
 */
Follow *follow_moment(const char *key,
                      int (*refresh)(Follow *follow, WebSession *session, Buffer *text, bool *ret_end));
Follow *follow_free(Follow *follow);
DEFINE_CLEANUP(Follow *, follow_free);

/* Appends one event: "id: <id>\ndata: <data>\n\n"; data is one line. */
void follow_event(Buffer *text, const char *id, const char *data);
/* The same for data that is appended between the two. */
void follow_event_begin(Buffer *text, const char *id);
void follow_event_end(Buffer *text);

/* --- the hub; loop thread only, but for expect and unexpect --- */
typedef struct FollowHub FollowHub;
typedef struct FollowText {
    const char *text; /* may be empty at an end */
    size_t length;
    bool end;
    int r;                    /* < 0: outage */
    const char *content_type; /* of a wait; static */
    int status;
} FollowText;
typedef struct FollowHubOps {
    /* New text of a parked request; after end or an outage it is forgotten by the hub. */
    void (*text)(void *userdata, void *request, const FollowText *text);
    /* The whole answer of one that waited for a moment; its contents are to be taken. The hub has forgotten it. */
    void (*answer)(void *userdata, void *request, HttpResponse *answer);
    /* The client has taken all but the last text; else the stream is not looked at. */
    bool (*ready)(void *request);
    /* Nothing was sent for a while: a comment line keeps the stream alive and shows a connection that is gone. */
    void (*idle)(void *request);
} FollowHubOps;
int follow_hub_new(Loop *loop, Pool *pool, const FollowHubOps *ops, void *userdata, FollowHub **ret) _must_check_;
FollowHub *follow_hub_free(FollowHub *hub);
DEFINE_CLEANUP(FollowHub *, follow_hub_free);
/* Takes the follow. `request` is handed to ops->text. A stream looks at once, a wait when it was rung since expect. */
void follow_hub_park(FollowHub *hub, Follow *follow, void *request);
/* The connection is gone: ops->text is not called for it any more. False when it was not parked. */
bool follow_hub_forget(FollowHub *hub, void *request);
/* body: one execution id a line; "": all of them may have changed. */
void follow_hub_wake(FollowHub *hub, const char *body);
/* Ends every stream (the role is stopping); waits go on. */
void follow_hub_end_streams(FollowHub *hub);
size_t follow_hub_count(const FollowHub *hub);
void follow_hub_expect(FollowHub *hub, const char *execution_id);
void follow_hub_unexpect(FollowHub *hub, const char *execution_id);
