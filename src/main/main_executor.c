/* SPDX-License-Identifier: Apache-2.0 */
#include "executor/executor.h"
#include "main/role.h"

int main(int argc, char **argv)
{
    static const Role role = {.name = "executor", .run = executor_run};
    return role_main(argc, argv, &role);
}
