/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* kestractl: finds the verb's row, reads options, runs it. Returns the exit code. */
int kestractl_main(int argc, char **argv);
