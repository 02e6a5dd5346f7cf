/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A working directory as the tar archives that engines take and give; read and written by the program tar, as the user
 * of tasks: what the task itself may not do on this host is not done for it. */
#include "base/spawn.h"

typedef struct Archive Archive;

/* What is in `directory`, under `prefix` (a path without the first slash), owned by root. is_open: everybody may read
 * and write it; engines do not agree on owners in archives. An outage: tar cannot be started. */
int archive_pack(Spawner *spawner, const char *directory, const char *prefix, bool is_open, int cancel_fd,
                 Archive **ret) _must_check_;
/* Into `directory`, without the first part of each name. */
int archive_unpack(Spawner *spawner, const char *directory, int cancel_fd, Archive **ret) _must_check_;
/* EngineRequest.give and .take; userdata: an Archive. */
ssize_t archive_give(void *userdata, char *bytes, size_t size);
bool archive_take(void *userdata, const char *bytes, size_t length);
/* Closes it and waits for tar; false: it was not done in full (tar has said why on standard error). */
bool archive_end(Archive *archive);
Archive *archive_free(Archive *archive);
DEFINE_CLEANUP(Archive *, archive_free);
