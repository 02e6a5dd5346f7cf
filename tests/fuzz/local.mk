check_PROGRAMS += fuzz_flow
fuzz_flow_SOURCES = tests/fuzz/fuzz_flow.c
fuzz_flow_LDADD = $(LIBS_PLUGIN)
TESTS += tests/fuzz/check-corpus
EXTRA_DIST += tests/fuzz/check-corpus tests/fuzz/corpus
