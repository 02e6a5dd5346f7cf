/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What a job message becomes when it is run, in the worker or in a kestra-run child: variables, services (secrets,
 * storage), and a log that filters by level, hides secrets and cuts long lines (spec/semantics.md section 5).
 */
#include "model/flow.h"
#include "plugin/mask.h"
#include "plugin/run.h"

struct Blob;

/* Of the process, alike for all jobs; borrowed. */
typedef struct JobSettings {
    const json_t *globals;         /* kestra.variables.globals; may be NULL */
    const json_t *envs;            /* context_envs(); may be NULL */
    const char *encryption_key;    /* base64; may be NULL */
    const struct Blob *storage;    /* may be NULL */
    const struct HttpClient *http; /* may be NULL */
    const struct MailClient *mail; /* may be NULL */
    int (*open_store)(json_t *settings, struct Blob **ret, char **ret_error); /* may be NULL */
    const struct SqlDriver *const *sql;                                       /* may be NULL */
    bool recursive_rendering;
    /* errorLogs(); may be NULL. See ExprServices. */
    int (*error_logs)(void *userdata, const json_t *job, json_t **ret, Diag *diag);
    void *userdata;
} JobSettings;

typedef struct JobContext {
    RunContext run;
    /* private */
    const JobSettings *settings;
    ExprContext render;
    ExprServices services;
    json_t *variables;
    Mask mask;
    int level_min;
    const RunOps *sink;
    void *sink_userdata;
    RunOps ops;
} JobContext;

/* task, job and settings are borrowed and must outlive the context. `inputs` are the flow's declarations (may be NULL):
 * values of type SECRET are opened and hidden in the log. `sink` gets what passed the filter, in pieces. */
void job_context_init(JobContext *context, const JobSettings *settings, const Task *task, const json_t *job,
                      const json_t *inputs, const RunOps *sink, void *sink_userdata);
void job_context_done(JobContext *context);
/* The same context for another task in its place: what was secret stays hidden. */
void job_context_replace(JobContext *context, const Task *task, const json_t *inputs);
/* Sets run.working_directory (copied) and the variable workingDir. */
void job_context_set_directory(JobContext *context, const char *directory);
/* A task that is not part of a parsed flow: what kestra-run is sent. A polling trigger is a task here too: its
 * properties are rendered and its evaluation runs in the same way. Free with job_task_free. NULL for an unknown type.
 */
Task *job_task_new(const TypeRegistry *registry, const char *id, const char *type, json_t *properties);
/* The same from {id, type, properties}; and such a description of a task, new. */
Task *job_task_read(const TypeRegistry *registry, const json_t *description);
json_t *job_task_write(const Task *task);
Task *job_task_free(Task *task);
DEFINE_CLEANUP(Task *, job_task_free);
