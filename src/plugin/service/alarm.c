/* SPDX-License-Identifier: Apache-2.0 */
/* Alarms and notices to people on call: PagerDuty, Opsgenie, Squadcast, Zenduty, Sentry, Twilio, SendGrid. */
#include "plugin/service/service.h"

/* Literals in SERVICE_JSON must stay in one piece. */
/* clang-format off */

static const Field webhook_fields[] = {
    SERVICE_URL,
    SERVICE_PAYLOAD,
    SERVICE_OPTIONS,
    {},
};

/* --- PagerDuty --- */

const Type task_pagerduty_alert = {
    SERVICE_TYPE,
    .name = "io.kestra.plugin.pagerduty.PagerDutyAlert",
    ALIASES("io.kestra.plugin.notifications.pagerduty.PagerDutyAlert"),
    .title = "Send an event to PagerDuty.",
    EXAMPLES("id: alert\n"
             "type: io.kestra.plugin.pagerduty.PagerDutyAlert\n"
             "url: https://events.pagerduty.com/v2/enqueue\n"
             "payload: |\n"
             "  {\"routing_key\": \"{{ secret('PAGERDUTY_KEY') }}\", \"event_action\": \"trigger\",\n"
             "   \"payload\": {\"summary\": \"{{ flow.id }} has failed\", \"source\": \"kestra\", \"severity\": "
             "\"error\"}}\n"),
    .fields = webhook_fields,
    SERVICE_ROW(.uri = "{{ own.url }}", .raw = "payload", .nothing = "Property 'payload' is empty"),
};

static const Field pagerduty_execution_fields[] = {
    SERVICE_URL,
    SERVICE_PAYLOAD,
    SERVICE_TEXT("routingKey", "Key of the integration."),
    SERVICE_TEXT("deduplicationKey", "Events with the same key belong to one incident."),
    SERVICE_TEXT("eventAction", "trigger, acknowledge or resolve."),
    {"payloadSummary", FIELD_STRING, FIELD_DYNAMIC, .length_max = 1024, .doc = "What the incident is called."},
    SERVICE_EXECUTION_FIELDS,
    SERVICE_OPTIONS,
    {},
};

static const char pagerduty_event[] = SERVICE_JSON({
    "routing_key": "{{ own.routingKey }}",
    "dedup_key": "{{ own.deduplicationKey }}",
    "event_action": "{{ own.eventAction ?? (own.deduplicationKey is empty ? 'trigger' : 'acknowledge') }}",
    "payload": {
        "summary": "{{ own.payloadSummary ?? (it.title ~ ': ' ~ it.outcome) }}",
        "source": "{{ it.execution.namespace }} {{ it.execution.id }}",
        "severity": "{{ it.firstFailed == false ? 'info' : 'error' }}",
        "timestamp": "{{ now() }}",
        "custom_details": [
            {"title": "Flow ID", "value": "{{ it.execution.flowId }}"},
            {"title": "Execution Status", "value": "{{ it.execution.state.current }}"},
            {"if": "{{ it.lastTask is not empty }}", "title": "Final task ID", "value": "{{ it.lastTask.taskId }}"},
            {"for": "{{ own.customFields }}", "title": "{{ item.key }}", "value": "{{ item.value }}"}
        ]
    },
    "links": [ {"if": "{{ it.link is not empty }}", "href": "{{ it.link }}", "text": "{{ it.outcome }}"} ]
});

const Type task_pagerduty_execution = {
    SERVICE_TYPE,
    .name = "io.kestra.plugin.pagerduty.PagerDutyExecution",
    ALIASES("io.kestra.plugin.notifications.pagerduty.PagerDutyExecution"),
    .title = "Tell PagerDuty about an execution.",
    .fields = pagerduty_execution_fields,
    SERVICE_ROW(.uri = "{{ own.url }}", .raw = "payload", .body = pagerduty_event, .of_execution = true),
};

/* --- Opsgenie --- */

#define OPSGENIE_HEADERS SERVICE_JSON({"Authorization": "{{ own.authorizationToken }}"})

