/* SPDX-License-Identifier: Apache-2.0 */
#include "main/role.h"
#include "worker/gateway.h"

int main(int argc, char **argv)
{
    static const Role role = {.name = "worker-gateway", .run = gateway_run};
    return role_main(argc, argv, &role);
}
