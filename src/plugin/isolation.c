/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/isolation.h"

#include "doc/json.h"

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

static int refuse_containers(RunContext *run, const json_t *runner)
{
    const char *type = json_get_text(runner, "type", "");
    if (!starts_with(type, "io.kestra.plugin.scripts.runner.docker."))
        return 0;
    return run_fail(run, "The task runner %s needs a container engine, which this worker does not use", type);
}

int isolation_read(RunContext *run, ScriptContext *ret)
{
    _cleanup_json_ json_t *runner = NULL;
    int r = run_value(run, "taskRunner", &runner);
    if (r == 0)
        r = refuse_containers(run, runner);
    if (r == 0)
        r = read_both(run, runner, "limits", &ret->limits);
    if (r == 0)
        r = read_both(run, runner, "sandbox", &ret->sandbox);
    return r;
}
