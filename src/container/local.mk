noinst_LIBRARIES += libcontainer.a
libcontainer_a_SOURCES = src/container/actions.c src/container/archive.c src/container/archive.h src/container/engine.c src/container/engine.h \
	src/container/stream.c src/container/stream.h src/container/sweep.c src/container/talk.c src/container/task.c \
	src/container/task.h src/container/usage.c src/container/usage.h
libcontainer_a_CFLAGS = $(AM_CFLAGS) $(CURL_CFLAGS)
EXTRA_DIST += src/container/README.md
