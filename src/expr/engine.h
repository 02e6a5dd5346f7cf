/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Inside of the engine: the compiled tree, the state of a render, and the tables of filters, functions and tests.
 * A compiled template is a tree of nodes; each node carries the function that evaluates it, so a render is a walk of
 * indirect calls without any allocation: values are copied, results go to one buffer, texts to the render's arena.
 */
#include "base/buffer.h"
#include "expr/expr.h"
#include "expr/java_text.h"
#include "expr/lexer.h"
#include "expr/value.h"

typedef struct Eval Eval;
typedef struct Node Node;
typedef struct CallRow CallRow;

/* Results of evaluation; positive ones have their text in Eval. */
enum {
    EVAL_E_ERROR = 1,
    EVAL_E_UNDEFINED = 2, /* a variable or attribute that does not exist; `??`, `default`, `is defined` recover */
};
typedef int (*NodeEval)(Eval *eval, const Node *node, Value *ret);
/* Statements write to the output instead. */
typedef int (*NodeRun)(Eval *eval, const Node *node);

typedef struct Name {
    const char *text;
    uint32_t length;
} Name;

typedef struct NodeList {
    Node **items;
    size_t count, allocated;
} NodeList;

typedef struct Argument {
    Name name; /* text NULL: positional */
    Node *value;
} Argument;
typedef struct Arguments {
    Argument *items;
    size_t count, allocated;
} Arguments;

typedef struct Macro Macro;
struct Macro {
    Macro *next;
    Name name;
    Arguments arguments; /* names, with defaults or NULL */
    Node *body;
};
typedef struct Block2 Block2;
struct Block2 {
    Block2 *next;
    Name name;
    Node *body;
};

struct Node {
    NodeEval eval;
    NodeRun run;
    unsigned line;
    union {
        Value literal;
        Name name; /* variables */
        struct {
            Node *left, *right, *third;
            const struct BinaryRow *row;
        } operands;
        NodeList list; /* bodies, list literals; map literals: key, value, key, value … */
        struct {
            Node *object, *key;
            NodeList arguments;
            bool is_call;
        } attribute;
        struct {
            const CallRow *row; /* NULL: not known, an error when evaluated */
            Name name;
            Node *input; /* filters and tests */
            Arguments arguments;
            bool negated;
        } call;
        struct {
            Name name;
            Node *value, *body, *otherwise;
        } tag; /* for, set, filter, block */
        struct {
            NodeList conditions, bodies; /* a last body without condition is `else` */
        } branches;
    };
};

struct Expr {
    unsigned references;
    Arena *arena;
    const char *source;
    size_t length;
    bool is_literal;
    bool is_single_print; /* the body is one {{ … }} */
    Node *body;
    Macro *macros;
    Block2 *blocks;
    const char **reads;
    size_t read_count;
    bool reads_all;
};

/* ---- calls: filters, functions, tests ---- */
#define CALL_ARGUMENTS_MAX 8

typedef struct Call {
    Eval *eval;
    unsigned line;
    const CallRow *row;
    const Node *node;
    Value input;            /* of filters and tests */
    const Value *arguments; /* by position of the row's names; as given when it has none */
    const bool *given;
    size_t count; /* of names, or of arguments given when the row has no names */
} Call;

typedef enum CallFlags {
    CALL_DEFAULT = 1 << 0,   /* an undefined input is null (filter default, test defined) */
    CALL_READS_ALL = 1 << 1, /* may read any variable */
} CallFlags;

struct CallRow {
    const char *name; /* NULL ends a table */
    int (*run)(Call *call, Value *ret);
    const char *const *names; /* of arguments, ends with NULL; NULL: any number of unnamed ones */
    unsigned flags;
    const char *reads; /* variables that it reads, separated by blanks; or NULL */
};
const CallRow *filter_find(const char *name);
const CallRow *function_find(const char *name);
const CallRow *test_find(const char *name);
/* All rows, for completion and documentation: index from 0, NULL at the end. */
const CallRow *filter_at(size_t index);
const CallRow *function_at(size_t index);
const CallRow *test_at(size_t index);

