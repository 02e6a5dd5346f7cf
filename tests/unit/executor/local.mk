# SPDX-License-Identifier: Apache-2.0
check_PROGRAMS += tests/unit/executor/check_step
TESTS += tests/unit/executor/check_step
tests_unit_executor_check_step_SOURCES = tests/unit/executor/check_step.c tests/sim/play.c tests/sim/play.h
tests_unit_executor_check_step_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests -DSTEP_CASES='"$(abs_top_srcdir)/tests/data/step"'
tests_unit_executor_check_step_LDADD = libexecutor.a libplugin.a libblob.a $(LIBS_STORE) $(TESTS_LDADD_CHECK)
