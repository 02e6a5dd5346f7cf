/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The executor role on PostgreSQL: everything of main_executor but the arguments. Role.run of main/role.h. */
#include "doc/conf.h"

int executor_run(const Conf *conf, const char *socket_path) _must_check_;
