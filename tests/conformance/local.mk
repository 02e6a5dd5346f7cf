noinst_PROGRAMS += cron-eval
cron_eval_SOURCES = tests/conformance/cron-eval.c
cron_eval_LDADD = $(LIBS_WHEN) $(JANSSON_LIBS) $(LIBS_BASE)
EXTRA_DIST += tests/conformance/cron tests/conformance/program.py
