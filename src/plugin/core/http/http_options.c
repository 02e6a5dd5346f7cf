/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `options` and `sslOptions`. Kestra 0.21 has them in two forms, a flat one and a newer nested one ({timeout, proxy,
 * auth, ssl}); both are here, the nested one wins. A row of the table names the places of one value.
 */
#include <stddef.h>

#include "plugin/core/http/http_private.h"
#include "when/duration.h"

#define CONNECT_TIMEOUT          (10 * USEC_PER_SEC)
#define READ_TIMEOUT             (10 * USEC_PER_SEC)
#define IDLE_TIMEOUT             (300 * USEC_PER_SEC)
#define ANSWER_BYTES_MAX_DEFAULT 10485760

static const char *const proxy_types[] = {"DIRECT", "HTTP", "SOCKS", NULL};
static const char *const auth_types[] = {"BASIC", "BEARER", "DIGEST", NULL};
static const char *const log_types[] = {"REQUEST_HEADERS", "REQUEST_BODY", "RESPONSE_HEADERS", "RESPONSE_BODY", NULL};
static const char *const log_levels[] = {"ALL",   "TRACE", "DEBUG",         "INFO", "WARN",
                                         "ERROR", "OFF",   "NOT_SPECIFIED", NULL};

const Field http_timeout_fields[] = {
    {"connectTimeout", FIELD_DURATION, FIELD_EXPRESSION, .doc = "Longest time to connect; 10 s when it is not given."},
    {"readIdleTimeout", FIELD_DURATION, FIELD_EXPRESSION, .fallback = "\"PT5M\"",
     .doc = "Longest silence of the server."},
    {},
};
const Field http_proxy_fields[] = {
    {"type", FIELD_ENUM, FIELD_DYNAMIC, .values = proxy_types, .fallback = "\"DIRECT\"",
     .doc = "Kind of proxy; DIRECT: none."},
    {"address", FIELD_STRING, FIELD_DYNAMIC, .doc = "Host of the proxy."},
    {"port", FIELD_INTEGER, FIELD_DYNAMIC, .doc = "Port of the proxy."},
    {"username", FIELD_STRING, FIELD_DYNAMIC, .doc = "User of the proxy."},
    {"password", FIELD_STRING, FIELD_DYNAMIC, .doc = "Password of the proxy."},
    {},
};
static const Field auth_fields[] = {
    {"type", FIELD_ENUM, FIELD_DYNAMIC | FIELD_REQUIRED, .values = auth_types, .doc = "Kind of authentication."},
    {"username", FIELD_STRING, FIELD_DYNAMIC, .doc = "User, of BASIC and DIGEST."},
    {"password", FIELD_STRING, FIELD_DYNAMIC, .doc = "Password, of BASIC and DIGEST."},
    {"token", FIELD_STRING, FIELD_DYNAMIC, .doc = "Token, of BEARER."},
    {},
};
const Field http_ssl_fields[] = {
    {"insecureTrustAllCertificates", FIELD_BOOLEAN, FIELD_EXPRESSION,
     .doc = "Take any certificate. Only for tests: the connection is then open to anyone in between."},
    {"certificateAuthorities", FIELD_STRING, FIELD_DYNAMIC, .doc = "PEM; trusted instead of the system's authorities."},
    {"clientCertificate", FIELD_STRING, FIELD_DYNAMIC, .doc = "PEM; the certificate that is shown to the server."},
    {"clientKey", FIELD_STRING, FIELD_DYNAMIC, .doc = "PEM; the key of clientCertificate."},
    {"clientKeyPassword", FIELD_STRING, FIELD_DYNAMIC, .doc = "Password of clientKey."},
    {},
};
const Field http_option_fields[] = {
    {"timeout", FIELD_OBJECT, 0, .fields = http_timeout_fields, .doc = "Timeouts."},
    {"proxy", FIELD_OBJECT, 0, .fields = http_proxy_fields, .doc = "Proxy."},
    {"auth", FIELD_OBJECT, 0, .fields = auth_fields, .doc = "Who asks."},
    {"ssl", FIELD_OBJECT, 0, .fields = http_ssl_fields, .doc = "How the server's certificate is checked."},
    {"followRedirects", FIELD_BOOLEAN, FIELD_EXPRESSION, .fallback = "true", .doc = "Follow redirects."},
    {"allowFailed", FIELD_BOOLEAN, FIELD_EXPRESSION, .fallback = "false",
     .doc = "An answer of 400 and above is a result, not a failure."},
    {"defaultCharset", FIELD_STRING, FIELD_DYNAMIC, .fallback = "\"UTF-8\"",
     .doc = "Charset of the body that is sent, and of answers that name none."},
    {"logs", FIELD_LIST, 0, .item = FIELD_ENUM, .values = log_types,
     .doc = "What is logged of the exchange, at DEBUG."},
    {"maxContentLength", FIELD_INTEGER, FIELD_EXPRESSION, .fallback = "10485760",
     .doc = "Longest body of the answer, in bytes. Download has no limit unless it is given."},
    {"connectTimeout", FIELD_DURATION, FIELD_EXPRESSION, .doc = "Longest time to connect; 10 s when it is not given."},
    {"readTimeout", FIELD_DURATION, FIELD_EXPRESSION, .fallback = "\"PT10S\"",
     .doc = "Longest silence of the server; for Download until its answer begins."},
    {"readIdleTimeout", FIELD_DURATION, FIELD_EXPRESSION, .fallback = "\"PT5M\"",
     .doc = "Longest silence inside of the answer; the shorter one counts for Request."},
    {"connectionPoolIdleTimeout", FIELD_DURATION, FIELD_EXPRESSION, .fallback = "\"PT0S\"",
     .doc = "Accepted; connections are not kept."},
    {"basicAuthUser", FIELD_STRING, FIELD_DYNAMIC, .doc = "User of HTTP basic authentication."},
    {"basicAuthPassword", FIELD_STRING, FIELD_DYNAMIC, .doc = "Password of HTTP basic authentication."},
    {"proxyType", FIELD_ENUM, FIELD_EXPRESSION, .values = proxy_types, .fallback = "\"DIRECT\"",
     .doc = "Kind of proxy; DIRECT: none."},
    {"proxyAddress", FIELD_STRING, FIELD_DYNAMIC, .doc = "Host of the proxy."},
    {"proxyPort", FIELD_INTEGER, FIELD_EXPRESSION, .doc = "Port of the proxy."},
    {"proxyUsername", FIELD_STRING, FIELD_DYNAMIC, .doc = "User of the proxy."},
    {"proxyPassword", FIELD_STRING, FIELD_DYNAMIC, .doc = "Password of the proxy."},
    {"logLevel", FIELD_ENUM, 0, .values = log_levels,
     .doc = "TRACE: as all of `logs`; DEBUG: headers; INFO: headers of the answer."},
    {},
};

