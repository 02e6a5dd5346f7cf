/* SPDX-License-Identifier: Apache-2.0 */
#include "main/role.h"
#include "worker/role.h"
#include "worker/worker.h"

int main(int argc, char **argv)
{
    static const Role role = {.name = "worker", .run = worker_run, .handover_format = WORKER_HANDOVER_FORMAT};
    return role_main(argc, argv, &role);
}
