/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One mail by SMTP. Header values come from rendered texts, so that line breaks in them become blanks and everything
 * that is no ASCII an encoded word (RFC 2047); the parts, their encodings and boundaries are libcurl's.
 */
#include "runner/mail_curl.h"

#include <curl/curl.h>
#include <time.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/id.h"

typedef struct Sending {
    CURL *curl;
    struct curl_slist *recipients, *headers;
    curl_mime *mime;
    char error[CURL_ERROR_SIZE];
} Sending;

static void sending_done(Sending *sending)
{
    curl_mime_free(sending->mime);
    curl_easy_cleanup(sending->curl);
    curl_slist_free_all(sending->recipients);
    curl_slist_free_all(sending->headers);
}

/* --- addresses --- */

/* "<a@b>" of "Name <a@b>" or "a@b". Caller frees. */
static char *address_of(const char *text)
{
    const char *open = strrchr(text, '<'), *close = open ? strchr(open, '>') : NULL;
    const char *begin = close ? open + 1 : text + strspn(text, " \t\r\n");
    size_t length = close ? (size_t)(close - begin) : strcspn(begin, " \t\r\n");
    return xasprintf("<%.*s>", (int)length, begin);
}

static void add_recipients(Sending *sending, const json_t *list)
{
    size_t i;
    const json_t *item;
    json_array_foreach (list, i, item) {
        _cleanup_free_ char *address = address_of(json_string_value(item));
        sending->recipients = curl_slist_append(sending->recipients, address);
    }
}

/* --- headers --- */

static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* One encoded word of at most 45 bytes, cut between characters; how many were taken. */
static size_t append_word(Buffer *text, const char *value)
{
    size_t length = strlen(value), taken = MIN(length, (size_t)45);
    while (taken > 0 && taken < length && ((unsigned char)value[taken] & 0xC0) == 0x80)
        taken--;
    buffer_append(text, "=?UTF-8?B?");
    for (size_t i = 0; i < taken; i += 3) {
        unsigned bits = 0;
        for (size_t k = 0; k < 3; k++)
            bits = bits << 8 | (i + k < taken ? (unsigned char)value[i + k] : 0);
        for (size_t k = 0; k < 4; k++)
            buffer_append_char(text, i + k > taken ? '=' : base64[bits >> (18 - 6 * k) & 63]);
    }
    buffer_append(text, "?=");
    return taken;
}

static bool is_ascii(const char *value)
{
    for (const unsigned char *c = (const unsigned char *)value; *c; c++)
        if (*c >= 0x80)
            return false;
    return true;
}

static void add_header(Sending *sending, const char *name, const char *value)
{
    _cleanup_buffer_ Buffer line = {};
    _cleanup_free_ char *clean = xstrdup(value);
    for (char *c = clean; *c; c++)
        if (*c == '\r' || *c == '\n')
            *c = ' ';
    buffer_printf(&line, "%s: ", name);
    if (is_ascii(clean))
        buffer_append(&line, clean);
    for (const char *rest = clean; !is_ascii(clean) && *rest;) {
        if (rest != clean)
            buffer_append(&line, "\r\n ");
        size_t taken = append_word(&line, rest);
        rest += taken ? taken : strlen(rest); /* no text at all: a continuation byte without its character */
    }
    sending->headers = curl_slist_append(sending->headers, buffer_text(&line));
}

/* The display name may be more than ASCII, the address may not. */
static void append_mailbox(Buffer *text, const char *value)
{
    const char *open = strrchr(value, '<');
    if (is_ascii(value) || !open) {
        buffer_append(text, value);
        return;
    }
    size_t length = (size_t)(open - value);
    while (length > 0 && value[length - 1] == ' ')
        length--;
    _cleanup_free_ char *name = xstrndup(value, length);
    for (const char *rest = name; *rest;) {
        size_t taken = append_word(text, rest);
        buffer_append_char(text, ' ');
        rest += taken ? taken : strlen(rest);
    }
    buffer_append(text, open);
}

static void add_mailboxes(Sending *sending, const char *name, const json_t *list)
{
    _cleanup_buffer_ Buffer text = {};
    size_t i;
    const json_t *item;
    json_array_foreach (list, i, item) {
        if (i > 0)
            buffer_append(&text, ", ");
        append_mailbox(&text, json_string_value(item));
    }
    if (text.length > 0)
        add_header(sending, name, buffer_text(&text));
}