/* --- values --- */

/* Each takes a rendered value; false: it is not of that kind. */
static bool take_text(const json_t *value, void *ret)
{
    *(const char **)ret = json_string_value(value);
    return json_is_string(value);
}

static bool take_flag(const json_t *value, void *ret)
{
    const char *text = json_string_value(value);
    if (text && strcasecmp(text, "true") != 0 && strcasecmp(text, "false") != 0)
        return false;
    *(bool *)ret = text ? strcasecmp(text, "true") == 0 : json_is_true(value);
    return text || json_is_boolean(value);
}

static bool take_duration(const json_t *value, void *ret)
{
    if (json_is_number(value) && json_number_value(value) >= 0) {
        *(usec_t *)ret = (usec_t)(json_number_value(value) * (double)USEC_PER_SEC);
        return true;
    }
    return json_is_string(value) && duration_parse(json_string_value(value), ret) == 0;
}

static bool take_integer(const json_t *value, void *ret)
{
    const char *text = json_string_value(value);
    char *end = NULL;
    errno = 0;
    intmax_t number = text ? strtoimax(text, &end, 10) : (intmax_t)json_integer_value(value);
    *(int64_t *)ret = number;
    return (json_is_integer(value) || (text && *text && *end == '\0' && errno == 0)) && number >= 0;
}

