/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The parts of service.c. */
#include "plugin/service/service.h"

/* The task's properties, all of its field table but options and executionId, rendered: name → value or null; new. */
int service_own(RunContext *run, json_t **ret) _must_check_;
