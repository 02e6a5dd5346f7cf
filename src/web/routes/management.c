/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Health, metrics and the bell. Answered in the loop thread, so that they work while the database does not. The
 * management port speaks as Kestra's does; the unix socket as every role's socket (base/daemon.h).
 */
#include <signal.h>
#include <unistd.h>

#include "base/daemon.h"
#include "web/routes/routes.h"

#define PROMETHEUS_TYPE "text/plain; version=0.0.4"

static int get_health(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    Daemon *daemon = web_daemon(session->web);
    response->status = daemon_overall(daemon) == HEALTH_UP ? 200 : 503;
    response->content_type = "application/json";
    daemon_health_json(daemon, &response->body);
    return 0;
}

/* {"name":"kestra","status":"UP","details":{"postgresql":{"name":"kestra","status":"UP"}}} */
static int get_management_health(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    Daemon *daemon = web_daemon(session->web);
    _cleanup_buffer_ Buffer text = {};
    json_t *own = NULL, *health = json_object(), *details = json_object();
    daemon_health_json(daemon, &text);
    if (json_parse(buffer_text(&text), text.length, 0, &own, NULL) != 0)
        own = json_object();
    const char *name;
    json_t *component;
    json_object_foreach (json_object_get(own, "components"), name, component) {
        json_t *detail = json_object(), *words = json_object();
        json_set_text(detail, "name", "kestra");
        json_set_text(detail, "status", json_get_text(component, "status", "UP"));
        json_set_text(words, "description", json_get_text(component, "description", NULL));
        json_object_set_new(detail, "details", words);
        json_object_set_new(details, name, detail);
    }
    json_set_text(health, "name", "kestra");
    json_set_text(health, "status", json_get_text(own, "status", "UP"));
    json_object_set_new(health, "details", details);
    json_decref(own);
    return http_json(response, daemon_overall(daemon) == HEALTH_UP ? 200 : 503, health);
}

/* The process answers: systemd's watchdog looks after the rest. */
static int get_liveness(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    json_t *health = json_object();
    json_set_text(health, "name", "kestra");
    json_set_text(health, "status", "UP");
    json_object_set_new(health, "details", json_object());
    return http_json(response, 200, health);
}

static int get_prometheus(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    response->status = 200;
    response->content_type = PROMETHEUS_TYPE;
    daemon_metrics_text(web_daemon(session->web), &response->body);
    return 0;
}

/* {"names":[…]}, read from the Prometheus text. */
static int get_metric_names(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    static const char type[] = "# TYPE ";
    _cleanup_buffer_ Buffer text = {};
    daemon_metrics_text(web_daemon(session->web), &text);
    json_t *names = json_array(), *answer = json_object();
    for (const char *at = strstr(buffer_text(&text), type); at; at = strstr(at, type)) {
        at += sizeof(type) - 1;
        json_array_append_new(names, json_stringn(at, strcspn(at, " \n")));
    }
    json_object_set_new(answer, "names", names);
    return http_json(response, 200, answer);
}

static int get_info(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    return http_json(response, 200, json_object());
}

static int get_version(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    json_t *version = json_object();
    json_set_text(version, "version", PACKAGE_VERSION);
    json_set_text(version, "type", "WEBSERVER");
    return http_json(response, 200, version);
}

static int post_wake(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    return http_empty(response, 204);
}

static void after_wake(WebSession *session, const char *body)
{
    web_wake(session->web, body);
}

static void after_reload(WebSession *session, const char *body)
{
    (void)kill(getpid(), SIGHUP); /* the daemon shell does it in its own turn, and tells systemd */
}

static const Route management_rows[] = {
    {HTTP_GET, "/health", get_management_health, PERMISSION_OPEN, NULL, "health", .in_loop = true},
    {HTTP_GET, "/health/readiness", get_management_health, PERMISSION_OPEN, NULL, "readiness", .in_loop = true},
    {HTTP_GET, "/health/liveness", get_liveness, PERMISSION_OPEN, NULL, "liveness", .in_loop = true},
    {HTTP_GET, "/prometheus", get_prometheus, PERMISSION_OPEN, NULL, "prometheus", NULL, PROMETHEUS_TYPE, true},
    {HTTP_GET, "/metrics", get_metric_names, PERMISSION_OPEN, NULL, "metricNames", .in_loop = true},
    {HTTP_GET, "/info", get_info, PERMISSION_OPEN, NULL, "info", .in_loop = true},
    {HTTP_GET, "/version", get_version, PERMISSION_OPEN, NULL, "version", .in_loop = true},
};
const RouteTable routes_management = ROUTE_TABLE("Management", management_rows);

static const Route control_rows[] = {
    {HTTP_GET, "/health", get_health, PERMISSION_OPEN, NULL, "ownHealth", .in_loop = true},
    {HTTP_GET, "/metrics", get_prometheus, PERMISSION_ROLE, NULL, "ownMetrics", NULL, PROMETHEUS_TYPE, true},
    {HTTP_POST, "/wake", post_wake, PERMISSION_ROLE, NULL, "wake", .in_loop = true, .after = after_wake},
    {HTTP_POST, "/reload", post_wake, PERMISSION_OWNER, NULL, "reload", .in_loop = true, .after = after_reload},
};
const RouteTable routes_control = ROUTE_TABLE("Control", control_rows);
