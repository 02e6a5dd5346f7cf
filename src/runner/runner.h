/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A kestra-run child: runs task runs one after another, blocking, as the worker on the other end of a socket says. */
#include <jansson.h>

#include "base/base.h"

/* Serves the socket until the worker closes it. 0 then, or a negative errno when the worker is not understood. */
int runner_serve(int fd) _must_check_;
/* What the worker had in its environment (an object of texts by name; NULL: none), for base/private_env.h. */
void runner_take_secrets(const json_t *secrets);
