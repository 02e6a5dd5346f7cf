/* SPDX-License-Identifier: Apache-2.0 */
/* The only place of this room that knows names of settings. */
#include "web/settings.h"

#include "model/context.h"
#include "model/expression_limits.h"
#include "plugin/secrets.h"
#include "web/web.h"

static const char *url_of(const Conf *conf)
{
    const char *url = conf_text(conf, "server.url");
    return url && *url ? url : conf_text(conf, "url");
}

void web_settings_init(WebSettings *settings, const Conf *conf, const char *socket_path)
{
    *settings = (WebSettings){
        .conf = conf,
        .conninfo = conf_text(conf, "postgresql.dsn"),
        .listen = conf_text(conf, "server.listen"),
        .management_listen = conf_text(conf, "server.management-listen"),
        .socket_path = socket_path,
        .context_path = "",
        .ui_directory = conf_text(conf, "ui.directory"),
        .system_namespace = conf_text(conf, "system-flows.namespace"),
        .encryption_key = conf_text(conf, "encryption.secret-key"),
        .auth_username = conf_text(conf, "server.basic-auth.username"),
        .auth_password = conf_text(conf, "server.basic-auth.password"),
        .auth_realm = conf_text(conf, "server.basic-auth.realm"),
        .auth_disabled = !conf_boolean(conf, "server.basic-auth.enabled"),
        .names = conf_value(conf, "server.names"),
        .trusted_proxies = conf_value(conf, "server.trusted-proxies"),
        .connections_max = (unsigned)conf_integer(conf, "server.connections"),
        .request_timeout_usec = conf_usec(conf, "server.request-timeout"),
        .write_back = conf_boolean(conf, "flows.write-back"),
        .threads = (unsigned)conf_integer(conf, "server.threads"),
        .body_bytes_max = (size_t)conf_integer(conf, "limits.request"),
        .message_bytes_max = (size_t)conf_integer(conf, "limits.message"),
        .flow_bytes_max = (size_t)conf_integer(conf, "limits.flow-source"),
        .gateways = conf_value(conf, "storage.gateway.urls"),
        .gateway_token = secrets_credential("gateway-token", conf_text(conf, "storage.gateway.token")),
        .gateway_authorities = conf_text(conf, "storage.gateway.authorities"),
        .gateway_certificate = conf_text(conf, "storage.gateway.certificate"),
        .gateway_key = conf_text(conf, "storage.gateway.key"),
        .gateway_timeout_usec = conf_usec(conf, "storage.gateway.timeout"),
    };
    const char *url = url_of(conf);
    size_t length = url ? strlen(url) : 0;
    while (length > 0 && url[length - 1] == '/')
        length--;
    settings->url = xstrndup(url ? url : "", length);
    settings->plugin_defaults = flow_global_defaults(conf);
    settings->globals = json_deep_copy(conf_value(conf, "variables.globals"));
    settings->envs = context_envs(conf_text(conf, "variables.env-vars-prefix"));
}

void web_settings_done(WebSettings *settings)
{
    free(settings->url);
    free(settings->gateway_token);
    json_decref(settings->plugin_defaults);
    json_decref(settings->globals);
    json_decref(settings->envs);
}

int web_serve(const Conf *conf, const char *socket_path)
{
    _cleanup_(web_settings_done) WebSettings settings;
    expression_limits_from_conf(conf);
    web_settings_init(&settings, conf, socket_path);
    _cleanup_(web_freep) Web *web = NULL;
    int r = web_new(&settings, &web);
    return r < 0 ? trace(r) : trace(web_run(web));
}
