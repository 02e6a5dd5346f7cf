/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Secrets that came in the environment. Whatever a process has there, its user's other processes may read for as long
 * as it lives (/proc/PID/environ), and every child inherits it: so they are taken out at the start, and given on to
 * those alone who need them.
 */
#include "base/base.h"

/* Takes secrets out of the environment: SECRET_…, and the keys of stores of objects. Their place in the memory that
 * /proc shows is wiped. Before anything else of a program, threads above all. */
void private_env_take(void);
/* Whether "NAME=value" is one of them. */
bool private_env_is(const char *entry);
/* The value of a variable, whether it was taken out or not; NULL: it is not set. Borrowed. */
const char *private_env_get(const char *name);
/* As if it had been taken out. */
void private_env_set(const char *name, const char *value);
/* "NAME=value" of the i-th that was taken out; NULL: there are no more. Borrowed. */
const char *private_env_entry(size_t i);
/* The whole environment as it was, for a program that takes this process over. The caller frees the array, nothing in
 * it.
 */
char **private_env_whole(void);
