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
    {"io.kestra.plugin.scripts.bun.", "bun", "https://bun.sh", "bun run ", ".ts", shell, "set -e"},
    {"io.kestra.plugin.scripts.deno.", "deno", "https://deno.com", "deno run ", ".ts", shell, "set -e"},
    {"io.kestra.plugin.scripts.dotnet.", "dotnet", "https://dotnet.microsoft.com", "dotnet-script ", ".csx", shell,
     "set -e"},
    {"io.kestra.plugin.scripts.go.", "go", "apt install golang-go", "go run ", ".go", shell, "set -e"},
    {"io.kestra.plugin.scripts.groovy.", "groovy", "apt install groovy", "groovy ", ".groovy", shell, "set -e"},
    {"io.kestra.plugin.scripts.jbang.", "jbang", "https://www.jbang.dev", "jbang --quiet ", ".java", shell, "set -e"},
    {"io.kestra.plugin.scripts.julia.", "julia", "https://julialang.org", "julia ", ".jl", shell, "set -e"},
    {"io.kestra.plugin.scripts.lua.", "lua", "apt install lua5.4", "lua ", ".lua", shell, "set -e"},
    {"io.kestra.plugin.scripts.perl.", "perl", "apt install perl", "perl ", ".pl", shell, "set -e"},
    {"io.kestra.plugin.scripts.php.", "php", "apt install php-cli", "php ", ".php", shell, "set -e"},
    {"io.kestra.plugin.dbt.", "dbt", "pip install dbt-core", NULL, NULL, shell, "set -e"},
    {"io.kestra.plugin.terraform.", "terraform", "https://developer.hashicorp.com/terraform", NULL, NULL, shell,
     "set -e"},
    {"io.kestra.plugin.opentofu.", "tofu", "https://opentofu.org", NULL, NULL, shell, "set -e"},
    {"io.kestra.plugin.ansible.", "ansible", "apt install ansible", NULL, NULL, shell, "set -e"},
    {"io.kestra.plugin.aws.", "aws", "apt install awscli", NULL, NULL, shell, "set -e"},
    {"io.kestra.plugin.gcp.", "gcloud", "https://cloud.google.com/sdk", NULL, NULL, shell, "set -e"},
    {"io.kestra.plugin.azure.", "az", "https://learn.microsoft.com/cli/azure", NULL, NULL, shell, "set -e"},
    {"io.kestra.plugin.sqlmesh.", "sqlmesh", "pip install sqlmesh", NULL, NULL, shell, "set -e"},
    {"io.kestra.plugin.modal.", "modal", "pip install modal", NULL, NULL, shell, "set -e"},
    {"io.kestra.plugin.cloudquery.", "cloudquery", "https://www.cloudquery.io", NULL, NULL, shell, "set -e"},
    {"io.kestra.plugin.trivy.", "trivy", "https://trivy.dev", NULL, NULL, shell, "set -e"},
    {"io.kestra.plugin.spark.", "spark-submit", "https://spark.apache.org", NULL, NULL, shell, "set -e"},
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
