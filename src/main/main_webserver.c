/* SPDX-License-Identifier: Apache-2.0 */
#include "main/role.h"
#include "web/settings.h"

int main(int argc, char **argv)
{
    static const Role role = {.name = "webserver", .run = web_serve};
    json_object_seed(0); /* handler threads would otherwise race for it */
    return role_main(argc, argv, &role);
}