static const Field opsgenie_fields[] = {
    SERVICE_URL,
    SERVICE_PAYLOAD,
    SERVICE_TEXT("authorizationToken", "The header Authorization: GenieKey and the key."),
    SERVICE_OPTIONS,
    {},
};

const Type task_opsgenie_alert = {
    SERVICE_TYPE,
    .name = "io.kestra.plugin.opsgenie.OpsgenieAlert",
    ALIASES("io.kestra.plugin.notifications.opsgenie.OpsgenieAlert"),
    .title = "Send an alert to Opsgenie.",
    EXAMPLES("id: alert\n"
             "type: io.kestra.plugin.opsgenie.OpsgenieAlert\n"
             "url: https://api.opsgenie.com/v2/alerts\n"
             "authorizationToken: \"GenieKey {{ secret('OPSGENIE_KEY') }}\"\n"
             "payload: |\n"
             "  {\"message\": \"{{ flow.id }} has failed\"}\n"),
    .fields = opsgenie_fields,
    SERVICE_ROW(.uri = "{{ own.url }}", .headers = OPSGENIE_HEADERS, .raw = "payload",
                .nothing = "Property 'payload' is empty"),
};

static const Field opsgenie_execution_fields[] = {
    SERVICE_URL,
    SERVICE_PAYLOAD,
    SERVICE_TEXT("authorizationToken", "The header Authorization: GenieKey and the key."),
    SERVICE_TEXT("message", "What the alert is called."),
    SERVICE_TEXT("alias", "Alerts of the same alias are one."),
    {"responders", FIELD_MAP, FIELD_DYNAMIC, .item = FIELD_STRING, .doc = "Who responds: identifier to kind."},
    {"visibleTo", FIELD_MAP, FIELD_DYNAMIC, .item = FIELD_STRING, .doc = "Who sees it: identifier to kind."},
    {"tags", FIELD_LIST, FIELD_DYNAMIC, .item = FIELD_STRING, .doc = "Tags."},
    SERVICE_TEXT("priority", "P1 to P5."),
    SERVICE_EXECUTION_FIELDS,
    SERVICE_OPTIONS,
    {},
};

static const char opsgenie_alert[] = SERVICE_JSON({
    "message": "{{ own.message ?? it.title }}",
    "alias": "{{ own.alias }}",
    "description": "{{ it.text }}",
    "responders": [ {"for": "{{ own.responders }}", "id": "{{ item.key }}", "type": "{{ item.value }}"} ],
    "visibleTo": [ {"for": "{{ own.visibleTo }}", "id": "{{ item.key }}", "type": "{{ item.value }}"} ],
    "tags": "{{ own.tags }}",
    "priority": "{{ own.priority }}",
    "details": {
        "Namespace": "{{ it.execution.namespace }}",
        "Flow ID": "{{ it.execution.flowId }}",
        "Execution ID": "{{ it.execution.id }}",
        "Execution Status": "{{ it.execution.state.current }}",
        "...": "{{ own.customFields }}"
    }
});

const Type task_opsgenie_execution = {
    SERVICE_TYPE,
    .name = "io.kestra.plugin.opsgenie.OpsgenieExecution",
    ALIASES("io.kestra.plugin.notifications.opsgenie.OpsgenieExecution"),
    .title = "Tell Opsgenie about an execution.",
    .fields = opsgenie_execution_fields,
    SERVICE_ROW(.uri = "{{ own.url }}", .headers = OPSGENIE_HEADERS, .raw = "payload", .body = opsgenie_alert,
                .of_execution = true),
};

/* --- Squadcast --- */

const Type task_squadcast_incoming_webhook = {
    SERVICE_TYPE,
    .name = "io.kestra.plugin.squadcast.SquadcastIncomingWebhook",
    ALIASES("io.kestra.plugin.notifications.squadcast.SquadcastIncomingWebhook"),
    .title = "Send an incident to Squadcast.",
    .fields = webhook_fields,
    SERVICE_ROW(.uri = "{{ own.url }}", .raw = "payload", .nothing = "Property 'payload' is empty"),
};

