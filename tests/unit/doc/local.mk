check_PROGRAMS += check_document check_json
TESTS += check_document check_json
check_document_SOURCES = tests/unit/doc/check_document.c
check_document_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
check_document_LDADD = $(LIBS_DOC) $(CHECK_LIBS)
check_json_SOURCES = tests/unit/doc/check_json.c
check_json_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
check_json_LDADD = $(LIBS_DOC) $(CHECK_LIBS)
