noinst_PROGRAMS += cron-eval expr-eval
cron_eval_SOURCES = tests/conformance/cron-eval.c
cron_eval_LDADD = $(LIBS_WHEN) $(JANSSON_LIBS) $(LIBS_BASE)
expr_eval_SOURCES = tests/conformance/expr-eval.c
expr_eval_LDADD = $(LIBS_EXPR)
EXTRA_DIST += tests/conformance/cron tests/conformance/expressions tests/conformance/program.py