static const Field squadcast_execution_fields[] = {
    SERVICE_URL,
    SERVICE_PAYLOAD,
    SERVICE_NEEDED("message", "What the incident is called."),
    SERVICE_TEXT("priority", "P1 to P5."),
    SERVICE_TEXT("eventId", "Incidents of the same identifier are one."),
    SERVICE_TEXT("status", "trigger or resolve."),
    {"tags", FIELD_MAP, FIELD_DYNAMIC, .item = FIELD_STRING, .doc = "Tags."},
    SERVICE_EXECUTION_FIELDS,
    SERVICE_OPTIONS,
    {},
};

static const char squadcast_incident[] = SERVICE_JSON({
    "message": "{{ own.message }}",
    "description": "{{ it.text }}",
    "priority": "{{ own.priority }}",
    "event_id": "{{ own.eventId }}",
    "status": "{{ own.status }}",
    "tags": "{{ own.tags }}"
});

const Type task_squadcast_execution = {
    SERVICE_TYPE,
    .name = "io.kestra.plugin.squadcast.SquadcastExecution",
    ALIASES("io.kestra.plugin.notifications.squadcast.SquadcastExecution"),
    .title = "Tell Squadcast about an execution.",
    .fields = squadcast_execution_fields,
    SERVICE_ROW(.uri = "{{ own.url }}", .raw = "payload", .body = squadcast_incident, .of_execution = true),
};

/* --- Zenduty --- */

const Type task_zenduty_alert = {
    SERVICE_TYPE,
    .name = "io.kestra.plugin.zenduty.ZendutyAlert",
    ALIASES("io.kestra.plugin.notifications.zenduty.ZendutyAlert"),
    .title = "Send an alert to Zenduty.",
    .fields = webhook_fields,
    SERVICE_ROW(.uri = "{{ own.url }}", .raw = "payload", .nothing = "Property 'payload' is empty"),
};

static const char *const zenduty_alert_types[] = {"CRITICAL", "ACKNOWLEDGED", "RESOLVED", "ERROR",
                                                  "WARNING",  "INFO",         NULL};
static const Field zenduty_execution_fields[] = {
    SERVICE_URL,
    SERVICE_PAYLOAD,
    SERVICE_TEXT("message", "What the alert is called."),
    SERVICE_TEXT("summary", "What has happened."),
    {"alertType", FIELD_ENUM, FIELD_DYNAMIC, .values = zenduty_alert_types, .doc = "How bad it is."},
    SERVICE_TEXT("entityId", "Alerts of the same identifier are one."),
    {"urls", FIELD_LIST, FIELD_DYNAMIC, .item = FIELD_STRING, .doc = "Addresses to look at."},
    SERVICE_EXECUTION_FIELDS,
    SERVICE_OPTIONS,
    {},
};

static const char zenduty_event[] = SERVICE_JSON({
    "message": "{{ own.message ?? 'Kestra workflow execution' }}",
    "summary": "{{ own.summary ?? it.text }}",
    "alert_type": "{{ (own.alertType ?? (it.firstFailed == false ? 'resolved' : 'error')) | lower }}",
    "entity_id": "{{ own.entityId ?? it.execution.id }}",
    "urls": [
        {"if": "{{ it.link is not empty }}", "link_url": "{{ it.link }}", "link_text": "Execution link"},
        {"for": "{{ own.urls }}", "link_url": "{{ item }}"}
    ],
    "payload": {
        "Namespace": "{{ it.execution.namespace }}",
        "Flow ID": "{{ it.execution.flowId }}",
        "Execution ID": "{{ it.execution.id }}",
        "Execution Status": "{{ it.execution.state.current }}",
        "Final task ID": "{{ it.lastTask is empty ? null : it.lastTask.taskId }}",
        "Duration": "{{ it.duration }}",
        "...": "{{ own.customFields }}"
    }
});

const Type task_zenduty_execution = {
    SERVICE_TYPE,
    .name = "io.kestra.plugin.zenduty.ZendutyExecution",
    ALIASES("io.kestra.plugin.notifications.zenduty.ZendutyExecution"),
    .title = "Tell Zenduty about an execution.",
    .fields = zenduty_execution_fields,
    SERVICE_ROW(.uri = "{{ own.url }}", .raw = "payload", .body = zenduty_event, .of_execution = true),
};

