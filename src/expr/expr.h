/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Kestra's expression language: Pebble templates, compiled once and rendered many times. A library without I/O:
 * what needs the outside (secret, kv, read, …) goes through ExprServices, which each role supplies.
 */
#include <jansson.h>

#include "base/diag.h"

enum {
    EXPR_E_SYNTAX = 1, /* compile: the Diag has line, column and text */
    EXPR_E_RENDER = 2, /* render: unknown variable, wrong type, limit, service error; the Diag has line and text */
};

/* A compiled template; immutable and shared by reference. A text without "{" compiles to itself. */
typedef struct Expr Expr;
int expr_compile(const char *source, size_t length, Expr **ret, Diag *diag) _must_check_;
Expr *expr_unref(Expr *expr);
DEFINE_CLEANUP(Expr *, expr_unref);
/* True when rendering needs no variable and gives the source itself. */
bool expr_is_literal(const Expr *expr);

/*
 * The variables that the template may read, as dotted paths of up to two steps ("outputs.fetch", "taskrun", "inputs").
 * `*ret_all` is true when it cannot know (render(), printContext(), dynamic attribute of the root, …); then everything
 * must be given. paths is an array of texts, borrowed, lives as long as the Expr. Functions that need services are not
 * variables. Loop, set and macro names are left out.
 */
void expr_reads(const Expr *expr, const char *const **ret_paths, size_t *ret_count, bool *ret_all);

/*
 * What a role offers to functions. Each slot may be NULL: then the function fails with "… is not available here".
 * Results are new references or heap texts, owned by the caller of the slot. An error is EXPR_E_RENDER + diag.
 */
typedef struct ExprServices {
    void *userdata;
    usec_t (*now)(void *userdata);      /* NULL: the real clock */
    uint64_t (*random)(void *userdata); /* NULL: the kernel */
    int (*secret)(void *userdata, const char *key, char **ret_text, Diag *diag);
    int (*kv)(void *userdata, const char *key, const char *namespace_or_null, bool error_on_missing, json_t **ret,
              Diag *diag);
    int (*read)(void *userdata, const char *path, char **ret_bytes, size_t *ret_length, Diag *diag);
    int (*file_size)(void *userdata, const char *path, int64_t *ret_bytes, Diag *diag);
    int (*error_logs)(void *userdata, json_t **ret, Diag *diag);
    /* Opens {"type":"io.kestra.datatype:aes_encrypted","value":…} found among outputs; NULL leaves them. */
    int (*decrypt_value)(void *userdata, const char *value, char **ret_text, Diag *diag);
} ExprServices;

typedef struct ExprLimits {
    unsigned depth_max;      /* nested calls, macros, render(): 64 */
    size_t output_bytes_max; /* 16 MiB */
    uint64_t steps_max;      /* of one render, whatever makes them (see eval_spend): 20,000,000 */
    size_t memory_bytes_max; /* of the values of one render: 128 MiB */
} ExprLimits;
extern const ExprLimits expr_limits_default;
/* The limits of every render whose context names none. Set once, before the first render and before any thread starts:
 * one value of the process, because a render begins in many places that know nothing of settings. */
void expr_limits_set(const ExprLimits *limits);
const ExprLimits *expr_limits(void);

/* Everything a render reads. Nothing of it is changed. */
typedef struct ExprContext {
    const json_t *variables; /* an object */
    /* Called for a root variable that is not in `variables`, once per render; a borrowed value or NULL. May be NULL. */
    const json_t *(*lookup)(void *userdata, const char *name);
    void *lookup_userdata;
    const ExprServices *services; /* may be NULL */
    const ExprLimits *limits;     /* NULL: the defaults */
    bool recursive;               /* render again until nothing changes (kestra.variables.recursive-rendering) */
} ExprContext;

/* Renders to text; the caller frees *ret_text. Kestra: VariableRenderer.render. */
int expr_render(const Expr *expr, const ExprContext *context, char **ret_text, Diag *diag) _must_check_;
/* A lone expression keeps its type (VariableRenderer.renderTyped); new reference; JSON null for null. */
int expr_render_typed(const Expr *expr, const ExprContext *context, json_t **ret, Diag *diag) _must_check_;
/* The same, and anything else than a lone expression gives a text: what the project's own additions use, where
 * renderTyped would fail. */
int expr_render_value(const Expr *expr, const ExprContext *context, json_t **ret, Diag *diag) _must_check_;

/*
 * A JSON value with templates inside: every text and key of it is compiled. Literals share the source value.
 */
typedef struct ExprTree ExprTree;
/* Keeps a reference to value. Syntax errors do not fail: they are reported to diag (with JSON path) and rendering the
 * broken text gives the same error, because Kestra stores such flows and fails at run time. */
ExprTree *expr_tree_compile(json_t *value, Diag *diag);
ExprTree *expr_tree_unref(ExprTree *tree);
DEFINE_CLEANUP(ExprTree *, expr_tree_unref);
/* The subtree under an object key, or NULL when there is none. Borrowed. */
const ExprTree *expr_tree_get(const ExprTree *tree, const char *key);
/* The uncompiled value. Borrowed. */
const json_t *expr_tree_source(const ExprTree *tree);
/* Renders all of it; maps and lists element-wise, other values unchanged; new reference. */
int expr_tree_render(const ExprTree *tree, const ExprContext *context, json_t **ret, Diag *diag) _must_check_;
/* Like expr_tree_render for a text node, but as text: a non-text literal becomes its text; NULL for null/absent tree.
 */
int expr_tree_render_text(const ExprTree *tree_or_null, const ExprContext *context, char **ret_text,
                          Diag *diag) _must_check_;
int expr_tree_render_typed(const ExprTree *tree, const ExprContext *context, json_t **ret, Diag *diag) _must_check_;
/* Adds every path that any template of it reads to the array of texts `paths` (duplicates left out); true if all. */
bool expr_tree_reads(const ExprTree *tree, json_t *paths);

/* Kestra's truth of a rendered text (TruthUtils.isTruthy): false for null, "", and "false", "0", "-0" between blanks.
 */
bool expr_is_truthy(const char *text_or_null);
