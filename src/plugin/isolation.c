/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/isolation.h"

static int read_both(RunContext *run, const json_t *runner, const char *property, json_t **ret)
{
    json_t *of_runner = json_object_get(runner, property);
    int r = run_value(run, property, ret);
    if (r != 0)
        return r;
    if (*ret && of_runner)
        (void)json_object_update(*ret, of_runner); /* both are objects: the check of the flow saw to it */
    else if (of_runner)
        *ret = json_incref(of_runner);
    return 0;
}

int isolation_read(RunContext *run, ScriptContext *ret)
{
    _cleanup_json_ json_t *runner = NULL;
    int r = run_value(run, "taskRunner", &runner);
    if (r == 0)
        r = read_both(run, runner, "limits", &ret->limits);
    if (r == 0)
        r = read_both(run, runner, "sandbox", &ret->sandbox);
    return r;
}