/* --- Sentry: a DSN, https://KEY@HOST/PROJECT, says where --- */

static const char *const sentry_endpoints[] = {"ENVELOPE", "STORE", NULL};
static const char *const sentry_levels[] = {"FATAL", "ERROR", "WARNING", "INFO", "DEBUG", NULL};
static const char *const sentry_platforms[] = {"AS3",   "C",      "CFML", "COCOA",      "CSHARP", "ELIXIR", "HASKELL",
                                               "GO",    "GROOVY", "JAVA", "JAVASCRIPT", "NATIVE", "NODE",   "OBJC",
                                               "OTHER", "PERL",   "PHP",  "PYTHON",     "RUBY",   NULL};

#define SENTRY_FIELDS                                                                                                  \
    SERVICE_NEEDED("dsn", "Where the events go, as the project's settings show it."),                                  \
        {"endpointType",                                                                                               \
         FIELD_ENUM,                                                                                                   \
         FIELD_DYNAMIC,                                                                                                \
         .values = sentry_endpoints,                                                                                   \
         .fallback = "\"ENVELOPE\"",                                                                                   \
         .doc = "STORE: for old servers."},                                                                            \
        SERVICE_PAYLOAD, SERVICE_OPTIONS

#define SENTRY_URI                                                                                                     \
    "{{ own.dsn | replace({'^(https?)://([^@/:]+)(:[^@/]*)?@([^/]+)/(.*?)([0-9]+)$': '$1://$4/$5api/$6/'"              \
    " ~ (own.endpointType | lower) ~ '/?sentry_version=7&sentry_client=kestra&sentry_key=$2'}, regexp=true) }}"

/* The envelope's three lines; EVENT is an expression that gives the event as JSON in one line. */
#define SENTRY_BODY(EVENT)                                                                                             \
    "\"{% set event = " EVENT " %}{% if own.endpointType == 'ENVELOPE' %}"                                             \
    "{{ {'event_id': fromJson(event).event_id ?? (uuid() | replace({'-': ''})), 'sent_at': now()} | toJson }}\\n"      \
    "{{ {'type': 'event', 'content_type': 'application/json'} | toJson }}\\n{{ event }}\\n"                            \
    "{% else %}{{ event }}{% endif %}\""

static const Field sentry_fields[] = {
    SENTRY_FIELDS,
    {},
};

const Type task_sentry_alert = {
    SERVICE_TYPE,
    .name = "io.kestra.plugin.sentry.SentryAlert",
    ALIASES("io.kestra.plugin.notifications.sentry.SentryAlert"),
    .title = "Send an event to Sentry.",
    EXAMPLES("id: alert\n"
             "type: io.kestra.plugin.sentry.SentryAlert\n"
             "dsn: \"{{ secret('SENTRY_DSN') }}\"\n"
             "payload: |\n"
             "  {\"level\": \"error\", \"message\": {\"message\": \"Execution {{ execution.id }} failed\"}}\n"),
    .fields = sentry_fields,
    SERVICE_ROW(.uri = SENTRY_URI, .content_type = "application/x-sentry-envelope", .of_execution = true,
                .body = SENTRY_BODY("own.payload is not empty ? (fromJson(own.payload) | toJson) : "
                                    "({'timestamp': it.startDate, 'platform': 'other', 'level': 'error', "
                                    "'message': {'message': 'Execution ' ~ it.execution.id ~ ' failed'}, "
                                    "'extra': {'Namespace': it.execution.namespace, 'Flow ID': it.execution.flowId, "
                                    "'Execution ID': it.execution.id}} | toJson)")),
};

