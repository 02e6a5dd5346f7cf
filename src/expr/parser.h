/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Inside of the parser: shared by the expression half and the tag half. */
#include "expr/engine.h"

#define PARSER_DEPTH_MAX 200

typedef struct Parser {
    Arena *arena;
    Expr *expr;
    Tokens tokens;
    size_t at;
    unsigned depth;
    SyntaxError *error;
    /* Names that a tag around the current place defines: what they hide is not read from the context. */
    Name *defined;
    size_t defined_count, defined_allocated;
    size_t reads_allocated;
} Parser;

Node *node_new(Parser *parser, NodeEval eval, unsigned line);
void nodes_push(Parser *parser, NodeList *list, Node *node);
/* NULL: the error is set. */
Node *parser_fail(Parser *parser, unsigned line, const char *format, ...) _printf_(3, 4);
Node *parse_expression(Parser *parser);
/* Parses the filter chain of {% filter a | b %} onto input. */
Node *parse_filter_call(Parser *parser, Node *input);
bool parse_arguments(Parser *parser, bool of_macro, Arguments *ret);
bool parse_new_name(Parser *parser, Name *ret);
/* The text of a body up to one of the tags in `stops` (NULL-terminated); NULL stops: to the end. */
Node *parse_body(Parser *parser, const char *const *stops, const char *wanted);
void define_name(Parser *parser, Name name);
void record_read(Parser *parser, Name root, Name step);

static inline Token *current(Parser *parser)
{
    return &parser->tokens.items[parser->at];
}
static inline const Token *peek(const Parser *parser)
{
    size_t next = parser->at + 1;
    return &parser->tokens.items[next < parser->tokens.count ? next : parser->tokens.count - 1];
}
static inline void next_token(Parser *parser)
{
    if (parser->at + 1 < parser->tokens.count)
        parser->at++;
}
static inline bool token_is(const Token *token, TokenKind kind, const char *text)
{
    return token->kind == kind && streq(token->text, text);
}
bool expect(Parser *parser, TokenKind kind, const char *text_or_null);
