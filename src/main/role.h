/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the main() of every role does: arguments, process state, settings, log; then the role runs. */
#include "doc/conf.h"

typedef struct Role {
    const char *name; /* "executor": program kestra-executor, socket executor.sock */
    /* Returns when the role has drained: 0, or a negative errno after an outage outside a unit of work. */
    int (*run)(const Conf *conf, const char *socket_path);
    int handover_format; /* what it takes over from a running program of its role (--takes-over); 0: nothing */
} Role;

/*
 * --config FILE (its neighbour kestra.d is read too), --check, --takes-over FORMAT, --socket PATH, --log-level LEVEL,
 * --version, --help. Returns the exit status: 0; 1 the role failed; 64 wrong arguments (EX_USAGE); 78 wrong settings
 * (EX_CONFIG), which are written to standard error, one a line.
 */
int role_main(int argc, char **argv, const Role *role);
