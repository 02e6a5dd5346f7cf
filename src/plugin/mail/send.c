/* SPDX-License-Identifier: Apache-2.0 */
/* io.kestra.plugin.email.MailSend and MailExecution: one mail by SMTP. */
#include <unistd.h>

#include "base/buffer.h"
#include "base/identity.h"
#include "model/log_entry.h"
#include "plugin/mail_client.h"
#include "plugin/script_files.h"
#include "plugin/service/service.h"
#include "plugin/service/service_private.h"

#define TIMEOUT_DEFAULT_MSEC 10000
#define TEXT_DEFAULT         "Please view this email in a modern email client"

/* --- properties → message --- */

static void split_one(const char *text, json_t *list)
{
    while (*text) {
        text += strspn(text, ",; \t\r\n");
        size_t span = strcspn(text, ",;\r\n"), length = span;
        while (length > 0 && text[length - 1] == ' ')
            length--;
        if (length > 0)
            json_array_append_new(list, json_stringn(text, length));
        text += span;
    }
}

/* "a@b; c@d, e@f" or a list of such. New. */
static json_t *split_addresses(const json_t *value)
{
    json_t *list = json_array();
    size_t i;
    const json_t *item;
    if (json_is_string(value))
        split_one(json_string_value(value), list);
    json_array_foreach (value, i, item)
        if (json_is_string(item))
            split_one(json_string_value(item), list);
    return list;
}

/* A list, one file, or the JSON of either. *ret new, may be NULL. */
static int read_list(RunContext *run, const char *property, const json_t *value, json_t **ret)
{
    _cleanup_json_ json_t *parsed = NULL;
    const char *text = json_string_value(value);
    if (text && text[strspn(text, " \t\r\n")] && json_parse(text, strlen(text), 0, &parsed, NULL) != 0)
        return run_fail(run, "Property '%s' is neither a list nor the JSON of one", property);
    if (text)
        value = parsed;
    if (json_is_object(value))
        *ret = json_pack("[O]", value);
    else if (json_is_array(value))
        *ret = json_incref((json_t *)value);
    else if (value && !json_is_null(value))
        return run_fail(run, "Property '%s' is neither a list nor the JSON of one", property);
    return 0;
}

static int take_files(RunContext *run, const json_t *own, const char *property, bool is_inline, MailMessage *message)
{
    _cleanup_json_ json_t *list = NULL;
    size_t i;
    const json_t *item;
    int r = read_list(run, property, json_object_get(own, property), &list);
    json_array_foreach (list, i, item) {
        const char *uri = json_get_text(item, "uri", ""), *name = json_get_text(item, "name", NULL);
        if (r == 0 && !name)
            r = run_fail(run, "Property '%s': a file has no name", property);
        if (r != 0)
            return r;
        MailFile file = {.name = xstrdup(name),
                         .content_type = xstrdup(json_get_text(item, "contentType", "application/octet-stream")),
                         .is_inline = is_inline};
        if (starts_with(uri, "kestra:///"))
            r = script_files_localize(run, uri, &file.path);
        else
            r = run_fail(run, "Property '%s': not the URI of a file in internal storage: %s", property, uri);
        vec_push(&message->files, file);
    }
    return r;
}

static void files_done(MailMessage *message)
{
    _as_(IDENTITY_TASK);
    for (size_t i = 0; i < message->files.count; i++) {
        MailFile *file = &message->files.items[i];
        if (file->path)
            (void)unlink(file->path); /* the working directory goes with the task anyway */
        free(file->name);
        free(file->content_type);
        free(file->path);
    }
    vec_free(&message->files);
}

static int take_number(RunContext *run, const char *property, int64_t fallback, int64_t max, int64_t *ret)
{
    int r = run_integer(run, property, fallback, ret);
    if (r == 0 && (*ret < 0 || *ret > max))
        return run_fail(run, "Property '%s' is out of range: %" PRId64, property, *ret);
    return r;
}

static bool is_trusted(const json_t *own, const char *host)
{
    size_t i;
    const json_t *item;
    json_array_foreach (json_object_get(own, "trustedHosts"), i, item)
        if (json_is_string(item) && host && strcasecmp(json_string_value(item), host) == 0)
            return true;
    return false;
}

