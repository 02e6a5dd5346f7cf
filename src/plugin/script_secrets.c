/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/script_secrets.h"

#include "doc/json.h"
#include "model/log_entry.h"

#define VARIABLE "KESTRA_SCRIPT"

static bool is_secret(const JobContext *context, const char *text)
{
    _cleanup_free_ char *masked = mask_apply(&context->mask, text);
    return masked && !streq(masked, text);
}

static bool is_shell(const char *program)
{
    static const char *const shells[] = {"sh", "dash", "bash", "ksh", "zsh"};
    const char *slash = strrchr(program, '/'), *name = slash ? slash + 1 : program;
    for (size_t i = 0; i < ELEMENTS(shells); i++)
        if (streq(name, shells[i]))
            return true;
    return false;
}

void script_secrets_hide(JobContext *context, ScriptContext *script)
{
    size_t count = 0;
    while (script->argv[count])
        count++;
    char **text = &script->argv[count > 0 ? count - 1 : 0];
    if (count >= 3 && is_shell(script->argv[0]) && streq(script->argv[count - 2], "-c") && is_secret(context, *text)) {
        json_set_text(script->environment, VARIABLE, *text);
        free(*text);
        *text = xstrdup("eval \"unset " VARIABLE "; $" VARIABLE "\""); /* the text is there before it is unset */
    }
    for (size_t i = 0; i < count; i++)
        if (is_secret(context, script->argv[i])) {
            run_log(&context->run, LOG_LEVEL_WARN,
                    "The command holds a secret, which everybody on the worker's host can see while it runs: give it "
                    "by the "
                    "property env");
            return;
        }
}