/* Argument by position; null when not given. */
static inline Value call_argument(const Call *call, size_t index)
{
    return index < call->count && call->given[index] ? call->arguments[index] : VALUE_NULL_INIT;
}
static inline bool call_has(const Call *call, size_t index)
{
    return index < call->count && call->given[index];
}
/* Fails with "text (template:line)". */
int call_fail(Call *call, const char *format, ...) _printf_(2, 3);
/* Java's cast error; any text will do for clients, ours says what was expected. */
int call_wrong_type(Call *call, const Value *value, const char *expected);
/* Fails unless value is a text. */
int call_need_text(Call *call, const Value *value) _must_check_;
/* Fails unless value is an Integer or Long; `*ret` is its value. */
int call_need_long(Call *call, const Value *value, int64_t *ret) _must_check_;

/* ---- a render ---- */
typedef enum ScopeKind {
    SCOPE_LOOP,
    SCOPE_LOCAL,  /* a macro: nothing outside is visible */
    SCOPE_RENDER, /* render(): everything is visible, but what it sets stays inside */
} ScopeKind;

typedef struct Scope {
    ScopeKind kind;
    size_t first; /* index of its first variable */
} Scope;

typedef struct Variable {
    Name name;
    Value value;
    size_t scope;
} Variable;

struct Eval {
    const Expr *expr;
    const ExprContext *context;
    const ExprLimits *limits;
    Arena *arena;
    Buffer *out;
    Value root; /* the variables, when they are no json_t (then root.kind is VALUE_MAP) */
    VEC(Scope) scopes;
    VEC(Variable) variables;
    ValueMap *looked_up;
    ValueMap *changed; /* lists and maps changed by methods (add, put): by address */
    /* A typed render collects values instead of text. */
    bool typed;
    unsigned emitted;
    Value first;
    unsigned depth;
    uint64_t steps; /* spent so far */
    /* The error. */
    int error;
    Name undefined;
    const char *message; /* in the arena */
    unsigned error_line;
    const Expr *error_expr;
};

/* Both return EVAL_E_ERROR. With suffix " (template:line)"; plain as it is. */
int eval_fail(Eval *eval, unsigned line, const char *format, ...) _printf_(3, 4);
int eval_fail_plain(Eval *eval, const char *format, ...) _printf_(2, 3);
int eval_undefined(Eval *eval, unsigned line, Name name);
/* The text of the error that stands in eval. */
const char *eval_error_text(Eval *eval);

static inline int eval_node(Eval *eval, const Node *node, Value *ret)
{
    return node->eval(eval, node, ret);
}
/* Room for a text of `length` bytes (plus terminator) in the arena, or NULL with the error set: output limit. */
char *eval_text(Eval *eval, size_t length);
/* A copy of a buffer as value. */
int eval_buffer_value(Eval *eval, const Buffer *buffer, Value *ret);
int eval_check_output(Eval *eval);
int eval_enter(Eval *eval, unsigned line);
static inline void eval_leave(Eval *eval)
{
    eval->depth--;
}
/*
 * The budget of a render (ExprLimits): every call, operation and loop round spends a step, what looks at or makes many
 * bytes or items spends in proportion (BYTES_PER_STEP), a regular expression for each item of its pattern that it
 * tries. Memory is looked at along the way, every 64 steps.
 */
