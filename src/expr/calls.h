/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The groups of filters, functions and tests; each ends with a row without name. */
#include <assert.h>

#include "expr/engine.h"

extern const CallRow filters_text[], filters_list[], filters_map[], filters_number[], filters_json[],
    filters_encoding[], filters_date[], filters_jq[], filters_regex[], filters_yaml[];
extern const CallRow functions_data[], functions_render[], functions_outside[], functions_random[], functions_crypto[],
    functions_date[], functions_formats[];
extern const CallRow tests_all[];
