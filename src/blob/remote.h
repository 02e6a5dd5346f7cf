/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * HTTP as object stores need it, for the drivers of this room: connections that are kept, limits on time, retries with
 * growing and jittered pauses, and a clock that can follow the server's. Safe for several threads. Blocks.
 *
 * Whatever fails says why by blob_set_reason(); no address with a secret in it, no header that was sent is ever shown.
 */
#include "base/buffer.h"
#include "blob/blob_private.h"

typedef struct Remote Remote;
typedef struct RemoteRequest RemoteRequest;
typedef VEC(char *) RemoteHeaders; /* "name: value", names in lower case */

typedef struct RemoteAnswer {
    long status; /* 0: none came */
    RemoteHeaders headers;
    Buffer body; /* unless it went into the request's sink */
    unsigned attempts;
} RemoteAnswer;
void remote_answer_done(RemoteAnswer *answer);
/* The value of a header (name in lower case), or NULL. Borrowed. */
const char *remote_header(const RemoteAnswer *answer, const char *name);

/* What a store is like; `userdata` is that of remote_new. */
typedef struct RemoteOps {
    const char *name; /* in messages, "S3 storage" */
    /* Before each attempt: adds what authorizes the request to request->signature. now: since the epoch, as the server
     * sees it. NULL: nothing. Outages pass through remote_exchange. */
    int (*sign)(void *userdata, RemoteRequest *request, usec_t now);
    /* After a refusal: whether signing again can help, as it does when a token had ended. May be NULL. */
    bool (*renew)(void *userdata, const RemoteAnswer *refusal);
    /* What the body of a refusal says: a code and a sentence, new, or NULL. */
    void (*explain)(const RemoteAnswer *answer, char **ret_code, char **ret_message);
    const char *no_container; /* the code of a 404 that means that the bucket is missing, not the object */
} RemoteOps;

typedef struct RemoteSettings {
    const char *ca_file; /* NULL: the system's */
    bool trusts_any;     /* certificates are not verified */
    bool has_no_proxy;   /* whatever the environment says */
    usec_t connect_timeout_usec;
    usec_t timeout_usec; /* longest silence of the other side */
    unsigned attempts_max;
} RemoteSettings;

struct RemoteRequest {
    const char *method;
    const char *base; /* "https://host:port"; borrowed */
    char *path;       /* begins with a slash, percent-encoded */
    char *query;      /* percent-encoded and sorted by name; or NULL */
    RemoteHeaders headers;
    const void *body; /* borrowed */
    size_t length;
    bool is_unsigned;   /* ops->sign is not asked */
    const int *accepts; /* further statuses that are not failures, ends with 0; or NULL */
    /* Called before each attempt but the first, to change what has changed meanwhile; may be NULL. */
    void (*again)(void *userdata, RemoteRequest *request);
    /* The body of a 2xx: each piece, with the headers that came. A negative errno ends the exchange with it. */
    int (*take)(void *userdata, const RemoteAnswer *answer, const char *bytes, size_t length);
    void *userdata;
    /* of sign */
    RemoteHeaders signature;
    const char *secret_query; /* goes behind the query and into no message; borrowed */
};
void remote_request_done(RemoteRequest *request);
void remote_add_header(RemoteHeaders *headers, const char *format, ...) _printf_(2, 3);
void remote_drop_header(RemoteHeaders *headers, const char *name);
/* `settings` is copied but for its texts, which live as long. */
Remote *remote_new(const RemoteOps *ops, const RemoteSettings *settings, void *userdata);
Remote *remote_free(Remote *remote);

/* 0: 2xx or accepted. BLOB_E_ABSENT: 404. Anything else is an outage with a reason. *answer is filled in every case, to
 * be freed by the caller. */
int remote_exchange(Remote *remote, RemoteRequest *request, RemoteAnswer *answer) _must_check_;
/* Turns an answer that is no good into an outage with a reason, as remote_exchange does. */
int remote_refused(const Remote *remote, const RemoteRequest *request, const RemoteAnswer *answer);
/* The time as the server sees it. */
usec_t remote_now(const Remote *remote);
/* For tests: lets the clock be wrong. */
void remote_shift_clock(Remote *remote, int64_t usec);

/* Percent-encodes all but letters, digits and "-._~"; slashes stay when `keeps_slash`. */
void remote_encode(Buffer *buffer, const char *text, bool keeps_slash);
/* Undoes it in place. */
void remote_decode(char *text);
/* "Fri, 24 May 2013 00:00:00 GMT" */
#define REMOTE_DATE_BYTES 48
void remote_format_date(usec_t instant, char ret[static REMOTE_DATE_BYTES]);
/* 0 when it is no date. */
usec_t remote_parse_date(const char *text);
