/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the git types share: the properties of a remote repository, and the git program that talks to it. */
#include "plugin/run.h"

#define GIT_FIELDS                                                                                                     \
    {"url", FIELD_STRING, FIELD_DYNAMIC | FIELD_REQUIRED | FIELD_NOT_EMPTY, .doc = "Address of the repository."},      \
        {"username", FIELD_STRING, FIELD_DYNAMIC, .doc = "Who asks."},                                                 \
        {"password", FIELD_STRING, FIELD_DYNAMIC, .doc = "Password, or an access token."},                             \
        {"privateKey", FIELD_STRING, FIELD_DYNAMIC, .doc = "Key for SSH, as PEM."},                                    \
        {"passphrase", FIELD_STRING, FIELD_DYNAMIC, .doc = "Passphrase of privateKey."},                               \
        {"trustedCaPemPath", FIELD_STRING, FIELD_DYNAMIC,                                                              \
         .doc = "File of the worker: authorities that are trusted instead of the system's."},                          \
        {"noProxy", FIELD_BOOLEAN, FIELD_DYNAMIC, .doc = "Go past the proxy of the worker's environment."},            \
        {"connectTimeout", FIELD_INTEGER, FIELD_DYNAMIC | FIELD_IGNORED, .doc = "Use the task's timeout."},            \
        {"readTimeout", FIELD_INTEGER, FIELD_DYNAMIC, .fallback = "60000",                                             \
         .doc = "How long the server may be silent, in milliseconds."},                                                \
        {"gitConfig", FIELD_MAP, FIELD_DYNAMIC, .item = FIELD_ANY,                                                     \
         .doc = "Settings of the repository: name to value."},                                                         \
        {"cloneSubmodules", FIELD_BOOLEAN, FIELD_DYNAMIC, .doc = "Whether submodules are cloned too."},                \
        {"kestraUrl", FIELD_STRING, FIELD_DYNAMIC | FIELD_IGNORED, .doc = "The worker asks nobody else."},             \
    {                                                                                                                  \
        "auth", FIELD_ANY, FIELD_IGNORED, .doc = "The worker asks nobody else."                                        \
    }

/* A repository that a task works on. */
typedef struct Git {
    RunContext *run;
    char *url;
    json_t *environment; /* name → text; what logs in stands here and nowhere else */
    char *private_files; /* a directory with the key and what gives its passphrase; NULL: there is none */
    struct Spawner *spawner;
} Git;

/* Reads the properties of GIT_FIELDS. RUN_E_FAILED (logged). Done with git_done also then. */
int git_init(RunContext *run, Git *ret) _must_check_;
void git_done(Git *git);
/* Runs git with these arguments (ends with NULL) in the working directory; its lines go to the log, at ERROR when it
 * fails. output: what it wrote to standard output is returned instead; caller frees; may be NULL. RUN_E_FAILED
 * (logged): it has failed, or the task is killed. */
int git_run(Git *git, const char *const *arguments, char **output) _must_check_;
/* Applies the property gitConfig to the repository in `directory`. */
int git_configure(Git *git, const char *directory) _must_check_;
/* Makes `directory` (below the working directory) a copy of the branch's last commit. Without that branch: RUN_E_FAILED
 * (logged), or, with may_be_new, what the repository has else, if it has anything. */
int git_copy_branch(Git *git, const char *directory, const char *branch, bool may_be_new) _must_check_;
/* A name for such a directory, that there is not yet; caller frees. */
char *git_copy_name(void);
