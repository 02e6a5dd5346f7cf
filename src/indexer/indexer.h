/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The role indexer; see README.md. */
#include "doc/conf.h"

/* Runs until it is told to stop; 0 or an outage. socket_path: see daemon_new. */
int indexer_run(const Conf *conf, const char *socket_path) _must_check_;
