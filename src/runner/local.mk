noinst_LIBRARIES += librunner.a
librunner_a_SOURCES = src/runner/http_curl.c src/runner/http_curl.h src/runner/mail_curl.c \
	src/runner/mail_curl.h src/runner/runner.c src/runner/runner.h \
	src/runner/sql_drivers.h src/runner/sql_duckdb.c src/runner/sql_postgresql.c src/runner/sql_sqlite.c \
	src/runner/storage_server.c src/runner/storage_server.h
librunner_a_CFLAGS = $(AM_CFLAGS) $(CURL_CFLAGS) $(PQ_CFLAGS) $(SQLITE_CFLAGS)
EXTRA_DIST += src/runner/README.md
LIBS_RUNNER = librunner.a $(LIBS_PLUGIN) $(CURL_LIBS) $(ZLIB_LIBS) $(PQ_LIBS) $(SQLITE_LIBS)
