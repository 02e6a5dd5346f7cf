/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A template as tokens, as io.pebbletemplates.pebble.lexer.LexerImpl cuts it. */
#include "base/diag.h"

typedef enum TokenKind {
    TOKEN_TEXT,
    TOKEN_EXECUTE_START,
    TOKEN_EXECUTE_END,
    TOKEN_PRINT_START,
    TOKEN_PRINT_END,
    TOKEN_NAME,
    TOKEN_NUMBER,
    TOKEN_LONG,
    TOKEN_STRING,
    TOKEN_STRING_PART, /* a piece of a string with #{…}; a STRING in messages */
    TOKEN_STRING_INTERPOLATION_START,
    TOKEN_STRING_INTERPOLATION_END,
    TOKEN_OPERATOR,
    TOKEN_PUNCTUATION,
    TOKEN_EOF,
    _TOKEN_MAX,
} TokenKind;
const char *token_kind_name(TokenKind kind);

typedef struct Token {
    TokenKind kind;
    const char *text; /* terminated; NULL for starts and EOF */
    size_t length;
    unsigned line, column;
} Token;

typedef struct Tokens {
    Token *items;
    size_t count, allocated;
} Tokens;

/* Where and why a template is wrong, without the "(template:line)" that the message ends with. */
typedef struct SyntaxError {
    const char *message;
    unsigned line, column;
} SyntaxError;

/* Tokens and their texts live in the arena. False: error is set. */
bool lexer_run(Arena *arena, const char *source, size_t length, Tokens *ret, SyntaxError *error);