static const Field sentry_execution_fields[] = {
    SENTRY_FIELDS,
    {"eventId", FIELD_STRING, FIELD_DYNAMIC, .pattern = "[0-9a-f]{32}", .doc = "UUID without dashes; a new one."},
    {"platform", FIELD_ENUM, FIELD_DYNAMIC, .values = sentry_platforms, .fallback = "\"JAVA\"",
     .doc = "What the event is shown as."},
    {"level", FIELD_ENUM, FIELD_DYNAMIC, .values = sentry_levels, .fallback = "\"ERROR\"", .doc = "How bad it is."},
    SERVICE_TEXT("transaction", "Name of what has caused it."),
    SERVICE_TEXT("serverName", "Host that it comes from."),
    {"extra", FIELD_MAP, FIELD_DYNAMIC, .item = FIELD_ANY, .doc = "More to say: name to value."},
    {"errors", FIELD_MAP, FIELD_DYNAMIC, .item = FIELD_ANY, .doc = "Errors: name to value."},
    SERVICE_EXECUTION_FIELDS,
    {},
};

#define SENTRY_EVENT                                                                                                   \
    "({'event_id': own.eventId ?? (uuid() | replace({'-': ''})), 'timestamp': now(), "                                 \
    "'platform': own.platform | lower, 'level': own.level | lower, 'transaction': own.transaction ?? it.title, "       \
    "'server_name': own.serverName ?? '', 'errors': own.errors ?? {}, "                                                \
    "'exception': {'values': [{'type': it.execution.flowId ~ ' ➛ ' ~ it.execution.state.current, "                   \
    "'value': it.outcome, 'module': it.execution.namespace}]}, "                                                       \
    "'extra': {'Namespace': it.execution.namespace, 'Flow ID': it.execution.flowId, 'Execution ID': it.execution.id, " \
    "'Execution Status': it.execution.state.current, 'Link': it.link ?? ''} "                                          \
    "| merge(own.extra ?? {}) | merge(own.customFields ?? {})} | toJson)"

const Type task_sentry_execution = {
    SERVICE_TYPE,
    .name = "io.kestra.plugin.sentry.SentryExecution",
    ALIASES("io.kestra.plugin.notifications.sentry.SentryExecution"),
    .title = "Tell Sentry about an execution.",
    .fields = sentry_execution_fields,
    SERVICE_ROW(.uri = SENTRY_URI, .content_type = "application/x-sentry-envelope", .of_execution = true,
                .body = SENTRY_BODY("own.payload is not empty ? (fromJson(own.payload) | toJson) : " SENTRY_EVENT)),
};

/* --- Twilio --- */

#define TWILIO_HEADERS                                                                                                 \
    SERVICE_JSON({"Authorization": "Basic {{ (own.accountSID ~ ':' ~ own.authToken) | base64encode }}"})

static const Field twilio_fields[] = {
    SERVICE_URL,
    SERVICE_PAYLOAD,
    SERVICE_NEEDED("accountSID", "Identifier of the account."),
    SERVICE_NEEDED("authToken", "Token of the account."),
    SERVICE_OPTIONS,
    {},
};

const Type task_twilio_alert = {
    SERVICE_TYPE,
    .name = "io.kestra.plugin.twilio.notify.TwilioAlert",
    ALIASES("io.kestra.plugin.notifications.twilio.TwilioAlert", "io.kestra.plugin.twilio.TwilioAlert"),
    .title = "Send a notification by Twilio Notify.",
    .fields = twilio_fields,
    SERVICE_ROW(.uri = "{{ own.url }}", .headers = TWILIO_HEADERS, .raw = "payload", .is_form = true,
                .nothing = "Property 'payload' is empty"),
};

static const Field twilio_execution_fields[] = {
    SERVICE_URL,
    SERVICE_PAYLOAD,
    SERVICE_NEEDED("accountSID", "Identifier of the account."),
    SERVICE_NEEDED("authToken", "Token of the account."),
    SERVICE_TEXT("body", "Text of the message, instead of the built-in one."),
    SERVICE_TEXT("identity", "Who gets it."),
    SERVICE_TEXT("tag", "Whose tag gets it."),
    SERVICE_EXECUTION_FIELDS,
    SERVICE_OPTIONS,
    {},
};

