/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/registry.h"

#define TYPE(name) extern const Type name;
#include "plugin/list.h"
#undef TYPE

static const Type *const types[] = {
#define TYPE(name) &name,
#include "plugin/list.h"
#undef TYPE
};

const TypeRegistry plugin_registry = {.types = types, .count = ELEMENTS(types)};
