# SPDX-License-Identifier: Apache-2.0
WORKER_CHECKS_OF_JOBS = tests/unit/worker/check_process tests/unit/worker/check_staging tests/unit/worker/check_worker
WORKER_CHECKS = tests/unit/worker/check_lines $(WORKER_CHECKS_OF_JOBS) tests/unit/worker/check_zip
check_PROGRAMS += $(WORKER_CHECKS)
TESTS += $(WORKER_CHECKS)
tests_unit_worker_check_lines_LDADD = libworker.a $(LIBS_BASE) $(TESTS_LDADD_CHECK)
WORKER_FIXTURE = tests/unit/worker/worker_fixture.c tests/unit/worker/worker_fixture.h
WORKER_FIXTURE_CPPFLAGS = $(AM_CPPFLAGS) -DBUILD_DIRECTORY='"$(abs_top_builddir)"'
WORKER_FIXTURE_LDADD = libworker.a libplugin.a libblob.a $(LIBS_STORE) $(ZLIB_LIBS) $(CURL_LIBS) -lpthread $(TESTS_LDADD_CHECK)
tests_unit_worker_check_process_SOURCES = tests/unit/worker/check_process.c $(WORKER_FIXTURE)
tests_unit_worker_check_process_CPPFLAGS = $(WORKER_FIXTURE_CPPFLAGS)
tests_unit_worker_check_process_LDADD = $(WORKER_FIXTURE_LDADD)
EXTRA_tests_unit_worker_check_process_DEPENDENCIES = kestra-run kestra-sandbox
tests_unit_worker_check_staging_SOURCES = tests/unit/worker/check_staging.c $(WORKER_FIXTURE)
tests_unit_worker_check_staging_CPPFLAGS = $(WORKER_FIXTURE_CPPFLAGS)
tests_unit_worker_check_staging_LDADD = $(WORKER_FIXTURE_LDADD)
EXTRA_tests_unit_worker_check_staging_DEPENDENCIES = kestra-run kestra-sandbox
tests_unit_worker_check_worker_SOURCES = tests/unit/worker/check_worker.c $(WORKER_FIXTURE)
tests_unit_worker_check_worker_CPPFLAGS = $(WORKER_FIXTURE_CPPFLAGS)
tests_unit_worker_check_worker_LDADD = $(WORKER_FIXTURE_LDADD)
EXTRA_tests_unit_worker_check_worker_DEPENDENCIES = kestra-run kestra-sandbox
tests_unit_worker_check_zip_LDADD = libplugin.a $(LIBS_BASE) $(ZLIB_LIBS) $(TESTS_LDADD_CHECK)
