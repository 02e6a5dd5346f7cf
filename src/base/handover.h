/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A program replaces itself by the one that lies on disk now (execve), while its children run. What the new one needs
 * to know travels as a text in sealed memory, since it may hold secrets; descriptors stay open under their numbers.
 */
#include "base/base.h"

/* Where our own program lies, also after another was put in its place. Caller frees. */
char *handover_program(void);
/* Those that we were started with; ends with NULL; one block for free(). */
char **handover_arguments(void);
/*
 * Starts `program` with our arguments and environment. The text is copied; the descriptors in `kept` stay open. Returns
 * only when that failed, and everything is as it was.
 */
int handover_exec(const char *program, const char *text, size_t length, const int *kept, size_t count) _must_check_;
/* What handover_exec gave this program: new, *ret NULL when it was started in the usual way. Called once, before
 * anything is spawned. */
int handover_take(char **ret, size_t *ret_length) _must_check_;
/* A kept descriptor is close-on-exec again. False: there is none. */
bool handover_adopt(int fd);
