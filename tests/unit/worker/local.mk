# SPDX-License-Identifier: Apache-2.0
WORKER_CHECKS = tests/unit/worker/check_lines tests/unit/worker/check_worker tests/unit/worker/check_zip
check_PROGRAMS += $(WORKER_CHECKS)
TESTS += $(WORKER_CHECKS)
tests_unit_worker_check_lines_LDADD = libworker.a $(LIBS_BASE) $(TESTS_LDADD_CHECK)
tests_unit_worker_check_worker_CPPFLAGS = $(AM_CPPFLAGS) -DBUILD_DIRECTORY='"$(abs_top_builddir)"'
tests_unit_worker_check_worker_LDADD = libworker.a libplugin.a libblob.a $(LIBS_STORE) $(ZLIB_LIBS) $(CURL_LIBS) -lpthread $(TESTS_LDADD_CHECK)
EXTRA_tests_unit_worker_check_worker_DEPENDENCIES = kestra-run kestra-sandbox
tests_unit_worker_check_zip_LDADD = libplugin.a $(LIBS_BASE) $(ZLIB_LIBS) $(TESTS_LDADD_CHECK)
