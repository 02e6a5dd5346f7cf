/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The program kestra-worker-gateway: internal storage for the roles of other hosts, over HTTPS (blob/blob.h has the
 * protocol). Role.run of main/role.h. */
#include "doc/conf.h"

int gateway_run(const Conf *conf, const char *socket_path) _must_check_;
