/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Values and parts of field tables that several types share. */
#include "doc/field.h"

/* ERROR WARN INFO DEBUG TRACE; ends with NULL. */
extern const char *const fields_log_levels[];
/* {enabled, include, exclude} of namespaceFiles. */
extern const Field fields_namespace_files[];
