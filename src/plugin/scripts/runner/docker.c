/* SPDX-License-Identifier: Apache-2.0 */
/* io.kestra.plugin.scripts.runner.docker.Docker: script tasks run in a container of Docker or Podman. */
#include "plugin/container.h"

static const Field fields[] = {
    {"image", FIELD_STRING, FIELD_DYNAMIC | FIELD_DEPRECATED, .doc = "Use containerImage of the task."},
    CONTAINER_ENTRY_POINT_FIELD("[\"\"]"),
    CONTAINER_PULL_FIELD,
    CONTAINER_FIELDS,
    {"fileHandlingStrategy", FIELD_ENUM, FIELD_DYNAMIC | FIELD_REQUIRED, .values = container_file_strategies,
     .fallback = "\"VOLUME\"",
     .doc = "How the working directory comes into the container: copied there and back, or mounted (the engine must be "
            "on this host)."},
    {"delete", FIELD_BOOLEAN, FIELD_DYNAMIC | FIELD_REQUIRED, .fallback = "true",
     .doc = "Remove the container when it has ended."},
    {"wait", FIELD_BOOLEAN, FIELD_DYNAMIC | FIELD_REQUIRED, .fallback = "true",
     .doc = "Wait for its end. Otherwise it goes on, is nobody's, and is not removed."},
    {"killGracePeriod", FIELD_DURATION, FIELD_DYNAMIC, .fallback = "\"PT0S\"",
     .doc = "Time between the signals TERM and KILL when the task is killed or its time is over."},
    {"resume", FIELD_BOOLEAN, FIELD_DYNAMIC, .fallback = "true",
     .doc = "Accepted. A worker that is reloaded always finds its containers again; of one that died none is left."},
    {},
};

const Type runner_docker = {
    .name = "io.kestra.plugin.scripts.runner.docker.Docker",
    .aliases = (const char *const[]){"io.kestra.plugin.scripts.runner.docker.DockerTaskRunner", NULL},
    .kind = TYPE_TASK_RUNNER,
    .where = RUN_NOWHERE,
    .title = "Run the script in a container of Docker or Podman.",
    .doc = "The image is the task's `containerImage`. The working directory has the same path in the container "
           "(`{{ workingDir }}`, `WORKING_DIR`); what the script leaves there are its `outputFiles`. Killing the task "
           "or reaching its timeout removes the container.",
    .examples = (const char *const[]){"id: hello\n"
                                      "type: io.kestra.plugin.scripts.shell.Commands\n"
                                      "containerImage: debian:12-slim\n"
                                      "taskRunner:\n"
                                      "  type: io.kestra.plugin.scripts.runner.docker.Docker\n"
                                      "  pullPolicy: IF_NOT_PRESENT\n"
                                      "  memory:\n"
                                      "    memory: 512MB\n"
                                      "commands:\n"
                                      "  - echo \"Hello from $(cat /etc/debian_version)\"\n",
                                      NULL},
    .fields = fields,
};
