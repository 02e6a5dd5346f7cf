noinst_LIBRARIES += libwatch.a
libwatch_a_SOURCES = \
	src/watch/flow_directory.c src/watch/flow_directory.h \
	src/watch/watch.c src/watch/watch.h
EXTRA_DIST += src/watch/README.md
