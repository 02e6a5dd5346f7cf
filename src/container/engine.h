/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The REST API of a container engine (Docker 1.40 and later, Podman 4 and later), over libcurl. */
#include "doc/json.h"

typedef struct Engine Engine;

/* host: unix:///PATH or tcp://HOST:PORT (http(s)://… too). certificates: directory with ca.pem, cert.pem and key.pem,
 * which make tcp: TLS; or NULL. cancel_fd: when it becomes readable the request that runs ends; -1: none.
 * ENGINE_E_FAILED: no such address. */
int engine_new(const char *host, const char *certificates, int cancel_fd, Engine **ret, Diag *diag) _must_check_;
Engine *engine_free(Engine *engine);
DEFINE_CLEANUP(Engine *, engine_free);
/* From here on nothing is cancelled any more: what is left to do is clearing up. */
void engine_never_cancel(Engine *engine);

enum {
    ENGINE_E_FAILED = 1, /* not reached, or the connection broke; the Diag says why */
    ENGINE_E_CANCELLED,
};

typedef struct EngineRequest {
    const char *method, *path; /* path: below the version, with query, encoded */
    const json_t *body;        /* or NULL */
    const char *registry_auth; /* X-Registry-Auth; or NULL */
    usec_t timeout_usec;       /* 0: none */
    /* Gives up to `size` bytes of a body (application/x-tar); 0: its end; -1: broken. May be NULL. */
    ssize_t (*give)(void *userdata, char *bytes, size_t size);
    /* Takes a piece of the answer; false: broken. Only of success. NULL: it is in the answer. */
    bool (*take)(void *userdata, const char *bytes, size_t length);
    void *userdata;
    void *give_userdata; /* of `give`; NULL: userdata */
    /* Runs until this one ends, and then is dropped; its failures count for nothing. May be NULL. */
    const struct EngineRequest *beside;
} EngineRequest;

typedef struct EngineAnswer {
    long code;
    json_t *body;  /* NULL: none, or no JSON */
    char *message; /* what it says in words, of failures; never NULL when code is 400 or more */
} EngineAnswer;
void engine_answer_done(EngineAnswer *answer);
#define _cleanup_answer_ _cleanup_(engine_answer_done)

/* Blocks. 0: it was answered, with whatever code. */
int engine_call(Engine *engine, const EngineRequest *request, EngineAnswer *ret, Diag *diag) _must_check_;
/* Percent-encoded; caller frees. */
char *engine_encode(const char *text);
