/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a task asks for is read where its other properties are rendered; whether it gets it is decided by the worker,
 * which alone knows what its administrator allows and whether there is an engine.
 */
#include <unistd.h>

#include "doc/json.h"
#include "model/log_entry.h"
#include "plugin/container.h"
#include "plugin/limits.h"
#include "when/duration.h"

#define RUNNER_PREFIX                "io.kestra.plugin.scripts.runner.docker."
#define CPU_SHARES_OF_WEIGHT(weight) ((weight)*1024 / 100)

/* --- reading --- */

/* The image that the type names where the task does not. */
static json_t *usual_image(const RunContext *run)
{
    const Field *field = field_find(run->task->type->fields, "containerImage");
    json_t *image = NULL;
    if (field && field->fallback && json_parse(field->fallback, strlen(field->fallback), 0, &image, NULL) != 0)
        image = NULL;
    return image;
}

/* choice: docker, auto. options: stolen. */
static int set_container(RunContext *run, ScriptContext *ret, const char *choice, json_t *options, bool is_legacy)
{
    _cleanup_free_ char *own = NULL;
    if (!options)
        options = json_object();
    if (!is_legacy && !json_object_get(options, "entryPoint"))
        json_object_set_new(options, "entryPoint", json_pack("[s]", ""));
    ret->container = json_pack("{s:s, s:o}", "choice", choice, "options", options);
    int r = run_text(run, "containerImage", &own);
    const char *image = json_get_text(options, "image", own);
    json_object_set_new(ret->container, "given", json_boolean(image != NULL));
    json_set_present(ret->container, "image", image ? json_string(image) : usual_image(run));
    return r;
}

int container_read(RunContext *run, ScriptContext *ret)
{
    _cleanup_json_ json_t *runner = NULL, *legacy = NULL;
    _cleanup_free_ char *older = NULL;
    int r = run_value(run, "taskRunner", &runner);
    if (r == 0)
        r = run_value(run, "docker", &legacy);
    if (r == 0)
        r = run_text(run, "runner", &older);
    if (r != 0)
        return r;
    if (runner && !starts_with(json_get_text(runner, "type", ""), RUNNER_PREFIX))
        return 0;
    if (runner)
        return set_container(run, ret, "docker", TAKE_PTR(runner), false);
    if (older && streq(older, "PROCESS"))
        return 0;
    bool is_legacy = legacy != NULL;
    return set_container(run, ret, older ? "docker" : "auto", TAKE_PTR(legacy), is_legacy);
}

int container_read_own(RunContext *run, ScriptContext *ret)
{
    _cleanup_json_ json_t *options = json_object();
    for (const Field *field = run->task->type->fields; field->name; field++) {
        json_t *value = NULL;
        int r = run_value(run, field->name, &value);
        if (r != 0)
            return r;
        json_set_present(options, field->name, value);
    }
    return set_container(run, ret, "docker", TAKE_PTR(options), true);
}

/* --- the engine --- */

char *container_host(const ContainerPolicy *policy)
{
    static const char *const sockets[] = {"/run/docker.sock", "/var/run/docker.sock", "/run/podman/podman.sock"};
    if (policy->host && *policy->host) {
        bool is_gone = starts_with(policy->host, "unix://") && access(policy->host + strlen("unix://"), W_OK) < 0;
        return is_gone ? NULL : xstrdup(policy->host);
    }
    for (size_t i = 0; i < ELEMENTS(sockets); i++)
        if (access(sockets[i], W_OK) == 0)
            return xasprintf("unix://%s", sockets[i]);
    return NULL;
}

