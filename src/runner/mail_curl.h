/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The mail client of kestra-run: SMTP by libcurl. */
#include "plugin/mail_client.h"

extern const MailClient mail_curl_client;
