/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * HTTP basic authentication with one administrator. The password is stored only as a yescrypt hash, in the setting
 * "kestra.server.basic-auth" {enabled, username, password, realm, openUrls}. Thread safe.
 */
#include "web/session.h"

enum {
    AUTH_E_DENIED = 1,  /* no or wrong credentials */
    AUTH_E_HASH = 2,    /* they are not remembered: to be asked again with may_hash (login_queue.h) */
    AUTH_E_INVALID = 3, /* auth_set: not an e-mail address, empty or too long; the Diag says which */
};

typedef struct Auth Auth;
Auth *auth_new(const WebSettings *settings);
Auth *auth_free(Auth *auth);
DEFINE_CLEANUP(Auth *, auth_free);

/* How far the login of one request has come. */
typedef struct AuthTurn {
    bool may_hash;
    usec_t delay; /* set with AUTH_E_HASH: how long to wait before, for the wrong ones that came from there */
} AuthTurn;

/*
 * Once at start, when the database can be reached: without a row, the settings' name and password are stored, or a
 * random password; *ret_password is then its text, to be shown once, else NULL; caller frees.
 */
int auth_prepare(Auth *auth, Pg *pg, char **ret_password) _must_check_;
/* May this request pass? Trusted peers always may. Slow (yescrypt) for credentials that are not the ones checked last.
 */
int auth_check(Auth *auth, Pg *pg, const HttpRequest *request, AuthTurn *turn) _must_check_;
/* Stores new credentials; username NULL keeps the present one. */
int auth_set(Auth *auth, Pg *pg, const char *username, const char *password, Diag *diag) _must_check_;
/* Whether the API is protected at all. */
bool auth_is_enabled(const Auth *auth);
/* For WWW-Authenticate. Borrowed. */
const char *auth_realm(const Auth *auth);
