/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What a Python task finds beside its own code. */
#include "plugin/run.h"

struct Buffer;

/* The rows of both Python types. */
extern const char *const python_managers[];
#define PYTHON_FIELDS                                                                                                  \
    {"dependencies", FIELD_LIST, FIELD_DYNAMIC, .item = FIELD_STRING,                                                  \
     .doc = "Packages that the script needs, as pip names them (`pandas`, `requests>=2.28`). Installed before the "    \
            "beforeCommands and kept on the worker for the next task that needs the same."},                           \
        {"pythonVersion", FIELD_STRING, FIELD_DYNAMIC,                                                                 \
         .doc = "Version of Python (`3.12`): a python3.12 of the worker, or what uv finds or installs."},              \
        {"dependencyCacheEnabled", FIELD_BOOLEAN, FIELD_DYNAMIC, .fallback = "true",                                   \
         .doc = "Whether the installed dependencies are kept for other tasks."},                                       \
        {"packageManager",     FIELD_ENUM,                                                                             \
         FIELD_DYNAMIC,        .values = python_managers,                                                              \
         .fallback = "\"UV\"", .doc = "What installs the dependencies; pip where there is no uv."},                    \
        {"uvAutoInstallEnabled", FIELD_BOOLEAN, FIELD_DYNAMIC | FIELD_IGNORED, .doc = "uv is never downloaded."},      \
        {"uvInstallerVersion", FIELD_STRING, FIELD_DYNAMIC | FIELD_IGNORED, .doc = "uv is never downloaded."},         \
    {                                                                                                                  \
        "uvInstallerSha256", FIELD_STRING, FIELD_DYNAMIC | FIELD_IGNORED, .doc = "uv is never downloaded."             \
    }

/*
 * Appends shell code that goes before everything else of the task:
 *  - `python` is there, and is the wanted version;
 *  - `pip install` installs for this task alone, also where the system forbids it (PEP 668);
 *  - the module `kestra` can be imported, unless the one of PyPI is installed;
 *  - the property dependencies is installed: in a directory beside those of the tasks, named by a hash of all that it
 *    depends on, made once and then shared; in the task's own directory where that one cannot be written (a sandbox).
 * ScriptLanguage.begin. RUN_E_FAILED (logged).
 */
int python_begin(RunContext *run, struct Buffer *text) _must_check_;
