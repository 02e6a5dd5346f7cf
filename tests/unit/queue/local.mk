# SPDX-License-Identifier: Apache-2.0
CPPFLAGS_QUEUE_TEST = $(AM_CPPFLAGS) -I$(srcdir)/tests/unit/pg -I$(srcdir)/tests/unit/store
QUEUE_CHECKS = tests/unit/queue/check_queue tests/unit/queue/check_queue_pg tests/unit/queue/check_queue_plans
check_PROGRAMS += $(QUEUE_CHECKS)
TESTS += $(QUEUE_CHECKS)
tests_unit_queue_check_queue_SOURCES = tests/unit/queue/check_queue.c tests/unit/queue/queue_fixture.c \
	tests/unit/queue/queue_fixture.h tests/unit/queue/queue_fixture_pg.c
tests_unit_queue_check_queue_CPPFLAGS = $(CPPFLAGS_QUEUE_TEST)
tests_unit_queue_check_queue_LDADD = $(LIBS_DATABASE) $(LIBS_STORE) $(TESTS_LDADD_CHECK)
tests_unit_queue_check_queue_plans_SOURCES = tests/unit/queue/check_queue_plans.c tests/unit/queue/queue_fixture.c
tests_unit_queue_check_queue_plans_CPPFLAGS = $(CPPFLAGS_QUEUE_TEST)
tests_unit_queue_check_queue_plans_LDADD = $(LIBS_DATABASE) $(LIBS_STORE) $(TESTS_LDADD_CHECK)
tests_unit_queue_check_queue_pg_SOURCES = tests/unit/queue/check_queue_pg.c tests/unit/queue/queue_fixture.c
tests_unit_queue_check_queue_pg_CPPFLAGS = $(CPPFLAGS_QUEUE_TEST)
tests_unit_queue_check_queue_pg_LDADD = $(LIBS_DATABASE) $(LIBS_STORE) $(TESTS_LDADD_CHECK)
include tests/isolation/local.mk
