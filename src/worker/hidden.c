/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/hidden.h"

#include <libgen.h>
#include <stdlib.h>

#include "doc/json.h"

static void add(json_t *paths, const char *path)
{
    char *resolved = path && *path == '/' ? realpath(path, NULL) : NULL; /* what is not there needs no hiding */
    if (resolved && !streq(resolved, "/"))
        json_array_append_new(paths, json_string(resolved));
    free(resolved);
}

static void add_directory_of(json_t *paths, const char *file)
{
    _cleanup_free_ char *copy = xstrdup(file ? file : "");
    add(paths, dirname(copy));
}

json_t *hidden_paths(const WorkerSettings *settings, const char *socket)
{
    json_t *paths = json_array();
    add(paths, json_get_text(settings->storage, "storage.local.base-path", NULL));
    add(paths, settings->temporary_directory);
    add(paths, getenv("CREDENTIALS_DIRECTORY"));
    add(paths, "/run/credentials");
    add_directory_of(paths, socket);
    add(paths, "/run/kestra");
    add(paths, settings->database_socket_directory);
    add(paths, "/run/postgresql");
    add(paths, "/run/docker.sock");
    add(paths, "/run/podman");
    if (settings->containers.host && starts_with(settings->containers.host, "unix://"))
        add(paths, settings->containers.host + strlen("unix://"));
    return paths;
}
