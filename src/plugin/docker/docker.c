/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io.kestra.plugin.docker.*: a container without a script, and what else one does with images and containers. All are
 * done by kestra-container, as tasks in containers are: a row names its action.
 */
#include <libgen.h>
#include <sys/stat.h>
#include <unistd.h>

#include "doc/json.h"
#include "plugin/fields.h"
#include "plugin/script.h"
#include "plugin/script_files.h"

#define ENGINE_FIELDS                                                                                                  \
    {"host", FIELD_STRING, FIELD_DYNAMIC, .doc = "Address of the engine; by default worker.containers.host."},         \
        {"config", FIELD_ANY, FIELD_DYNAMIC,                                                                           \
         .doc = "Content of a Docker client's config.json, of which the logins "                                       \
                "are used: text or map."},                                                                             \
    {                                                                                                                  \
        "credentials", FIELD_OBJECT, FIELD_DYNAMIC, .fields = fields_container_credentials,                            \
                                                    .doc = "Login at the registry."                                    \
    }
#define FILE_FIELDS                                                                                                    \
    {"inputFiles", FIELD_ANY, FIELD_DYNAMIC, .doc = "Files written to the working directory first."},                  \
    {                                                                                                                  \
        "namespaceFiles", FIELD_OBJECT, 0, .fields = fields_namespace_files,                                           \
                                           .doc = "The namespace's files are put into the working directory first."    \
    }

/* action: of container/task.h. image: the property that names the image whose registry asks for a login. */
typedef struct DockerRow {
    const char *action, *image;
} DockerRow;

/* "registry/image" where the credentials name a registry that the image does not begin with. Caller frees. */
static char *full_image(const json_t *options, const char *image)
{
    const char *registry = json_get_text(json_object_get(options, "credentials"), "registry", "");
    const char *scheme = strstr(registry, "://"), *host = scheme ? scheme + 3 : registry;
    size_t length = strcspn(host, "/");
    if (length == 0 || strstr(registry, "docker.io") || strncmp(image, host, length) == 0)
        return xstrdup(image);
    return xasprintf("%.*s/%s", (int)length, host, image);
}

static int prepare_action(RunContext *run, ScriptContext *ret)
{
    const DockerRow *row = run->task->type->row;
    *ret = (ScriptContext){.argv = xnew_n(char *, 1), .environment = json_object()};
    int r = container_read_own(run, ret);
    if (r != 0) {
        script_context_done(ret);
        return r;
    }
    const json_t *options = json_object_get(ret->container, "options"), *value = json_object_get(options, row->image);
    const char *image = json_string_value(json_is_array(value) ? json_array_get(value, 0) : value);
    _cleanup_free_ char *full = full_image(options, image ? image : "");
    json_set_text(ret->container, "action", row->action);
    json_set_text(ret->container, "image", streq(row->action, "pull") ? full : image ? image : "-");
    return 0;
}

/* --- Run --- */

static const Field run_fields[] = {
    {"containerImage", FIELD_STRING, FIELD_DYNAMIC | FIELD_REQUIRED | FIELD_NOT_EMPTY, .doc = "The image."},
    {"commands", FIELD_LIST, FIELD_DYNAMIC, .item = FIELD_STRING,
     .doc = "Command and arguments; the image's own when there are none."},
    {"env", FIELD_MAP, FIELD_DYNAMIC, .item = FIELD_STRING, .doc = "Environment variables."},
    {"outputFiles", FIELD_LIST, FIELD_DYNAMIC, .item = FIELD_STRING,
     .doc = "Globs of files kept in internal storage when it has ended."},
    {"wait", FIELD_BOOLEAN, FIELD_DYNAMIC, .fallback = "true", .doc = "Wait for its end."},
    {"warningOnStdErr", FIELD_BOOLEAN, FIELD_DYNAMIC, .fallback = "true",
     .doc = "A line on standard error makes a successful task end in WARNING."},
    FILE_FIELDS,
    CONTAINER_ENTRY_POINT_FIELD(NULL),
    CONTAINER_PULL_FIELD,
    CONTAINER_FIELDS,
    {},
};

const Type task_docker_run = {
    .name = "io.kestra.plugin.docker.Run",
    .kind = TYPE_TASK,
    .where = RUN_PROCESS,
    .title = "Run a container.",
    .examples = (const char *const[]){"id: hello\n"
                                      "type: io.kestra.plugin.docker.Run\n"
                                      "containerImage: debian:12-slim\n"
                                      "commands: [echo, hello]\n",
                                      NULL},
    .fields = run_fields,
    .outputs = script_outputs,
    .prepare = script_prepare_container,
};

/* --- Build --- */

static const Field build_fields[] = {
    {"dockerfile", FIELD_STRING, FIELD_DYNAMIC | FIELD_REQUIRED | FIELD_NOT_EMPTY,
     .doc = "The Dockerfile's text, or the path of one in the working directory."},
    {"tags", FIELD_LIST, FIELD_DYNAMIC | FIELD_REQUIRED, .item = FIELD_STRING, .doc = "Names of the image."},
    {"push", FIELD_BOOLEAN, FIELD_DYNAMIC, .fallback = "false", .doc = "Push all tags afterwards."},
    {"pull", FIELD_BOOLEAN, FIELD_DYNAMIC, .fallback = "true", .doc = "Fetch the base image even if it is there."},
    {"platforms", FIELD_LIST, FIELD_DYNAMIC, .item = FIELD_STRING, .doc = "Platform of the image, as linux/amd64."},
    {"buildArgs", FIELD_MAP, FIELD_DYNAMIC, .item = FIELD_STRING, .doc = "Values for ARG."},
    {"labels", FIELD_MAP, FIELD_DYNAMIC, .item = FIELD_STRING, .doc = "Labels of the image."},
    FILE_FIELDS,
    ENGINE_FIELDS,
    {},
};
static const Field build_outputs[] = {
    {"imageId", FIELD_STRING, .doc = "Id of the image."},
    {},
};

