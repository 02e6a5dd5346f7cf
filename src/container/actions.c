/* SPDX-License-Identifier: Apache-2.0 */
/* What docker.Build, Pull, Push, Tag, Stop and Rm do: a request or two each. `arguments` of the spec are the rendered
 * properties of the task. */
#include "container/archive.h"
#include "container/task.h"

#define NO_LOGIN "e30=" /* {}: Docker wants the header in any case */

static const json_t *argument(const ContainerTask *task, const char *name)
{
    return json_object_get(json_object_get(task->spec, "arguments"), name);
}

static bool flag(const ContainerTask *task, const char *name, bool fallback)
{
    const json_t *value = argument(task, name);
    if (json_is_string(value))
        return streq(json_string_value(value), "true");
    return value ? json_is_true(value) : fallback;
}

static const char *text(const ContainerTask *task, const char *name)
{
    const char *value = json_string_value(argument(task, name));
    return value ? value : "";
}

static int request(ContainerTask *task, const char *method, const char *path, const char *what)
{
    return container_call(task, &(EngineRequest){.method = method, .path = path}, what, NULL);
}

/* "host:5000/a:1" → name and tag, "latest" when there is none; both are the caller's. */
static void split(const char *image, char **ret_name, char **ret_tag)
{
    const char *scheme = strstr(image, "://"), *start = scheme ? scheme + 3 : image;
    const char *slash = strrchr(start, '/'), *colon = strchr(slash ? slash : start, ':');
    *ret_name = colon ? xstrndup(start, (size_t)(colon - start)) : xstrdup(start);
    *ret_tag = xstrdup(colon ? colon + 1 : "latest");
}

static int pull(ContainerTask *task)
{
    int r = container_pull(task);
    if (r == 0)
        container_log(task, "INFO", "Successfully pulled image %s", json_get_text(task->spec, "image", ""));
    return r;
}

static int tag(ContainerTask *task)
{
    _cleanup_free_ char *name = NULL, *version = NULL;
    split(text(task, "targetImage"), &name, &version);
    _cleanup_free_ char *source = engine_encode(text(task, "sourceImage")), *repository = engine_encode(name);
    _cleanup_free_ char *label = engine_encode(version);
    _cleanup_free_ char *path = xasprintf("/images/%s/tag?repo=%s&tag=%s", source, repository, label);
    int r = request(task, "POST", path, "The image cannot be tagged");
    if (r == 0)
        container_log(task, "INFO", "Tagged image %s as %s:%s", text(task, "sourceImage"), name, version);
    return r;
}

static int push_one(ContainerTask *task, const char *image)
{
    _cleanup_free_ char *name = NULL, *version = NULL, *what = xasprintf("The image %s cannot be pushed", image);
    split(image, &name, &version);
    _cleanup_free_ char *encoded = engine_encode(name), *label = engine_encode(version);
    _cleanup_free_ char *path = xasprintf("/images/%s/push?tag=%s", encoded, label);
    EngineRequest wanted = {
        .method = "POST", .path = path, .registry_auth = json_get_text(task->spec, "auth", NO_LOGIN)};
    int r = container_progress(task, &wanted, what, NULL, NULL);
    if (r == 0)
        container_log(task, "INFO", "Pushed image %s", image);
    return r;
}

static int push(ContainerTask *task)
{
    size_t i;
    const json_t *image;
    int r = 0;
    json_array_foreach (argument(task, "tags"), i, image)
        r = r == 0 ? push_one(task, json_string_value(image)) : r;
    return r;
}

/* --- build --- */

static void add_query(Buffer *query, const char *name, const char *value)
{
    _cleanup_free_ char *encoded = engine_encode(value);
    buffer_printf(query, "&%s=%s", name, encoded);
}

static void add_map(Buffer *query, const char *name, const json_t *map)
{
    _cleanup_free_ char *value = map ? json_text(map) : NULL;
    if (value)
        add_query(query, name, value);
}

static char *build_path(const ContainerTask *task)
{
    Buffer path = {};
    size_t i;
    const json_t *image;
    buffer_printf(&path, "/build?rm=1&forcerm=1&pull=%d", flag(task, "pull", true));
    add_query(&path, "dockerfile", text(task, "dockerfile"));
    json_array_foreach (argument(task, "tags"), i, image)
        add_query(&path, "t", json_string_value(image));
    json_array_foreach (argument(task, "platforms"), i, image)
        add_query(&path, "platform", json_string_value(image));
    add_map(&path, "buildargs", argument(task, "buildArgs"));
    add_map(&path, "labels", argument(task, "labels"));
    return buffer_take(&path);
}

static int build(ContainerTask *task)
{
    _cleanup_(archive_freep) Archive *archive = NULL;
    _cleanup_free_ char *path = build_path(task), *image = NULL;
    if (archive_pack(task->spawner, json_get_text(task->spec, "directory", ""), ".", false, task->cancel_fd, &archive) <
        0)
        return container_fail(task, "The program tar cannot be started: %m");
    EngineRequest wanted = {
        .method = "POST", .path = path, .registry_auth = NULL, .give = archive_give, .give_userdata = archive};
    int r = container_progress(task, &wanted, "The image cannot be built", &image, NULL);
    if (r == 0 && !archive_end(archive))
        r = container_fail(task, "The working directory cannot be read in full");
    _cleanup_json_ json_t *message = image ? json_pack("{s:{s:s}}", "outputs", "imageId", image) : NULL;
    if (r == 0 && message)
        container_say(task, message);
    return r == 0 && flag(task, "push", false) ? push(task) : r;
}

/* --- containers --- */

static int stop(ContainerTask *task)
{
    _cleanup_free_ char *id = engine_encode(text(task, "containerId"));
    _cleanup_free_ char *end = xasprintf("/containers/%s/%s", id, flag(task, "kill", false) ? "kill" : "stop");
    _cleanup_free_ char *away = xasprintf("/containers/%s", id);
    int r = request(task, "POST", end, "The container cannot be stopped");
    return r == 0 && flag(task, "delete", true) ? request(task, "DELETE", away, "The container cannot be removed") : r;
}

static int remove_all(ContainerTask *task, const char *list, const char *kind, const char *query)
{
    size_t i;
    const json_t *item;
    int r = 0;
    json_array_foreach (argument(task, list), i, item) {
        _cleanup_free_ char *id = engine_encode(json_is_string(item) ? json_string_value(item) : "");
        _cleanup_free_ char *path = xasprintf("/%s/%s?%s", kind, id, query);
        r = r == 0 ? request(task, "DELETE", path, "It cannot be removed") : r;
    }
    return r;
}

static int rm(ContainerTask *task)
{
    _cleanup_free_ char *query =
        xasprintf("force=%d&v=%d", flag(task, "force", false), flag(task, "removeVolumes", false));
    int r = remove_all(task, "containerIds", "containers", query);
    return r == 0 ? remove_all(task, "imageIds", "images", query) : r;
}

int container_action(ContainerTask *task, const char *action)
{
    static const struct {
        const char *name;
        int (*act)(ContainerTask *task);
    } rows[] = {{"pull", pull}, {"push", push}, {"tag", tag}, {"build", build}, {"stop", stop}, {"rm", rm}};
    for (size_t i = 0; i < ELEMENTS(rows); i++)
        if (streq(rows[i].name, action))
            return rows[i].act(task);
    return container_fail(task, "There is no action %s", action);
}
