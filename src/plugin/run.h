/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What a runnable task may do during one attempt, and a polling trigger during one evaluation. Task code is plain and
 * blocking; it renders its own properties, logs, adds outputs and metrics, and says how it ended. It never sees the
 * database.
 */
#include "model/context.h"

enum {
    RUN_E_FAILED = 1, /* the task failed; run_fail() has logged why */
};

/* Supplied by whoever runs the task: the worker (inline) or kestra-run (child), or a unit test. */
typedef struct RunOps {
    void (*log)(void *userdata, int level, const char *message); /* level: LOG_LEVEL_* of model/log_entry.h */
    void (*metric)(void *userdata, const char *name, bool is_timer, double value, const json_t *tags);
    bool (*is_killed)(void *userdata); /* polled by long loops */
    /* run_ask() of a task; NULL where nobody answers. *ret: {…} or {"error": why}; new. Outage: not now. */
    int (*ask)(void *userdata, const json_t *question, json_t **ret);
} RunOps;

typedef struct RunContext {
    const Task *task;
    const ExprContext *render;
    const json_t *job; /* the whole job message */
    json_t *outputs;   /* object; the task fills it */
    json_t *notes;     /* run_note(); or NULL */
    State final_state; /* SUCCESS unless the task sets WARNING */
    bool fires;        /* a polling trigger sets it: an execution is to start, with the outputs as its variables */
    const RunOps *ops;
    void *userdata;
    const char *working_directory; /* made before prepare(); NULL for inline tasks */
    const struct Blob *storage;    /* internal storage; NULL where there is none */
    const char *encryption_key;    /* base64; NULL where there is none */
    const struct HttpClient *http; /* NULL where there is none; plugin/http_client.h */
    const struct MailClient *mail; /* the same; plugin/mail_client.h */
    /* As storage_open(); NULL where object stores cannot be spoken to. */
    int (*open_store)(json_t *settings, struct Blob **ret, char **ret_error);
    const struct SqlDriver *const *sql; /* by SqlEngine; NULL where there are none; plugin/sql/sql.h */
} RunContext;

/* Property as text after rendering; NULL in *ret when absent. RUN_E_FAILED (logged) when it cannot be rendered. */
int run_text(RunContext *run, const char *property, char **ret) _must_check_;
/* Property rendered deeply, as JSON (lists, maps); NULL in *ret when absent; new. */
int run_value(RunContext *run, const char *property, json_t **ret) _must_check_;
/* Like run_value, but a lone expression keeps its type (a map stays a map). */
int run_typed(RunContext *run, const char *property, json_t **ret) _must_check_;
/* Property as a list of texts: a list, one text, or a text that holds a JSON list; NULL when absent; new. */
int run_texts(RunContext *run, const char *property, json_t **ret) _must_check_;
/* Text stays, everything else becomes its JSON text. New reference. */
json_t *run_text_of(json_t *value);
/* Property rendered and read as boolean / integer / duration; `fallback` when absent. */
int run_boolean(RunContext *run, const char *property, bool fallback, bool *ret) _must_check_;
int run_integer(RunContext *run, const char *property, int64_t fallback, int64_t *ret) _must_check_;
int run_duration(RunContext *run, const char *property, usec_t fallback, usec_t *ret) _must_check_;
/* Property as an instant, put into `object` under the same name in the one form that questions take; absent: nothing.
 */
int run_date(RunContext *run, const char *property, json_t *object) _must_check_;
void run_log(RunContext *run, int level, const char *format, ...) _printf_(3, 4);
/* Logs at ERROR and returns RUN_E_FAILED. */
int run_fail(RunContext *run, const char *format, ...) _printf_(2, 3) _must_check_;
/* Steals value. */
void run_output(RunContext *run, const char *name, json_t *value);
/* For the executor alone: kept with the flowable around this task and given to its later tasks (job message: `notes`).
 * Steals value. */
void run_note(RunContext *run, const char *name, json_t *value);
void run_counter(RunContext *run, const char *name, double value, const json_t *tags);
void run_timer(RunContext *run, const char *name, usec_t duration, const json_t *tags);

/*
 * Asks what stands behind the worker (executions, logs): a task holds no session of its own. `what` and its arguments
 * (stolen): the table of worker/records.c. *ret: the answer, new; may be NULL. RUN_E_FAILED (logged) when it is
 * refused.
 */
int run_ask(RunContext *run, const char *what, json_t *arguments, json_t **ret) _must_check_;

/* Long loops ask from time to time, and return RUN_E_FAILED when it is true. */
bool run_is_killed(RunContext *run);

/* What a process task wants spawned. All members are owned by the ScriptContext. */
typedef struct ScriptContext {
    char **argv;         /* ends with NULL */
    json_t *environment; /* name → text, beside what every task has */
    bool warning_on_stderr;
    json_t *output_files;     /* list of globs, or NULL */
    json_t *limits, *sandbox; /* as asked for, rendered; or NULL (plugin/isolation.h) */
    json_t *container;        /* likewise; or NULL (plugin/container.h) */
} ScriptContext;
void script_context_done(ScriptContext *script);
