/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Limits of a task's process tree: the property `limits` of script tasks and of the Process runner, and the settings
 * worker.limits and worker.limits-maximum, which have the same names and forms. They are files of its control group.
 */
#include "base/spawn.h"
#include "doc/conf.h"
#include "plugin/run.h"

typedef enum LimitKind {
    LIMIT_MEMORY,
    LIMIT_SWAP,
    LIMIT_CPUS,
    LIMIT_CPU_WEIGHT,
    LIMIT_PIDS,
    LIMIT_IO_WEIGHT,
    LIMIT_IO_READ,
    LIMIT_IO_WRITE,
    _LIMIT_MAX,
} LimitKind;

/* Bytes, thousandths of a CPU, weights, counts; LIMIT_NONE: not limited. */
#define LIMIT_NONE INT64_C(-1)
typedef struct Limits {
    int64_t values[_LIMIT_MAX];
} Limits;
#define LIMITS_NONE                                                                                                    \
    {                                                                                                                  \
        {                                                                                                              \
            LIMIT_NONE, LIMIT_NONE, LIMIT_NONE, LIMIT_NONE, LIMIT_NONE, LIMIT_NONE, LIMIT_NONE, LIMIT_NONE             \
        }                                                                                                              \
    }

/* The properties below `limits`. */
extern const Field fields_limits[];

/* What the administrator says, and what can be enforced on this host. */
typedef struct LimitPolicy {
    Limits defaults, maxima;
    bool refuse;          /* a task whose own limit cannot be enforced fails; otherwise it is warned */
    unsigned controllers; /* one bit a CgroupController */
    const char *lack;     /* why others are missing; or NULL */
} LimitPolicy;
#define LIMIT_POLICY_NONE                                                                                              \
    {                                                                                                                  \
        .defaults = LIMITS_NONE, .maxima = LIMITS_NONE, .refuse = true                                                 \
    }
/* The settings; what can be enforced is the caller's to say. */
LimitPolicy limits_policy(const Conf *conf);
/* Names of the settings in force here that cannot be enforced ("worker.limits.memory, …"); NULL: none. Caller frees. */
char *limits_not_enforced(const LimitPolicy *policy);

/* The limits of one process: `asked` (rendered, may be NULL) within the policy. RUN_E_FAILED (logged): cannot be read,
 * is more than the maximum, or cannot be enforced. */
int limits_decide(RunContext *run, const LimitPolicy *policy, const json_t *asked, Limits *ret) _must_check_;
/* As files of a control group. In the arena. */
const SpawnLimit *limits_files(const Limits *limits, Arena *arena, size_t *ret_count);
