/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Cron expressions as Kestra 0.21 reads them (cron-utils, Kestra's CronDefinition); pure. */
#include "base/diag.h"

enum {
    CRON_E_INVALID = 1, /* the Diag says which field */
    CRON_E_NONE = 2,    /* no such date within 10 years */
};

typedef struct Cron Cron;
/* zone: IANA name, NULL = UTC. Unknown zone: CRON_E_INVALID. */
int cron_parse(const char *expression, bool with_seconds, const char *zone, Cron **ret, Diag *diag) _must_check_;
Cron *cron_free(Cron *cron);
DEFINE_CLEANUP(Cron *, cron_free);
/* First matching instant strictly after / last strictly before. */
int cron_next(const Cron *cron, usec_t after, usec_t *ret) _must_check_;
int cron_previous(const Cron *cron, usec_t before, usec_t *ret) _must_check_;
