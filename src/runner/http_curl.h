/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The HTTP client of kestra-run: libcurl. Only http and https are spoken, also after redirects. */
#include "plugin/http_client.h"

extern const HttpClient http_curl_client;
