/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The webserver role: what main_webserver.c starts. */
#include "base/daemon.h"
#include "web/session.h"

typedef struct Web Web;
/* settings are borrowed. Takes the passed descriptors "webserver", "http" and "management", or binds what the settings
 * say. Refuses (-EACCES, logged) to listen beyond loopback without authentication. Does not wait for the database. */
int web_new(const WebSettings *settings, Web **ret) _must_check_;
Web *web_free(Web *web);
DEFINE_CLEANUP(Web *, web_free);
/* Until drained. */
int web_run(Web *web) _must_check_;
