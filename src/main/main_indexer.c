/* SPDX-License-Identifier: Apache-2.0 */
#include "indexer/indexer.h"
#include "main/role.h"

int main(int argc, char **argv)
{
    static const Role role = {.name = "indexer", .run = indexer_run};
    return role_main(argc, argv, &role);
}