#define BYTES_PER_STEP 64
int eval_overspent(Eval *eval);
static inline int eval_spend(Eval *eval, uint64_t steps)
{
    uint64_t before = eval->steps;
    eval->steps += steps;
    return (before ^ eval->steps) >> 6 ? eval_overspent(eval) : 0;
}
/* What looking at the whole of a value costs. */
static inline uint64_t value_cost(const Value *value)
{
    return value->kind == VALUE_TEXT   ? 1 + value->length / BYTES_PER_STEP
           : value->kind == VALUE_LIST ? 1 + value_count(value) / 4
           : value->kind == VALUE_MAP  ? 1 + value_count(value) / 2
                                       : 1;
}
/* Writes a value to the output. */
int eval_emit(Eval *eval, const Value *value);
/* Runs a body with its output captured as text. */
int eval_capture(Eval *eval, const Node *body, Value *ret);
void scope_push(Eval *eval, ScopeKind kind);
void scope_pop(Eval *eval);
void scope_put(Eval *eval, Name name, Value value);    /* in the innermost scope */
void scope_assign(Eval *eval, Name name, Value value); /* where it is defined, else innermost */
/* False: no such variable. */
bool eval_variable(Eval *eval, Name name, Value *ret);
/* What a list or map looks like after methods (add, put) of this render. */
Value eval_current_version(Eval *eval, Value value);
/* Every visible variable as a map. */
Value eval_all_variables(Eval *eval);
int eval_run_expr(Eval *eval, const Expr *expr);
/* Renders a template text inside this render (functions render, renderOnce). */
int eval_render_text(Eval *eval, Value template, bool recursive, Value *ret);
/* Compiles into an arena; false: error is set (line 0: the place is not known). */
bool parser_run(Expr *expr, const Tokens *tokens, SyntaxError *error);
bool expr_parse(Arena *arena, const char *source, size_t length, Expr *ret, SyntaxError *error);

/* Node functions that the parser installs. */
int eval_literal(Eval *eval, const Node *node, Value *ret);
int eval_name(Eval *eval, const Node *node, Value *ret);
int eval_list_literal(Eval *eval, const Node *node, Value *ret);
int eval_map_literal(Eval *eval, const Node *node, Value *ret);
int eval_attribute(Eval *eval, const Node *node, Value *ret);
int eval_ternary(Eval *eval, const Node *node, Value *ret);
int eval_join(Eval *eval, const Node *node, Value *ret); /* a string with #{…} */
int eval_not(Eval *eval, const Node *node, Value *ret);
int eval_plus(Eval *eval, const Node *node, Value *ret);
int eval_minus(Eval *eval, const Node *node, Value *ret);
int eval_filter(Eval *eval, const Node *node, Value *ret);
int eval_test(Eval *eval, const Node *node, Value *ret);
int eval_function(Eval *eval, const Node *node, Value *ret);
int eval_block_function(Eval *eval, const Node *node, Value *ret);
int eval_parent_function(Eval *eval, const Node *node, Value *ret);
int eval_captured_body(Eval *eval, const Node *node, Value *ret);
int eval_text_node(Eval *eval, const Node *node);
int run_print(Eval *eval, const Node *node);
int run_body(Eval *eval, const Node *node);
int run_if(Eval *eval, const Node *node);
int run_for(Eval *eval, const Node *node);
int run_set(Eval *eval, const Node *node);
int run_block(Eval *eval, const Node *node);
/* A method or property of a Java class: `text.length()`, `list.size`. EVAL_E_UNDEFINED when there is none. */
int eval_method(Eval *eval, unsigned line, Value object, Name name, const Value *arguments, size_t count, bool is_call,
                Value *ret);

typedef struct BinaryRow {
    const char *symbol;
    int precedence;
    NodeEval eval;
    const char *failure; /* arithmetic and comparisons: "Could not perform …", replaces every error below */
    int detail;
} BinaryRow;
const BinaryRow *binary_find(const char *symbol);
/* Operations on values, for filters too. */
bool values_loosely_equal(const Value *a, const Value *b);
int eval_truth(Eval *eval, unsigned line, const Value *value, bool *ret);
/* The list from, from + step … to; numbers or single characters. */
int eval_range_values(Eval *eval, unsigned line, const Value *from, const Value *to, int64_t step, Value *ret);

/* Renders and hands the result to `take` before the arena is emptied; typed keeps the type of a lone expression. With
 * root.kind VALUE_MAP its entries are variables besides the context's. */
typedef int (*RenderTake)(void *userdata, Eval *eval, const Value *result);
int engine_render(const Expr *expr, const ExprContext *context, Value root, bool typed, RenderTake take, void *userdata,
                  Diag *diag) _must_check_;
/* {% raw %}…{% endraw %} without newline inside: finds the first one from `at`. */
typedef struct RawBlock {
    const char *start, *content, *content_end, *end;
} RawBlock;
bool raw_find(const char *at, const char *end, RawBlock *ret);
/* Removes the raw tags around their contents; true when it changed anything (ret is then in the arena). */
bool raw_strip(Arena *arena, const Value *text, Value *ret);
