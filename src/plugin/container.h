/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What flows say about the container that a task runs in: the rows of the Docker task runner, of docker.Run and of the
 * older `docker` of script tasks are the same. */
#include "plugin/run.h"

extern const char *const container_pull_policies[];
extern const char *const container_file_strategies[];
extern const Field fields_container_credentials[], fields_container_devices[], fields_container_cpu[],
    fields_container_memory[];
/* All of `docker`. Kestra: DockerOptions. */
extern const Field fields_container_legacy[];

/* Kestra: Docker, DockerService, Run. */
#define CONTAINER_FIELDS                                                                                               \
    {"host", FIELD_STRING, FIELD_DYNAMIC, .aliases = (const char *const[]){"dockerHost", NULL},                        \
     .doc = "Address of the engine, unix:///… or tcp://…; by default the one of worker.containers.host."},             \
        {"config", FIELD_ANY, FIELD_DYNAMIC, .aliases = (const char *const[]){"dockerConfig", NULL},                   \
         .doc = "Content of a Docker client's config.json, of which the logins (auths) are used: text or map."},       \
        {"credentials", FIELD_OBJECT, FIELD_DYNAMIC, .fields = fields_container_credentials,                           \
         .doc = "Login at the registry of the image."},                                                                \
        {"user", FIELD_STRING, FIELD_DYNAMIC, .doc = "User in the container: name or number, with :group."},           \
        {"extraHosts", FIELD_LIST, FIELD_DYNAMIC, .item = FIELD_STRING, .doc = "Lines of /etc/hosts, name:address."},  \
        {"networkMode", FIELD_STRING, FIELD_DYNAMIC,                                                                   \
         .doc = "Network of the container: bridge, host, none or a name."},                                            \
        {"portBindings", FIELD_LIST, FIELD_DYNAMIC, .item = FIELD_STRING,                                              \
         .doc = "Ports of the host that lead into the container: [address:]port:port[/protocol]."},                    \
        {"volumes", FIELD_LIST, FIELD_DYNAMIC, .item = FIELD_STRING,                                                   \
         .doc = "Directories of the host in the container, /host:/container[:ro]; only where the server's "            \
                "settings allow it (worker.containers.volumes)."},                                                     \
        {"deviceRequests",                                                                                             \
         FIELD_LIST,                                                                                                   \
         FIELD_DYNAMIC,                                                                                                \
         .item = FIELD_OBJECT,                                                                                         \
         .fields = fields_container_devices,                                                                           \
         .doc = "Devices such as GPUs, by their drivers."},                                                            \
        {"cpu", FIELD_OBJECT, FIELD_DYNAMIC, .fields = fields_container_cpu, .doc = "Limit of CPU time."},             \
        {"memory", FIELD_OBJECT, FIELD_DYNAMIC, .fields = fields_container_memory, .doc = "Limits of memory."},        \
        {"shmSize", FIELD_STRING, FIELD_DYNAMIC, .doc = "Size of /dev/shm, as 64MB."},                                 \
    {                                                                                                                  \
        "privileged", FIELD_BOOLEAN, FIELD_DYNAMIC,                                                                    \
            .doc = "All rights on the host; only where the server's settings allow it "                                \
                   "(worker.containers.privileged)."                                                                   \
    }
/* Apart, because their defaults differ. */
#define CONTAINER_PULL_FIELD                                                                                           \
    {                                                                                                                  \
        "pullPolicy", FIELD_ENUM, FIELD_DYNAMIC,                                                                       \
            .values = container_pull_policies,                                                                         \
            .doc = "When the image is fetched: ALWAYS, IF_NOT_PRESENT, NEVER. Left out: always, and the image that "   \
                   "is there if that fails."                                                                           \
    }
#define CONTAINER_ENTRY_POINT_FIELD(DEFAULT)                                                                           \
    {                                                                                                                  \
        "entryPoint", FIELD_LIST, FIELD_DYNAMIC,                                                                       \
            .item = FIELD_STRING, .fallback = (DEFAULT),                                                               \
            .doc = "Program of the container; \"\" in place of the image's: the commands alone."                       \
    }

/* What the administrator says (worker.containers.*, worker.scripts.runner). Texts are borrowed. */
typedef struct ContainerPolicy {
    const char *runner;        /* auto, process, docker; NULL: process */
    const char *host;          /* "": the first engine's socket that is there */
    const char *certificates;  /* directory for TLS; or NULL */
    const json_t *environment; /* of every task (worker.environment); or NULL */
    bool volumes, privileged;
} ContainerPolicy;

/* Sets ret->container: what the task says of a container (choice, image, options), rendered and not yet judged. */
int container_read(RunContext *run, ScriptContext *ret) _must_check_;
/* The same for a task that is nothing but a container (docker.Run): its own properties are the options. */
int container_read_own(RunContext *run, ScriptContext *ret) _must_check_;
/* Whether it runs in a container: *ret is what kestra-container is to do (container/task.h), new; NULL: as a process,
 * which is logged when the task names an image. RUN_E_FAILED (logged): it is not allowed, not possible or badly said.
 */
struct LimitPolicy;
int container_decide(RunContext *run, const ContainerPolicy *policy, const struct LimitPolicy *limits,
                     const ScriptContext *script, json_t **ret) _must_check_;
/* Address of the engine that is used when a task names none; NULL: there is none. Caller frees. */
char *container_host(const ContainerPolicy *policy);
/* X-Registry-Auth for the image, out of `credentials` and `config` of the options; NULL: no login. Caller frees.
 * RUN_E_FAILED (logged). */
int container_auth(RunContext *run, const json_t *options, const char *image, char **ret) _must_check_;
/* HostConfig and the rest of POST /containers/create, out of the options. RUN_E_FAILED (logged). New. */
int container_body(RunContext *run, const ScriptContext *script, json_t **ret) _must_check_;
