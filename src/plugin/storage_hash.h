/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The name that a ForEach value gets in storage: Murmur3 (x64, 128 bits) in hexadecimal, as in Kestra. */
#include "base/base.h"

/* Caller frees. */
char *storage_hash(const char *value);
