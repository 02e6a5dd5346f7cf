/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What kestra-container is told to do, as one JSON object:
 *
 *   action            run, pull, push, tag, build, stop, rm, sweep
 *   host, certificates  of the engine (engine.h)
 *   image, auth       name of the image; X-Registry-Auth for its registry, or absent
 *   pull              ALWAYS, IF_NOT_PRESENT, NEVER; "": always, and the image that is there when that fails
 *   create            body of POST /containers/create
 *   directory, files  working directory; VOLUME: copied there and back, MOUNT: it is among the binds already
 *   collect           whether what is in the directory afterwards is wanted
 *   delete, wait      as in flows
 *   graceSeconds      from TERM to KILL
 *   attempt           tag of metrics; absent: none are given
 *   arguments         of the other actions: see actions.c
 */
#include "base/spawn.h"
#include "container/engine.h"

/* Status of our own failures, as the engines' programs have it. */
enum { CONTAINER_STATUS_FAILED = 125, CONTAINER_STATUS_CANCELLED = 143 };

typedef struct ContainerTask {
    const json_t *spec;
    Engine *engine;
    Spawner *spawner;
    int cancel_fd;
} ContainerTask;

/* Does it; returns the status to exit with. */
int container_task_run(ContainerTask *task);
/* Removes containers of helpers of this host that are gone. */
int container_sweep(ContainerTask *task);

/* --- what the actions share --- */

/* One request of which failures are told: 0, or a status to exit with. `what` begins the message. ret may be NULL. */
int container_call(ContainerTask *task, const EngineRequest *request, const char *what, EngineAnswer *ret);
/* A request whose answer is a stream of JSON lines (pull, push, build); its failures are told. ret_image: the id of
 * an image that was built, or NULL; may be NULL. quiet: failures become *ret_why and are not told; may be NULL. */
int container_progress(ContainerTask *task, EngineRequest *request, const char *what, char **ret_image, char **ret_why);
/* Makes sure that the image is there, by its policy. */
int container_pull(ContainerTask *task);
/* To standard error, as a line; returns CONTAINER_STATUS_FAILED. */
int container_fail(const ContainerTask *task, const char *format, ...) _printf_(2, 3);
/* A line for the worker: ::{"logs":[…]}::, or any message. */
void container_log(const ContainerTask *task, const char *level, const char *format, ...) _printf_(3, 4);
void container_say(const ContainerTask *task, const json_t *message);
/* Labels by which a sweep knows whose a container is. */
char *container_host_id(void);
char *container_keeper(void);
/* pull, push, tag, build, stop, rm */
int container_action(ContainerTask *task, const char *action);