const Type task_twilio_execution = {
    SERVICE_TYPE,
    .name = "io.kestra.plugin.twilio.notify.TwilioExecution",
    ALIASES("io.kestra.plugin.notifications.twilio.TwilioExecution", "io.kestra.plugin.twilio.TwilioExecution"),
    .title = "Tell people about an execution by Twilio Notify.",
    .fields = twilio_execution_fields,
    SERVICE_ROW(
            .uri = "{{ own.url }}", .headers = TWILIO_HEADERS, .raw = "payload", .is_form = true, .of_execution = true,
            .body = SERVICE_JSON(
                {"Body": "{{ own.body ?? it.text }}", "Identity": "{{ own.identity }}", "Tag": "{{ own.tag }}"})),
};

static const Field twilio_sms_fields[] = {
    SERVICE_NEEDED("accountSID", "Identifier of the account."),
    SERVICE_NEEDED("authToken", "Token of the account."),
    SERVICE_NEEDED("from", "Number of the sender."),
    SERVICE_NEEDED("to", "Number of who gets it."),
    SERVICE_NEEDED("body", "Text of the message."),
    {"endpointOverride", FIELD_STRING, FIELD_DYNAMIC, .fallback = "\"https://api.twilio.com\"",
     .doc = "Address of the API; an addition to Kestra."},
    SERVICE_OPTIONS,
    {},
};
static const Field twilio_sms_outputs[] = {
    {"sid", FIELD_STRING, .doc = "Identifier of the message."},
    {"status", FIELD_STRING, .doc = "State of the message."},
    {},
};

const Type task_twilio_sms = {
    SERVICE_TYPE,
    .name = "io.kestra.plugin.twilio.notify.sms.Send",
    .title = "Send an SMS by Twilio.",
    .fields = twilio_sms_fields,
    .outputs = twilio_sms_outputs,
    SERVICE_ROW(.uri = "{{ own.endpointOverride }}/2010-04-01/Accounts/{{ own.accountSID }}/Messages.json",
                .headers = TWILIO_HEADERS, .is_form = true,
                .body = SERVICE_JSON({"From": "{{ own.from }}", "To": "{{ own.to }}", "Body": "{{ own.body }}"}),
                .outputs =
                    SERVICE_JSON({"sid": "{{ answer.sid ?? null }}", "status": "{{ answer.status ?? null }}"})),
};

/* --- SendGrid --- */

static const Field sendgrid_attachment_fields[] = {
    SERVICE_NEEDED("uri", "kestra:// URI of the file."),
    SERVICE_NEEDED("name", "Name that the mail shows."),
    {"contentType", FIELD_STRING, FIELD_DYNAMIC, .fallback = "\"application/octet-stream\"", .doc = "Media type."},
    {},
};

#define SENDGRID_FIELDS                                                                                                \
    SERVICE_NEEDED("sendgridApiKey", "Key of the API."), SERVICE_NEEDED("from", "Address of the sender."),             \
        {"to", FIELD_LIST, FIELD_DYNAMIC | FIELD_REQUIRED | FIELD_NOT_EMPTY, .item = FIELD_STRING,                     \
         .doc = "Who gets it."},                                                                                       \
        {"cc", FIELD_LIST, FIELD_DYNAMIC, .item = FIELD_STRING, .doc = "Who gets a copy."},                            \
        SERVICE_TEXT("subject", "Subject."), SERVICE_TEXT("htmlContent", "Text as HTML."),                             \
        SERVICE_TEXT("textContent", "Plain text."),                                                                    \
        {"attachments",                                                                                                \
         FIELD_LIST,                                                                                                   \
         FIELD_DYNAMIC,                                                                                                \
         .item = FIELD_OBJECT,                                                                                         \
         .fields = sendgrid_attachment_fields,                                                                         \
         .doc = "Files of internal storage."},                                                                         \
        {"embeddedImages",                                                                                             \
         FIELD_LIST,                                                                                                   \
         FIELD_DYNAMIC,                                                                                                \
         .item = FIELD_OBJECT,                                                                                         \
         .fields = sendgrid_attachment_fields,                                                                         \
         .doc = "Pictures that the HTML shows: cid: and the name."},                                                   \
        {"endpointOverride", FIELD_STRING, FIELD_DYNAMIC, .fallback = "\"https://api.sendgrid.com\"",                  \
         .doc = "Address of the API; an addition to Kestra."},                                                         \
        SERVICE_OPTIONS

