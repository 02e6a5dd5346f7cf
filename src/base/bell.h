/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Rings other roles on this host: POST /wake over their unix socket, on a connection that stays open, never blocking.
 *
 * A ring is left out while an earlier one to the same peer is unanswered and carries the same body: the reader answers
 * before it looks at the database, so an unanswered ring means that it has not looked yet, and it will see what was
 * committed before. Thread safe.
 */
#include "base/base.h"

typedef struct Bell Bell;
Bell *bell_new(void);
Bell *bell_free(Bell *bell);
DEFINE_CLEANUP(Bell *, bell_free);
/* body: "" or one id a line. A peer that cannot be reached is forgotten; losses are covered by the readers' slow poll.
 */
void bell_ring(Bell *bell, const char *socket_path, const char *body);
