/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What a task asks of a mail client. The client itself (libcurl) is given by whoever runs the task, in RunContext.mail.
 */
#include "doc/json.h"

typedef enum MailSecurity {
    MAIL_PLAIN,    /* TLS when the server offers it */
    MAIL_TLS,      /* from the first byte (SMTPS) */
    MAIL_STARTTLS, /* plain text becomes TLS, or nothing is sent */
} MailSecurity;

typedef struct MailFile {
    char *name, *content_type;
    char *path;     /* of a local file */
    bool is_inline; /* the HTML shows it: cid: and its name */
} MailFile;

/* NULL or 0: not set. Everything is borrowed. */
typedef struct MailMessage {
    const char *host;
    uint16_t port; /* 0: the usual one */
    MailSecurity security;
    const char *user, *password;
    const char *token; /* XOAUTH2 instead of the password */
    bool insecure;     /* any certificate of the server will do */
    usec_t timeout_usec;
    const char *from;
    const json_t *to, *cc; /* lists of texts; cc may be NULL */
    const char *subject, *text, *html;
    VEC(MailFile) files;
} MailMessage;

enum {
    MAIL_E_FAILED = 1, /* not sent; the Diag says why */
};

/* Blocks. */
typedef struct MailClient {
    int (*send)(const MailMessage *message, Diag *diag);
} MailClient;
