/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Conditions of triggers and listeners: pure, evaluated by whoever evaluates the trigger (scheduler, executor,
 * webserver). Source: io.kestra.core.services.ConditionService.
 */
#include "model/execution.h"
#include "plugin/registry.h"

enum {
    CONDITION_E_FAILED = 1, /* could not be evaluated: the Diag says why; callers decide what that means */
};

typedef struct ConditionContext {
    const ExprContext *render;  /* variables: trigger, flow, execution … */
    const Flow *flow;           /* of the execution, or the trigger's own one; may be NULL */
    const Execution *execution; /* the one that changed state; NULL for schedules */
} ConditionContext;

/* Whether every condition of the list holds; an absent list holds. A condition with `disabled: true` is left out. */
int conditions_hold(const json_t *list, const ConditionContext *context, bool *ret, Diag *diag) _must_check_;
int condition_holds(const json_t *condition, const ConditionContext *context, bool *ret, Diag *diag) _must_check_;
/* Whether it is about the slot's date alone (Kestra's ScheduleCondition), down to the conditions inside of it. */
bool condition_is_by_date(const json_t *condition);

/* ---- for the condition types */

/* The property rendered to text; `fallback` (a template) when absent; NULL when there is neither. Caller frees. */
int condition_text(const ConditionContext *context, const json_t *condition, const char *property, const char *fallback,
                   char **ret, Diag *diag) _must_check_;
/* A rendered date with its own offset. */
typedef struct ConditionDate {
    usec_t instant;
    int64_t offset_seconds;
    int weekday; /* 0: Monday */
    int day, days_in_month;
    usec_t time_of_day; /* local */
} ConditionDate;
/* The property `date`, or {{ trigger.date }}. */
int condition_date(const ConditionContext *context, const json_t *condition, ConditionDate *ret,
                   Diag *diag) _must_check_;
int condition_refuse(Diag *diag, const char *format, ...) _printf_(2, 3) _must_check_;
/* Whether `text` stands in the list. */
bool condition_list_has(const json_t *list, const char *text);
/* equals, or begins with, or ends with. */
bool condition_namespace_fits(const char *namespace, const char *wanted, const char *comparison);

extern const char *const condition_weekdays[]; /* MONDAY …; ends with NULL */
#define CONDITION_FIELD_DATE                                                                                           \
    {                                                                                                                  \
        "date", FIELD_STRING, FIELD_DYNAMIC, .fallback = "\"{{ trigger.date }}\"",                                     \
                                             .doc = "The date that is looked at."                                      \
    }
