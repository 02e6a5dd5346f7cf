# SPDX-License-Identifier: Apache-2.0
# Each target: a program of its source and of main.c, a folder of the corpus. `make fuzz-targets` makes them all.
FUZZ_TARGETS = fuzz_conf fuzz_control fuzz_expr fuzz_flow fuzz_gateway fuzz_line fuzz_multipart fuzz_request fuzz_server \
	fuzz_step fuzz_storage fuzz_zip
check_PROGRAMS += $(FUZZ_TARGETS)
fuzz-targets: $(FUZZ_TARGETS)
.PHONY: fuzz-targets
FUZZ_MAIN = tests/fuzz/main.c tests/fuzz/fuzz.h
FUZZ_WEB = libweb.a libplugin.a libblob.a $(LIBS_STORE) $(H2O_LIBS) $(CRYPT_LIBS) $(CURL_LIBS) $(ZLIB_LIBS) -lpthread
fuzz_conf_SOURCES = tests/fuzz/fuzz_conf.c $(FUZZ_MAIN)
fuzz_conf_LDADD = $(LIBS_PLUGIN)
fuzz_control_SOURCES = tests/fuzz/fuzz_control.c $(FUZZ_MAIN)
fuzz_control_LDADD = $(LIBS_BASE)
fuzz_expr_SOURCES = tests/fuzz/fuzz_expr.c $(FUZZ_MAIN)
fuzz_expr_LDADD = $(LIBS_EXPR)
fuzz_flow_SOURCES = tests/fuzz/fuzz_flow.c $(FUZZ_MAIN)
fuzz_flow_LDADD = $(LIBS_PLUGIN)
fuzz_gateway_SOURCES = tests/fuzz/fuzz_gateway.c $(FUZZ_MAIN)
fuzz_gateway_LDADD = libworker.a libplugin.a libblob.a $(LIBS_STORE) $(ZLIB_LIBS) $(CURL_LIBS) $(SSL_LIBS) -lpthread
fuzz_line_SOURCES = tests/fuzz/fuzz_line.c $(FUZZ_MAIN)
fuzz_line_LDADD = libworker.a $(LIBS_PLUGIN)
fuzz_multipart_SOURCES = tests/fuzz/fuzz_multipart.c $(FUZZ_MAIN)
fuzz_multipart_LDADD = $(FUZZ_WEB)
fuzz_request_SOURCES = tests/fuzz/fuzz_request.c $(FUZZ_MAIN)
fuzz_request_LDADD = $(FUZZ_WEB)
fuzz_server_SOURCES = tests/fuzz/fuzz_server.c $(FUZZ_MAIN)
fuzz_server_LDADD = $(FUZZ_WEB)
fuzz_step_SOURCES = tests/fuzz/fuzz_step.c tests/sim/play.c tests/sim/play.h $(FUZZ_MAIN)
fuzz_step_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
fuzz_step_LDADD = libexecutor.a libplugin.a libblob.a $(LIBS_STORE)
fuzz_storage_SOURCES = tests/fuzz/fuzz_storage.c $(FUZZ_MAIN)
fuzz_storage_LDADD = $(LIBS_STORAGE)
fuzz_zip_SOURCES = tests/fuzz/fuzz_zip.c $(FUZZ_MAIN)
fuzz_zip_LDADD = $(FUZZ_WEB)
TESTS += tests/fuzz/check-corpus
EXTRA_DIST += tests/fuzz/check-corpus tests/fuzz/corpus tests/fuzz/run
