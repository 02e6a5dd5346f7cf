noinst_LIBRARIES += libcli.a
libcli_a_SOURCES = \
	src/cli/client.c src/cli/client.h \
	src/cli/command.h \
	src/cli/execution.c \
	src/cli/flow.c \
	src/cli/kestractl.c src/cli/kestractl.h \
	src/cli/other.c \
	src/cli/output.c \
	src/cli/poison.c \
	src/cli/trigger.c
libcli_a_CFLAGS = $(AM_CFLAGS) $(CURL_CFLAGS)
EXTRA_DIST += src/cli/README.md