typedef struct OptionKind {
    bool (*take)(const json_t *value, void *ret);
    const char *what;
} OptionKind;
static const OptionKind text = {take_text, "a text"}, flag = {take_flag, "true or false"},
                        duration = {take_duration, "a duration"}, integer = {take_integer, "a whole number"};

typedef struct Values {
    usec_t connect, read, idle, pool;
    bool follows, allows_failed, insecure;
    int64_t bytes_max, proxy_port;
    const char *charset, *auth_type, *user, *password, *token;
    const char *authorities, *certificate, *key, *key_password;
    const char *proxy_type, *proxy_address, *proxy_user, *proxy_password;
} Values;

/* Where a value may stand, the one that wins first. */
static const struct {
    const char *paths[3];
    const OptionKind *kind;
    size_t offset;
} rows[] = {
    {{"options.timeout.connectTimeout", "options.connectTimeout"}, &duration, offsetof(Values, connect)},
    {{"options.readTimeout", "options.timeout.readIdleTimeout"}, &duration, offsetof(Values, read)},
    {{"options.timeout.readIdleTimeout", "options.readIdleTimeout"}, &duration, offsetof(Values, idle)},
    {{"options.connectionPoolIdleTimeout"}, &duration, offsetof(Values, pool)},
    {{"options.followRedirects"}, &flag, offsetof(Values, follows)},
    {{"options.allowFailed"}, &flag, offsetof(Values, allows_failed)},
    {{"options.maxContentLength"}, &integer, offsetof(Values, bytes_max)},
    {{"options.defaultCharset"}, &text, offsetof(Values, charset)},
    {{"options.auth.type"}, &text, offsetof(Values, auth_type)},
    {{"options.auth.username", "options.basicAuthUser"}, &text, offsetof(Values, user)},
    {{"options.auth.password", "options.basicAuthPassword"}, &text, offsetof(Values, password)},
    {{"options.auth.token"}, &text, offsetof(Values, token)},
    {{"options.ssl.insecureTrustAllCertificates", "sslOptions.insecureTrustAllCertificates"},
     &flag,
     offsetof(Values, insecure)},
    {{"options.ssl.certificateAuthorities", "sslOptions.certificateAuthorities"}, &text, offsetof(Values, authorities)},
    {{"options.ssl.clientCertificate", "sslOptions.clientCertificate"}, &text, offsetof(Values, certificate)},
    {{"options.ssl.clientKey", "sslOptions.clientKey"}, &text, offsetof(Values, key)},
    {{"options.ssl.clientKeyPassword", "sslOptions.clientKeyPassword"}, &text, offsetof(Values, key_password)},
    {{"options.proxy.type", "options.proxyType"}, &text, offsetof(Values, proxy_type)},
    {{"options.proxy.address", "options.proxyAddress"}, &text, offsetof(Values, proxy_address)},
    {{"options.proxy.port", "options.proxyPort"}, &integer, offsetof(Values, proxy_port)},
    {{"options.proxy.username", "options.proxyUsername"}, &text, offsetof(Values, proxy_user)},
    {{"options.proxy.password", "options.proxyPassword"}, &text, offsetof(Values, proxy_password)},
};

static int take_row(RunContext *run, const json_t *options, size_t row, Values *values)
{
    for (const char *const *path = rows[row].paths; *path; path++) {
        const json_t *value = json_at(options, *path);
        if (!value || json_is_null(value))
            continue;
        if (rows[row].kind->take(value, (char *)values + rows[row].offset))
            return 0;
        _cleanup_free_ char *found = json_text(value);
        return run_fail(run, "%s: expected %s but found %s", *path, rows[row].kind->what, found);
    }
    return 0;
}

/* --- values → request --- */