static int take_server(RunContext *run, const json_t *own, MailMessage *message)
{
    static const struct {
        const char *name;
        MailSecurity security;
    } strategies[] = {
        {"SMTP", MAIL_PLAIN}, {"SMTPS", MAIL_TLS}, {"SMTP_TLS", MAIL_STARTTLS}, {"SMTP_OAUTH2", MAIL_STARTTLS}};
    const char *strategy = json_get_text(own, "transportStrategy", "SMTPS");
    int64_t port = 0, timeout = 0;
    bool verify = true;
    int r = take_number(run, "port", 0, UINT16_MAX, &port);
    if (r == 0)
        r = take_number(run, "sessionTimeout", TIMEOUT_DEFAULT_MSEC, INT32_MAX, &timeout);
    if (r == 0)
        r = run_boolean(run, "verifyServerIdentity", true, &verify);
    for (size_t i = 0; i < ELEMENTS(strategies); i++)
        if (streq(strategies[i].name, strategy))
            message->security = strategies[i].security;
    message->host = json_get_text(own, "host", NULL);
    message->port = (uint16_t)port;
    message->timeout_usec = (usec_t)timeout * USEC_PER_MSEC;
    message->user = json_get_text(own, "username", NULL);
    message->password = json_get_text(own, "password", NULL);
    message->insecure = !verify || is_trusted(own, message->host);
    if (streq(strategy, "SMTP_OAUTH2"))
        message->token = json_get_text(own, "accessToken", message->password);
    return r;
}

static int send_message(RunContext *run, const MailMessage *message)
{
    _cleanup_diag_ Diag diag = DIAG_INIT;
    if (json_array_size(message->to) == 0)
        return run_fail(run, "Property 'to' is empty");
    if (!message->host)
        return run_fail(run, "Property 'host' is missing");
    _as_(IDENTITY_TASK); /* what is attached lies in the task's directory */
    int r = run->mail->send(message, &diag);
    return r > 0 ? run_fail(run, "The mail was not sent: %s", diag_first(&diag)) : r;
}

/* text, html: of MailExecution, otherwise NULL. */
static int send_with(RunContext *run, const json_t *own, const char *text, const char *html)
{
    MailMessage message = {};
    if (!run->mail)
        return run_fail(run, "Mail is not available here");
    _cleanup_json_ json_t *to = split_addresses(json_object_get(own, "to")),
                          *cc = split_addresses(json_object_get(own, "cc"));
    int r = take_server(run, own, &message);
    if (r == 0)
        r = take_files(run, own, "attachments", false, &message);
    if (r == 0)
        r = take_files(run, own, "embeddedImages", true, &message);
    message.from = json_get_text(own, "from", "");
    message.to = to;
    message.cc = cc;
    message.subject = json_get_text(own, "subject", NULL);
    message.html = html ? html : json_get_text(own, "htmlTextContent", NULL);
    message.text = text ? text : json_get_text(own, "plainTextContent", TEXT_DEFAULT);
    if (r == 0)
        r = send_message(run, &message);
    files_done(&message);
    if (r == 0)
        run_log(run, LOG_LEVEL_DEBUG, "The mail was taken by %s", message.host);
    return r;
}

static int run_send(RunContext *run)
{
    _cleanup_json_ json_t *own = NULL;
    int r = service_own(run, &own);
    return r == 0 ? send_with(run, own, NULL, NULL) : r;
}

/* --- an execution --- */

static char *html_of(const char *text)
{
    Buffer html = {};
    buffer_append(&html, "<!DOCTYPE html><html><body><p>");
    for (const char *c = text; *c; c++)
        switch (*c) {
        case '<':
            buffer_append(&html, "&lt;");
            break;
        case '&':
            buffer_append(&html, "&amp;");
            break;
        case '\n':
            buffer_append(&html, "<br>\n");
            break;
        default:
            buffer_append_char(&html, *c);
        }
    buffer_append(&html, "</p></body></html>\n");
    return buffer_take(&html);
}

static int run_execution(RunContext *run)
{
    _cleanup_json_ json_t *own = NULL, *it = NULL;
    int r = service_own(run, &own);
    if (r == 0)
        r = service_execution(run, own, &it);
    if (r != 0)
        return r;
    const char *text = json_get_text(it, "text", "");
    _cleanup_free_ char *html = html_of(text);
    return send_with(run, own, text, html);
}

