/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* One connection to the gateway: one request and its answer, blocking. */
#include <openssl/ssl.h>

#include "blob/blob.h"
#include "worker/gateway_door.h"

typedef struct PeerSettings {
    const char *token;
    SSL_CTX *tls;        /* NULL: plain, for loopback */
    usec_t timeout_usec; /* without any progress */
    usec_t guest_usec;   /* until the token is seen, in all; 0: no limit */
    Door *door;          /* NULL: whoever comes is in */
} PeerSettings;

/* Serves the connection, which it takes, and which has entered by the door. blob may be shared by threads. */
void peer_serve(const PeerSettings *settings, const Blob *blob, int fd);
