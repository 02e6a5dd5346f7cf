/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/base.h"

/* Serves the worker on this seqpacket socket: the first datagram is the settings of storage, each other one a request
 * of blob_gateway with its connection (SCM_RIGHTS), which is answered and closed. Ends, with what has been asked, when
 * the worker closes. Blocks. */
int storage_server_run(int fd) _must_check_;
