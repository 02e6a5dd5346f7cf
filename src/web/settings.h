/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* From kestra.yaml to the webserver. */
#include "doc/conf.h"
#include "web/session.h"

/* Texts are borrowed from conf and socket_path. */
void web_settings_init(WebSettings *settings, const Conf *conf, const char *socket_path);
void web_settings_done(WebSettings *settings);
/* The role: until it has drained. */
int web_serve(const Conf *conf, const char *socket_path) _must_check_;
