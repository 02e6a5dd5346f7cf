# SPDX-License-Identifier: Apache-2.0
check_PROGRAMS += tests/unit/scheduler/check_schedule
TESTS += tests/unit/scheduler/check_schedule
tests_unit_scheduler_check_schedule_LDADD = libscheduler.a libstore.a libqueue.a $(LIBS_PG) $(LIBS_PLUGIN) $(TESTS_LDADD_CHECK)
check_PROGRAMS += tests/unit/scheduler/check_polling
TESTS += tests/unit/scheduler/check_polling
tests_unit_scheduler_check_polling_LDADD = libscheduler.a libstore.a libqueue.a $(LIBS_PG) $(LIBS_PLUGIN) $(TESTS_LDADD_CHECK)