/* Whether it is a container; *ret_host: of the engine. */
static int choose(RunContext *run, const ContainerPolicy *policy, const json_t *container, bool *ret, char **ret_host)
{
    const json_t *options = json_object_get(container, "options");
    bool is_asked = streq(json_get_text(container, "choice", ""), "docker");
    bool is_given = json_get_boolean(container, "given", false);
    const char *runner = policy->runner ? policy->runner : "process";
    bool is_auto = streq(runner, "auto"), is_docker = streq(runner, "docker");
    *ret = is_asked || is_docker || (is_auto && is_given);
    if (!*ret)
        return 0;
    const char *own = json_get_text(options, "host", json_get_text(options, "dockerHost", NULL));
    *ret_host = own ? xstrdup(own) : container_host(policy);
    if (*ret_host)
        return 0;
    if (is_asked || is_docker)
        return run_fail(run, "The task needs a container engine, and there is none on this worker: neither of "
                             "/run/docker.sock and /run/podman/podman.sock can be written, nor what "
                             "worker.containers.host names");
    *ret = false;
    run_log(run, LOG_LEVEL_INFO,
            "containerImage %s is not used, there is no container engine on this worker: the task "
            "runs as a process",
            json_get_text(container, "image", ""));
    return 0;
}

/* --- what is allowed --- */

static int judge(RunContext *run, const ContainerPolicy *policy, const json_t *container, const json_t *body)
{
    if (json_array_size(json_at(container, "options.volumes")) > 0 && !policy->volumes)
        return run_fail(run, "volumes are not allowed on this worker (worker.containers.volumes)");
    if (json_is_true(json_at(body, "HostConfig.Privileged")) && !policy->privileged)
        return run_fail(run, "privileged is not allowed on this worker (worker.containers.privileged)");
    if (!*json_get_text(container, "image", ""))
        return run_fail(run, "A container needs the property containerImage");
    return 0;
}

static void set_limit(json_t *host, const char *name, int64_t value)
{
    if (value != LIMIT_NONE)
        json_object_set_new(host, name, json_integer(value));
}

/* The server's limits hold for containers too; the engine enforces them all. */
static int limit(RunContext *run, const LimitPolicy *policy, const json_t *asked, json_t *host)
{
    _cleanup_json_ json_t *all = asked ? json_copy((json_t *)asked) : json_object();
    const json_t *memory = json_object_get(host, "Memory"), *cpus = json_object_get(host, "NanoCpus");
    LimitPolicy whole = *policy;
    Limits limits;
    whole.controllers = ~0U;
    if (memory)
        json_object_set(all, "memory", (json_t *)memory);
    if (cpus)
        json_object_set_new(all, "cpus", json_real((double)json_integer_value(cpus) / 1e9));
    int r = limits_decide(run, &whole, all, &limits);
    if (r != 0)
        return r;
    const int64_t *values = limits.values;
    set_limit(host, "Memory", values[LIMIT_MEMORY]);
    if (values[LIMIT_SWAP] != LIMIT_NONE && values[LIMIT_MEMORY] != LIMIT_NONE)
        set_limit(host, "MemorySwap", values[LIMIT_MEMORY] + values[LIMIT_SWAP]);
    if (values[LIMIT_CPUS] != LIMIT_NONE)
        set_limit(host, "NanoCpus", values[LIMIT_CPUS] * 1000000);
    if (values[LIMIT_CPU_WEIGHT] != LIMIT_NONE)
        set_limit(host, "CpuShares", CPU_SHARES_OF_WEIGHT(values[LIMIT_CPU_WEIGHT]));
    set_limit(host, "PidsLimit", values[LIMIT_PIDS]);
    return 0;
}

/* --- what is to be done --- */

static int set_choices(RunContext *run, const json_t *options, json_t *spec)
{
    static const struct {
        const char *name, *as;
        const char *const *values;
    } rows[] = {{"pullPolicy", "pull", container_pull_policies},
                {"fileHandlingStrategy", "files", container_file_strategies}};
    for (size_t i = 0; i < ELEMENTS(rows); i++) {
        const char *text = json_get_text(options, rows[i].name, NULL);
        const char *const *value = rows[i].values;
        while (text && *value && !streq(*value, text))
            value++;
        if (text && !*value)
            return run_fail(run, "%s must be one of %s, found '%s'", rows[i].name,
                            i == 0 ? "IF_NOT_PRESENT, ALWAYS, NEVER" : "MOUNT, VOLUME", text);
        json_set_text(spec, rows[i].as, text ? text : "");
    }
    return 0;
}

