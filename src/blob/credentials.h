/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Credentials that are not among the settings but given by what is around: the environment of the unit, files that it
 * names, and the servers that clouds have for their machines and containers. Looked for in the order of each vendor's
 * libraries, with the same variables. Asked once for all threads of a process, and again before they end. Safe for
 * several threads. Blocks.
 */
#include "blob/gcs_token.h"
#include "blob/remote.h"

typedef enum CredentialKind {
    CREDENTIAL_AWS,
    CREDENTIAL_GOOGLE,
    CREDENTIAL_AZURE,
} CredentialKind;

typedef struct Credential {
    char *access_key, *secret_key, *session_token; /* of AWS; a session token need not be there */
    char *token;                                   /* of the others, for `Authorization: Bearer` */
    usec_t ends;                                   /* 0: never */
} Credential;
void credential_done(Credential *credential);

typedef struct CredentialSettings {
    CredentialKind kind;
    const char *region;  /* of AWS; borrowed */
    GcsToken *account;   /* of Google, or NULL; borrowed. With it nothing else is looked for */
    RemoteSettings http; /* for servers that are not on the machine itself */
} CredentialSettings;

typedef struct Credentials Credentials;
Credentials *credentials_new(const CredentialSettings *settings);
Credentials *credentials_free(Credentials *credentials);
/* Those that are valid now. `storage`: has the clock that counts. An outage names all that was looked at, and why it
 * was not good. The caller ends *ret. */
int credentials_get(Credentials *credentials, Remote *storage, Credential *ret) _must_check_;
/* The server has refused them. */
void credentials_drop(Credentials *credentials);
