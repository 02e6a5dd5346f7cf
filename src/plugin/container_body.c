/* SPDX-License-Identifier: Apache-2.0 */
/* Options of flows → body of POST /containers/create. Each value is read here, so that what an engine would answer with
 * a number and half a sentence is told by the property's name. */
#include <ctype.h>

#include "doc/json.h"
#include "plugin/container.h"

static json_t *member(json_t *object, const char *name)
{
    json_t *value = json_object_get(object, name);
    if (!value) {
        value = json_object();
        json_object_set_new(object, name, value);
    }
    return value;
}

/* --- sizes and numbers --- */

/* "512MB", "1.5g", "64MiB", "4096": powers of 1024, as Docker and Kestra take them. */
static bool read_size(const char *text, int64_t *ret)
{
    static const char units[] = "kmgt";
    char *end;
    double number = strtod(text, &end);
    if (end == text || number < 0)
        return false;
    while (*end == ' ')
        end++;
    const char *unit = *end ? strchr(units, tolower((unsigned char)*end)) : NULL;
    for (const char *u = units; unit && u <= unit; u++)
        number *= 1024;
    end += unit != NULL;
    end += unit && *end == 'i';
    end += tolower((unsigned char)*end) == 'b';
    *ret = (int64_t)number;
    return *end == '\0' && number < (double)((int64_t)1 << 60);
}

/* The value as text; caller frees. NULL: not set. */
static char *text_of(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    if (!value || json_is_null(value))
        return NULL;
    return json_is_string(value) ? xstrdup(json_string_value(value)) : json_text(value);
}

static int add_size(RunContext *run, const json_t *from, const char *name, json_t *host, const char *as)
{
    _cleanup_free_ char *text = text_of(from, name);
    int64_t size = -1;
    if (!text)
        return 0;
    if (!streq(text, "-1") && !read_size(text, &size))
        return run_fail(run, "%s must be a size such as 512MB, found '%s'", name, text);
    json_object_set_new(host, as, json_integer(size));
    return 0;
}

static int add_memory(RunContext *run, const json_t *options, json_t *host)
{
    static const struct {
        const char *name, *as;
    } rows[] = {{"memory", "Memory"},
                {"memorySwap", "MemorySwap"},
                {"memorySwappiness", "MemorySwappiness"},
                {"memoryReservation", "MemoryReservation"},
                {"kernelMemory", "KernelMemory"}};
    const json_t *memory = json_object_get(options, "memory");
    int r = add_size(run, options, "shmSize", host, "ShmSize");
    for (size_t i = 0; r == 0 && i < ELEMENTS(rows); i++)
        r = add_size(run, memory, rows[i].name, host, rows[i].as);
    _cleanup_free_ char *kill = text_of(memory, "oomKillDisable");
    if (kill)
        json_object_set_new(host, "OomKillDisable", json_boolean(streq(kill, "true")));
    return r;
}

static int add_cpu(RunContext *run, const json_t *options, json_t *host)
{
    _cleanup_free_ char *text = text_of(json_object_get(options, "cpu"), "cpus");
    char *end = NULL;
    double cpus = text ? strtod(text, &end) : 0;
    if (!text)
        return 0;
    if (end == text || *end || !(cpus > 0 && cpus < 1e6))
        return run_fail(run, "cpu.cpus must be a number of CPUs such as 1.5, found '%s'", text);
    json_object_set_new(host, "NanoCpus", json_integer((json_int_t)(cpus * 1e9)));
    return 0;
}

/* --- ports --- */

static bool is_port(const char *text, bool may_be_empty)
{
    unsigned value = 0;
    if (!*text)
        return may_be_empty;
    for (; *text; text++) {
        if (!isdigit((unsigned char)*text))
            return false;
        value = value * 10 + (unsigned)(*text - '0');
        if (value > 65535)
            return false;
    }
    return value > 0;
}

/* "[address:]port:port[/protocol]", or the container's port alone. */
static int add_port(RunContext *run, const char *binding, json_t *body, json_t *host)
{
    _cleanup_free_ char *text = xstrdup(binding);
    char *slash = strchr(text, '/'), *address = text, *of_host = NULL;
    const char *protocol = slash ? slash + 1 : "tcp";
    if (slash)
        *slash = '\0';
    char *colon = strrchr(text, ':'), *inside = text;
    if (colon) {
        *colon = '\0';
        inside = colon + 1;
        of_host = strrchr(text, ':');
        address = of_host ? text : text + strlen(text);
        if (of_host)
            *of_host++ = '\0';
        else
            of_host = text, address = (char *)"";
    } else {
        address = (char *)"";
    }
    bool is_protocol = streq(protocol, "tcp") || streq(protocol, "udp") || streq(protocol, "sctp");
    if (!is_port(inside, false) || !is_port(of_host ? of_host : "", true) || !is_protocol)
        return run_fail(run, "portBindings: '%s' is not of the form [address:]port:port[/protocol]", binding);
    _cleanup_free_ char *port = xasprintf("%s/%s", inside, protocol);
    json_t *bindings = member(host, "PortBindings"), *list = json_object_get(bindings, port);
    if (!list) {
        list = json_array();
        json_object_set_new(bindings, port, list);
        json_object_set_new(member(body, "ExposedPorts"), port, json_object());
    }
    json_array_append_new(list, json_pack("{s:s, s:s}", "HostIp", address, "HostPort", of_host ? of_host : ""));
    return 0;
}

