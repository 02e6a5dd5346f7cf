noinst_LIBRARIES += librunner.a
librunner_a_SOURCES = src/runner/runner.c src/runner/runner.h
EXTRA_DIST += src/runner/README.md