static const Field sendgrid_fields[] = {
    SENDGRID_FIELDS,
    {},
};
static const Field sendgrid_execution_fields[] = {
    SENDGRID_FIELDS,
    SERVICE_EXECUTION_FIELDS,
    SERVICE_TEXT("textTemplateUri", "Accepted; the message is built in."),
    {},
};
static const Field sendgrid_outputs[] = {
    {"body", FIELD_STRING, .doc = "Body of the answer."},
    {"headers", FIELD_MAP, .item = FIELD_STRING, .doc = "Headers of the answer."},
    {"statusCode", FIELD_INTEGER, .doc = "Status of the answer."},
    {},
};

#define SENDGRID_MAIL(TEXT)                                                                                            \
    SERVICE_JSON({                                                                                                     \
        "from": {"email": "{{ own.from }}"},                                                                         \
        "personalizations": [ {                                                                                       \
            "to": [ {"for": "{{ own.to }}", "email": "{{ item }}"} ],                                               \
            "cc": "{{ own.cc is empty ? null : own.cc | jq('map({email: .})') | first }}",                            \
            "subject": "{{ own.subject }}"                                                                            \
        } ],                                                                                                           \
        "subject": "{{ own.subject }}",                                                                               \
        "content": [                                                                                                  \
            {"if": TEXT, "type": "text/plain", "value": TEXT},                                                      \
            {"if": "{{ own.htmlContent is not empty }}", "type": "text/html", "value": "{{ own.htmlContent }}"}     \
        ],                                                                                                             \
        "attachments": "{{ ((own.attachments ?? []) is empty and (own.embeddedImages ?? []) is empty) ? null : ({'a': own.attachments ?? [], 'i': own.embeddedImages ?? []} | jq('[(.a[] | {content, type: (.contentType // \"application/octet-stream\"), filename: .name, disposition: \"attachment\"}), (.i[] | {content, type: (.contentType // \"application/octet-stream\"), filename: .name, disposition: \"inline\", content_id: .name})]') | first) }}"                 \
    })

#define SENDGRID_ROW                                                                                                   \
    .uri = "{{ own.endpointOverride }}/v3/mail/send",                                                                  \
    .headers = SERVICE_JSON({"Authorization": "Bearer {{ own.sendgridApiKey }}"}),                                    \
    .files = (const char *const[]){"attachments", "embeddedImages", NULL},                                             \
    .outputs = SERVICE_JSON({                                                                                          \
        "body": "{{ answer is empty ? '' : answer }}",                                                                \
        "headers": "{{ headers | jq('map_values(.[0])') | first }}",                                                  \
        "statusCode": "{{ code }}"                                                                                    \
    })

const Type task_sendgrid_mail_send = {
    SERVICE_TYPE,
    .name = "io.kestra.plugin.twilio.sendgrid.SendGridMailSend",
    ALIASES("io.kestra.plugin.notifications.sendgrid.SendGridMailSend"),
    .title = "Send a mail by SendGrid.",
    EXAMPLES("id: mail\n"
             "type: io.kestra.plugin.twilio.sendgrid.SendGridMailSend\n"
             "sendgridApiKey: \"{{ secret('SENDGRID_KEY') }}\"\n"
             "from: robot@example.org\n"
             "to: [team@example.org]\n"
             "subject: \"{{ flow.id }} is done\"\n"
             "textContent: All is well.\n"),
    .fields = sendgrid_fields,
    .outputs = sendgrid_outputs,
    SERVICE_ROW(SENDGRID_ROW, .body = SENDGRID_MAIL("{{ own.textContent }}")),
};

const Type task_sendgrid_mail_execution = {
    SERVICE_TYPE,
    .name = "io.kestra.plugin.twilio.sendgrid.SendGridMailExecution",
    ALIASES("io.kestra.plugin.notifications.sendgrid.SendGridMailExecution"),
    .title = "Tell people about an execution by a mail of SendGrid.",
    .fields = sendgrid_execution_fields,
    .outputs = sendgrid_outputs,
    SERVICE_ROW(SENDGRID_ROW, .of_execution = true, .body = SENDGRID_MAIL("{{ own.textContent ?? it.text }}")),
};
