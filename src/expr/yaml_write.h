/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* YAML as Jackson's generator writes it with Kestra's settings: few quotes, block style, lists indented by one. */
#include "base/buffer.h"
#include "expr/value.h"

void yaml_write(Buffer *buffer, const Value *value);
