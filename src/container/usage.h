/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What a container has used, out of the engine's statistics, which come once a second while it runs. */
#include "doc/json.h"

typedef struct ContainerUsage {
    Buffer line; /* that has not ended */
    uint64_t memory_peak_bytes, user_usec, system_usec;
    bool known;
} ContainerUsage;
void container_usage_done(ContainerUsage *usage);

/* EngineRequest.take; userdata: a ContainerUsage. */
bool container_usage_take(void *userdata, const char *bytes, size_t length);
/* Gives it to the worker as a line ::{"metrics":…}::, under the names of worker/usage.c; nothing when not known.
 * in_line: our output stands in a line that has not ended. */
void container_usage_report(const ContainerUsage *usage, const char *attempt, bool in_line, int cancel_fd);
