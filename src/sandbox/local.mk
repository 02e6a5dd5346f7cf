noinst_LIBRARIES += libsandbox.a
libsandbox_a_SOURCES = \
	src/sandbox/capabilities.c \
	src/sandbox/mounts.c \
	src/sandbox/pids.c \
	src/sandbox/reason.c \
	src/sandbox/sandbox.c src/sandbox/sandbox.h
EXTRA_DIST += src/sandbox/README.md