/* --- the types --- */

static const char *const strategies[] = {"SMTP", "SMTPS", "SMTP_TLS", "SMTP_OAUTH2", NULL};

#define MAIL_FIELDS                                                                                                    \
    SERVICE_TEXT("host", "Mail server."),                                                                              \
        {"port", FIELD_INTEGER, FIELD_DYNAMIC, .doc = "Its port; the usual one of the strategy by default."},          \
        SERVICE_TEXT("username", "Who logs in."), SERVICE_TEXT("password", "Password."),                               \
        SERVICE_TEXT("accessToken", "With SMTP_OAUTH2: the token."),                                                   \
        {"transportStrategy",                                                                                          \
         FIELD_ENUM,                                                                                                   \
         FIELD_DYNAMIC,                                                                                                \
         .values = strategies,                                                                                         \
         .fallback = "\"SMTPS\"",                                                                                      \
         .doc = "SMTPS: TLS from the first byte. SMTP_TLS: STARTTLS, or nothing is sent. SMTP: TLS when offered."},    \
        {"sessionTimeout", FIELD_INTEGER, FIELD_DYNAMIC, .fallback = "10000",                                          \
         .doc = "How long the server may be silent, in milliseconds."},                                                \
        {"verifyServerIdentity", FIELD_BOOLEAN, FIELD_DYNAMIC, .fallback = "true",                                     \
         .doc = "Whether the server's certificate is checked."},                                                       \
        {"trustedHosts", FIELD_LIST, FIELD_DYNAMIC, .item = FIELD_STRING,                                              \
         .doc = "Servers whose certificate is not checked."},                                                          \
        SERVICE_NEEDED("from", "Address of the sender."),                                                              \
        {"to", FIELD_TEXT_OR_LIST, FIELD_DYNAMIC | FIELD_REQUIRED, .doc = "Addresses; commas or semicolons between."}, \
        {"cc", FIELD_TEXT_OR_LIST, FIELD_DYNAMIC, .doc = "Addresses that get a copy."},                                \
        SERVICE_TEXT("subject", "Subject."), SERVICE_TEXT("htmlTextContent", "Text as HTML."),                         \
        SERVICE_TEXT("plainTextContent", "Plain text."),                                                               \
        {"attachments", FIELD_ANY, FIELD_DYNAMIC, .doc = "List of {name, uri, contentType}, or the JSON of one."},     \
    {                                                                                                                  \
        "embeddedImages", FIELD_ANY, FIELD_DYNAMIC, .doc = "The same, for pictures of the HTML: cid: and the name."    \
    }

static const Field send_fields[] = {
    MAIL_FIELDS,
    {},
};

const Type task_mail_send = {
    .name = "io.kestra.plugin.email.MailSend",
    ALIASES("io.kestra.plugin.notifications.mail.MailSend"),
    .kind = TYPE_TASK,
    .where = RUN_CHILD,
    .title = "Send a mail.",
    EXAMPLES("id: mail\n"
             "type: io.kestra.plugin.email.MailSend\n"
             "host: mail.example.org\n"
             "port: 587\n"
             "transportStrategy: SMTP_TLS\n"
             "username: robot\n"
             "password: \"{{ secret('MAIL_PASSWORD') }}\"\n"
             "from: robot@example.org\n"
             "to: team@example.org\n"
             "subject: \"{{ flow.id }} is done\"\n"
             "htmlTextContent: \"<b>All is well.</b>\"\n"
             "attachments:\n"
             "  - name: report.csv\n"
             "    uri: \"{{ outputs.report.uri }}\"\n"
             "    contentType: text/csv\n"),
    .fields = send_fields,
    .run = run_send,
};

static const Field execution_fields[] = {
    MAIL_FIELDS,
    SERVICE_EXECUTION_FIELDS,
    {},
};

const Type task_mail_execution = {
    .name = "io.kestra.plugin.email.MailExecution",
    ALIASES("io.kestra.plugin.notifications.mail.MailExecution"),
    .kind = TYPE_TASK,
    .where = RUN_CHILD,
    .title = "Tell people about an execution by mail.",
    .fields = execution_fields,
    .run = run_execution,
};
