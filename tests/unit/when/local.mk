check_PROGRAMS += check_when
TESTS += check_when
check_when_SOURCES = tests/unit/when/check_when.c
check_when_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
check_when_LDADD = $(LIBS_WHEN) $(LIBS_BASE) $(CHECK_LIBS)
