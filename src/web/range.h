/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* `Range: bytes=…` of a request (RFC 9110 14.2), for one range; what asks for several gets the whole. */
#include "web/http.h"

enum {
    RANGE_E_NONE = 1,    /* the whole is asked for */
    RANGE_E_OUTSIDE = 2, /* nothing of it lies within the file: 416 */
};
/* Whether there is a Range header that is to be looked at. */
bool range_is_asked(const HttpRequest *request);
/* What is asked for of `size` bytes; on success it is not empty. */
int range_of(const HttpRequest *request, int64_t size, int64_t *ret_offset, int64_t *ret_length) _must_check_;
