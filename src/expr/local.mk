noinst_LIBRARIES += libexpr.a
libexpr_a_SOURCES = \
	src/expr/calls.c src/expr/calls.h \
	src/expr/date.c src/expr/date.h \
	src/expr/date_names.c \
	src/expr/date_pattern.c \
	src/expr/date_read.c \
	src/expr/decimal.c src/expr/decimal.h \
	src/expr/encoding.c src/expr/encoding.h \
	src/expr/engine.h \
	src/expr/eval.c \
	src/expr/eval_access.c \
	src/expr/eval_operators.c \
	src/expr/expr.c src/expr/expr.h \
	src/expr/filters/date.c \
	src/expr/filters/encoding.c \
	src/expr/filters/jq.c \
	src/expr/filters/json.c \
	src/expr/filters/list.c \
	src/expr/filters/map.c \
	src/expr/filters/number.c \
	src/expr/filters/regex.c \
	src/expr/filters/text.c \
	src/expr/filters/yaml.c \
	src/expr/functions/crypto.c \
	src/expr/functions/data.c \
	src/expr/functions/date.c \
	src/expr/functions/formats.c \
	src/expr/functions/outside.c \
	src/expr/functions/random.c \
	src/expr/functions/render.c \
	src/expr/ion.c src/expr/ion.h \
	src/expr/java_text.c src/expr/java_text.h \
	src/expr/json_read.c src/expr/json_read.h \
	src/expr/lexer.c src/expr/lexer.h \
	src/expr/methods.c \
	src/expr/number_format.c src/expr/number_format.h \
	src/expr/parser.h \
	src/expr/parser_expression.c \
	src/expr/parser_tags.c \
	src/expr/raw.c \
	src/expr/regex.c src/expr/regex.h \
	src/expr/tests/tests.c \
	src/expr/tree.c \
	src/expr/unicode.c src/expr/unicode.h \
	src/expr/utf16.c src/expr/utf16.h \
	src/expr/value.c src/expr/value.h \
	src/expr/yaml_read.c src/expr/yaml_read.h \
	src/expr/yaml_write.c src/expr/yaml_write.h
libexpr_a_CFLAGS = $(AM_CFLAGS) $(ICU_CFLAGS) $(PCRE2_CFLAGS) $(CRYPTO_CFLAGS) $(YAML_CFLAGS)
EXTRA_DIST += src/expr/README.md
