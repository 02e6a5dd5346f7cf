/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The conditions of an ExecutionQuery; private to the room. */
#include "store/execution_store.h"
#include "store/search.h"

/* The caller did search_init(). */
void execution_search_conditions(Search *search, const ExecutionQuery *query);