static int take_auth(RunContext *run, HttpRequest *request, const Values *values)
{
    static const struct {
        const char *type;
        HttpAuth auth;
    } kinds[] = {{"BASIC", HTTP_AUTH_BASIC}, {"BEARER", HTTP_AUTH_BEARER}, {"DIGEST", HTTP_AUTH_DIGEST}};
    const char *type = values->auth_type ? values->auth_type : "BASIC";
    request->user = values->user;
    request->password = values->password;
    request->token = values->token;
    if (!values->auth_type && !values->user)
        return 0;
    for (size_t i = 0; i < ELEMENTS(kinds); i++)
        if (strcasecmp(kinds[i].type, type) == 0)
            request->auth = kinds[i].auth;
    if (request->auth == HTTP_AUTH_NONE)
        return run_fail(run, "options.auth.type: expected BASIC, BEARER or DIGEST but found '%s'", type);
    if (request->auth == HTTP_AUTH_BEARER && !values->token)
        return run_fail(run, "options.auth.token: BEARER needs a token");
    if (request->auth != HTTP_AUTH_BEARER && !values->user)
        return run_fail(run, "options.auth.username: %s needs a user", type);
    return 0;
}

static int take_proxy(RunContext *run, HttpProxy *proxy, const Values *values)
{
    const char *type = values->proxy_type ? values->proxy_type : "DIRECT";
    bool is_socks = strcasecmp(type, "SOCKS") == 0;
    if (strcasecmp(type, "DIRECT") == 0)
        return 0;
    if (!is_socks && strcasecmp(type, "HTTP") != 0)
        return run_fail(run, "options.proxy.type: expected DIRECT, HTTP or SOCKS but found '%s'", type);
    if (!values->proxy_address || values->proxy_port < 1 || values->proxy_port > UINT16_MAX)
        return run_fail(run, "A proxy of type %s needs an address and a port from 1 to 65535", type);
    *proxy = (HttpProxy){.address = values->proxy_address,
                         .port = (uint16_t)values->proxy_port,
                         .is_socks = is_socks,
                         .user = values->proxy_user,
                         .password = values->proxy_password};
    return 0;
}

/* Bits of `logs`, or what the older logLevel means. */
static unsigned logs_of(const json_t *options)
{
    static const struct {
        const char *level;
        unsigned logs;
    } levels[] = {{"ALL", 15},
                  {"TRACE", 15},
                  {"DEBUG", HTTP_LOG_REQUEST_HEADERS | HTTP_LOG_RESPONSE_HEADERS},
                  {"INFO", HTTP_LOG_RESPONSE_HEADERS}};
    const char *level = json_get_text(options, "logLevel", "");
    unsigned logs = 0;
    size_t i;
    const json_t *item;
    json_array_foreach (json_object_get(options, "logs"), i, item)
        for (unsigned k = 0; log_types[k]; k++)
            logs |= json_is_string(item) && streq(json_string_value(item), log_types[k]) ? 1U << k : 0;
    for (size_t k = 0; k < ELEMENTS(levels); k++)
        logs |= streq(level, levels[k].level) ? levels[k].logs : 0;
    return logs;
}

int http_options_take(RunContext *run, HttpCall *call)
{
    Values values = {.connect = CONNECT_TIMEOUT,
                     .read = READ_TIMEOUT,
                     .idle = IDLE_TIMEOUT,
                     .follows = true,
                     .bytes_max = ANSWER_BYTES_MAX_DEFAULT,
                     .charset = "UTF-8"};
    int r = 0;
    for (size_t i = 0; r == 0 && i < ELEMENTS(rows); i++)
        r = take_row(run, call->options, i, &values);
    if (r != 0)
        return r;
    HttpRequest *request = &call->request;
    request->connect_timeout_usec = values.connect;
    request->answer_timeout_usec = values.read;
    request->idle_timeout_usec = values.idle;
    request->follow_redirects = values.follows;
    request->answer_bytes_max = values.bytes_max;
    request->tls = (HttpTls){.insecure = values.insecure,
                             .authorities = values.authorities,
                             .certificate = values.certificate,
                             .key = values.key,
                             .key_password = values.key_password};
    call->charset = values.charset;
    call->allow_failed = values.allows_failed;
    call->limits_bytes = json_at(call->options, "options.maxContentLength");
    call->logs = logs_of(json_object_get(call->options, "options"));
    r = take_auth(run, request, &values);
    return r == 0 ? take_proxy(run, &request->proxy, &values) : r;
}
