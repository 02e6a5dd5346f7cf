# SPDX-License-Identifier: Apache-2.0
SANDBOX_CHECKS = tests/unit/sandbox/check_escape
check_PROGRAMS += $(SANDBOX_CHECKS)
TESTS += $(SANDBOX_CHECKS)
tests_unit_sandbox_check_escape_CPPFLAGS = $(AM_CPPFLAGS) -DBUILD_DIRECTORY='"$(abs_top_builddir)"'
tests_unit_sandbox_check_escape_LDADD = $(LIBS_BASE) $(TESTS_LDADD_CHECK)
EXTRA_tests_unit_sandbox_check_escape_DEPENDENCIES = kestra-sandbox