static bool flag_of(const json_t *options, const char *name)
{
    const json_t *value = json_object_get(options, name);
    return !(json_is_false(value) || (json_is_string(value) && streq(json_string_value(value), "false")));
}

static int set_grace(RunContext *run, const json_t *options, json_t *spec)
{
    const char *text = json_get_text(options, "killGracePeriod", NULL);
    usec_t grace = 0;
    if (text && duration_parse(text, &grace) != 0)
        return run_fail(run, "killGracePeriod is not a duration: '%s'", text);
    json_object_set_new(spec, "graceSeconds", json_integer((json_int_t)((grace + USEC_PER_SEC - 1) / USEC_PER_SEC)));
    return 0;
}

static int make_spec(RunContext *run, const ScriptContext *script, json_t *body, json_t *spec)
{
    const json_t *options = json_object_get(script->container, "options");
    const char *image = json_get_text(script->container, "image", "");
    _cleanup_free_ char *auth = NULL;
    json_set_text(spec, "action", "run");
    json_set_text(spec, "image", image);
    json_set_text(spec, "directory", run->working_directory);
    json_object_set(spec, "create", body);
    json_object_set_new(spec, "delete", json_boolean(flag_of(options, "delete")));
    json_object_set_new(spec, "wait", json_boolean(flag_of(options, "wait")));
    int r = set_choices(run, options, spec);
    if (r == 0)
        r = set_grace(run, options, spec);
    if (r == 0)
        r = container_auth(run, options, image, &auth);
    json_set_text(spec, "auth", auth);
    return r;
}

/* Variables of the server, where the task has none of the name. */
static void add_environment(const ContainerPolicy *policy, const ScriptContext *script, json_t *body)
{
    const char *name;
    json_t *value;
    json_object_foreach ((json_t *)policy->environment, name, value) {
        _cleanup_free_ char *text = json_is_string(value) ? NULL : json_text(value);
        if (!json_object_get(script->environment, name))
            json_array_append_new(json_object_get(body, "Env"),
                                  json_sprintf("%s=%s", name, text ? text : json_string_value(value)));
    }
}

/* What is no container (container/actions.c). */
static int make_action(RunContext *run, const ScriptContext *script, const char *action, json_t *spec)
{
    json_t *options = json_object_get(script->container, "options");
    const char *image = json_get_text(script->container, "image", "");
    _cleanup_free_ char *auth = NULL;
    int r = container_auth(run, options, image, &auth);
    json_set_text(spec, "action", action);
    json_set_text(spec, "image", image);
    json_set_text(spec, "pull", "ALWAYS");
    json_set_text(spec, "auth", auth);
    json_set_text(spec, "directory", run->working_directory);
    json_object_set(spec, "arguments", options);
    return r;
}

int container_decide(RunContext *run, const ContainerPolicy *policy, const LimitPolicy *limits,
                     const ScriptContext *script, json_t **ret)
{
    _cleanup_json_ json_t *body = NULL, *spec = json_object();
    _cleanup_free_ char *host = NULL;
    bool wanted = false;
    *ret = NULL;
    int r = script->container ? choose(run, policy, script->container, &wanted, &host) : 0;
    if (r != 0 || !wanted)
        return r;
    const char *action = json_get_text(script->container, "action", NULL);
    if (action)
        r = make_action(run, script, action, spec);
    if (r != 0 || action) {
        json_set_text(spec, "host", host);
        json_set_text(spec, "certificates", policy->certificates);
        *ret = r == 0 ? TAKE_PTR(spec) : NULL;
        return r;
    }
    r = container_body(run, script, &body);
    if (r == 0)
        r = judge(run, policy, script->container, body);
    if (r == 0)
        r = limit(run, limits, script->limits, json_object_get(body, "HostConfig"));
    if (r == 0)
        r = make_spec(run, script, body, spec);
    if (r != 0)
        return r;
    add_environment(policy, script, body);
    json_set_text(spec, "host", host);
    json_set_text(spec, "certificates", policy->certificates);
    *ret = TAKE_PTR(spec);
    return 0;
}
