/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "model/type.h"

/* All types of list.h. */
extern const TypeRegistry plugin_registry;
