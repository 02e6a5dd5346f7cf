/* SPDX-License-Identifier: Apache-2.0 */
/* kestractl: the administrator's command line. */
#include <jansson.h>

#include "base/base.h"
#include "cli/kestractl.h"

int main(int argc, char **argv)
{
    mem_use_for_jansson(json_set_alloc_funcs);
    return kestractl_main(argc, argv);
}
