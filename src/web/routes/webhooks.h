/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What a webhook is told. */
#include "web/http.h"

/* {body, headers, parameters} of a request, as {{ trigger }} has them. Body: a JSON object or array, else the text;
 * left out when it is empty or no text. New. */
json_t *webhook_variables(const HttpRequest *request);
