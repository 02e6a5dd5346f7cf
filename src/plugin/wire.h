/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Messages between the worker and a kestra-run child over a socket: a length and a JSON object. The worker sends
 *   {"settings": {…}} once, then {"run": {task: {id, type, properties}, job, directory}} one at a time;
 * the child answers {"log": {level, message}} and {"metric": {name, timer, value, tags}} as it goes, may put questions
 * {"ask": {what, …}} (run_ask, and WIRE_ERROR_LOGS: {"lines": […]}), each of which it waits for {"answer": {…}}, and
 * closes with
 *   {"end": {outcome: 0 | 1, state, outputs, fires, notes?}}.
 * "run" of a task in the directory of a WorkingDirectory names it (`around`, as `task`), and of a new directory says
 * `fresh`. With `step` it is not the task that runs, but a part of the worker's own work with storage
 * (plugin/staging.h): become, times, open, prepare, collect {globs}, keep, log {path, uri}; "end" is then {outcome,
 * result, secrets}. Step `run` is the task itself in a directory that is as it should be.
 */
#include "doc/json.h"

enum {
    WIRE_E_END = 1,     /* the other side is gone */
    WIRE_E_BROKEN = 2,  /* not a message, or larger than WIRE_BYTES_MAX */
    WIRE_E_PARTIAL = 3, /* wire_take: no whole message yet */
};
#define WIRE_ERROR_LOGS "errorLogs"
#define WIRE_BYTES_MAX  ((size_t)64 * 1024 * 1024)

/* Writes all of it; a full socket is waited for up to 10 s, then WIRE_E_END. Takes nothing. */
int wire_send(int fd, const json_t *message) _must_check_;

typedef struct Wire {
    Buffer bytes;    /* private */
    size_t consumed; /* private */
} Wire;
void wire_done(Wire *wire);
/* Reads what is there (once). WIRE_E_END at the end of the stream; 0 also when a non-blocking socket has nothing. */
int wire_read(Wire *wire, int fd) _must_check_;
/* The next message that was read; new. WIRE_E_PARTIAL, WIRE_E_BROKEN. */
int wire_take(Wire *wire, json_t **ret) _must_check_;
/* What was read and not taken, borrowed; and the same put back. */
const char *wire_rest(const Wire *wire, size_t *ret_length);
void wire_restore(Wire *wire, const char *bytes, size_t length);