static void add_headers(Sending *sending, const MailMessage *message)
{
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    _cleanup_buffer_ Buffer from = {};
    char id[ID_BYTES];
    struct tm tm;
    time_t now = (time_t)(clock_realtime() / USEC_PER_SEC);
    id_new(id);
    gmtime_r(&now, &tm);
    _cleanup_free_ char *date = xasprintf("%s, %02d %s %d %02d:%02d:%02d +0000", days[tm.tm_wday], tm.tm_mday,
                                          months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
    _cleanup_free_ char *message_id = xasprintf("<%s@kestra>", id);
    append_mailbox(&from, message->from);
    add_header(sending, "Date", date);
    add_header(sending, "Message-ID", message_id);
    add_header(sending, "From", buffer_text(&from));
    add_mailboxes(sending, "To", message->to);
    add_mailboxes(sending, "Cc", message->cc);
    add_header(sending, "Subject", message->subject ? message->subject : "");
}

/* --- body --- */

static void add_text(curl_mime *mime, const char *text, const char *type)
{
    curl_mimepart *part = curl_mime_addpart(mime);
    curl_mime_data(part, text, CURL_ZERO_TERMINATED);
    curl_mime_type(part, type);
    curl_mime_encoder(part, "base64");
}

static CURLcode add_file(curl_mime *mime, const MailFile *file)
{
    curl_mimepart *part = curl_mime_addpart(mime);
    CURLcode code = curl_mime_filedata(part, file->path);
    curl_mime_filename(part, file->name);
    curl_mime_type(part, file->content_type);
    curl_mime_encoder(part, "base64");
    if (file->is_inline) {
        _cleanup_free_ char *name = xstrdup(file->name);
        for (char *c = name; *c; c++)
            if (strchr("\"<>\r\n", *c))
                *c = '_';
        _cleanup_free_ char *id = xasprintf("Content-ID: <%s>", name);
        _cleanup_free_ char *disposition = xasprintf("Content-Disposition: inline; filename=\"%s\"", name);
        struct curl_slist *headers = curl_slist_append(NULL, disposition);
        curl_mime_headers(part, curl_slist_append(headers, id), 1);
    }
    return code;
}

/* Mixed: the text in its forms, then what is attached. Pictures stand beside the HTML that shows them. */
static CURLcode add_body(Sending *sending, const MailMessage *message)
{
    CURLcode code = CURLE_OK;
    sending->mime = curl_mime_init(sending->curl);
    curl_mime *forms = curl_mime_init(sending->curl);
    add_text(forms, message->text ? message->text : "", "text/plain; charset=UTF-8");
    if (message->html) {
        curl_mime *related = curl_mime_init(sending->curl);
        add_text(related, message->html, "text/html; charset=UTF-8");
        for (size_t i = 0; i < message->files.count; i++)
            if (message->files.items[i].is_inline && code == CURLE_OK)
                code = add_file(related, &message->files.items[i]);
        curl_mimepart *part = curl_mime_addpart(forms);
        curl_mime_subparts(part, related);
        curl_mime_type(part, "multipart/related");
    }
    curl_mimepart *part = curl_mime_addpart(sending->mime);
    curl_mime_subparts(part, forms);
    curl_mime_type(part, "multipart/alternative");
    for (size_t i = 0; i < message->files.count; i++)
        if ((!message->files.items[i].is_inline || !message->html) && code == CURLE_OK)
            code = add_file(sending->mime, &message->files.items[i]);
    curl_easy_setopt(sending->curl, CURLOPT_MIMEPOST, sending->mime);
    return code;
}

/* --- all of it --- */

static void set_server(Sending *sending, const MailMessage *message)
{
    static const uint16_t usual_ports[] = {[MAIL_PLAIN] = 25, [MAIL_TLS] = 465, [MAIL_STARTTLS] = 587};
    CURL *curl = sending->curl;
    uint16_t port = message->port ? message->port : usual_ports[message->security];
    _cleanup_free_ char *uri =
        xasprintf("%s://%s:%u/kestra", message->security == MAIL_TLS ? "smtps" : "smtp", message->host, port);
    curl_easy_setopt(curl, CURLOPT_URL, uri);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_USE_SSL, message->security == MAIL_PLAIN ? CURLUSESSL_TRY : CURLUSESSL_ALL);
    /* without a wish for TLS a certificate that nobody can check is no reason to send in plain text instead */
    bool checks = !message->insecure && message->security != MAIL_PLAIN;
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, checks ? 1L : 0L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, checks ? 2L : 0L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)(message->timeout_usec / USEC_PER_MSEC));
    curl_easy_setopt(curl, CURLOPT_SERVER_RESPONSE_TIMEOUT,
                     (long)MAX((message->timeout_usec + USEC_PER_SEC - 1) / USEC_PER_SEC, (usec_t)1));
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, sending->error);
    if (message->user)
        curl_easy_setopt(curl, CURLOPT_USERNAME, message->user);
    if (message->token)
        curl_easy_setopt(curl, CURLOPT_XOAUTH2_BEARER, message->token);
    else if (message->password)
        curl_easy_setopt(curl, CURLOPT_PASSWORD, message->password);
}

static int send_mail(const MailMessage *message, Diag *diag)
{
    _cleanup_(sending_done) Sending sending = {.curl = curl_easy_init()};
    if (!sending.curl)
        return outage(-ENOMEM);
    _cleanup_free_ char *from = address_of(message->from);
    set_server(&sending, message);
    add_recipients(&sending, message->to);
    add_recipients(&sending, message->cc);
    add_headers(&sending, message);
    curl_easy_setopt(sending.curl, CURLOPT_MAIL_FROM, from);
    curl_easy_setopt(sending.curl, CURLOPT_MAIL_RCPT, sending.recipients);
    curl_easy_setopt(sending.curl, CURLOPT_HTTPHEADER, sending.headers);
    CURLcode code = add_body(&sending, message);
    if (code == CURLE_OK)
        code = curl_easy_perform(sending.curl);
    if (code == CURLE_OK)
        return 0;
    diag_error(diag, NULL, 0, 0, "%s", *sending.error ? sending.error : curl_easy_strerror(code));
    return MAIL_E_FAILED;
}

const MailClient mail_curl_client = {.send = send_mail};