/* The Dockerfile as a file of the working directory; its name there replaces the text. */
static int place_dockerfile(RunContext *run, json_t *options)
{
    const char *text = json_get_text(options, "dockerfile", "");
    _cleanup_free_ char *path = strchr(text, '\n') ? NULL : xasprintf("%s/%s", run->working_directory, text);
    struct stat st;
    if (path && lstat(path, &st) == 0 && S_ISREG(st.st_mode))
        return 0;
    _cleanup_free_ char *made = NULL;
    int r = script_files_temporary(run, text, strlen(text), ".dockerfile", &made);
    if (r == 0)
        json_set_text(options, "dockerfile", basename(made));
    return r;
}

static int prepare_build(RunContext *run, ScriptContext *ret)
{
    int r = prepare_action(run, ret);
    if (r == 0)
        r = script_files_write(run);
    if (r == 0)
        r = place_dockerfile(run, json_object_get(ret->container, "options"));
    if (r != 0)
        script_context_done(ret);
    return r;
}

const Type task_docker_build = {
    .name = "io.kestra.plugin.docker.Build",
    .kind = TYPE_TASK,
    .where = RUN_PROCESS,
    .title = "Build an image.",
    .examples = (const char *const[]){"id: build\n"
                                      "type: io.kestra.plugin.docker.Build\n"
                                      "dockerfile: |\n"
                                      "  FROM debian:12-slim\n"
                                      "  RUN apt-get update\n"
                                      "tags: [registry.example.com/tools:1]\n",
                                      NULL},
    .fields = build_fields,
    .outputs = build_outputs,
    .row = &(const DockerRow){"build", "tags"},
    .prepare = prepare_build,
};

/* --- the others --- */

static const Field pull_fields[] = {
    {"image", FIELD_STRING, FIELD_DYNAMIC | FIELD_REQUIRED | FIELD_NOT_EMPTY, .doc = "The image."}, ENGINE_FIELDS, {}};
static const Field push_fields[] = {
    {"tags", FIELD_LIST, FIELD_DYNAMIC | FIELD_REQUIRED, .item = FIELD_STRING, .doc = "Images with their registries."},
    ENGINE_FIELDS,
    {}};
static const Field tag_fields[] = {
    {"sourceImage", FIELD_STRING, FIELD_DYNAMIC | FIELD_REQUIRED | FIELD_NOT_EMPTY, .doc = "Name or id of an image."},
    {"targetImage", FIELD_STRING, FIELD_DYNAMIC | FIELD_REQUIRED | FIELD_NOT_EMPTY, .doc = "Its new name."},
    ENGINE_FIELDS,
    {}};
static const Field stop_fields[] = {
    {"containerId", FIELD_STRING, FIELD_DYNAMIC | FIELD_REQUIRED | FIELD_NOT_EMPTY, .doc = "Id or name."},
    {"kill", FIELD_BOOLEAN, FIELD_DYNAMIC, .fallback = "false", .doc = "By the signal KILL at once."},
    {"delete", FIELD_BOOLEAN, FIELD_DYNAMIC, .fallback = "true", .doc = "Remove it then."},
    ENGINE_FIELDS,
    {}};
static const Field rm_fields[] = {
    {"containerIds", FIELD_LIST, FIELD_DYNAMIC, .item = FIELD_STRING, .doc = "Containers to remove."},
    {"imageIds", FIELD_LIST, FIELD_DYNAMIC, .item = FIELD_STRING, .doc = "Images to remove."},
    {"removeVolumes", FIELD_BOOLEAN, FIELD_DYNAMIC, .fallback = "false", .doc = "With their nameless volumes."},
    {"force", FIELD_BOOLEAN, FIELD_DYNAMIC, .fallback = "false", .doc = "Also what runs or is used."},
    ENGINE_FIELDS,
    {}};
static const Field no_outputs[] = {{}};

#define ACTION(NAME, ACTION_NAME, IMAGE, TITLE, EXAMPLE, FIELDS)                                                       \
    {                                                                                                                  \
        .name = NAME, .kind = TYPE_TASK, .where = RUN_PROCESS, .title = (TITLE),                                       \
        .examples = (const char *const[]){"id: task\ntype: " NAME "\n" EXAMPLE, NULL}, .fields = (FIELDS),             \
        .outputs = no_outputs, .row = &(const DockerRow){ACTION_NAME, IMAGE}, .prepare = prepare_action,               \
    }
const Type task_docker_pull =
    ACTION("io.kestra.plugin.docker.Pull", "pull", "image", "Fetch an image.", "image: debian:12-slim\n", pull_fields);
const Type task_docker_push = ACTION("io.kestra.plugin.docker.Push", "push", "tags", "Push images to their registries.",
                                     "tags: [registry.example.com/tools:1]\n", push_fields);
const Type task_docker_tag =
    ACTION("io.kestra.plugin.docker.Tag", "tag", "sourceImage", "Give an image a further name.",
           "sourceImage: tools:1\ntargetImage: registry.example.com/tools:1\n", tag_fields);
const Type task_docker_stop = ACTION("io.kestra.plugin.docker.Stop", "stop", "", "Stop a container.",
                                     "containerId: \"{{ outputs.run.taskRunner.containerId }}\"\n", stop_fields);
const Type task_docker_rm = ACTION("io.kestra.plugin.docker.Rm", "rm", "", "Remove containers and images.",
                                   "containerIds: [my-app]\nforce: true\n", rm_fields);