static int add_ports(RunContext *run, const json_t *options, json_t *body, json_t *host)
{
    size_t i;
    const json_t *binding;
    int r = 0;
    json_array_foreach (json_object_get(options, "portBindings"), i, binding) {
        _cleanup_free_ char *text = json_is_string(binding) ? xstrdup(json_string_value(binding)) : json_text(binding);
        r = r == 0 ? add_port(run, text, body, host) : r;
    }
    return r;
}

/* --- devices --- */

static json_t *integer_of(const json_t *object, const char *name)
{
    _cleanup_free_ char *text = text_of(object, name);
    return text ? json_integer(strtoimax(text, NULL, 10)) : NULL;
}

static void add_devices(const json_t *options, json_t *host)
{
    size_t i;
    const json_t *asked;
    json_array_foreach (json_object_get(options, "deviceRequests"), i, asked) {
        json_t *request = json_object(), *list = json_object_get(host, "DeviceRequests");
        json_set_text(request, "Driver", json_get_text(asked, "driver", NULL));
        json_set_present(request, "Count", integer_of(asked, "count"));
        json_set_present(request, "DeviceIDs", json_incref(json_object_get(asked, "deviceIds")));
        json_set_present(request, "Capabilities", json_incref(json_object_get(asked, "capabilities")));
        json_set_present(request, "Options", json_incref(json_object_get(asked, "options")));
        if (!list) {
            list = json_array();
            json_object_set_new(host, "DeviceRequests", list);
        }
        json_array_append_new(list, request);
    }
}

/* --- command --- */

static json_t *words_of(char **argv, size_t first)
{
    json_t *words = json_array();
    for (char **word = argv; word && *word; word++)
        if ((size_t)(word - argv) >= first)
            json_array_append_new(words, json_string(*word));
    return words;
}

/* An entry point of one empty text is that of no image: the command alone, which every engine understands so. */
static void add_command(const ScriptContext *script, const json_t *options, json_t *body)
{
    const json_t *entry = json_object_get(options, "entryPoint");
    bool is_plain = json_array_size(entry) == 1 && streq(json_string_value(json_array_get(entry, 0)), "");
    if (is_plain && script->argv && script->argv[0]) {
        json_object_set_new(body, "Entrypoint", json_pack("[s]", script->argv[0]));
        json_object_set_new(body, "Cmd", words_of(script->argv, 1));
        return;
    }
    if (json_array_size(entry) > 0 && !is_plain)
        json_object_set(body, "Entrypoint", (json_t *)entry);
    if (script->argv && script->argv[0])
        json_object_set_new(body, "Cmd", words_of(script->argv, 0));
}

static void add_environment(const ScriptContext *script, json_t *body)
{
    const char *name;
    json_t *value, *list = json_array();
    json_object_foreach (script->environment, name, value) {
        _cleanup_free_ char *text = json_is_string(value) ? NULL : json_text(value);
        json_array_append_new(list, json_sprintf("%s=%s", name, text ? text : json_string_value(value)));
    }
    json_object_set_new(body, "Env", list);
}

/* Kestra: ScriptService.labels. */
static void add_labels(const RunContext *run, json_t *body)
{
    static const struct {
        const char *label, *path;
    } rows[] = {{"kestra.io/namespace", "flow.namespace"},
                {"kestra.io/flow-id", "flow.id"},
                {"kestra.io/task-id", "task.id"},
                {"kestra.io/execution-id", "execution.id"},
                {"kestra.io/taskrun-id", "taskrun.id"}};
    json_t *labels = member(body, "Labels");
    for (size_t i = 0; i < ELEMENTS(rows); i++)
        json_set_text(labels, rows[i].label, json_string_value(json_at(run->render->variables, rows[i].path)));
}

static void add_lists(const RunContext *run, const ScriptContext *script, const json_t *options, json_t *host)
{
    const char *strategy = json_get_text(options, "fileHandlingStrategy", "VOLUME");
    json_t *binds = json_array();
    if (streq(strategy, "MOUNT") && run->working_directory)
        json_array_append_new(binds, json_sprintf("%s:%s", run->working_directory, run->working_directory));
    json_array_extend(binds, json_object_get(options, "volumes"));
    json_object_set_new(host, "Binds", binds);
    json_set_present(host, "ExtraHosts", json_incref(json_object_get(options, "extraHosts")));
    json_set_text(host, "NetworkMode", json_get_text(options, "networkMode", NULL));
}

int container_body(RunContext *run, const ScriptContext *script, json_t **ret)
{
    const json_t *options = json_object_get(script->container, "options");
    _cleanup_json_ json_t *body = json_object();
    json_t *host = member(body, "HostConfig");
    json_set_text(body, "Image", json_get_text(script->container, "image", ""));
    json_set_text(body, "User", json_get_text(options, "user", NULL));
    json_set_text(body, "WorkingDir", run->working_directory);
    _cleanup_free_ char *privileged = text_of(options, "privileged");
    if (privileged && streq(privileged, "true"))
        json_object_set_new(host, "Privileged", json_true());
    add_command(script, options, body);
    add_environment(script, body);
    add_labels(run, body);
    add_lists(run, script, options, host);
    add_devices(options, host);
    int r = add_memory(run, options, host);
    if (r == 0)
        r = add_cpu(run, options, host);
    if (r == 0)
        r = add_ports(run, options, body, host);
    if (r == 0)
        *ret = json_incref(body);
    return r;
}
