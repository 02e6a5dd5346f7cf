/* SPDX-License-Identifier: Apache-2.0 */
/* kestra-sandbox OPTION… -- PROGRAM ARGUMENT…: runs a program confined. The worker calls it for tasks with a sandbox.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "sandbox/sandbox.h"

enum { HIDE = 256, READ_ONLY, READ_WRITE, USER };

static Sandbox arg_sandbox;
static int arg_read_only_root, arg_private_tmp, arg_private_network, arg_private_pids, arg_no_new_privileges;

static const struct option options[] = {
    {"read-only-root", no_argument, &arg_read_only_root, 1},
    {"private-tmp", no_argument, &arg_private_tmp, 1},
    {"private-network", no_argument, &arg_private_network, 1},
    {"private-pids", no_argument, &arg_private_pids, 1},
    {"no-new-privileges", no_argument, &arg_no_new_privileges, 1},
    {"hide", required_argument, NULL, HIDE},
    {"read-only", required_argument, NULL, READ_ONLY},
    {"read-write", required_argument, NULL, READ_WRITE},
    {"user", required_argument, NULL, USER},
    {},
};

static bool take_path(int option, const char *path)
{
    if (*path != '/' || arg_sandbox.path_count >= SANDBOX_PATHS_MAX - 1)
        return false;
    arg_sandbox.paths[arg_sandbox.path_count++] =
        (SandboxPath){.kind = (SandboxPathKind)(SANDBOX_HIDE + option - HIDE), .path = path, .fd = -1};
    return true;
}

int main(int argc, char **argv)
{
    bool right = true;
    for (int c; right && (c = getopt_long(argc, argv, "+", options, NULL)) >= 0;)
        if (c == USER)
            arg_sandbox.user = optarg;
        else if (c >= HIDE)
            right = take_path(c, optarg);
        else
            right = c == 0;
    if (!right || optind >= argc) {
        (void)fprintf(
            stderr,
            "Usage: kestra-sandbox [--read-only-root] [--private-tmp] [--private-network] [--private-pids]\n"
            "    [--no-new-privileges] [--user=NAME] [--hide=/PATH]… [--read-only=/PATH]… [--read-write=/PATH]…\n"
            "    -- PROGRAM [ARGUMENT]…\n");
        return EX_USAGE;
    }
    arg_sandbox.read_only_root = arg_read_only_root;
    arg_sandbox.private_tmp = arg_private_tmp;
    arg_sandbox.private_network = arg_private_network;
    arg_sandbox.private_pids = arg_private_pids;
    arg_sandbox.no_new_privileges = arg_no_new_privileges;
    sandbox_run(&arg_sandbox, argv + optind);
}
