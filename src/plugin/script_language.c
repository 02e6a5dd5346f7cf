/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/script_language.h"

#include <unistd.h>

#include "plugin/scripts/python/environment.h"

static const char *const shell[] = {"/bin/sh", "-c", NULL};
static const char *const powershell[] = {"pwsh", "-NoProfile", "-NonInteractive", "-Command", NULL};

/* The last row fits all. */
static const ScriptLanguage languages[] = {
    {"io.kestra.plugin.scripts.python.", "python3", "apt install python3", "python3 ", ".py", shell, "set -e",
     python_begin},
    {"io.kestra.plugin.scripts.node.", "node", "apt install nodejs", "node ", ".js", shell, "set -e"},
    {"io.kestra.plugin.scripts.r.", "Rscript", "apt install r-base-core", "Rscript ", ".R", shell, "set -e"},
    {"io.kestra.plugin.scripts.ruby.", "ruby", "apt install ruby", "ruby ", ".rb", shell, "set -e"},
    {"io.kestra.plugin.scripts.powershell.", "pwsh", "the package powershell of https://packages.microsoft.com", NULL,
     ".ps1", powershell, "$ErrorActionPreference = 'Stop'"},
    {"", NULL, NULL, NULL, NULL, shell, "set -e"},
};

const ScriptLanguage *script_language(const RunContext *run)
{
    const ScriptLanguage *language = languages;
    while (!starts_with(run->task->type->name, language->types))
        language++;
    return language;
}

static bool is_on_path(const char *program, const char *path)
{
    for (const char *at = path; *at; at += *at == ':') {
        size_t length = strcspn(at, ":");
        _cleanup_free_ char *file = xasprintf("%.*s/%s", (int)length, at, program);
        if (access(file, X_OK) == 0)
            return true;
        at += length;
    }
    return false;
}

char *script_language_missing(const ScriptLanguage *language, const char *path)
{
    if (!language->program || is_on_path(language->program, path))
        return NULL;
    return xasprintf("%s is not installed on this worker (PATH %s): %s", language->program, path, language->package);
}
