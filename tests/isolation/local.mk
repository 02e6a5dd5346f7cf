# SPDX-License-Identifier: Apache-2.0
check_PROGRAMS += tests/isolation/bench_commit tests/isolation/check_isolation
TESTS += tests/isolation/check_isolation
tests_isolation_bench_commit_LDADD = $(LIBS_STORE)
tests_isolation_check_isolation_SOURCES = tests/isolation/check_isolation.c tests/unit/queue/queue_fixture.c
tests_isolation_check_isolation_CPPFLAGS = $(CPPFLAGS_QUEUE_TEST) -I$(srcdir)/tests/unit/queue
tests_isolation_check_isolation_LDADD = $(LIBS_DATABASE) $(LIBS_STORE) $(TESTS_LDADD_CHECK)
