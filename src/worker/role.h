/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The worker role on PostgreSQL: everything of main_worker but the arguments. Role.run of main/role.h. */
#include "doc/conf.h"

int worker_run(const Conf *conf, const char *socket_path) _must_check_;
